//! Objects and their parts.

use std::future::Future;

use bytes::Bytes;
use futures_util::Stream;

use super::Fault;
use crate::ids::{ETag, ObjectRef};

/// What a HEAD tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHead {
    /// The entity tag.
    pub etag: ETag,
    /// The size in bytes.
    pub size_bytes: u64,
    /// The media type.
    pub content_type: Option<String>,
    /// The version id, where the bucket is versioned.
    pub version_id: Option<String>,
    /// SHA-256 of the whole object in base64, where the store keeps it.
    pub checksum_sha256: Option<String>,
}

/// What to read of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// Only of this version: [`ReadError::Changed`] otherwise.
    pub if_match: Option<ETag>,
    /// Only the bytes from the first to the last, both included.
    pub range: Option<(u64, u64)>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such object.
    #[error("no such object")]
    NotFound,
    /// The object is of another version by now.
    #[error("the object changed")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The objects.
pub trait ObjectStore: Send + Sync {
    /// The bytes of an object as they come.
    type Body: Stream<Item = Result<Bytes, Fault>> + Send + Unpin;
    /// An object being written.
    type Writer: ObjectWriter;

    /// What is known of an object; `None` where there is none.
    fn head(
        &self,
        object: &ObjectRef,
    ) -> impl Future<Output = Result<Option<ObjectHead>, Fault>> + Send;

    /// Streams an object or a part of it.
    fn get(
        &self,
        object: &ObjectRef,
        read: &Read,
    ) -> impl Future<Output = Result<Self::Body, ReadError>> + Send;

    /// Writes a small object whole, over whatever was there.
    fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> impl Future<Output = Result<ETag, Fault>> + Send;

    /// Begins to write an object of unknown length. It does not exist before [`ObjectWriter::finish`].
    fn writer(
        &self,
        object: &ObjectRef,
        content_type: &str,
    ) -> impl Future<Output = Result<Self::Writer, Fault>> + Send;

    /// Copies an object within the store. `false` where there is none to copy.
    fn copy(
        &self,
        from: &ObjectRef,
        to: &ObjectRef,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Removes an object; removing what is not there succeeds.
    fn delete(&self, object: &ObjectRef) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Whether a bucket is there and ours to use.
    fn check_bucket(&self, bucket: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// An object being written in order. Dropping it leaves nothing visible.
pub trait ObjectWriter: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Makes the object exist, whole.
    fn finish(self) -> impl Future<Output = Result<ETag, Fault>> + Send;

    /// Gives up and frees what was stored.
    fn abort(self) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// A part that the store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: u16,
    /// Its entity tag.
    pub etag: ETag,
    /// Its size in bytes.
    pub size_bytes: u64,
}

/// Begins multipart uploads that a client fills (S3 API: `CreateMultipartUpload`). A trait of its own, since whoever
/// only signs needs nothing else of a store.
pub trait BeginMultipart: Send + Sync {
    /// Begins one and returns the store's id of it.
    fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        encryption: &crate::policy::Encryption,
    ) -> impl Future<Output = Result<String, Fault>> + Send;
}

/// Multipart uploads that a client fills, from their parts to their end.
pub trait Multipart: BeginMultipart {
    /// All the parts it holds, by number; `None` where the store does not know the id (completed, aborted).
    fn parts(
        &self,
        object: &ObjectRef,
        upload_id: &str,
    ) -> impl Future<Output = Result<Option<Vec<Part>>, Fault>> + Send;

    /// Makes the object of these parts, once: `false` where the store does not know the id, a part is not as named,
    /// or the key is taken.
    fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Frees its parts; succeeds where the store does not know the id.
    fn abort(
        &self,
        object: &ObjectRef,
        upload_id: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}
