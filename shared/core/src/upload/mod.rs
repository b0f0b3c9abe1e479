//! The upload record, and the pure state machine that changes it ([`Upload::apply`]).

mod columns;
mod deletion;
mod event;
mod lease;
mod machine;
mod outputs;
mod pending;
mod stored;
mod view;

use std::collections::BTreeMap;

use consign_api::{ProcessingStatus, Status};
use consign_hints::Hints;
use serde::{Deserialize, Serialize};

use crate::events::Sequencer;
use crate::ids::{ETag, ObjectRef, OwnerId, UploadId};
use crate::policy::{Overwrite, Strategy};
use crate::time::{Timestamp, rfc3339};

pub use crate::operations::{
    ABSENCE_CONFIRM_S, ABSENCE_PROBE_S, ACTIVITY_RANGE_S, ACTIVITY_S, ATTEMPTS_MAX, BEGIN_S,
    ENQUEUE_CHECK_S, EXPIRY_GRACE_S, HOLDERS_LOST_MAX, KEY_KEPT_S, LATE_PROBES_MAX, LEASE_S,
    PARTS_ABORT_DAYS, PARTS_PROBE_LAST_S, PROBE_FAILED_S, PROBE_FIRST_S, PROBE_LAST_S,
    REQUEUE_LAST_S, SKEW_S, UPLOAD_LIFE_MAX_S,
};
pub use columns::{COLUMN_NAME_BYTES_MAX, COLUMN_NAMES_MAX, Columns};
pub use deletion::{Deletion, DeletionReason};
pub use event::{Change, Decision, Event, Refusal};
pub use outputs::{Output, OutputPlace, Outputs, VERSIONS_MAX};
pub use view::PartsCheck;

/// The state of an upload. Within one generation the state only moves down this list (invariant 2). `Ready` and
/// `Failed` are both final, and neither follows the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Signed. No object was observed.
    Pending,
    /// A multipart upload was begun in the bucket.
    Uploading,
    /// The URL expired unused. An object that arrives later is still accepted.
    Expired,
    /// The object was observed.
    Uploaded,
    /// The object was observed, and the client confirmed the upload.
    Confirmed,
    /// An ingest holds, or held, the lease.
    Processing,
    /// Checked, and converted if the file is tabular.
    Ready,
    /// Cannot become ready, for the recorded reason.
    Failed,
    /// Deleted by its owner, by its retention, or removed from the bucket. Final, unless the upload is lost.
    Deleted,
}

impl UploadState {
    /// Every state, in order.
    pub const ALL: [Self; 9] = [
        Self::Pending,
        Self::Uploading,
        Self::Expired,
        Self::Uploaded,
        Self::Confirmed,
        Self::Processing,
        Self::Ready,
        Self::Failed,
        Self::Deleted,
    ];

    /// Returns the state as the wire and the tables spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Uploading => "uploading",
            Self::Expired => "expired",
            Self::Uploaded => "uploaded",
            Self::Confirmed => "confirmed",
            Self::Processing => "processing",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Deleted => "deleted",
        }
    }

    /// Returns the state of a status. `None` for [`Status::Unknown`].
    #[must_use]
    pub fn of(status: Status) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.status() == status)
    }

    /// Returns whether a client should continue to poll.
    #[must_use]
    pub const fn is_moving(self) -> bool {
        match self {
            Self::Pending
            | Self::Uploading
            | Self::Uploaded
            | Self::Confirmed
            | Self::Processing => true,
            Self::Expired | Self::Ready | Self::Failed | Self::Deleted => false,
        }
    }

    /// Returns `processing_status` of the wire: the progress of the ingest.
    #[must_use]
    pub const fn processing_status(self) -> ProcessingStatus {
        match self {
            Self::Pending | Self::Uploading | Self::Expired => ProcessingStatus::Waiting,
            Self::Uploaded | Self::Confirmed => ProcessingStatus::Queued,
            Self::Processing => ProcessingStatus::Processing,
            Self::Ready => ProcessingStatus::Done,
            Self::Failed => ProcessingStatus::Failed,
            Self::Deleted => ProcessingStatus::Deleted,
        }
    }

    /// Returns the state as the wire's type.
    #[must_use]
    pub const fn status(self) -> Status {
        match self {
            Self::Pending => Status::Pending,
            Self::Uploading => Status::Uploading,
            Self::Uploaded => Status::Uploaded,
            Self::Confirmed => Status::Confirmed,
            Self::Processing => Status::Processing,
            Self::Ready => Status::Ready,
            Self::Failed => Status::Failed,
            Self::Expired => Status::Expired,
            Self::Deleted => Status::Deleted,
        }
    }
}

