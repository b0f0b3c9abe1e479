//! The wire as a client sees it (section 2 of the design): what is sent is exact, what is read is lenient.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Names and values in the order in which the server wrote them: a POST form is order-sensitive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

impl Pairs {
    /// The value of the first pair with this name, whatever its case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor;
        impl<'de> Visitor<'de> for PairsVisitor {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts, or a list of [name, value]")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = list.next_element()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_any(PairsVisitor)
    }
}

/// How the bytes travel to the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// One PUT with signed headers.
    Put,
    /// A browser form with a POST policy.
    Post,
    /// Numbered parts, resumable.
    Multipart,
}

/// Body of `POST /files/sign_upload`.
#[derive(Debug, Clone, Serialize)]
pub struct SignUpload {
    /// The user's own name for the file, without a folder.
    pub filename: String,
    /// Media type that the bucket will insist on.
    pub content_type: String,
    /// Exact size.
    pub file_size_bytes: u64,
    /// Category of the policy; the server chooses by extension when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// SHA-256 of the content, base64, as `x-amz-checksum-sha256` carries it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksum_sha256: Option<String>,
    /// How to send; the server chooses when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Strategy>,
    /// What this file belongs to, in the caller's own system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection_id: Option<String>,
    /// Checked labels that a key template may use.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Free metadata, kept with the record.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, Value>,
}

/// Answer of `POST /files/sign_upload`.
#[derive(Clone, Deserialize)]
pub struct SignedUpload {
    /// The upload's id, from now on the file's.
    pub file_id: String,
    /// Strategy that was signed.
    pub strategy: Strategy,
    /// Where to send the bytes; unused with `multipart`.
    #[serde(default)]
    pub upload_url: Option<String>,
    /// Headers to send exactly as they stand.
    #[serde(default)]
    pub headers: Pairs,
    /// Fields that go before the file in a POST form.
    #[serde(default)]
    pub form_fields: Option<Pairs>,
    /// Parts to send with `multipart`.
    #[serde(default)]
    pub multipart: Option<Multipart>,
    /// When the URLs end, RFC 3339, by the server's clock.
    #[serde(default)]
    pub expires_at: Option<String>,
    /// For how long the URLs lived when they were signed, where the server told.
    #[serde(skip)]
    pub life: Option<Duration>,
    /// When they were asked for, by the client's own clock.
    #[serde(skip)]
    pub asked_at: Duration,
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

/// The `multipart` object of a signed upload.
#[derive(Clone, Deserialize)]
pub struct Multipart {
    /// The store's id of the multipart upload.
    pub upload_id: String,
    /// Size of every part but the last.
    pub part_size_bytes: u64,
    /// One signed URL per part.
    pub parts: Vec<SignedPart>,
}

/// One part to PUT.
#[derive(Clone, Deserialize)]
pub struct SignedPart {
    /// From 1.
    pub part_number: u32,
    /// Where to PUT it.
    pub url: String,
    /// Headers to send exactly as they stand.
    #[serde(default)]
    pub headers: Pairs,
}

/// A part that the store has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DonePart {
    /// From 1.
    pub part_number: u32,
    /// The store's etag, without quotes.
    pub etag: String,
}

/// Body of `POST /files/confirm`.
#[derive(Debug, Clone, Serialize)]
pub struct Confirm {
    /// The upload.
    pub file_id: String,
    /// Etag that the store answered, without quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Every part of a multipart upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<DonePart>>,
}

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// Signed, nothing seen yet.
    Pending,
    /// Parts are arriving.
    Uploading,
    /// The object is there.
    Uploaded,
    /// The client said so, and it was checked.
    Confirmed,
    /// Being read.
    Processing,
    /// Usable.
    Ready,
    /// Not usable, with a reason.
    Failed,
    /// Its URL ran out unused.
    Expired,
    /// Deleted.
    Deleted,
    /// A state that this client does not know yet.
    #[serde(other)]
    Unknown,
}

impl FileState {
    /// Whether nothing more will happen by itself.
    pub fn is_final(self) -> bool {
        match self {
            Self::Ready | Self::Failed | Self::Expired | Self::Deleted => true,
            Self::Pending
            | Self::Uploading
            | Self::Uploaded
            | Self::Confirmed
            | Self::Processing
            | Self::Unknown => false,
        }
    }

