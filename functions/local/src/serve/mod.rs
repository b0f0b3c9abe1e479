//! `consign serve`: the functions, an embedded S3, the ingest consumer and the page, in one process.

mod consumer;
mod dev;
mod host;
mod http;
mod log;
mod metrics;
mod store;
mod welcome;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use consign_core::auth::Authenticator;
use consign_core::config::Config;
use consign_core::policy::Provider;
use consign_sql::SqlRepo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::http::Site;
use crate::commands::{DEV_SECRET_FILE, TOKEN_FILE};
use dev::Session;
use host::{Host, SystemClock, SystemRandom};
use metrics::Metrics;

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A JSON object per line.
    Json,
    /// For people.
    Text,
}

/// Arguments of `consign serve`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  consign serve
  consign serve --listen 0.0.0.0:8080 --data /var/lib/consign --config consign.toml --log json
  AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… consign serve --s3-endpoint http://minio:9000 \\
      --s3-public-endpoint https://files.example.org")]
pub struct ServeArgs {
    /// Where the functions and the page are served
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "CONSIGN_LISTEN"
    )]
    pub listen: SocketAddr,
    /// Where the embedded S3 is served
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:9000",
        env = "CONSIGN_STORE_LISTEN"
    )]
    pub store_listen: SocketAddr,
    /// Where records, objects and development secrets are kept
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".consign",
        env = "CONSIGN_DATA"
    )]
    pub data: PathBuf,
    /// The policy [default: consign.toml here, else the built-in one]
    #[arg(long, value_name = "FILE", env = "CONSIGN_CONFIG")]
    pub config: Option<PathBuf>,
    /// Use this S3 (such as MinIO) instead of the embedded one; credentials from AWS_ACCESS_KEY_ID and so on
    #[arg(long, value_name = "URL", env = "CONSIGN_S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,
    /// The same S3 as browsers reach it [default: the S3 endpoint]
    #[arg(
        long,
        value_name = "URL",
        env = "CONSIGN_S3_PUBLIC_ENDPOINT",
        requires = "s3_endpoint"
    )]
    pub s3_public_endpoint: Option<String>,
    /// How the log is written
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        env = "CONSIGN_LOG"
    )]
    pub log: LogFormat,
    /// Hand out development tokens [default: when listening on this machine only]
    #[arg(long, overrides_with = "no_dev")]
    pub dev: bool,
    /// Hand out no development tokens
    #[arg(long, overrides_with = "dev")]
    pub no_dev: bool,
}

impl ServeArgs {
    /// Whether to run for development: as told, else when only this machine can reach it.
    pub fn is_dev(&self) -> bool {
        self.dev || (!self.no_dev && self.listen.ip().is_loopback())
    }

    /// The policy's file: as told, else `consign.toml` under `cwd` where there is one, else none (the built-in one).
    pub fn config_file(&self, cwd: &Path) -> Option<PathBuf> {
        self.config
            .clone()
            .or_else(|| Some(cwd.join("consign.toml")).filter(|path| path.is_file()))
    }
}

/// The policy of a host that is given none.
const BUILT_IN_CONFIG: &str = include_str!("../../../../consign.toml");
/// The name of the secret in the environment, and of the key in the built-in policy.
const DEV_SECRET: &str = "CONSIGN_DEV_SECRET";
/// The access key of the embedded store.
const STORE_ACCESS_KEY: &str = "consign";

/// Serves until it is told to stop (SIGINT or SIGTERM).
///
/// # Errors
/// When it cannot start; said in a sentence.
pub async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    log::install(args.log);
    let stop = CancellationToken::new();
    let running = start(&args, &Environment::of_process()?, stop.clone()).await?;
    if args.is_dev() {
        eprint!("{}", welcome::text(&running));
    }
    stop_on_signal(stop.clone())?;
    running.wait().await;
    Ok(())
}

/// The environment, read once.
pub struct Environment {
    /// Where `consign.toml` is looked for.
    pub cwd: PathBuf,
    /// The variables.
    pub variables: HashMap<String, String>,
}

impl Environment {
    #[expect(
        clippy::disallowed_methods,
        reason = "here the environment becomes an argument"
    )]
    fn of_process() -> anyhow::Result<Self> {
        Ok(Self {
            cwd: std::env::current_dir().context("there is no working directory")?,
            variables: std::env::vars().collect(),
        })
    }

    fn get(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }
}

/// A host that serves.
#[derive(Debug)]
pub struct Running {
    /// Base URL of the functions.
    pub base_url: String,
    /// The store as clients reach it.
    pub store_url: String,
    /// A token, in development.
    pub token: Option<String>,
    http: JoinHandle<std::io::Result<()>>,
    consumer: JoinHandle<()>,
    store: Option<consign_embedded::Running>,
}

