//! `GET /files/{id}/status` and `GET /files`.

use std::collections::BTreeMap;
use std::fmt;

use consign_hints::Hints;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Variant;

/// The status of an upload. `ready`, `failed`, `expired` and `deleted` are final for a client that polls. `expired`
/// changes when the bytes arrive late, or when the same call signs an unused upload again. `ready` and `failed`
/// change when another version of the object is accepted, and `deleted` when an object that was absent exists again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Signed. No object was observed.
    Pending,
    /// Parts are arriving.
    Uploading,
    /// The object was observed.
    Uploaded,
    /// The client confirmed the upload, and the object was checked.
    Confirmed,
    /// The file is being processed.
    Processing,
    /// The file can be downloaded.
    Ready,
    /// The file is not usable. `error` has the reason.
    Failed,
    /// The URLs expired unused.
    Expired,
    /// The file is deleted.
    Deleted,
    /// A status that this version does not know.
    #[serde(other)]
    #[cfg_attr(feature = "schema", schemars(skip))]
    Unknown,
}

impl Status {
    /// Every status that a server sends.
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

    /// Returns the name on the wire.
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

    /// Returns whether the status is final without another action.
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

    /// Returns whether the bucket has not received all bytes.
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

/// The status of the ingest. Follows from `status`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum ProcessingStatus {
    /// The bytes have not arrived.
    #[default]
    Waiting,
    /// Ingest has not started.
    Queued,
    /// The file is being processed.
    Processing,
    /// The file can be downloaded.
    Done,
    /// The file is not usable.
    Failed,
    /// The file is deleted.
    Deleted,
}

/// Why a file failed, or a warning for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FileError {
    /// A stable code.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("examples" = ["content_mismatch", "size_mismatch", "checksum_mismatch", "attempts_exhausted"]))
    )]
    pub code: String,
    /// A sentence for people.
    pub detail: String,
}

/// The answer of `GET /files/{id}/status`, and an entry of `GET /files`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct File {
    /// The file.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub file_id: String,
    /// The status of the upload.
    pub status: Status,
    /// The status of its ingest.
    #[serde(default)]
    pub processing_status: ProcessingStatus,
    /// The user's name for the file.
    #[serde(default)]
    pub filename: String,
    /// The category.
    #[serde(default)]
    pub category: String,
    /// The media type.
    #[serde(default)]
    pub content_type: String,
    /// The size in bytes: as observed in the bucket, or else as declared.
    #[serde(default)]
    pub file_size_bytes: Option<u64>,
    /// The number of rows: as ingest measured it, or else as the client said.
    #[serde(default)]
    pub row_count: Option<u64>,
    /// The number of rows that could not be converted. Null if the file was not converted.
    #[serde(default)]
    pub reject_count: Option<u64>,
    /// The number of columns: as ingest measured it, or else as the client said.
    #[serde(default)]
    pub column_count: Option<u64>,
    /// The names of the first hundred columns: as ingest measured them, or else as the client said. Long names are
    /// truncated and end in `…`. The profile has all names.
    #[cfg_attr(feature = "schema", schemars(length(max = 100)))]
    #[serde(default)]
    pub columns: Option<Vec<String>>,
    /// The variants that can be downloaded now.
    #[cfg_attr(feature = "schema", schemars(extend("uniqueItems" = true)))]
    #[serde(default)]
    pub variants: Vec<Variant>,
    /// The collection, an id of the caller's own system.
    #[serde(default)]
    pub collection_id: Option<String>,
    /// The labels.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// The metadata as the client sent it.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// What the client and the policy say of the table. Empty if nothing is said.
    #[serde(default)]
    pub hints: Hints,
    /// When the upload was first signed, RFC 3339.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub created_at: String,
    /// When the last signed URL of the upload expires.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub expires_at: String,
    /// When the object was first observed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub uploaded_at: Option<String>,
    /// When the file became ready or failed.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "date-time")))]
    #[serde(default)]
    pub processed_at: Option<String>,
    /// Why the file failed.
    #[serde(default)]
    pub error: Option<FileError>,
    /// A warning about a ready file: `overwrite_refused` if another object was written over the uploaded one and was
    /// refused; `schema_changed` if its columns differ from those of the table before it in its collection.
    #[serde(default)]
    pub warning: Option<FileError>,
}

impl File {
    /// Returns the reason of a failure as text.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let error = self.error.as_ref()?;
        Some(format!("{} ({})", error.detail, error.code))
    }
}

/// An entry of `GET /files`, with a download URL if `include=download_url` requested it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ListedFile {
    /// The file.
    #[serde(flatten)]
    pub file: File,
    /// The URL to GET. Secret until it expires.
    #[cfg_attr(feature = "schema", schemars(url))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub download_url: Option<String>,
    /// When that URL expires.
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
    /// The cursor of the next page. Null on the last page.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    #[serde(default)]
    pub next_cursor: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_a_newer_version_is_unknown_and_not_final() {
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
    fn names_match_those_of_serde() {
        for status in Status::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}
