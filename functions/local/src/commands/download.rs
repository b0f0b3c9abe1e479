//! `consign download`: beside its final name first, then renamed; nothing is overwritten unasked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::io::AsyncWriteExt as _;

use super::show::{Bars, FileBar};
use crate::client::{Client, Observer as _, Variant, safe_file_name};

/// A download that brings nothing for so long is given up.
const STALL: Duration = Duration::from_secs(60);

/// Arguments of `consign download`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  consign download FILE_ID
  consign download FILE_ID --variant parquet -o flights.parquet
  consign download FILE_ID --variant profile -o - | jq .columns")]
pub(super) struct DownloadArgs {
    /// The file
    file_id: String,
    /// What of it
    #[arg(long, value_enum, default_value = "original")]
    variant: Variant,
    /// Where to: a file, a folder, or - for standard output [default: the file's own name, here]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Overwrite
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(args: DownloadArgs, client: &Client) -> anyhow::Result<ExitCode> {
    let signed = client.download_url(&args.file_id, args.variant).await?;
    let name = safe_file_name(
        signed.filename.as_deref().unwrap_or_default(),
        &safe_file_name(&args.file_id, ""),
    );
    let bars = Bars::new();
    if args.output.as_deref() == Some(Path::new("-")) {
        let bar = bars.bar(&name, None);
        copy(client, &signed.url, &mut tokio::io::stdout(), &bar).await?;
        bar.finish();
        return Ok(ExitCode::SUCCESS);
    }
    let target = target(args.output, &name);
    if !args.force && target.try_exists()? {
        anyhow::bail!(
            "{} is there already: --force overwrites it",
            target.display()
        );
    }
    let aside = aside(&target)?;
    let bar = bars.bar(&name, None);
    let outcome = to_file(client, &signed.url, &aside, &bar).await;
    bar.finish();
    let published = match outcome {
        Ok(()) => publish(&aside, &target, args.force),
        Err(error) => Err(error),
    };
    if published.is_err() {
        // The download failed; what is left of it is of no use.
        let _ = std::fs::remove_file(&aside);
    }
    published?;
    println!("{}", target.display());
    Ok(ExitCode::SUCCESS)
}

/// The final path: as told, in the folder told, or here.
fn target(output: Option<PathBuf>, name: &str) -> PathBuf {
    match output {
        None => PathBuf::from(name),
        Some(path) if path.is_dir() => path.join(name),
        Some(path) => path,
    }
}

fn aside(target: &Path) -> anyhow::Result<PathBuf> {
    let mut name = target
        .file_name()
        .with_context(|| format!("{} is no file", target.display()))?
        .to_owned();
    name.push(".part");
    Ok(target.with_file_name(name))
}

/// Gives the complete file its name; without `is_forced` a hard link refuses to replace one that came in between.
fn publish(aside: &Path, target: &Path, is_forced: bool) -> anyhow::Result<()> {
    if !is_forced {
        match std::fs::hard_link(aside, target) {
            Ok(()) => return Ok(std::fs::remove_file(aside)?),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                anyhow::bail!(
                    "{} is there already: --force overwrites it",
                    target.display()
                )
            }
            // Not every file system has links.
            Err(_) => {}
        }
    }
    std::fs::rename(aside, target).with_context(|| target.display().to_string())
}

async fn to_file(client: &Client, url: &str, path: &Path, bar: &FileBar) -> anyhow::Result<()> {
    let mut file = tokio::fs::File::create(path)
        .await
        .with_context(|| path.display().to_string())?;
    copy(client, url, &mut file, bar).await?;
    file.sync_all()
        .await
        .with_context(|| path.display().to_string())
}

async fn copy<W: tokio::io::AsyncWrite + Unpin>(
    client: &Client,
    url: &str,
    to: &mut W,
    bar: &FileBar,
) -> anyhow::Result<()> {
    let mut answer = client.fetch(url).await?;
    if let Some(size_bytes) = answer.content_length() {
        bar.expect_bytes(size_bytes);
    }
    loop {
        let next = tokio::time::timeout(STALL, answer.chunk()).await;
        let next = next.with_context(|| format!("no byte came for {} s", STALL.as_secs()))?;
        // The URL is a secret while it lives.
        let Some(chunk) = next
            .map_err(reqwest::Error::without_url)
            .context("the download broke off")?
        else {
            return Ok(to.flush().await?);
        };
        to.write_all(&chunk).await?;
        bar.meter().add(chunk.len() as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_came_in_between_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let (aside, target) = (folder.path().join("a.part"), folder.path().join("a"));
        std::fs::write(&aside, "new").unwrap();
        std::fs::write(&target, "old").unwrap();
        assert!(publish(&aside, &target, false).is_err());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "old");
        publish(&aside, &target, true).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
        assert!(!aside.exists());
    }

    #[test]
    fn a_folder_takes_the_files_own_name() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(
            target(Some(folder.path().to_owned()), "a.csv"),
            folder.path().join("a.csv")
        );
        assert_eq!(target(Some("b".into()), "a.csv"), PathBuf::from("b"));
        assert_eq!(target(None, "a.csv"), PathBuf::from("a.csv"));
    }
}
