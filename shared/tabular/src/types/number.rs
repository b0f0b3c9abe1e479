//! Numbers as text: integers, exact decimals in three notations, and doubles.

use std::fmt::Write as _;

/// Integers up to here, and no further, are the same in a double.
const EXACT_INTEGER_MAX: u64 = 1 << 53;
/// Decimals with so few digits survive a double unchanged.
const EXACT_DIGITS: usize = 15;
/// Decimals with more digits than this stay text without a closer look.
const DIGITS_MAX: usize = 40;
/// Within these powers of ten a double is neither infinite nor subnormal.
const EXACT_EXPONENTS: std::ops::RangeInclusive<i32> = -290..=290;
/// Digits that a Parquet decimal of 16 bytes holds.
pub(crate) const PRECISION_MAX: u8 = 38;

/// How a column writes its decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum NumberFormat {
    /// `1234.50`.
    Point,
    /// `1.234,50`, `1 234,50` or `1234,50`.
    Comma,
    /// `1,234.50`.
    PointGrouped,
    /// `1 234.50`; only where hints say so.
    PointSpaced,
}

/// How many digits a decimal has before and behind its point.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Digits {
    pub(crate) whole: u8,
    pub(crate) scale: u8,
}

impl Digits {
    pub(crate) fn join(&mut self, other: Self) {
        self.whole = self.whole.max(other.whole);
        self.scale = self.scale.max(other.scale);
    }

    /// Digits of a decimal that holds all of them; `None` where Parquet has none so wide.
    pub(crate) fn precision(self) -> Option<u8> {
        let precision = self.whole.checked_add(self.scale)?.max(1);
        (precision <= PRECISION_MAX).then_some(precision)
    }
}

/// A number as it is written: sign, digits, point, digits, exponent.
pub(crate) struct Written<'a> {
    pub(crate) negative: bool,
    whole: &'a [u8],
    pub(crate) point: bool,
    fraction: &'a [u8],
    pub(crate) exponent: Option<i32>,
}

impl Written<'_> {
    /// Its digits as a plain decimal; `None` where it has an exponent, a negative zero, or too many.
    pub(crate) fn digits(&self) -> Option<Digits> {
        if self.exponent.is_some() || (self.negative && self.is_zero()) {
            return None;
        }
        let whole = if self.whole == b"0" {
            0
        } else {
            self.whole.len()
        };
        digits(whole, self.fraction.len())
    }

    fn is_zero(&self) -> bool {
        let mut digits = self.whole.iter().chain(self.fraction);
        digits.all(|digit| *digit == b'0')
    }
}

fn digits(whole: usize, scale: usize) -> Option<Digits> {
    let most = usize::from(PRECISION_MAX);
    (whole + scale <= most).then_some(Digits {
        whole: u8::try_from(whole).ok()?,
        scale: u8::try_from(scale).ok()?,
    })
}

fn split_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = bytes
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(bytes.len());
    bytes.split_at(length)
}

/// Reads a number with a point and an exponent, each optional. No leading zeros, no `+`.
pub(crate) fn written(bytes: &[u8]) -> Option<Written<'_>> {
    let (negative, bytes) = match bytes.strip_prefix(b"-") {
        Some(rest) => (true, rest),
        None => (false, bytes),
    };
    let (whole, rest) = split_digits(bytes);
    let (point, fraction, rest) = match rest.strip_prefix(b".") {
        Some(rest) => {
            let (fraction, rest) = split_digits(rest);
            (true, fraction, rest)
        }
        None => (false, &rest[..0], rest),
    };
    if whole.len() + fraction.len() == 0 || (whole.len() > 1 && whole[0] == b'0') {
        return None;
    }
    let exponent = match rest {
        [] => None,
        [b'e' | b'E', rest @ ..] => {
            let (sign, digits) = match rest {
                [b'+', digits @ ..] => (1, digits),
                [b'-', digits @ ..] => (-1, digits),
                digits => (1, digits),
            };
            if digits.is_empty() || digits.len() > 4 {
                return None;
            }
            let (digits, []) = split_digits(digits) else {
                return None;
            };
            let value = digits
                .iter()
                .fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
            Some(value * sign)
        }
        [_, ..] => return None,
    };
    Some(Written {
        negative,
        whole,
        point,
        fraction,
        exponent,
    })
}

/// Whether an integer is the same in a double.
pub(crate) fn is_exact_integer(value: i64) -> bool {
    value.unsigned_abs() <= EXACT_INTEGER_MAX
}

/// Whether a double, written back with as many significant digits as the cell has, gives the cell's digits.
pub(crate) fn is_exact(cell: &str, number: &Written<'_>) -> bool {
    let digits = || number.whole.iter().chain(number.fraction);
    let Some(first) = digits().position(|digit| *digit != b'0') else {
        return true;
    };
    let last = digits().count() - digits().rev().position(|digit| *digit != b'0').unwrap_or(0);
    let significant = last - first;
    let Ok(point) = i32::try_from(number.whole.len() as i64 - 1 - first as i64) else {
        return false;
    };
    let exponent = point + number.exponent.unwrap_or(0);
    if significant <= EXACT_DIGITS && EXACT_EXPONENTS.contains(&exponent) {
        return true;
    }
    let Some(value) = float64(cell).filter(|value| value.is_finite() && significant <= DIGITS_MAX)
    else {
        return false;
    };
    let mut back = String::new();
    if write!(back, "{:.*e}", significant - 1, value.abs()).is_err() {
        return false;
    }
    let Some((mantissa, power)) = back.split_once('e') else {
        return false;
    };
    power.parse() == Ok(exponent)
        && mantissa
            .bytes()
            .filter(|byte| *byte != b'.')
            .eq(digits().skip(first).take(significant).copied())
}

