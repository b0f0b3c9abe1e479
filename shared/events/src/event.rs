//! A decoded event.

use consign_time::Timestamp;

use super::error::EventError;
use super::sequencer::Sequencer;

/// The kind of store that an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Amazon S3.
    S3,
    /// Cloudflare R2.
    R2,
    /// MinIO, or another server with the same notifications.
    Minio,
}

impl Provider {
    /// Returns the stable lower-case name: `s3`, `r2`, `minio`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::R2 => "r2",
            Self::Minio => "minio",
        }
    }
}

/// What happened to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It was written: put, posted, copied, or completed from parts.
    Created,
    /// It was removed, expired, or hidden by a delete marker. With a version id, only that version is gone, so a HEAD
    /// request has to confirm it.
    Deleted,
}

impl Action {
    /// Returns the stable lower-case name: `created`, `deleted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Deleted => "deleted",
        }
    }
}

/// One change of one object, as its store reported it.
///
/// The key is decoded, but only its length is checked. A store may have keys that consign never made, also with
/// control characters, and no upload has such a key. Everything except bucket and key is a hint, and `None` if it
/// cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEvent {
    /// The kind of store.
    pub provider: Provider,
    /// What happened.
    pub action: Action,
    /// The name of the bucket: not empty, at most [`BUCKET_BYTES_MAX`] bytes, without control characters.
    pub bucket: String,
    /// The decoded object key: not empty, at most [`KEY_BYTES_MAX`] bytes.
    pub key: String,
    /// The size in bytes. Absent for deletions, and for an empty object in MinIO.
    pub size_bytes: Option<u64>,
    /// The ETag without quotes.
    pub etag: Option<String>,
    /// The version id in a versioned bucket. The null version is `None`.
    pub version_id: Option<String>,
    /// The sequencer. `None` for R2, and for a value that is not hexadecimal.
    pub sequencer: Option<Sequencer>,
    /// The time of the event by the store's clock, if readable. Information only: it does not order events.
    pub at: Option<Timestamp>,
}

/// A message that was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// The events, at least one, in the order of the message.
    Ok(Vec<ObjectEvent>),
    /// A valid message without an event to act on: a test event, a tag change, a subscription notice, an empty batch,
    /// or an event of an unknown envelope. The caller acknowledges it.
    Ignore,
    /// Some records are valid and some are not. The caller acts on the valid ones and reports the others.
    Partial {
        /// The events. Empty if the other records contain none to act on.
        records: Vec<ObjectEvent>,
        /// The invalid records, in order.
        failed: Vec<FailedRecord>,
    },
}

/// An invalid record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedRecord {
    /// The index in the outermost list. In an SQS batch it is the index of the SQS message, which a partial batch
    /// response names; in a plain notification that of the entry of `Records`. A message is invalid if any record in
    /// it is.
    pub index: usize,
    /// The first error of the record.
    pub error: EventError,
}
