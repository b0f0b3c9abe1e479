//! What happens to an upload, and what it leads to: the alphabet of the state machine. Its bounds are in
//! [`crate::operations`].

use crate::time::Timestamp;

use super::{
    ClientMetadata, DeletionReason, Failure, IngestOutcome, Lease, ObjectVersion, OutputPlace,
    Upload,
};

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A call begins the multipart upload in the bucket, and others keep away until then.
    BeginReserved {
        /// When another call may take over.
        until: Timestamp,
    },
    /// The bucket refused to begin it, and nothing was made: the next call may try at once.
    BeginFailed,
    /// A multipart upload was begun in the bucket.
    MultipartBegun {
        /// The store's id of it.
        upload_id: String,
    },
    /// Fresh URLs were signed that live until then.
    UrlsReissued {
        /// The end of the new URLs.
        url_expires_at: Timestamp,
    },
    /// The object is in the bucket.
    ObjectObserved {
        /// The version that a HEAD showed.
        object: ObjectVersion,
    },
    /// The object is in the bucket, and its owner says so.
    Confirmed {
        /// The version that a HEAD showed.
        object: ObjectVersion,
        /// The collection to link, where given.
        collection_id: Option<String>,
        /// What the client says of the content.
        metadata: ClientMetadata,
    },
    /// An ingest wants to process the version that it just saw.
    AcquireLease {
        /// The version that a HEAD showed.
        object: ObjectVersion,
        /// The lease that it asks for.
        lease: Lease,
        /// Where it will write, where it writes anything: known before the first byte is written.
        output: Option<OutputPlace>,
    },
    /// The holder is still at work.
    RenewLease {
        /// The lease with its new end.
        lease: Lease,
    },
    /// The holder could not finish.
    ReleaseLease {
        /// The holder's lease token.
        token: String,
        /// The reason passes by itself, so the attempt does not count.
        is_transient: bool,
        /// What stood in the way: the port's verb and the kind of fault.
        fault: String,
    },
    /// The holder finished: the outputs are durable.
    Succeed {
        /// The holder's lease token.
        token: String,
        /// What it made.
        outcome: IngestOutcome,
    },
    /// The holder found the file itself at fault.
    Fail {
        /// The holder's lease token.
        token: String,
        /// Why.
        failure: Failure,
    },
    /// A HEAD found no object.
    ObjectAbsent,
    /// A HEAD found no object, and the parts in the bucket do not make it up yet.
    PartsObserved {
        /// How many parts there are.
        count: u32,
        /// Their bytes.
        size_bytes: u64,
    },
    /// The process that held this lease is known to be dead.
    LeaseHolderLost {
        /// The dead holder's lease token.
        token: String,
    },
    /// The sweep could not look at it for a fault.
    ProbeFailed {
        /// The reason passes by itself, and says nothing against this upload.
        is_transient: bool,
    },
    /// The sweep put it on the ingest queue again.
    Requeued,
    /// The uploaded object was removed by us after it became ready.
    OriginalRemoved,
    /// The store told of a deletion, and a HEAD found no object.
    ObjectRemoved {
        /// The sequencer of the deletion, where there is one.
        sequencer: Option<crate::events::Sequencer>,
    },
    /// Its owner, or its retention, deletes it.
    Delete {
        /// Who.
        reason: DeletionReason,
    },
    /// Its objects were moved under `deleted/`, and what came to their place since was removed.
    DeletionMoved {
        /// What is kept of it there, and counts.
        kept_bytes: u64,
    },
    /// Its objects are gone.
    DeletionPurged,
}

/// What an event leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Write this.
    Change(Box<Change>),
    /// It is as the event says already.
    Unchanged,
    /// It cannot be done, and nothing changes.
    Refused(Refusal),
}

/// A write: the record as it is to be, one revision on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The record after the event.
    pub after: Upload,
    /// An ingest job goes with it.
    pub enqueue: bool,
}

/// Why an event is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The upload is deleted, for ever.
    #[error("the upload is deleted")]
    Deleted,
    /// This version was processed before.
    #[error("this version of the object was processed before")]
    Processed,
    /// Another call is beginning the multipart upload.
    #[error("another call is beginning the upload")]
    Beginning,
    /// Another ingest holds a lease that has not ended.
    #[error("another ingest holds the lease")]
    Leased,
    /// The lease was lost to another, or the object changed below it.
    #[error("the lease was lost")]
    LeaseLost,
    /// The event does not fit the state.
    #[error("the event does not fit the state")]
    OutOfPlace,
    /// Another saw the bucket since the caller looked at it: look again.
    #[error("the look at the bucket is out of date")]
    StaleObservation,
}

impl Event {
    /// What a look at parts that do not make up the object tells.
    #[must_use]
    pub fn parts_observed(parts: &[crate::ports::Part]) -> Self {
        Self::PartsObserved {
            count: u32::try_from(parts.len()).unwrap_or(u32::MAX),
            size_bytes: parts
                .iter()
                .fold(0, |sum, part| part.size_bytes.saturating_add(sum)),
        }
    }

    /// Whether it rests on a look at the bucket that what was `seen` since contradicts.
    pub(crate) fn is_stale_beside(&self, seen: Option<&ObjectVersion>) -> bool {
        match self {
            Self::ObjectObserved { object }
            | Self::Confirmed { object, .. }
            | Self::AcquireLease { object, .. } => {
                seen.is_some_and(|seen| seen.etag != object.etag)
            }
            Self::ObjectAbsent | Self::PartsObserved { .. } | Self::ObjectRemoved { .. } => {
                seen.is_some()
            }
            Self::BeginReserved { .. }
            | Self::BeginFailed
            | Self::MultipartBegun { .. }
            | Self::UrlsReissued { .. }
            | Self::RenewLease { .. }
            | Self::ReleaseLease { .. }
            | Self::Succeed { .. }
            | Self::Fail { .. }
            | Self::LeaseHolderLost { .. }
            | Self::ProbeFailed { .. }
            | Self::Requeued
            | Self::OriginalRemoved
            | Self::Delete { .. }
            | Self::DeletionMoved { .. }
            | Self::DeletionPurged => false,
        }
    }
}
