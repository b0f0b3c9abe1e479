//! `POST /files/sign_upload`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use consign_hints::Hints;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Pairs;

/// How the bytes are sent to the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// One PUT with signed headers.
    Put,
    /// A browser form with a POST policy.
    Post,
    /// Numbered parts, each with a PUT of its own. Can be resumed.
    Multipart,
}

impl Strategy {
    /// Returns the name on the wire.
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
    /// The name without a path, control characters or marks that reverse the direction of text. Downloads use it, and
    /// it never becomes part of an object key.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 255), regex(pattern = r"^[^/\\]+$"))
    )]
    pub filename: String,
    /// The content type of the file, one that the category accepts for the extension. An empty string, as browsers
    /// send it for unknown types, means the default type of the extension. Optional with `post`.
    #[cfg_attr(feature = "schema", schemars(length(max = 128), extend("examples" = ["text/csv"])))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The exact size in bytes, limited by category, tier and store. Optional with `post`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_size_bytes: Option<u64>,
    /// A category of the policy. The default is the only one that accepts the extension, or the default among
    /// several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// SHA-256 of the whole file, in base64 or hexadecimal. It is signed for a PUT or a form, so the bucket checks
    /// it. Ingest checks it again. A category may require it.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::SHA256))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum_sha256: Option<String>,
    /// The upload strategy. The default is `multipart` for large files, `post` without type or size, and `put`
    /// otherwise, as far as category and store support them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// An id of the caller's own system. A category may require it.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::COLLECTION_ID))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection_id: Option<String>,
    /// Labels that the category declares. Each value must match its rule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, Option<String>>>,
    /// Free metadata: at most 8192 bytes of JSON, nested at most 8 deep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Map<String, Value>>,
    /// What is known of a table: at most 8192 bytes of JSON. A hint binds: it is obeyed, or the file fails. Those of the
    /// category apply to what is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hints: Option<Hints>,
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
    /// The id of the upload and of the file.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub file_id: String,
    /// The bucket.
    #[serde(default)]
    pub bucket: String,
    /// The object key, made from the policy's template.
    #[cfg_attr(feature = "schema", schemars(length(max = 1024)))]
    #[serde(default)]
    pub object_name: String,
    /// The strategy that was signed.
    pub strategy: Strategy,
    /// `POST` with the strategy `post`, otherwise `PUT`.
    #[serde(default)]
    pub method: Method,
    /// The URL for the bytes. Null with `multipart`, whose parts have their own URLs.
    #[cfg_attr(feature = "schema", schemars(url))]
    #[serde(default)]
    pub upload_url: Option<String>,
    /// Headers to send with the PUT, exactly these. `content-length` is signed too, and every client sends it
    /// automatically.
    #[serde(default)]
    pub headers: Pairs,
    /// Only with `post`: the form's fields, to be sent in this order, followed by the file under the name `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form_fields: Option<Pairs>,
    /// The parts. Only with `multipart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub multipart: Option<Multipart>,
    /// When the URLs expire, by the server's clock, RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub expires_at: String,
}

impl fmt::Debug for SignedUpload {
    /// Omits the URLs, since they permit an upload.
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
    /// The length of every part but the last.
    #[cfg_attr(feature = "schema", schemars(range(min = 1)))]
    pub part_size_bytes: u64,
    /// A signed URL for each part.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10000)))]
    pub parts: Vec<SignedPart>,
}

/// A part to PUT.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SignedPart {
    /// The number, from 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10000)))]
    pub part_number: u32,
    /// The URL for a PUT of exactly this part's length.
    #[cfg_attr(feature = "schema", schemars(url))]
    pub url: String,
    /// Headers to send, exactly these.
    #[serde(default)]
    pub headers: Pairs,
}
