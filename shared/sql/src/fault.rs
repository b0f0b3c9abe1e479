//! Maps SQLite errors to faults of the ports.

use consign_core::ports::{Fault, FaultKind};

/// Returns the fault of `operation` for a database error.
pub(crate) fn fault(operation: &'static str, error: sqlx::Error) -> Fault {
    Fault::new(kind(&error), operation, error)
}

/// Why an operation failed.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The database returned an error.
    Database(sqlx::Error),
    /// A record cannot be written or read as text.
    Record(serde_json::Error),
}

impl From<sqlx::Error> for Broken {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<serde_json::Error> for Broken {
    fn from(error: serde_json::Error) -> Self {
        Self::Record(error)
    }
}

impl Broken {
    pub(crate) fn fault(self, operation: &'static str) -> Fault {
        match self {
            Self::Database(error) => fault(operation, error),
            Self::Record(error) => crate::row::unreadable(operation, error),
        }
    }
}

/// Whether the error means that the file is not a database, or is corrupt.
pub(crate) fn is_damage(error: &sqlx::Error) -> bool {
    const CORRUPT: u32 = 11;
    const NOTADB: u32 = 26;
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<u32>().ok());
    code.is_some_and(|code| matches!(code & 0xff, CORRUPT | NOTADB))
}

/// Returns the fault kind of a database error.
pub(crate) fn kind(error: &sqlx::Error) -> FaultKind {
    if let Some(database) = error.as_database_error() {
        let code = database.code().and_then(|code| code.parse::<u32>().ok());
        return code.map_or(FaultKind::Other, kind_of_code);
    }
    if matches!(error, sqlx::Error::PoolTimedOut) {
        // The pool had no free connection in time, so nothing was sent.
        FaultKind::Throttled
    } else if matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed
    ) {
        FaultKind::Unreachable
    } else {
        FaultKind::Other
    }
}

/// Maps a SQLite result code (<https://www.sqlite.org/rescode.html>). The low byte is the primary code.
fn kind_of_code(code: u32) -> FaultKind {
    const BUSY: u32 = 5;
    const LOCKED: u32 = 6;
    const PERM: u32 = 3;
    const READONLY: u32 = 8;
    const IOERR: u32 = 10;
    const FULL: u32 = 13;
    const CANTOPEN: u32 = 14;
    const AUTH: u32 = 23;
    match code & 0xff {
        BUSY | LOCKED => FaultKind::Throttled,
        PERM | READONLY | AUTH => FaultKind::Denied,
        // The disk did not answer. The write may or may not have happened.
        IOERR => FaultKind::Unreachable,
        FULL => FaultKind::Full,
        CANTOPEN => FaultKind::MissingResource,
        _ => FaultKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_codes_become_kinds() {
        let cases = [
            (5, FaultKind::Throttled),
            (517, FaultKind::Throttled), // SQLITE_BUSY_SNAPSHOT
            (6, FaultKind::Throttled),
            (8, FaultKind::Denied),
            (778, FaultKind::Unreachable),  // SQLITE_IOERR_WRITE
            (1034, FaultKind::Unreachable), // SQLITE_IOERR_FSYNC
            (1032, FaultKind::Denied),      // SQLITE_READONLY_DBMOVED
            (13, FaultKind::Full),
            (14, FaultKind::MissingResource),
            (11, FaultKind::Other), // SQLITE_CORRUPT
        ];
        for (code, kind) in cases {
            assert_eq!(kind_of_code(code), kind, "{code}");
        }
    }

    #[test]
    fn errors_without_a_code_become_kinds() {
        let fault = |error| super::fault("save", error);
        let busy = fault(sqlx::Error::PoolTimedOut);
        assert_eq!((busy.kind, busy.operation), (FaultKind::Throttled, "save"));
        assert_eq!(fault(sqlx::Error::PoolClosed).kind, FaultKind::Unreachable);
        assert_eq!(fault(sqlx::Error::RowNotFound).kind, FaultKind::Other);
    }
}
