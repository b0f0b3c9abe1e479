//! Cells as they are usually written, straight to their values. What is not read here is not wrong: it is looked at closely,
//! by the rules of [`cell`](crate::cell), which the tests hold this against. Whatever is read here is held by the type.

/// Powers of ten that a double has exactly.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
];
/// The same as integers, as far as they have 64 bits.
const TENS: [u64; 20] = {
    let mut tens = [1; 20];
    let mut at = 1;
    while at < 20 {
        tens[at] = tens[at - 1] * 10;
        at += 1;
    }
    tens
};
/// Digits of any integer of 63 bits.
const INT_DIGITS: usize = 18;
/// Digits of any integer of 64 bits.
const DIGITS: usize = 19;
/// Integers up to here are the same in a double.
const EXACT_MAX: u64 = 1 << 53;

const ZEROS: u64 = 0x3030_3030_3030_3030;

/// Zero where each of eight bytes is a digit.
#[inline]
pub(crate) fn others(word: u64) -> u64 {
    const HIGH: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    let above = word.wrapping_add(0x0606_0606_0606_0606);
    ((word & HIGH) ^ ZEROS) | ((above & HIGH) ^ ZEROS)
}

/// The value of eight digits.
#[inline]
pub(crate) fn eight(word: u64) -> u64 {
    let digits = word.wrapping_sub(ZEROS);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00FF_0000_00FF).wrapping_mul(0x000F_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00FF_0000_00FF).wrapping_mul(0x0000_2710_0000_0001);
    low.wrapping_add(high) >> 32
}

/// Eight digits at once.
#[inline]
fn eight_of(bytes: [u8; 8]) -> Option<u64> {
    let word = u64::from_le_bytes(bytes);
    (others(word) == 0).then(|| eight(word))
}

/// Ten to a power that 64 bits hold.
#[inline]
pub(crate) fn power(places: usize) -> Option<u64> {
    TENS.get(places).copied()
}

/// At most eight bytes at the end of a word of zeros. Loads overlap, so that no loop asks how many there are.
#[inline]
fn last_of_word(bytes: &[u8]) -> u64 {
    let length = bytes.len();
    if let Some(first) = bytes.first_chunk::<8>() {
        return u64::from_le_bytes(*first);
    }
    let ahead = 8 * (8 - length as u32);
    let word = match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << ahead
                | u64::from(u32::from_le_bytes(*last)) << 32
        }
        _ => {
            let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
                return ZEROS;
            };
            let middle = bytes[length / 2];
            u64::from(*first) << ahead
                | u64::from(middle) << (ahead + 8 * (length as u32 / 2))
                | u64::from(*last) << 56
        }
    };
    word | (ZEROS & !(u64::MAX << ahead))
}

/// The value of digits alone, at most [`DIGITS`] of them, behind `value`.
#[inline]
fn digits(mut bytes: &[u8], mut value: u64) -> Option<u64> {
    while let Some((first, rest)) = bytes.split_first_chunk::<8>() {
        value = value
            .wrapping_mul(100_000_000)
            .wrapping_add(eight_of(*first)?);
        bytes = rest;
    }
    Some(
        value
            .wrapping_mul(TENS[bytes.len()])
            .wrapping_add(eight_of(last_of_word(bytes).to_le_bytes())?),
    )
}

#[inline]
fn sign(bytes: &[u8]) -> (bool, &[u8]) {
    match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    }
}

/// An integer: no leading zeros, no `-0`.
#[inline]
pub(crate) fn int64(cell: &[u8]) -> Option<i64> {
    let (negative, bytes) = sign(cell);
    if bytes.is_empty() || bytes.len() > INT_DIGITS {
        return None;
    }
    if bytes[0] == b'0' {
        return (cell.len() == 1).then_some(0);
    }
    let value = digits(bytes, 0)?.cast_signed();
    Some(if negative { -value } else { value })
}

/// Where the first point of eight bytes is.
#[inline]
pub(crate) fn point_of_eight(bytes: [u8; 8]) -> Option<usize> {
    const POINTS: u64 = 0x2E2E_2E2E_2E2E_2E2E;
    const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
    let other = u64::from_le_bytes(bytes) ^ POINTS;
    let found = !(((other & LOW) + LOW) | other | LOW);
    (found != 0).then(|| found.trailing_zeros() as usize / 8)
}

/// Where the point is.
#[inline]
fn point(bytes: &[u8]) -> Option<usize> {
    let first = bytes.first_chunk::<8>();
    let found = first.and_then(|first| point_of_eight(*first));
    found.or_else(|| bytes.iter().position(|byte| *byte == b'.'))
}

