//! How text is written.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the text of a source was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[serde(rename = "utf-8")]
    Utf8,
    /// UTF-16, least significant byte first, with a byte order mark.
    #[serde(rename = "utf-16le")]
    Utf16Le,
    /// UTF-16, most significant byte first, with a byte order mark.
    #[serde(rename = "utf-16be")]
    Utf16Be,
    /// Windows-1252, of which Latin-1 (ISO 8859-1) is a part.
    #[serde(rename = "windows-1252")]
    Windows1252,
}

impl Encoding {
    /// By its label, as in the Encoding standard (<https://encoding.spec.whatwg.org/#names-and-labels>), where it is read
    /// here.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        let label = label.trim().to_ascii_lowercase();
        match label.as_str() {
            "utf-16le" | "utf16le" => Some(Self::Utf16Le),
            "utf-16be" | "utf16be" => Some(Self::Utf16Be),
            "ascii" | "us-ascii" => Some(Self::Utf8),
            label => Charset::of_label(label).map(|charset| match charset {
                Charset::Utf8 => Self::Utf8,
                Charset::Windows1252 => Self::Windows1252,
            }),
        }
    }
}

/// An encoding that a sender may declare (`charset=` of a media type).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8 or ASCII.
    Utf8,
    /// Windows-1252 or Latin-1.
    Windows1252,
}

impl Charset {
    /// By its label, as in the Encoding standard (<https://encoding.spec.whatwg.org/#names-and-labels>); `None` where it
    /// is another or none: then the content decides.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        let label = label.trim().trim_matches('"').to_ascii_lowercase();
        match label.as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "windows-1252" | "cp1252" | "x-cp1252" | "iso-8859-1" | "iso8859-1" | "iso_8859-1"
            | "latin1" | "l1" => Some(Self::Windows1252),
            _ => None,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "UTF-8",
            Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Windows1252 => "Windows-1252",
        })
    }
}
