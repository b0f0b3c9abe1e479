//! What is kept is for its owner alone: objects, records, secrets.

use std::path::Path;

use anyhow::Context as _;
use rustix::fs::Mode;

/// What is under the data folder, and for whom it was before.
const KEPT: [&str; 4] = ["consign.db", "consign.db-wal", "consign.db-shm", "objects"];

/// Whatever this process makes is for its user alone.
pub(super) fn from_now_on() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// Makes the data folder, and takes what others could read before away from them.
pub(super) fn make(data: &Path) -> anyhow::Result<()> {
    let mut folder = std::fs::DirBuilder::new();
    folder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut folder, 0o700);
    folder
        .create(data)
        .with_context(|| format!("{} cannot be made", data.display()))?;
    for kept in KEPT {
        let path = data.join(kept);
        if let Ok(metadata) = path.metadata()
            && let Err(error) = take_away(&path, metadata.permissions())
        {
            tracing::warn!(%error, kept, "others may read it");
        }
    }
    Ok(())
}

fn take_away(path: &Path, mut permissions: std::fs::Permissions) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let own = permissions.mode() & 0o700;
    permissions.set_mode(own);
    std::fs::set_permissions(path, permissions)
}
