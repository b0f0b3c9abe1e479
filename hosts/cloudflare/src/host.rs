//! What every handler gets here: rules that an isolate reads once, and ports over the bindings of this invocation.

use std::sync::{Arc, OnceLock};

use consign_cloudflare::{D1Repo, R2Multipart, R2Store, WorkerClock, WorkerQueue, WorkerRandom};
use consign_core::auth::Authenticator;
use consign_core::config::Config;
use consign_core::health::Health;
use consign_core::host::{
    HasAuthenticator, HasBeginMultipart, HasClock, HasEndpoint, HasHealth, HasMemory, HasMultipart,
    HasPolicy, HasProvider, HasQueue, HasRandom, HasRepo, HasSigner, HasStore,
};
use consign_core::policy::{Policy, Provider};
use consign_core::ports::{
    BeginMultipart, Clock, IngestQueue, Multipart, ObjectStore, Random, UploadRepo,
};
use consign_core::sigv4::{Addressing, Credentials, Signer, SignerConfig};
use consign_core::upload::add_s;
use jiff::Timestamp;
use worker::{Env, Error};

/// The policy that is built in; a variable `CONSIGN_CONFIG` takes its place.
const BUILT_IN_CONFIG: &str = include_str!("../../../consign.toml");
/// Memory that one conversion may use, in bytes. With what else there is the Worker's memory stays under 64 MB; an isolate
/// has 128 MB, and may work on more than one file.
const CONVERSION_MEMORY_BYTES: u64 = 24 << 20;
/// The largest file that is read whole, in bytes, where `CONSIGN_INGEST_BYTES_MAX` says nothing: as many passes over it as
/// may be needed take less than the five minutes of CPU time that an invocation may have.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// What an isolate reads once.
pub(crate) struct Rules {
    pub(crate) config: Config,
    authenticator: Authenticator,
    signer: Arc<Signer>,
    endpoint: String,
    health: Health,
    file_bytes_max: u64,
    /// The endpoint that browsers reach, for the page.
    pub(crate) public_endpoint: String,
}

/// All ports and rules together.
pub(crate) struct Host {
    pub(crate) rules: Arc<Rules>,
    repo: D1Repo,
    pub(crate) queue: WorkerQueue,
    /// Where messages go that were given up.
    #[cfg(feature = "ingest")]
    pub(crate) dead_letters: WorkerQueue,
    store: R2Store,
    multipart: R2Multipart,
    clock: HostClock,
    random: WorkerRandom,
}

/// The runtime's clock. In development it can be set ahead, for tests that would have to wait for leases and looks to end.
struct HostClock {
    ahead_s: u64,
}

impl HostClock {
    fn open(env: &Env) -> worker::Result<Self> {
        let ahead = variable(env, "CONSIGN_DEV").and(variable(env, "CONSIGN_DEV_AHEAD_S"));
        let ahead_s = ahead.map_or(Ok(0), |text| text.parse());
        let ahead_s =
            ahead_s.map_err(|_| wrong("CONSIGN_DEV_AHEAD_S must be whole seconds".to_owned()))?;
        Ok(Self { ahead_s })
    }
}

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        add_s(WorkerClock.now(), self.ahead_s)
    }
}

/// A variable or a secret; the bindings do not tell them apart.
pub(crate) fn variable(env: &Env, name: &str) -> Option<String> {
    let value = env.var(name).ok()?.to_string();
    Some(value).filter(|value| !value.is_empty())
}

