//! The database's files are its owner's alone.

use std::io;
use std::path::Path;

/// Makes the database where it is missing, readable for its owner only, and takes from others what they may of files
/// that are there. SQLite gives the files beside it the same rights.
#[cfg(unix)]
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    use std::fs::{OpenOptions, Permissions, set_permissions};
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};

    const OWNER_ONLY: u32 = 0o600;
    let ignore_missing = |error: io::Error| {
        if error.kind() == io::ErrorKind::NotFound {
            Ok(())
        } else {
            Err(error)
        }
    };
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(OWNER_ONLY);
    options.open(path).map(drop).or_else(ignore_missing)?;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.to_owned().into_os_string();
        name.push(suffix);
        set_permissions(name, Permissions::from_mode(OWNER_ONLY)).or_else(ignore_missing)?;
    }
    Ok(())
}

/// Elsewhere the folder's rights say who reads.
#[cfg(not(unix))]
pub(crate) fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}
