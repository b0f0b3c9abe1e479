//! Restricts the database files to their owner.

use std::io;
use std::path::Path;

/// Creates the database file if it is missing, readable by its owner only, and removes the permissions of others from
/// existing files. SQLite gives the `-wal` and `-shm` files the same permissions.
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

/// On other systems, the permissions of the folder apply.
#[cfg(not(unix))]
pub(crate) fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}
