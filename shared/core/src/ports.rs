//! What the rules need of the world. Adapters implement these; handlers name nothing else.
//!
//! Every adapter passes the contract of `consign-testkit`. Futures are `Send`; an adapter whose runtime has other
//! ideas wraps its own.

use std::error::Error;
use std::future::Future;

use bytes::Bytes;
use futures_util::Stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{ETag, ObjectRef, OwnerId, UploadId};
use crate::upload::{Change, State, Upload};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present instant, UTC.
    fn now(&self) -> Timestamp;
}

/// Gives random bytes fit for tokens.
pub trait Random: Send + Sync {
    /// Fills the buffer from a cryptographically secure source.
    fn fill(&self, buffer: &mut [u8]);

    /// Sixteen random bytes in hexadecimal: a lease token or a request id.
    fn token(&self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
            .iter()
            .fold(String::with_capacity(32), |mut text, byte| {
                for nibble in [byte >> 4, byte & 15] {
                    text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                }
                text
            })
    }

    /// A new upload id.
    fn upload_id(&self, now: Timestamp) -> UploadId {
        let mut bytes = [0; 10];
        self.fill(&mut bytes);
        UploadId::new(now, bytes)
    }
}

/// A source of an error, below the port's kinds.
pub type Cause = Box<dyn Error + Send + Sync>;

/// What kind of thing went wrong in a store, a repository or a queue; told apart because callers, alerts and
/// people answer each in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// It did not answer in time. A write may have happened.
    TimedOut,
    /// Nobody listens there, or the connection broke. A write may have happened.
    Unreachable,
    /// It asks for fewer requests. Nothing was written.
    Throttled,
    /// It does not know our credentials, or they have expired.
    BadCredentials,
    /// It knows us and says no.
    Denied,
    /// The bucket, table or queue is not there.
    NoContainer,
    /// The bucket is not the one that the records are of: it lacks their marker. Nothing is believed of it.
    WrongBucket,
    /// It has no room left.
    Full,
    /// It said something that we do not understand.
    Other,
}

impl FaultKind {
    /// A stable code for logs, metrics and the health endpoint.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
            Self::BadCredentials => "bad_credentials",
            Self::Denied => "denied",
            Self::NoContainer => "no_container",
            Self::WrongBucket => "wrong_bucket",
            Self::Full => "full",
            Self::Other => "other",
        }
    }

    /// Whether the call is known to have had no effect: it was refused.
    #[must_use]
    pub const fn is_without_effect(self) -> bool {
        match self {
            Self::Throttled
            | Self::BadCredentials
            | Self::Denied
            | Self::NoContainer
            | Self::WrongBucket
            | Self::Full => true,
            Self::TimedOut | Self::Unreachable | Self::Other => false,
        }
    }

    /// Whether the same call may succeed later without anybody's help.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::TimedOut | Self::Unreachable | Self::Throttled => true,
            Self::BadCredentials
            | Self::Denied
            | Self::NoContainer
            | Self::WrongBucket
            | Self::Full
            | Self::Other => false,
        }
    }
}

/// A fault of a port. Its text names the operation and the kind, never a key, a URL or a secret.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {}", kind.code())]
pub struct Fault {
    /// What kind of fault.
    pub kind: FaultKind,
    /// The port's verb that failed, such as `head`.
    pub operation: &'static str,
    /// What the adapter saw.
    #[source]
    pub source: Option<Cause>,
}

impl Fault {
    /// A fault with its cause.
    pub fn new(kind: FaultKind, operation: &'static str, source: impl Into<Cause>) -> Self {
        Self {
            kind,
            operation,
            source: Some(source.into()),
        }
    }