impl Running {
    /// Waits until all has ended after the stop.
    pub async fn wait(self) {
        if let Ok(Err(error)) = self.http.await {
            tracing::error!(%error, "the listener failed");
        }
        if let Err(error) = self.consumer.await {
            tracing::error!(%error, "the consumer broke");
        }
        if let Some(store) = self.store {
            store.shutdown().await;
        }
    }
}

/// Starts everything and comes back once requests are answered.
///
/// # Errors
/// When it cannot start; said in a sentence.
pub async fn start(
    args: &ServeArgs,
    environment: &Environment,
    stop: CancellationToken,
) -> anyhow::Result<Running> {
    // 1. The folder, the secrets and the policy.
    std::fs::create_dir_all(&args.data)
        .with_context(|| format!("{} cannot be made", args.data.display()))?;
    let (config, session) = configure(args, environment)?;
    // 2. The records and the queue.
    let repo = SqlRepo::open(&args.data.join("consign.db"))
        .await
        .context("the database of the records cannot be opened")?;
    // 3. The functions' address, which the store must know to let their page in.
    let listener = listen(args.listen).await?;
    let address = listener.local_addr()?;
    let own = [
        format!("http://{address}"),
        format!("http://localhost:{}", address.port()),
    ];
    let origins: Vec<String> = own.iter().chain(&config.store.origins).cloned().collect();
    // 4. The store: embedded, or another S3.
    let (parts, public_url, store) = if external_endpoint(args, &config).is_some() {
        let (parts, public_url) = store::external(args, environment, &config, repo).await?;
        (parts, public_url, None)
    } else {
        let (parts, running) = store::embedded(args, &config, repo, origins).await?;
        let public_url = parts.endpoint.clone();
        (parts, public_url, Some(running))
    };
    // 5. The functions over HTTP, the consumer and the sweep.
    let authenticator = Authenticator::new(&config.auth)?;
    let token = session
        .as_ref()
        .map(|session| session.token(&SystemClock))
        .transpose()?;
    if let Some(token) = &token {
        dev::write_private(&args.data.join(TOKEN_FILE), token)?;
    }
    let foreign = config.store.origins.clone();
    let host = Arc::new(Host::new(config, authenticator, parts));
    let metrics = Arc::new(Metrics::new()?);
    let site = Arc::new(Site {
        host: Arc::clone(&host),
        metrics: Arc::clone(&metrics),
        session,
        store_origin: public_url.clone(),
    });
    let consumer = tokio::spawn(consumer::run(host, metrics, stop.clone()));
    let served = axum::serve(listener, http::routes(site, &foreign))
        .with_graceful_shutdown(stop.cancelled_owned());
    Ok(Running {
        base_url: format!("http://{address}"),
        store_url: public_url,
        token,
        http: tokio::spawn(served.into_future()),
        consumer,
        store,
    })
}

/// Reads the policy. In development the token secret is made and kept here, so that trying it needs no set-up.
fn configure(
    args: &ServeArgs,
    environment: &Environment,
) -> anyhow::Result<(Config, Option<Session>)> {
    let text = match args.config_file(&environment.cwd) {
        Some(path) => std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display()))?,
        None => BUILT_IN_CONFIG.to_owned(),
    };
    let dev_secret = match (environment.get(DEV_SECRET), args.is_dev()) {
        (None, true) => Some(dev::kept_secret(
            &args.data.join(DEV_SECRET_FILE),
            &SystemRandom,
        )?),
        (Some(_), _) | (None, false) => None,
    };
    let secret = |name: &str| {
        environment
            .get(name)
            .or_else(|| dev_secret.clone().filter(|_| name == DEV_SECRET))
    };
    let config = Config::parse(&text, &secret).context("the policy is wrong")?;
    let session = dev_secret.map(|secret| Session {
        secret,
        issuer: config.auth.issuer.clone(),
        audience: config.auth.audience.clone(),
    });
    Ok((config, session))
}

/// The endpoint of a store that is not ours: by argument first, then by the policy.
fn external_endpoint(args: &ServeArgs, config: &Config) -> Option<String> {
    args.s3_endpoint
        .clone()
        .or_else(|| match config.store.provider {
            Provider::Embedded => None,
            Provider::S3 => Some(config.store.endpoint.clone().unwrap_or_default()),
            Provider::Minio | Provider::R2 => config.store.endpoint.clone(),
        })
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("{address} cannot be listened on; is another consign running? Choose another with --listen or --store-listen")
    })
}

fn stop_on_signal(stop: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        stop.cancel();
    });
    Ok(())
}
