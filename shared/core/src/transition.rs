//! The only way to change a record: read, apply, and write if the revision is unchanged.

use crate::time::Timestamp;

use crate::host::{HasQueue, HasRepo};
use crate::ports::{Fault, IngestJob, IngestQueue, Saved, UploadRepo};
use crate::upload::{Decision, Event, Refusal, Upload};

/// The number of conflicts after which the transition is a fault.
const CONFLICTS_MAX: usize = 8;

/// The result of a transition. Each variant has the present record.
#[derive(Debug, Clone)]
pub enum TransitionOutcome {
    /// The event is durable.
    Changed(Upload),
    /// The record reflected the event already.
    Unchanged(Upload),
    /// The event was refused, and nothing changed.
    Refused(Upload, Refusal),
}

impl TransitionOutcome {
    /// Returns the present record.
    #[must_use]
    pub fn upload(self) -> Upload {
        match self {
            Self::Changed(upload) | Self::Unchanged(upload) | Self::Refused(upload, _) => upload,
        }
    }
}

/// Applies `event` to `upload` and writes the change. On a conflict, it reads the record again and applies the event
/// to that.
///
/// `upload` must have been read before the HEAD request. If a newer observation was recorded meanwhile, the result is
/// [`Refusal::StaleObservation`]: the object may exist by now, or may have been overwritten.
///
/// If the repository does not hold the queue, the ingest job is sent after the write. A job that cannot be sent is
/// not an error: the record has a next check, and the sweep sends the job again.
///
/// # Errors
/// The repository's fault. Also too many conflicts, and a record that no longer exists.
pub async fn transition<D: HasRepo + HasQueue>(
    deps: &D,
    upload: Upload,
    event: &Event,
    now: Timestamp,
) -> Result<TransitionOutcome, Fault> {
    write(deps.repo(), deps.queue(), upload, event, now).await
}

async fn write<R: UploadRepo, Q: IngestQueue>(
    repo: &R,
    queue: &Q,
    upload: Upload,
    event: &Event,
    now: Timestamp,
) -> Result<TransitionOutcome, Fault> {
    let mut before = upload;
    for _ in 0..CONFLICTS_MAX {
        let change = match before.apply(event, now) {
            Decision::Change(change) => change,
            Decision::Unchanged => return Ok(TransitionOutcome::Unchanged(before)),
            Decision::Refused(refusal) => return Ok(TransitionOutcome::Refused(before, refusal)),
        };
        match repo.save(&before, &change).await? {
            Saved::Written => {
                if change.enqueue && !R::HOLDS_QUEUE {
                    let job = IngestJob {
                        ingest: change.after.id,
                    };
                    if let Err(fault) = queue.send(job).await {
                        tracing::warn!(file_id = %job.ingest, %fault, "ingest job not sent; the sweep will send it");
                    }
                }
                return Ok(TransitionOutcome::Changed(change.after));
            }
            Saved::Conflict => {
                let found = repo.find(before.id).await?;
                let found = found.ok_or_else(|| contended("record is gone"))?;
                if found.observed != before.observed
                    && event.is_stale_beside(found.observed.as_ref())
                {
                    return Ok(TransitionOutcome::Refused(found, Refusal::StaleObservation));
                }
                before = found;
            }
        }
    }
    Err(contended("too many conflicts"))
}

fn contended(why: &'static str) -> Fault {
    Fault::new(crate::ports::FaultKind::Throttled, "save", why)
}

#[cfg(test)]
pub(crate) mod tests;
