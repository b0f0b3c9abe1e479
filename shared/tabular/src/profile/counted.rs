//! How often each value of a column comes, while they are few; then about how many there are.
//!
//! Values are counted until there are too many. From then on only those are kept whose hash begins with a zero, then with two, …
//! (adaptive sampling, of M. Wegman): a value is always among them or never, however often it comes. So the number of those
//! that are kept tells that of all. Passing over a value takes a nanosecond; the HyperLogLog of two crates takes four to six of
//! them for each value, which is a tenth of the time that a table of numbers takes in all.

use xxhash_rust::xxh3::xxh3_64;

use crate::writing::dictionary::{Numbers, Texts};

/// Values that are kept at most.
const ENTRIES_MAX: usize = 2048;
/// Fewer than this are not worth their tables.
const ENTRIES_MIN: usize = 64;
/// What a value takes in memory, rounded up.
const ENTRY_BYTES: usize = 48;
/// Bytes that are counted of texts at most, for each value that is kept.
const TEXT_BYTES: usize = 16;
/// Whole numbers this close to each other are counted by where they are.
const NEAR: u64 = 2048;
/// Hashes that begin with more zeros are made to.
const LEVEL_MAX: u32 = 44;

/// How many values of a column are kept, where it may take so many bytes.
pub(crate) fn entries(bytes: usize) -> Option<usize> {
    let entries = (bytes / ENTRY_BYTES).min(ENTRIES_MAX);
    (entries >= ENTRIES_MIN).then_some(entries)
}

/// Different values: of hashes, those that begin with `level` zeros.
struct Kept {
    values: Numbers,
    level: u32,
    entries_max: usize,
}

impl Kept {
    fn new(entries_max: usize) -> Self {
        Self {
            values: Numbers::new(),
            level: 0,
            entries_max,
        }
    }

    #[inline]
    fn add(&mut self, value: i64) {
        if is_kept(value, self.level) && self.values.place(value, self.entries_max).is_none() {
            self.make_room(value);
        }
    }

    #[cold]
    fn make_room(&mut self, value: i64) {
        while self.level < LEVEL_MAX {
            self.level += 1;
            let values = std::mem::replace(&mut self.values, Numbers::new()).values;
            let kept = values.into_iter().chain([value]);
            for value in kept.filter(|value| is_kept(*value, self.level)) {
                self.values.place(value, self.entries_max);
            }
            if self.values.values.len() < self.entries_max {
                return;
            }
        }
    }

    fn count(&self) -> Different {
        let kept = self.values.values.len();
        Different {
            count: (kept as u64) << self.level,
            error: (self.level > 0).then(|| 1.0 / (kept.max(1) as f64).sqrt()),
        }
    }
}

/// Whether the hash of a value begins with so many zeros.
#[inline]
fn is_kept(value: i64, level: u32) -> bool {
    let mixed = (value as u64 ^ 0x2D35_8DCC_AA6C_78A5).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let hash = (mixed ^ mixed >> 32).wrapping_mul(0xD6E8_FEB8_6659_FD93);
    hash.leading_zeros() >= level
}

/// How many different values there are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Different {
    pub(crate) count: u64,
    /// The relative standard error, where they are not counted.
    pub(crate) error: Option<f64>,
}

/// Numbers of 64 bits.
pub(crate) struct CountedNumbers {
    kept: Kept,
    /// Of each value, while all of them are kept.
    counts: Vec<u64>,
}

impl CountedNumbers {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            kept: Kept::new(entries_max),
            counts: Vec::new(),
        }
    }

    /// Counts these.
    pub(crate) fn add_each(&mut self, values: impl Iterator<Item = i64>) {
        for value in values {
            if !self.count_one(value, 1) {
                self.kept.add(value);
            }
        }
    }

    /// Counts these.
    pub(crate) fn add(&mut self, values: &[i64]) {
        let rest = if self.kept.level == 0 {
            self.count(values)
        } else {
            values
        };
        rest.iter().for_each(|value| self.kept.add(*value));
    }

    /// Whether values between these are counted sooner by where they are.
    pub(crate) fn are_near(&self, values: usize, (min, max): (i64, i64)) -> bool {
        self.kept.level == 0 && max.abs_diff(min) < NEAR.min(values as u64)
    }

    /// Counts values that are near to each other.
    pub(crate) fn add_near(&mut self, values: &[i64], (min, max): (i64, i64)) {
        let range = max.abs_diff(min);
        // Twice, so that equal neighbours do not wait for each other.
        let (mut even, mut odd) = ([0_u32; NEAR as usize], [0_u32; NEAR as usize]);
        let at = |value: i64| value.wrapping_sub(min) as usize % NEAR as usize;
        let (pairs, last) = values.as_chunks::<2>();
        for [one, other] in pairs {
            even[at(*one)] += 1;
            odd[at(*other)] += 1;
        }
        last.iter().for_each(|value| even[at(*value)] += 1);
        let counts = even.into_iter().zip(odd).map(|(even, odd)| even + odd);
        for (at, count) in counts.take(range as usize + 1).enumerate() {
            let value = min.wrapping_add(at as i64);
            if count > 0 && !self.count_one(value, count.into()) {
                self.kept.add(value);
            }
        }
    }

    /// Counts values while there is room, and says which are left.
    fn count<'a>(&mut self, values: &'a [i64]) -> &'a [i64] {
        for (at, value) in values.iter().enumerate() {
            if !self.count_one(*value, 1) {
                return &values[at..];
            }
        }
        &[]
    }

    #[inline]
    fn count_one(&mut self, value: i64, times: u64) -> bool {
        if self.kept.level > 0 {
            return false;
        }
        let Some(place) = self.kept.values.place(value, self.kept.entries_max) else {
            self.counts = Vec::new();
            return false;
        };
        let place = place as usize;
        if place == self.counts.len() {
            self.counts.push(0);
        }
        self.counts[place] += times;
        true
    }

    /// All values, where they were counted.
    pub(crate) fn entries(&self) -> Option<impl Iterator<Item = (i64, u64)>> {
        let values = self.kept.values.values.iter().copied();
        let counts = self.counts.iter().copied();
        (self.kept.level == 0).then(|| values.zip(counts))
    }

    pub(crate) fn different(&self) -> Different {
        self.kept.count()
    }
}

