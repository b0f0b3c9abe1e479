//! Tools by name and version under the cache folder: built aside and renamed, so that what is there is whole.

use crate::host::{Stopwatch, Workspace, seconds};
use anyhow::{Context as _, Result, ensure};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

/// Something to be had in the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    /// Its name, a file name.
    pub(crate) name: &'a str,
    /// Its version, a file name. Another version is another folder.
    pub(crate) version: &'a str,
    /// What it is for, shown while it is installed.
    pub(crate) purpose: &'a str,
    /// How long it took to install on two cores.
    pub(crate) usual_s: u32,
}

/// Where an item is made: the folder that becomes it, and a log for the output of the programs that make it.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    pub(crate) log: PathBuf,
}

/// The folder of `item`; `make` fills it where no earlier run has.
///
/// # Errors
/// When `make` fails. Nothing is left that a later run would take for whole.
pub(crate) fn provide(
    host: &Workspace,
    item: Item<'_>,
    make: impl FnOnce(&Site) -> Result<()>,
) -> Result<PathBuf> {
    let id = format!("{}-{}", item.name, item.version);
    let tools = host.cache.join("tools");
    let folder = tools.join(&id);
    if folder.is_dir() {
        return Ok(folder);
    }
    create(&tools)?;
    let _lock = lock(
        &tools.join(format!(".{id}.lock")),
        &format!("another run that installs {id}"),
    )?;
    if folder.is_dir() {
        return Ok(folder);
    }
    eprintln!(
        "Installing {} {} ({}); this takes about {} s …",
        item.name, item.version, item.purpose, item.usual_s
    );
    let stopwatch = Stopwatch::start();
    let site = Site {
        folder: tools.join(format!(".{id}.new")),
        log: tools.join(format!(".{id}.log")),
    };
    remove(&site.folder)?;
    create(&site.folder)?;
    remove_file(&site.log)?;
    make(&site).with_context(|| format!("cannot install {} {}", item.name, item.version))?;
    fs::rename(&site.folder, &folder).with_context(|| format!("cannot move {id} into place"))?;
    eprintln!(
        "Installed {} {} in {}",
        item.name,
        item.version,
        seconds(stopwatch.elapsed())
    );
    Ok(folder)
}

/// Waits for, and takes, the lock of `file`; it is released when the answer is dropped.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn lock(file: &Path, holder: &str) -> Result<File> {
    let lock = open_lock(file)?;
    if let Err(TryLockError::WouldBlock) = lock.try_lock() {
        eprintln!("Waiting for {holder} …");
    }
    lock.lock()
        .with_context(|| format!("cannot lock {}", file.display()))?;
    Ok(lock)
}

/// Takes the lock of `file` where it is free.
///
/// # Errors
/// When the file cannot be opened.
pub(crate) fn try_lock(file: &Path) -> Result<Option<File>> {
    let lock = open_lock(file)?;
    Ok(lock.try_lock().is_ok().then_some(lock))
}

fn open_lock(file: &Path) -> Result<File> {
    File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(file)
        .with_context(|| format!("cannot open {}", file.display()))
}

/// Removes all that was ever installed.
///
/// # Errors
/// When a file cannot be removed.
pub(crate) fn clean(host: &Workspace) -> Result<()> {
    ensure!(
        host.cache.ends_with("consign"),
        "{} does not look like this project's cache",
        host.cache.display()
    );
    remove(&host.cache)?;
    eprintln!("Removed {}", host.cache.display());
    Ok(())
}

/// Makes `folder` and those above it.
pub(crate) fn create(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// Removes `folder` where it exists.
pub(crate) fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// Removes `file` where it exists.
pub(crate) fn remove_file(file: &Path) -> Result<()> {
    if file.exists() {
        fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(())
}
