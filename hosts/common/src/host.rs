//! The ports and rules of a host, and the capabilities that it gives to functions.

use std::sync::Arc;

use consign_core::auth::Authenticator;
use consign_core::health::Health;
use consign_core::host::{
    HasAuthenticator, HasBeginMultipart, HasClock, HasEndpoint, HasHealth, HasMemory, HasMultipart,
    HasPolicy, HasProvider, HasQueue, HasRandom, HasRepo, HasSigner, HasStore,
};
use consign_core::policy::{Policy, StoreProvider};
use consign_core::ports::{
    BeginMultipart, Clock, IngestQueue, Multipart, ObjectStore, Random, UploadRepo,
};
use consign_core::sigv4::Signer;

/// What is read once and needs no connection.
#[derive(Debug)]
pub struct Rules {
    /// The authenticator of bearer tokens.
    pub authenticator: Authenticator,
    /// The policy.
    pub policy: Policy,
    /// The kind of store.
    pub provider: StoreProvider,
    /// The signer for the endpoint that clients use.
    pub signer: Arc<Signer>,
    /// The endpoint that the functions use.
    pub endpoint: String,
    /// The endpoint that clients use.
    pub public_endpoint: String,
    /// The memory that one conversion may use, in bytes.
    pub memory_bytes: u64,
    /// The size of the largest file that is read whole here, in bytes. `None` means any file that the policy accepts.
    pub file_bytes_max: Option<u64>,
    /// The health of the store.
    pub health: Health,
}

/// A port that a function does not have.
#[derive(Debug, Clone, Copy)]
pub struct Absent;

/// The rules and ports of a host, or of one function: `E` is clock and randomness, `R` the records, `Q` the ingest
/// queue, `S` the objects, `M` multipart uploads.
///
/// It has the capability of each port that it was given.
#[derive(Debug, Clone)]
pub struct Host<E, R = Absent, Q = Absent, S = Absent, M = Absent> {
    /// The rules.
    pub rules: Arc<Rules>,
    /// Clock and randomness.
    pub system: E,
    /// The records.
    pub repo: R,
    /// The ingest queue.
    pub queue: Q,
    /// The objects.
    pub store: S,
    /// The multipart uploads.
    pub multipart: M,
}

impl<E> Host<E> {
    /// Creates a host without ports.
    pub fn new(rules: Arc<Rules>, system: E) -> Self {
        Self {
            rules,
            system,
            repo: Absent,
            queue: Absent,
            store: Absent,
            multipart: Absent,
        }
    }
}

impl<E, R, Q, S, M> Host<E, R, Q, S, M> {
    /// Adds the records.
    pub fn with_repo<N>(self, repo: N) -> Host<E, N, Q, S, M> {
        Host {
            rules: self.rules,
            system: self.system,
            repo,
            queue: self.queue,
            store: self.store,
            multipart: self.multipart,
        }
    }

    /// Adds the ingest queue.
    pub fn with_queue<N>(self, queue: N) -> Host<E, R, N, S, M> {
        Host {
            rules: self.rules,
            system: self.system,
            repo: self.repo,
            queue,
            store: self.store,
            multipart: self.multipart,
        }
    }

    /// Adds the objects.
    pub fn with_store<N>(self, store: N) -> Host<E, R, Q, N, M> {
        Host {
            rules: self.rules,
            system: self.system,
            repo: self.repo,
            queue: self.queue,
            store,
            multipart: self.multipart,
        }
    }

    /// Adds the multipart uploads, or only their start for a function that needs no more.
    pub fn with_multipart<N>(self, multipart: N) -> Host<E, R, Q, S, N> {
        Host {
            rules: self.rules,
            system: self.system,
            repo: self.repo,
            queue: self.queue,
            store: self.store,
            multipart,
        }
    }
}

/// The bounds of every port.
pub trait Shared: Send + Sync {}

impl<T: Send + Sync> Shared for T {}

impl<E: Clock, R: Shared, Q: Shared, S: Shared, M: Shared> HasClock for Host<E, R, Q, S, M> {
    fn clock(&self) -> &impl Clock {
        &self.system
    }
}

impl<E: Random, R: Shared, Q: Shared, S: Shared, M: Shared> HasRandom for Host<E, R, Q, S, M> {
    fn random(&self) -> &impl Random {
        &self.system
    }
}

impl<E: Shared, R: UploadRepo, Q: Shared, S: Shared, M: Shared> HasRepo for Host<E, R, Q, S, M> {
    fn repo(&self) -> &impl UploadRepo {
        &self.repo
    }
}

impl<E: Shared, R: Shared, Q: IngestQueue, S: Shared, M: Shared> HasQueue for Host<E, R, Q, S, M> {
    fn queue(&self) -> &impl IngestQueue {
        &self.queue
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: ObjectStore, M: Shared> HasStore for Host<E, R, Q, S, M> {
    fn store(&self) -> &impl ObjectStore {
        &self.store
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: Shared, M: BeginMultipart> HasBeginMultipart
    for Host<E, R, Q, S, M>
{
    fn begin_multipart(&self) -> &impl BeginMultipart {
        &self.multipart
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: Shared, M: Multipart> HasMultipart
    for Host<E, R, Q, S, M>
{
    fn multipart(&self) -> &impl Multipart {
        &self.multipart
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: Shared, M: Shared> HasAuthenticator
    for Host<E, R, Q, S, M>
{
    fn authenticator(&self) -> &Authenticator {
        &self.rules.authenticator
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: Shared, M: Shared> HasPolicy for Host<E, R, Q, S, M> {
    fn policy(&self) -> &Policy {
        &self.rules.policy
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: Shared, M: Shared> HasProvider for Host<E, R, Q, S, M> {
    fn provider(&self) -> StoreProvider {
        self.rules.provider
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: Shared, M: Shared> HasSigner for Host<E, R, Q, S, M> {
    fn signer(&self) -> &Signer {
        &self.rules.signer
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: Shared, M: Shared> HasHealth for Host<E, R, Q, S, M> {
    fn health(&self) -> &Health {
        &self.rules.health
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: Shared, M: Shared> HasEndpoint for Host<E, R, Q, S, M> {
    fn storage_endpoint(&self) -> &str {
        &self.rules.endpoint
    }

    fn storage_public_endpoint(&self) -> &str {
        &self.rules.public_endpoint
    }
}

impl<E: Shared, R: Shared, Q: Shared, S: Shared, M: Shared> HasMemory for Host<E, R, Q, S, M> {
    fn memory_bytes(&self) -> u64 {
        self.rules.memory_bytes
    }

    fn file_bytes_max(&self) -> Option<u64> {
        self.rules.file_bytes_max
    }
}
