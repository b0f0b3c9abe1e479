//! What is known of the store's health: found by one look at a time, and told for some seconds.
//!
//! Anybody may ask, so an answer must cost nothing: a look writes, reads and removes an object in every bucket. Who comes
//! while somebody looks is told what was found last, and waits for nobody: on Workers, one call cannot wait for another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::time::{Timestamp, saturating_add_secs};

/// The scope of a token that is told more than whether the store works, and may read the figures.
pub const DETAILS_SCOPE: &str = "metrics";
/// For how long it is told that all is well, in seconds.
pub const HEALTHY_S: u64 = 5;
/// For how long it is told that something is not, in seconds.
pub const UNHEALTHY_S: u64 = 2;
/// A look that takes longer is taken for dead, and another begins, in seconds.
pub const PROBE_S_MAX: u64 = 60;
const _: () = assert!(UNHEALTHY_S <= HEALTHY_S && HEALTHY_S < PROBE_S_MAX);

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreHealth {
    /// Buckets that take, give and remove.
    pub accessible: Vec<String>,
    /// What does not work.
    pub errors: Vec<BucketError>,
    /// How long the look took, in milliseconds.
    pub duration_ms: u64,
}

/// A bucket that does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketError {
    /// Its name.
    pub bucket: String,
    /// The kind of the fault.
    pub code: &'static str,
    /// The step that failed.
    pub operation: &'static str,
}

/// What one host knows.
#[derive(Debug, Default)]
pub struct Health(Mutex<ProbeState>);

#[derive(Debug, Default)]
struct ProbeState {
    last: Option<(Arc<StoreHealth>, Timestamp)>,
    probing: Option<(u64, Timestamp)>,
    probes: u64,
}

/// What is to be done about a question.
#[derive(Debug)]
pub enum HealthCheck<'h> {
    /// This is known.
    Known(Arc<StoreHealth>),
    /// Nothing is known yet, and somebody looks.
    NotYet,
    /// Whoever asked looks, and says what it found.
    Probe(Probe<'h>),
}

/// A look under way. Dropped, it leaves the next one to another.
#[derive(Debug)]
pub struct Probe<'h> {
    health: &'h Health,
    number: u64,
}

impl Health {
    /// Somebody asks.
    pub fn ask(&self, now: Timestamp) -> HealthCheck<'_> {
        let mut state = self.state();
        if let Some((found, at)) = &state.last {
            let seconds = if found.errors.is_empty() {
                HEALTHY_S
            } else {
                UNHEALTHY_S
            };
            // A clock that was set back makes nothing known for longer.
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
        HealthCheck::Probe(Probe {
            health: self,
            number,
        })
    }

    fn state(&self) -> MutexGuard<'_, ProbeState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe<'_> {
    /// Says what was found.
    #[must_use]
    pub fn end(self, found: StoreHealth, now: Timestamp) -> Arc<StoreHealth> {
        let found = Arc::new(found);
        let mut state = self.health.state();
        // One that was taken for dead may come late, after another.
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
    fn look(health: &Health, second: u64) -> Probe<'_> {
        match health.ask(at(second)) {
            HealthCheck::Probe(look) => look,
            asked @ (HealthCheck::Known(_) | HealthCheck::NotYet) => panic!("{asked:?}"),
        }
    }

    #[test]
    fn one_looks_for_all_who_ask_within_some_seconds() {
        let health = Health::default();
        let first = look(&health, 0);
        assert!(matches!(health.ask(at(0)), HealthCheck::NotYet));
        let _ = first.end(found(0), at(1));
        assert!(matches!(health.ask(at(HEALTHY_S)), HealthCheck::Known(_)));
        let second = look(&health, HEALTHY_S + 1);
        assert!(
            matches!(health.ask(at(HEALTHY_S + 1)), HealthCheck::Known(_)),
            "what was found last"
        );
        let _ = second.end(found(1), at(HEALTHY_S + 1));
        let _ = look(&health, HEALTHY_S + 1 + UNHEALTHY_S);
    }

    #[test]
    fn a_look_that_is_given_up_or_never_ends_is_followed_by_another() {
        let health = Health::default();
        drop(look(&health, 0));
        let endless = look(&health, 0);
        assert!(matches!(
            health.ask(at(PROBE_S_MAX - 1)),
            HealthCheck::NotYet
        ));
        let next = look(&health, PROBE_S_MAX);
        let _ = endless.end(found(1), at(PROBE_S_MAX));
        assert!(
            matches!(health.ask(at(PROBE_S_MAX)), HealthCheck::NotYet),
            "it came too late"
        );
        let _ = next.end(found(0), at(PROBE_S_MAX));
        assert!(matches!(health.ask(at(PROBE_S_MAX)), HealthCheck::Known(_)));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_alive() {
        let health = Health::default();
        let _ = look(&health, 1000).end(found(0), at(1000));
        let _ = look(&health, 10);
    }
}
