//! `consign download`: writes to a temporary file and renames it. Overwrites only with `--force`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;

use crate::out;
use crate::show::{Bars, FileBar};
use consign_client::{Client, Observer as _, Variant, safe_file_name};

/// A download without data for this time fails.
const STALL: Duration = Duration::from_secs(60);

/// Arguments of `consign download`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  consign download FILE_ID
  consign download FILE_ID --variant parquet -o flights.parquet
  consign download FILE_ID --variant profile -o - | jq .columns")]
pub(super) struct DownloadArgs {
    /// The file id
    file_id: String,
    /// The variant to download
    #[arg(
        long,
        value_name = "original|parquet|profile|rejects|rejects_parquet",
        default_value = "original"
    )]
    variant: Variant,
    /// Target file or folder, or - for standard output [default: the name of the file, in the current folder]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(args: DownloadArgs, client: &Client) -> anyhow::Result<ExitCode> {
    let signed = client.download_url(&args.file_id, args.variant).await?;
    let name = safe_file_name(&signed.filename, &safe_file_name(&args.file_id, ""));
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
            "{} exists already; use --force to overwrite it",
            target.display()
        );
    }
    let aside = aside(&target)?;
    let bar = bars.bar(&name, None);
    // The temporary file is removed on every error.
    let outcome = to_file(client, &signed.url, &aside, &bar).await;
    bar.finish();
    outcome?;
    publish(aside, &target, args.force)?;
    out::line(target.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the final path: the given file, or the name in the given or current folder.
fn target(output: Option<PathBuf>, name: &str) -> PathBuf {
    match output {
        None => PathBuf::from(name),
        Some(path) if path.is_dir() => path.join(name),
        Some(path) => path,
    }
}

/// Creates a temporary file in the target's folder, with a random name. An existing file or link of that name is
/// neither opened nor followed.
fn aside(target: &Path) -> anyhow::Result<NamedTempFile> {
    target
        .file_name()
        .with_context(|| format!("{} is not a file", target.display()))?;
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    };
    let mut new = tempfile::Builder::new();
    new.prefix(".consign-").suffix(".part");
    // With the usual permissions of new files, since temporary files are private.
    #[cfg(unix)]
    new.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    new.tempfile_in(folder)
        .with_context(|| format!("cannot write to {}", folder.display()))
}

/// Renames the complete file to its target. Without `is_forced`, a file that was created meanwhile is not replaced.
fn publish(aside: NamedTempFile, target: &Path, is_forced: bool) -> anyhow::Result<()> {
    let aside = if is_forced {
        aside
    } else {
        match aside.persist_noclobber(target) {
            Ok(_) => return Ok(()),
            Err(refused) if refused.error.kind() == std::io::ErrorKind::AlreadyExists => {
                anyhow::bail!(
                    "{} exists already; use --force to overwrite it",
                    target.display()
                )
            }
            // Some file systems do not support this.
            Err(refused) => refused.file,
        }
    };
    let published = aside.persist(target).map(drop);
    published.with_context(|| target.display().to_string())
}

async fn to_file(
    client: &Client,
    url: &str,
    aside: &NamedTempFile,
    bar: &FileBar,
) -> anyhow::Result<()> {
    let path = || aside.path().display().to_string();
    let file = aside.as_file().try_clone().with_context(path)?;
    let mut file = tokio::fs::File::from_std(file);
    copy(client, url, &mut file, bar).await?;
    file.sync_all().await.with_context(path)
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
        let next =
            next.with_context(|| format!("no data was received for {} s", STALL.as_secs()))?;
        // The URL is a secret until it expires.
        let Some(chunk) = next
            .map_err(reqwest::Error::without_url)
            .context("the download was interrupted")?
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
        let target = folder.path().join("a");
        let new = |text: &str| {
            let aside = aside(&target).unwrap();
            std::fs::write(aside.path(), text).unwrap();
            aside
        };
        std::fs::write(&target, "old").unwrap();
        assert!(publish(new("new"), &target, false).is_err());
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "old");
        publish(new("new"), &target, true).unwrap();
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
        let left = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 1, "no temporary file is left");
    }

    #[test]
    fn a_link_at_the_target_is_replaced_and_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (target, other) = (folder.path().join("a"), folder.path().join("other"));
        std::fs::write(&other, "old").unwrap();
        std::os::unix::fs::symlink(&other, &target).unwrap();
        let new = aside(&target).unwrap();
        std::fs::write(new.path(), "new").unwrap();
        publish(new, &target, true).unwrap();
        assert_eq!(std::fs::read_to_string(&other).unwrap(), "old");
        assert_eq!(std::fs::read_to_string(&target).unwrap(), "new");
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
