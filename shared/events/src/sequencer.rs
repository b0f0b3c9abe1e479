//! The order of the events of one key.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::error::EventError;

/// The position of an event among the events of the same key: hexadecimal text, for both S3 and MinIO.
///
/// Texts of different length compare as if the shorter one were padded on the right with `0` (Amazon S3 User Guide,
/// "Event message structure"). Trailing zeros and case are therefore not significant: notifications write upper case,
/// EventBridge lower case. A comparison of sequencers of different keys has no meaning.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequencer(String);

impl Sequencer {
    /// The maximum length in hexadecimal digits. S3's sequencers have 16 to 18.
    pub const DIGITS_MAX: usize = 128;

    /// Parses the text of a store. The empty text is the smallest sequencer.
    ///
    /// # Errors
    ///
    /// [`EventError::BadSequencer`] if it is not hexadecimal, or longer than [`Sequencer::DIGITS_MAX`] digits.
    pub fn parse(text: &str) -> Result<Self, EventError> {
        if text.len() > Self::DIGITS_MAX || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EventError::BadSequencer);
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the text as the store wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the significant digits. Without trailing zeros, plain comparison equals comparison after padding:
    /// where one text ends, the other either ends too or continues to a digit above `0`.
    fn digits(&self) -> impl Iterator<Item = u8> {
        let significant = self.0.trim_end_matches('0');
        significant.bytes().map(|digit| digit.to_ascii_uppercase())
    }
}

impl TryFrom<String> for Sequencer {
    type Error = EventError;

    fn try_from(text: String) -> Result<Self, EventError> {
        Self::parse(&text)
    }
}

impl From<Sequencer> for String {
    fn from(sequencer: Sequencer) -> Self {
        sequencer.0
    }
}

impl Ord for Sequencer {
    fn cmp(&self, other: &Self) -> Ordering {
        self.digits().cmp(other.digits())
    }
}

impl PartialOrd for Sequencer {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Sequencer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Sequencer {}

impl Hash for Sequencer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digits().for_each(|digit| state.write_u8(digit));
        // A terminator, as `str` has one: no digit is 0xff.
        state.write_u8(0xff);
    }
}
