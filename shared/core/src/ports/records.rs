//! The records of uploads.

use std::future::Future;

use crate::time::{Timestamp, rfc3339};
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::ids::{ObjectRef, OwnerId, UploadId};
use crate::upload::{Change, Upload, UploadState};

/// An owner's `Idempotency-Key` and what it was first used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// The key as the client sent it; unique per owner.
    pub key: String,
    /// SHA-256 of the request's body, hexadecimal.
    pub body_sha256: String,
    /// Until when the store must remember it.
    #[serde(with = "rfc3339")]
    pub expires_at: Timestamp,
}

/// What an owner may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes that may be reserved at once; `None` is unlimited.
    pub quota_bytes_max: Option<u64>,
    /// Uploads that may be signed in one window of [`RATE_WINDOW_S`]; `None` is unlimited.
    pub sign_uploads_per_window: Option<u32>,
    /// Files that the owner may have, deleted ones included until they are purged; `None` is unlimited.
    pub files_max: Option<u64>,
}

/// The length of a rate window in seconds. Windows begin at multiples of it since the epoch.
pub const RATE_WINDOW_S: i64 = 60;

/// A new upload with what must be written together with it, or not at all.
#[derive(Debug, Clone)]
pub struct NewUpload {
    /// The record, pending, at revision 0.
    pub upload: Upload,
    /// The idempotency key, where the client gave one.
    pub idempotency: Option<IdempotencyKey>,
    /// The owner's limits.
    pub allowance: Allowance,
}

/// What became of an insert. Only [`Inserted::Created`] wrote anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inserted {
    /// The record, its idempotency key, its quota and its rate count are durable.
    Created,
    /// The same key and body came before: this is the upload that it made.
    Replayed(Box<Upload>),
    /// The same key came before with another body.
    KeyReused,
    /// Another upload has this object key, and has not left it ([`Upload::releases_key`]).
    ObjectKeyTaken,
    /// The owner has no room for it.
    QuotaExceeded {
        /// Bytes reserved now.
        used_bytes: u64,
    },
    /// The owner has as many files as it may.
    FilesExceeded,
    /// The owner signed as many uploads in this window as it may.
    RateLimited,
}

/// What became of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// It is durable.
    Written,
    /// Somebody wrote before us: read again. Nothing was written.
    Conflict,
}

/// Which uploads of an owner to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only these.
    pub state: Option<UploadState>,
    /// Only of this category.
    pub category: Option<String>,
    /// Only of this collection.
    pub collection_id: Option<String>,
}

/// One page of a listing, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The uploads.
    pub uploads: Vec<Upload>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<UploadId>,
}

/// A line of uploads that are due. Who stands in one waits for nobody in another: all that an owner has due stands in
/// one line, and there are as many lines as the repository can tell apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DueLine(pub String);

/// A place in a line: since when an upload is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// Since then.
    pub at: Timestamp,
    /// The upload.
    pub id: UploadId,
}

/// A stretch of a line, from its head or from behind a place in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueRange {
    /// Only those due by then.
    pub until: Timestamp,
    /// From behind this place.
    pub after: Option<Due>,
    /// So many at most.
    pub limit: usize,
}

/// What was taken of a line: uploads that stand behind one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRun {
    /// The line.
    pub line: DueLine,
    /// The uploads, in the order of the line.
    pub due: Vec<Due>,
}

impl DueRun {
    /// The uploads of several stretches, in their order.
    #[must_use]
    pub fn ids(stretches: &[Self]) -> Vec<UploadId> {
        let due = stretches.iter().flat_map(|stretch| &stretch.due);
        due.map(|due| due.id).collect()
    }
}

/// The upload records: the only memory of the system.
pub trait UploadRepo: Send + Sync {
    /// Whether [`UploadRepo::save`] itself puts the ingest job of a change on the queue, in the same transaction.
    const HOLDS_QUEUE: bool;

