//! The two spellings of time in a signature: `YYYYMMDD` of the scope and `YYYYMMDDThhmmssZ`.

use super::error::PresignError;
use jiff::{Timestamp, civil::DateTime, tz::Offset};

/// Seconds of a day.
const DAY_S: i64 = 86_400;
/// The last second of the year 9999, which is the last that `YYYY` can hold.
const SECOND_MAX: i64 = 253_402_300_799;

/// A moment, to the second.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Seconds since 1970-01-01.
    second: i64,
}

impl Stamp {
    /// Refuses what is before 1970 or after 9999.
    pub(super) fn new(time: Timestamp) -> Result<Self, PresignError> {
        let second = time.as_second();
        if time < Timestamp::UNIX_EPOCH || second > SECOND_MAX {
            return Err(PresignError::TimeOutOfRange);
        }
        Ok(Self { second })
    }

    /// Days since 1970-01-01.
    pub(super) fn day(self) -> i64 {
        self.second / DAY_S
    }

    /// `hhmmssZ`.
    pub(super) fn clock(self) -> String {
        let second = self.second % DAY_S;
        format!(
            "{:02}{:02}{:02}Z",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
    }

    /// `YYYYMMDD`.
    pub(super) fn date(self) -> String {
        self.civil().strftime("%Y%m%d").to_string()
    }

    /// `YYYY-MM-DDThh:mm:ssZ`, as POST policies want their expiration.
    pub(super) fn iso_8601(self) -> String {
        self.civil().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    fn civil(self) -> DateTime {
        let time = Timestamp::from_second(self.second).unwrap_or(Timestamp::UNIX_EPOCH);
        Offset::UTC.to_datetime(time)
    }
}

/// Parses `YYYYMMDDThhmmssZ` and nothing else.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    if bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0i16, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i16::from(byte - b'0'))
        })
    };
    let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
    let civil = DateTime::new(
        number(0, 4)?,
        small(4)?,
        small(6)?,
        small(9)?,
        small(11)?,
        small(13)?,
        0,
    )
    .ok()?;
    Offset::UTC.to_timestamp(civil).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_written_and_read_back() {
        for (text, date, clock) in [
            ("2013-05-24T00:00:00Z", "20130524", "000000Z"),
            ("2024-02-29T23:59:59.999Z", "20240229", "235959Z"),
            ("1970-01-01T00:00:01Z", "19700101", "000001Z"),
            ("9999-12-30T10:09:08Z", "99991230", "100908Z"),
        ] {
            let time: Timestamp = text.parse().unwrap();
            let stamp = Stamp::new(time).unwrap();
            assert_eq!((&*stamp.date(), &*stamp.clock()), (date, clock));
            assert_eq!(stamp.iso_8601()[..19], text[..19]);
            assert_eq!(
                parse(&format!("{date}T{clock}")).map(Timestamp::as_second),
                Some(time.as_second())
            );
        }
    }

    #[test]
    fn years_that_have_no_four_digits_are_refused() {
        for text in ["1969-12-31T23:59:59.5Z", "-000044-03-15T00:00:00Z"] {
            assert!(matches!(
                Stamp::new(text.parse().unwrap()),
                Err(PresignError::TimeOutOfRange)
            ));
        }
    }

    #[test]
    fn other_spellings_are_not_dates() {
        for text in [
            "",
            "20130524T000000",
            "20130524 000000Z",
            "20131324T000000Z",
            "20130524T0000é0",
            "20130524T+10000Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
