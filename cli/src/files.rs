//! `consign status`, `list` and `delete`.

use std::process::ExitCode;

use clap::Args;

use crate::show::{Bars, printable, rows, size};
use crate::{out, profile};
use consign_client::{Client, File, ListFiles, Status};

/// Arguments of `consign status`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Exits with 1 if the file has failed or expired.

Examples:
  consign status FILE_ID
  consign status FILE_ID --profile
  consign status FILE_ID --wait --json | jq .row_count")]
pub(super) struct StatusArgs {
    /// The file id
    file_id: String,
    /// Wait until the file is ready or has failed
    #[arg(long)]
    wait: bool,
    /// Show what was found in each column of a table
    #[arg(long, conflicts_with = "json")]
    profile: bool,
    /// Print the answer of the server as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn status(args: StatusArgs, client: &Client) -> anyhow::Result<ExitCode> {
    let bars = Bars::new();
    let bar = bars.bar(&args.file_id, None);
    let outcome = client.watch(&args.file_id, args.wait, &bar).await;
    bar.finish();
    let status = outcome?;
    if args.json {
        out::line(serde_json::to_string_pretty(&status)?)?;
    } else {
        out::line(status_text(&status))?;
    }
    if args.profile {
        out::line("")?;
        for line in profile::lines(client, &args.file_id).await? {
            out::line(line)?;
        }
    }
    let is_bad = status.status == Status::Failed || status.status == Status::Expired;
    Ok(if is_bad {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Returns a line for each fact that is known.
fn status_text(file: &File) -> String {
    let facts = [
        ("file", Some(file.file_id.clone())),
        ("name", Some(file.filename.clone())),
        ("status", Some(file.status.to_string())),
        ("category", Some(file.category.clone())),
        ("size", file.file_size_bytes.map(size)),
        ("rows", rows(file)),
        ("uploaded", file.uploaded_at.clone()),
        ("processed", file.processed_at.clone()),
        ("error", file.reason()),
    ];
    let known = facts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
    let lines = known.map(|(name, value)| format!("{name:<10} {}", printable(&value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// Arguments of `consign list`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  consign list
  consign list --status failed --limit 500
  consign list --all --json | jq -r '.[].file_id'")]
pub(super) struct ListArgs {
    /// The most files; with --all, the page size
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=500))]
    limit: u16,
    /// List all pages
    #[arg(long)]
    all: bool,
    /// Only files in this state
    #[arg(long, value_name = "STATE")]
    status: Option<String>,
    /// Only files of this category
    #[arg(long)]
    category: Option<String>,
    /// Only files of this collection
    #[arg(long, value_name = "ID")]
    collection: Option<String>,
    /// Print the answer of the server as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn list(args: ListArgs, client: &Client) -> anyhow::Result<ExitCode> {
    let mut filter = ListFiles {
        limit: args.limit,
        cursor: None,
        status: args.status,
        category: args.category,
        collection_id: args.collection,
    };
    let mut files = Vec::new();
    loop {
        let page = client.list(&filter).await?;
        files.extend(page.files);
        filter.cursor = page.next_cursor;
        if !args.all || filter.cursor.is_none() {
            break;
        }
    }
    if args.json {
        out::line(serde_json::to_string_pretty(&files)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    for file in files {
        let file = file.file;
        let rows = file
            .row_count
            .map_or_else(|| "-".to_owned(), |rows| rows.to_string());
        let bytes = file.file_size_bytes.map_or_else(|| "-".to_owned(), size);
        let name = printable(&file.filename);
        out::line(format_args!(
            "{}  {:<10}  {bytes:>11}  {rows:>10}  {name}",
            file.file_id, file.status
        ))?;
    }
    if filter.cursor.is_some() {
        eprintln!("more files exist; use --all to list them");
    }
    Ok(ExitCode::SUCCESS)
}

/// Arguments of `consign delete`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "The object moves to the trash and is purged later, as the policy defines.

Examples:
  consign delete FILE_ID"
)]
pub(super) struct DeleteArgs {
    /// The file ids
    #[arg(required = true, value_name = "FILE_ID")]
    file_ids: Vec<String>,
}

pub(super) async fn delete(args: DeleteArgs, client: &Client) -> anyhow::Result<ExitCode> {
    for file_id in &args.file_ids {
        client.delete(file_id).await?;
        out::line(format_args!("{file_id}\tdeleted"))?;
    }
    Ok(ExitCode::SUCCESS)
}
