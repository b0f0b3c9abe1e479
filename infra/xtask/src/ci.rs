//! Continuous integration builds a fresh clone each time: what it builds is kept in the cache between runs.

use crate::cache;
use crate::host::{Workspace, now};
use crate::process;
use anyhow::{Context as _, Result, bail};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A kept target directory that grew past this is built anew.
const TARGET_BYTES_MAX: u64 = 25 << 30;

/// How many runs at once have a target directory each.
const SLOTS: usize = 4;

/// A target directory that is this run's alone while the value lives.
#[derive(Debug)]
pub(crate) struct Slot {
    folder: PathBuf,
    _lock: File,
}

impl Slot {
    /// Takes a free target directory and readies the checkout for it.
    ///
    /// # Errors
    /// When all are taken, or a file cannot be written.
    pub(crate) fn take(host: &Workspace) -> Result<Self> {
        let parent = host.cache.join("target");
        cache::create(&parent)?;
        for number in 0..SLOTS {
            let Some(lock) = cache::try_lock(&parent.join(format!(".{number}.lock")))? else {
                continue;
            };
            let folder = parent.join(number.to_string());
            if size_bytes(&folder) > TARGET_BYTES_MAX {
                eprintln!(
                    "{} grew past {} GiB: building anew",
                    folder.display(),
                    TARGET_BYTES_MAX >> 30
                );
                cache::remove(&folder)?;
            }
            cache::create(&folder)?;
            touch_sources(host)?;
            return Ok(Self {
                folder,
                _lock: lock,
            });
        }
        bail!("{SLOTS} runs are going on at once; try again when one has ended")
    }

    /// What the builds of this run find in their environment.
    pub(crate) fn env(&self) -> Vec<(&'static str, String)> {
        vec![
            ("CARGO_TARGET_DIR", self.folder.display().to_string()),
            // Neither is of use where nobody debugs or edits, and both take most of the room.
            ("CARGO_INCREMENTAL", "0".to_owned()),
            ("CARGO_PROFILE_DEV_DEBUG", "0".to_owned()),
        ]
    }
}

/// Makes every source newer than any build: cargo compares times, and another clone's build may be the newest thing there.
fn touch_sources(host: &Workspace) -> Result<()> {
    let listed = process::capture(host.command("git").args(["ls-files", "-z"]))?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        // A file that was removed and not committed is no source.
        let Ok(file) = File::options().append(true).open(host.root.join(name)) else {
            continue;
        };
        file.set_modified(now())
            .with_context(|| format!("cannot stamp {name}"))?;
    }
    Ok(())
}

fn size_bytes(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => size_bytes(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
