//! Seeded decisions.
//!
//! Every task draws from a stream of its own. A fault kind that is switched off still draws, so the rest of a run stays
//! as it was. The minimiser depends on that.

/// A stream of pseudo-random numbers (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes two numbers into a third.
pub(crate) fn mix(one: u64, other: u64) -> u64 {
    scramble(one ^ scramble(other.wrapping_add(STEP)))
}

fn scramble(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Dice {
    /// Returns the stream of a seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        scramble(self.0)
    }

    /// Returns a number below `end`, or 0 where `end` is 0.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next().checked_rem(end).unwrap_or(0)
    }

    /// Returns a number from `first` to `last`, both included.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last.saturating_sub(first) + 1)
    }

    /// Returns true in so many of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Returns true in so many of ten thousand cases.
    pub(crate) fn in_10_000(&mut self, count: u64) -> bool {
        self.below(10_000) < count
    }

    /// Returns one of the items.
    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> Option<T> {
        let count = u64::try_from(items.len()).unwrap_or(0);
        let index = usize::try_from(self.below(count)).unwrap_or(0);
        items.get(index).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_repeats_for_its_seed_and_stays_within_bounds() {
        let (mut one, mut same) = (Dice::new(3), Dice::new(3));
        for _ in 0..100 {
            let drawn = one.between(4, 9);
            assert_eq!(drawn, same.between(4, 9));
            assert!((4..=9).contains(&drawn));
        }
        assert_eq!(one.below(0), 0);
        assert_eq!(one.pick::<u8>(&[]), None);
        assert_ne!(mix(1, 2), mix(2, 1));
    }
}
