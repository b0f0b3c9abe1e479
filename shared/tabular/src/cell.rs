//! What a cell can be: the rules by which text becomes a typed value, and none changes silently.
//!
//! The survey asks [`kinds`] which types hold a cell exactly; the conversion then reads it with the parser of the
//! column's type. Both see the cell without the blanks around it.

use std::fmt::Write as _;

/// Cells that stand for a missing value where the column is not text.
pub(crate) const NULL_TOKENS: [&str; 9] = [
    "NA", "N/A", "n/a", "#N/A", "NULL", "null", "NaN", "nan", "None",
];

/// Integers up to here, and no further, are the same in a double.
const EXACT_INTEGER_MAX: u64 = 1 << 53;
/// Decimals with so few digits survive a double unchanged.
const EXACT_DIGITS: usize = 15;
/// Decimals with more digits than this stay text without a closer look.
const DIGITS_MAX: usize = 40;
/// Within these powers of ten a double is neither infinite nor subnormal.
const EXACT_EXPONENTS: std::ops::RangeInclusive<i32> = -290..=290;

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A set of column types, as bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const INT64: Self = Self(1);
    pub(crate) const FLOAT64: Self = Self(2);
    pub(crate) const BOOLEAN: Self = Self(4);
    pub(crate) const DATE: Self = Self(8);
    pub(crate) const TIMESTAMP: Self = Self(16);
    pub(crate) const TIMESTAMP_UTC: Self = Self(32);
    pub(crate) const ALL: Self = Self(63);
    const INTEGER: Self = Self(3);

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(crate) fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// The cell without blanks around it: they are no part of a number, a date or a boolean.
pub(crate) fn trim(cell: &str) -> &str {
    let blank = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    let bytes = cell.as_bytes();
    if blank(bytes.first()) || blank(bytes.last()) {
        cell.trim_matches([' ', '\t'])
    } else {
        cell
    }
}

/// Whether the trimmed cell stands for a missing value in a column that is not text.
pub(crate) fn is_null_token(cell: &str) -> bool {
    cell.len() <= 4 && NULL_TOKENS.contains(&cell)
}

/// The types that hold the trimmed, non-empty cell without changing what it says.
pub(crate) fn kinds(cell: &str) -> Kinds {
    let bytes = cell.as_bytes();
    match bytes.first() {
        Some(b'0'..=b'9') if bytes.len() >= 10 && bytes[4] == b'-' => date_or_timestamp(bytes),
        Some(b'0'..=b'9' | b'-' | b'.') => number(cell),
        Some(b't' | b'T' | b'f' | b'F') if boolean(cell).is_some() => Kinds::BOOLEAN,
        _ => Kinds::NONE,
    }
}

fn date_or_timestamp(bytes: &[u8]) -> Kinds {
    if bytes.len() == 10 {
        return if date(bytes).is_some() {
            Kinds::DATE
        } else {
            Kinds::NONE
        };
    }
    match timestamp(bytes) {
        Some(Moment { offset_s: None, .. }) => Kinds::TIMESTAMP,
        Some(Moment {
            offset_s: Some(_), ..
        }) => Kinds::TIMESTAMP_UTC,
        None => Kinds::NONE,
    }
}

/// `true`, `TRUE` or `True`, and the same for false.
pub(crate) fn boolean(cell: &str) -> Option<bool> {
    match cell {
        "true" | "TRUE" | "True" => Some(true),
        "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// A number as it is written: sign, digits, point, digits, exponent.
struct Written<'a> {
    negative: bool,
    whole: &'a [u8],
    point: bool,
    fraction: &'a [u8],
    exponent: Option<i32>,
}

fn split_digits(bytes: &[u8]) -> (&[u8], &[u8]) {
    let length = bytes
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(bytes.len());
    bytes.split_at(length)
}

fn written(bytes: &[u8]) -> Option<Written<'_>> {
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
                [b'+', digits @ ..] => (Some(1), digits),
                [b'-', digits @ ..] => (Some(-1), digits),
                digits => (None, digits),
            };
            // `12E3` is as likely an article number: an exponent counts with a point or a sign, as programs write it.
            if digits.is_empty() || digits.len() > 4 || !(point || sign.is_some()) {
                return None;
            }
            let (digits, []) = split_digits(digits) else {
                return None;
            };
            let value = digits
                .iter()
                .fold(0, |value, digit| value * 10 + i32::from(digit - b'0'));
            Some(value * sign.unwrap_or(1))
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

fn number(cell: &str) -> Kinds {
    let Some(number) = written(cell.as_bytes()) else {
        return Kinds::NONE;
    };
    if !number.point && number.exponent.is_none() {
        let Some(value) = int64(cell) else {
            return Kinds::NONE;
        };
        return match value.unsigned_abs() {
            // An integer has no negative zero.
            0 if number.negative => Kinds::FLOAT64,
            0..=EXACT_INTEGER_MAX => Kinds::INTEGER,
            _ => Kinds::INT64,
        };
    }
    if is_exact(cell, &number) {
        Kinds::FLOAT64
    } else {
        Kinds::NONE
    }
}