/// One version of an object, as the store reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// The entity tag.
    pub etag: ETag,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The store's version id, where the bucket is versioned.
    pub version_id: Option<String>,
    /// The sequencer of the event that reported it, if any.
    pub sequencer: Option<Sequencer>,
}

/// The right to process one version of the object until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Identifies the holder. Never shown to a client.
    pub token: String,
    /// When another ingest may acquire the lease.
    #[serde(with = "rfc3339")]
    pub until: Timestamp,
}

/// What a client says about its file at confirm. Shown, never relied on (invariant 7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// The columns.
    pub columns: Option<Columns>,
    /// The number of rows.
    pub row_count: Option<u64>,
    /// A hash of the file, in a format that the client chooses.
    pub file_hash: Option<String>,
}

/// The progress of a multipart upload, from the call that begins it to its completion. Its life does not depend on
/// its URLs: it lasts while parts arrive or URLs for missing parts are signed anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MultipartProgress {
    /// How long it may be inactive before its parts are freed, in seconds.
    pub activity_s: u64,
    /// Until when other calls must not begin the multipart upload in the bucket.
    #[serde(default, with = "rfc3339::option")]
    pub begin_until: Option<Timestamp>,
    /// When it was last active: begun, signed again, or observed with different parts.
    #[serde(default, with = "rfc3339::option")]
    pub active_at: Option<Timestamp>,
    /// The number of parts that the last probe found.
    pub count: u32,
    /// The total size of these parts in bytes.
    pub size_bytes: u64,
}

impl Default for MultipartProgress {
    fn default() -> Self {
        Self {
            activity_s: ACTIVITY_S,
            begin_until: None,
            active_at: None,
            count: 0,
            size_bytes: 0,
        }
    }
}

/// The result of an ingest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestOutcome {
    /// The version of the object that the outputs were made from (invariant 4).
    pub etag: ETag,
    /// The bucket of the outputs. `None` in records that did not store it: the bucket that the policy names.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Object key of the Parquet file, for a tabular file.
    pub parquet_key: Option<String>,
    /// Object key of the profile, for a tabular file.
    pub profile_key: Option<String>,
    /// Object key of the first rejected rows and the numbers of all, if there are any.
    pub rejects_key: Option<String>,
    /// Object key of the Parquet file of rejected rows, if there are any. `None` in records that did not store it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejects_parquet_key: Option<String>,
    /// The number of rows in the Parquet file.
    pub row_count: Option<u64>,
    /// Rows that were left out. The rejects have them with their reasons.
    pub reject_count: Option<u64>,
    /// The columns.
    pub columns: Option<Columns>,
    /// How the table differs from the schema of its collection, if its category compares them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_difference: Option<String>,
}

impl IngestOutcome {
    /// Returns the object key of an output, if it was written.
    #[must_use]
    pub const fn key(&self, output: Output) -> Option<&String> {
        match output {
            Output::Parquet => self.parquet_key.as_ref(),
            Output::Profile => self.profile_key.as_ref(),
            Output::Rejects => self.rejects_key.as_ref(),
            Output::RejectsParquet => self.rejects_parquet_key.as_ref(),
        }
    }

    /// Returns the keys of the outputs.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        Output::ALL
            .into_iter()
            .filter_map(|output| self.key(output))
    }
}

/// Why an upload failed, for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code.
    pub code: String,
    /// What is wrong, and what is expected.
    pub detail: String,
    /// The version of the object that was read, if one was.
    pub etag: Option<ETag>,
}

