//! Objects through the R2 binding.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use consign_core::ids::{ETag, ObjectRef};
use consign_core::ports::{Fault, FaultKind, ObjectHead, ObjectStore, Read, ReadError};
use futures_util::{Stream, StreamExt as _};
use worker::send::{IntoSendFuture as _, SendWrapper};
use worker::{Bucket, Conditional, Data, Env, Object, Range, ResponseBody};

use super::put::put;
use super::writer::R2Writer;
use crate::fault::fault;

/// Returns the binding of a bucket: `BUCKET_` and its name in capitals, with `_` for characters that no identifier has.
#[must_use]
pub fn binding_of(bucket: &str) -> String {
    let name = bucket.chars().map(|c| match c {
        'a'..='z' => c.to_ascii_uppercase(),
        '0'..='9' => c,
        _ => '_',
    });
    "BUCKET_".chars().chain(name).collect()
}

/// The objects of the buckets that the Worker has bindings for. Clones share the bindings.
#[derive(Clone)]
pub struct R2Store(Arc<HashMap<String, SendWrapper<Bucket>>>);

impl fmt::Debug for R2Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("R2Store").finish_non_exhaustive()
    }
}

/// Objects above this size are copied in parts of this size. R2 copies at most 5 GiB at once.
const COPY_BYTES_MAX: u64 = 4 << 30;

impl R2Store {
    /// Creates the store for these buckets, by their bindings ([`binding_of`]). Using a bucket without a binding is a
    /// fault.
    #[must_use]
    pub fn open<'a>(env: &Env, buckets: impl IntoIterator<Item = &'a str>) -> Self {
        let bound = |bucket: &str| {
            let found = env.bucket(&binding_of(bucket)).ok()?;
            Some((bucket.to_owned(), SendWrapper::new(found)))
        };
        Self(Arc::new(buckets.into_iter().filter_map(bound).collect()))
    }

    pub(super) fn bucket(&self, operation: &'static str, name: &str) -> Result<&Bucket, Fault> {
        self.0.get(name).map(|bucket| &bucket.0).ok_or_else(|| {
            let missing = format!("the Worker has no binding {}", binding_of(name));
            Fault::new(FaultKind::MissingResource, operation, missing)
        })
    }

    async fn read(&self, object: &ObjectRef, read: &Read) -> Result<Body, ReadError> {
        let bucket = self.bucket("get", &object.bucket)?;
        let mut get = bucket.get(&object.key);
        if let Some(etag) = &read.if_match {
            get = get.only_if(Conditional {
                etag_matches: Some(etag.as_str().to_owned()),
                ..Conditional::default()
            });
        }
        if let Some((first, last)) = read.range {
            get = get.range(range(first, last));
        }
        let found = match get.execute().await {
            Ok(found) => found.ok_or(ReadError::NotFound)?,
            Err(error) => return self.read_past_end(object, read, error).await,
        };
        // R2 returns no body if the condition did not hold.
        let body = found.body().ok_or(ReadError::Changed)?;
        let stream = body.stream().map_err(|error| fault("get", error))?;
        Ok(Body(SendWrapper::new(Box::pin(stream))))
    }

    /// R2 reports a range that begins past the end by an error, whose kind depends on the runtime. A HEAD request shows
    /// whether that was the cause; if so, there is nothing to read.
    async fn read_past_end(
        &self,
        object: &ObjectRef,
        read: &Read,
        error: worker::Error,
    ) -> Result<Body, ReadError> {
        let bucket = self.bucket("get", &object.bucket)?;
        let Some((first, _)) = read.range else {
            return Err(fault("get", error).into());
        };
        match bucket.head(&object.key).await {
            Ok(None) => Err(ReadError::NotFound),
            Ok(Some(found)) if found.size() <= first => match &read.if_match {
                Some(etag) if *etag != ETag::new(&found.etag()) => Err(ReadError::Changed),
                Some(_) | None => Ok(Body::empty()),
            },
            Ok(Some(_)) | Err(_) => Err(fault("get", error).into()),
        }
    }

    async fn stream_to(&self, from: &ObjectRef, to: &ObjectRef) -> Result<bool, Fault> {
        let failed = |error| fault("copy", error);
        let source = self.bucket("copy", &from.bucket)?;
        let target = self.bucket("copy", &to.bucket)?;
        let Some(head) = source.head(&from.key).await.map_err(failed)? else {
            return Ok(false);
        };
        let metadata = head.http_metadata();
        let size_bytes = head.size();
        if size_bytes <= COPY_BYTES_MAX {
            let Some(found) = source.get(&from.key).execute().await.map_err(failed)? else {
                return Ok(false);
            };
            let put = target.put(&to.key, data_of(&found)?);
            put.http_metadata(metadata)
                .execute()
                .await
                .map_err(failed)?;
            return Ok(true);
        }
        let begin = target.create_multipart_upload(&to.key);
        let upload = begin.http_metadata(metadata).execute().await;
        let upload = upload.map_err(failed)?;
        let mut parts = Vec::new();
        let mut offset = 0;
        while offset < size_bytes {
            let length = COPY_BYTES_MAX.min(size_bytes - offset);
            let part = Range::OffsetWithLength { offset, length };
            let get = source.get(&from.key).range(part);
            let Some(found) = get.execute().await.map_err(failed)? else {
                return Ok(false);
            };
            let number = u16::try_from(parts.len() + 1).unwrap_or(u16::MAX);
            let sent = upload.upload_part(number, data_of(&found)?).await;
            parts.push(sent.map_err(failed)?);
            offset += length;
        }
        upload.complete(parts).await.map_err(failed)?;
        Ok(true)
    }
}

