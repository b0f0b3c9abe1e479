//! Days, times of day and moments, in the notations that people use.

use consign_hints::DateOrder;

/// Microseconds of a second.
pub(crate) const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// A moment as read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Microseconds since 1970, in UTC where there is an offset, else as on the clock.
    pub(crate) micros: i64,
    /// Seconds east of UTC, where the cell says so.
    pub(crate) offset_s: Option<i64>,
}

fn two(bytes: &[u8]) -> Option<i64> {
    match bytes {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] => {
            Some(i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
        }
        _ => None,
    }
}

/// One or two digits and what follows them.
fn one_or_two(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let digit = |byte: u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let (first, rest) = bytes.split_first()?;
    let first = digit(*first)?;
    match rest.split_first() {
        Some((second, rest)) if second.is_ascii_digit() => {
            Some((first * 10 + digit(*second)?, rest))
        }
        Some(_) | None => Some((first, rest)),
    }
}

fn year(bytes: &[u8]) -> Option<i64> {
    Some(two(bytes.get(..2)?)? * 100 + two(bytes.get(2..4)?)?)
}

/// Days since 1970 of a day that exists, in the years 1 to 9999.
fn days(year: i64, month: i64, day: i64) -> Option<i32> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year == 0 || day == 0 || day > longest {
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

/// Days since 1970 at the beginning of `bytes`, and what follows.
fn leading_date(bytes: &[u8], order: DateOrder) -> Option<(i32, &[u8])> {
    if order == DateOrder::YearMonthDay {
        let separator = *bytes.get(4)?;
        if !matches!(separator, b'-' | b'/') || *bytes.get(7)? != separator {
            return None;
        }
        let (month, day) = (two(&bytes[5..7])?, two(bytes.get(8..10)?)?);
        return Some((days(year(bytes)?, month, day)?, &bytes[10..]));
    }
    let (first, rest) = one_or_two(bytes)?;
    let (separator, rest) = rest.split_first()?;
    // A month comes first only between slashes.
    let is_known = match order {
        DateOrder::DayMonthYear => matches!(separator, b'.' | b'/' | b'-'),
        DateOrder::MonthDayYear | DateOrder::YearMonthDay => *separator == b'/',
    };
    let (second, rest) = one_or_two(rest)?;
    let (again, rest) = rest.split_first()?;
    if !is_known || again != separator {
        return None;
    }
    let year = year(rest)?;
    let (day, month) = match order {
        DateOrder::MonthDayYear => (second, first),
        DateOrder::DayMonthYear | DateOrder::YearMonthDay => (first, second),
    };
    Some((days(year, month, day)?, &rest[4..]))
}

/// Days since 1970 of a whole cell.
pub(crate) fn date(bytes: &[u8], order: DateOrder) -> Option<i32> {
    match leading_date(bytes, order)? {
        (days, []) => Some(days),
        (_, [_, ..]) => None,
    }
}

/// Microseconds since midnight of `H:MM[:SS[.fraction]]`, with AM or PM where the clock has twelve hours, and what
/// follows.
fn leading_time(bytes: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = one_or_two(bytes)?;
    let rest = rest.strip_prefix(b":")?;
    let minute = two(rest.get(..2)?)?;
    let rest = &rest[2..];
    let (second, rest) = match rest {
        [b':', seconds @ ..] => (two(seconds.get(..2)?)?, &seconds[2..]),
        _ => (0, rest),
    };
    let (fraction, rest) = match rest {
        [b'.' | b',', digits @ ..] if bytes.len() - rest.len() >= 7 => fraction(digits)?,
        _ => (0, rest),
    };
    let (hour, rest) = half_day(hour, rest)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = hour * 3600 + minute * 60 + second;
    Some((seconds * MICROS_PER_SECOND + fraction, rest))
}

/// Microseconds of the digits behind a point. Digits beyond the sixth must be zeros: nothing is rounded.
fn fraction(digits: &[u8]) -> Option<(i64, &[u8])> {
    let length = digits
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, rest) = digits.split_at(length);
    if digits.is_empty() || digits.iter().skip(6).any(|digit| *digit != b'0') {
        return None;
    }
    let micros = (0..6).fold(0, |value, at| {
        value * 10 + digits.get(at).map_or(0, |digit| i64::from(digit - b'0'))
    });
    Some((micros, rest))
}

fn half_day(hour: i64, rest: &[u8]) -> Option<(i64, &[u8])> {
    let marker = rest.strip_prefix(b" ").unwrap_or(rest);
    let is_afternoon = match marker.get(..2) {
        Some(word) if word.eq_ignore_ascii_case(b"am") => false,
        Some(word) if word.eq_ignore_ascii_case(b"pm") => true,
        Some(_) | None => return Some((hour, rest)),
    };
    if !(1..=12).contains(&hour) {
        return None;
    }
    Some((hour % 12 + i64::from(is_afternoon) * 12, &marker[2..]))
}

/// Microseconds since midnight of a whole cell: `17:08`, `17:08:30`, `5:08 PM`.
pub(crate) fn time(bytes: &[u8]) -> Option<i64> {
    match leading_time(bytes)? {
        (micros, []) => Some(micros),
        (_, [_, ..]) => None,
    }
}

/// A date in this order, `T` or a space, a time of day, and a zone or none: `Z`, ` UTC`, `±HH:MM`, `±HHMM`, `±HH`, also
/// behind a space.
pub(crate) fn timestamp(bytes: &[u8], order: DateOrder) -> Option<Moment> {
    let (days, rest) = leading_date(bytes, order)?;
    let (time, zone) = match rest {
        [b'T' | b' ', rest @ ..] => leading_time(rest)?,
        _ => return None,
    };
    let offset_s = offset(zone)?;
    let seconds = i64::from(days) * SECONDS_PER_DAY - offset_s.unwrap_or(0);
    Some(Moment {
        micros: seconds * MICROS_PER_SECOND + time,
        offset_s,
    })
}

fn offset(zone: &[u8]) -> Option<Option<i64>> {
    let zone = zone.strip_prefix(b" ").unwrap_or(zone);
    let (sign, hours, minutes) = match zone {
        [] => return Some(None),
        b"Z" | b"UTC" | b"GMT" => return Some(Some(0)),
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

/// `HH:MM:SS` of microseconds since midnight, with a fraction where there is one.
pub(crate) fn time_text(micros: i64) -> String {
    let clock = micros.div_euclid(MICROS_PER_SECOND);
    let fraction = micros.rem_euclid(MICROS_PER_SECOND);
    let fraction = if fraction == 0 {
        String::new()
    } else {
        format!(".{fraction:06}")
    };
    format!(
        "{:02}:{:02}:{:02}{fraction}",
        clock / 3600,
        clock / 60 % 60,
        clock % 60
    )
}

/// RFC 3339 of microseconds since 1970, with `Z` where it is UTC and no fraction where that is zero.
pub(crate) fn timestamp_text(micros: i64, utc: bool) -> String {
    let day_micros = SECONDS_PER_DAY * MICROS_PER_SECOND;
    let days = i32::try_from(micros.div_euclid(day_micros)).unwrap_or(i32::MAX);
    let zone = if utc { "Z" } else { "" };
    format!(
        "{}T{}{zone}",
        date_text(days),
        time_text(micros.rem_euclid(day_micros))
    )
}
