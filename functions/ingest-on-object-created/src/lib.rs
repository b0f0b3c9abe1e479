//! `ingest-on-object-created`: checks objects, profiles them, and converts tabular files to Parquet.
//!
//! Its queue delivers at least once and in any order: bucket notifications in any envelope, and consign's own
//! [`IngestJob`]s. A notification is only a hint. The function observes the object before it acts.

mod bucket;
mod contract;
mod lease;
mod process;
mod read;
pub mod sweep;
mod tabular;
mod write;

pub use bucket::mark_all;
use consign_core::events::{Action, Decoded, ObjectEvent, Sequencer};
use consign_core::host::{
    HasClock, HasMemory, HasMultipart, HasPolicy, HasQueue, HasRandom, HasRepo, HasStore,
};
use consign_core::ids::{ETag, ObjectRef};
use consign_core::ports::{Clock, Fault, IngestJob, ObjectStore, SweepJob, UploadRepo};
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{Event, Refusal, Upload, UploadState};
pub use lease::lease_holder_lost;

/// The capabilities that this function uses.
pub trait Deps:
    HasClock + HasRandom + HasRepo + HasQueue + HasStore + HasMultipart + HasPolicy + HasMemory
{
}

impl<T: HasClock + HasRandom + HasRepo + HasQueue + HasStore + HasMultipart + HasPolicy + HasMemory>
    Deps for T
{
}

/// What the host does with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Acknowledge it. The result is durable, or there was nothing to do.
    Ack,
    /// Deliver it again later.
    Retry,
    /// Move it to the dead letters with this reason, since it can never be processed.
    DeadLetter(&'static str),
}

/// Handles one message body.
pub async fn handle<D: Deps>(deps: &D, body: &[u8]) -> Disposition {
    match take(deps, body).await {
        Ok(disposition) => disposition,
        Err(fault) => {
            tracing::warn!(
                operation = "ingest",
                port = fault.operation,
                kind = fault.kind.code(),
                cause = fault.causes(),
                "the message will be delivered again"
            );
            Disposition::Retry
        }
    }
}

async fn take<D: Deps>(deps: &D, body: &[u8]) -> Result<Disposition, Fault> {
    // 1. A job of consign names its uploads.
    if let Some(job) = IngestJob::from_body(body) {
        return match deps.repo().find(job.ingest).await? {
            // The upload has released its object key, so the object belongs to another upload.
            Some(upload) if upload.releases_key(deps.clock().now()) => Ok(Disposition::Ack),
            // The message of an event was faster.
            Some(upload) if upload.is_settled(deps.clock().now()) => Ok(Disposition::Ack),
            Some(upload) => process::run(deps, upload, None).await,
            None => Ok(Disposition::Ack),
        };
    }
    if let Some(job) = SweepJob::from_body(body) {
        sweep::run_job(deps, &job.uploads).await?;
        return Ok(Disposition::Ack);
    }
    // 2. Any other message is a notification, or invalid.
    let (records, damaged) = match deps.policy().event_sources().decode(body) {
        Ok(Decoded::Ok(records)) => (records, None),
        Ok(Decoded::Ignore) => return Ok(Disposition::Ack),
        Ok(Decoded::Partial { records, failed }) => {
            (records, failed.first().map(|failed| failed.error.code()))
        }
        Err(error) => return Ok(Disposition::DeadLetter(error.code())),
    };
    // 3. Handle the records one by one. Valid records count even if others are invalid.
    let mut disposition = damaged.map_or(Disposition::Ack, Disposition::DeadLetter);
    for record in records {
        if handle_event(deps, record).await? == Disposition::Retry {
            disposition = Disposition::Retry;
        }
    }
    Ok(disposition)
}

/// Handles one object event. An unknown bucket or key changes nothing (invariant 22), and consign's own outputs have
/// such keys (invariant 27).
async fn handle_event<D: Deps>(deps: &D, record: ObjectEvent) -> Result<Disposition, Fault> {
    // consign's keys have no control characters, and not every database accepts them.
    if record.key.chars().any(char::is_control) {
        return Ok(Disposition::Ack);
    }
    let object = ObjectRef::new(record.bucket, record.key);
    let Some(upload) = deps.repo().find_by_object(&object).await? else {
        return Ok(Disposition::Ack);
    };
    match record.action {
        Action::Created => {
            let etag = record.etag.as_deref().map(ETag::new);
            let known = upload.observed.as_ref().map(|observed| &observed.etag);
            if etag.is_some() && etag.as_ref() == known && upload.is_settled(deps.clock().now()) {
                return Ok(Disposition::Ack);
            }
            let reported = etag.zip(record.sequencer);
            process::run(deps, upload, reported).await
        }
        Action::Deleted => object_removed(deps, upload, record.sequencer).await,
    }
}

/// Handles a removal. It counts only if a HEAD request finds no object. It may concern an older version, or the
/// object may have been written again since. The object is then processed like after any other event.
async fn object_removed<D: Deps>(
    deps: &D,
    upload: Upload,
    sequencer: Option<Sequencer>,
) -> Result<Disposition, Fault> {
    if deps.store().head(&upload.object).await?.is_none() {
        if ends_by_removal(&upload) {
            bucket::prove(deps, &upload.object.bucket).await?;
        }
        let event = Event::ObjectRemoved { sequencer };
        let outcome = transition(deps, upload, &event, deps.clock().now()).await?;
        return Ok(ack_unless_stale(&outcome));
    }
    process::run(deps, upload, None).await
}

/// Returns whether the removal of the object ends the upload.
fn ends_by_removal(upload: &Upload) -> bool {
    match upload.state {
        UploadState::Uploaded
        | UploadState::Confirmed
        | UploadState::Processing
        | UploadState::Failed => true,
        UploadState::Ready => upload.keeps_original(),
        UploadState::Expired => upload.next_check_at.is_none(),
        UploadState::Pending | UploadState::Uploading | UploadState::Deleted => false,
    }
}

/// Records that a HEAD request found no object. If the object had been observed before, this requires proof that the
/// bucket is the one that the records refer to.
async fn object_absent<D: Deps>(deps: &D, upload: Upload) -> Result<TransitionOutcome, Fault> {
    let is_loss = match upload.state {
        UploadState::Uploaded | UploadState::Confirmed | UploadState::Processing => true,
        UploadState::Ready | UploadState::Failed => upload.absent_since.is_some(),
        UploadState::Deleted => upload.is_lost(),
        UploadState::Pending | UploadState::Uploading | UploadState::Expired => false,
    };
    if is_loss {
        bucket::prove(deps, &upload.object.bucket).await?;
    }
    let before = upload.state;
    let outcome = transition(deps, upload, &Event::ObjectAbsent, deps.clock().now()).await?;
    if let TransitionOutcome::Changed(upload) = &outcome
        && before != UploadState::Deleted
        && let Some(reason) = upload.deletion_reason
    {
        tracing::warn!(
            operation = "ingest",
            file_id = %upload.id,
            reason = reason.as_str(),
            "the object was absent at two probes; the file is deleted until the object is observed again"
        );
    }
    Ok(outcome)
}

/// Acknowledges a recorded observation. A stale one is repeated.
fn ack_unless_stale(outcome: &TransitionOutcome) -> Disposition {
    match outcome {
        TransitionOutcome::Refused(_, Refusal::StaleObservation) => Disposition::Retry,
        TransitionOutcome::Refused(..)
        | TransitionOutcome::Changed(_)
        | TransitionOutcome::Unchanged(_) => Disposition::Ack,
    }
}