/// A plain number: its digits without the point, and how many are behind it where there is one.
#[inline]
fn number(bytes: &[u8], point: Option<usize>) -> Option<(u64, Option<usize>)> {
    if bytes.len() > DIGITS + 1 {
        return None;
    }
    let leads = |whole: &[u8]| whole.is_empty() || (whole[0] == b'0' && whole.len() > 1);
    let Some(point) = point else {
        if leads(bytes) || bytes.len() > DIGITS {
            return None;
        }
        return Some((digits(bytes, 0)?, None));
    };
    let (whole, fraction) = (&bytes[..point], &bytes[point + 1..]);
    if leads(whole) || fraction.is_empty() {
        return None;
    }
    Some((digits(fraction, digits(whole, 0)?)?, Some(fraction.len())))
}

/// At most seven digits with a point at this place among them.
#[inline]
fn short(bytes: &[u8], point: usize) -> Option<i64> {
    let length = bytes.len();
    if length > 8 || point == 0 || bytes.get(point) != Some(&b'.') || point + 1 == length {
        return None;
    }
    if bytes[0] == b'0' && point > 1 {
        return None;
    }
    // What is before the point moves up by a byte.
    let word = last_of_word(bytes);
    let at = 8 * (8 - length + point) as u32;
    let before = word & !(u64::MAX << at);
    let behind = word & (u64::MAX << at) & !(0xFF << at);
    eight_of((before << 8 | b'0' as u64 | behind).to_le_bytes()).map(u64::cast_signed)
}

/// A decimal with a point or without, times ten to the power of `scale`; at most 18 digits.
#[inline]
pub(crate) fn decimal(cell: &[u8], scale: u8) -> Option<i64> {
    let (negative, bytes) = sign(cell);
    // Most cells of a column have as many digits behind the point.
    let usual = bytes.len().wrapping_sub(usize::from(scale) + 1);
    if let Some(value) = short(bytes, usual) {
        return Some(if negative { -value } else { value })
            .filter(|value| !negative || *value != 0);
    }
    let at = match bytes.get(usual) {
        Some(b'.') => Some(usual),
        Some(_) | None => point(bytes),
    };
    let (value, places) = number(bytes, at)?;
    let missing = usize::from(scale).checked_sub(places.unwrap_or(0))?;
    let value = value.checked_mul(*TENS.get(missing)?)?;
    if value >= TENS[INT_DIGITS] || (negative && value == 0) {
        return None;
    }
    let value = value.cast_signed();
    Some(if negative { -value } else { value })
}

/// A double that says what the cell says: written back with as many digits it gives the same digits.
#[inline]
pub(crate) fn float64(cell: &[u8]) -> Option<f64> {
    let (negative, bytes) = sign(cell);
    let (value, places) = number(bytes, point(bytes))?;
    let places = match places {
        Some(places) => places,
        // An integer is the same in a double, or it is none.
        None if value <= EXACT_MAX => 0,
        None => return None,
    };
    quotient(value, places, negative)
}

/// The double of so many digits, of which these are behind the point.
#[inline]
pub(crate) fn quotient(value: u64, places: usize, negative: bool) -> Option<f64> {
    // A quotient of two doubles that are exact is rounded once.
    let magnitude = if value < 1_000_000_000_000_000 {
        value as f64 / POWERS.get(places)?
    } else {
        nearest(value, places)?
    };
    Some(if negative { -magnitude } else { magnitude })
}

/// The double nearest to `value` over ten to the power of `places`, where it is less than half a unit of the last digit away.
/// `None` also where it takes more than 128 bits to tell.
#[inline]
fn nearest(value: u64, places: usize) -> Option<f64> {
    const FRACTION_BITS: u32 = 52;
    const LEAST: u64 = 1 << FRACTION_BITS;
    let power = *TENS.get(places)?;
    // At most two steps from the nearest.
    let close = (value as f64 / power as f64).to_bits();
    let shift = u32::try_from(1075 - (close >> FRACTION_BITS) as i32).ok()?;
    if shift == 0 || 64 - value.leading_zeros() + shift + 1 > 127 {
        return None;
    }
    // mantissa / 2^shift and value / power, both times 2 * power * 2^shift. They differ by a few powers, which have 64 bits.
    let power = i128::from(power);
    let wanted = (u128::from(value) << (shift + 1)).cast_signed();
    let mantissa = (close & (LEAST - 1)) | LEAST;
    let apart = wanted - 2 * i128::from(mantissa) * power;
    // A step up or down where that is nearer, without a branch: which one it takes is as good as random.
    let step = i64::from(apart >= power) - i64::from(apart <= -power);
    let apart = (apart - 2 * i128::from(step) * power).unsigned_abs();
    let mantissa = mantissa.wrapping_add_signed(step);
    // Neighbours of a power of two lie unevenly.
    let is_inside = mantissa > LEAST + 1 && mantissa < 2 * LEAST - 2;
    let is_nearest = apart < power.unsigned_abs() && apart < 1 << shift;
    (is_inside && is_nearest).then(|| f64::from_bits(close.wrapping_add_signed(step)))
}

