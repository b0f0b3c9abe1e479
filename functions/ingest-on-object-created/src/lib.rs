//! `ingest-on-object-created`: checks what arrived in the bucket, profiles it, turns tabular files into Parquet.
//!
//! It is fed by a queue that delivers at least once, in any order: bucket notifications in whatever shape their carrier
//! gives them, and our own [`IngestJob`]s. The bucket is looked at before anything is believed.

mod bucket;
mod lease;
mod process;
mod read;
pub mod sweep;
mod tabular;

pub use bucket::mark_all;
use consign_core::events::{Action, Decoded, ObjectEvent, Sequencer};
use consign_core::host::{
    HasClock, HasMemory, HasMultipart, HasPolicy, HasQueue, HasRandom, HasRepo, HasStore,
};
use consign_core::ids::{ETag, ObjectRef};
use consign_core::ports::{Clock, Fault, IngestJob, ObjectStore, SweepJob, UploadRepo};
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{Event, Refusal, Upload, UploadState};

/// What this function needs.
pub trait Deps:
    HasClock + HasRandom + HasRepo + HasQueue + HasStore + HasMultipart + HasPolicy + HasMemory
{
}

impl<T: HasClock + HasRandom + HasRepo + HasQueue + HasStore + HasMultipart + HasPolicy + HasMemory>
    Deps for T
{
}

/// What the host does with the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Acknowledge it: whatever it asked for is durable, or there was nothing to do.
    Ack,
    /// Deliver it again later.
    Retry,
    /// It will never be of use: dead letter queue, with this reason.
    DeadLetter(&'static str),
}

/// Takes one message body.
pub async fn handle<D: Deps>(deps: &D, body: &[u8]) -> Disposition {
    match take(deps, body).await {
        Ok(verdict) => verdict,
        Err(fault) => {
            tracing::warn!(
                operation = "ingest",
                port = fault.operation,
                kind = fault.kind.code(),
                cause = fault.causes(),
                "ingest will be tried again"
            );
            Disposition::Retry
        }
    }
}

async fn take<D: Deps>(deps: &D, body: &[u8]) -> Result<Disposition, Fault> {
    // 1. One of our own jobs names its uploads.
    if let Some(job) = IngestJob::from_body(body) {
        return match deps.repo().find(job.ingest).await? {
            // What lies under a name that it has left is another's.
            Some(upload) if upload.releases_key(deps.clock().now()) => Ok(Disposition::Ack),
            Some(upload) => process::run(deps, upload, None).await,
            None => Ok(Disposition::Ack),
        };
    }
    if let Some(job) = SweepJob::from_body(body) {
        sweep::run_job(deps, &job.uploads).await?;
        return Ok(Disposition::Ack);
    }
    // 2. Anything else is a notification, or poison.
    let (records, damaged) = match deps.policy().event_sources().decode(body) {
        Ok(Decoded::Ok(records)) => (records, None),
        Ok(Decoded::Ignore) => return Ok(Disposition::Ack),
        Ok(Decoded::Partial { records, failed }) => {
            (records, failed.first().map(|failed| failed.error.code()))
        }
        Err(error) => return Ok(Disposition::DeadLetter(error.code())),
    };
    // 3. Each record by itself; the good ones count also beside damaged ones.
    let mut verdict = damaged.map_or(Disposition::Ack, Disposition::DeadLetter);
    for record in records {
        if handle_event(deps, record).await? == Disposition::Retry {
            verdict = Disposition::Retry;
        }
    }
    Ok(verdict)
}

/// An unknown bucket or key changes nothing (invariant 22), and our own outputs are such keys (invariant 27).
async fn handle_event<D: Deps>(deps: &D, record: ObjectEvent) -> Result<Disposition, Fault> {
    // No key of ours has control characters, and not every database takes them.
    if record.key.chars().any(char::is_control) {
        return Ok(Disposition::Ack);
    }
    let object = ObjectRef::new(record.bucket, record.key);
    let Some(upload) = deps.repo().find_by_object(&object).await? else {
        return Ok(Disposition::Ack);
    };
    match record.action {
        Action::Created => {
            let told = record.etag.as_deref().map(ETag::new).zip(record.sequencer);
            process::run(deps, upload, told).await
        }
        Action::Deleted => object_removed(deps, upload, record.sequencer).await,
    }
}

/// A deletion counts only where the object really is gone: it may be of an older version, or undone since, and then it is
/// as good a reason to look as any.
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
        let moved = transition(
            deps.repo(),
            deps.queue(),
            upload,
            &event,
            deps.clock().now(),
        )
        .await?;
        return Ok(ack_unless_stale(&moved));
    }
    process::run(deps, upload, None).await
}

/// Whether the removal of its object is an end of the upload.
fn ends_by_removal(upload: &Upload) -> bool {
    match upload.state {
        UploadState::Uploaded
        | UploadState::Confirmed
        | UploadState::Processing
        | UploadState::Failed => true,
        UploadState::Ready => upload.keep_original,
        UploadState::Expired => upload.next_check_at.is_none(),
        UploadState::Pending | UploadState::Uploading | UploadState::Deleted => false,
    }
}

/// A look found no object. Where that is the loss of one that was seen, it counts only beside the proof that the bucket is
/// the one that the records are of.
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
    let moved = transition(
        deps.repo(),
        deps.queue(),
        upload,
        &Event::ObjectAbsent,
        deps.clock().now(),
    )
    .await?;
    if let TransitionOutcome::Changed(upload) = &moved
        && before != UploadState::Deleted
        && let Some(reason) = upload.deletion_reason
    {
        tracing::warn!(
            operation = "ingest",
            file_id = %upload.id,
            reason = reason.as_str(),
            "the object was missing at two looks; the file is deleted until it is seen again"
        );
    }
    Ok(moved)
}

/// What a look at the bucket led to is durable, or another looked since: then again.
fn ack_unless_stale(moved: &TransitionOutcome) -> Disposition {
    match moved {
        TransitionOutcome::Refused(_, Refusal::StaleObservation) => Disposition::Retry,
        TransitionOutcome::Refused(..)
        | TransitionOutcome::Changed(_)
        | TransitionOutcome::Unchanged(_) => Disposition::Ack,
    }
}