/// Texts.
pub(crate) struct CountedTexts {
    texts: Texts,
    counts: Vec<u64>,
    /// Hashes, once the texts are too many to count.
    kept: Option<Kept>,
    entries_max: usize,
}

impl CountedTexts {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            texts: Texts::new(),
            counts: Vec::new(),
            kept: None,
            entries_max,
        }
    }

    /// Whether how often each text comes is still counted.
    pub(crate) fn counts(&self) -> bool {
        self.kept.is_none()
    }

    /// Counts a text so many times.
    pub(crate) fn add(&mut self, text: &[u8], times: u64) {
        if let Some(kept) = &mut self.kept {
            kept.add(xxh3_64(text) as i64);
            return;
        }
        let bytes_max = self.entries_max * TEXT_BYTES;
        let Some(place) = self.texts.place(text, bytes_max) else {
            self.give_up(text);
            return;
        };
        let place = place as usize;
        if place == self.counts.len() {
            self.counts.push(0);
        }
        self.counts[place] += times;
    }

    /// From now on, and for what was counted, hashes are kept.
    #[cold]
    fn give_up(&mut self, text: &[u8]) {
        let mut kept = Kept::new(self.entries_max);
        let texts = std::mem::replace(&mut self.texts, Texts::new());
        let known = (0..texts.len()).map(|place| texts.get(place));
        known
            .chain([text])
            .for_each(|text| kept.add(xxh3_64(text) as i64));
        self.counts = Vec::new();
        self.kept = Some(kept);
    }

    /// All texts, where they were counted.
    pub(crate) fn entries(&self) -> Option<impl Iterator<Item = (&[u8], u64)>> {
        let counts = self.counts.iter().enumerate();
        let entries = counts.map(|(place, count)| (self.texts.get(place), *count));
        self.kept.is_none().then_some(entries)
    }

    pub(crate) fn different(&self) -> Different {
        match &self.kept {
            Some(kept) => kept.count(),
            None => Different {
                count: self.texts.len() as u64,
                error: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_counted_while_they_are_few() {
        let mut counted = CountedNumbers::new(64);
        counted.add(&[5, 5, 7, 5, 1 << 40]);
        assert!(counted.are_near(4, (6, 7)) && !counted.are_near(1, (6, 7)));
        counted.add_near(&[7, 6, 7, 7], (6, 7));
        let entries: Vec<_> = counted.entries().expect("counted").collect();
        assert_eq!(entries, [(5, 3), (7, 4), (1 << 40, 1), (6, 1)]);
        let many: Vec<i64> = (0..1000).collect();
        counted.add(&many);
        assert!(counted.entries().is_none() && counted.different().error.is_some());
    }

    #[test]
    fn the_estimate_is_close_whatever_the_values() {
        for step in [1, 7, 100, 1000, 12_345, 1 << 20, 1 << 40, -86_400_000_000] {
            for count in [2048_i64, 2049, 20_000, 300_000] {
                let values: Vec<i64> = (0..count).map(|value| value * step).collect();
                let mut counted = CountedNumbers::new(ENTRIES_MAX);
                counted.add(&values);
                counted.add(&values);
                let Different {
                    count: found,
                    error,
                } = counted.different();
                let ratio = found as f64 / count as f64;
                assert!((0.88..1.12).contains(&ratio), "{step} {count} {ratio}");
                assert_eq!(error.is_none(), count == 2048);
            }
        }
    }

    #[test]
    fn texts_are_counted_while_they_are_few() {
        let mut counted = CountedTexts::new(64);
        for text in ["a", "", "a"] {
            counted.add(text.as_bytes(), 2);
        }
        let entries: Vec<_> = counted.entries().expect("counted").collect();
        assert_eq!(entries, [(b"a".as_slice(), 4), (b"".as_slice(), 2)]);
        for n in 0..60 {
            counted.add(format!("a somewhat longer text {n}").as_bytes(), 1);
        }
        assert!(counted.entries().is_none());
        let expected = Different {
            count: 62,
            error: None,
        };
        assert_eq!(counted.different(), expected);
        for n in 0..10_000 {
            counted.add(format!("text {n}").as_bytes(), 1);
        }
        let ratio = counted.different().count as f64 / 10_000.0;
        assert!((0.6..1.5).contains(&ratio), "{ratio}");
    }
}
