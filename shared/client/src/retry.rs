//! Retries: exponential backoff with jitter over the upper half, limited.

use std::time::Duration;

use backon::ExponentialBuilder;

/// The retry policy of a call.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    /// The number of attempts, including the first.
    pub attempts_max: u32,
    /// The upper limit of the first pause. The average is three quarters of it.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Backoff {
    /// Five attempts, with pauses from 0.5 s that double up to 30 s.
    pub const USUAL: Self = Self {
        attempts_max: 5,
        first: Duration::from_millis(500),
        longest: Duration::from_secs(30),
    };

    /// Returns the pauses between attempts: random in the upper half of a limit that doubles.
    pub(crate) fn waits(&self) -> ExponentialBuilder {
        let retries_max = self.attempts_max.saturating_sub(1);
        // `backon` adds a random share of up to the same length.
        ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(self.first / 2)
            .with_max_delay(self.longest / 2)
            .with_max_times(usize::try_from(retries_max).unwrap_or(usize::MAX))
            .with_jitter()
    }

    /// Returns the longer of `wait` and `Retry-After`, up to four times the longest pause.
    pub(crate) fn not_before(&self, wait: Duration, retry_after_s: Option<u64>) -> Duration {
        let asked = Duration::from_secs(retry_after_s.unwrap_or(0));
        wait.max(asked.min(self.longest.saturating_mul(4)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backon::BackoffBuilder as _;

    #[test]
    fn waits_double_up_to_the_longest_and_stay_within_the_upper_half() {
        let backoff = Backoff {
            attempts_max: 10,
            ..Backoff::USUAL
        };
        let ceilings = [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000];
        for _ in 0..100 {
            let waits: Vec<Duration> = backoff.waits().build().collect();
            assert_eq!(waits.len(), ceilings.len());
            for (wait, ceiling) in waits.into_iter().zip(ceilings.map(Duration::from_millis)) {
                assert!(ceiling / 2 <= wait && wait <= ceiling, "{wait:?}");
            }
        }
    }

    #[test]
    fn attempts_are_bounded() {
        let waits = |attempts_max| {
            let backoff = Backoff {
                attempts_max,
                ..Backoff::USUAL
            };
            backoff.waits().build().count()
        };
        assert_eq!([waits(0), waits(1), waits(5)], [0, 0, 4]);
    }

    #[test]
    fn a_servers_retry_after_is_a_floor() {
        let usual = |wait_s, retry_after_s| {
            Backoff::USUAL
                .not_before(Duration::from_secs(wait_s), retry_after_s)
                .as_secs()
        };
        assert_eq!(usual(1, None), 1);
        assert_eq!(usual(1, Some(7)), 7);
        assert_eq!(usual(9, Some(7)), 9);
        assert_eq!(usual(1, Some(u64::MAX)), 120);
    }
}