/// Whether a double, written back with as many significant digits as the cell has, gives the cell's digits.
fn is_exact(cell: &str, number: &Written<'_>) -> bool {
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

/// A decimal integer of 64 bits.
pub(crate) fn int64(cell: &str) -> Option<i64> {
    cell.parse().ok()
}

/// A decimal number, rounded to the nearest double.
pub(crate) fn float64(cell: &str) -> Option<f64> {
    cell.parse().ok()
}

fn two(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    }
}

/// Days since 1970 of `YYYY-MM-DD` in the years 1 to 9999.
pub(crate) fn date(bytes: &[u8]) -> Option<i32> {
    if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = two(&bytes[..2])? * 100 + two(&bytes[2..4])?;
    let (month, day) = (two(&bytes[5..7])?, two(&bytes[8..])?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year == 0 || day == 0 || day > days {
        return None;
    }
    // Years that begin in March put the leap day last: 719468 days lie between 0000-03-01 and 1970-01-01.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    i32::try_from(days + (153 * month + 2) / 5 + day - 1 - 719_468).ok()
}

/// A moment as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Microseconds since 1970, in UTC where there is an offset, else as on the clock.
    pub(crate) micros: i64,
    /// Seconds east of UTC, where the cell says so.
    pub(crate) offset_s: Option<i64>,
}

/// `YYYY-MM-DDTHH:MM[:SS[.ffffff]][zone]`, with `T` or a space; the zone `Z`, `±HH:MM`, `±HHMM` or `±HH`.
pub(crate) fn timestamp(bytes: &[u8]) -> Option<Moment> {
    if bytes.len() < 16 || !matches!(bytes[10], b'T' | b' ') || bytes[13] != b':' {
        return None;
    }
    let days = i64::from(date(&bytes[..10])?);
    let (hour, minute) = (two(&bytes[11..13])?, two(&bytes[14..16])?);
    let (second, rest) = match &bytes[16..] {
        [b':', rest @ ..] if rest.len() >= 2 => (two(&rest[..2])?, &rest[2..]),
        rest => (0, rest),
    };
    let (fraction, zone) = match rest {
        [b'.', rest @ ..] if bytes.len() > 19 && bytes[16] == b':' => split_digits(rest),
        rest => (&rest[..0], rest),
    };
    if hour > 23
        || minute > 59
        || second > 59
        || fraction.len() > 6
        || (rest.first() == Some(&b'.') && fraction.is_empty())
    {
        return None;
    }
    let scaled = fraction
        .iter()
        .fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    let micros = (fraction.len()..6).fold(scaled, |value, _| value * 10);
    let offset_s = offset(zone)?;
    let seconds =
        days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second - offset_s.unwrap_or(0);
    Some(Moment {
        micros: seconds * MICROS_PER_SECOND + micros,
        offset_s,
    })
}

fn offset(zone: &[u8]) -> Option<Option<i64>> {
    let (sign, hours, minutes) = match zone {
        [] => return Some(None),
        b"Z" => return Some(Some(0)),
        [sign @ (b'+' | b'-'), rest @ ..] => match rest.len() {
            2 => (sign, two(rest)?, 0),
            4 => (sign, two(&rest[..2])?, two(&rest[2..])?),
            5 if rest[2] == b':' => (sign, two(&rest[..2])?, two(&rest[3..])?),
            _ => return None,
        },
        [_, ..] => return None,
    };
    if hours > 18 || minutes > 59 {
        return None;
    }
    let seconds = hours * 3600 + minutes * 60;
    Some(Some(if *sign == b'-' { -seconds } else { seconds }))
}

/// `YYYY-MM-DD` of days since 1970.
pub(crate) fn date_text(days: i32) -> String {
    let days = i64::from(days) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (year_of_era + era * 400, month + 3);
    let (year, month) = if month > 12 {
        (year + 1, month - 12)
    } else {
        (year, month)
    };
    format!("{year:04}-{month:02}-{day:02}")
}

/// RFC 3339 of microseconds since 1970, with `Z` where it is UTC and no fraction where that is zero.
pub(crate) fn timestamp_text(micros: i64, utc: bool) -> String {
    let seconds = micros.div_euclid(MICROS_PER_SECOND);
    let fraction = micros.rem_euclid(MICROS_PER_SECOND);
    let clock = seconds.rem_euclid(SECONDS_PER_DAY);
    let days = i32::try_from(seconds.div_euclid(SECONDS_PER_DAY)).unwrap_or(i32::MAX);
    let mut text = date_text(days);
    let fraction = if fraction == 0 {
        String::new()
    } else {
        format!(".{fraction:06}")
    };
    let zone = if utc { "Z" } else { "" };
    text += &format!(
        "T{:02}:{:02}:{:02}{fraction}{zone}",
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    );
    text
}
