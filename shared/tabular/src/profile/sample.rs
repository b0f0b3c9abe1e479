//! The values of a column in the rows of the sample.

use xxhash_rust::xxh3::xxh3_64;

use crate::profile::picks::{Picks, raised};
use crate::profile::summary::TOP_VALUE_BYTES_MAX;
use crate::writing::buffer::{Buffer, Values};

/// What a number of the sample takes in memory.
pub(crate) const NUMBER_BYTES: usize = size_of::<i64>() + size_of::<u32>();
/// The same of a decimal of more than 18 digits.
pub(crate) const WIDE_BYTES: usize = size_of::<i128>() + size_of::<u32>();
/// The same of a text.
pub(crate) const TEXT_BYTES: usize = TOP_VALUE_BYTES_MAX + size_of::<u64>() + 2 * size_of::<u32>();

/// The sample of one column.
pub(crate) struct Sample {
    level: u32,
    /// Of each value.
    places: Vec<u32>,
    pub(crate) values: Sampled,
}

/// Values without the nulls between them.
pub(crate) enum Sampled {
    /// Integers and what is kept as one, and doubles by [`key`].
    Numbers(Vec<i64>),
    Wides(Vec<i128>),
    Texts(SampledTexts),
    /// Booleans, which are counted.
    Nothing,
}

/// Texts, cut, with the hashes of the whole ones.
#[derive(Default)]
pub(crate) struct SampledTexts {
    pub(crate) hashes: Vec<u64>,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl SampledTexts {
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.hashes.push(xxh3_64(text));
        self.bytes.extend_from_slice(cut(text));
        self.ends.push(self.bytes.len() as u32);
    }

    pub(crate) fn get(&self, at: usize) -> &[u8] {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..self.ends[at] as usize]
    }

    /// Whether a text is shorter than what is kept of it.
    pub(crate) fn is_whole(&self, at: usize) -> bool {
        self.get(at).len() + 3 < TOP_VALUE_BYTES_MAX
    }

    fn keep(&mut self, stays: &[bool]) {
        let (mut bytes, mut ends) = (0, 0);
        for (at, _) in stays.iter().enumerate().filter(|(_, stays)| **stays) {
            let start = at.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
            let end = self.ends[at] as usize;
            self.bytes.copy_within(start..end, bytes);
            bytes += end - start;
            // Behind what is read next.
            self.hashes[ends] = self.hashes[at];
            ends += 1;
        }
        let mut end = 0;
        let lengths = lengths(&self.ends);
        let kept = lengths.zip(stays).filter(|(_, stays)| **stays);
        let kept: Vec<u32> = kept
            .map(|(length, _)| {
                end += length;
                end
            })
            .collect();
        self.ends = kept;
        self.hashes.truncate(ends);
        self.bytes.truncate(bytes);
    }
}

fn lengths(ends: &[u32]) -> impl Iterator<Item = u32> {
    let starts = std::iter::once(&0).chain(ends);
    ends.iter().zip(starts).map(|(end, start)| end - start)
}

/// The beginning of a text that is kept.
fn cut(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text.get(..TOP_VALUE_BYTES_MAX + 3).unwrap_or(text)) {
        Ok(text) => &text.as_bytes()[..text.floor_char_boundary(TOP_VALUE_BYTES_MAX)],
        // The cut went through a letter.
        Err(error) => {
            let end = error.valid_up_to().min(TOP_VALUE_BYTES_MAX);
            &text[..end]
        }
    }
}

/// A number in whose order doubles are, `NaN` behind all others; -0 is 0.
#[inline]
pub(crate) fn key(value: f64) -> i64 {
    let value = if value.is_nan() {
        f64::NAN
    } else {
        value + 0.0
    };
    flipped(value.to_bits() as i64)
}

/// The double of a [`key`].
pub(crate) fn double(key: i64) -> f64 {
    f64::from_bits(flipped(key) as u64)
}

