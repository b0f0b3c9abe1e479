//! The records and the queue below their faults. Every write passes the monitor.

use std::sync::Arc;

use consign_core::ids::{ObjectRef, OwnerId, UploadId};
use consign_core::ports::{
    Due, DueLine, DueRange, Fault, IngestJob, IngestQueue, Inserted, ListFilter, NewUpload, Page,
    Saved, SweepJob, UploadRepo,
};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::{Change, Decision, DeletionReason, Event, LEASE_S, Upload, UploadState};

use crate::fault::Kind;
use crate::monitor;
use crate::mutant::Mutant;
use crate::scheduler::shifted;
use crate::world::World;

/// The records as one function sees them.
#[derive(Debug)]
pub(crate) struct Records {
    world: Arc<World>,
    skew_s: i64,
}

impl Records {
    pub(crate) fn new(world: &Arc<World>, skew_s: i64) -> Self {
        Self {
            world: Arc::clone(world),
            skew_s,
        }
    }

    fn is_mutant(&self, mutant: Mutant) -> bool {
        self.world.setup.mutant == Some(mutant)
    }

    /// Returns a record as it is read, which a mutant falsifies.
    fn read(&self, mut upload: Upload) -> Upload {
        if self.is_mutant(Mutant::NoLeaseExpiry)
            && let Some(lease) = &mut upload.lease
        {
            let now = shifted(self.world.scheduler.now(), self.skew_s);
            lease.until = saturating_add_secs(now, LEASE_S);
        }
        if self.is_mutant(Mutant::IgnoreSequencer)
            && let Some(observed) = &mut upload.observed
        {
            observed.sequencer = None;
        }
        upload
    }

    /// Returns the write that is made, which a mutant falsifies.
    fn written(&self, present: &Upload, change: &Change) -> Change {
        let mut change = change.clone();
        if self.is_mutant(Mutant::NoRevisionCheck) {
            change.after.revision = present.revision + 1;
        }
        let is_first_absence =
            present.absent_since.is_none() && change.after.absent_since.is_some();
        if self.is_mutant(Mutant::DeleteOnOne404) && is_first_absence {
            let reason = DeletionReason::ObjectRemoved;
            let now = shifted(self.world.scheduler.now(), self.skew_s);
            if let Decision::Change(deleted) = present.apply(&Event::Delete { reason }, now) {
                return *deleted;
            }
        }
        change
    }
}

impl UploadRepo for Records {
    const HOLDS_QUEUE: bool = false;

    async fn insert_pending(&self, new: &NewUpload, now: Timestamp) -> Result<Inserted, Fault> {
        let inserted = self.world.records.insert_pending(new, now).await?;
        if inserted == Inserted::Created {
            monitor::inserted(&self.world, new);
        }
        Ok(inserted)
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, Fault> {
        let found = self.world.records.find(id).await?;
        Ok(found.map(|upload| self.read(upload)))
    }

    async fn find_all(&self, ids: &[UploadId]) -> Result<Vec<Upload>, Fault> {
        let found = self.world.records.find_all(ids).await?;
        Ok(found.into_iter().map(|upload| self.read(upload)).collect())
    }

    async fn find_by_object(&self, object: &ObjectRef) -> Result<Option<Upload>, Fault> {
        let found = self.world.records.find_by_object(object).await?;
        Ok(found.map(|upload| self.read(upload)))
    }

    async fn save(&self, before: &Upload, change: &Change) -> Result<Saved, Fault> {
        let world = &self.world;
        let rate = world.rates.conflict;
        if world.scheduler.draw(|dice| dice.in_10_000(rate)) && world.has(Kind::Conflicts) {
            world.happened(Kind::Conflicts, || "save".to_owned());
            return Ok(Saved::Conflict);
        }
        let Some(present) = world.record(before.id) else {
            return Ok(Saved::Conflict);
        };
        let change = self.written(&present, change);
        let mut expected = before.clone();
        if self.is_mutant(Mutant::NoRevisionCheck) {
            expected.revision = present.revision;
        }
        // The quota changes by the difference to the record that the caller read.
        let saved = world.records.save(&expected, &change).await?;
        if saved == Saved::Written {
            monitor::saved(world, &present, &change.after);
            if world.holds_queue && change.enqueue {
                let job = IngestJob {
                    ingest: change.after.id,
                };
                world.queue.push(job.to_body());
            }
        }
        Ok(saved)
    }

    async fn list(
        &self,
        owner: &OwnerId,
        filter: &ListFilter,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Page, Fault> {
        self.world.records.list(owner, filter, after, limit).await
    }

    async fn due_lines(&self, until: Timestamp, limit: usize) -> Result<Vec<DueLine>, Fault> {
        self.world.records.due_lines(until, limit).await
    }

    async fn due(&self, line: &DueLine, range: DueRange) -> Result<Vec<Due>, Fault> {
        self.world.records.due(line, range).await
    }

    async fn hold(&self, ids: &[UploadId], now: Timestamp, until: Timestamp) -> Result<(), Fault> {
        self.world.records.hold(ids, now, until).await
    }

    async fn reserved_bytes(&self, owner: &OwnerId) -> Result<u64, Fault> {
        self.world.records.reserved_bytes(owner).await
    }

    async fn bucket_identity(&self, bucket: &str) -> Result<Option<String>, Fault> {
        self.world.records.bucket_identity(bucket).await
    }

    async fn record_bucket(&self, bucket: &str, identity: &str) -> Result<String, Fault> {
        self.world.records.record_bucket(bucket, identity).await
    }
}

/// Returns whether an upload is in a state that it must not stay in.
pub(crate) const fn is_unfinished(state: UploadState) -> bool {
    match state {
        UploadState::Pending
        | UploadState::Uploading
        | UploadState::Uploaded
        | UploadState::Confirmed
        | UploadState::Processing => true,
        UploadState::Expired | UploadState::Ready | UploadState::Failed | UploadState::Deleted => {
            false
        }
    }
}

/// The ingest queue as one function sees it.
#[derive(Debug)]
pub(crate) struct Jobs {
    world: Arc<World>,
}

impl Jobs {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
        }
    }
}

impl IngestQueue for Jobs {
    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        // The write of the record queued it already.
        if self.world.holds_queue {
            return Ok(());
        }
        self.world.queue.send(job).await
    }

    async fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> Result<(), Fault> {
        self.world.queue.send_sweep_jobs(jobs).await
    }
}
