//! Instants: how they are made, moved and written.
//!
//! An instant is [`chrono`]'s, in UTC. This module holds what chrono does otherwise than the wire and the stored records
//! need: its text form differs from RFC 3339 (`2026-01-31 12:00:00 UTC`), its range ends long after the year 9999, which RFC 3339
//! cannot write, `+` panics at that end, and it reads a leap second as an instant of its own.
//!
//! The workspace leaves chrono's feature `serde` off, so that a field without [`rfc3339`] does not compile.
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

/// The first instant that RFC 3339 can write: `0000-01-01T00:00:00Z`.
pub const MIN: Timestamp = instant(-62_167_219_200, 0);
/// The last instant that RFC 3339 can write: `9999-12-31T23:59:59.999999999Z`.
pub const MAX: Timestamp = instant(253_402_300_799, NANOS - 1);

/// Nanoseconds of a second.
const NANOS: u32 = 1_000_000_000;

#[expect(clippy::expect_used, reason = "evaluated by the compiler")]
const fn instant(second: i64, nanosecond: u32) -> Timestamp {
    DateTime::from_timestamp(second, nanosecond).expect("within chrono's range")
}

/// A text that is no instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a date and time as RFC 3339 writes them, such as 2026-01-31T12:00:00Z")]
pub struct ParseError;

/// The instant so many seconds after 1970 began, unless it is outside [`MIN`] to [`MAX`].
#[must_use]
pub fn from_secs(seconds: i64) -> Option<Timestamp> {
    DateTime::from_timestamp(seconds, 0).filter(is_in_range)
}

/// The instant so many milliseconds after 1970 began, unless it is outside [`MIN`] to [`MAX`].
#[must_use]
pub fn from_millis(milliseconds: i64) -> Option<Timestamp> {
    DateTime::from_timestamp_millis(milliseconds).filter(is_in_range)
}

/// The instant so many microseconds after 1970 began, unless it is outside [`MIN`] to [`MAX`].
#[must_use]
pub fn from_micros(microseconds: i64) -> Option<Timestamp> {
    DateTime::from_timestamp_micros(microseconds).filter(is_in_range)
}

/// The instant so many seconds later, unless it is after [`MAX`].
#[must_use]
pub fn checked_add_secs(at: Timestamp, seconds: u64) -> Option<Timestamp> {
    let delta = TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?;
    at.checked_add_signed(delta).filter(is_in_range)
}

/// The instant so many seconds later, or [`MAX`].
#[must_use]
pub fn saturating_add_secs(at: Timestamp, seconds: u64) -> Timestamp {
    checked_add_secs(at, seconds).unwrap_or(MAX)
}

/// Reads RFC 3339, with any offset.
///
/// A leap second is taken for the second before it, as the clocks that are compared with it do not have one.
///
/// # Errors
/// [`ParseError`] where the text is anything else, or an instant outside [`MIN`] to [`MAX`].
pub fn parse(text: &str) -> Result<Timestamp, ParseError> {
    // chrono takes U+2212 for a minus; RFC 3339 is ASCII.
    if !text.is_ascii() {
        return Err(ParseError);
    }
    let at = DateTime::parse_from_rfc3339(text).map_err(|_| ParseError)?;
    let at = without_leap_second(at.to_utc());
    Some(at).filter(is_in_range).ok_or(ParseError)
}

/// Reads the `Date` of HTTP, and what else RFC 2822 allows.
///
/// # Errors
/// [`ParseError`] where the text is anything else, or an instant outside [`MIN`] to [`MAX`].
pub fn parse_http_date(text: &str) -> Result<Timestamp, ParseError> {
    let at = DateTime::parse_from_rfc2822(text).map_err(|_| ParseError)?;
    let at = without_leap_second(at.to_utc());
    Some(at).filter(is_in_range).ok_or(ParseError)
}

/// Writes RFC 3339 in UTC, with as many digits of a second as the instant has. What is outside [`MIN`] to [`MAX`] is written
/// as the nearer of them.
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

/// chrono keeps `23:59:60` as `23:59:59` with more than a second of nanoseconds: its seconds and its microseconds since 1970
/// then differ by one second.
fn without_leap_second(at: Timestamp) -> Timestamp {
    at.with_nanosecond(at.nanosecond() % NANOS).unwrap_or(at)
}

/// An instant in JSON, as a text of RFC 3339: `#[serde(with = "time::rfc3339")]`.
pub mod rfc3339 {
    use std::fmt;

    use serde::de::{Deserializer, Error, Visitor};
    use serde::ser::Serializer;

    use super::{Timestamp, parse, to_rfc3339};

    /// Writes the text.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_rfc3339(*at))
    }

    /// Reads the text.
    ///
    /// # Errors
    /// Where it is no text of RFC 3339.
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

    /// The same for an instant that may be missing: `#[serde(default, with = "time::rfc3339::option")]`. Without `default` the
    /// field must be there, if only as `null`.
    pub mod option {
        use serde::{Deserialize as _, Deserializer, Serialize, Serializer};

        use super::Timestamp;

        #[derive(serde::Serialize, serde::Deserialize)]
        struct Present(#[serde(with = "super")] Timestamp);

        /// Writes the text, or `null`.
        ///
        /// # Errors
        /// Those of the serializer.
        pub fn serialize<S: Serializer>(
            at: &Option<Timestamp>,
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            at.map(Present).serialize(serializer)
        }

        /// Reads the text, or `null`.
        ///
        /// # Errors
        /// Where it is neither `null` nor a text of RFC 3339.
        pub fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Option<Timestamp>, D::Error> {
            Option::<Present>::deserialize(deserializer).map(|at| at.map(|Present(at)| at))
        }
    }
}

#[cfg(test)]
mod tests;
