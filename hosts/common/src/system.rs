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
        reason = "this is the clock that others take as an argument"
    )]
    fn now(&self) -> Timestamp {
        let now = chrono::Utc::now();
        if let Some(back_s) = set_back_s(&LATEST_US, now.timestamp_micros()) {
            tracing::warn!(
                operation = "clock",
                back_s,
                "the clock was set back; leases and hidden messages of before are not waited for"
            );
        }
        now
    }
}

/// The latest instant that the clock has shown, in microseconds since 1970.
static LATEST_US: AtomicI64 = AtomicI64::new(i64::MIN);
/// What a clock may be slewed back by without a word, in microseconds.
const SLEWED_US: i64 = 2_000_000;

/// By how many seconds the clock was set back since it was last looked at, if it was.
fn set_back_s(latest_us: &AtomicI64, now_us: i64) -> Option<i64> {
    let latest = latest_us.fetch_max(now_us, Ordering::Relaxed);
    let back_us = latest.saturating_sub(now_us);
    if latest == i64::MIN || back_us <= SLEWED_US {
        return None;
    }
    // From here on it counts anew: each step is told once.
    latest_us.store(now_us, Ordering::Relaxed);
    Some(back_us / 1_000_000)
}

impl Random for System {
    #[expect(
        clippy::expect_used,
        reason = "a system without randomness must not go on"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the system gives random bytes");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_is_told_once() {
        let latest = AtomicI64::new(i64::MIN);
        let hour_us = 3_600_000_000;
        assert_eq!(set_back_s(&latest, 2 * hour_us), None);
        assert_eq!(set_back_s(&latest, 2 * hour_us - 1000), None);
        assert_eq!(set_back_s(&latest, hour_us), Some(3600));
        assert_eq!(set_back_s(&latest, hour_us + 5), None);
        assert_eq!(set_back_s(&latest, 3 * hour_us), None);
    }
}
