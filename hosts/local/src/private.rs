//! Restricts stored files to their owner: objects, records, secrets.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use consign_core::ports::Random;
use rustix::fs::Mode;

/// The entries of the data folder that may have been readable by others.
const KEPT: [&str; 4] = ["consign.db", "consign.db-wal", "consign.db-shm", "objects"];

/// Makes every file that this process creates private to its user.
pub(crate) fn from_now_on() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Creates the data folder, and removes permissions of others from existing entries.
pub(crate) fn make(data: &Path) -> anyhow::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder
        .create(data)
        .with_context(|| format!("{} cannot be created", data.display()))?;
    for kept in KEPT {
        let path = data.join(kept);
        if let Ok(metadata) = path.metadata()
            && let Err(error) = remove_access(&path, metadata.permissions())
        {
            tracing::warn!(%error, kept, "other users may be able to read it");
        }
    }
    Ok(())
}

fn remove_access(path: &Path, mut permissions: std::fs::Permissions) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let own = permissions.mode() & 0o700;
    permissions.set_mode(own);
    std::fs::set_permissions(path, permissions)
}

/// Returns a secret from a file that only its owner can read. Creates it if it is missing.
pub(crate) fn stored_secret(path: &Path, random: &impl Random) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(secret) if !secret.trim().is_empty() => Ok(secret.trim().to_owned()),
        _ => {
            let secret = format!("{}{}", random.token(), random.token());
            write(path, &secret)?;
            Ok(secret)
        }
    }
}

/// Writes a file that only its owner can read, as a whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let aside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&aside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&aside, path))
        .with_context(|| format!("{} cannot be written", path.display()))
}
