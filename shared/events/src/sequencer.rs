//! The order of events of one key.

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use super::EventError;

/// An event's place among the events of the same key: hexadecimal text, of S3 and MinIO alike.
///
/// Texts of different length compare as if the shorter were padded on the right with `0` (Amazon S3 User Guide, "Event message
/// structure"). So trailing zeros carry nothing, and neither does the case: notifications write upper case, EventBridge lower.
/// Sequencers of different keys compare, but it means nothing.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sequencer(String);

impl Sequencer {
    /// The longest text taken, in hexadecimal digits. S3's have 16 to 18.
    pub const DIGITS_MAX: usize = 128;

    /// Takes a store's text. The empty one is the least of all.
    ///
    /// # Errors
    ///
    /// [`EventError::BadSequencer`] if it is not hexadecimal, or over [`Sequencer::DIGITS_MAX`] digits.
    pub fn parse(text: &str) -> Result<Self, EventError> {
        if text.len() > Self::DIGITS_MAX || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EventError::BadSequencer);
        }
        Ok(Self(text.to_owned()))
    }

    /// The text as the store wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits that carry the order. Without trailing zeros, plain comparison is comparison after padding: where one text ends,
    /// the other goes on to a digit over `0` or ends as well.
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
        // Ends the text, as `str` does: no digit is 0xff.
        state.write_u8(0xff);
    }
}
