//! The events and decisions of the state machine. The limits are in [`crate::operations`].

use crate::time::Timestamp;

use super::{
    ClientMetadata, DeletionReason, Failure, IngestOutcome, Lease, ObjectVersion, OutputPlace,
    Upload,
};

/// An event of the state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A call reserves the right to begin the multipart upload in the bucket.
    BeginReserved {
        /// The end of the reservation.
        until: Timestamp,
    },
    /// The bucket refused to begin the multipart upload, and nothing was created. The next call may try at once.
    BeginFailed,
    /// A multipart upload was begun in the bucket.
    MultipartBegun {
        /// The store's id of the multipart upload.
        upload_id: String,
    },
    /// URLs were signed anew.
    UrlsReissued {
        /// When the new URLs expire.
        url_expires_at: Timestamp,
    },
    /// A HEAD request found the object.
    ObjectObserved {
        /// The version that the HEAD request returned.
        object: ObjectVersion,
    },
    /// The owner confirmed the upload, and a HEAD request found the object.
    Confirmed {
        /// The version that the HEAD request returned.
        object: ObjectVersion,
        /// The collection to link, if given.
        collection_id: Option<String>,
        /// The metadata that the client sent.
        metadata: ClientMetadata,
    },
    /// An ingest acquires the lease for a version.
    AcquireLease {
        /// The version that the HEAD request returned.
        object: ObjectVersion,
        /// The requested lease.
        lease: Lease,
        /// Where the ingest will write its outputs, if it writes any. Recorded before the first byte is written.
        output: Option<OutputPlace>,
    },
    /// The lease holder extends the lease.
    RenewLease {
        /// The lease with its new end.
        lease: Lease,
    },
    /// The lease holder gives the lease back without a result.
    ReleaseLease {
        /// The holder's lease token.
        token: String,
        /// The fault is transient, so the attempt does not count.
        is_transient: bool,
        /// The port's operation and the kind of fault.
        fault: String,
    },
    /// The lease holder finished, and the outputs are durable.
    Succeed {
        /// The holder's lease token.
        token: String,
        /// The result.
        outcome: IngestOutcome,
    },
    /// The lease holder found that the file itself is invalid.
    Fail {
        /// The holder's lease token.
        token: String,
        /// Why the upload failed.
        failure: Failure,
    },
    /// A HEAD request found no object.
    ObjectAbsent,
    /// A HEAD request found no object, and the parts in the bucket are not complete.
    PartsObserved {
        /// The number of parts.
        count: u32,
        /// The total size of the parts in bytes.
        size_bytes: u64,
    },
    /// The process that held this lease ended without a result.
    LeaseHolderLost {
        /// The token of the lost holder's lease.
        token: String,
    },
    /// The sweep could not examine the upload because of a fault.
    ProbeFailed {
        /// The fault is transient and does not concern this upload in particular.
        is_transient: bool,
    },
    /// The sweep queued the upload again.
    Requeued,
    /// consign removed the original after the upload became ready.
    OriginalRemoved,
    /// The store reported a removal, and a HEAD request found no object.
    ObjectRemoved {
        /// The sequencer of the removal, if there is one.
        sequencer: Option<crate::events::Sequencer>,
    },
    /// The owner deletes the upload, or its retention has ended.
    Delete {
        /// The reason.
        reason: DeletionReason,
    },
    /// The objects were moved under `deleted/`, and later writes to their keys were removed.
    DeletionMoved {
        /// The bytes that are kept in the trash and count towards the quota.
        kept_bytes: u64,
    },
    /// The objects are purged.
    DeletionPurged,
}

/// The result of applying an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The record to write.
    Change(Box<Change>),
    /// The record reflects the event already.
    Unchanged,
    /// The event is not accepted, and nothing changes.
    Refused(Refusal),
}

/// A write: the new record, one revision further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The record after the event.
    pub after: Upload,
    /// Whether an ingest job is sent with the change.
    pub enqueue: bool,
}

/// Why the state machine does not accept an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The upload is deleted.
    #[error("the upload is deleted")]
    Deleted,
    /// This version was processed already.
    #[error("this version of the object was processed before")]
    Processed,
    /// Another call is beginning the multipart upload.
    #[error("another call is beginning the upload")]
    Beginning,
    /// Another ingest holds an unexpired lease.
    #[error("another ingest holds the lease")]
    Leased,
    /// Another ingest acquired the lease, or the object changed.
    #[error("the lease was lost")]
    LeaseLost,
    /// The event does not fit the state.
    #[error("the event does not fit the state")]
    OutOfPlace,
    /// A newer observation was recorded after the caller's. The caller observes again.
    #[error("the observation is stale")]
    StaleObservation,
}

impl Event {
    /// Builds the event for parts that are not complete.
    #[must_use]
    pub fn parts_observed(parts: &[crate::ports::Part]) -> Self {
        Self::PartsObserved {
            count: u32::try_from(parts.len()).unwrap_or(u32::MAX),
            size_bytes: parts
                .iter()
                .fold(0, |sum, part| part.size_bytes.saturating_add(sum)),
        }
    }

    /// Returns whether the event rests on an observation that contradicts `observed`, which was recorded since.
    pub(crate) fn is_stale_beside(&self, observed: Option<&ObjectVersion>) -> bool {
        match self {
            Self::ObjectObserved { object }
            | Self::Confirmed { object, .. }
            | Self::AcquireLease { object, .. } => {
                observed.is_some_and(|observed| observed.etag != object.etag)
            }
            Self::ObjectAbsent | Self::PartsObserved { .. } | Self::ObjectRemoved { .. } => {
                observed.is_some()
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
