//! The store behind the functions: the embedded S3, or another.

use std::time::SystemTime;

use anyhow::Context as _;
use consign_aws::{S3Options, S3Store};
use consign_core::config::Config;
use consign_core::policy::Provider;
use consign_core::sigv4::{Addressing, Credentials, Signer, SignerConfig};
use consign_embedded::{EmbeddedS3, Options};
use consign_sql::SqlRepo;

use super::host::{Parts, SystemRandom};
use super::{Environment, STORE_ACCESS_KEY, ServeArgs, dev, listen};

/// What a signature needs to know of a store.
struct Access {
    region: String,
    addressing: Addressing,
    access_key: String,
    secret_key: String,
    session_token: Option<String>,
}

impl Access {
    fn signer(&self, endpoint: Option<&str>) -> anyhow::Result<Signer> {
        let config = SignerConfig {
            endpoint,
            region: &self.region,
            addressing: self.addressing,
            credentials: Credentials {
                access_key: self.access_key.clone(),
                secret_key: self.secret_key.as_str().into(),
                session_token: self.session_token.as_deref().map(Into::into),
                expires_at: None,
            },
        };
        Signer::new(config).context("the store's endpoint or credentials cannot sign")
    }

    fn store(&self, endpoint: Option<&str>) -> S3Store {
        S3Store::new(&S3Options {
            endpoint: endpoint.map(str::to_owned),
            region: self.region.clone(),
            path_style: self.addressing == Addressing::Path,
            access_key: self.access_key.clone(),
            secret_key: self.secret_key.clone(),
            session_token: self.session_token.clone(),
        })
    }
}

/// Starts the embedded S3; its events go on the ingest queue before a client hears of its success.
pub(super) async fn embedded(
    args: &ServeArgs,
    config: &Config,
    repo: SqlRepo,
    cors_origins: Vec<String>,
) -> anyhow::Result<(Parts, consign_embedded::Running)> {
    let secret_key = dev::kept_secret(&args.data.join("store-secret"), &SystemRandom)?;
    let options = Options {
        root: args.data.join("objects"),
        access_key: STORE_ACCESS_KEY.to_owned(),
        secret_key: secret_key.clone(),
        buckets: config
            .policy
            .buckets()
            .into_iter()
            .map(str::to_owned)
            .collect(),
        cors_origins,
    };
    let listener = listen(args.store_listen).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let queue = repo.queue();
    let events = move |notification: String| {
        let queue = queue.clone();
        async move { queue.push(&notification).await.map_err(Into::into) }
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the store takes its clock as an argument; this is it"
    )]
    let running = EmbeddedS3::start(options, listener, events, SystemTime::now)?;
    let access = Access {
        region: config.store.region.clone(),
        addressing: Addressing::Path,
        access_key: STORE_ACCESS_KEY.to_owned(),
        secret_key,
        session_token: None,
    };
    let parts = Parts {
        repo,
        store: access.store(Some(&endpoint)),
        signer: access.signer(Some(&endpoint))?,
        provider: Provider::Embedded,
        endpoint,
    };
    Ok((parts, running))
}

/// Uses another S3. Returns the parts and the endpoint that clients see.
pub(super) async fn external(
    args: &ServeArgs,
    environment: &Environment,
    config: &Config,
    repo: SqlRepo,
) -> anyhow::Result<(Parts, String)> {
    let provider = match (config.store.provider, &args.s3_endpoint) {
        // An endpoint by argument over a policy that says nothing of a store: any S3 server, of which MinIO is one.
        (Provider::Embedded, _) => Provider::Minio,
        (provider @ (Provider::S3 | Provider::Minio | Provider::R2), _) => provider,
    };
    let access = access(environment, config, args)?;
    let endpoint = args
        .s3_endpoint
        .clone()
        .or_else(|| config.store.endpoint.clone());
    let public = args
        .s3_public_endpoint
        .clone()
        .or_else(|| config.store.public_endpoint.clone())
        .or_else(|| endpoint.clone());
    let store = access.store(endpoint.as_deref());
    for bucket in config.policy.buckets() {
        store.ensure_bucket(bucket).await.with_context(|| {
            format!("bucket {bucket} cannot be used; do the endpoint and the credentials fit?")
        })?;
    }
    let parts = Parts {
        repo,
        store,
        signer: access.signer(public.as_deref())?,
        provider,
        endpoint: endpoint.unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", access.region)),
    };
    let public = public.unwrap_or_else(|| parts.endpoint.clone());
    Ok((parts, public))
}

fn access(environment: &Environment, config: &Config, args: &ServeArgs) -> anyhow::Result<Access> {
    let addressing = match (config.store.provider, &args.s3_endpoint) {
        (Provider::Embedded, Some(_)) => Addressing::Path,
        _ => config.store.addressing,
    };
    if let Some(known) = &config.store.credentials {
        return Ok(Access {
            region: config.store.region.clone(),
            addressing,
            access_key: known.access_key.clone(),
            secret_key: known.secret_key.expose().to_owned(),
            session_token: known
                .session_token
                .as_ref()
                .map(|token| token.expose().to_owned()),
        });
    }
    let needed = |name: &str| {
        environment.get(name).with_context(|| {
            format!("{name} is not set; it is needed with another store than the embedded one")
        })
    };
    Ok(Access {
        region: environment
            .get("AWS_REGION")
            .unwrap_or_else(|| config.store.region.clone()),
        addressing,
        access_key: needed("AWS_ACCESS_KEY_ID")?,
        secret_key: needed("AWS_SECRET_ACCESS_KEY")?,
        session_token: environment.get("AWS_SESSION_TOKEN"),
    })
}
