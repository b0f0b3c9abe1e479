//! Checksums in the forms that clients and stores use.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// The SHA-256 of a whole file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Digest(pub [u8; 32]);

impl Sha256Digest {
    /// Returns the digest in base64, as S3's headers have it.
    pub fn base64(&self) -> String {
        BASE64_STANDARD.encode(self.0)
    }
}

impl FromStr for Sha256Digest {
    type Err = String;

    /// Parses base64 of 32 bytes, or 64 hexadecimal digits. The two cannot be confused: base64 has 44 characters.
    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = match text.len() {
            64 => base16ct::mixed::decode_vec(text).ok(),
            _ => BASE64_STANDARD.decode(text).ok(),
        };
        let digest = bytes.and_then(|bytes| bytes.try_into().ok()).map(Self);
        digest.ok_or_else(|| {
            "must be a SHA-256: 44 characters of base64, or 64 hexadecimal digits".to_owned()
        })
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Sha256Digest({})", self.base64())
    }
}
