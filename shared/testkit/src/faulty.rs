//! Wraps any adapter with a plan of faults.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use consign_core::ids::{ETag, ObjectRef, OwnerId, UploadId};
use consign_core::policy::Encryption;
use consign_core::ports::{
    BeginMultipart, Due, DueLine, DueRange, DueRun, Fault, IngestJob, IngestQueue, Inserted,
    ListFilter, Multipart, NewUpload, ObjectHead, ObjectStore, ObjectWriter, Page, Part, Read,
    ReadError, Saved, SweepJob, UploadRepo,
};
use consign_core::time::Timestamp;
use consign_core::upload::{Change, Upload};
use futures_util::{Stream, StreamExt};

use crate::faults::{Faults, Harm, Interposer, Verb, planned};

/// An adapter whose calls follow an [`Interposer`], usually a [`Faults`] plan. It implements every port of `P`.
#[derive(Debug, Clone)]
pub struct Faulty<P, I = Faults> {
    inner: P,
    faults: I,
}

impl<P, I> Faulty<P, I> {
    /// Wraps an adapter.
    pub fn new(inner: P, faults: I) -> Self {
        Self { inner, faults }
    }

    /// Returns the wrapped adapter, which does not follow the plan.
    pub fn inner(&self) -> &P {
        &self.inner
    }
}

impl<P: UploadRepo, I: Interposer> UploadRepo for Faulty<P, I> {
    const HOLDS_QUEUE: bool = P::HOLDS_QUEUE;

    async fn insert_pending(&self, new: &NewUpload, now: Timestamp) -> Result<Inserted, Fault> {
        let call = self.inner.insert_pending(new, now);
        self.faults.around(Verb::InsertPending, call).await
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, Fault> {
        self.faults.around(Verb::Find, self.inner.find(id)).await
    }

    async fn find_all(&self, ids: &[UploadId]) -> Result<Vec<Upload>, Fault> {
        let call = self.inner.find_all(ids);
        self.faults.around(Verb::FindAll, call).await
    }

    async fn find_by_object(&self, object: &ObjectRef) -> Result<Option<Upload>, Fault> {
        let call = self.inner.find_by_object(object);
        self.faults.around(Verb::FindByObject, call).await
    }

    async fn save(&self, before: &Upload, change: &Change) -> Result<Saved, Fault> {
        let call = self.inner.save(before, change);
        self.faults.around(Verb::Save, call).await
    }

    async fn list(
        &self,
        owner: &OwnerId,
        filter: &ListFilter,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Page, Fault> {
        let call = self.inner.list(owner, filter, after, limit);
        self.faults.around(Verb::List, call).await
    }

    async fn due_lines(&self, until: Timestamp, limit: usize) -> Result<Vec<DueLine>, Fault> {
        let call = self.inner.due_lines(until, limit);
        self.faults.around(Verb::Due, call).await
    }

    async fn due(&self, line: &DueLine, range: DueRange) -> Result<Vec<Due>, Fault> {
        let call = self.inner.due(line, range);
        self.faults.around(Verb::Due, call).await
    }

    async fn hold(&self, ids: &[UploadId], now: Timestamp, until: Timestamp) -> Result<(), Fault> {
        let call = self.inner.hold(ids, now, until);
        self.faults.around(Verb::Hold, call).await
    }

    async fn hold_runs(
        &self,
        stretches: &[DueRun],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), Fault> {
        let call = self.inner.hold_runs(stretches, now, until);
        self.faults.around(Verb::Hold, call).await
    }

    async fn reserved_bytes(&self, owner: &OwnerId) -> Result<u64, Fault> {
        let call = self.inner.reserved_bytes(owner);
        self.faults.around(Verb::ReservedBytes, call).await
    }

    async fn bucket_identity(&self, bucket: &str) -> Result<Option<String>, Fault> {
        let call = self.inner.bucket_identity(bucket);
        self.faults.around(Verb::BucketIdentity, call).await
    }

    async fn record_bucket(&self, bucket: &str, identity: &str) -> Result<String, Fault> {
        let call = self.inner.record_bucket(bucket, identity);
        self.faults.around(Verb::RecordBucket, call).await
    }
}

impl<P: IngestQueue, I: Interposer> IngestQueue for Faulty<P, I> {
    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        self.faults.around(Verb::Send, self.inner.send(job)).await
    }

    async fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> Result<(), Fault> {
        let call = self.inner.send_sweep_jobs(jobs);
        self.faults.around(Verb::SendLooks, call).await
    }
}

impl<P: ObjectStore, I: Interposer + Unpin> ObjectStore for Faulty<P, I> {
    type Body = FaultyBody<P::Body, I>;
    type Writer = FaultyWriter<P::Writer, I>;

