//! `consign serve`: the functions, an embedded S3, the ingest consumer and the page, in one process.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

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

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot start; said in a sentence.
pub async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    anyhow::bail!("serving on {} is not built yet", args.listen)
}
