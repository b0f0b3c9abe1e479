//! What a function is given: the ports and rules that its handler names, and nothing else.

use consign_core::auth::Authenticator;
use consign_core::config::{Config, StoreConfig};
use consign_core::health::Health;
use consign_core::host::{
    HasAuthenticator, HasBeginMultipart, HasClock, HasEndpoint, HasHealth, HasMemory, HasMultipart,
    HasPolicy, HasProvider, HasQueue, HasRandom, HasRepo, HasSigner, HasStore,
};
use consign_core::policy::{Policy, Provider};
use consign_core::ports::{
    BeginMultipart, Clock, IngestQueue, Multipart, ObjectStore, Random, UploadRepo,
};
use consign_core::sigv4::{Addressing, Credentials, Secret, Signer, SignerConfig};
use consign_core::upload::add_s;
use jiff::Timestamp;

use crate::environment::{Environment, StartError};

/// How long the role's credentials are taken to live, in seconds from the start of the process, where
/// `CONSIGN_CREDENTIALS_S` says nothing else.
///
/// Lambda puts them into the environment when it makes one and does not say when they end. URLs signed with them were
/// seen to die after twelve hours; an environment is retired before that. Half of it is safe for a URL, and longer than
/// environments usually live.
const CREDENTIALS_S: u64 = 6 * 60 * 60;
/// The shortest life of a URL that is worth giving out, in seconds (DESIGN, section 3).
#[cfg(feature = "http")]
const URL_S_MIN: u64 = 120;
/// Memory that the program itself takes, in bytes: code, connections, and the part in flight.
const OWN_MEMORY_BYTES: u64 = 64 << 20;

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others take as an argument"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The system's randomness.
#[derive(Debug, Clone, Copy)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::expect_used,
        reason = "a system without randomness must not go on"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the system gives random bytes");
    }
}

/// Whether a function takes tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// It does, and so it knows the keys.
    Taken,
    /// It does not: their secret is none of its business.
    NotTaken,
}

/// A port that a function does not have.
#[derive(Debug, Clone, Copy)]
pub struct Absent;

/// The rules and ports of one function: records, queue and store are there where it was given them.
#[derive(Debug)]
pub struct Host<R = Absent, Q = Absent, S = Absent> {
    rules: Rules,
    repo: R,
    queue: Q,
    store: S,
}

/// What needs no connection.
#[derive(Debug)]
struct Rules {
    authenticator: Authenticator,
    policy: Policy,
    provider: Provider,
    signer: Signer,
    access: Access,
    memory_bytes: u64,
    health: Health,
    clock: SystemClock,
    random: SystemRandom,
}

