//! An in-memory object store.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use consign_core::events::Sequencer;
use consign_core::ids::{ETag, ObjectRef};
use consign_core::policy::Encryption;
use consign_core::ports::{
    BeginMultipart, Fault, FaultKind, Multipart, ObjectHead, ObjectStore, ObjectWriter, Part, Read,
    ReadError,
};
use consign_core::upload::ObjectVersion;
use futures_util::Stream;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_128;

use crate::lock;

/// The chunk size of a body, in bytes: small and odd, so that nothing depends on chunk boundaries.
const CHUNK_BYTES: usize = 1021;

#[derive(Debug, Clone)]
struct Stored {
    head: ObjectHead,
    bytes: Bytes,
}

#[derive(Debug)]
struct Filling {
    object: ObjectRef,
    content_type: String,
    parts: BTreeMap<u16, (ETag, Bytes)>,
}

#[derive(Debug, Default)]
struct Contents {
    buckets: Vec<String>,
    objects: BTreeMap<(String, String), Stored>,
    filling: HashMap<String, Filling>,
    /// Counts the changes. Versions, sequencers and upload ids derive from it.
    changes: u64,
    ignores_if_none_match: bool,
    /// The objects while the disk is not mounted.
    away: Option<BTreeMap<(String, String), Stored>>,
    denied: Vec<ObjectRef>,
}

/// A versioned object store. Clones share the objects.
///
/// An etag depends on the bytes only, as in a real store.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Contents>>);

/// A put of a client through a presigned URL.
#[derive(Debug, Clone)]
pub struct ClientPut {
    /// The media type.
    pub content_type: String,
    /// The bytes.
    pub body: Bytes,
    /// Whether it sends a SHA-256 checksum, which the store keeps.
    pub has_checksum: bool,
    /// The etag to use instead of the computed one.
    pub etag: Option<ETag>,
    /// The sequencer of the event, instead of the next one of the store.
    pub sequencer: Option<Sequencer>,
}

impl ClientPut {
    /// Returns a plain put of these bytes.
    pub fn new(content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            content_type: content_type.to_owned(),
            body: body.into(),
            has_checksum: false,
            etag: None,
            sequencer: None,
        }
    }
}

impl MemoryStore {
    /// Creates a store with these empty buckets.
    #[must_use]
    pub fn new<const N: usize>(buckets: [&str; N]) -> Self {
        let contents = Contents {
            buckets: buckets.map(str::to_owned).to_vec(),
            ..Contents::default()
        };
        Self(Arc::new(Mutex::new(contents)))
    }

    /// Sets whether `if-none-match: *` of a client's put is honoured. The default is yes.
    pub fn honour_if_none_match(&self, honour: bool) {
        lock(&self.0).ignores_if_none_match = !honour;
    }

    /// Denies HEAD requests of this object, as the policy of a bucket can.
    pub fn deny_head(&self, object: &ObjectRef) {
        lock(&self.0).denied.push(object.clone());
    }

    /// Reverts every [`deny_head`](Self::deny_head).
    pub fn allow_heads(&self) {
        lock(&self.0).denied.clear();
    }

    /// Puts an object as a client does with `if-none-match: *`; `None` if it is refused (412) or the bucket does not
    /// exist. Returns the version that the store's event reports.
    pub fn client_put(&self, object: &ObjectRef, put: ClientPut) -> Option<ObjectVersion> {
        let mut contents = lock(&self.0);
        let is_taken = contents.object(object).is_some() && !contents.ignores_if_none_match;
        if is_taken || contents.require_bucket(&object.bucket, "put").is_err() {
            return None;
        }
        let checksum = put
            .has_checksum
            .then(|| BASE64_STANDARD.encode(Sha256::digest(&put.body)));
        let etag = put.etag.unwrap_or_else(|| etag_of(&put.body));
        let mut head = head_of(etag, &put.content_type, &put.body);
        head.checksum_sha256 = checksum;
        let head = contents.store(object, head, put.body);
        Some(ObjectVersion {
            etag: head.etag,
            size_bytes: head.size_bytes,
            version_id: head.version_id,
            sequencer: put.sequencer.or_else(|| contents.sequencer()),
        })
    }

    /// Deletes an object directly in the bucket, and returns the sequencer of the event.
    pub fn client_delete(&self, object: &ObjectRef) -> Option<Sequencer> {
        let mut contents = lock(&self.0);
        contents.remove(object);
        contents.sequencer()
    }

    /// Puts a part as a client does; `None` if the upload id is unknown.
    pub fn client_put_part(
        &self,
        upload_id: &str,
        number: u16,
        body: impl Into<Bytes>,
    ) -> Option<ETag> {
        let body = body.into();
        let etag = etag_of(&body);
        let mut contents = lock(&self.0);
        let filling = contents.filling.get_mut(upload_id)?;
        filling.parts.insert(number, (etag.clone(), body));
        Some(etag)
    }

