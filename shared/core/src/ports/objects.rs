//! Objects and their parts.

use std::future::Future;

use bytes::Bytes;
use futures_util::Stream;

use super::Fault;
use crate::ids::{ETag, ObjectRef};

/// The result of a HEAD request.
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

/// Which bytes to read of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// Read only this version. Otherwise the result is [`ReadError::Changed`].
    pub if_match: Option<ETag>,
    /// Read only these bytes, from the first to the last, both included.
    pub range: Option<(u64, u64)>,
}

/// Why an object could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The object does not exist.
    #[error("no such object")]
    NotFound,
    /// The object has another version.
    #[error("the object changed")]
    Changed,
    /// The store failed.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// The objects.
pub trait ObjectStore: Send + Sync {
    /// The bytes of an object as a stream.
    type Body: Stream<Item = Result<Bytes, Fault>> + Send + Unpin;
    /// An object that is being written.
    type Writer: ObjectWriter;

    /// Sends a HEAD request. Returns `None` if the object does not exist.
    fn head(
        &self,
        object: &ObjectRef,
    ) -> impl Future<Output = Result<Option<ObjectHead>, Fault>> + Send;

    /// Streams an object or a range of it.
    fn get(
        &self,
        object: &ObjectRef,
        read: &Read,
    ) -> impl Future<Output = Result<Self::Body, ReadError>> + Send;

    /// Writes a small object as a whole, and replaces an existing one.
    fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> impl Future<Output = Result<ETag, Fault>> + Send;

    /// Begins to write an object of unknown length. The object does not exist before [`ObjectWriter::finish`].
    fn writer(
        &self,
        object: &ObjectRef,
        content_type: &str,
    ) -> impl Future<Output = Result<Self::Writer, Fault>> + Send;

    /// Copies an object within the store. Returns `false` if the source does not exist.
    fn copy(
        &self,
        from: &ObjectRef,
        to: &ObjectRef,
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Removes an object. Removing an object that does not exist succeeds.
    fn delete(&self, object: &ObjectRef) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Checks that a bucket exists and is accessible.
    fn check_bucket(&self, bucket: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// An object that is written in order. Dropping the writer leaves nothing visible.
pub trait ObjectWriter: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Makes the object visible as a whole.
    fn finish(self) -> impl Future<Output = Result<ETag, Fault>> + Send;

    /// Cancels the write and frees the stored bytes.
    fn abort(self) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// A part that the store has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The number, from 1 to 10,000.
    pub number: u16,
    /// The entity tag.
    pub etag: ETag,
    /// The size in bytes.
    pub size_bytes: u64,
}

/// Begins multipart uploads that a client fills (S3 API: `CreateMultipartUpload`). It is a separate trait, since a
/// function that only signs needs nothing else of a store.
pub trait BeginMultipart: Send + Sync {
    /// Begins a multipart upload and returns the store's id of it.
    fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        encryption: &crate::policy::Encryption,
    ) -> impl Future<Output = Result<String, Fault>> + Send;
}

/// Multipart uploads that a client fills, from their parts to their end.
pub trait Multipart: BeginMultipart {
    /// Returns all parts by number. `None` if the store does not know the id: completed or aborted.
    fn parts(
        &self,
        object: &ObjectRef,
        upload_id: &str,
    ) -> impl Future<Output = Result<Option<Vec<Part>>, Fault>> + Send;

    /// Completes the object from these parts, once. Returns `false` if the store does not know the id, a part
    /// differs, or the key exists.
    fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> impl Future<Output = Result<bool, Fault>> + Send;

    /// Aborts a multipart upload and frees its parts. Succeeds if the store does not know the id.
    fn abort(
        &self,
        object: &ObjectRef,
        upload_id: &str,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}