/// The record of one upload. Written only through [`Upload::apply`] and the port's conditional writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// `file_id` on the wire.
    pub id: UploadId,
    /// The owner of the upload.
    pub owner: OwnerId,
    /// The number of writes. Each write names the revision that it expects.
    pub revision: u64,
    /// The state of the upload.
    pub state: UploadState,
    /// The number of observed versions of the object, 0 before the first. `{version}` in an output key.
    pub generation: u32,

    /// The user's name for the file. Never part of a key.
    pub filename: String,
    /// The category of the policy.
    pub category: String,
    /// The extension, in lower case without the dot.
    pub extension: String,
    /// The signed media type.
    pub content_type: String,
    /// The signed size in bytes. `None` for a POST form, which only bounds it.
    pub size_bytes_declared: Option<u64>,
    /// The largest size that the signature allows, in bytes.
    pub size_bytes_max: u64,
    /// SHA-256 of the whole file as the client declared it, in base64.
    pub checksum_sha256: Option<String>,
    /// The object that the client writes.
    pub object: ObjectRef,
    /// How the client sends the bytes.
    pub strategy: Strategy,
    /// The length of every part but the last, in bytes.
    pub part_size_bytes: Option<u64>,
    /// The store's id of the multipart upload, after it was begun.
    pub multipart_upload_id: Option<String>,
    /// The progress of a multipart upload.
    #[serde(rename = "in_parts", default)]
    pub multipart: MultipartProgress,
    /// Whether the policy keeps the original after the upload is ready. See [`Upload::keeps_original`].
    pub keep_original: bool,
    /// How long a deleted upload is kept under `deleted/`, in seconds.
    pub deleted_retention_s: u64,
    /// Whether another version may replace the one that is ready. `None` in records that did not store it.
    #[serde(default)]
    pub overwrite: Option<Overwrite>,
    /// How long a ready upload is kept, in seconds. `None` means without limit.
    pub retention_s: Option<u64>,
    /// How long the upload is kept without a confirm, in seconds. `None` if no confirm is required.
    pub unconfirmed_s: Option<u64>,

    /// The collection of the upload.
    pub collection_id: Option<String>,
    /// The labels, checked by the policy.
    pub labels: BTreeMap<String, String>,
    /// Free metadata of the client.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// What the client and the policy say of the table, as it was when the upload was signed.
    #[serde(default, skip_serializing_if = "Hints::is_empty")]
    pub hints: Hints,
    /// What the client says about the content.
    #[serde(rename = "claimed")]
    pub client_metadata: ClientMetadata,

    /// When the upload was first signed.
    #[serde(with = "rfc3339")]
    pub created_at: Timestamp,
    /// When the record was last written.
    #[serde(with = "rfc3339")]
    pub updated_at: Timestamp,
    /// When the last URL expires.
    #[serde(with = "rfc3339")]
    pub url_expires_at: Timestamp,
    /// When the object was first observed.
    #[serde(default, with = "rfc3339::option")]
    pub uploaded_at: Option<Timestamp>,
    /// When the owner first confirmed the upload.
    #[serde(default, with = "rfc3339::option")]
    pub confirmed_at: Option<Timestamp>,
    /// When the upload became ready or failed.
    #[serde(default, with = "rfc3339::option")]
    pub processed_at: Option<Timestamp>,

    /// The version of the object that was last observed.
    #[serde(rename = "seen")]
    pub observed: Option<ObjectVersion>,
    /// The lease of the ingest that processes the upload now.
    pub lease: Option<Lease>,
    /// The number of leases that were acquired for this generation.
    pub attempts: u32,
    /// How often a process that held this generation ended without a result. The cause may be a restart or the file
    /// itself.
    #[serde(rename = "deaths", default)]
    pub holders_lost: u32,
    /// The result. It is that of an older generation while a newer one is being processed.
    pub outcome: Option<IngestOutcome>,
    /// Why the upload failed.
    pub failure: Option<Failure>,
    /// Whether consign removed the object after the upload became ready.
    pub original_removed: bool,
    /// The store reported the removal of the object, and it was never observed. The URL may bring it again.
    #[serde(rename = "removed_unseen", default)]
    pub removed_unobserved: bool,
    /// Since when the object, which had been observed, is absent.
    #[serde(default, with = "rfc3339::option")]
    pub absent_since: Option<Timestamp>,
    /// The ETag of a version that was written over the ready one and is refused.
    #[serde(default)]
    pub conflict_etag: Option<ETag>,
    /// Where ingests wrote or were about to write.
    #[serde(default)]
    pub outputs: Vec<Outputs>,
    /// The last fault of an ingest that did not finish, if the file did not cause it.
    #[serde(default)]
    pub last_fault: Option<String>,
    /// How far the deletion has come.
    pub deletion: Option<Deletion>,
    /// Why the upload was deleted.
    #[serde(default)]
    pub deletion_reason: Option<DeletionReason>,
    /// When the upload was deleted.
    #[serde(default, with = "rfc3339::option")]
    pub deleted_at: Option<Timestamp>,
    /// The bytes that count towards the owner's quota.
    pub reserved_bytes: u64,
    /// When the sweep examines the upload next. `None` means never.
    #[serde(rename = "due_at", default, with = "rfc3339::option")]
    pub next_check_at: Option<Timestamp>,
    /// How often the sweep probed for the object without finding it.
    #[serde(rename = "looks")]
    pub probe_count: u32,
    /// Whether the URLs accept the object only once. No probe is needed for later writes then.
    #[serde(default)]
    pub puts_once: bool,
    /// How often in a row the sweep could not examine the upload for a reason that concerns this upload.
    #[serde(rename = "look_failures", default)]
    pub probe_failures: u32,
}

#[cfg(test)]
mod tests;