    /// Inserts a pending upload with its idempotency key, quota reservation and rate count, all or nothing.
    /// Looks in this order: idempotency, rate, quota, number of files, object key.
    fn insert_pending(
        &self,
        new: &NewUpload,
        now: Timestamp,
    ) -> impl Future<Output = Result<Inserted, Fault>> + Send;

    /// The upload with this id.
    fn find(&self, id: UploadId) -> impl Future<Output = Result<Option<Upload>, Fault>> + Send;

    /// Those of the uploads with these ids that there are, in this order. One record that cannot be read fails them all.
    fn find_all(&self, ids: &[UploadId])
    -> impl Future<Output = Result<Vec<Upload>, Fault>> + Send;

    /// The upload whose client puts this object: of several, the last that was signed for it.
    fn find_by_object(
        &self,
        object: &ObjectRef,
    ) -> impl Future<Output = Result<Option<Upload>, Fault>> + Send;

    /// Writes `change.after` if the record still has `before.revision`, and moves the owner's quota by the
    /// difference of their reservations, and its number of files by [`Change::files_moved`], in the same transaction.
    fn save(
        &self,
        before: &Upload,
        change: &Change,
    ) -> impl Future<Output = Result<Saved, Fault>> + Send;

    /// A page of an owner's uploads, newest first, from behind `after`. Deleted ones only where asked for by state.
    fn list(
        &self,
        owner: &OwnerId,
        filter: &ListFilter,
        after: Option<UploadId>,
        limit: usize,
    ) -> impl Future<Output = Result<Page, Fault>> + Send;

    /// Lines in which uploads stand whose `next_check_at` is not after `until`; of more than `limit`, those that have waited
    /// longest. A line may turn out to be empty.
    fn due_lines(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<DueLine>, Fault>> + Send;

    /// A stretch of a line, the longest due first. One may be due no more: who works on it reads it first.
    fn due(
        &self,
        line: &DueLine,
        range: DueRange,
    ) -> impl Future<Output = Result<Vec<Due>, Fault>> + Send;

    /// Takes those of these uploads that are due at `now` out of their lines until `until`, or until they are saved.
    /// Their records stay as they are, so it works also where one cannot be read.
    fn hold(
        &self,
        ids: &[UploadId],
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Takes stretches out of their lines until `until`. Those of one line begin at its head, or behind what was held of
    /// it before, and are in order. Where one write holds all of a line up to a place, that hold ends when the first of it
    /// ends, and an upload that becomes due at an earlier place meanwhile waits with the others.
    fn hold_runs(
        &self,
        stretches: &[DueRun],
        now: Timestamp,
        until: Timestamp,
    ) -> impl Future<Output = Result<(), Fault>> + Send {
        async move { self.hold(&DueRun::ids(stretches), now, until).await }
    }

    /// Bytes that this owner has reserved.
    fn reserved_bytes(&self, owner: &OwnerId) -> impl Future<Output = Result<u64, Fault>> + Send;

    /// How long the owner's file that is next to be processed has waited for that, in seconds, where the repository
    /// holds the queue; 0 where none waits, or nobody knows.
    fn backlog_s(
        &self,
        owner: &OwnerId,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, Fault>> + Send {
        let _ = (owner, now);
        async { Ok(0) }
    }

    /// By what the bucket is known again, where that was recorded.
    fn bucket_identity(
        &self,
        bucket: &str,
    ) -> impl Future<Output = Result<Option<String>, Fault>> + Send;

    /// Records by what the bucket is known again, where nothing was recorded before; for ever. What is recorded.
    fn record_bucket(
        &self,
        bucket: &str,
        identity: &str,
    ) -> impl Future<Output = Result<String, Fault>> + Send;

    /// Whether records can be read and, where that can be tried, written: what health asks. The fault that stands in
    /// the way of others as well.
    fn check(&self) -> impl Future<Output = Result<(), Fault>> + Send {
        async { Ok(()) }
    }
}
