//! `consign upload`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use futures_util::{StreamExt as _, stream};
use serde_json::Value;

use crate::environment::{CliEnvironment, absolute};
use crate::hints::HintArgs;
use crate::pairs::name_value;
use crate::show::{Bars, printable, rows};
use consign_client::{Client, File, SignUpload, Status, Strategy, Upload, sha256_base64};

/// The number of files that are uploaded at once.
const FILES_AT_ONCE: usize = 3;

/// Arguments of `consign upload`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "After an interruption, run the same command again to continue.

Examples:
  consign upload flights.csv
  consign upload *.csv --category datasets --label service=billing --metadata source=export
  consign upload huge.csv --strategy multipart --checksum
  consign upload prices.csv --delimiter ';' --decimal , --column article=text --fail-on-rejects
  consign upload photo.png --no-wait"
)]
pub(super) struct UploadArgs {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Category of the policy [default: chosen by the server]
    #[arg(long)]
    category: Option<String>,
    /// Upload strategy [default: chosen by the server]
    #[arg(long, value_name = "put|post|multipart")]
    strategy: Option<Strategy>,
    /// Media type [default: by file extension]
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Collection that the files belong to
    #[arg(long, value_name = "ID")]
    collection: Option<String>,
    /// A label that the policy defines; may be repeated
    #[arg(long = "label", value_name = "NAME=VALUE", value_parser = name_value)]
    labels: Vec<(String, String)>,
    /// Free metadata, a JSON value or otherwise text; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = name_value)]
    metadata: Vec<(String, String)>,
    /// Let the store verify the SHA-256 of the content
    #[arg(long)]
    checksum: bool,
    /// Wait until the files are ready (the default)
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Return once the uploads are confirmed
    #[arg(long, overrides_with = "wait")]
    no_wait: bool,
    /// Fail if a row of a table was rejected. The file is uploaded and converted all the same
    #[arg(long, conflicts_with = "no_wait")]
    fail_on_rejects: bool,
    /// Idempotency key of a single file [default: generated, and saved until the upload is done]
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    #[command(flatten)]
    hints: HintArgs,
}

impl UploadArgs {
    /// Builds the request.
    pub(super) fn request(
        &self,
        filename: &str,
        file_size_bytes: u64,
        checksum_sha256: Option<String>,
    ) -> anyhow::Result<SignUpload> {
        let guess = || {
            mime_guess::from_path(filename)
                .first_or_octet_stream()
                .essence_str()
                .to_owned()
        };
        let value = |text: &str| {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
        };
        let labels = self.labels.iter().cloned();
        let labels = labels.map(|(name, label)| (name, Some(label)));
        let metadata = self.metadata.iter();
        let metadata = metadata.map(|(name, text)| (name.clone(), value(text)));
        Ok(SignUpload {
            filename: filename.to_owned(),
            content_type: Some(self.content_type.clone().unwrap_or_else(guess)),
            file_size_bytes: Some(file_size_bytes),
            category: self.category.clone(),
            checksum_sha256,
            strategy: self.strategy,
            collection_id: self.collection.clone(),
            labels: some(labels.collect()),
            metadata: some(metadata.collect()),
            hints: some(self.hints.read()?),
        })
    }
}

/// Returns `None` for an empty value.
fn some<T: Default + PartialEq>(said: T) -> Option<T> {
    Some(said).filter(|said| *said != T::default())
}

/// Uploads all files, several at once. Fails if one of them failed.
pub(super) async fn run(
    args: UploadArgs,
    client: Client,
    environment: &CliEnvironment,
) -> anyhow::Result<ExitCode> {
    if args.idempotency_key.is_some() && args.files.len() > 1 {
        anyhow::bail!("--idempotency-key needs exactly one file");
    }
    let (bars, uploads, args, client) = (&Bars::new(), &environment.uploads(), &args, &client);
    let mut running = stream::iter(&args.files)
        .map(|path| async move { (path, one(args, client, uploads, path, bars).await) })
        .buffer_unordered(FILES_AT_ONCE);
    let mut failures = 0;
    while let Some((path, outcome)) = running.next().await {
        match outcome {
            Ok(status) => {
                bars.print(&line(path, &status));
                let rejects = status.reject_count.filter(|count| *count > 0);
                if let Some(count) = rejects.filter(|_| args.fail_on_rejects) {
                    failures += 1;
                    bars.print_error(&format!(
                        "{}: rejected rows: {count}; get them by `consign download {} --variant rejects_parquet`",
                        path.display(),
                        status.file_id
                    ));
                }
            }
            Err(error) => {
                failures += 1;
                bars.print_error(&format!("{}: {error:#}", path.display()));
            }
        }
    }
    if failures > 0 && args.files.len() > 1 {
        bars.print_error(&format!("{failures} of {} failed", args.files.len()));
    }
    Ok(if failures == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn one(
    args: &UploadArgs,
    client: &Client,
    resume_folder: &Path,
    path: &Path,
    bars: &Bars,
) -> anyhow::Result<File> {
    let metadata = tokio::fs::metadata(path).await?;
    anyhow::ensure!(metadata.is_file(), "is not a file");
    let path = absolute(path)?;
    let name = path.file_name().context("has no name")?.to_string_lossy();
    let bar = bars.bar(&name, Some(metadata.len()));
    let checksum = if args.checksum {
        bar.note("hashing");
        Some(sha256_base64(&path).await?)
    } else {
        None
    };
    let upload = Upload {
        path: &path,
        request: args.request(&name, metadata.len(), checksum)?,
        idempotency_key: args.idempotency_key.clone(),
        resume_folder,
        is_awaited: !args.no_wait,
    };
    let outcome = client.upload(&upload, &bar).await;
    bar.finish();
    let status = outcome?;
    match status.status {
        Status::Failed | Status::Expired | Status::Deleted => {
            let reason = status
                .reason()
                .unwrap_or_else(|| "no reason given".to_owned());
            anyhow::bail!(
                "{}: {}\n  file id: {}",
                status.status,
                printable(&reason),
                status.file_id
            )
        }
        Status::Ready
        | Status::Pending
        | Status::Uploading
        | Status::Uploaded
        | Status::Confirmed
        | Status::Processing
        | Status::Unknown => Ok(status),
    }
}

/// Returns `file_id`, state, rows and name, separated by tabs.
fn line(path: &Path, status: &File) -> String {
    format!(
        "{}\t{}\t{}\t{}",
        status.file_id,
        status.status,
        rows(status).unwrap_or_else(|| "-".to_owned()),
        path.display()
    )
}
