//! `GET /files/{id}/status` and `GET /files`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Variant;

/// `ready`, `failed`, `expired` and `deleted` are ends for a client that polls. `expired` is left when the bytes arrive
/// after all, or when the same call signs again what nobody used. `ready` and `failed` are left when another version of the
/// object is accepted, and `deleted` when an object that was absent is there again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
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
    /// Its URLs ran out unused.
    Expired,
    /// Deleted.
    Deleted,
    /// A state that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

impl Status {
    /// Every state that a server tells.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Uploading,
        Self::Uploaded,
        Self::Confirmed,
        Self::Processing,
        Self::Ready,
        Self::Failed,
        Self::Expired,
        Self::Deleted,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
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
        }
    }

    /// Whether nothing more will happen by itself.
    #[must_use]
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
    #[must_use]
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

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where the ingest stands; follows from `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProcessingStatus {
    /// The bytes are not there yet.
    #[default]
    Waiting,
    /// Its turn has not come.
    Queued,
    /// Being read.
    Processing,
    /// Usable.
    Done,
    /// Not usable.
    Failed,
    /// Deleted.
    Deleted,
}

/// Why a file failed, or what its owner should know of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct IngestError {
    /// Stable.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("examples" = ["content_mismatch", "size_mismatch", "checksum_mismatch", "attempts_exhausted"]))
    )]
    pub code: String,
    /// A sentence for a person.
    pub detail: String,
}

/// The answer of `GET /files/{id}/status`, and an entry of `GET /files`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct File {
    /// The file.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub file_id: String,
    /// Where it stands.
    pub status: Status,
    /// Where its ingest stands.
    #[serde(default)]
    pub processing_status: ProcessingStatus,
    /// The user's name for it.
    #[serde(default)]
    pub filename: String,
    /// Its category.
    #[serde(default)]
    pub category: String,
    /// Its media type.
    #[serde(default)]
    pub content_type: String,
    /// As found in the bucket, before that as declared.
    #[serde(default)]
    pub file_size_bytes: Option<u64>,
    /// As found, before that as the client claimed.
    #[serde(default)]
    pub row_count: Option<u64>,
    /// Rows that could not be read; null where nothing was converted.
    #[serde(default)]
    pub reject_count: Option<u64>,
    /// As found, before that as the client claimed.
    #[serde(default)]
    pub column_count: Option<u64>,
    /// The names of the first hundred columns, long ones cut with `…` at their end; the profile has them all. As found,
    /// before that as the client claimed.
    #[cfg_attr(feature = "schema", schemars(length(max = 100)))]
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// What can be downloaded now.
    #[cfg_attr(feature = "schema", schemars(extend("uniqueItems" = true)))]
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// What it belongs to, in the caller's own system.
    #[serde(default)]
    pub collection_id: Option<String>,
    /// Its labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its metadata, as it was given.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// When it was first signed, RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub created_at: String,
    /// When the last URL signed for the upload dies.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub expires_at: String,
    /// When the object was first seen.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub uploaded_at: Option<String>,
    /// When it became ready or failed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub processed_at: Option<String>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<IngestError>,
    /// What its owner should know of a file that is ready: `overwrite_refused` where something else was written over the
    /// uploaded object and was refused.
    #[serde(default)]
    pub warning: Option<IngestError>,
}

impl File {
    /// The reason of a failure, as text.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(format!("{} ({})", error.detail, error.code))
    }
}

/// An entry of `GET /files`, with a download URL where `include=download_url` asked for it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListedFile {
    /// The file.
    #[serde(flatten)]
    pub file: File,
    /// Where to GET it; a secret while it lives.
    #[cfg_attr(feature = "schema", schemars(url))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_url: Option<String>,
    /// When that URL dies.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_expires_at: Option<String>,
}

/// The answer of `GET /files`.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Listing {
    /// The files, newest first.
    #[cfg_attr(feature = "schema", schemars(length(max = 500)))]
    pub files: Vec<ListedFile>,
    /// Where the next page starts; null on the last page.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    #[serde(default)]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_from_the_future_is_unknown_and_not_final() {
        let state: Status = serde_json::from_str(r#""quarantined""#).unwrap();
        assert_eq!(state, Status::Unknown);
        assert!(!state.is_final());
    }

    #[test]
    fn a_server_of_another_version_is_understood() {
        let text = r#"{"file_id":"a","status":"failed","error":{"code":"empty","detail":"it is empty"},"new":1}"#;
        let file: File = serde_json::from_str(text).unwrap();
        assert_eq!(file.reason().as_deref(), Some("it is empty (empty)"));
    }

    #[test]
    fn names_are_those_that_serde_writes() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