    /// What the adapter saw, with all that led to it; for the log.
    #[must_use]
    pub fn causes(&self) -> Option<String> {
        let mut next: Option<&(dyn Error + 'static)> =
            self.source.as_deref().map(|source| source as _);
        let mut words: Vec<String> = Vec::new();
        while let Some(error) = next {
            let text = error.to_string();
            // Many an error repeats its source.
            if words.last() != Some(&text) {
                words.push(text);
            }
            next = error.source();
        }
        (!words.is_empty()).then(|| words.join(": "))
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Upload records

/// An owner's `Idempotency-Key` and what it was first used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyKey {
    /// The key as the client sent it; unique per owner.
    pub key: String,
    /// SHA-256 of the request's body, hexadecimal.
    pub body_sha256: String,
    /// Until when the store must remember it.
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
    /// Another upload has this object key, and has not left it ([`Upload::leaves_its_name`]).
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
    pub state: Option<State>,
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

    /// Lines in which uploads stand whose `due_at` is not after `until`; of more than `limit`, those that have waited
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

// ---------------------------------------------------------------------------------------------------------------
// Objects

/// What a HEAD tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// The entity tag.
    pub etag: ETag,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The media type.
    pub content_type: Option<String>,
    /// The version id, where the bucket is versioned.
    pub version_id: Option<String>,
    /// SHA-256 of the whole object in base64, where the store keeps it.
    pub checksum_sha256: Option<String>,
}

/// What to read of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// Only of this version: [`ReadError::Changed`] otherwise.
    pub if_match: Option<ETag>,
    /// Only the bytes from the first to the last, both included.
    pub range: Option<(u64, u64)>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// The object is of another version by now.
    #[error("the object changed")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The objects.
pub trait ObjectStore: Send + Sync {
    /// The bytes of an object as they come.
    type Body: Stream<Item = Result<Bytes, Fault>> + Send + Unpin;
    /// An object being written.
    type Writer: ObjectWriter;

    /// What is known of an object; `None` where there is none.
    fn head(
        &self,
        object: &ObjectRef,
    ) -> impl Future<Output = Result<Option<ObjectHead>, Fault>> + Send;

    /// Streams an object or a part of it.
    fn get(
        &self,
        object: &ObjectRef,
        read: &Read,
    ) -> impl Future<Output = Result<Self::Body, ReadError>> + Send;

    /// Writes a small object whole, over whatever was there.
    fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> impl Future<Output = Result<ETag, Fault>> + Send;

    /// Begins to write an object of unknown length. It does not exist before [`ObjectWriter::finish`].
    fn writer(
        &self,
        object: &ObjectRef,
        content_type: &str,
    ) -> impl Future<Output = Result<Self::Writer, Fault>> + Send;

    /// Copies an object within the store. `false` where there is none to copy.
    fn copy(
        &self,
        from: &ObjectRef,
        to: &ObjectRef,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Removes an object; removing what is not there succeeds.
    fn delete(&self, object: &ObjectRef) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Whether a bucket is there and ours to use.
    fn check_bucket(&self, bucket: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// An object being written in order. Dropping it leaves nothing visible.
pub trait ObjectWriter: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Makes the object exist, whole.
    fn finish(self) -> impl Future<Output = Result<ETag, Fault>> + Send;

    /// Gives up and frees what was stored.
    fn abort(self) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// A part that the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: u16,
    /// Its entity tag.
    pub etag: ETag,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Begins multipart uploads that a client fills (S3 API: `CreateMultipartUpload`). A trait of its own, since whoever
/// only signs needs nothing else of a store.
pub trait BeginMultipart: Send + Sync {
    /// Begins one and returns the store's id of it.
    fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        encryption: &crate::policy::Encryption,
    ) -> impl Future<Output = Result<String, Fault>> + Send;
}

/// Multipart uploads that a client fills, from their parts to their end.
pub trait Multipart: BeginMultipart {
    /// All the parts it holds, by number; `None` where the store does not know the id (completed, aborted).
    fn parts(
        &self,
        object: &ObjectRef,
        upload_id: &str,
    ) -> impl Future<Output = Result<Option<Vec<Part>>, Fault>> + Send;

    /// Makes the object of these parts, once: `false` where the store does not know the id, a part is not as named,
    /// or the key is taken.
    fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Frees its parts; succeeds where the store does not know the id.
    fn abort(
        &self,
        object: &ObjectRef,
        upload_id: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

// ---------------------------------------------------------------------------------------------------------------
// The ingest queue

/// A message of our own on the ingest queue: process this upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestJob {
    /// The upload to process.
    pub ingest: UploadId,
}

impl IngestJob {
    /// The message body: `{"ingest":"<file_id>"}`.
    #[must_use]
    pub fn to_body(self) -> String {
        format!("{{\"ingest\":\"{}\"}}", self.ingest)
    }

    /// Reads a message body; `None` where it is something else.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

pub use crate::operations::HIDDEN_MAX_S;

/// The most uploads that one [`LookJob`] names.
pub const LOOKS_MAX: usize = 50;

/// A message of our own on the ingest queue: do what is due for these uploads. So a sweep whose time is short passes on
/// what it finds due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookJob {
    /// The uploads, at most [`LOOKS_MAX`].
    pub look: Vec<UploadId>,
}

impl LookJob {
    /// The message body: `{"look":["<file_id>",…]}`.
    #[must_use]
    pub fn to_body(&self) -> String {
        let ids: Vec<String> = self.look.iter().map(|id| format!("\"{id}\"")).collect();
        format!("{{\"look\":[{}]}}", ids.join(","))
    }

    /// Reads a message body; `None` where it is something else, or names more than it may.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        let job: Self = serde_json::from_slice(body).ok()?;
        (job.look.len() <= LOOKS_MAX).then_some(job)
    }
}

/// Whether a message is one that we send ourselves. Nobody outside may put such a one on the queue.
#[must_use]
pub fn is_own_message(body: &[u8]) -> bool {
    IngestJob::from_body(body).is_some() || serde_json::from_slice::<LookJob>(body).is_ok()
}

/// The queue that feeds `ingest-on-object-created`: at least once, in any order.
pub trait IngestQueue: Send + Sync {
    /// Sends a job.
    fn send(&self, job: IngestJob) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Sends look jobs, each as a message. After a fault some may be there all the same.
    fn send_looks(&self, jobs: &[LookJob]) -> impl Future<Output = Result<(), Fault>> + Send;
}
