//! The clock and the randomness of an operating system.

use std::sync::atomic::{AtomicI64, Ordering};

use consign_core::ports::{Clock, Random};
use consign_core::time::Timestamp;

/// The system that a process runs on.
#[derive(Debug, Clone, Copy)]
pub struct System;

impl Clock for System {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that is an argument elsewhere"
    )]
    fn now(&self) -> Timestamp {
        let now = chrono::Utc::now();
        if let Some(back_s) = set_back_s(&LATEST_US, now.timestamp_micros()) {
            tracing::warn!(
                operation = "clock",
                back_s,
                "the clock was set back; earlier leases and hidden messages do not delay anything"
            );
        }
        now
    }
}

/// The latest instant of the clock, in microseconds since 1970.
static LATEST_US: AtomicI64 = AtomicI64::new(i64::MIN);
/// A step back of at most this much, in microseconds, is not reported: clocks are slewed.
const SLEWED_US: i64 = 2_000_000;

/// Returns by how many seconds the clock was set back since the last call, if it was.
fn set_back_s(latest_us: &AtomicI64, now_us: i64) -> Option<i64> {
    let latest = latest_us.fetch_max(now_us, Ordering::Relaxed);
    let back_us = latest.saturating_sub(now_us);
    if latest == i64::MIN || back_us <= SLEWED_US {
        return None;
    }
    // The new time is the reference from now on, so each step is reported once.
    latest_us.store(now_us, Ordering::Relaxed);
    Some(back_us / 1_000_000)
}

impl Random for System {
    #[expect(
        clippy::expect_used,
        reason = "a system without randomness must not go on"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the system provides random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_is_reported_once() {
        let latest = AtomicI64::new(i64::MIN);
        let hour_us = 3_600_000_000;
        assert_eq!(set_back_s(&latest, 2 * hour_us), None);
        assert_eq!(set_back_s(&latest, 2 * hour_us - 1000), None);
        assert_eq!(set_back_s(&latest, hour_us), Some(3600));
        assert_eq!(set_back_s(&latest, hour_us + 5), None);
        assert_eq!(set_back_s(&latest, 3 * hour_us), None);
    }
}
