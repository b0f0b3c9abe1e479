//! `GET /files/{id}/download-url`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The variants of a file that can be downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Variant {
    /// The uploaded file.
    Original,
    /// The Parquet file made from it.
    Parquet,
    /// Statistics of its columns, as JSON.
    Profile,
    /// The first hundred rows that could not be converted, and the numbers of all by reason, as JSON.
    Rejects,
    /// Every row that could not be converted, with its place, its reason and its text, as Parquet.
    RejectsParquet,
}

impl Variant {
    /// Every variant.
    pub const ALL: [Self; 5] = [
        Self::Original,
        Self::Parquet,
        Self::Profile,
        Self::Rejects,
        Self::RejectsParquet,
    ];

    /// Returns the name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Original => "original",
            Self::Parquet => "parquet",
            Self::Profile => "profile",
            Self::Rejects => "rejects",
            Self::RejectsParquet => "rejects_parquet",
        }
    }
}

impl FromStr for Variant {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL
            .into_iter()
            .find(|variant| variant.as_str() == text);
        found.ok_or_else(|| {
            "must be `original`, `parquet`, `profile`, `rejects` or `rejects_parquet`".to_owned()
        })
    }
}

/// The answer of `GET /files/{id}/download-url`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Download {
    /// The URL to GET. Secret until it expires.
    #[cfg_attr(feature = "schema", schemars(url))]
    pub url: String,
    /// The life of the URL in seconds.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 86400)))]
    #[serde(default)]
    pub expires_in: u32,
    /// When the URL expires, RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub expires_at: String,
    /// The file.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    #[serde(default)]
    pub file_id: String,
    /// The file name of the download. Not safe as a path.
    #[serde(default)]
    pub filename: String,
}

impl fmt::Debug for Download {
    /// Omits the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("file_id", &self.file_id)
            .finish_non_exhaustive()
    }
}
