//! The store behind the functions: the embedded S3, or another.

use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use consign_core::config::Config;
use consign_core::events::EventSources;
use consign_core::operations::{DAY_S, PARTS_ABORT_DAYS};
use consign_core::policy::StoreProvider;
use consign_core::ports::Clock as _;
use consign_core::sigv4::{Addressing, Credentials};
use consign_embedded::{EmbeddedS3, Options};
use consign_host::System;
use consign_sql::SqlRepo;

use crate::args::ServeArgs;
use crate::host::HostParts;
use crate::listen::listen;
use crate::private;
use crate::s3::{Access, S3};

/// The access key of the embedded store.
const STORE_ACCESS_KEY: &str = "consign";
/// The maximum age of an unfinished multipart upload in the embedded store, as in every other.
const ABORT_PARTS_AFTER: Duration = Duration::from_secs(PARTS_ABORT_DAYS * DAY_S);

/// Starts the embedded S3. Its events are on the ingest queue before a client gets a success.
pub(crate) async fn embedded(
    args: &ServeArgs,
    config: &Config,
    repo: SqlRepo,
    cors_origins: Vec<String>,
) -> anyhow::Result<(HostParts, consign_embedded::Running)> {
    let secret_key = private::stored_secret(&args.data.join("store-secret"), &System)?;
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
        abort_parts_after: ABORT_PARTS_AFTER,
    };
    let listener = listen(args.store_listen).await?;
    let endpoint = format!("http://{}", listener.local_addr()?);
    let queue = repo.queue();
    let events = move |notification: String| {
        let queue = queue.clone();
        async move {
            let sources = EventSources::KNOWN;
            let queued = queue.tell(&sources, &notification, System.now()).await;
            queued.map(drop).map_err(Into::into)
        }
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock argument of the store"
    )]
    let running = EmbeddedS3::start(options, listener, events, SystemTime::now)?;
    let access = Access {
        region: config.store.region.clone(),
        addressing: Addressing::Path,
        credentials: Credentials {
            access_key: STORE_ACCESS_KEY.to_owned(),
            secret_key: secret_key.into(),
            session_token: None,
            expires_at: None,
        },
    };
    let public_endpoint = args.s3.public_endpoint().unwrap_or(endpoint.clone());
    let parts = HostParts {
        repo,
        store: access.store(Some(&endpoint)),
        signer: access.signer(Some(&public_endpoint))?,
        provider: StoreProvider::Embedded,
        public_endpoint,
        endpoint,
    };
    Ok((parts, running))
}

/// Uses another S3, and creates missing buckets.
pub(crate) async fn external(s3: &S3, config: &Config, repo: SqlRepo) -> anyhow::Result<HostParts> {
    let store = s3.store();
    for bucket in config.policy.buckets() {
        store.ensure_bucket(bucket).await.with_context(|| {
            format!("bucket {bucket} cannot be used; check the endpoint and the credentials")
        })?;
    }
    Ok(HostParts {
        repo,
        store,
        signer: s3.access.signer(s3.public_endpoint.as_deref())?,
        provider: s3.provider,
        endpoint: s3.endpoint_url(),
        public_endpoint: s3.public_url(),
    })
}
