//! The upload records.

use std::future::Future;

use crate::time::{Timestamp, rfc3339};
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::ids::{ObjectRef, OwnerId, UploadId};
use crate::upload::{Change, Upload, UploadState};

/// An owner's `Idempotency-Key`, and the request that it was first used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// The key as the client sent it. It is unique per owner.
    pub key: String,
    /// SHA-256 of the request's body, in hexadecimal.
    pub body_sha256: String,
    /// Until when the store must keep it.
    #[serde(with = "rfc3339")]
    pub expires_at: Timestamp,
}

/// The limits of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes that may be reserved at the same time. `None` means no limit.
    pub quota_bytes_max: Option<u64>,
    /// Uploads that may be signed in one window of [`RATE_WINDOW_S`]. `None` means no limit.
    pub sign_uploads_per_window: Option<u32>,
    /// Files that the owner may have, including deleted ones that are not purged. `None` means no limit.
    pub files_max: Option<u64>,
}

/// The length of a rate window in seconds. Windows begin at multiples of it since 1970.
pub const RATE_WINDOW_S: i64 = 60;

/// A new upload, and what is written together with it in one transaction.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// The record: pending, at revision 0.
    pub upload: Upload,
    /// The idempotency key, if the client sent one.
    pub idempotency: Option<IdempotencyKey>,
    /// The owner's limits.
    pub allowance: Allowance,
}

/// The result of an insert. Only [`Inserted::Created`] wrote anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// The record, its idempotency key, its quota and its rate count are durable.
    Created,
    /// The same key and body were used before. This is the upload that they created.
    Replayed(Box<Upload>),
    /// The same key was used before with another body.
    KeyReused,
    /// Another upload has this object key and has not released it ([`Upload::releases_key`]).
    ObjectKeyTaken,
    /// The owner's quota has no room for the upload.
    QuotaExceeded {
        /// The bytes that are reserved now.
        used_bytes: u64,
    },
    /// The owner has the largest number of files.
    FilesExceeded,
    /// The owner signed the largest number of uploads in this window.
    RateLimited,
}

/// The result of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// The write is durable.
    Written,
    /// Another write came first, and nothing was written. The caller reads the record again.
    Conflict,
}

/// A filter for the uploads of an owner.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only uploads in this state.
    pub state: Option<UploadState>,
    /// Only uploads of this category.
    pub category: Option<String>,
    /// Only uploads of this collection.
    pub collection_id: Option<String>,
}

/// One page of a listing, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The uploads.
    pub uploads: Vec<Upload>,
    /// Where the next page begins. `None` on the last page.
    pub next: Option<UploadId>,
}

/// A line of uploads that are due. All due uploads of one owner are in the same line, and lines do not delay one
/// another. There are as many lines as the repository can distinguish.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueLine(pub String);

/// A position in a line: an upload, and since when it is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// Since when the upload is due.
    pub at: Timestamp,
    /// The upload.
    pub id: UploadId,
}

/// A range of a line, from its head or after a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueRange {
    /// Only uploads that are due by then.
    pub until: Timestamp,
    /// Only uploads after this position.
    pub after: Option<Due>,
    /// The largest number of uploads.
    pub limit: usize,
}

/// Consecutive uploads of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRun {
    /// The line.
    pub line: DueLine,
    /// The uploads in the order of the line.
    pub due: Vec<Due>,
}

impl DueRun {
    /// Returns the uploads of several ranges, in order.
    #[must_use]
    pub fn ids(ranges: &[Self]) -> Vec<UploadId> {
        let due = ranges.iter().flat_map(|stretch| &stretch.due);
        due.map(|due| due.id).collect()
    }
}

/// The upload records: the only memory of the system.
pub trait UploadRepo: Send + Sync {
    /// Whether [`UploadRepo::save`] itself queues the ingest job of a change, in the same transaction.
    const HOLDS_QUEUE: bool;

    /// Inserts a pending upload with its idempotency key, quota reservation and rate count in one transaction. The
    /// checks are in this order: idempotency, rate, quota, number of files, object key.
    fn insert_pending(
        &self,
        new: &NewUpload,
        now: Timestamp,
    ) -> impl Future<Output = Result<Inserted, Fault>> + Send;

    /// Returns the upload with this id.
    fn find(&self, id: UploadId) -> impl Future<Output = Result<Option<Upload>, Fault>> + Send;

    /// Returns the existing uploads among these ids, in this order. A single record that cannot be read fails the
    /// whole call.
    fn find_all(&self, ids: &[UploadId])
    -> impl Future<Output = Result<Vec<Upload>, Fault>> + Send;

    /// Returns the upload with this object. If there are several, the last one that was signed.
    fn find_by_object(
        &self,
        object: &ObjectRef,
    ) -> impl Future<Output = Result<Option<Upload>, Fault>> + Send;

    /// Writes `change.after` if the record still has `before.revision`. The same transaction changes the owner's
    /// quota by the difference of the reservations, and the number of files by [`Change::files_moved`].
    fn save(
        &self,
        before: &Upload,
        change: &Change,
    ) -> impl Future<Output = Result<Saved, Fault>> + Send;

    /// Returns a page of an owner's uploads after `after`, newest first. Deleted uploads are included only if the
    /// filter names that state.
    fn list(
        &self,
        owner: &OwnerId,
        filter: &ListFilter,
        after: Option<UploadId>,
        limit: usize,
    ) -> impl Future<Output = Result<Page, Fault>> + Send;

    /// Returns lines with uploads whose `next_check_at` is not after `until`. If there are more than `limit`, it
    /// returns those that have waited longest. A line may turn out to be empty.
    fn due_lines(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DueLine>, Fault>> + Send;

    /// Returns a range of a line, the longest due first. An upload may no longer be due, so callers read its record
    /// first.
    fn due(
        &self,
        line: &DueLine,
        range: DueRange,
    ) -> impl Future<Output = Result<Vec<Due>, Fault>> + Send;

    /// Takes the uploads that are due at `now` out of their lines until `until`, or until they are saved. The records
    /// do not change, so this works also for a record that cannot be read.
    fn hold(
        &self,
        ids: &[UploadId],
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Takes ranges out of their lines until `until`. The ranges of one line begin at its head, or after what was
    /// held of it before, and are in order. If one write holds everything in a line up to a position, that hold ends
    /// when the hold of its first upload ends. An upload that becomes due at an earlier position meanwhile waits with
    /// the others.
    fn hold_runs(
        &self,
        ranges: &[DueRun],
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        async move { self.hold(&DueRun::ids(ranges), now, until).await }
    }

    /// Returns the bytes that this owner has reserved.
    fn reserved_bytes(&self, owner: &OwnerId) -> impl Future<Output = Result<u64, Fault>> + Send;

    /// Returns how long the next file of the owner has waited to be processed, in seconds, if the repository holds
    /// the queue. 0 if none waits or the value is unknown.
    fn backlog_s(
        &self,
        owner: &OwnerId,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, Fault>> + Send {
        let _ = (owner, now);
        async { Ok(0) }
    }

    /// Returns the bucket marker, if one is recorded.
    fn bucket_identity(
        &self,
        bucket: &str,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send;

    /// Records the bucket marker unless one is recorded already. The marker never changes. Returns the recorded
    /// marker.
    fn record_bucket(
        &self,
        bucket: &str,
        identity: &str,
    ) -> impl Future<Output = Result<String, Fault>> + Send;

    /// Checks that records can be read and, if it can be tested, written, for the health check. A fault here affects
    /// other calls as well.
    fn check(&self) -> impl Future<Output = Result<(), Fault>> + Send {
        async { Ok(()) }
    }
}
