//! A whole system in memory: the real handlers and the real sweep over ports that fail when they are told to.

use bytes::Bytes;
use consign_core::auth::Authenticator;
use consign_core::host::{
    HasAuthenticator, HasBeginMultipart, HasClock, HasMemory, HasMultipart, HasPolicy, HasProvider,
    HasQueue, HasRandom, HasRepo, HasSigner, HasStore,
};
use consign_core::ids::UploadId;
use consign_core::policy::{MARKER_PREFIX, Policy, StoreProvider};
use consign_core::ports::{
    BeginMultipart, Clock, Fault, IngestQueue, Multipart, ObjectStore, Random, UploadRepo,
};
use consign_core::sigv4::Signer;
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::{Deletion, Upload, UploadState};
use consign_testkit::{
    Faults, Faulty, ManualClock, MemoryQueue, MemoryStore, SeededRandom, sample,
};
use http::Request;
use ingest_on_object_created::sweep::{self, Effort};
use ingest_on_object_created::{Disposition, handle};
use serde_json::Value;

use crate::Ledger;
use crate::configured::{self, BUCKET, OTHER_BUCKET, config};

/// How long a message stays hidden while it is worked on, and before it is tried again, in seconds.
const VISIBILITY_S: u64 = 30;
/// The time that a run of the sweep has, in seconds.
const SWEEP_S: u64 = 60;
/// More rounds than any schedule needs: settling that does not end is a fault.
const ROUNDS_MAX: usize = 10_000;

/// How far [`World::settle`] moves the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Horizon {
    /// To the end of leases and pauses of uploads whose bytes are known to be there.
    Work,
    /// To whatever is due at all, until nothing is: URLs, late looks, retention, purges.
    End,
}

/// What is asked of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Get {
    /// Where it stands.
    Status,
    /// A URL of this variant.
    Download(&'static str),
}

/// The system. Its clock moves only by hand and in [`World::settle`].
#[derive(Debug)]
pub struct World {
    /// The records below their faults.
    pub ledger: Ledger,
    /// The queue below its faults.
    pub messages: MemoryQueue,
    /// The objects below their faults.
    pub objects: MemoryStore,
    /// What goes wrong.
    pub faults: Faults,
    /// The time.
    pub clock: ManualClock,
    repo: Faulty<Ledger>,
    queue: Faulty<MemoryQueue>,
    store: Faulty<MemoryStore>,
    random: SeededRandom,
    policy: Policy,
    authenticator: Authenticator,
    signer: Signer,
}

impl World {
    /// A system with these categories, as the configuration writes them, at [`sample::start`].
    ///
    /// # Errors
    /// What is wrong with the categories.
    pub fn new(categories: &str) -> Result<Self, String> {
        let config = config(categories)?;
        let (ledger, messages, faults) = (Ledger::default(), MemoryQueue::new(), Faults::none());
        let objects = MemoryStore::new([BUCKET, OTHER_BUCKET]);
        Ok(Self {
            repo: Faulty::new(ledger.clone(), faults.clone()),
            queue: Faulty::new(messages.clone(), faults.clone()),
            store: Faulty::new(objects.clone(), faults.clone()),
            ledger,
            messages,
            objects,
            faults,
            clock: ManualClock::new(sample::start()),
            random: SeededRandom::new(7),
            policy: config.policy,
            authenticator: Authenticator::new(&config.auth).map_err(|error| error.to_string())?,
            signer: configured::signer()?,
        })
    }

    /// Goes on with other categories, as after a restart with another configuration.
    ///
    /// # Errors
    /// What is wrong with the categories.
    pub fn reconfigure(&mut self, categories: &str) -> Result<(), String> {
        self.policy = config(categories)?.policy;
        Ok(())
    }

