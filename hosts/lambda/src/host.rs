//! Builds the host of a function: only the ports and rules that its handler names.

use std::sync::Arc;

use consign_core::auth::Authenticator;
use consign_core::config::{Config, StoreConfig};
use consign_core::health::Health;
#[cfg(feature = "http")]
use consign_core::host::{HasClock, HasSigner};
use consign_core::policy::StoreProvider;
use consign_core::ports::{Clock as _, Random as _};
use consign_core::sigv4::{Addressing, Credentials, Secret, Signer, SignerConfig};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_host::{Absent, Rules, System};

use crate::environment::{Environment, StartError};

/// How long the role's credentials are assumed to be valid, in seconds from the start of the process. The default of
/// `CONSIGN_CREDENTIALS_S`.
///
/// Lambda puts the credentials into the environment when it creates one, and does not say when they expire. URLs
/// signed with them were observed to expire after twelve hours, and an environment is retired before that. Half of it
/// is safe for a URL, and longer than environments usually live.
const CREDENTIALS_S: u64 = 6 * 60 * 60;
/// The shortest useful life of a URL, in seconds (DESIGN, section 3).
#[cfg(feature = "http")]
const URL_S_MIN: u32 = 120;
/// The memory that the program itself takes, in bytes: code, connections, and the part in flight.
const OWN_MEMORY_BYTES: u64 = 64 << 20;

/// Whether a function accepts tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// It does, and has the keys.
    Taken,
    /// It does not, and has no access to the keys.
    NotTaken,
}

/// The host of a function: the records, queue and objects that it names.
pub type Host<R = Absent, Q = Absent, S = Absent, M = Absent> =
    consign_host::Host<System, R, Q, S, M>;

/// A host under construction, with what is needed to reach its services.
#[derive(Debug)]
pub struct Builder<'a, R = Absent, Q = Absent, S = Absent, M = Absent> {
    environment: &'a Environment,
    access: Access,
    host: Host<R, Q, S, M>,
}

/// How to reach the object store.
#[derive(Debug, Clone)]
struct Access {
    /// The endpoint for the functions. `None` means AWS's own.
    endpoint: Option<String>,
    /// The endpoint as it is displayed.
    shown: String,
    region: String,
    addressing: Addressing,
    credentials: Credentials,
}

impl Access {
    fn read(
        environment: &Environment,
        store: &StoreConfig,
        now: Timestamp,
    ) -> Result<Self, StartError> {
        let region = environment
            .get("AWS_REGION")
            .unwrap_or(&store.region)
            .to_owned();
        let named = environment.get("AWS_ENDPOINT_URL_S3").map(str::to_owned);
        let endpoint = named.or_else(|| store.endpoint.clone());
        let shown = endpoint
            .clone()
            .unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"));
        let credentials = match &store.credentials {
            Some(own) => Credentials {
                access_key: own.access_key.clone(),
                secret_key: own.secret_key.clone(),
                session_token: own.session_token.clone(),
                expires_at: None,
            },
            None => of_role(environment, now)?,
        };
        Ok(Self {
            endpoint,
            shown,
            region,
            addressing: store.addressing,
            credentials,
        })
    }

    fn signer(&self, endpoint: Option<&str>) -> Result<Signer, StartError> {
        Ok(Signer::new(SignerConfig {
            endpoint,
            region: &self.region,
            addressing: self.addressing,
            credentials: self.credentials.clone(),
        })?)
    }
}

/// Returns the credentials of the function's role. Temporary credentials expire, and every URL with them.
fn of_role(environment: &Environment, now: Timestamp) -> Result<Credentials, StartError> {
    let session_token = environment.get("AWS_SESSION_TOKEN").map(Secret::from);
    let life_s = environment
        .number("CONSIGN_CREDENTIALS_S")?
        .unwrap_or(CREDENTIALS_S);
    Ok(Credentials {
        access_key: environment.needed("AWS_ACCESS_KEY_ID")?.to_owned(),
        secret_key: environment.needed("AWS_SECRET_ACCESS_KEY")?.into(),
        expires_at: session_token
            .as_ref()
            .map(|_| saturating_add_secs(now, life_s)),
        session_token,
    })
}

impl<'a> Builder<'a> {
    /// Reads the policy and the store's configuration. Connects to nothing.
    ///
    /// # Errors
    /// If something is missing or invalid.
    pub fn new(environment: &'a Environment, tokens: Tokens) -> Result<Self, StartError> {
        // 1. The policy.
        let config = read_config(environment, tokens)?;
        // 2. The store. A policy for the one-process host names the embedded store, which does not exist here. Any S3
        // server may replace it.
        let mut store = config.store;
        if store.provider == StoreProvider::Embedded {
            store.provider = StoreProvider::Minio;
        }
        let access = Access::read(environment, &store, System.now())?;
        let public = environment.get("S3_PUBLIC_ENDPOINT");
        let public = public.or(store.public_endpoint.as_deref());
        let signer = access.signer(public.or(access.endpoint.as_deref()))?;
        // 3. The memory for conversions: what is left of the function's memory.
        let memory_mb = environment
            .number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?
            .unwrap_or(128);
        let rules = Rules {
            authenticator: Authenticator::new(&config.auth)?,
            policy: config.policy,
            provider: store.provider,
            signer: Arc::new(signer),
            endpoint: access.shown.clone(),
            public_endpoint: public.map_or_else(|| access.shown.clone(), str::to_owned),
            memory_bytes: (memory_mb << 20).saturating_sub(OWN_MEMORY_BYTES) / 2,
            file_bytes_max: None,
            health: Health::default(),
        };
        Ok(Self {
            environment,
            access,
            host: Host::new(Arc::new(rules), System),
        })
    }
}

