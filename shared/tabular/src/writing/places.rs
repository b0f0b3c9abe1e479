//! Whether numbers are kept as places in a dictionary, and which.

use crate::writing::bounds::{Bound, Bounds};
use crate::writing::chunk::{Chunk, Scratch};
use crate::writing::encode;

/// Values that are looked at before a dictionary of numbers is tried.
const SAMPLE: usize = 1024;
/// Integers in a range of so many are found by where they are.
const NEAR: usize = 8192;

impl Chunk {
    /// Puts numbers into the dictionary, where that is smaller than so many bytes. Some are near to each other.
    pub(super) fn take_numbers(
        &mut self,
        values: impl ExactSizeIterator<Item = i64> + Clone,
        near: Option<(i64, usize)>,
        bytes: usize,
        scratch: &mut Scratch,
    ) -> bool {
        let count = values.len();
        if self.has_numbers == Some(false) {
            return false;
        }
        if self.has_numbers.is_none() {
            let step = (count / SAMPLE).max(1);
            let mut sampled = 0;
            scratch.sample.clear();
            for value in values.clone().step_by(step) {
                scratch.sample.place(value, usize::MAX);
                sampled += 1;
            }
            let is_promising = scratch.sample.values.len() * 4 <= sampled;
            if !is_promising {
                self.has_numbers = Some(false);
                return false;
            }
        }
        let known = self.numbers.values.len();
        scratch.places.clear();
        if !self.find_places(values, near, scratch) {
            self.has_numbers = Some(false);
            return false;
        }
        let entries = self.numbers.values.len();
        let width = encode::width(entries as u64) as usize;
        let pays = (entries - known) * size_of::<i64>() + count * width / 8 < bytes;
        // New entries stay, for nothing, where it does not pay: the dictionary is used by earlier pages.
        self.has_numbers = Some(pays);
        pays
    }

    /// Finds the places of numbers in the dictionary; `false` where it has no room for them.
    fn find_places(
        &mut self,
        values: impl Iterator<Item = i64>,
        near: Option<(i64, usize)>,
        scratch: &mut Scratch,
    ) -> bool {
        let Scratch {
            places,
            near: known,
            numbers_max,
            ..
        } = scratch;
        let Some((least, range)) = near else {
            for value in values {
                let Some(place) = self.numbers.place(value, *numbers_max) else {
                    return false;
                };
                places.push(place);
            }
            return true;
        };
        // Each is looked up once, and then found by where it is. 0 is not known.
        known.clear();
        known.resize(range, 0);
        for value in values {
            let known = &mut known[value.wrapping_sub(least) as usize];
            if *known == 0 {
                let Some(place) = self.numbers.place(value, *numbers_max) else {
                    return false;
                };
                *known = place + 1;
            }
            places.push(*known - 1);
        }
        true
    }
}

/// The least of integers that are near to each other, and their range.
pub(crate) fn near(bounds: &Bounds) -> Option<(i64, usize)> {
    let (Bound::Int(min), Bound::Int(max)) = bounds else {
        return None;
    };
    let range = usize::try_from(max.abs_diff(*min)).ok()?;
    (range < NEAR).then(|| (*min, range + 1))
}
