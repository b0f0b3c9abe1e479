//! An upload: its record, and the pure state machine that moves it ([`Upload::apply`]).

mod columns;
mod deletion;
mod event;
mod lease;
mod machine;
mod outputs;
mod pending;
mod view;

use std::collections::BTreeMap;

use consign_api::{ProcessingStatus, Status};
use serde::{Deserialize, Serialize};

use crate::events::Sequencer;
use crate::ids::{ETag, ObjectRef, OwnerId, UploadId};
use crate::policy::{Overwrite, Strategy};
use crate::time::{Timestamp, rfc3339};

pub use crate::operations::{
    ABSENCE_CONFIRM_S, ABSENCE_PROBE_S, ACTIVITY_RANGE_S, ACTIVITY_S, ATTEMPTS_MAX, BEGIN_S,
    ENQUEUE_CHECK_S, EXPIRY_GRACE_S, HOLDERS_LOST_MAX, KEY_KEPT_S, LATE_PROBES_MAX, LEASE_S,
    PARTS_ABORT_DAYS, PARTS_PROBE_LAST_S, PROBE_FAILED_S, PROBE_FIRST_S, PROBE_LAST_S,
    REQUEUE_LAST_S, UPLOAD_LIFE_MAX_S,
};
pub use columns::{COLUMN_NAME_BYTES_MAX, COLUMN_NAMES_MAX, Columns};
pub use deletion::{Deletion, DeletionReason};
pub use event::{Change, Decision, Event, Refusal};
pub use outputs::{Output, OutputPlace, Outputs, VERSIONS_MAX};
pub use view::PartsCheck;

/// Where an upload stands. Within one generation a state only ever moves down this list (invariant 2);
/// `Ready` and `Failed` are both ends, and neither follows the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UploadState {
    /// Signed; nothing was seen in the bucket.
    Pending,
    /// A multipart upload was begun in the bucket.
    Uploading,
    /// The URL died unused. Bytes that turn up all the same are still taken.
    Expired,
    /// The object was seen in the bucket.
    Uploaded,
    /// The object was seen, and the client said that it is done.
    Confirmed,
    /// An ingest holds, or held, the lease.
    Processing,
    /// Checked, and for tabular files converted.
    Ready,
    /// Cannot become ready, for the reason recorded.
    Failed,
    /// Deleted by its owner, or gone from the bucket. For ever.
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

    /// The state as the wire and the tables spell it.
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

    /// The state that the wire calls so; `None` for [`Status::Unknown`].
    #[must_use]
    pub fn of(status: Status) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.status() == status)
    }

    /// Whether a client that polls should go on polling.
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

    /// `processing_status` of the wire: where the ingest stands.
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

    /// The same on the wire.
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

/// One version of an object, as a store told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectVersion {
    /// Its entity tag.
    pub etag: ETag,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The store's version id, where the bucket is versioned.
    pub version_id: Option<String>,
    /// The sequencer of the event that told of it, where one did.
    pub sequencer: Option<Sequencer>,
}

/// The right to process one version of the object, until it expires.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Names the holder; never shown to a client.
    pub token: String,
    /// The instant from which another may take over.
    #[serde(with = "rfc3339")]
    pub until: Timestamp,
}

/// What a client says of its own file at confirm; shown, never relied on (invariant 7).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientMetadata {
    /// The columns.
    pub columns: Option<Columns>,
    /// The number of rows.
    pub row_count: Option<u64>,
    /// A hash of the file, in whatever form the client keeps.
    pub file_hash: Option<String>,
}

/// How an upload in parts stands, from the call that begins it to its completion. Its life is its own and not that of
/// its URLs: it lives for as long as parts come, or URLs are signed anew for those that are missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MultipartProgress {
    /// How long it may be silent before its parts are freed, in seconds.
    pub activity_s: u64,
    /// Until when the call that begins it in the bucket keeps others away.
    #[serde(default, with = "rfc3339::option")]
    pub begin_until: Option<Timestamp>,
    /// When it was last known to be active: begun, signed again, or found with other parts than before.
    #[serde(default, with = "rfc3339::option")]
    pub active_at: Option<Timestamp>,
    /// How many parts the last look found.
    pub count: u32,
    /// The bytes of these parts.
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

/// What came of an upload that is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IngestOutcome {
    /// The version of the object that it was made from (invariant 4).
    pub etag: ETag,
    /// The bucket of the outputs; `None` where it was not recorded: then it is the one that the policy names.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Object key of the Parquet, for a tabular file.
    pub parquet_key: Option<String>,
    /// Object key of the profile, for a tabular file.
    pub profile_key: Option<String>,
    /// Object key of the rejected rows, where there are any.
    pub rejects_key: Option<String>,
    /// Rows in the Parquet.
    pub row_count: Option<u64>,
    /// Rows that were left out, each with its reason in the rejects.
    pub reject_count: Option<u64>,
    /// Its columns.
    pub columns: Option<Columns>,
}

impl IngestOutcome {
    /// The object key of an output, where it was written.
    #[must_use]
    pub const fn key(&self, output: Output) -> Option<&String> {
        match output {
            Output::Parquet => self.parquet_key.as_ref(),
            Output::Profile => self.profile_key.as_ref(),
            Output::Rejects => self.rejects_key.as_ref(),
        }
    }

    /// The keys of what was made.
    pub fn keys(&self) -> impl Iterator<Item = &String> {
        Output::ALL
            .into_iter()
            .filter_map(|output| self.key(output))
    }
}

