//! The one way in which a record moves: read, apply, write if nobody wrote in between.

use crate::time::Timestamp;

use crate::ports::{Fault, IngestJob, IngestQueue, Saved, UploadRepo};
use crate::upload::{Decision, Event, Refusal, Upload};

/// How often a conflict makes us read again before we call it a fault.
const CONFLICTS_MAX: usize = 8;

/// Where an event led to; each carries the record as it is now.
#[derive(Debug, Clone)]
pub enum TransitionOutcome {
    /// The event is durable.
    Changed(Upload),
    /// It was so already.
    Unchanged(Upload),
    /// It does not fit, and nothing changed.
    Refused(Upload, Refusal),
}

impl TransitionOutcome {
    /// The record as it is now.
    #[must_use]
    pub fn upload(self) -> Upload {
        match self {
            Self::Changed(upload) | Self::Unchanged(upload) | Self::Refused(upload, _) => upload,
        }
    }
}

/// Applies `event` to `upload` and writes the change; on a conflict reads the record again and applies it to that.
///
/// `upload` must have been read before the bucket was looked at. Where another has written down a newer look meanwhile,
/// the event is [`Refusal::StaleObservation`]: an object that was missing then is not missing now, and a version that was
/// there then may be overwritten.
///
/// Where the repository does not hold the queue, the ingest job is sent after the write. A job that cannot be sent is
/// no error: the record says that it is due, and the sweep sends it again.
///
/// # Errors
/// The repository's fault, also where conflicts do not end or the record is gone.
pub async fn transition<R: UploadRepo, Q: IngestQueue>(
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
                        tracing::warn!(file_id = %job.ingest, %fault, "ingest job not sent; the sweep will");
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
