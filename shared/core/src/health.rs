//! The health of the store as one host knows it. One probe runs at a time, and its result is reused for some seconds.
//!
//! The endpoint is public, so an answer must be cheap, and a probe is not: it writes, reads and removes an object in
//! every bucket. A caller that arrives while a probe runs gets the previous result and does not wait: on Workers, one
//! call cannot wait for another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::time::{Timestamp, saturating_add_secs};

/// The scope of a token that gets the details of the store's health and may read the metrics.
pub const DETAILS_SCOPE: &str = "metrics";
/// For how long a good result is reused, in seconds.
pub const HEALTHY_S: u64 = 5;
/// For how long a bad result is reused, in seconds.
pub const UNHEALTHY_S: u64 = 2;
/// After how many seconds a probe is considered lost. Another probe may begin then.
pub const PROBE_S_MAX: u64 = 60;
const _: () = assert!(UNHEALTHY_S <= HEALTHY_S && HEALTHY_S < PROBE_S_MAX);

/// The result of a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreHealth {
    /// The buckets in which writing, reading and removing work.
    pub accessible: Vec<String>,
    /// The buckets that do not work, with their errors.
    pub errors: Vec<BucketError>,
    /// The duration of the probe in milliseconds.
    pub duration_ms: u64,
}

/// A bucket that does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketError {
    /// The name of the bucket.
    pub bucket: String,
    /// The kind of the fault.
    pub code: &'static str,
    /// The operation that failed.
    pub operation: &'static str,
}

/// The health of the store as one host knows it.
#[derive(Debug, Default)]
pub struct Health(Mutex<ProbeState>);

#[derive(Debug, Default)]
struct ProbeState {
    last: Option<(Arc<StoreHealth>, Timestamp)>,
    probing: Option<(u64, Timestamp)>,
    probes: u64,
}

/// How a caller gets the health of the store.
#[derive(Debug)]
pub enum HealthCheck<'h> {
    /// The result of the last probe.
    Known(Arc<StoreHealth>),
    /// There is no result yet, and another caller is probing.
    NotYet,
    /// The caller probes and reports the result.
    MustProbe(Probe<'h>),
}

/// A probe under way. If it is dropped, the next caller may probe.
#[derive(Debug)]
pub struct Probe<'h> {
    health: &'h Health,
    number: u64,
}

impl Health {
    /// Returns the last result, or a probe to carry out.
    pub fn ask(&self, now: Timestamp) -> HealthCheck<'_> {
        let mut state = self.state();
        if let Some((found, at)) = &state.last {
            let seconds = if found.errors.is_empty() {
                HEALTHY_S
            } else {
                UNHEALTHY_S
            };
            // If the clock was set back, the result is not reused.
            if now >= *at && now < saturating_add_secs(*at, seconds) {
                return HealthCheck::Known(Arc::clone(found));
            }
        }
        let is_looking = state.probing.is_some_and(|(_, since)| {
            now >= since && now < saturating_add_secs(since, PROBE_S_MAX)
        });
        if is_looking {
            return match &state.last {
                Some((found, _)) => HealthCheck::Known(Arc::clone(found)),
                None => HealthCheck::NotYet,
            };
        }
        state.probes += 1;
        let number = state.probes;
        state.probing = Some((number, now));
        HealthCheck::MustProbe(Probe {
            health: self,
            number,
        })
    }

    fn state(&self) -> MutexGuard<'_, ProbeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe<'_> {
    /// Records the result.
    #[must_use]
    pub fn end(self, found: StoreHealth, now: Timestamp) -> Arc<StoreHealth> {
        let found = Arc::new(found);
        let mut state = self.health.state();
        // A probe that was considered lost may end late, after another.
        if state
            .probing
            .is_some_and(|(number, _)| number == self.number)
        {
            state.last = Some((Arc::clone(&found), now));
        }
        drop(state);
        found
    }
}

impl Drop for Probe<'_> {
    fn drop(&mut self) {
        let mut state = self.health.state();
        if state
            .probing
            .is_some_and(|(number, _)| number == self.number)
        {
            state.probing = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        saturating_add_secs(Timestamp::UNIX_EPOCH, 1_800_000_000 + second)
    }

    fn found(troubles: usize) -> StoreHealth {
        let trouble = BucketError {
            bucket: "b".to_owned(),
            code: "denied",
            operation: "put",
        };
        StoreHealth {
            accessible: Vec::new(),
            errors: vec![trouble; troubles],
            duration_ms: 1,
        }
    }

    #[track_caller]
    fn probe(health: &Health, second: u64) -> Probe<'_> {
        match health.ask(at(second)) {
            HealthCheck::MustProbe(probe) => probe,
            asked @ (HealthCheck::Known(_) | HealthCheck::NotYet) => panic!("{asked:?}"),
        }
    }

    #[test]
    fn one_probe_serves_all_callers_for_some_seconds() {
        let health = Health::default();
        let first = probe(&health, 0);
        assert!(matches!(health.ask(at(0)), HealthCheck::NotYet));
        let _ = first.end(found(0), at(1));
        assert!(matches!(health.ask(at(HEALTHY_S)), HealthCheck::Known(_)));
        let second = probe(&health, HEALTHY_S + 1);
        assert!(
            matches!(health.ask(at(HEALTHY_S + 1)), HealthCheck::Known(_)),
            "the previous result"
        );
        let _ = second.end(found(1), at(HEALTHY_S + 1));
        let _ = probe(&health, HEALTHY_S + 1 + UNHEALTHY_S);
    }

    #[test]
    fn a_dropped_or_endless_probe_is_replaced() {
        let health = Health::default();
        drop(probe(&health, 0));
        let endless = probe(&health, 0);
        assert!(matches!(
            health.ask(at(PROBE_S_MAX - 1)),
            HealthCheck::NotYet
        ));
        let next = probe(&health, PROBE_S_MAX);
        let _ = endless.end(found(1), at(PROBE_S_MAX));
        assert!(
            matches!(health.ask(at(PROBE_S_MAX)), HealthCheck::NotYet),
            "the late probe is ignored"
        );
        let _ = next.end(found(0), at(PROBE_S_MAX));
        assert!(matches!(health.ask(at(PROBE_S_MAX)), HealthCheck::Known(_)));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_no_result() {
        let health = Health::default();
        let _ = probe(&health, 1000).end(found(0), at(1000));
        let _ = probe(&health, 10);
    }
}