/// Why an upload failed, in words for its owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable code.
    pub code: String,
    /// What is wrong and what would be right.
    pub detail: String,
    /// The version of the object that was read, where one was.
    pub etag: Option<ETag>,
}

/// The record of one upload. Written only through [`Upload::apply`] and the port's conditional writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// `file_id` on the wire.
    pub id: UploadId,
    /// Whose it is.
    pub owner: OwnerId,
    /// Counts the writes; each write names the revision that it expects.
    pub revision: u64,
    /// Where it stands.
    pub state: UploadState,
    /// Counts the versions of the object that were seen: 0 before the first. `{version}` in an output key.
    pub generation: u32,

    /// The user's name for the file. Never part of a key.
    pub filename: String,
    /// The policy's category.
    pub category: String,
    /// The extension, lower case, without a dot.
    pub extension: String,
    /// The media type that was signed.
    pub content_type: String,
    /// The size that was signed, in bytes; `None` for a POST form that only bounds it.
    pub size_bytes_declared: Option<u64>,
    /// The largest size that the signature lets through, in bytes.
    pub size_bytes_max: u64,
    /// SHA-256 of the whole file as the client declared it, in base64.
    pub checksum_sha256: Option<String>,
    /// Where the client puts the object.
    pub object: ObjectRef,
    /// How the client puts it there.
    pub strategy: Strategy,
    /// Length of every part but the last, in bytes.
    pub part_size_bytes: Option<u64>,
    /// The store's id of the multipart upload, once it was begun.
    pub multipart_upload_id: Option<String>,
    /// How it stands while its parts come.
    #[serde(rename = "in_parts", default)]
    pub multipart: MultipartProgress,
    /// Removes the uploaded object once ready, where the policy does not keep originals.
    pub keep_original: bool,
    /// How long a deleted upload is kept under `deleted/`, in seconds.
    pub deleted_retention_s: u64,
    /// What becomes of another version than the one that is ready; `None` where it was not recorded.
    #[serde(default)]
    pub overwrite: Option<Overwrite>,
    /// How long a ready upload is kept, in seconds; `None` is for ever.
    pub retention_s: Option<u64>,
    /// How long it is kept while its owner does not confirm it, in seconds; `None` where no confirm is awaited.
    pub unconfirmed_s: Option<u64>,

    /// The collection that it belongs to.
    pub collection_id: Option<String>,
    /// Checked labels of the policy.
    pub labels: BTreeMap<String, String>,
    /// Free metadata of the client.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// What the client claims of its content.
    #[serde(rename = "claimed")]
    pub client_metadata: ClientMetadata,

    /// When it was signed first.
    #[serde(with = "rfc3339")]
    pub created_at: Timestamp,
    /// When the record was last written.
    #[serde(with = "rfc3339")]
    pub updated_at: Timestamp,
    /// When the last URL handed out for it dies.
    #[serde(with = "rfc3339")]
    pub url_expires_at: Timestamp,
    /// When its object was first seen.
    #[serde(default, with = "rfc3339::option")]
    pub uploaded_at: Option<Timestamp>,
    /// When its owner first said that it is done.
    #[serde(default, with = "rfc3339::option")]
    pub confirmed_at: Option<Timestamp>,
    /// When it became ready or failed.
    #[serde(default, with = "rfc3339::option")]
    pub processed_at: Option<Timestamp>,

    /// The version of the object last seen.
    #[serde(rename = "seen")]
    pub observed: Option<ObjectVersion>,
    /// Who may process it now.
    pub lease: Option<Lease>,
    /// How often this generation was claimed.
    pub attempts: u32,
    /// How often a process died that held this generation: its restart, or its file.
    #[serde(rename = "deaths", default)]
    pub holders_lost: u32,
    /// What came of it. Of an older generation while a newer one is being processed.
    pub outcome: Option<IngestOutcome>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// We removed the object ourselves after it became ready.
    pub original_removed: bool,
    /// The store told that the object was removed, and we never saw it. Its URL may bring it again.
    #[serde(rename = "removed_unseen", default)]
    pub removed_unobserved: bool,
    /// Since when the object is missing that had been seen.
    #[serde(default, with = "rfc3339::option")]
    pub absent_since: Option<Timestamp>,
    /// A version that was written over the one that is ready, and is refused.
    #[serde(default)]
    pub conflict_etag: Option<ETag>,
    /// Where ingests wrote, or were about to.
    #[serde(default)]
    pub outputs: Vec<Outputs>,
    /// What kept the last ingest from finishing, where that was no fault of the file.
    #[serde(default)]
    pub last_fault: Option<String>,
    /// What is left to do for its deletion.
    pub deletion: Option<Deletion>,
    /// Why it was deleted.
    #[serde(default)]
    pub deletion_reason: Option<DeletionReason>,
    /// When it was deleted.
    #[serde(default, with = "rfc3339::option")]
    pub deleted_at: Option<Timestamp>,
    /// Bytes that count against its owner's quota.
    pub reserved_bytes: u64,
    /// When the sweep looks at it next; `None` is never.
    #[serde(rename = "due_at", default, with = "rfc3339::option")]
    pub next_check_at: Option<Timestamp>,
    /// How often the sweep looked for its object in vain.
    #[serde(rename = "looks")]
    pub probe_count: u32,
    /// Its URLs bring the object once: no look is needed at what they let in after that.
    #[serde(default)]
    pub puts_once: bool,
    /// How often in a row the sweep could not look at it, for a reason that is its own.
    #[serde(rename = "look_failures", default)]
    pub probe_failures: u32,
}

#[cfg(test)]
mod tests;
