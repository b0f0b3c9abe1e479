//! The limits for clients of the functions.

use std::time::Duration;

use consign_core::routes::BODY_BYTES_MAX;
use consign_listener::{Limits, Linger, Pace};

/// The maximum number of connections, if enough files may be open. With the heads that they may be sending, they take
/// at most 64 MB.
const CONNECTIONS_MAX: u64 = 2048;
/// The maximum length of a request's head, in bytes: a token of 8 KiB, and what proxies and browsers add.
const HEAD_BYTES_MAX: usize = 32 << 10;
const _: () = assert!(CONNECTIONS_MAX as usize * HEAD_BYTES_MAX <= 64 << 20);
const _: () = assert!(HEAD_BYTES_MAX >= 2 * consign_core::auth::TOKEN_BYTES_MAX);
/// Open files other than connections: the database, objects being read, connections to the store.
const FILES_BESIDE: u64 = 256;
/// Connections that are reserved for health while all others are in use.
const RESERVE: usize = 16;
/// The longest body may take about four minutes.
const BODY_BYTES_PER_S_MIN: u64 = 16 << 10;

/// Returns the limits for a maximum number of open files. `None` means no limit.
pub(crate) fn limits(open_files: Option<u64>) -> Limits {
    // The store's connections belong to the same process.
    let by_files = open_files.map_or(CONNECTIONS_MAX, |files| {
        files.saturating_sub(FILES_BESIDE).max(64) / 2
    });
    Limits {
        connections_max: usize::try_from(by_files.min(CONNECTIONS_MAX)).unwrap_or(usize::MAX),
        reserve: RESERVE,
        head_bytes_max: HEAD_BYTES_MAX,
        head: Duration::from_secs(10),
        // Longer than load balancers keep connections (60 s), so that this side does not close one that is being
        // used.
        idle: Duration::from_secs(75),
        body: Pace {
            pause: Duration::from_secs(10),
            grace: Duration::from_secs(15),
            bytes_per_s_min: BODY_BYTES_PER_S_MIN,
        },
        write_stall: Duration::from_secs(15),
        linger: Linger {
            bytes_max: 4 * BODY_BYTES_MAX as u64,
            time: Duration::from_secs(2),
        },
        shutdown: Duration::from_secs(8),
    }
}

#[cfg(test)]
mod tests {
    use super::limits;

    #[test]
    fn files_are_left_for_all_else() {
        assert_eq!(limits(None).connections_max, 2048);
        assert_eq!(limits(Some(1 << 20)).connections_max, 2048);
        assert_eq!(limits(Some(1024)).connections_max, 384);
        assert_eq!(limits(Some(100)).connections_max, 32);
    }
}
