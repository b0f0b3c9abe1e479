//! The one way in which a record moves: read, apply, write if nobody wrote in between.

use crate::time::Timestamp;

use crate::ports::{Fault, IngestJob, IngestQueue, Saved, UploadRepo};
use crate::upload::{Event, Refusal, Step, Upload};

/// How often a conflict makes us read again before we call it a fault.
const CONFLICTS_MAX: usize = 8;

/// Where an event led to; each carries the record as it is now.
#[derive(Debug, Clone)]
pub enum Moved {
    /// The event is durable.
    Changed(Upload),
    /// It was so already.
    Unchanged(Upload),
    /// It does not fit, and nothing changed.
    Refused(Upload, Refusal),
}

impl Moved {
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
/// the event is [`Refusal::LookStale`]: an object that was missing then is not missing now, and a version that was
/// there then may be overwritten.
///
/// Where the repository does not hold the queue, the ingest job is sent after the write. A job that cannot be sent is
/// no error: the record says that it is due, and the sweep sends it again.
///
/// # Errors
/// The repository's fault, also where conflicts do not end or the record is gone.
pub async fn transition<R: UploadRepo, Q: IngestQueue>(
    (repo, queue): (&R, &Q),
    upload: Upload,
    event: &Event,
    now: Timestamp,
) -> Result<Moved, Fault> {
    let mut before = upload;
    for _ in 0..CONFLICTS_MAX {
        let change = match before.apply(event, now) {
            Step::Change(change) => change,
            Step::Unchanged => return Ok(Moved::Unchanged(before)),
            Step::Refused(refusal) => return Ok(Moved::Refused(before, refusal)),
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
                return Ok(Moved::Changed(change.after));
            }
            Saved::Conflict => {
                let found = repo.find(before.id).await?;
                let found = found.ok_or_else(|| contended("record is gone"))?;
                if found.seen != before.seen && event.is_stale_beside(found.seen.as_ref()) {
                    return Ok(Moved::Refused(found, Refusal::LookStale));
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