/// The digits of a decimal that may group them in threes, in this notation. `1.234` and `1,234` are read in either, so
/// one cell decides nothing.
pub(crate) fn grouped(cell: &str, format: NumberFormat) -> Option<Digits> {
    let mut found = Digits::default();
    read_grouped(cell, format, |_| Some(()), &mut found)?;
    Some(found)
}

/// What stands before the fraction in this notation, and what may group the digits.
fn signs(format: NumberFormat) -> (char, &'static [char]) {
    match format {
        NumberFormat::Comma => (',', &['.', ' ', '\u{a0}', '\u{202f}', '\'']),
        NumberFormat::PointGrouped => ('.', &[',', '\'']),
        NumberFormat::PointSpaced => ('.', &[' ', '\u{a0}', '\u{202f}']),
        NumberFormat::Point => ('.', &[]),
    }
}

/// What groups the digits of a decimal in this notation, where something does.
pub(crate) fn separator(cell: &str, format: NumberFormat) -> Option<char> {
    let (point, groups) = signs(format);
    let whole = cell.rsplit_once(point).map_or(cell, |(whole, _)| whole);
    whole.chars().find(|letter| groups.contains(letter))
}

/// Walks over the digits of a decimal in a notation, and tells how many there are.
fn read_grouped(
    cell: &str,
    format: NumberFormat,
    mut take: impl FnMut(u8) -> Option<()>,
    found: &mut Digits,
) -> Option<()> {
    let unsigned = cell.strip_prefix('-').unwrap_or(cell);
    let (point, groups) = signs(format);
    let (whole, fraction) = match unsigned.rsplit_once(point) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (unsigned, None),
    };
    if fraction.is_some_and(|fraction| {
        fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit())
    }) {
        return None;
    }
    let separator = whole.chars().find(|letter| groups.contains(letter));
    let mut parts = match separator {
        Some(separator) => whole.split(separator),
        None => whole.split('\0'),
    };
    let first = parts.next()?;
    let longest = if separator.is_some() { 3 } else { usize::MAX };
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let leads_with_zero = first.len() > 1 && first.starts_with('0');
    if first.is_empty() || first.len() > longest || !is_digits(first) || leads_with_zero {
        return None;
    }
    if separator.is_some() && first == "0" {
        return None;
    }
    let mut count = if first == "0" { 0 } else { first.len() };
    first.bytes().try_for_each(&mut take)?;
    for part in parts {
        if part.len() != 3 || !is_digits(part) {
            return None;
        }
        count += 3;
        part.bytes().try_for_each(&mut take)?;
    }
    let fraction = fraction.unwrap_or_default();
    fraction.bytes().try_for_each(&mut take)?;
    *found = digits(count, fraction.len())?;
    let is_negative_zero =
        unsigned.len() < cell.len() && !unsigned.bytes().any(|byte| (b'1'..=b'9').contains(&byte));
    (!is_negative_zero).then_some(())
}

/// The decimal times ten to the power of `scale`, exactly; `None` where it is none or has more digits behind its point.
pub(crate) fn decimal(cell: &str, format: NumberFormat, scale: u8) -> Option<i128> {
    let mut value: i128 = 0;
    let mut push = |digit: u8| {
        value = value
            .checked_mul(10)?
            .checked_add(i128::from(digit - b'0'))?;
        Some(())
    };
    let mut found = Digits::default();
    if format == NumberFormat::Point {
        let number = written(cell.as_bytes())?;
        found = number.digits()?;
        number
            .whole
            .iter()
            .chain(number.fraction)
            .try_for_each(|digit| push(*digit))?;
    } else {
        read_grouped(cell, format, &mut push, &mut found)?;
    }
    let missing = scale.checked_sub(found.scale)?;
    let value = value.checked_mul(10_i128.checked_pow(missing.into())?)?;
    Some(if cell.starts_with('-') { -value } else { value })
}

/// Digits of a decimal of this scale that holds `most`, its largest value without its point.
pub(crate) fn precision(most: u64, scale: u8) -> u8 {
    let digits = most.checked_ilog10().map_or(0, |log| log + 1);
    u8::try_from(digits).unwrap_or(u8::MAX).max(scale).max(1)
}

/// A decimal as text with a point.
pub(crate) fn decimal_text(value: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0width$}", value.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value < 0 { "-" } else { "" };
    let point = if scale > 0 { "." } else { "" };
    format!("{sign}{whole}{point}{fraction}")
}

/// A decimal integer of 64 bits.
pub(crate) fn int64(cell: &str) -> Option<i64> {
    cell.parse().ok()
}

/// A decimal number, rounded to the nearest double; also the words for what is no finite number.
pub(crate) fn float64(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

/// Whether a cell is a word for infinity, as programs write it.
pub(crate) fn is_infinity(cell: &str) -> bool {
    let word = cell.strip_prefix(['-', '+']).unwrap_or(cell);
    word.eq_ignore_ascii_case("inf") || word.eq_ignore_ascii_case("infinity")
}

/// Whether a number is digits, an `e` and digits, such as `12E3`.
pub(crate) fn is_bare_exponent(cell: &str) -> bool {
    let parts = cell.split_once(['e', 'E']);
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    parts.is_some_and(|(whole, exponent)| is_digits(whole) && is_digits(exponent))
}

/// Whether a cell says "not a number".
pub(crate) fn is_nan(cell: &str) -> bool {
    matches!(cell, "NaN" | "nan" | "NAN" | "-nan")
}
