//! What is known of the store's health: found by one look at a time, and told for some seconds.
//!
//! Anybody may ask, so an answer must cost nothing: a look writes, reads and removes an object in every bucket. Who comes
//! while somebody looks is told what was found last, and waits for nobody: on Workers, one call cannot wait for another.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::time::{Timestamp, saturating_add_secs};

/// The scope of a token that is told more than whether the store works, and may read the figures.
pub const DETAILS_SCOPE: &str = "metrics";
/// For how long it is told that all is well, in seconds.
pub const WELL_S: u64 = 5;
/// For how long it is told that something is not, in seconds.
pub const UNWELL_S: u64 = 2;
/// A look that takes longer is taken for dead, and another begins, in seconds.
pub const LOOK_S_MAX: u64 = 60;
const _: () = assert!(UNWELL_S <= WELL_S && WELL_S < LOOK_S_MAX);

/// What a look found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Buckets that take, give and remove.
    pub accessible: Vec<String>,
    /// What does not work.
    pub troubles: Vec<Trouble>,
    /// How long the look took, in milliseconds.
    pub duration_ms: u64,
}

/// A bucket that does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Its name.
    pub bucket: String,
    /// The kind of the fault.
    pub code: &'static str,
    /// The step that failed.
    pub operation: &'static str,
}

/// What one host knows.
#[derive(Debug, Default)]
pub struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<(Arc<Found>, Timestamp)>,
    looking: Option<(u64, Timestamp)>,
    looks: u64,
}

/// What is to be done about a question.
#[derive(Debug)]
pub enum Asked<'h> {
    /// This is known.
    Known(Arc<Found>),
    /// Nothing is known yet, and somebody looks.
    NotYet,
    /// Whoever asked looks, and says what it found.
    Look(Look<'h>),
}

/// A look under way. Dropped, it leaves the next one to another.
#[derive(Debug)]
pub struct Look<'h> {
    health: &'h Health,
    number: u64,
}

impl Health {
    /// Somebody asks.
    pub fn ask(&self, now: Timestamp) -> Asked<'_> {
        let mut state = self.state();
        if let Some((found, at)) = &state.last {
            let seconds = if found.troubles.is_empty() {
                WELL_S
            } else {
                UNWELL_S
            };
            // A clock that was set back makes nothing known for longer.
            if now >= *at && now < saturating_add_secs(*at, seconds) {
                return Asked::Known(Arc::clone(found));
            }
        }
        let is_looking = state
            .looking
            .is_some_and(|(_, since)| now >= since && now < saturating_add_secs(since, LOOK_S_MAX));
        if is_looking {
            return match &state.last {
                Some((found, _)) => Asked::Known(Arc::clone(found)),
                None => Asked::NotYet,
            };
        }
        state.looks += 1;
        let number = state.looks;
        state.looking = Some((number, now));
        Asked::Look(Look {
            health: self,
            number,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look<'_> {
    /// Says what was found.
    #[must_use]
    pub fn end(self, found: Found, now: Timestamp) -> Arc<Found> {
        let found = Arc::new(found);
        let mut state = self.health.state();
        // One that was taken for dead may come late, after another.
        if state
            .looking
            .is_some_and(|(number, _)| number == self.number)
        {
            state.last = Some((Arc::clone(&found), now));
        }
        drop(state);
        found
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let mut state = self.health.state();
        if state
            .looking
            .is_some_and(|(number, _)| number == self.number)
        {
            state.looking = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Timestamp {
        saturating_add_secs(Timestamp::UNIX_EPOCH, 1_800_000_000 + second)
    }

    fn found(troubles: usize) -> Found {
        let trouble = Trouble {
            bucket: "b".to_owned(),
            code: "denied",
            operation: "put",
        };
        Found {
            accessible: Vec::new(),
            troubles: vec![trouble; troubles],
            duration_ms: 1,
        }
    }

    #[track_caller]
    fn look(health: &Health, second: u64) -> Look<'_> {
        match health.ask(at(second)) {
            Asked::Look(look) => look,
            asked @ (Asked::Known(_) | Asked::NotYet) => panic!("{asked:?}"),
        }
    }

    #[test]
    fn one_looks_for_all_who_ask_within_some_seconds() {
        let health = Health::default();
        let first = look(&health, 0);
        assert!(matches!(health.ask(at(0)), Asked::NotYet));
        let _ = first.end(found(0), at(1));
        assert!(matches!(health.ask(at(WELL_S)), Asked::Known(_)));
        let second = look(&health, WELL_S + 1);
        assert!(
            matches!(health.ask(at(WELL_S + 1)), Asked::Known(_)),
            "what was found last"
        );
        let _ = second.end(found(1), at(WELL_S + 1));
        let _ = look(&health, WELL_S + 1 + UNWELL_S);
    }

    #[test]
    fn a_look_that_is_given_up_or_never_ends_is_followed_by_another() {
        let health = Health::default();
        drop(look(&health, 0));
        let endless = look(&health, 0);
        assert!(matches!(health.ask(at(LOOK_S_MAX - 1)), Asked::NotYet));
        let next = look(&health, LOOK_S_MAX);
        let _ = endless.end(found(1), at(LOOK_S_MAX));
        assert!(
            matches!(health.ask(at(LOOK_S_MAX)), Asked::NotYet),
            "it came too late"
        );
        let _ = next.end(found(0), at(LOOK_S_MAX));
        assert!(matches!(health.ask(at(LOOK_S_MAX)), Asked::Known(_)));
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_alive() {
        let health = Health::default();
        let _ = look(&health, 1000).end(found(0), at(1000));
        let _ = look(&health, 10);
    }
}
