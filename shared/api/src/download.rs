//! `GET /files/{id}/download-url`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What of a file to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// What was uploaded.
    Original,
    /// The Parquet that was made of it.
    Parquet,
    /// What was found in it, as JSON.
    Profile,
    /// The rows that could not be read, as JSON.
    Rejects,
}

impl Variant {
    /// Every variant.
    pub const ALL: [Self; 4] = [Self::Original, Self::Parquet, Self::Profile, Self::Rejects];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Parquet => "parquet",
            Self::Profile => "profile",
            Self::Rejects => "rejects",
        }
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL
            .into_iter()
            .find(|variant| variant.as_str() == text);
        found.ok_or_else(|| "must be `original`, `parquet`, `profile` or `rejects`".to_owned())
    }
}

/// The answer of `GET /files/{id}/download-url`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Download {
    /// Where to GET it; a secret while it lives.
    #[cfg_attr(feature = "schema", schemars(url))]
    pub url: String,
    /// Seconds.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 86400)))]
    #[serde(default)]
    pub expires_in: u32,
    /// When the URL dies, RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub expires_at: String,
    /// The file.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    #[serde(default)]
    pub file_id: String,
    /// The name that the download carries: not to be trusted as a path.
    #[serde(default)]
    pub filename: String,
}

impl fmt::Debug for Download {
    /// Leaves out the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("file_id", &self.file_id)
            .finish_non_exhaustive()
    }
}