impl Rules {
    fn read(env: &Env) -> worker::Result<Self> {
        let text = variable(env, "CONSIGN_CONFIG");
        let secret = |name: &str| variable(env, name);
        let config = Config::parse(text.as_deref().unwrap_or(BUILT_IN_CONFIG), &secret);
        let config = config.map_err(|error| wrong(format!("the policy is wrong: {error}")))?;
        // The functions' endpoint and the clients' are one on R2, unless the policy says otherwise.
        let needed = |name: &str| {
            variable(env, name).ok_or_else(|| wrong(format!("the variable {name} is not set")))
        };
        let endpoint = match variable(env, "CONSIGN_STORE_ENDPOINT") {
            Some(endpoint) => endpoint,
            None => match (config.store.provider, &config.store.endpoint) {
                (Provider::R2, Some(endpoint)) => endpoint.clone(),
                _ => needed("CONSIGN_STORE_ENDPOINT")?,
            },
        };
        let public_endpoint = match variable(env, "CONSIGN_STORE_ENDPOINT") {
            Some(endpoint) => endpoint,
            None => config
                .store
                .public_endpoint
                .clone()
                .unwrap_or_else(|| endpoint.clone()),
        };
        let credentials = match &config.store.credentials {
            Some(known) => Credentials {
                access_key: known.access_key.clone(),
                secret_key: known.secret_key.clone(),
                session_token: known.session_token.clone(),
                expires_at: None,
            },
            None => Credentials {
                access_key: needed("CONSIGN_STORE_ACCESS_KEY")?,
                secret_key: needed("CONSIGN_STORE_SECRET_KEY")?.into(),
                session_token: None,
                expires_at: None,
            },
        };
        let signer = Signer::new(SignerConfig {
            endpoint: Some(&public_endpoint),
            region: "auto",
            addressing: Addressing::Path,
            credentials,
        });
        let signer = signer.map_err(|error| wrong(format!("nothing can be signed: {error}")))?;
        let authenticator = Authenticator::new(&config.auth);
        Ok(Self {
            authenticator: authenticator.map_err(|error| wrong(error.to_string()))?,
            signer: Arc::new(signer),
            file_bytes_max: match variable(env, "CONSIGN_INGEST_BYTES_MAX") {
                Some(text) => text.parse().map_err(|_| {
                    wrong("CONSIGN_INGEST_BYTES_MAX must be whole bytes".to_owned())
                })?,
                None => FILE_BYTES_MAX,
            },
            endpoint,
            health: Health::default(),
            public_endpoint,
            config,
        })
    }
}

fn wrong(detail: String) -> Error {
    Error::RustError(detail)
}

impl Host {
    /// The host of one invocation.
    ///
    /// # Errors
    /// Where the policy is wrong or a binding is missing; the log says which.
    pub(crate) fn open(env: &Env) -> worker::Result<Self> {
        static RULES: OnceLock<Arc<Rules>> = OnceLock::new();
        let rules = match RULES.get() {
            Some(rules) => Arc::clone(rules),
            None => {
                consign_cloudflare::install_log(variable(env, "CONSIGN_LOG").as_deref());
                let read = Arc::new(Rules::read(env)?);
                Arc::clone(RULES.get_or_init(|| read))
            }
        };
        let store = R2Store::open(env, rules.config.policy.buckets());
        Ok(Self {
            repo: D1Repo::open(env, "DB")?,
            queue: WorkerQueue::open(env, "INGEST")?,
            #[cfg(feature = "ingest")]
            dead_letters: WorkerQueue::open(env, "DEAD")?,
            multipart: R2Multipart::new(store.clone(), Arc::clone(&rules.signer)),
            store,
            rules,
            clock: HostClock::open(env)?,
            random: WorkerRandom,
        })
    }
}

impl HasClock for Host {
    fn clock(&self) -> &impl Clock {
        &self.clock
    }
}

impl HasRandom for Host {
    fn random(&self) -> &impl Random {
        &self.random
    }
}

impl HasAuthenticator for Host {
    fn authenticator(&self) -> &Authenticator {
        &self.rules.authenticator
    }
}

impl HasRepo for Host {
    fn repo(&self) -> &impl UploadRepo {
        &self.repo
    }
}

impl HasQueue for Host {
    fn queue(&self) -> &impl IngestQueue {
        &self.queue
    }
}

impl HasStore for Host {
    fn store(&self) -> &impl ObjectStore {
        &self.store
    }
}

impl HasBeginMultipart for Host {
    fn begin_multipart(&self) -> &impl BeginMultipart {
        &self.multipart
    }
}

impl HasMultipart for Host {
    fn multipart(&self) -> &impl Multipart {
        &self.multipart
    }
}

impl HasPolicy for Host {
    fn policy(&self) -> &Policy {
        &self.rules.config.policy
    }
}

impl HasProvider for Host {
    fn provider(&self) -> Provider {
        Provider::R2
    }
}

impl HasSigner for Host {
    fn signer(&self) -> &Signer {
        &self.rules.signer
    }
}

impl HasHealth for Host {
    fn health(&self) -> &Health {
        &self.rules.health
    }
}

impl HasEndpoint for Host {
    fn storage_endpoint(&self) -> &str {
        &self.rules.endpoint
    }
}

impl HasMemory for Host {
    fn memory_bytes(&self) -> u64 {
        CONVERSION_MEMORY_BYTES
    }

    fn file_bytes_max(&self) -> Option<u64> {
        Some(self.rules.file_bytes_max)
    }
}
