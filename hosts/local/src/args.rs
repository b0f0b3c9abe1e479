//! The arguments of `consign serve`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::s3::S3Args;

/// The format of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// A JSON object per line.
    Json,
    /// Text for people.
    Text,
}

/// Arguments of `consign serve`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "With an S3 endpoint, objects are stored there instead of in the embedded store. Its credentials are S3_ACCESS_KEY and
S3_SECRET_KEY (and S3_SESSION_TOKEN), or AWS_ACCESS_KEY_ID and so on. With S3_EVENT_TOKEN set, MinIO's webhook is accepted
at /events/minio with that token; `consign bucket init` makes the buckets send notifications.

Examples:
  consign serve --dev
  consign serve --listen 0.0.0.0:8080 --data /var/lib/consign --config consign.toml --log json
  S3_ACCESS_KEY=… S3_SECRET_KEY=… S3_EVENT_TOKEN=… consign serve --s3-endpoint http://minio:9000 \\
      --s3-public-endpoint https://files.example.org"
)]
pub struct ServeArgs {
    /// The address of the functions and the page
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "CONSIGN_LISTEN"
    )]
    pub listen: SocketAddr,
    /// The address of the embedded S3
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:9000",
        env = "CONSIGN_STORE_LISTEN"
    )]
    pub store_listen: SocketAddr,
    /// The folder of records, objects and development secrets
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
    /// The S3 server to use instead of the embedded one.
    #[command(flatten)]
    pub s3: S3Args,
    /// The format of the log
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        env = "CONSIGN_LOG"
    )]
    pub log: LogFormat,
    /// For development: create a token secret, and issue tokens to every caller on this machine
    #[arg(long, overrides_with = "no_dev")]
    pub dev: bool,
    /// Not for development (the default)
    #[arg(long, overrides_with = "dev")]
    pub no_dev: bool,
}

impl ServeArgs {
    /// Returns whether to run for development, which must be requested.
    pub fn is_dev(&self) -> bool {
        self.dev && !self.no_dev
    }

    /// Checks that development tokens are issued only on this machine.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(
            !self.is_dev() || self.listen.ip().is_loopback(),
            "--dev issues tokens to every caller, so it listens only on this machine, and {} is not a loopback address: \
             leave --dev out and set the tokens' secret or key as the policy's [auth] says, or listen on 127.0.0.1",
            self.listen
        );
        Ok(())
    }
}
