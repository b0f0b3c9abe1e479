//! The arguments of `consign serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::s3::S3Args;

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
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            !self.is_dev() || self.listen.ip().is_loopback(),
            "--dev hands out tokens to whoever asks, so it listens on this machine alone, and {} is no address of it: \
             leave --dev out and set the tokens' secret or key as the policy's [auth] says, or listen on 127.0.0.1",
            self.listen
        );
        Ok(())
    }
}
