//! `POST /files/sign_upload`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Pairs;

/// How the bytes travel to the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// One PUT with signed headers.
    Put,
    /// A browser form with a POST policy.
    Post,
    /// Numbered parts, each with a PUT of its own; can be resumed.
    Multipart,
}

impl Strategy {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Post => "post",
            Self::Multipart => "multipart",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Strategy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Put, Self::Post, Self::Multipart];
        let found = all.into_iter().find(|strategy| strategy.as_str() == text);
        found.ok_or_else(|| "must be `put`, `post` or `multipart`".to_owned())
    }
}

/// The body of `POST /files/sign_upload`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SignUpload {
    /// The name alone, without a path, control characters or marks that reverse the direction of text. It comes back on
    /// download, and never becomes part of an object name.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 255), regex(pattern = r"^[^/\\]+$"))
    )]
    pub filename: String,
    /// What the file will be sent as; one that the category takes for the extension. An empty text, as browsers have it for
    /// a type that they do not know: the usual one of the extension. May be left out with `post`.
    #[cfg_attr(feature = "schema", schemars(length(max = 128), extend("examples" = ["text/csv"])))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The exact size; bounded by category, tier and store. May be left out with `post`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_size_bytes: Option<u64>,
    /// A category of the policy. Left out: the only one that takes the extension, or the default among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// SHA-256 of the whole file, base64 or hexadecimal. Part of what is signed for a PUT or a form, so that the bucket
    /// checks it; checked again at ingest. A category may require it.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::SHA256))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_sha256: Option<String>,
    /// Left out: `multipart` for large files, `post` where type or size are missing, else `put`, as far as category and
    /// store offer them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// An id of the caller's own system. A category may require it.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::COLLECTION_ID))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection_id: Option<String>,
    /// Only those that the category declares, each by its rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, Option<String>>>,
    /// Free. At most 8192 bytes of JSON, nested at most 8 deep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
}

/// The method of a signed upload.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// With the strategies `put` and `multipart`.
    #[default]
    Put,
    /// With the strategy `post`.
    Post,
}

/// The answer of `POST /files/sign_upload`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedUpload {
    /// The upload's id, from now on the file's.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub file_id: String,
    /// The bucket.
    #[serde(default)]
    pub bucket: String,
    /// The object key, made by the policy's template.
    #[cfg_attr(feature = "schema", schemars(length(max = 1024)))]
    #[serde(default)]
    pub object_name: String,
    /// The strategy that was signed.
    pub strategy: Strategy,
    /// `POST` with strategy `post`, else `PUT`.
    #[serde(default)]
    pub method: Method,
    /// Where the bytes go; null with `multipart`, whose parts have URLs of their own.
    #[cfg_attr(feature = "schema", schemars(url))]
    #[serde(default)]
    pub upload_url: Option<String>,
    /// Headers to send with the PUT, exactly these. `content-length` is signed as well, and every client sends it by itself.
    #[serde(default)]
    pub headers: Pairs,
    /// Only with `post`: the form's fields, to be sent in this order, with the file last under the name `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form_fields: Option<Pairs>,
    /// Only with `multipart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipart: Option<Multipart>,
    /// When the URLs die, by the server's clock, RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub expires_at: String,
}

impl fmt::Debug for SignedUpload {
    /// Leaves out the URLs: whoever holds one may upload.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedUpload")
            .field("file_id", &self.file_id)
            .field("strategy", &self.strategy)
            .finish_non_exhaustive()
    }
}

/// The parts of an upload with the strategy `multipart`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Multipart {
    /// The store's id of the multipart upload.
    pub upload_id: String,
    /// Length of every part but the last.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub part_size_bytes: u64,
    /// One signed URL for each part.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10000)))]
    pub parts: Vec<SignedPart>,
}

/// One part to PUT.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedPart {
    /// From 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10000)))]
    pub part_number: u32,
    /// For a PUT of exactly this part's length.
    #[cfg_attr(feature = "schema", schemars(url))]
    pub url: String,
    /// Headers to send exactly as they stand.
    #[serde(default)]
    pub headers: Pairs,
}