/// How to reach the object store.
#[derive(Debug, Clone)]
struct Access {
    /// Where functions reach it; `None` is AWS's own.
    endpoint: Option<String>,
    /// The same, as it is told.
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

/// The credentials of the function's role. Temporary ones end, and every URL with them.
fn of_role(environment: &Environment, now: Timestamp) -> Result<Credentials, StartError> {
    let session_token = environment.get("AWS_SESSION_TOKEN").map(Secret::from);
    let life_s = environment
        .number("CONSIGN_CREDENTIALS_S")?
        .unwrap_or(CREDENTIALS_S);
    Ok(Credentials {
        access_key: environment.needed("AWS_ACCESS_KEY_ID")?.to_owned(),
        secret_key: environment.needed("AWS_SECRET_ACCESS_KEY")?.into(),
        expires_at: session_token.as_ref().map(|_| add_s(now, life_s)),
        session_token,
    })
}

impl Host {
    /// Reads the policy and what is known of the store. Nothing is connected to.
    ///
    /// # Errors
    /// Says what is missing or wrong.
    pub fn new(environment: &Environment, tokens: Tokens) -> Result<Self, StartError> {
        let clock = SystemClock;
        let random = SystemRandom;
        let now = clock.now();
        // 1. The policy.
        let config = read_config(environment, tokens, &random)?;
        // 2. The store. A policy that was written for the one-process host names one that is not here: any S3 server
        //    may stand in for it.
        let mut store = config.store;
        if store.provider == Provider::Embedded {
            store.provider = Provider::Minio;
        }
        let access = Access::read(environment, &store, now)?;
        let public = environment.get("S3_PUBLIC_ENDPOINT");
        let public = public.or(store.public_endpoint.as_deref());
        let signer = access.signer(public.or(access.endpoint.as_deref()))?;
        // 3. Memory for conversions: what the function has beside itself.
        let memory_mb = environment
            .number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?
            .unwrap_or(128);
        let memory_bytes = (memory_mb << 20).saturating_sub(OWN_MEMORY_BYTES) / 2;
        Ok(Self {
            rules: Rules {
                authenticator: Authenticator::new(&config.auth)?,
                policy: config.policy,
                provider: store.provider,
                signer,
                access,
                memory_bytes,
                health: Health::default(),
                clock,
                random,
            },
            repo: Absent,
            queue: Absent,
            store: Absent,
        })
    }
}

/// Reads and checks the policy.
fn read_config(
    environment: &Environment,
    tokens: Tokens,
    random: &SystemRandom,
) -> Result<Config, StartError> {
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
    // In place of a secret that it does not have stands one that nobody knows: no token passes.
    let unknown = |name: &str| secret(name).or_else(|| Some(random.token()));
    let config = match tokens {
        Tokens::Taken => Config::parse(&text, &secret),
        Tokens::NotTaken => Config::parse_with(&text, &unknown, &secret),
    };
    Ok(config?)
}

impl<R, Q, S> Host<R, Q, S> {
    /// The same with these records.
    pub fn with_repo<N: UploadRepo>(self, repo: N) -> Host<N, Q, S> {
        let Self {
            rules,
            queue,
            store,
            ..
        } = self;
        Host {
            rules,
            repo,
            queue,
            store,
        }
    }

    /// The same with this queue.
    pub fn with_queue<N: IngestQueue>(self, queue: N) -> Host<R, N, S> {
        let Self {
            rules, repo, store, ..
        } = self;
        Host {
            rules,
            repo,
            queue,
            store,
        }
    }

    /// The same with this store, or what is left of one for a function that only begins multipart uploads.
    pub fn with_store<N>(self, store: N) -> Host<R, Q, N> {
        let Self {
            rules, repo, queue, ..
        } = self;
        Host {
            rules,
            repo,
            queue,
            store,
        }
    }

    /// The same with the table named by `CONSIGN_TABLE`.
    ///
    /// # Errors
    /// When it, the region or the credentials are not set.
    #[cfg(feature = "records")]
    pub fn with_records(
        self,
        environment: &Environment,
    ) -> Result<Host<consign_aws::DynamoRepo, Q, S>, StartError> {
        let options = options(environment, "AWS_ENDPOINT_URL_DYNAMODB")?;
        let table = environment.needed("CONSIGN_TABLE")?;
        Ok(self.with_repo(consign_aws::DynamoRepo::new(&options, table)))
    }

    /// The same with the queue at `CONSIGN_QUEUE_URL`.
    ///
    /// # Errors
    /// When it, the region or the credentials are not set.
    #[cfg(feature = "queue")]
    pub fn with_jobs(
        self,
        environment: &Environment,
    ) -> Result<Host<R, consign_aws::SqsQueue, S>, StartError> {
        let options = options(environment, "AWS_ENDPOINT_URL_SQS")?;
        let url = environment.needed("CONSIGN_QUEUE_URL")?;
        Ok(self.with_queue(consign_aws::SqsQueue::new(&options, url)))
    }

    /// The same with the objects, by the SDK of S3.
    #[cfg(feature = "store")]
    pub fn with_objects(self) -> Host<R, Q, consign_aws::S3Store> {
        let access = &self.rules.access;
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
        self.with_store(store)
    }