fn flipped(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

impl Sample {
    /// Of a column of such values.
    pub(crate) fn new(values: &Values) -> Self {
        let values = match values {
            Values::Bools(_) => Sampled::Nothing,
            Values::Ints(_) | Values::Floats(_) => Sampled::Numbers(Vec::new()),
            Values::Wides(_) => Sampled::Wides(Vec::new()),
            Values::Texts(_) => Sampled::Texts(SampledTexts::default()),
        };
        Self {
            level: 0,
            places: Vec::new(),
            values,
        }
    }

    /// Takes the numbers of a page that are in the sample, and says where those values are in the page. Texts are taken while they
    /// are read for more.
    pub(crate) fn add(&mut self, buffer: &Buffer, picks: &Picks) -> Vec<u32> {
        while self.level < picks.level() {
            self.thin();
        }
        let found = indices(buffer, picks, &mut self.places);
        let indices = found.iter().map(|index| *index as usize);
        match (&mut self.values, &buffer.values) {
            (Sampled::Numbers(kept), Values::Ints(values)) => {
                kept.extend(indices.map(|index| values[index]));
            }
            (Sampled::Numbers(kept), Values::Floats(values)) => {
                kept.extend(indices.map(|index| key(values[index])));
            }
            (Sampled::Wides(kept), Values::Wides(values)) => {
                kept.extend(indices.map(|index| values[index]));
            }
            // A column has one type.
            (Sampled::Numbers(_) | Sampled::Wides(_) | Sampled::Texts(_) | Sampled::Nothing, _) => {
            }
        }
        found
    }

    /// Goes to the next level.
    fn thin(&mut self) {
        let level = self.level;
        let raised: Vec<Option<u32>> = self
            .places
            .iter()
            .map(|place| raised(*place, level))
            .collect();
        let stays: Vec<bool> = raised.iter().map(Option::is_some).collect();
        self.places.clear();
        self.places.extend(raised.into_iter().flatten());
        match &mut self.values {
            Sampled::Numbers(values) => keep(values, &stays),
            Sampled::Wides(values) => keep(values, &stays),
            Sampled::Texts(texts) => texts.keep(&stays),
            Sampled::Nothing => {}
        }
        self.level += 1;
    }
}

fn keep<T>(values: &mut Vec<T>, stays: &[bool]) {
    let mut stays = stays.iter();
    values.retain(|_| stays.next().is_some_and(|stays| *stays));
}

/// Where the sampled rows of a page are among its values, nulls excluded; their places are appended.
fn indices(buffer: &Buffer, picks: &Picks, places: &mut Vec<u32>) -> Vec<u32> {
    let mut nulls = buffer.nulls.as_slice();
    let mut before = 0;
    let mut found = Vec::with_capacity(picks.picked().len());
    for pick in picks.picked() {
        while let [first, rest @ ..] = nulls
            && *first < pick.row
        {
            before += 1;
            nulls = rest;
        }
        if nulls.first() != Some(&pick.row) {
            found.push(pick.row - before);
            places.push(pick.place);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_doubles() {
        let values = [
            f64::NEG_INFINITY,
            -1e300,
            -1.5,
            -f64::MIN_POSITIVE,
            0.0,
            f64::MIN_POSITIVE,
            2.0,
            f64::INFINITY,
            f64::NAN,
        ];
        assert!(values.map(key).is_sorted());
        for value in values {
            assert!(double(key(value)).to_bits() == value.to_bits(), "{value}");
        }
        assert_eq!(key(-0.0), key(0.0));
        assert_eq!(key(-f64::NAN), key(f64::NAN));
    }

    #[test]
    fn texts_that_stay_keep_their_hashes() {
        let mut texts = SampledTexts::default();
        for text in ["one", "", "three", "four"] {
            texts.push(text.as_bytes());
        }
        texts.keep(&[false, true, true, false]);
        assert_eq!(
            (texts.get(0), texts.get(1)),
            (b"".as_slice(), b"three".as_slice())
        );
        assert_eq!(texts.hashes, [xxh3_64(b""), xxh3_64(b"three")]);
        texts.push("é".repeat(TOP_VALUE_BYTES_MAX).as_bytes());
        assert_eq!(texts.get(2).len(), TOP_VALUE_BYTES_MAX);
        assert!(!texts.is_whole(2) && texts.is_whole(1));
    }
}
