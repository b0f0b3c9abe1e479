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

/// Eight digits at once.
#[inline]
fn eight(bytes: [u8; 8]) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH: u64 = 0xF0F0_F0F0_F0F0_F0F0;
    let word = u64::from_le_bytes(bytes);
    let above = word.wrapping_add(0x0606_0606_0606_0606);
    if (word & HIGH) != ZEROS || (above & HIGH) != ZEROS {
        return None;
    }
    let digits = word - ZEROS;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let low = (pairs & 0x0000_00FF_0000_00FF).wrapping_mul(0x000F_4240_0000_0064);
    let high = ((pairs >> 16) & 0x0000_00FF_0000_00FF).wrapping_mul(0x0000_2710_0000_0001);
    Some(low.wrapping_add(high) >> 32)
}

/// The value of digits alone, at most [`DIGITS`] of them behind `value`.
#[inline]
fn digits(mut bytes: &[u8], mut value: u64) -> Option<u64> {
    while let Some((first, rest)) = bytes.split_first_chunk::<8>() {
        value = value.wrapping_mul(100_000_000).wrapping_add(eight(*first)?);
        bytes = rest;
    }
    for byte in bytes {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
    }
    Some(value)
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

/// A plain number: its digits without the point, and how many are behind it where there is one.
#[inline]
fn number(bytes: &[u8]) -> Option<(u64, Option<usize>)> {
    if bytes.len() > DIGITS + 1 {
        return None;
    }
    let leads = |whole: &[u8]| whole.is_empty() || (whole[0] == b'0' && whole.len() > 1);
    let Some(point) = bytes.iter().position(|byte| *byte == b'.') else {
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

/// A decimal with a point or without, times ten to the power of `scale`; at most 18 digits.
#[inline]
pub(crate) fn decimal(cell: &[u8], scale: u8) -> Option<i64> {
    let (negative, bytes) = sign(cell);
    let (value, places) = number(bytes)?;
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
pub(crate) fn float64(cell: &str) -> Option<f64> {
    let (negative, bytes) = sign(cell.as_bytes());
    let (value, places) = number(bytes)?;
    let places = match places {
        Some(places) => places,
        // An integer is the same in a double, or it is none.
        None if value <= EXACT_MAX => 0,
        None => return None,
    };
    // A quotient of two doubles that are exact is rounded once.
    if value < 1_000_000_000_000_000 {
        let magnitude = value as f64 / POWERS.get(places)?;
        return Some(if negative { -magnitude } else { magnitude });
    }
    let parsed: f64 = cell.parse().ok()?;
    is_near(parsed, value, places).then_some(parsed)
}

/// Whether a double is less than half a unit of the last digit away from `value` over ten to the power of `places`. `false`
/// also where it takes more than 128 bits to tell.
fn is_near(double: f64, value: u64, places: usize) -> bool {
    const FRACTION_BITS: u32 = 52;
    let bits = double.abs().to_bits();
    let exponent = (bits >> FRACTION_BITS) as i32;
    let shift = 1075 - exponent;
    let Ok(shift) = u32::try_from(shift) else {
        return false;
    };
    let (Some(power), false) = (TENS.get(places), exponent == 0 || shift == 0) else {
        return false;
    };
    let mantissa = (bits & ((1 << FRACTION_BITS) - 1)) | 1 << FRACTION_BITS;
    if 64 - value.leading_zeros() + shift + 1 > 127 {
        return false;
    }
    // mantissa / 2^shift and value / power, both times 2 * power * 2^shift.
    let one = 2 * u128::from(mantissa) * u128::from(*power);
    let other = u128::from(value) << (shift + 1);
    one.abs_diff(other) < 1 << shift
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::cell::{self, Kinds};
    use crate::number::{self, NumberFormat};

    fn cell() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<i64>().prop_map(|value| value.to_string()),
            any::<u64>().prop_map(|value| value.to_string()),
            any::<f64>().prop_map(|value| value.to_string()),
            (-1000.0..1000.0).prop_map(|value: f64| value.to_string()),
            (0.0..1.0).prop_map(|value: f64| value.to_string()),
            "-?[0-9]{0,20}(\\.[0-9]{0,20})?",
            "-?[1-9][0-9]{0,3}\\.[0-9]{13,16}",
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
            if let Some(value) = float64(&cell) {
                prop_assert!(kinds().holds(Kinds::FLOAT64), "{cell}");
                let closely = number::float64(&cell).map(f64::to_bits);
                prop_assert_eq!(closely, Some(value.to_bits()));
            }
        }

        #[test]
        fn doubles_as_programs_write_them_are_read_fast(value in -1000.0..1000.0) {
            let cell = f64::to_string(&value);
            prop_assume!(cell.len() <= 19);
            prop_assert_eq!(float64(&cell), Some(value));
        }
    }
}