    /// The keys of the bucket, without the marker by which it is known.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        let mut keys = self.objects.keys(BUCKET);
        keys.retain(|key| !key.starts_with(MARKER_PREFIX));
        keys
    }

    /// A request of an owner.
    fn request(
        &self,
        owner: &str,
        body: &Value,
        headers: &[(&str, &str)],
    ) -> Option<Request<Bytes>> {
        let body = Bytes::from(body.to_string());
        configured::request(owner, body, headers, (self.clock.now(), 60))
    }

    /// `POST /files/sign_upload`: the status and the body.
    pub async fn sign(
        &self,
        owner: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> (u16, Value) {
        match self.sign_answer(owner, body, idempotency_key).await {
            Some(response) => answer(&response),
            None => (0, Value::Null),
        }
    }

    /// `POST /files/sign_upload`: the whole answer.
    pub async fn sign_answer(
        &self,
        owner: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Option<http::Response<Bytes>> {
        let key = idempotency_key.map(|key| ("idempotency-key", key));
        let request = self.request(owner, body, key.as_slice())?;
        Some(sign_upload::handle(self, request).await)
    }

    /// `POST /files/confirm`: the status and the body.
    pub async fn confirm(&self, owner: &str, body: &Value) -> (u16, Value) {
        match self.request(owner, body, &[]) {
            Some(request) => answer(&confirm::handle(self, request).await),
            None => (0, Value::Null),
        }
    }

    /// `GET /files`: the status and the body as it came.
    pub async fn list(&self, owner: &str, query: &str) -> (u16, Bytes) {
        let Some(mut request) = self.request(owner, &Value::Null, &[]) else {
            return (0, Bytes::new());
        };
        match format!("/files?{query}").parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_) => return (0, Bytes::new()),
        }
        let response = files::list(self, request).await;
        (response.status().as_u16(), response.into_body())
    }

    /// `GET /files/{id}/status`: the status and the body.
    pub async fn status(&self, owner: &str, file_id: &str) -> (u16, Value) {
        match self.request(owner, &Value::Null, &[]) {
            Some(request) => answer(&status::handle(self, request, file_id).await),
            None => (0, Value::Null),
        }
    }

    /// `DELETE /files/{id}`: the status.
    pub async fn delete(&self, owner: &str, file_id: &str) -> u16 {
        match self.request(owner, &Value::Null, &[]) {
            Some(request) => files::delete(self, request, file_id)
                .await
                .status()
                .as_u16(),
            None => 0,
        }
    }

    /// `GET /files/{id}/{what}` with a query: the status and the body.
    pub async fn get(&self, owner: &str, file_id: &str, what: Get) -> (u16, Value) {
        let Some(mut request) = self.request(owner, &Value::Null, &[]) else {
            return (0, Value::Null);
        };
        match what {
            Get::Status => answer(&status::handle(self, request, file_id).await),
            Get::Download(variant) => {
                if let Ok(uri) = format!("/?variant={variant}").parse() {
                    *request.uri_mut() = uri;
                }
                answer(&download_url::handle(self, request, file_id).await)
            }
        }
    }

    /// One message body for the ingest function.
    pub async fn ingest(&self, body: &str) -> Disposition {
        handle(self, body.as_bytes()).await
    }

    /// One run of the sweep. Whether it could look at all that was due; what a fault kept from it is left to the next.
    pub async fn sweep(&self) -> bool {
        let effort = Effort {
            until: saturating_add_secs(self.clock.now(), SWEEP_S),
            concurrency: 4,
        };
        let swept = sweep::run(self, effort).await;
        swept.is_ok_and(|swept| swept.failed == 0)
    }

    /// Hands every message that is there to the function, and settles it as a host does. How many there were.
    pub async fn deliver(&self) -> usize {
        let messages = self
            .messages
            .receive(self.clock.now(), VISIBILITY_S, usize::MAX);
        for message in &messages {
            match self.ingest(&message.body).await {
                Disposition::Ack => self.messages.ack(message),
                Disposition::DeadLetter(reason) => self.messages.dead(message, reason),
                Disposition::Retry => self.messages.retry(message, self.clock.now(), VISIBILITY_S),
            }
        }
        messages.len()
    }

    /// One run of a sweep that passes on what is much: how many uploads it looked at, and how many it passed on.
    ///
    /// # Errors
    /// What kept it from passing them on.
    pub async fn fan_out(&self) -> Result<(usize, usize), Fault> {
        let effort = Effort {
            until: saturating_add_secs(self.clock.now(), SWEEP_S),
            concurrency: 4,
        };
        let swept = sweep::fan_out(self, effort).await?;
        Ok((swept.examined, swept.passed_on))
    }

    /// Delivers and sweeps, moving the clock as far as the horizon, until nothing is left to do. Whether that ended.
    pub async fn settle(&self, horizon: Horizon) -> bool {
        for _ in 0..ROUNDS_MAX {
            let before = self.ledger.all();
            let delivered = self.deliver().await;
            let is_swept = self.sweep().await;
            if !is_swept || delivered > 0 || self.ledger.all() != before {
                continue;
            }
            match self.next_due(horizon) {
                Some(at) => self.clock.set(at),
                None => return true,
            }
        }
        false
    }

    /// When something is next to do that the horizon takes in.
    fn next_due(&self, horizon: Horizon) -> Option<Timestamp> {
        let now = self.clock.now();
        let retry = (self.messages.depth() > 0).then(|| saturating_add_secs(now, VISIBILITY_S));
        let uploads = self.ledger.all();
        let due = uploads
            .iter()
            .filter(|upload| match horizon {
                Horizon::Work => is_at_work(upload),
                Horizon::End => true,
            })
            .filter_map(|upload| upload.next_check_at);
        due.chain(retry).filter(|at| *at > now).min()
    }

    /// The record of an upload.
    #[must_use]
    pub fn record(&self, id: UploadId) -> Option<Upload> {
        self.ledger.all().into_iter().find(|upload| upload.id == id)
    }

    /// The commits to ready of one upload: the versions, in order.
    #[must_use]
    pub fn commits(&self, id: UploadId) -> Vec<String> {
        let commits = self.ledger.commits().into_iter();
        commits
            .filter(|(of, _)| *of == id)
            .map(|(_, etag)| etag.to_string())
            .collect()
    }
}

