//! Objects of unknown length: one put if small, otherwise a multipart upload.

use std::fmt;

use bytes::{Bytes, BytesMut};
use consign_core::ids::ETag;
use consign_core::ports::{Fault, FaultKind, ObjectWriter};
use worker::send::{IntoSendFuture as _, SendWrapper};
use worker::{Bucket, MultipartUpload, UploadedPart};

use super::put::{metadata, put};
use crate::fault::fault;

/// Size of a part, in bytes. R2 requires equal parts except the last, so every part is cut to this size. It is the
/// minimum of R2, since the memory of the Worker holds one part.
const PART_BYTES: usize = 5 << 20;
/// The most parts of an object.
const PARTS_MAX: usize = 10_000;

/// An object that is being written to R2. At most one part is in memory.
pub struct R2Writer {
    bucket: SendWrapper<Bucket>,
    key: String,
    content_type: String,
    buffer: BytesMut,
    upload: Option<SendWrapper<MultipartUpload>>,
    parts: Vec<SendWrapper<UploadedPart>>,
}

impl fmt::Debug for R2Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("R2Writer").finish_non_exhaustive()
    }
}

impl R2Writer {
    pub(super) fn new(bucket: Bucket, key: &str, content_type: &str) -> Self {
        Self {
            bucket: SendWrapper::new(bucket),
            key: key.to_owned(),
            content_type: content_type.to_owned(),
            buffer: BytesMut::new(),
            upload: None,
            parts: Vec::new(),
        }
    }

    async fn send_part(&mut self, bytes: Vec<u8>) -> Result<(), Fault> {
        if self.parts.len() == PARTS_MAX {
            let full = "more parts than R2 allows";
            return Err(Fault::new(FaultKind::Full, "write", full));
        }
        let failed = |error| fault("write", error);
        let upload = match self.upload.take() {
            Some(upload) => upload,
            None => {
                let begin = self.bucket.create_multipart_upload(&self.key);
                let begin = begin.http_metadata(metadata(&self.content_type));
                SendWrapper::new(begin.execute().await.map_err(failed)?)
            }
        };
        let number = u16::try_from(self.parts.len() + 1).unwrap_or(u16::MAX);
        let sent = upload.upload_part(number, bytes).await;
        self.upload = Some(upload);
        self.parts.push(SendWrapper::new(sent.map_err(failed)?));
        Ok(())
    }

    async fn end(mut self) -> Result<ETag, Fault> {
        let rest = Vec::from(self.buffer.split());
        if self.upload.is_some() && !rest.is_empty() {
            self.send_part(rest).await?;
        } else if self.upload.is_none() {
            return put(&self.bucket, &self.key, &self.content_type, rest, "finish").await;
        }
        let Some(upload) = self.upload else {
            return Err(Fault::new(
                FaultKind::Other,
                "finish",
                "the parts were lost",
            ));
        };
        let parts = self.parts.into_iter().map(|part| part.0);
        let done = upload.0.complete(parts).await;
        done.map(|object| ETag::new(&object.etag()))
            .map_err(|error| fault("finish", error))
    }
}

impl ObjectWriter for R2Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Fault> {
        self.buffer.extend_from_slice(&bytes);
        while self.buffer.len() >= PART_BYTES {
            let part = Vec::from(self.buffer.split_to(PART_BYTES));
            self.send_part(part).into_send().await?;
        }
        Ok(())
    }

    async fn finish(self) -> Result<ETag, Fault> {
        self.end().into_send().await
    }

    async fn abort(self) -> Result<(), Fault> {
        let Some(upload) = self.upload else {
            return Ok(());
        };
        let aborting = async move { upload.abort().await.map_err(|error| fault("abort", error)) };
        aborting.into_send().await
    }
}
