//! The host: rules that an isolate reads once, and ports over the bindings of an invocation.

use std::sync::{Arc, OnceLock};

use consign_cloudflare::{D1Repo, R2Multipart, R2Store, WorkerClock, WorkerQueue, WorkerRandom};
use consign_core::auth::Authenticator;
use consign_core::config::Config;
use consign_core::health::Health;
use consign_core::policy::StoreProvider;
use consign_core::ports::{Clock, Random};
use consign_core::sigv4::{Addressing, Credentials, Signer, SignerConfig};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_host::Rules;
use consign_host::dev::Session;
use worker::{Env, Error};

/// The built-in policy. The variable `CONSIGN_CONFIG` replaces it.
const BUILT_IN_CONFIG: &str = include_str!("../../../consign.toml");
/// The memory that one conversion may use, in bytes. The Worker's total memory stays under 64 MB then. An isolate has
/// 128 MB, and may process more than one file.
const CONVERSION_MEMORY_BYTES: u64 = 24 << 20;
/// The default of `CONSIGN_INGEST_BYTES_MAX`: the size of the largest file that is read whole, in bytes. The largest
/// number of passes over such a file takes less than the five minutes of CPU time of an invocation.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// What an isolate reads once.
pub(crate) struct Isolate {
    rules: Arc<Rules>,
    /// Origins whose pages may call the functions.
    pub(crate) origins: Vec<String>,
    /// The session that creates tokens for the page, in development.
    pub(crate) session: Option<Session>,
}

/// The ports of an invocation.
pub(crate) type Ports = consign_host::Host<System, D1Repo, WorkerQueue, R2Store, R2Multipart>;

/// All ports and rules.
pub(crate) struct Host {
    pub(crate) isolate: Arc<Isolate>,
    /// The ports and rules of the handlers.
    pub(crate) ports: Ports,
    /// The queue of dead letters.
    #[cfg(feature = "ingest")]
    pub(crate) dead_letters: WorkerQueue,
}

/// The runtime's clock and randomness. In development the clock can be set ahead, for tests that would have to wait
/// for leases and probes.
pub(crate) struct System {
    ahead_s: u64,
}

impl System {
    fn open(env: &Env) -> worker::Result<Self> {
        let ahead = variable(env, "CONSIGN_DEV").and(variable(env, "CONSIGN_DEV_AHEAD_S"));
        let ahead_s = ahead.map_or(Ok(0), |text| text.parse());
        let ahead_s = ahead_s
            .map_err(|_| invalid("CONSIGN_DEV_AHEAD_S must be an integer of seconds".to_owned()))?;
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

/// Returns a variable or a secret. The bindings do not distinguish them.
pub(crate) fn variable(env: &Env, name: &str) -> Option<String> {
    let value = env.var(name).ok()?.to_string();
    Some(value).filter(|value| !value.is_empty())
}

impl Isolate {
    fn read(env: &Env) -> worker::Result<Self> {
        let text = variable(env, "CONSIGN_CONFIG");
        let secret = |name: &str| variable(env, name);
        let config = Config::parse(text.as_deref().unwrap_or(BUILT_IN_CONFIG), &secret);
        let config = config.map_err(|error| invalid(format!("invalid policy: {error}")))?;
        // On R2, the functions and the clients use the same endpoint, unless the policy names another.
        let required = |name: &str| {
            variable(env, name).ok_or_else(|| invalid(format!("the variable {name} is not set")))
        };
        let endpoint = match variable(env, "CONSIGN_STORE_ENDPOINT") {
            Some(endpoint) => endpoint,
            None => match (config.store.provider, &config.store.endpoint) {
                (StoreProvider::R2, Some(endpoint)) => endpoint.clone(),
                _ => required("CONSIGN_STORE_ENDPOINT")?,
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
            Some(credentials) => Credentials {
                access_key: credentials.access_key.clone(),
                secret_key: credentials.secret_key.clone(),
                session_token: credentials.session_token.clone(),
                expires_at: None,
            },
            None => Credentials {
                access_key: required("CONSIGN_STORE_ACCESS_KEY")?,
                secret_key: required("CONSIGN_STORE_SECRET_KEY")?.into(),
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
        let signer = signer.map_err(|error| invalid(format!("cannot sign: {error}")))?;
        let authenticator = Authenticator::new(&config.auth);
        let file_bytes_max = match variable(env, "CONSIGN_INGEST_BYTES_MAX") {
            Some(text) => text.parse().map_err(|_| {
                invalid("CONSIGN_INGEST_BYTES_MAX must be an integer of bytes".to_owned())
            })?,
            None => FILE_BYTES_MAX,
        };
        Ok(Self {
            session: session(env, &config),
            rules: Arc::new(Rules {
                authenticator: authenticator.map_err(|error| invalid(error.to_string()))?,
                policy: config.policy,
                provider: StoreProvider::R2,
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

/// Returns the session of the page, in development.
fn session(env: &Env, config: &Config) -> Option<Session> {
    variable(env, "CONSIGN_DEV")?;
    Some(Session {
        secret: variable(env, "CONSIGN_DEV_SECRET").unwrap_or_default(),
        issuer: config.auth.issuer.clone(),
        audience: config.auth.audience.clone(),
    })
}

fn invalid(detail: String) -> Error {
    Error::RustError(detail)
}

impl Host {
    /// Opens the host of one invocation.
    ///
    /// # Errors
    /// If the policy is invalid or a binding is missing. The log has the reason.
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