    /// Whether the bucket still waits for bytes.
    pub fn awaits_bytes(self) -> bool {
        match self {
            Self::Pending | Self::Uploading => true,
            Self::Uploaded
            | Self::Confirmed
            | Self::Processing
            | Self::Ready
            | Self::Failed
            | Self::Expired
            | Self::Deleted
            | Self::Unknown => false,
        }
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pending => "pending",
            Self::Uploading => "uploading",
            Self::Uploaded => "uploaded",
            Self::Confirmed => "confirmed",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Deleted => "deleted",
            Self::Unknown => "unknown",
        })
    }
}

/// Answer of `GET /files/{id}/status`, and an entry of `GET /files`.
#[derive(Debug, Clone, Deserialize)]
pub struct FileStatus {
    /// The file.
    pub file_id: String,
    /// Where it stands.
    pub status: FileState,
    /// The user's name for it.
    #[serde(default)]
    pub filename: Option<String>,
    /// Its category.
    #[serde(default)]
    pub category: Option<String>,
    /// Size of the original.
    #[serde(default)]
    pub file_size_bytes: Option<u64>,
    /// Data rows, where it is tabular and ready.
    #[serde(default)]
    pub row_count: Option<u64>,
    /// When the object arrived, RFC 3339.
    #[serde(default)]
    pub uploaded_at: Option<String>,
    /// Why it failed: a text, or an object with a `detail`.
    #[serde(default)]
    pub error: Option<Value>,
    /// Everything else, shown by `--json`.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, Value>,
}

impl FileStatus {
    /// The reason of a failure, as text.
    pub fn reason(&self) -> Option<String> {
        match self.error.as_ref()? {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            Value::Object(object) => {
                let text = |name: &str| object.get(name).and_then(Value::as_str);
                Some(match (text("detail").or(text("message")), text("code")) {
                    (Some(detail), Some(code)) => format!("{detail} ({code})"),
                    (Some(only), None) | (None, Some(only)) => only.to_owned(),
                    (None, None) => Value::Object(object.clone()).to_string(),
                })
            }
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_)) => {
                Some(other.to_string())
            }
        }
    }
}

/// A page of `GET /files`.
#[derive(Debug, Clone, Deserialize)]
pub struct FilePage {
    /// The files as the server wrote them, newest first.
    pub files: Vec<Value>,
    /// Where the next page starts.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// Filters of `GET /files`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ListFiles {
    /// At most this many, up to 500.
    pub limit: u16,
    /// Where the page starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only files in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Only files of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Only files of this collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection_id: Option<String>,
}

/// What of a file to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Variant {
    /// What was uploaded.
    Original,
    /// The Parquet made from it.
    Parquet,
    /// What was found in it, as JSON.
    Profile,
    /// The rows that could not be read, as JSON.
    Rejects,
}

/// Answer of `GET /files/{id}/download-url`.
#[derive(Clone, Deserialize)]
pub struct DownloadUrl {
    /// Where to GET it; a secret while it lives.
    pub url: String,
    /// Name to save it under, as the server says: not to be trusted as a path.
    #[serde(default)]
    pub filename: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn form_fields_keep_their_order() {
        let object: Pairs = serde_json::from_str(r#"{"key":"a","zulu":"b","alpha":"c"}"#).unwrap();
        let list: Pairs =
            serde_json::from_str(r#"[["key","a"],["zulu","b"],["alpha","c"]]"#).unwrap();
        assert_eq!(object, list);
        assert_eq!(
            object
                .0
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            ["key", "zulu", "alpha"]
        );
        assert_eq!(object.get("ALPHA"), Some("c"));
    }

    #[test]
    fn a_state_from_the_future_is_unknown_and_not_final() {
        let state: FileState = serde_json::from_str(r#""quarantined""#).unwrap();
        assert_eq!(state, FileState::Unknown);
        assert!(!state.is_final());
    }

    #[test]
    fn the_reason_of_a_failure_is_read_from_a_text_or_an_object() {
        let status = |error: &str| -> Option<String> {
            let text = format!(r#"{{"file_id":"a","status":"failed","error":{error}}}"#);
            serde_json::from_str::<FileStatus>(&text).unwrap().reason()
        };
        assert_eq!(status(r#""no header""#).as_deref(), Some("no header"));
        assert_eq!(
            status(r#"{"code":"empty","detail":"it is empty"}"#).as_deref(),
            Some("it is empty (empty)")
        );
        assert_eq!(status("null"), None);
    }
}
