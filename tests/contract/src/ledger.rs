//! Upload records that remember which commits were made.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use consign_core::ids::{ETag, ObjectRef, OwnerId, UploadId};
use consign_core::ports::{
    Due, DueLine, DueRange, DueRun, Fault, Inserted, ListFilter, NewUpload, Page, Saved, UploadRepo,
};
use consign_core::time::Timestamp;
use consign_core::upload::{Change, Upload, UploadState};
use consign_testkit::MemoryRepo;

/// [`MemoryRepo`] with lists of the writes and of the commits to ready. Every call lets others run first, so that two handlers that are
/// polled in turn interleave at their calls.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    repo: MemoryRepo,
    commits: Arc<Mutex<Vec<(UploadId, ETag)>>>,
    written: Arc<Mutex<Vec<Upload>>>,
}

impl Ledger {
    /// Every commit to ready so far, in order: the upload, and the version it was made from.
    #[must_use]
    pub fn commits(&self) -> Vec<(UploadId, ETag)> {
        let commits = self.commits.lock();
        commits.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every record that was written so far, in order, once for each write.
    #[must_use]
    pub fn written(&self) -> Vec<Upload> {
        let written = self.written.lock();
        written.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, upload: &Upload) {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.push(upload.clone());
    }

    /// Every record, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Upload> {
        self.repo.all()
    }
}

impl UploadRepo for Ledger {
    const HOLDS_QUEUE: bool = false;

    async fn insert_pending(&self, new: &NewUpload, now: Timestamp) -> Result<Inserted, Fault> {
        Pause::default().await;
        let inserted = self.repo.insert_pending(new, now).await?;
        if inserted == Inserted::Created {
            self.remember(&new.upload);
        }
        Ok(inserted)
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, Fault> {
        Pause::default().await;
        self.repo.find(id).await
    }

    async fn find_all(&self, ids: &[UploadId]) -> Result<Vec<Upload>, Fault> {
        Pause::default().await;
        self.repo.find_all(ids).await
    }

    async fn find_by_object(&self, object: &ObjectRef) -> Result<Option<Upload>, Fault> {
        Pause::default().await;
        self.repo.find_by_object(object).await
    }

    async fn save(&self, before: &Upload, change: &Change) -> Result<Saved, Fault> {
        Pause::default().await;
        let saved = self.repo.save(before, change).await?;
        let after = &change.after;
        if saved == Saved::Written {
            self.remember(after);
        }
        let is_commit = before.state != UploadState::Ready && after.state == UploadState::Ready;
        if saved == Saved::Written
            && is_commit
            && let Some(outcome) = &after.outcome
        {
            let mut commits = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
            commits.push((after.id, outcome.etag.clone()));
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
        self.repo.list(owner, filter, after, limit).await
    }

    async fn due_lines(&self, until: Timestamp, limit: usize) -> Result<Vec<DueLine>, Fault> {
        self.repo.due_lines(until, limit).await
    }

    async fn due(&self, line: &DueLine, range: DueRange) -> Result<Vec<Due>, Fault> {
        self.repo.due(line, range).await
    }

    async fn hold(&self, ids: &[UploadId], now: Timestamp, until: Timestamp) -> Result<(), Fault> {
        self.repo.hold(ids, now, until).await
    }

    async fn hold_runs(
        &self,
        stretches: &[DueRun],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), Fault> {
        self.repo.hold_runs(stretches, now, until).await
    }

    async fn reserved_bytes(&self, owner: &OwnerId) -> Result<u64, Fault> {
        self.repo.reserved_bytes(owner).await
    }

    async fn bucket_identity(&self, bucket: &str) -> Result<Option<String>, Fault> {
        self.repo.bucket_identity(bucket).await
    }

    async fn record_bucket(&self, bucket: &str, identity: &str) -> Result<String, Fault> {
        self.repo.record_bucket(bucket, identity).await
    }
}

/// Pending once.
#[derive(Debug, Default)]
struct Pause {
    is_over: bool,
}

impl Future for Pause {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_over {
            return Poll::Ready(());
        }
        self.is_over = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