/// The parts of a date, where its digits and separators are such.
#[inline]
fn parts(bytes: &[u8; 10]) -> Option<(u32, u32, u32)> {
    let [y0, y1, y2, y3, before, m0, m1, behind, d0, d1] = *bytes;
    if before != behind || !matches!(before, b'-' | b'/') {
        return None;
    }
    let all = eight_of([y0, y1, y2, y3, m0, m1, d0, d1])? as u32;
    Some((all / 10_000, all / 100 % 100, all % 100))
}

/// Days before each month of a year that is no leap year, and behind the last.
const BEFORE: [u32; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

/// Days since 1970 of `YYYY-MM-DD` or `YYYY/MM/DD`.
#[inline]
pub(crate) fn date(bytes: &[u8; 10]) -> Option<i64> {
    let (year, month, day) = parts(bytes)?;
    if year == 0 || !(1..=12).contains(&month) || day == 0 {
        return None;
    }
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (before, behind) = (BEFORE[month as usize - 1], BEFORE[month as usize]);
    if day > behind - before + u32::from(month == 2 && is_leap) {
        return None;
    }
    let years = year - 1;
    let leap_days = years / 4 - years / 100 + years / 400 + u32::from(month > 2 && is_leap);
    // 719162 days lie between 0001-01-01 and 1970-01-01.
    Some(i64::from(years * 365 + leap_days + before + day - 1) - 719_162)
}

/// Microseconds since 1970 of `YYYY-MM-DDTHH:MM:SS`, with `T` or a blank.
#[inline]
pub(crate) fn timestamp(cell: &[u8]) -> Option<i64> {
    let (day, clock) = cell.split_first_chunk::<10>()?;
    let clock: &[u8; 9] = clock.try_into().ok()?;
    let [sign, h0, h1, first, m0, m1, second, s0, s1] = *clock;
    if !matches!(sign, b'T' | b' ') || first != b':' || second != b':' {
        return None;
    }
    let all = eight_of([b'0', b'0', h0, h1, m0, m1, s0, s1])? as u32;
    let (hour, minute, second) = (all / 10_000, all / 100 % 100, all % 100);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = date(day)? * 86_400 + i64::from(hour * 3600 + minute * 60 + second);
    Some(seconds * 1_000_000)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::types::cell::{self, Kinds};
    use crate::types::moment;
    use crate::types::number::{self, NumberFormat};
    use consign_hints::DateOrder;

    fn cell() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i64>().prop_map(|value| value.to_string()),
            any::<u64>().prop_map(|value| value.to_string()),
            any::<f64>().prop_map(|value| value.to_string()),
            (-1000.0..1000.0).prop_map(|value: f64| value.to_string()),
            (0.0..1.0).prop_map(|value: f64| value.to_string()),
            "-?[0-9]{0,20}(\\.[0-9]{0,20})?",
            "-?[1-9][0-9]{0,3}\\.[0-9]{13,16}",
            "-?[0-9]{1,6}\\.[0-9]{1,6}",
            "[-+0-9.e,:/ ]{0,12}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn what_is_read_fast_is_what_is_read_closely(cell in cell(), scale in 0_u8..19) {
            let kinds = || cell::kinds(&cell);
            if let Some(value) = int64(cell.as_bytes()) {
                prop_assert!(kinds().holds(Kinds::INT64));
                prop_assert_eq!(number::int64(&cell), Some(value));
            }
            if let Some(value) = decimal(cell.as_bytes(), scale) {
                prop_assert!(kinds().holds(Kinds::DECIMAL));
                let closely = number::decimal(&cell, NumberFormat::Point, scale);
                prop_assert_eq!(closely, Some(value.into()));
                prop_assert!(number::precision(value.unsigned_abs(), scale) <= 18);
            }
            if let Some(value) = float64(cell.as_bytes()) {
                prop_assert!(kinds().holds(Kinds::FLOAT64), "{cell}");
                let closely = number::float64(&cell).map(f64::to_bits);
                prop_assert_eq!(closely, Some(value.to_bits()));
            }
        }

        #[test]
        fn moments_read_fast_are_those_read_closely(
            cell in "[0-2][0-9]{3}[-/][0-3][0-9][-/][0-3][0-9]([T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9])?",
        ) {
            let order = DateOrder::YearMonthDay;
            let bytes = cell.as_bytes();
            if let Ok(day) = bytes.try_into() {
                prop_assert_eq!(date(day), moment::date(bytes, order).map(i64::from));
            }
            let closely = moment::timestamp(bytes, order).map(|moment| moment.micros);
            prop_assert_eq!(timestamp(bytes), closely);
        }

        #[test]
        fn doubles_as_programs_write_them_are_read_fast(value in -1000.0..1000.0) {
            let cell = f64::to_string(&value);
            prop_assume!(cell.len() <= 19 && value.abs() > 0.1);
            prop_assert_eq!(float64(cell.as_bytes()), Some(value));
        }
    }
}
