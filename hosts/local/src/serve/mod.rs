//! `consign serve`: the functions, an embedded S3, the ingest consumer and the page, in one process.

mod bodies;
mod consumer;
mod dev;
mod events;
mod host;
mod http;
mod limits;
mod log;
mod metrics;
mod private;
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
use consign_sql::SqlRepo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use self::bodies::Bodies;
use self::http::Site;
use crate::s3::{S3, S3Args};
use dev::Session;
use host::{Host, SystemClock, SystemRandom};
use metrics::Metrics;

/// Where a process leaves a token in development, under its data folder.
pub const TOKEN_FILE: &str = "token";
/// Where a process keeps the secret that development tokens are signed with.
pub const DEV_SECRET_FILE: &str = "dev-secret";

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
#[command(
    after_help = "With an S3 endpoint, objects are kept there instead of in the embedded store. Its credentials are S3_ACCESS_KEY and
S3_SECRET_KEY (and S3_SESSION_TOKEN), or AWS_ACCESS_KEY_ID and so on. With S3_EVENT_TOKEN set, MinIO's webhook is taken
at /events/minio from whoever shows that token; `consign bucket init` makes the buckets tell.

Examples:
  consign serve --dev
  consign serve --listen 0.0.0.0:8080 --data /var/lib/consign --config consign.toml --log json
  S3_ACCESS_KEY=… S3_SECRET_KEY=… S3_EVENT_TOKEN=… consign serve --s3-endpoint http://minio:9000 \\
      --s3-public-endpoint https://files.example.org"
)]
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
    /// Another S3 than the embedded one.
    #[command(flatten)]
    pub s3: S3Args,
    /// How the log is written
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        env = "CONSIGN_LOG"
    )]
    pub log: LogFormat,
    /// For development: make up the tokens' secret, and hand out tokens to whoever asks on this machine
    #[arg(long, overrides_with = "no_dev")]
    pub dev: bool,
    /// Not for development; the default
    #[arg(long, overrides_with = "dev")]
    pub no_dev: bool,
}

impl ServeArgs {
    /// Whether to run for development: only where that is asked for.
    pub fn is_dev(&self) -> bool {
        self.dev && !self.no_dev
    }

    /// Tokens for whoever asks are for this machine alone.
    fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            !self.is_dev() || self.listen.ip().is_loopback(),
            "--dev hands out tokens to whoever asks, so it listens on this machine alone, and {} is no address of it: \
             leave --dev out and set the tokens' secret or key as the policy's [auth] says, or listen on 127.0.0.1",
            self.listen
        );
        Ok(())
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
    private::from_now_on();
    let stop = CancellationToken::new();
    let running = start(&args, &Environment::of_process()?, stop.clone()).await?;
    eprint!("{}", welcome::text(&running));
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
    pub(crate) fn of_process() -> anyhow::Result<Self> {
        Ok(Self {
            cwd: std::env::current_dir().context("there is no working directory")?,
            variables: std::env::vars().collect(),
        })
    }

    /// A variable that is set, and not to nothing.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
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
    /// Signed uploads rule copies out, by a header of their own.
    copies_unsigned: bool,
    http: JoinHandle<()>,
    consumer: JoinHandle<()>,
    store: Option<consign_embedded::Running>,
}

impl Running {
    /// Waits until all has ended after the stop.
    pub async fn wait(self) {
        if let Err(error) = self.http.await {
            tracing::error!(%error, "the listener broke");
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
    args.check()?;
    let open_files = consign_listener::raise_open_files();
    private::make(&args.data)?;
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
    let s3 = S3::find(&args.s3, &config.store, &environment.variables)?;
    let (parts, store) = match &s3 {
        Some(s3) => (store::external(s3, &config, repo).await?, None),
        None => {
            let (parts, running) = store::embedded(args, &config, repo, origins).await?;
            (parts, Some(running))
        }
    };
    let public_url = parts.public_endpoint.clone();
    let copies_unsigned = parts.provider.capabilities().copies_unsigned;
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
        bodies: Bodies::new(),
        session,
        store_origin: public_url.clone(),
        event_token: s3.and_then(|s3| s3.event_token),
    });
    let consumer = consumer::start(host, metrics, stop.clone())?;
    let routes = http::routes(site, &foreign);
    let limits = limits::limits(open_files);
    let served = consign_listener::serve(listener, routes, limits, stop);
    Ok(Running {
        base_url: format!("http://{address}"),
        store_url: public_url,
        token,
        copies_unsigned,
        http: tokio::spawn(served),
        consumer,
        store,
    })
}

/// Reads the policy. In development the token secret is made and kept here, so that trying it needs no set-up.
fn configure(
    args: &ServeArgs,
    environment: &Environment,
) -> anyhow::Result<(Config, Option<Session>)> {
    let text = policy_text(args.config.as_deref(), &environment.cwd)?;
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
    let config = Config::parse(&text, &secret).with_context(|| {
        if !args.is_dev() && text.contains(DEV_SECRET) && secret(DEV_SECRET).is_none() {
            "the policy's tokens have no secret here: `consign serve --dev` makes one up, for this machine alone"
        } else {
            "the policy is wrong"
        }
    })?;
    let session = dev_secret.map(|secret| Session {
        secret,
        issuer: config.auth.issuer.clone(),
        audience: config.auth.audience.clone(),
    });
    Ok((config, session))
}

/// The policy: the file told, else `consign.toml` under `cwd` where there is one, else the built-in one.
pub(crate) fn policy_text(told: Option<&Path>, cwd: &Path) -> anyhow::Result<String> {
    let usual = || Some(cwd.join("consign.toml")).filter(|path| path.is_file());
    match told.map(Path::to_owned).or_else(usual) {
        Some(path) => std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display())),
        None => Ok(BUILT_IN_CONFIG.to_owned()),
    }
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
