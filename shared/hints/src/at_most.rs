//! How many of some things there may be.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// The most of some things that there may be: a share of all, or a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtMost {
    /// A share of all, in millionths.
    Millionths(u32),
    /// So many.
    Count(u64),
}

impl AtMost {
    /// Whether so many of all are too many.
    #[must_use]
    pub fn is_exceeded(self, count: u64, all: u64) -> bool {
        match self {
            Self::Millionths(share) => {
                u128::from(count) * 1_000_000 > u128::from(all) * u128::from(share)
            }
            Self::Count(most) => count > most,
        }
    }

    /// Reads a whole number, or a text such as `"2.5%"`.
    ///
    /// # Errors
    /// What would be right.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        match (value.as_u64(), value.as_str()) {
            (Some(most), _) => Ok(Self::Count(most)),
            (None, Some(text)) => text.parse(),
            (None, None) => Err(WANTED.to_owned()),
        }
    }
}

impl fmt::Display for AtMost {
    /// As it is read: `2.5%` or `100`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(most) => write!(f, "{most}"),
            Self::Millionths(share) => {
                let (whole, rest) = (share / 10_000, format!("{:04}", share % 10_000));
                match rest.trim_end_matches('0') {
                    "" => write!(f, "{whole}%"),
                    fraction => write!(f, "{whole}.{fraction}%"),
                }
            }
        }
    }
}

const WANTED: &str = "must be a number such as 100, or a share such as \"2.5%\"";

impl FromStr for AtMost {
    type Err = String;

    /// Reads `2.5%` or `100`. A share has at most four digits behind the point.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some(percent) = text.strip_suffix('%') else {
            return text.parse().map(Self::Count).map_err(|_| WANTED.to_owned());
        };
        let (whole, fraction) = percent
            .trim_end()
            .split_once('.')
            .unwrap_or((percent.trim_end(), "0"));
        let is_number = |digits: &str, most: usize| {
            (1..=most).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
        };
        if !is_number(whole, 3) || !is_number(fraction, 4) {
            return Err(WANTED.to_owned());
        }
        let millionths = format!("{whole}{fraction:0<4}").parse();
        let millionths = millionths.ok().filter(|share| *share <= 1_000_000);
        millionths
            .map(Self::Millionths)
            .ok_or_else(|| WANTED.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn shares_and_numbers_are_read() {
        for (given, wanted) in [
            (json!(0), Some(AtMost::Count(0))),
            (json!("100"), Some(AtMost::Count(100))),
            (json!("10%"), Some(AtMost::Millionths(100_000))),
            (json!("2.5 %"), Some(AtMost::Millionths(25_000))),
            (json!("0.0001%"), Some(AtMost::Millionths(1))),
            (json!("100%"), Some(AtMost::Millionths(1_000_000))),
            (json!("100.1%"), None),
            (json!("-1%"), None),
            (json!("1.%"), None),
            (json!("%"), None),
            (json!(-1), None),
            (json!(0.5), None),
            (json!("a tenth"), None),
        ] {
            assert_eq!(AtMost::from_json(&given).ok(), wanted, "{given}");
        }
    }

    #[test]
    fn it_is_shown_as_it_is_read() {
        for text in ["0", "100", "0%", "2.5%", "0.0001%", "100%"] {
            assert_eq!(text.parse::<AtMost>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_share_is_of_all_and_a_number_is_not() {
        assert!(!AtMost::Millionths(100_000).is_exceeded(1, 10));
        assert!(AtMost::Millionths(100_000).is_exceeded(2, 10));
        assert!(!AtMost::Count(2).is_exceeded(2, 2));
        assert!(AtMost::Count(2).is_exceeded(3, 1_000));
        assert!(AtMost::Millionths(999_999).is_exceeded(u64::MAX, u64::MAX));
    }
}