fn is_at_work(upload: &Upload) -> bool {
    match upload.state {
        UploadState::Uploaded | UploadState::Confirmed | UploadState::Processing => true,
        UploadState::Deleted => upload.deletion == Some(Deletion::Requested) && !upload.is_lost(),
        UploadState::Pending
        | UploadState::Uploading
        | UploadState::Expired
        | UploadState::Ready
        | UploadState::Failed => false,
    }
}

fn answer(response: &http::Response<Bytes>) -> (u16, Value) {
    let body = serde_json::from_slice(response.body()).unwrap_or(Value::Null);
    (response.status().as_u16(), body)
}

impl HasClock for World {
    fn clock(&self) -> &impl Clock {
        &self.clock
    }
}

impl HasRandom for World {
    fn random(&self) -> &impl Random {
        &self.random
    }
}

impl HasAuthenticator for World {
    fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl HasRepo for World {
    fn repo(&self) -> &impl UploadRepo {
        &self.repo
    }
}

impl HasQueue for World {
    fn queue(&self) -> &impl IngestQueue {
        &self.queue
    }
}

impl HasStore for World {
    fn store(&self) -> &impl ObjectStore {
        &self.store
    }
}

impl HasBeginMultipart for World {
    fn begin_multipart(&self) -> &impl BeginMultipart {
        &self.store
    }
}

impl HasMultipart for World {
    fn multipart(&self) -> &impl Multipart {
        &self.store
    }
}

impl HasPolicy for World {
    fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl HasProvider for World {
    fn provider(&self) -> StoreProvider {
        StoreProvider::Embedded
    }
}

impl HasSigner for World {
    fn signer(&self) -> &Signer {
        &self.signer
    }
}

impl HasMemory for World {
    fn memory_bytes(&self) -> u64 {
        16 << 20
    }
}
