//! What a function is given: the ports and rules that its handler names, and nothing else.

use std::sync::Arc;

use consign_core::auth::Authenticator;
use consign_core::config::{Config, StoreConfig};
use consign_core::health::Health;
#[cfg(feature = "http")]
use consign_core::host::{HasClock, HasSigner};
use consign_core::policy::Provider;
use consign_core::ports::{Clock as _, Random as _};
use consign_core::sigv4::{Addressing, Credentials, Secret, Signer, SignerConfig};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_host::{Absent, Rules, System};

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
const URL_S_MIN: u32 = 120;
/// Memory that the program itself takes, in bytes: code, connections, and the part in flight.
const OWN_MEMORY_BYTES: u64 = 64 << 20;

/// Whether a function takes tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// It does, and so it knows the keys.
    Taken,
    /// It does not: their secret is none of its business.
    NotTaken,
}

/// What a function is given: the records, queue and objects that it names.
pub type Host<R = Absent, Q = Absent, S = Absent, M = Absent> =
    consign_host::Host<System, R, Q, S, M>;

/// A host under construction, with what reaching its services takes.
#[derive(Debug)]
pub struct Builder<'a, R = Absent, Q = Absent, S = Absent, M = Absent> {
    environment: &'a Environment,
    access: Access,
    host: Host<R, Q, S, M>,
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
        expires_at: session_token
            .as_ref()
            .map(|_| saturating_add_secs(now, life_s)),
        session_token,
    })
}

impl<'a> Builder<'a> {
    /// Reads the policy and what is known of the store. Nothing is connected to.
    ///
    /// # Errors
    /// Says what is missing or wrong.
    pub fn new(environment: &'a Environment, tokens: Tokens) -> Result<Self, StartError> {
        // 1. The policy.
        let config = read_config(environment, tokens)?;
        // 2. The store. A policy that was written for the one-process host names one that is not here: any S3 server
        //    may stand in for it.
        let mut store = config.store;
        if store.provider == Provider::Embedded {
            store.provider = Provider::Minio;
        }
        let access = Access::read(environment, &store, System.now())?;
        let public = environment.get("S3_PUBLIC_ENDPOINT");
        let public = public.or(store.public_endpoint.as_deref());
        let signer = access.signer(public.or(access.endpoint.as_deref()))?;
        // 3. Memory for conversions: what the function has beside itself.
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
    // In place of a secret that it does not have stands one that nobody knows: no token passes.
    let unknown = |name: &str| secret(name).or_else(|| Some(System.token()));
    let config = match tokens {
        Tokens::Taken => Config::parse(&text, &secret),
        Tokens::NotTaken => Config::parse_with(&text, &unknown, &secret),
    };
    Ok(config?)
}

impl<'a, R, Q, S, M> Builder<'a, R, Q, S, M> {
    /// The host.
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

    /// The same with the table named by `CONSIGN_TABLE`.
    ///
    /// # Errors
    /// When it, the region or the credentials are not set.
    #[cfg(feature = "records")]
    pub fn with_records(self) -> Result<Builder<'a, consign_aws::DynamoRepo, Q, S, M>, StartError> {
        let options = options(self.environment, "AWS_ENDPOINT_URL_DYNAMODB")?;
        let table = self.environment.needed("CONSIGN_TABLE")?;
        let repo = consign_aws::DynamoRepo::new(&options, table);
        Ok(self.map(|host| host.with_repo(repo)))
    }

    /// The same with the queue at `CONSIGN_QUEUE_URL`.
    ///
    /// # Errors
    /// When it, the region or the credentials are not set.
    #[cfg(feature = "queue")]
    pub fn with_jobs(self) -> Result<Builder<'a, R, consign_aws::SqsQueue, S, M>, StartError> {
        let options = options(self.environment, "AWS_ENDPOINT_URL_SQS")?;
        let url = self.environment.needed("CONSIGN_QUEUE_URL")?;
        let queue = consign_aws::SqsQueue::new(&options, url);
        Ok(self.map(|host| host.with_queue(queue)))
    }

    /// The same with the objects, by the SDK of S3.
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

    /// The same with what begins multipart uploads, and does nothing else to objects.
    ///
    /// # Errors
    /// When nothing can be signed for the endpoint that functions talk to.
    #[cfg(feature = "begin")]
    pub fn with_begin(
        self,
    ) -> Result<Builder<'a, R, Q, S, consign_aws::PresignedBegin<System>>, StartError> {
        let signer = self.access.signer(self.access.endpoint.as_deref())?;
        let begin = consign_aws::PresignedBegin::new(signer, System);
        Ok(self.map(|host| host.with_multipart(begin)))
    }
}

/// Ends the process where its credentials may end too soon for any URL to be of use: Lambda makes another, and the
/// one call that this fails comes again.
#[cfg(feature = "http")]
pub(crate) fn end_if_outlived(host: &(impl HasSigner + HasClock)) {
    let now = host.clock().now();
    if host.signer().clamp_expiry_s(URL_S_MIN + 1, now) <= URL_S_MIN {
        tracing::error!(
            "the credentials of this process end soon: it ends, to be started with others"
        );
        std::process::exit(1);
    }
}

/// The queue for dead letters at `CONSIGN_DEAD_LETTERS_URL`, where that is set.
#[cfg(feature = "queue")]
pub fn dead_letters(
    queue: &consign_aws::SqsQueue,
    environment: &Environment,
) -> Option<consign_aws::DeadLetters> {
    let url = environment.get("CONSIGN_DEAD_LETTERS_URL")?;
    Some(consign_aws::DeadLetters::beside(queue, url))
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
