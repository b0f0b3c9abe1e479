//! The bucket: what functions do with it here, what clients do with it in [`signed`], and its notifications in
//! [`notify`].

pub(crate) mod notify;
pub(crate) mod signed;

use std::sync::Arc;

use bytes::Bytes;
use consign_core::ids::{ETag, ObjectRef};
use consign_core::policy::Encryption;
use consign_core::ports::{
    BeginMultipart, Fault, Multipart, ObjectHead, ObjectStore, ObjectWriter, Part, Read, ReadError,
};
use consign_core::upload::{PartsCheck, UploadState};
use consign_testkit::{MemoryBody, MemoryWriter};

use crate::fault::Kind;
use crate::monitor;
use crate::mutant::Mutant;
use crate::world::World;

/// How long HEAD may miss an object, in seconds: less than the two probes of an absence are apart. Clocks that differ by
/// half an hour leave no time between them, so a run has either skew or missed objects.
const MISSED_S_MAX: u64 = 1_200;

/// The bucket as one function sees it.
#[derive(Debug)]
pub(crate) struct Bucket {
    world: Arc<World>,
}

impl Bucket {
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
        }
    }

    /// Returns whether the store does not find an object that exists. Every object is missed once at most.
    ///
    /// A removal that the store reported, and a HEAD request without an object, end an upload at once. So the store
    /// misses no object while a removal is handled, unless the record knows that the removal is older than its
    /// version: this is what sequencers decide.
    fn misses(&self, object: &ObjectRef) -> bool {
        let world = &self.world;
        let rate = world.rates.missed;
        let (is_hit, missed_s) = world
            .scheduler
            .draw(|dice| (dice.in_10_000(rate), dice.below(MISSED_S_MAX)));
        let Some(upload) = world.record_of(object) else {
            return false;
        };
        let removal = world.scheduler.role().and_then(|role| role.removal);
        // One HEAD request ends the removal of an original, and one is the last look at a file that is ready.
        let is_at_rest = matches!(upload.state, UploadState::Ready | UploadState::Failed);
        if upload.has_original_to_remove() || (is_at_rest && removal.is_none()) {
            return false;
        }
        if let Some(removed) = &removal {
            let known = monitor::known_sequencer(world, &upload);
            if known.is_none_or(|known| *removed >= known) {
                return false;
            }
        }
        // An older removal is rare, and an object that is missed just then is rarer.
        let is_hit = is_hit || removal.is_some();
        let is_there = world.objects.bytes(object).is_some();
        let is_possible = world.has(Kind::MissedObjects) && !world.setup.kinds.has(Kind::Skew);
        let begins = is_hit && is_there && is_possible;
        monitor::misses(world, object, begins.then_some(missed_s))
    }
}

impl ObjectStore for Bucket {
    type Body = MemoryBody;
    type Writer = WatchedWriter;

    async fn head(&self, object: &ObjectRef) -> Result<Option<ObjectHead>, Fault> {
        if self.misses(object) {
            return Ok(None);
        }
        self.world.objects.head(object).await
    }

    async fn get(&self, object: &ObjectRef, read: &Read) -> Result<MemoryBody, ReadError> {
        self.world.objects.get(object, read).await
    }

    async fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> Result<ETag, Fault> {
        monitor::output_written(&self.world, object);
        let size_bytes = body.len();
        let etag = self.world.objects.put(object, content_type, body).await?;
        notify::created(&self.world, object, &etag, size_bytes);
        Ok(etag)
    }

    async fn writer(&self, object: &ObjectRef, content_type: &str) -> Result<WatchedWriter, Fault> {
        Ok(WatchedWriter {
            inner: self.world.objects.writer(object, content_type).await?,
            world: Arc::clone(&self.world),
            object: object.clone(),
            size_bytes: 0,
        })
    }

    async fn copy(&self, from: &ObjectRef, to: &ObjectRef) -> Result<bool, Fault> {
        monitor::output_written(&self.world, to);
        let is_copied = self.world.objects.copy(from, to).await?;
        if is_copied && let Some(head) = self.world.objects.head(to).await? {
            let size_bytes = usize::try_from(head.size_bytes).unwrap_or(0);
            notify::created(&self.world, to, &head.etag, size_bytes);
        }
        Ok(is_copied)
    }

    async fn delete(&self, object: &ObjectRef) -> Result<(), Fault> {
        let was_there = self.world.objects.bytes(object).is_some();
        monitor::removed_by_us(&self.world, object);
        self.world.objects.delete(object).await?;
        if was_there {
            notify::removed(&self.world, object);
        }
        Ok(())
    }

    async fn check_bucket(&self, bucket: &str) -> Result<(), Fault> {
        self.world.objects.check_bucket(bucket).await
    }
}

impl BeginMultipart for Bucket {
    async fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        encryption: &Encryption,
    ) -> Result<String, Fault> {
        let objects = &self.world.objects;
        objects.begin(object, content_type, encryption).await
    }
}

impl Multipart for Bucket {
    async fn parts(&self, object: &ObjectRef, upload_id: &str) -> Result<Option<Vec<Part>>, Fault> {
        let parts = self.world.objects.parts(object, upload_id).await?;
        if self.world.setup.mutant == Some(Mutant::AbortLivingMultipart)
            && let (Some(parts), Some(upload)) = (&parts, self.world.record_of(object))
            && upload.check_parts(parts) != PartsCheck::Complete
        {
            self.abort(object, upload_id).await?;
        }
        Ok(parts)
    }

    async fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> Result<bool, Fault> {
        let objects = &self.world.objects;
        let is_completed = objects.complete(object, upload_id, parts).await?;
        if is_completed && let Some(head) = objects.head(object).await? {
            signed::arrived(&self.world, object, &head);
        }
        Ok(is_completed)
    }

    async fn abort(&self, object: &ObjectRef, upload_id: &str) -> Result<(), Fault> {
        if self.world.objects.is_open(upload_id) {
            monitor::parts_aborted(&self.world, object);
        }
        self.world.objects.abort(object, upload_id).await
    }
}

/// A writer that tells what it made.
#[derive(Debug)]
pub(crate) struct WatchedWriter {
    inner: MemoryWriter,
    world: Arc<World>,
    object: ObjectRef,
    size_bytes: usize,
}

impl ObjectWriter for WatchedWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Fault> {
        self.size_bytes += bytes.len();
        self.inner.write(bytes).await
    }

    async fn finish(self) -> Result<ETag, Fault> {
        monitor::output_written(&self.world, &self.object);
        let etag = self.inner.finish().await?;
        notify::created(&self.world, &self.object, &etag, self.size_bytes);
        Ok(etag)
    }

    async fn abort(self) -> Result<(), Fault> {
        self.inner.abort().await
    }
}