    /// Unmounts the disk: every bucket exists and is empty, as on an empty mount point.
    pub fn unmount(&self) {
        let mut contents = lock(&self.0);
        let objects = std::mem::take(&mut contents.objects);
        contents.away.get_or_insert(objects);
    }

    /// Mounts the disk again. Objects that were written meanwhile are hidden.
    pub fn mount(&self) {
        let mut contents = lock(&self.0);
        if let Some(objects) = contents.away.take() {
            contents.objects = objects;
        }
    }

    /// Returns the bytes of an object.
    #[must_use]
    pub fn bytes(&self, object: &ObjectRef) -> Option<Bytes> {
        lock(&self.0)
            .object(object)
            .map(|stored| stored.bytes.clone())
    }

    /// Returns the keys of a bucket, in order.
    #[must_use]
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        let contents = lock(&self.0);
        let keys = contents.objects.keys();
        keys.filter(|(of, _)| of == bucket)
            .map(|(_, key)| key.clone())
            .collect()
    }

    /// Returns the sequencer of the last change, as its event has it.
    #[must_use]
    pub fn last_sequencer(&self) -> Option<Sequencer> {
        lock(&self.0).sequencer()
    }

    /// Returns whether a multipart upload was neither completed nor aborted.
    #[must_use]
    pub fn is_open(&self, upload_id: &str) -> bool {
        lock(&self.0).filling.contains_key(upload_id)
    }

    /// Returns the number of multipart uploads that were neither completed nor aborted.
    #[must_use]
    pub fn open_multiparts(&self) -> usize {
        lock(&self.0).filling.len()
    }
}

/// Returns a hash of 128 bits in hexadecimal, which is as long as the MD5 of other stores and much faster.
fn etag_of(bytes: &[u8]) -> ETag {
    ETag::new(&format!("{:032x}", xxh3_128(bytes)))
}

fn head_of(etag: ETag, content_type: &str, bytes: &Bytes) -> ObjectHead {
    ObjectHead {
        etag,
        size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        content_type: Some(content_type.to_owned()),
        version_id: None,
        checksum_sha256: None,
    }
}

impl Contents {
    fn require_bucket(&self, bucket: &str, operation: &'static str) -> Result<(), Fault> {
        if self.buckets.iter().any(|known| known == bucket) {
            Ok(())
        } else {
            Err(Fault::new(
                FaultKind::MissingResource,
                operation,
                "no such bucket",
            ))
        }
    }

    fn object(&self, object: &ObjectRef) -> Option<&Stored> {
        self.objects
            .get(&(object.bucket.clone(), object.key.clone()))
    }

    fn remove(&mut self, object: &ObjectRef) {
        self.changes += 1;
        self.objects
            .remove(&(object.bucket.clone(), object.key.clone()));
    }

    fn store(&mut self, object: &ObjectRef, mut head: ObjectHead, bytes: Bytes) -> ObjectHead {
        self.changes += 1;
        head.version_id = Some(format!("v{}", self.changes));
        let stored = Stored {
            head: head.clone(),
            bytes,
        };
        self.objects
            .insert((object.bucket.clone(), object.key.clone()), stored);
        head
    }

    /// Returns the sequencer of the last change, in the format of S3.
    fn sequencer(&self) -> Option<Sequencer> {
        let text = format!("{:018X}", self.changes);
        Sequencer::parse(&text).into_iter().next()
    }
}

impl ObjectStore for MemoryStore {
    type Body = MemoryBody;
    type Writer = MemoryWriter;

    async fn head(&self, object: &ObjectRef) -> Result<Option<ObjectHead>, Fault> {
        let contents = lock(&self.0);
        contents.require_bucket(&object.bucket, "head")?;
        if contents.denied.contains(object) {
            return Err(Fault::new(FaultKind::Denied, "head", "by its policy"));
        }
        Ok(contents.object(object).map(|stored| stored.head.clone()))
    }

    async fn get(&self, object: &ObjectRef, read: &Read) -> Result<MemoryBody, ReadError> {
        let contents = lock(&self.0);
        contents.require_bucket(&object.bucket, "get")?;
        let stored = contents.object(object).ok_or(ReadError::NotFound)?;
        if read
            .if_match
            .as_ref()
            .is_some_and(|etag| *etag != stored.head.etag)
        {
            return Err(ReadError::Changed);
        }
        let mut rest = stored.bytes.clone();
        if let Some((first, last)) = read.range {
            let len = rest.len();
            let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(len);
            let (start, end) = (index(first), index(last.saturating_add(1)));
            rest = rest.slice(start.min(end)..end);
        }
        Ok(MemoryBody { rest })
    }

    async fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> Result<ETag, Fault> {
        let mut contents = lock(&self.0);
        contents.require_bucket(&object.bucket, "put")?;
        let head = head_of(etag_of(&body), content_type, &body);
        Ok(contents.store(object, head, body).etag)
    }

