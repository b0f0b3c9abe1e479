//! `ingest-on-object-created`: checks what arrived in the bucket, profiles it, turns tabular files into Parquet.
//!
//! It is fed by a queue that delivers at least once, in any order: bucket notifications in whatever shape their carrier
//! gives them, and our own [`IngestJob`]s. The bucket is looked at before anything is believed.

mod bucket;
mod claim;
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
use consign_core::ports::{Clock, Fault, IngestJob, LookJob, ObjectStore, UploadRepo};
use consign_core::transition::{Moved, transition};
use consign_core::upload::{Event, Refusal, State, Upload};

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
pub enum Verdict {
    /// Acknowledge it: whatever it asked for is durable, or there was nothing to do.
    Done,
    /// Deliver it again later.
    Retry,
    /// It will never be of use: dead letter queue, with this reason.
    Discard(&'static str),
}

/// Takes one message body.
pub async fn handle<D: Deps>(deps: &D, body: &[u8]) -> Verdict {
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
            Verdict::Retry
        }
    }
}

async fn take<D: Deps>(deps: &D, body: &[u8]) -> Result<Verdict, Fault> {
    // 1. One of our own jobs names its uploads.
    if let Some(job) = IngestJob::from_body(body) {
        return match deps.repo().find(job.ingest).await? {
            // What lies under a name that it has left is another's.
            Some(upload) if upload.leaves_its_name(deps.clock().now()) => Ok(Verdict::Done),
            Some(upload) => process::run(deps, upload, None).await,
            None => Ok(Verdict::Done),
        };
    }
    if let Some(job) = LookJob::from_body(body) {
        sweep::look_at_all(deps, &job.look).await?;
        return Ok(Verdict::Done);
    }
    // 2. Anything else is a notification, or poison.
    let (records, damaged) = match deps.policy().event_sources().decode(body) {
        Ok(Decoded::Ok(records)) => (records, None),
        Ok(Decoded::Ignore) => return Ok(Verdict::Done),
        Ok(Decoded::Partial { records, failed }) => {
            (records, failed.first().map(|failed| failed.error.code()))
        }
        Err(error) => return Ok(Verdict::Discard(error.code())),
    };
    // 3. Each record by itself; the good ones count also beside damaged ones.
    let mut verdict = damaged.map_or(Verdict::Done, Verdict::Discard);
    for record in records {
        if notified(deps, record).await? == Verdict::Retry {
            verdict = Verdict::Retry;
        }
    }
    Ok(verdict)
}

/// An unknown bucket or key changes nothing (invariant 22), and our own outputs are such keys (invariant 27).
async fn notified<D: Deps>(deps: &D, record: ObjectEvent) -> Result<Verdict, Fault> {
    // No key of ours has control characters, and not every database takes them.
    if record.key.chars().any(char::is_control) {
        return Ok(Verdict::Done);
    }
    let object = ObjectRef::new(record.bucket, record.key);
    let Some(upload) = deps.repo().find_by_object(&object).await? else {
        return Ok(Verdict::Done);
    };
    match record.action {
        Action::Created => {
            let told = record.etag.as_deref().map(ETag::new).zip(record.sequencer);
            process::run(deps, upload, told).await
        }
        Action::Deleted => removed(deps, upload, record.sequencer).await,
    }
}

/// A deletion counts only where the object really is gone: it may be of an older version, or undone since, and then it is
/// as good a reason to look as any.
async fn removed<D: Deps>(
    deps: &D,
    upload: Upload,
    sequencer: Option<Sequencer>,
) -> Result<Verdict, Fault> {
    if deps.store().head(&upload.object).await?.is_none() {
        if ends_by_removal(&upload) {
            bucket::prove(deps, &upload.object.bucket).await?;
        }
        let event = Event::ObjectRemoved { sequencer };
        let ports = (deps.repo(), deps.queue());
        let moved = transition(ports, upload, &event, deps.clock().now()).await?;
        return Ok(unless_stale(&moved));
    }
    process::run(deps, upload, None).await
}

/// Whether the removal of its object is an end of the upload.
fn ends_by_removal(upload: &Upload) -> bool {
    match upload.state {
        State::Uploaded | State::Confirmed | State::Processing | State::Failed => true,
        State::Ready => upload.keep_original,
        State::Expired => upload.due_at.is_none(),
        State::Pending | State::Uploading | State::Deleted => false,
    }
}

/// A look found no object. Where that is the loss of one that was seen, it counts only beside the proof that the bucket is
/// the one that the records are of.
async fn missing<D: Deps>(deps: &D, upload: Upload) -> Result<Moved, Fault> {
    let is_loss = match upload.state {
        State::Uploaded | State::Confirmed | State::Processing => true,
        State::Ready | State::Failed => upload.absent_since.is_some(),
        State::Deleted => upload.is_lost(),
        State::Pending | State::Uploading | State::Expired => false,
    };
    if is_loss {
        bucket::prove(deps, &upload.object.bucket).await?;
    }
    let ports = (deps.repo(), deps.queue());
    let before = upload.state;
    let moved = transition(ports, upload, &Event::Missing, deps.clock().now()).await?;
    if let Moved::Changed(upload) = &moved
        && before != State::Deleted
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
fn unless_stale(moved: &Moved) -> Verdict {
    match moved {
        Moved::Refused(_, Refusal::LookStale) => Verdict::Retry,
        Moved::Refused(..) | Moved::Changed(_) | Moved::Unchanged(_) => Verdict::Done,
    }
}
