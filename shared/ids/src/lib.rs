//! Identifiers: uploads, owners, ETags and objects. Each is a type that only a valid text becomes, so no other place checks
//! it again.
//!
//! ```
//! use consign_ids::{ETag, OwnerId, UploadId};
//!
//! // Stores, proxies and clients write one ETag in several ways.
//! assert_eq!(ETag::new("W/\"d41d8\""), ETag::new("d41d8"));
//! assert!(OwnerId::parse("alice").is_ok() && OwnerId::parse("").is_err());
//! // Sorted by the time of creation, and in one spelling.
//! let early = UploadId::new(consign_time::from_secs(1_800_000_000).expect("within range"), [7; 10]);
//! let late = UploadId::new(consign_time::from_secs(1_800_000_001).expect("within range"), [0; 10]);
//! assert!(early < late);
//! assert_eq!(UploadId::parse(&early.to_string()), Ok(early));
//! ```

use std::fmt;

use consign_time::Timestamp;
use serde::{Deserialize, Serialize};

/// Why a text is not the identifier that it should be. The text itself is never repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a lower-case hyphenated UUID.
    #[error("not a file id: expected a UUID in its 36 character lower-case form")]
    Upload,
    /// Not 1 to 128 printable ASCII characters.
    #[error("not an owner: expected 1 to 128 printable ASCII characters without spaces")]
    Owner,
}

/// The identifier of an upload, `file_id` on the wire: a UUID of version 7 (RFC 9562), so that it sorts by creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UploadId(uuid::Uuid);

impl UploadId {
    /// A new identifier from the time and ten random bytes.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// Parses the one spelling we write: 36 characters, lower case, hyphenated.
    ///
    /// # Errors
    /// [`IdError::Upload`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let id = uuid::Uuid::try_parse(text).map_err(|_| IdError::Upload)?;
        let mut buffer = uuid::Uuid::encode_buffer();
        if id.hyphenated().encode_lower(&mut buffer) == text {
            Ok(Self(id))
        } else {
            Err(IdError::Upload)
        }
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

/// Who an upload belongs to: the `sub` of the token that signed it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OwnerId(String);

/// The longest owner, in bytes.
pub const OWNER_BYTES_MAX: usize = 128;

impl OwnerId {
    /// Parses an owner: 1 to [`OWNER_BYTES_MAX`] printable ASCII characters, no spaces.
    ///
    /// # Errors
    /// [`IdError::Owner`] for any other text.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let fits = (1..=OWNER_BYTES_MAX).contains(&text.len());
        if fits && text.bytes().all(|b| b.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Owner)
        }
    }

    /// The owner as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entity tag as it is written, without its quotes and without the `W/` of a weak one (RFC 9110, section 8.8.3).
///
/// Stores write strong tags only; a proxy that compresses makes them weak on their way, and the version is the same.
#[must_use]
pub fn bare_etag(text: &str) -> &str {
    let text = text.trim();
    let text = text
        .strip_prefix("W/")
        .filter(|strong| strong.starts_with('"'))
        .unwrap_or(text);
    text.trim_matches('"')
}

/// An entity tag without its quotes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ETag(String);

impl ETag {
    /// Takes a tag as a store, a proxy or a client writes it: strong or weak, with or without quotes.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(bare_etag(text).to_owned())
    }

    /// The tag without quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The tag as a header wants it: in quotes.
    #[must_use]
    pub fn quoted(&self) -> String {
        format!("\"{}\"", self.0)
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an object is: a bucket and a key, both decoded.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectRef {
    /// The bucket's name.
    pub bucket: String,
    /// The object key, decoded.
    pub key: String,
}

impl ObjectRef {
    /// A reference from its parts.
    #[must_use]
    pub fn new(bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            key: key.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upload_ids_sort_by_creation_and_have_one_spelling() {
        let early = UploadId::new(consign_time::from_millis(1_000).unwrap(), [255; 10]);
        let late = UploadId::new(consign_time::from_millis(2_000).unwrap(), [0; 10]);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(UploadId::parse(&early.to_string()), Ok(early));
        assert_eq!(
            UploadId::parse(&late.to_string().replace('-', "")),
            Err(IdError::Upload)
        );
        let upper = UploadId::new(Timestamp::UNIX_EPOCH, [0xab; 10])
            .to_string()
            .to_uppercase();
        assert_eq!(UploadId::parse(&upper), Err(IdError::Upload));
        assert_eq!(UploadId::parse(""), Err(IdError::Upload));
    }

    #[test]
    fn owners_are_short_and_printable() {
        assert_eq!(OwnerId::parse("auth0|42").unwrap().as_str(), "auth0|42");
        for bad in ["", "a b", "a\n", "é", &"x".repeat(129)] {
            assert_eq!(OwnerId::parse(bad), Err(IdError::Owner));
        }
    }

    #[test]
    fn etags_lose_and_regain_their_quotes() {
        let etag = ETag::new("\"abc-2\"");
        assert_eq!(etag.as_str(), "abc-2");
        assert_eq!(etag.quoted(), "\"abc-2\"");
        assert_eq!(etag, ETag::new("abc-2"));
    }

    #[test]
    fn a_weak_etag_names_the_same_version() {
        assert_eq!(ETag::new("W/\"abc-2\""), ETag::new("abc-2"));
        assert_eq!(ETag::new(" W/\"abc-2\" ").quoted(), "\"abc-2\"");
        // Without quotes it is a tag that begins so.
        assert_eq!(ETag::new("W/abc").as_str(), "W/abc");
    }
}