    async fn writer(&self, object: &ObjectRef, content_type: &str) -> Result<MemoryWriter, Fault> {
        lock(&self.0).require_bucket(&object.bucket, "writer")?;
        Ok(MemoryWriter {
            store: self.clone(),
            object: object.clone(),
            content_type: content_type.to_owned(),
            bytes: Vec::new(),
        })
    }

    async fn copy(&self, from: &ObjectRef, to: &ObjectRef) -> Result<bool, Fault> {
        let mut contents = lock(&self.0);
        contents.require_bucket(&from.bucket, "copy")?;
        contents.require_bucket(&to.bucket, "copy")?;
        let Some(Stored { head, bytes }) = contents.object(from).cloned() else {
            return Ok(false);
        };
        contents.store(to, head, bytes);
        Ok(true)
    }

    async fn delete(&self, object: &ObjectRef) -> Result<(), Fault> {
        let mut contents = lock(&self.0);
        contents.require_bucket(&object.bucket, "delete")?;
        contents.remove(object);
        Ok(())
    }

    async fn check_bucket(&self, bucket: &str) -> Result<(), Fault> {
        lock(&self.0).require_bucket(bucket, "check_bucket")
    }
}

impl BeginMultipart for MemoryStore {
    async fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        _encryption: &Encryption,
    ) -> Result<String, Fault> {
        let mut contents = lock(&self.0);
        contents.require_bucket(&object.bucket, "begin")?;
        contents.changes += 1;
        let upload_id = format!("multipart-{}", contents.changes);
        let filling = Filling {
            object: object.clone(),
            content_type: content_type.to_owned(),
            parts: BTreeMap::new(),
        };
        contents.filling.insert(upload_id.clone(), filling);
        Ok(upload_id)
    }
}

impl Multipart for MemoryStore {
    async fn parts(&self, object: &ObjectRef, upload_id: &str) -> Result<Option<Vec<Part>>, Fault> {
        let contents = lock(&self.0);
        contents.require_bucket(&object.bucket, "parts")?;
        let filling = contents.filling.get(upload_id);
        Ok(filling.filter(|f| f.object == *object).map(Filling::parts))
    }

    async fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> Result<bool, Fault> {
        let mut contents = lock(&self.0);
        contents.require_bucket(&object.bucket, "complete")?;
        let Some(filling) = contents.filling.get(upload_id) else {
            return Ok(false);
        };
        let Some(bytes) = filling
            .assemble(parts)
            .filter(|_| filling.object == *object)
        else {
            return Ok(false);
        };
        if contents.object(object).is_some() {
            return Ok(false);
        }
        let etag = ETag::new(&format!("{}-{}", etag_of(&bytes), parts.len()));
        let head = head_of(etag, &filling.content_type, &bytes);
        contents.filling.remove(upload_id);
        contents.store(object, head, bytes);
        Ok(true)
    }

    async fn abort(&self, object: &ObjectRef, upload_id: &str) -> Result<(), Fault> {
        let mut contents = lock(&self.0);
        contents.require_bucket(&object.bucket, "abort")?;
        contents.filling.remove(upload_id);
        Ok(())
    }
}

impl Filling {
    fn parts(&self) -> Vec<Part> {
        let parts = self.parts.iter();
        parts
            .map(|(&number, (etag, bytes))| Part {
                number,
                etag: etag.clone(),
                size_bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            })
            .collect()
    }

    /// Joins the listed parts; `None` if they are out of order or do not match.
    fn assemble(&self, named: &[Part]) -> Option<Bytes> {
        let held = self.parts();
        let in_order = named.is_sorted_by(|a, b| a.number < b.number);
        if named.is_empty() || !in_order || !named.iter().all(|part| held.contains(part)) {
            return None;
        }
        let parts = named.iter().filter_map(|part| self.parts.get(&part.number));
        let bodies: Vec<&[u8]> = parts.map(|(_, bytes)| bytes.as_ref()).collect();
        Some(bodies.concat().into())
    }
}

/// The bytes of an object, in small chunks.
#[derive(Debug)]
pub struct MemoryBody {
    rest: Bytes,
}

impl Stream for MemoryBody {
    type Item = Result<Bytes, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let len = self.rest.len().min(CHUNK_BYTES);
        Poll::Ready(Some(Ok(self.rest.split_to(len))))
    }
}

/// An object that is being written. It is not visible before it is finished.
#[derive(Debug)]
pub struct MemoryWriter {
    store: MemoryStore,
    object: ObjectRef,
    content_type: String,
    bytes: Vec<u8>,
}

impl ObjectWriter for MemoryWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Fault> {
        self.bytes.extend_from_slice(&bytes);
        Ok(())
    }

    async fn finish(self) -> Result<ETag, Fault> {
        let bytes = Bytes::from(self.bytes);
        self.store
            .put(&self.object, &self.content_type, bytes)
            .await
    }

    async fn abort(self) -> Result<(), Fault> {
        Ok(())
    }
}
