//! When to try again: exponential, with full jitter over the upper half, bounded.

use std::time::Duration;

/// How often and how patiently a call is repeated.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// Calls in all, the first included.
    pub attempts_max: u32,
    /// Before the second call, on average three quarters of this.
    pub first: Duration,
    /// Never more than this.
    pub longest: Duration,
}

impl Backoff {
    /// Five calls, 0.5 s doubling up to 30 s.
    pub const USUAL: Self = Self {
        attempts_max: 5,
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
    };

    /// How long to wait after `failures` failed calls (from 1), or `None` when it is enough.
    ///
    /// `jitter` is in `[0, 1)`; `retry_after_s`, where the server gave one, is a floor.
    pub fn wait(&self, failures: u32, jitter: f64, retry_after_s: Option<u64>) -> Option<Duration> {
        if failures >= self.attempts_max {
            return None;
        }
        let doubled = self.first.saturating_mul(
            1u32.checked_shl(failures.saturating_sub(1))
                .unwrap_or(u32::MAX),
        );
        let ceiling = doubled.min(self.longest);
        let wait = ceiling.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        let floor =
            Duration::from_secs(retry_after_s.unwrap_or(0)).min(self.longest.saturating_mul(4));
        Some(wait.max(floor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff {
            attempts_max: 20,
            ..Backoff::USUAL
        };
        let waits: Vec<u64> = (1..=9)
            .filter_map(|n| backoff.wait(n, 1.0, None))
            .map(|w| w.as_millis() as u64)
            .collect();
        assert_eq!(
            waits,
            [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]
        );
    }

    #[test]
    fn jitter_stays_within_the_upper_half() {
        assert_eq!(
            Backoff::USUAL.wait(2, 0.0, None),
            Some(Duration::from_millis(500))
        );
        assert_eq!(
            Backoff::USUAL.wait(2, 1.0, None),
            Some(Duration::from_millis(1000))
        );
    }

    #[test]
    fn attempts_are_bounded() {
        assert!(Backoff::USUAL.wait(4, 0.5, None).is_some());
        assert_eq!(Backoff::USUAL.wait(5, 0.5, None), None);
        assert_eq!(Backoff::USUAL.wait(u32::MAX, 0.5, Some(1)), None);
    }

    #[test]
    fn a_servers_retry_after_is_a_floor() {
        assert_eq!(
            Backoff::USUAL.wait(1, 0.0, Some(7)),
            Some(Duration::from_secs(7))
        );
        let backoff = Backoff {
            attempts_max: u32::MAX,
            ..Backoff::USUAL
        };
        assert_eq!(backoff.wait(40, 0.0, None), Some(Duration::from_secs(15)));
    }
}
