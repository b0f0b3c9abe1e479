//! Cells as they are usually written, read by as many bytes at once as the longest of them have: those ahead of a shorter cell
//! are read too, and masked. So nothing branches by how long a cell is, which varies from row to row. What is not read here is
//! left to [`fast`], which tests hold this against.

use crate::types::fast;

/// Bytes that are read at once.
pub(crate) const AHEAD: usize = 16;

const ZEROS: u128 = u128::from_ne_bytes([b'0'; AHEAD]);
/// The last bytes of a word, by their number.
const LAST: [u128; AHEAD + 1] = {
    let mut masks = [0; AHEAD + 1];
    let mut at = 1;
    while at <= AHEAD {
        masks[at] = u128::MAX << (8 * (AHEAD - at));
        at += 1;
    }
    masks
};

/// A cell, and the text ahead of it.
#[derive(Clone, Copy)]
pub(crate) struct Window<'a> {
    upto: &'a [u8],
    start: usize,
}

impl<'a> Window<'a> {
    /// The cell between these places of a text.
    #[inline]
    pub(crate) fn new(text: &'a [u8], start: usize, end: usize) -> Self {
        Self {
            upto: &text[..end],
            start,
        }
    }

    #[inline]
    pub(crate) fn bytes(self) -> &'a [u8] {
        &self.upto[self.start..]
    }

    /// A short cell behind zeros.
    #[inline]
    pub(crate) fn short(self) -> Option<u128> {
        last(self.upto, self.length())
    }

    #[inline]
    fn length(self) -> usize {
        self.upto.len() - self.start
    }

    /// Whether it begins with a minus.
    #[inline]
    fn is_negative(self) -> bool {
        self.upto.get(self.start) == Some(&b'-')
    }

    /// Its last bytes behind zeros, so many of them.
    #[inline]
    fn word(self, count: usize) -> Option<u128> {
        let word = u128::from_le_bytes(*self.upto.last_chunk()?);
        let mask = LAST.get(count)?;
        Some((word & mask) | (ZEROS & !mask))
    }
}

/// The last bytes, if they are so few, behind zeros.
#[inline]
pub(crate) fn last(bytes: &[u8], count: usize) -> Option<u128> {
    let word = u128::from_le_bytes(*bytes.last_chunk()?);
    Some(word & LAST.get(count)?)
}

/// Sixteen digits.
#[inline]
fn sixteen(word: u128) -> Option<u64> {
    let (first, last) = (word as u64, (word >> 64) as u64);
    if fast::others(first) | fast::others(last) != 0 {
        return None;
    }
    Some(fast::eight(first) * 100_000_000 + fast::eight(last))
}

#[inline]
fn signed(value: u64, is_negative: bool) -> i64 {
    let sign = -i64::from(is_negative);
    (value.cast_signed() ^ sign) - sign
}

/// As [`fast::int64`].
#[inline]
pub(crate) fn int64(cell: Window<'_>) -> Option<i64> {
    let is_negative = cell.is_negative();
    let count = cell.length() - usize::from(is_negative);
    let Some(word) = cell.word(count) else {
        return fast::int64(cell.bytes());
    };
    let first = *cell.upto.get(cell.upto.len() - count)?;
    if first == b'0' && cell.length() > 1 {
        return None;
    }
    Some(signed(sixteen(word)?, is_negative))
}

/// Decimals with a point at the same place from their ends.
pub(crate) struct Decimals {
    scale: u8,
    /// What is before the point, and behind it.
    before: u128,
    behind: u128,
}

impl Decimals {
    pub(crate) fn new(scale: u8) -> Self {
        let places = u32::from(scale).min(AHEAD as u32 - 1);
        Self {
            scale,
            before: u128::MAX >> (8 * (places + 1)).min(127),
            behind: u128::MAX
                .checked_shl(8 * (AHEAD as u32 - places))
                .unwrap_or(0),
        }
    }

    /// As [`fast::decimal`].
    #[inline]
    pub(crate) fn read(&self, cell: Window<'_>) -> Option<i64> {
        let is_negative = cell.is_negative();
        let count = cell.length() - usize::from(is_negative);
        let places = usize::from(self.scale);
        let is_usual = count > places + 1
            && places > 0
            && cell.upto.get(cell.upto.len() - places - 1) == Some(&b'.');
        let (true, Some(word)) = (is_usual, cell.word(count)) else {
            return fast::decimal(cell.bytes(), self.scale);
        };
        let first = *cell.upto.get(cell.upto.len() - count)?;
        if first == b'0' && count > places + 2 {
            return None;
        }
        // What is before the point moves up by a byte.
        let digits = (word & self.before) << 8 | u128::from(b'0') | (word & self.behind);
        let value = sixteen(digits)?;
        (value > 0 || !is_negative).then(|| signed(value, is_negative))
    }
}

/// As [`fast::float64`].
#[inline]
pub(crate) fn float64(cell: Window<'_>) -> Option<f64> {
    match parts(cell) {
        Some((value, places)) => fast::quotient(value, places, cell.is_negative()),
        None => fast::float64(cell.bytes()),
    }
}

/// The digits of a double of many digits, and how many are behind the point.
#[inline]
fn parts(cell: Window<'_>) -> Option<(u64, usize)> {
    let begins = cell.start + usize::from(cell.is_negative());
    let length = cell.upto.len() - begins;
    let beginning = cell.upto[begins..].first_chunk::<8>()?;
    let whole = fast::point_of_eight(*beginning)?;
    let places = length - whole - 1;
    // Leading zeros, more digits than 64 bits hold, and what is longer than a word.
    if whole == 0 || places == 0 || length > 20 || (beginning[0] == b'0' && whole > 1) {
        return None;
    }
    let before = Window::new(cell.upto, begins, begins + whole).word(whole)?;
    let behind = cell.word(places)?;
    // Not more than seven.
    let before = (before >> 64) as u64;
    if fast::others(before) != 0 {
        return None;
    }
    let value = fast::eight(before) * fast::power(places)? + sixteen(behind)?;
    Some((value, places))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i64>().prop_map(|value| value.to_string()),
            any::<i32>().prop_map(|value| value.to_string()),
            any::<f64>().prop_map(|value| value.to_string()),
            (-1000.0..1000.0).prop_map(|value: f64| value.to_string()),
            "-?[0-9]{0,20}(\\.[0-9]{0,20})?",
            "-?[0-9]{1,6}\\.[0-9]{1,6}",
            "[-+0-9.e,:/ ]{0,18}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        /// What is read here is what is read there; and what is read there is, whatever is ahead of it.
        #[test]
        fn what_is_ahead_of_a_cell_does_not_matter(
            ahead in "[-0-9.,a]{0,24}",
            cell in cell(),
            scale in 0_u8..19,
        ) {
            let text = format!("{ahead}{cell}");
            let window = Window::new(text.as_bytes(), ahead.len(), text.len());
            let bytes = cell.as_bytes();
            prop_assert_eq!(int64(window), fast::int64(bytes));
            prop_assert_eq!(Decimals::new(scale).read(window), fast::decimal(bytes, scale));
            let bits = |value: Option<f64>| value.map(f64::to_bits);
            prop_assert_eq!(bits(float64(window)), bits(fast::float64(bytes)));
        }
    }
}
