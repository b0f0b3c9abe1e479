//! What every handler gets here: rules that an isolate reads once, and ports over the bindings of this invocation.

use std::sync::{Arc, OnceLock};

use consign_cloudflare::{D1Repo, R2Multipart, R2Store, WorkerClock, WorkerQueue, WorkerRandom};
use consign_core::auth::Authenticator;
use consign_core::config::Config;
use consign_core::health::Health;
use consign_core::policy::Provider;
use consign_core::ports::{Clock, Random};
use consign_core::sigv4::{Addressing, Credentials, Signer, SignerConfig};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_host::Rules;
use consign_host::dev::Session;
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
pub(crate) struct Isolate {
    rules: Arc<Rules>,
    /// Origins whose pages may call the functions.
    pub(crate) origins: Vec<String>,
    /// In development, what mints tokens for the page.
    pub(crate) session: Option<Session>,
}

/// The ports of an invocation.
pub(crate) type Ports = consign_host::Host<System, D1Repo, WorkerQueue, R2Store, R2Multipart>;

/// All ports and rules together.
pub(crate) struct Host {
    pub(crate) isolate: Arc<Isolate>,
    /// What every handler gets.
    pub(crate) ports: Ports,
    /// Where messages go that were given up.
    #[cfg(feature = "ingest")]
    pub(crate) dead_letters: WorkerQueue,
}

/// The runtime's clock and randomness. In development the clock can be set ahead, for tests that would have to wait for leases
/// and looks to end.
pub(crate) struct System {
    ahead_s: u64,
}

impl System {
    fn open(env: &Env) -> worker::Result<Self> {
        let ahead = variable(env, "CONSIGN_DEV").and(variable(env, "CONSIGN_DEV_AHEAD_S"));
        let ahead_s = ahead.map_or(Ok(0), |text| text.parse());
        let ahead_s =
            ahead_s.map_err(|_| wrong("CONSIGN_DEV_AHEAD_S must be whole seconds".to_owned()))?;
        Ok(Self { ahead_s })
    }
}

impl Clock for System {
    fn now(&self) -> Timestamp {
        saturating_add_secs(WorkerClock.now(), self.ahead_s)
    }
}

impl Random for System {
    fn fill(&self, buffer: &mut [u8]) {
        WorkerRandom.fill(buffer);
    }
}

/// A variable or a secret; the bindings do not tell them apart.
pub(crate) fn variable(env: &Env, name: &str) -> Option<String> {
    let value = env.var(name).ok()?.to_string();
    Some(value).filter(|value| !value.is_empty())
}

impl Isolate {
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
        let file_bytes_max = match variable(env, "CONSIGN_INGEST_BYTES_MAX") {
            Some(text) => text
                .parse()
                .map_err(|_| wrong("CONSIGN_INGEST_BYTES_MAX must be whole bytes".to_owned()))?,
            None => FILE_BYTES_MAX,
        };
        Ok(Self {
            session: session(env, &config),
            rules: Arc::new(Rules {
                authenticator: authenticator.map_err(|error| wrong(error.to_string()))?,
                policy: config.policy,
                provider: Provider::R2,
                signer: Arc::new(signer),
                endpoint,
                public_endpoint,
                memory_bytes: CONVERSION_MEMORY_BYTES,
                file_bytes_max: Some(file_bytes_max),
                health: Health::default(),
            }),
            origins: config.store.origins,
        })
    }
}

/// The session of the page, where this is for development.
fn session(env: &Env, config: &Config) -> Option<Session> {
    variable(env, "CONSIGN_DEV")?;
    Some(Session {
        secret: variable(env, "CONSIGN_DEV_SECRET").unwrap_or_default(),
        issuer: config.auth.issuer.clone(),
        audience: config.auth.audience.clone(),
    })
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
        static ISOLATE: OnceLock<Arc<Isolate>> = OnceLock::new();
        let isolate = match ISOLATE.get() {
            Some(isolate) => Arc::clone(isolate),
            None => {
                consign_cloudflare::install_log(variable(env, "CONSIGN_LOG").as_deref());
                let read = Arc::new(Isolate::read(env)?);
                Arc::clone(ISOLATE.get_or_init(|| read))
            }
        };
        let rules = Arc::clone(&isolate.rules);
        let store = R2Store::open(env, rules.policy.buckets());
        let multipart = R2Multipart::new(store.clone(), Arc::clone(&rules.signer));
        let ports = consign_host::Host::new(rules, System::open(env)?)
            .with_repo(D1Repo::open(env, "DB")?)
            .with_queue(WorkerQueue::open(env, "INGEST")?)
            .with_store(store)
            .with_multipart(multipart);
        Ok(Self {
            isolate,
            ports,
            #[cfg(feature = "ingest")]
            dead_letters: WorkerQueue::open(env, "DEAD")?,
        })
    }
}
