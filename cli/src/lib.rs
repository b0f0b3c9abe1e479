//! The commands of `consign`. Results go to standard output, progress and errors to standard error.

mod bucket;
mod convert;
mod cost;
mod doctor;
mod download;
mod environment;
mod files;
mod hints;
mod out;
mod pairs;
mod presign;
mod profile;
mod server;
mod show;
mod token;
mod upload;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use consign_local::{ServeArgs, serve};

pub use environment::CliEnvironment;
pub use out::is_closed;
use server::ServerArgs;

/// Uploads straight to object storage, converted to Parquet
#[derive(Debug, Parser)]
#[command(
    name = "consign",
    version,
    after_help = "Examples:
  consign serve --dev                            try everything in one local process
  consign upload flights.csv                     upload a file and wait until it is ready
  consign download FILE_ID --variant parquet
  consign convert flights.csv flights.parquet    convert a table to Parquet, without a server
  consign bucket init --s3-endpoint URL          set up another store, such as MinIO
  consign --url https://files.example.org doctor"
)]
pub struct Cli {
    #[command(flatten)]
    server: ServerArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server in one process
    Serve(ServeArgs),
    /// Upload files and wait until they are ready
    Upload(upload::UploadArgs),
    /// Show the status of a file
    Status(files::StatusArgs),
    /// List your files, newest first
    List(files::ListArgs),
    /// Download a file, or one of its outputs
    Download(download::DownloadArgs),
    /// Delete a file
    Delete(files::DeleteArgs),
    /// Convert local tables to Parquet, without a server
    Convert(convert::ConvertArgs),
    /// Calculate what uploads cost on AWS and on Cloudflare, without a network
    Cost(cost::CostArgs),
    /// Create a development token
    Token(token::TokenArgs),
    /// Presign a URL with the credentials of the environment
    Presign(presign::PresignArgs),
    /// Set up the buckets of another store
    Bucket(bucket::BucketArgs),
    /// Check a server and its store, and print advice
    Doctor(doctor::DoctorArgs),
}

/// Runs the command.
///
/// # Errors
/// The error that ended the command, as text for the user.
pub async fn run(cli: Cli, environment: &CliEnvironment) -> anyhow::Result<ExitCode> {
    let client = || cli.server.client(environment);
    match cli.command {
        Command::Serve(args) => serve(args).await.map(|()| ExitCode::SUCCESS),
        Command::Upload(args) => upload::run(args, client()?, environment).await,
        Command::Status(args) => files::status(args, &client()?).await,
        Command::List(args) => files::list(args, &client()?).await,
        Command::Download(args) => download::run(args, &client()?).await,
        Command::Delete(args) => files::delete(args, &client()?).await,
        Command::Convert(args) => convert::run(args).await,
        Command::Cost(args) => cost::run(&args),
        Command::Token(args) => token::run(&args, environment),
        Command::Presign(args) => presign::run(&args),
        Command::Bucket(args) => bucket::run(args).await,
        Command::Doctor(args) => doctor::run(args, &client()?).await,
    }
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
}
