//! Instants: creation, arithmetic, parsing and formatting.
//!
//! An instant is a [`chrono`] value in UTC. This crate covers the differences between chrono and what the wire and the
//! stored records need. chrono's text form is not RFC 3339 (`2026-01-31 12:00:00 UTC`). Its range ends long after the
//! year 9999, which RFC 3339 cannot express, and `+` panics at that end. It reads a leap second as a separate instant.
//!
//! The workspace does not enable chrono's feature `serde`, so that a field without [`rfc3339`] does not compile.
//!
//! ```
//! use consign_time as time;
//!
//! let at = time::parse("2026-01-31T13:00:00.250+01:00")?;
//! assert_eq!(time::to_rfc3339(at), "2026-01-31T12:00:00.25Z");
//! assert_eq!(at.timestamp_micros(), 1_769_860_800_250_000);
//! assert_eq!(time::from_micros(1_769_860_800_250_000), Some(at));
//! # Ok::<(), time::ParseError>(())
//! ```

use chrono::{DateTime, SecondsFormat, TimeDelta, Timelike as _, Utc};

/// An instant in UTC, to the nanosecond.
pub type Timestamp = DateTime<Utc>;

/// The first instant of RFC 3339: `0000-01-01T00:00:00Z`.
pub const MIN: Timestamp = instant(-62_167_219_200, 0);
/// The last instant of RFC 3339: `9999-12-31T23:59:59.999999999Z`.
pub const MAX: Timestamp = instant(253_402_300_799, NANOS - 1);

/// Nanoseconds per second.
const NANOS: u32 = 1_000_000_000;

#[expect(clippy::expect_used, reason = "evaluated by the compiler")]
const fn instant(second: i64, nanosecond: u32) -> Timestamp {
    DateTime::from_timestamp(second, nanosecond).expect("within chrono's range")
}

/// The text is not an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a date and time as RFC 3339 writes them, such as 2026-01-31T12:00:00Z")]
pub struct ParseError;

/// Returns the instant this many seconds after 1970 began; `None` outside [`MIN`] to [`MAX`].
#[must_use]
pub fn from_secs(seconds: i64) -> Option<Timestamp> {
    DateTime::from_timestamp(seconds, 0).filter(is_in_range)
}

/// Returns the instant this many milliseconds after 1970 began; `None` outside [`MIN`] to [`MAX`].
#[must_use]
pub fn from_millis(milliseconds: i64) -> Option<Timestamp> {
    DateTime::from_timestamp_millis(milliseconds).filter(is_in_range)
}

/// Returns the instant this many microseconds after 1970 began; `None` outside [`MIN`] to [`MAX`].
#[must_use]
pub fn from_micros(microseconds: i64) -> Option<Timestamp> {
    DateTime::from_timestamp_micros(microseconds).filter(is_in_range)
}

/// Adds seconds; `None` after [`MAX`].
#[must_use]
pub fn checked_add_secs(at: Timestamp, seconds: u64) -> Option<Timestamp> {
    let delta = TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?;
    at.checked_add_signed(delta).filter(is_in_range)
}

/// Adds seconds, up to [`MAX`].
#[must_use]
pub fn saturating_add_secs(at: Timestamp, seconds: u64) -> Timestamp {
    checked_add_secs(at, seconds).unwrap_or(MAX)
}

/// Parses RFC 3339, with any offset.
///
/// A leap second becomes the second before it, since the clocks that it is compared with have none.
///
/// # Errors
/// [`ParseError`] if the text is not RFC 3339, or the instant is outside [`MIN`] to [`MAX`].
pub fn parse(text: &str) -> Result<Timestamp, ParseError> {
    // chrono accepts U+2212 as a minus sign; RFC 3339 is ASCII.
    if !text.is_ascii() {
        return Err(ParseError);
    }
    let at = DateTime::parse_from_rfc3339(text).map_err(|_| ParseError)?;
    let at = without_leap_second(at.to_utc());
    Some(at).filter(is_in_range).ok_or(ParseError)
}

/// Parses an HTTP `Date`, or any other form that RFC 2822 allows.
///
/// # Errors
/// [`ParseError`] if the text is not RFC 2822, or the instant is outside [`MIN`] to [`MAX`].
pub fn parse_http_date(text: &str) -> Result<Timestamp, ParseError> {
    let at = DateTime::parse_from_rfc2822(text).map_err(|_| ParseError)?;
    let at = without_leap_second(at.to_utc());
    Some(at).filter(is_in_range).ok_or(ParseError)
}

/// Formats as RFC 3339 in UTC, with as many fractional digits as needed. An instant outside [`MIN`] to [`MAX`] is
/// formatted as the nearer of them.
#[must_use]
pub fn to_rfc3339(at: Timestamp) -> String {
    let at = at.clamp(MIN, MAX);
    if at.nanosecond() == 0 {
        return at.to_rfc3339_opts(SecondsFormat::Secs, true);
    }
    let mut text = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
    text.truncate(text.trim_end_matches(['0', 'Z']).len());
    text.push('Z');
    text
}

fn is_in_range(at: &Timestamp) -> bool {
    (MIN..=MAX).contains(at)
}

/// chrono stores `23:59:60` as `23:59:59` with more than 10^9 nanoseconds. Its seconds and its microseconds since 1970
/// then differ by one second.
fn without_leap_second(at: Timestamp) -> Timestamp {
    at.with_nanosecond(at.nanosecond() % NANOS).unwrap_or(at)
}

/// Serializes an instant as RFC 3339: `#[serde(with = "time::rfc3339")]`.
pub mod rfc3339 {
    use std::fmt;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    use super::{Timestamp, parse, to_rfc3339};

    /// Serializes the instant.
    ///
    /// # Errors
    /// The errors of the serializer.
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_rfc3339(*at))
    }

    /// Deserializes an instant.
    ///
    /// # Errors
    /// The text is not RFC 3339.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_str(Text)
    }

    struct Text;

    impl Visitor<'_> for Text {
        type Value = Timestamp;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a date and time of RFC 3339")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
            parse(text).map_err(E::custom)
        }
    }

    /// The same for an optional instant: `#[serde(default, with = "time::rfc3339::option")]`. Without `default` the
    /// field is required, but may be `null`.
    pub mod option {
        use serde::{Deserialize as _, Deserializer, Serialize, Serializer};

        use super::Timestamp;

        #[derive(serde::Serialize, serde::Deserialize)]
        struct Present(#[serde(with = "super")] Timestamp);

        /// Serializes the instant, or `null`.
        ///
        /// # Errors
        /// The errors of the serializer.
        pub fn serialize<S: Serializer>(
            at: &Option<Timestamp>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            at.map(Present).serialize(serializer)
        }

        /// Deserializes an instant, or `null`.
        ///
        /// # Errors
        /// The value is neither `null` nor RFC 3339.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Timestamp>, D::Error> {
            Option::<Present>::deserialize(deserializer).map(|at| at.map(|Present(at)| at))
        }
    }
}

#[cfg(test)]
mod tests;
