//! The two time formats of a signature: `YYYYMMDD` in the scope, and `YYYYMMDDThhmmssZ`.

use super::error::PresignError;
use chrono::NaiveDate;

use consign_time::{self as time, Timestamp};

/// Seconds per day.
const DAY_S: i64 = 86_400;

/// An instant, to the second.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    /// Seconds since 1970-01-01.
    second: i64,
}

impl Stamp {
    /// Refuses times before 1970 or after 9999.
    pub(super) fn new(time: Timestamp) -> Result<Self, PresignError> {
        if !(Timestamp::UNIX_EPOCH..=time::MAX).contains(&time) {
            return Err(PresignError::TimeOutOfRange);
        }
        Ok(Self {
            second: time.timestamp(),
        })
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
        self.whole_second().format("%Y%m%d").to_string()
    }

    /// `YYYY-MM-DDThh:mm:ssZ`, the format of the expiration in POST policies.
    pub(super) fn iso_8601(self) -> String {
        time::to_rfc3339(self.whole_second())
    }

    fn whole_second(self) -> Timestamp {
        time::from_secs(self.second).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

/// Parses `YYYYMMDDThhmmssZ` only.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    if bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to].iter().try_fold(0, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + u32::from(byte - b'0'))
        })
    };
    let year = i32::try_from(number(0, 4)?).ok()?;
    let date = NaiveDate::from_ymd_opt(year, number(4, 6)?, number(6, 8)?)?;
    let at = date.and_hms_opt(number(9, 11)?, number(11, 13)?, number(13, 15)?)?;
    Some(at.and_utc())
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn stamps_are_written_and_read_back() {
        for (text, date, clock) in [
            ("2013-05-24T00:00:00Z", "20130524", "000000Z"),
            ("2024-02-29T23:59:59.999Z", "20240229", "235959Z"),
            ("1970-01-01T00:00:01Z", "19700101", "000001Z"),
            ("9999-12-30T10:09:08Z", "99991230", "100908Z"),
        ] {
            let time = time::parse(text).unwrap();
            let stamp = Stamp::new(time).unwrap();
            assert_eq!((&*stamp.date(), &*stamp.clock()), (date, clock));
            assert_eq!(stamp.iso_8601()[..19], text[..19]);
            assert_eq!(
                parse(&format!("{date}T{clock}")).map(|at| at.timestamp()),
                Some(time.timestamp())
            );
        }
    }

    #[test]
    fn years_that_have_no_four_digits_are_refused() {
        for time in [
            time::parse("1969-12-31T23:59:59.5Z").unwrap(),
            time::MIN,
            time::MAX + TimeDelta::nanoseconds(1),
            Timestamp::MAX_UTC,
        ] {
            assert!(matches!(
                Stamp::new(time),
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
