//! The kinds of faults, and how often each happens in a run.

use std::fmt;

use crate::dice::{Dice, mix};

/// A kind of fault. A run has some of them, as its seed decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The process of a function ends before or after the effect of a call of a port.
    Crashes,
    /// A call of a port is refused before its effect: 503, throttled, unreachable.
    Refusals,
    /// A call of a port has its effect, and its answer is lost.
    LostAnswers,
    /// A call of a port takes up to five minutes.
    SlowPorts,
    /// A conditional write of a record meets another.
    Conflicts,
    /// The answer of a function does not reach its client.
    LostResponses,
    /// A notification arrives up to ten times.
    Duplicates,
    /// Notifications overtake one another within a minute.
    Reorder,
    /// A notification arrives up to two hours late.
    Delays,
    /// A notification never arrives.
    LostEvents,
    /// A queue message is delivered again although its delivery still runs.
    Redeliveries,
    /// The clocks of functions differ by up to 15 minutes from the store's.
    Skew,
    /// Parts that never come, and parts that are sent twice.
    TornParts,
    /// Clients that wait longer than their URLs live, and transfers that take hours.
    SlowClients,
    /// Clients that use their URL again with other bytes.
    ReusedUrls,
    /// Owners delete their files.
    UserDeletes,
    /// Somebody removes objects in the bucket.
    BucketDeletes,
    /// Somebody writes over objects in the bucket.
    Overwrites,
    /// Notifications of unknown keys, other buckets and objects of others.
    ForgedEvents,
    /// The policy changes: smaller limits, other templates, a category that is gone.
    PolicyChanges,
    /// Two sweepers run at once.
    TwoSweepers,
    /// HEAD does not find an object for some minutes, although it exists.
    MissedObjects,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 22] = [
        Self::Crashes,
        Self::Refusals,
        Self::LostAnswers,
        Self::SlowPorts,
        Self::Conflicts,
        Self::LostResponses,
        Self::Duplicates,
        Self::Reorder,
        Self::Delays,
        Self::LostEvents,
        Self::Redeliveries,
        Self::Skew,
        Self::TornParts,
        Self::SlowClients,
        Self::ReusedUrls,
        Self::UserDeletes,
        Self::BucketDeletes,
        Self::Overwrites,
        Self::ForgedEvents,
        Self::PolicyChanges,
        Self::TwoSweepers,
        Self::MissedObjects,
    ];
}

/// A set of kinds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Kinds(u32);

impl Kinds {
    /// No kind.
    pub const NONE: Self = Self(0);

    /// Returns the kinds of a seed: none, some, half, most or all of them. Few kinds at once reach states that many at
    /// once never reach.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut dice = Dice::new(mix(seed, 3));
        let percent = dice.pick(&[0, 15, 30, 50, 50, 50, 70, 100]).unwrap_or(50);
        let mut kinds = Self::NONE;
        for kind in Kind::ALL {
            if dice.percent(percent) {
                kinds = kinds.with(kind);
            }
        }
        kinds
    }

    const fn bit(kind: Kind) -> u32 {
        1 << kind as u32
    }

    /// Adds a kind.
    #[must_use]
    pub const fn with(self, kind: Kind) -> Self {
        Self(self.0 | Self::bit(kind))
    }

    /// Removes a kind.
    #[must_use]
    pub const fn without(self, kind: Kind) -> Self {
        Self(self.0 & !Self::bit(kind))
    }

    /// Returns whether the set has a kind.
    #[must_use]
    pub const fn has(self, kind: Kind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    /// Returns the kinds in order.
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.has(*kind))
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// How often a fault hits a call of a port, of ten thousand.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) crash: u64,
    pub(crate) refusal: u64,
    pub(crate) lost_answer: u64,
    pub(crate) slow: u64,
    pub(crate) conflict: u64,
    pub(crate) missed: u64,
    /// The longest usual duration of a call, in milliseconds.
    pub(crate) latency_ms: u64,
}

impl Rates {
    /// Returns the rates of a seed.
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(mix(seed, 4));
        let mut one_of = |rates: [u64; 3]| dice.pick(&rates).unwrap_or(0);
        Self {
            crash: one_of([30, 120, 400]),
            refusal: one_of([50, 200, 800]),
            lost_answer: one_of([50, 200, 600]),
            slow: one_of([30, 100, 300]),
            conflict: one_of([100, 500, 1_500]),
            missed: one_of([100, 400, 1_500]),
            latency_ms: one_of([1, 40, 800]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_added_and_removed_alone() {
        let both = Kinds::NONE.with(Kind::Skew).with(Kind::Delays);
        assert_eq!(both.iter().collect::<Vec<_>>(), [Kind::Delays, Kind::Skew]);
        assert_eq!(both.without(Kind::Skew), Kinds::NONE.with(Kind::Delays));
        assert_eq!(Kinds::of(9), Kinds::of(9));
    }
}