/// Returns the bytes of an object as a stream that the runtime moves without our memory.
fn data_of(found: &Object) -> Result<Data, Fault> {
    match found.body().map(worker::ObjectBody::response_body) {
        Some(Ok(ResponseBody::Stream(stream))) => Ok(Data::ReadableStream(stream)),
        Some(Err(error)) => Err(fault("copy", error)),
        Some(Ok(ResponseBody::Empty | ResponseBody::Body(_))) | None => Ok(Data::Empty),
    }
}

/// Returns a range from the first byte to the last. No object is longer than a JavaScript number can express.
fn range(first: u64, last: u64) -> Range {
    const SAFE: u64 = (1 << 53) - 1;
    match last.saturating_sub(first).saturating_add(1) {
        length if first.saturating_add(length) <= SAFE => Range::OffsetWithLength {
            offset: first,
            length,
        },
        _ => Range::OffsetToEnd {
            offset: first.min(SAFE),
        },
    }
}

/// The type of the runtime's streams.
type Chunks = dyn Stream<Item = worker::Result<Vec<u8>>>;

/// The bytes of an object as they arrive.
pub struct Body(SendWrapper<Pin<Box<Chunks>>>);

impl Body {
    fn empty() -> Self {
        Self(SendWrapper::new(Box::pin(futures_util::stream::empty())))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl Stream for Body {
    type Item = Result<Bytes, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0
            .0
            .poll_next_unpin(context)
            .map_ok(Bytes::from)
            .map_err(|error| fault("get", error))
    }
}

impl ObjectStore for R2Store {
    type Body = Body;
    type Writer = R2Writer;

    async fn head(&self, object: &ObjectRef) -> Result<Option<ObjectHead>, Fault> {
        let heading = async {
            let bucket = self.bucket("head", &object.bucket)?;
            let found = bucket.head(&object.key).await;
            let found = found.map_err(|error| fault("head", error))?;
            Ok(found.map(|found| ObjectHead {
                etag: ETag::new(&found.etag()),
                size_bytes: found.size(),
                content_type: found.http_metadata().content_type,
                // R2 has no versions: what it calls one cannot be requested.
                version_id: None,
                checksum_sha256: found
                    .checksum()
                    .sha256
                    .map(|sum| BASE64_STANDARD.encode(sum)),
            }))
        };
        heading.into_send().await
    }

    async fn get(&self, object: &ObjectRef, read: &Read) -> Result<Body, ReadError> {
        self.read(object, read).into_send().await
    }

    async fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> Result<ETag, Fault> {
        let putting = async {
            let bucket = self.bucket("put", &object.bucket)?;
            put(bucket, &object.key, content_type, body.into(), "put").await
        };
        putting.into_send().await
    }

    async fn writer(&self, object: &ObjectRef, content_type: &str) -> Result<R2Writer, Fault> {
        let bucket = self.bucket("write", &object.bucket)?.clone();
        Ok(R2Writer::new(bucket, &object.key, content_type))
    }

    async fn copy(&self, from: &ObjectRef, to: &ObjectRef) -> Result<bool, Fault> {
        self.stream_to(from, to).into_send().await
    }

    async fn delete(&self, object: &ObjectRef) -> Result<(), Fault> {
        let deleting = async {
            let bucket = self.bucket("delete", &object.bucket)?;
            let deleted = bucket.delete(&object.key).await;
            deleted.map_err(|error| fault("delete", error))
        };
        deleting.into_send().await
    }

    async fn check_bucket(&self, bucket: &str) -> Result<(), Fault> {
        let checking = async {
            let bucket = self.bucket("check_bucket", bucket)?;
            let listed = bucket.list().limit(1).execute().await;
            listed
                .map(drop)
                .map_err(|error| fault("check_bucket", error))
        };
        checking.into_send().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_bound_by_its_name_in_capitals() {
        assert_eq!(binding_of("consign"), "BUCKET_CONSIGN");
        assert_eq!(binding_of("my-files.v2"), "BUCKET_MY_FILES_V2");
    }

    #[test]
    fn a_range_that_javascript_cannot_count_goes_to_the_end() {
        assert_eq!(
            range(2, 4),
            Range::OffsetWithLength {
                offset: 2,
                length: 3
            }
        );
        assert_eq!(range(0, u64::MAX >> 1), Range::OffsetToEnd { offset: 0 });
    }
}