/// Reads and checks the policy.
fn read_config(environment: &Environment, tokens: Tokens) -> Result<Config, StartError> {
    let path = match (
        environment.get("CONSIGN_CONFIG"),
        environment.get("LAMBDA_TASK_ROOT"),
    ) {
        (Some(path), _) => path.to_owned(),
        (None, Some(root)) => format!("{root}/consign.toml"),
        (None, None) => "consign.toml".to_owned(),
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(StartError::Unreadable { path, source }),
    };
    let secret = |name: &str| environment.get(name).map(str::to_owned);
    // Without access to a secret, a random one replaces it, and no token is valid.
    let unknown = |name: &str| secret(name).or_else(|| Some(System.token()));
    let config = match tokens {
        Tokens::Taken => Config::parse(&text, &secret),
        Tokens::NotTaken => Config::parse_with(&text, &unknown, &secret),
    };
    Ok(config?)
}

impl<'a, R, Q, S, M> Builder<'a, R, Q, S, M> {
    /// Builds the host.
    pub fn build(self) -> Host<R, Q, S, M> {
        self.host
    }

    fn map<R2, Q2, S2, M2>(
        self,
        with: impl FnOnce(Host<R, Q, S, M>) -> Host<R2, Q2, S2, M2>,
    ) -> Builder<'a, R2, Q2, S2, M2> {
        Builder {
            environment: self.environment,
            access: self.access,
            host: with(self.host),
        }
    }

    /// Adds the table of `CONSIGN_TABLE`.
    ///
    /// # Errors
    /// If it, the region or the credentials are not set.
    #[cfg(feature = "records")]
    pub fn with_records(self) -> Result<Builder<'a, consign_aws::DynamoRepo, Q, S, M>, StartError> {
        let options = options(self.environment, "AWS_ENDPOINT_URL_DYNAMODB")?;
        let table = self.environment.needed("CONSIGN_TABLE")?;
        let repo = consign_aws::DynamoRepo::new(&options, table);
        Ok(self.map(|host| host.with_repo(repo)))
    }

    /// Adds the queue of `CONSIGN_QUEUE_URL`.
    ///
    /// # Errors
    /// If it, the region or the credentials are not set.
    #[cfg(feature = "queue")]
    pub fn with_jobs(self) -> Result<Builder<'a, R, consign_aws::SqsQueue, S, M>, StartError> {
        let options = options(self.environment, "AWS_ENDPOINT_URL_SQS")?;
        let url = self.environment.needed("CONSIGN_QUEUE_URL")?;
        let queue = consign_aws::SqsQueue::new(&options, url);
        Ok(self.map(|host| host.with_queue(queue)))
    }

    /// Adds the objects, over the SDK of S3.
    #[cfg(feature = "store")]
    pub fn with_objects(self) -> Builder<'a, R, Q, consign_aws::S3Store, consign_aws::S3Store> {
        let access = &self.access;
        let Credentials {
            access_key,
            secret_key,
            session_token,
            ..
        } = &access.credentials;
        let store = consign_aws::S3Store::new(&consign_aws::S3Options {
            endpoint: access.endpoint.clone(),
            region: access.region.clone(),
            path_style: access.addressing == Addressing::Path,
            access_key: access_key.clone(),
            secret_key: secret_key.expose().to_owned(),
            session_token: session_token
                .as_ref()
                .map(|token| token.expose().to_owned()),
        });
        self.map(|host| host.with_multipart(store.clone()).with_store(store))
    }

    /// Adds the start of multipart uploads, without other access to objects.
    ///
    /// # Errors
    /// If no request can be signed for the functions' endpoint.
    #[cfg(feature = "begin")]
    pub fn with_begin(
        self,
    ) -> Result<Builder<'a, R, Q, S, consign_aws::PresignedBegin<System>>, StartError> {
        let signer = self.access.signer(self.access.endpoint.as_deref())?;
        let begin = consign_aws::PresignedBegin::new(signer, System);
        Ok(self.map(|host| host.with_multipart(begin)))
    }
}

/// Ends the process if its credentials may expire too soon for any URL to be useful. Lambda starts another process,
/// and the client repeats the call that fails.
#[cfg(feature = "http")]
pub(crate) fn end_if_outlived(host: &(impl HasSigner + HasClock)) {
    let now = host.clock().now();
    if host.signer().clamp_expiry_s(URL_S_MIN + 1, now) <= URL_S_MIN {
        tracing::error!(
            "the credentials of this process expire soon; it ends and is started with new ones"
        );
        std::process::exit(1);
    }
}

/// Returns the queue of dead letters at `CONSIGN_DEAD_LETTERS_URL`, if that is set.
#[cfg(feature = "queue")]
pub fn dead_letters(
    queue: &consign_aws::SqsQueue,
    environment: &Environment,
) -> Option<consign_aws::DeadLetters> {
    let url = environment.get("CONSIGN_DEAD_LETTERS_URL")?;
    Some(consign_aws::DeadLetters::beside(queue, url))
}

/// Returns how to reach a service of AWS, or a replacement at the endpoint that `endpoint` names.
#[cfg(any(feature = "records", feature = "queue"))]
fn options(
    environment: &Environment,
    endpoint: &str,
) -> Result<consign_aws::AwsOptions, StartError> {
    Ok(consign_aws::AwsOptions {
        endpoint: environment.get(endpoint).map(str::to_owned),
        region: environment.needed("AWS_REGION")?.to_owned(),
        access_key: environment.needed("AWS_ACCESS_KEY_ID")?.to_owned(),
        secret_key: environment.needed("AWS_SECRET_ACCESS_KEY")?.to_owned(),
        session_token: environment.get("AWS_SESSION_TOKEN").map(str::to_owned),
    })
}