    /// The same with what begins multipart uploads, and does nothing else to objects.
    ///
    /// # Errors
    /// When nothing can be signed for the endpoint that functions talk to.
    #[cfg(feature = "begin")]
    pub fn with_begin(
        self,
    ) -> Result<Host<R, Q, consign_aws::PresignedBegin<SystemClock>>, StartError> {
        let access = &self.rules.access;
        let signer = access.signer(access.endpoint.as_deref())?;
        let begin = consign_aws::PresignedBegin::new(signer, self.rules.clock);
        Ok(self.with_store(begin))
    }

    /// Ends the process where its credentials may end too soon for any URL to be of use: Lambda makes another, and the
    /// one call that this fails comes again.
    #[cfg(feature = "http")]
    pub(crate) fn end_if_outlived(&self) {
        let end = self.rules.access.credentials.expires_at;
        if end.is_some_and(|end| end <= add_s(self.rules.clock.now(), URL_S_MIN)) {
            tracing::error!(
                "the credentials of this process end soon: it ends, to be started with others"
            );
            std::process::exit(1);
        }
    }
}

#[cfg(feature = "queue")]
impl<R, S> Host<R, consign_aws::SqsQueue, S> {
    /// The queue for dead letters at `CONSIGN_DEAD_LETTERS_URL`, where that is set.
    pub fn dead_letters(&self, environment: &Environment) -> Option<consign_aws::DeadLetters> {
        let url = environment.get("CONSIGN_DEAD_LETTERS_URL")?;
        Some(consign_aws::DeadLetters::beside(&self.queue, url))
    }
}

/// How to reach a service of AWS, or what stands in for it at the endpoint that `endpoint` names.
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

impl<R: Send + Sync, Q: Send + Sync, S: Send + Sync> HasClock for Host<R, Q, S> {
    fn clock(&self) -> &impl Clock {
        &self.rules.clock
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: Send + Sync> HasRandom for Host<R, Q, S> {
    fn random(&self) -> &impl Random {
        &self.rules.random
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: Send + Sync> HasAuthenticator for Host<R, Q, S> {
    fn authenticator(&self) -> &Authenticator {
        &self.rules.authenticator
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: Send + Sync> HasPolicy for Host<R, Q, S> {
    fn policy(&self) -> &Policy {
        &self.rules.policy
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: Send + Sync> HasProvider for Host<R, Q, S> {
    fn provider(&self) -> Provider {
        self.rules.provider
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: Send + Sync> HasSigner for Host<R, Q, S> {
    fn signer(&self) -> &Signer {
        &self.rules.signer
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: Send + Sync> HasHealth for Host<R, Q, S> {
    fn health(&self) -> &Health {
        &self.rules.health
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: Send + Sync> HasEndpoint for Host<R, Q, S> {
    fn storage_endpoint(&self) -> &str {
        &self.rules.access.shown
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: Send + Sync> HasMemory for Host<R, Q, S> {
    fn memory_bytes(&self) -> u64 {
        self.rules.memory_bytes
    }
}

impl<R: UploadRepo, Q: Send + Sync, S: Send + Sync> HasRepo for Host<R, Q, S> {
    fn repo(&self) -> &impl UploadRepo {
        &self.repo
    }
}

impl<R: Send + Sync, Q: IngestQueue, S: Send + Sync> HasQueue for Host<R, Q, S> {
    fn queue(&self) -> &impl IngestQueue {
        &self.queue
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: ObjectStore> HasStore for Host<R, Q, S> {
    fn store(&self) -> &impl ObjectStore {
        &self.store
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: BeginMultipart> HasBeginMultipart for Host<R, Q, S> {
    fn begin_multipart(&self) -> &impl BeginMultipart {
        &self.store
    }
}

impl<R: Send + Sync, Q: Send + Sync, S: Multipart> HasMultipart for Host<R, Q, S> {
    fn multipart(&self) -> &impl Multipart {
        &self.store
    }
}
