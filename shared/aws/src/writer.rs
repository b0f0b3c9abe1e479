//! Objects of unknown length: one PUT if small, otherwise a multipart upload.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::{Bytes, BytesMut};
use consign_core::ids::{ETag, ObjectRef};
use consign_core::ports::{Fault, FaultKind, ObjectWriter};

use crate::fault::fault;

/// Size of a part, in bytes. R2 requires equal parts except the last, so every part is cut to this size.
const PART_BYTES: usize = 8 << 20;
/// The most parts an object may have (S3 API, "Multipart upload limits").
const PARTS_MAX: usize = 10_000;

const _: () = assert!(PART_BYTES >= 5 << 20, "S3 refuses smaller parts");

/// An object that is being written to an S3 server. At most one part is in memory.
#[derive(Debug)]
pub struct S3Writer {
    client: Client,
    object: ObjectRef,
    content_type: String,
    buffer: BytesMut,
    upload_id: Option<String>,
    parts: Vec<CompletedPart>,
}

impl S3Writer {
    pub(crate) fn new(client: Client, object: ObjectRef, content_type: &str) -> Self {
        Self {
            client,
            object,
            content_type: content_type.to_owned(),
            buffer: BytesMut::new(),
            upload_id: None,
            parts: Vec::new(),
        }
    }

    async fn upload_id(&mut self) -> Result<String, Fault> {
        if let Some(id) = &self.upload_id {
            return Ok(id.clone());
        }
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.object.bucket)
            .key(&self.object.key)
            .content_type(&self.content_type)
            .send()
            .await
            .map_err(|error| fault("write", &error))?;
        let id = begun
            .upload_id
            .ok_or_else(|| Fault::new(FaultKind::Other, "write", "the store gave no upload id"))?;
        self.upload_id = Some(id.clone());
        Ok(id)
    }

    async fn send_part(&mut self, bytes: Bytes) -> Result<(), Fault> {
        if self.parts.len() == PARTS_MAX {
            return Err(Fault::new(
                FaultKind::Full,
                "write",
                "more parts than S3 allows",
            ));
        }
        let upload_id = self.upload_id().await?;
        let number = i32::try_from(self.parts.len() + 1).unwrap_or(i32::MAX);
        let sent = self
            .client
            .upload_part()
            .bucket(&self.object.bucket)
            .key(&self.object.key)
            .upload_id(upload_id)
            .part_number(number)
            .body(ByteStream::from(bytes))
            .send()
            .await
            .map_err(|error| fault("write", &error))?;
        self.parts.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(sent.e_tag)
                .build(),
        );
        Ok(())
    }
}

impl ObjectWriter for S3Writer {
    async fn write(&mut self, bytes: Bytes) -> Result<(), Fault> {
        self.buffer.extend_from_slice(&bytes);
        while self.buffer.len() >= PART_BYTES {
            let part = self.buffer.split_to(PART_BYTES).freeze();
            self.send_part(part).await?;
        }
        Ok(())
    }

    async fn finish(mut self) -> Result<ETag, Fault> {
        let rest = self.buffer.split().freeze();
        if self.parts.is_empty() {
            let put = self
                .client
                .put_object()
                .bucket(&self.object.bucket)
                .key(&self.object.key)
                .content_type(&self.content_type)
                .body(ByteStream::from(rest))
                .send()
                .await
                .map_err(|error| fault("finish", &error))?;
            return Ok(ETag::new(put.e_tag().unwrap_or_default()));
        }
        if !rest.is_empty() {
            self.send_part(rest).await?;
        }
        let upload_id = self.upload_id().await?;
        let done = self
            .client
            .complete_multipart_upload()
            .bucket(&self.object.bucket)
            .key(&self.object.key)
            .upload_id(upload_id)
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(std::mem::take(&mut self.parts)))
                    .build(),
            )
            .send()
            .await
            .map_err(|error| fault("finish", &error))?;
        Ok(ETag::new(done.e_tag().unwrap_or_default()))
    }

    async fn abort(self) -> Result<(), Fault> {
        let Some(upload_id) = self.upload_id else {
            return Ok(());
        };
        self.client
            .abort_multipart_upload()
            .bucket(&self.object.bucket)
            .key(&self.object.key)
            .upload_id(upload_id)
            .send()
            .await
            .map(drop)
            .map_err(|error| fault("abort", &error))
    }
}