    async fn head(&self, object: &ObjectRef) -> Result<Option<ObjectHead>, Fault> {
        let call = self.inner.head(object);
        self.faults.around(Verb::Head, call).await
    }

    async fn get(&self, object: &ObjectRef, read: &Read) -> Result<Self::Body, ReadError> {
        let call = self.inner.get(object, read);
        let inner = self.faults.around(Verb::Get, call).await?;
        Ok(FaultyBody {
            inner,
            faults: self.faults.clone(),
            is_dead: false,
        })
    }

    async fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> Result<ETag, Fault> {
        let call = self.inner.put(object, content_type, body);
        self.faults.around(Verb::Put, call).await
    }

    async fn writer(&self, object: &ObjectRef, content_type: &str) -> Result<Self::Writer, Fault> {
        let call = self.inner.writer(object, content_type);
        let inner = self.faults.around(Verb::Writer, call).await?;
        Ok(FaultyWriter {
            inner,
            faults: self.faults.clone(),
        })
    }

    async fn copy(&self, from: &ObjectRef, to: &ObjectRef) -> Result<bool, Fault> {
        let call = self.inner.copy(from, to);
        self.faults.around(Verb::Copy, call).await
    }

    async fn delete(&self, object: &ObjectRef) -> Result<(), Fault> {
        let call = self.inner.delete(object);
        self.faults.around(Verb::Delete, call).await
    }

    async fn check_bucket(&self, bucket: &str) -> Result<(), Fault> {
        let call = self.inner.check_bucket(bucket);
        self.faults.around(Verb::CheckBucket, call).await
    }
}

impl<P: BeginMultipart, I: Interposer> BeginMultipart for Faulty<P, I> {
    async fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        encryption: &Encryption,
    ) -> Result<String, Fault> {
        let call = self.inner.begin(object, content_type, encryption);
        self.faults.around(Verb::MultipartBegin, call).await
    }
}

impl<P: Multipart, I: Interposer> Multipart for Faulty<P, I> {
    async fn parts(&self, object: &ObjectRef, upload_id: &str) -> Result<Option<Vec<Part>>, Fault> {
        let call = self.inner.parts(object, upload_id);
        self.faults.around(Verb::MultipartParts, call).await
    }

    async fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> Result<bool, Fault> {
        let call = self.inner.complete(object, upload_id, parts);
        self.faults.around(Verb::MultipartComplete, call).await
    }

    async fn abort(&self, object: &ObjectRef, upload_id: &str) -> Result<(), Fault> {
        let call = self.inner.abort(object, upload_id);
        self.faults.around(Verb::MultipartAbort, call).await
    }
}

/// A body that follows a plan. Each chunk is a call of [`Verb::ReadChunk`].
#[derive(Debug)]
pub struct FaultyBody<B, I = Faults> {
    inner: B,
    faults: I,
    is_dead: bool,
}

impl<B: Stream<Item = Result<Bytes, Fault>> + Unpin, I: Interposer + Unpin> Stream
    for FaultyBody<B, I>
{
    type Item = Result<Bytes, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_dead {
            return Poll::Pending;
        }
        let next = std::task::ready!(self.inner.poll_next_unpin(cx));
        match self.faults.strike(Verb::ReadChunk) {
            None => Poll::Ready(next),
            Some((_, Harm::Fault(kind))) => Poll::Ready(Some(Err(planned(kind, Verb::ReadChunk)))),
            Some((_, Harm::Death)) => {
                self.is_dead = true;
                self.faults.die();
                Poll::Pending
            }
        }
    }
}

/// A writer that follows a plan.
#[derive(Debug)]
pub struct FaultyWriter<W, I = Faults> {
    inner: W,
    faults: I,
}

impl<W: ObjectWriter, I: Interposer> ObjectWriter for FaultyWriter<W, I> {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Fault> {
        let call = self.inner.write(bytes);
        self.faults.around(Verb::WriterWrite, call).await
    }

    async fn finish(self) -> Result<ETag, Fault> {
        let call = self.inner.finish();
        self.faults.around(Verb::WriterFinish, call).await
    }

    async fn abort(self) -> Result<(), Fault> {
        let call = self.inner.abort();
        self.faults.around(Verb::WriterAbort, call).await
    }
}
