//! The commands of `consign`. Results go to standard output, progress and complaints to standard error.

mod bucket;
mod doctor;
mod download;
mod files;
mod presign;
mod show;
mod token;
mod upload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use reqwest::Url;

use crate::client::Client;
use crate::serve::{ServeArgs, TOKEN_FILE, serve};

/// Upload straight to a bucket; get back checked, profiled Parquet.
#[derive(Debug, Parser)]
#[command(
    name = "consign",
    version,
    after_help = "Examples:
  consign serve --dev                            everything in one process, to try it on this machine
  consign upload flights.csv                     sign, send, confirm, wait until it is ready
  consign download FILE_ID --variant parquet
  consign bucket init --s3-endpoint URL          make another store, such as MinIO, ready
  consign --url https://files.example.org doctor"
)]
pub struct Cli {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

/// Which consign to talk to, and as whom.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// Base address of consign
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "CONSIGN_URL",
        default_value = "http://127.0.0.1:8080"
    )]
    url: String,
    /// Bearer token [default: what `consign serve` left in .consign/token, for a server on this machine]
    #[arg(
        long,
        global = true,
        value_name = "JWT",
        env = "CONSIGN_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run consign in this process
    Serve(ServeArgs),
    /// Upload files and wait until they are ready
    Upload(upload::UploadArgs),
    /// Show where a file stands
    Status(files::StatusArgs),
    /// List your files, newest first
    List(files::ListArgs),
    /// Download a file, or what was made from it
    Download(download::DownloadArgs),
    /// Delete a file
    Delete(files::DeleteArgs),
    /// Make a development token
    Token(token::TokenArgs),
    /// Presign a URL by hand, with the credentials of the environment
    Presign(presign::PresignArgs),
    /// Make the buckets of another store ready
    Bucket(bucket::BucketArgs),
    /// Check a consign and its store, and say what to do
    Doctor(doctor::DoctorArgs),
}

/// What the commands need of the environment, read once.
#[derive(Debug, Clone)]
pub struct Environment {
    /// For what may be lost without harm but had better be kept.
    pub cache: PathBuf,
    /// Where relative paths start.
    pub cwd: PathBuf,
}

impl Environment {
    /// Reads it.
    pub fn read() -> Self {
        let folder = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let cache = folder("XDG_CACHE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))
            .or_else(|| folder("LOCALAPPDATA"))
            .unwrap_or_else(std::env::temp_dir);
        Self {
            cache: cache.join("consign"),
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        }
    }

    /// Where unfinished uploads are remembered.
    fn uploads(&self) -> PathBuf {
        self.cache.join("uploads")
    }
}

impl ServerArgs {
    fn client(&self, environment: &Environment) -> anyhow::Result<Client> {
        let token = self
            .token
            .clone()
            .or_else(|| self.token_of_this_machine(&environment.cwd));
        Ok(Client::new(&self.url, token)?)
    }

    /// A development token goes to this machine only, never to whatever `--url` names.
    fn token_of_this_machine(&self, cwd: &Path) -> Option<String> {
        let url = Url::parse(&self.url).ok()?;
        let host = url
            .host_str()?
            .trim_start_matches('[')
            .trim_end_matches(']');
        let is_here = host == "localhost"
            || host
                .parse()
                .is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
        let text = std::fs::read_to_string(cwd.join(".consign").join(TOKEN_FILE))
            .ok()
            .filter(|_| is_here)?;
        Some(text.trim().to_owned()).filter(|token| !token.is_empty())
    }
}

/// Runs the command.
///
/// # Errors
/// Whatever stopped it, for a person to read.
pub async fn run(cli: Cli, environment: &Environment) -> anyhow::Result<ExitCode> {
    let client = || cli.server.client(environment);
    match cli.command {
        Command::Serve(args) => serve(args).await.map(|()| ExitCode::SUCCESS),
        Command::Upload(args) => upload::run(args, client()?, environment).await,
        Command::Status(args) => files::status(args, &client()?).await,
        Command::List(args) => files::list(args, &client()?).await,
        Command::Download(args) => download::run(args, &client()?).await,
        Command::Delete(args) => files::delete(args, &client()?).await,
        Command::Token(args) => token::run(&args, environment),
        Command::Presign(args) => presign::run(&args),
        Command::Bucket(args) => bucket::run(args).await,
        Command::Doctor(args) => doctor::run(args, &client()?).await,
    }
}

/// The time of this machine: the one place of the command line that asks for it.
#[expect(
    clippy::disallowed_methods,
    reason = "the host reads the clock and hands it on"
)]
fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}

/// Splits `name=value`.
fn name_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        Some(_) | None => Err("must be name=value".to_owned()),
    }
}

/// An absolute path, as it is remembered between runs.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_examples() {
        for command in Cli::command()
            .get_subcommands()
            .filter(|command| command.get_name() != "help")
        {
            let help = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.contains(&format!("consign {}", command.get_name())),
                "{}",
                command.get_name()
            );
        }
    }

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn an_upload_takes_files_labels_and_a_strategy() {
        let line = "consign upload a.csv b.csv --category c --strategy multipart --label service=x --label version=1 \
                    --metadata n=3 --no-wait";
        let Command::Upload(args) = parse(line).unwrap().command else {
            panic!("not an upload")
        };
        let request = args.request("a.csv", 7, None).unwrap();
        let json = serde_json::to_value(&request).unwrap();
        assert_eq!(
            json,
            serde_json::json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": 7, "category": "c",
                "strategy": "multipart", "labels": {"service": "x", "version": "1"}, "metadata": {"n": 3}})
        );
        assert!(parse("consign upload").is_err());
        assert!(parse("consign upload a --strategy carrier-pigeon").is_err());
        assert!(parse("consign upload a --label =x").is_err());
    }

    #[test]
    fn serve_is_for_development_only_where_that_is_asked_for() {
        let is_dev = |line: &str| {
            let Command::Serve(args) = parse(line).unwrap().command else {
                panic!("not serve")
            };
            args.is_dev()
        };
        assert!(!is_dev("consign serve"));
        assert!(!is_dev("consign serve --listen 0.0.0.0:80"));
        assert!(is_dev("consign serve --dev"));
        assert!(is_dev("consign serve --no-dev --dev"));
        assert!(!is_dev("consign serve --no-dev"));
        assert!(!is_dev("consign serve --dev --no-dev"));
    }

    #[test]
    fn a_token_of_this_machine_is_not_sent_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".consign")).unwrap();
        std::fs::write(folder.path().join(".consign").join(TOKEN_FILE), "t0k\n").unwrap();
        let token = |url: &str| {
            let server = ServerArgs {
                url: url.to_owned(),
                token: None,
            };
            server.token_of_this_machine(folder.path())
        };
        assert_eq!(token("http://127.0.0.1:8080").as_deref(), Some("t0k"));
        assert_eq!(token("http://[::1]:1/").as_deref(), Some("t0k"));
        assert_eq!(token("http://localhost").as_deref(), Some("t0k"));
        assert_eq!(token("https://files.example.org"), None);
        assert_eq!(token("http://127.0.0.1.example.org"), None);
    }
}
