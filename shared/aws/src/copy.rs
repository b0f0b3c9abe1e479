//! Copies within an S3 server: one call up to a size limit, in parts above it.

use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use consign_core::ids::ObjectRef;
use consign_core::ports::{Fault, FaultKind};

use crate::fault::{fault, status};

/// The largest object that `CopyObject` takes, in bytes (S3 API, "CopyObject").
pub(crate) const AT_ONCE_BYTES_MAX: u64 = 5 << 30;
/// The size of a copied part, in bytes, unless 10,000 of them are not enough.
const PART_BYTES: u64 = 512 << 20;
/// The most parts an object may have (S3 API, "Multipart upload limits").
const PARTS_MAX: u64 = 10_000;

const OPERATION: &str = "copy";

const _: () = assert!(PART_BYTES <= AT_ONCE_BYTES_MAX, "a part is copied at once");

/// A copy to make. The source is not escaped: our keys need no escaping (`[A-Za-z0-9/_.=-]`).
pub(crate) struct Copy<'a> {
    pub(crate) client: &'a Client,
    pub(crate) from: &'a ObjectRef,
    pub(crate) to: &'a ObjectRef,
    /// Objects up to this size, in bytes, are copied by one call.
    pub(crate) at_once_bytes_max: u64,
}

impl Copy<'_> {
    /// Copies, atomically. Returns whether there was an object to copy.
    pub(crate) async fn run(&self) -> Result<bool, Fault> {
        let head = self.client.head_object();
        let head = head.bucket(&self.from.bucket).key(&self.from.key);
        let head = match head.send().await {
            Ok(head) => head,
            Err(error) if status(&error) == Some(404) => return Ok(false),
            Err(error) => return Err(fault(OPERATION, &error)),
        };
        let size_bytes = head.content_length().unwrap_or_default();
        let size_bytes = u64::try_from(size_bytes).unwrap_or_default();
        if size_bytes <= self.at_once_bytes_max {
            self.at_once().await
        } else {
            self.in_parts(&head, size_bytes).await
        }
    }

    fn source(&self) -> String {
        format!("{}/{}", self.from.bucket, self.from.key)
    }

    async fn at_once(&self) -> Result<bool, Fault> {
        let call = self.client.copy_object().copy_source(self.source());
        match call.bucket(&self.to.bucket).key(&self.to.key).send().await {
            Ok(_) => Ok(true),
            Err(error) if status(&error) == Some(404) => Ok(false),
            Err(error) => Err(fault(OPERATION, &error)),
        }
    }

    /// Copies by a multipart upload whose parts are ranges of the source. If the process ends in between, the lifecycle
    /// rules of the bucket remove the parts.
    async fn in_parts(&self, head: &HeadObjectOutput, size_bytes: u64) -> Result<bool, Fault> {
        let begin = self.client.create_multipart_upload();
        let begun = begin
            .bucket(&self.to.bucket)
            .key(&self.to.key)
            .set_content_type(head.content_type().map(str::to_owned))
            .set_metadata(head.metadata().cloned())
            .send()
            .await
            .map_err(|error| fault(OPERATION, &error))?;
        let id = begun.upload_id.ok_or_else(|| {
            Fault::new(FaultKind::Other, OPERATION, "the store gave no upload id")
        })?;
        let made = self.make(&id, head.e_tag(), size_bytes).await;
        if !matches!(made, Ok(true)) {
            let abort = self.client.abort_multipart_upload().upload_id(&id);
            let aborted = abort.bucket(&self.to.bucket).key(&self.to.key).send().await;
            // Report the first fault.
            drop(aborted);
        }
        made
    }

    /// Copies the ranges of one version of the source and completes the upload.
    async fn make(&self, id: &str, etag: Option<&str>, size_bytes: u64) -> Result<bool, Fault> {
        let part_bytes = part_bytes(size_bytes, self.at_once_bytes_max);
        let mut parts = Vec::new();
        for (number, first) in (1..).zip((0..size_bytes).step_by(to_usize(part_bytes))) {
            let last = (first + part_bytes).min(size_bytes) - 1;
            let call = self.client.upload_part_copy().copy_source(self.source());
            let copied = call
                .copy_source_range(format!("bytes={first}-{last}"))
                .set_copy_source_if_match(etag.map(str::to_owned))
                .bucket(&self.to.bucket)
                .key(&self.to.key)
                .upload_id(id)
                .part_number(number)
                .send()
                .await;
            let copied = match copied {
                Ok(copied) => copied,
                Err(error) if status(&error) == Some(404) => return Ok(false),
                Err(error) => return Err(fault(OPERATION, &error)),
            };
            let etag = copied.copy_part_result.and_then(|result| result.e_tag);
            let part = CompletedPart::builder().part_number(number);
            parts.push(part.set_e_tag(etag).build());
        }
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts));
        let complete = self.client.complete_multipart_upload().upload_id(id);
        complete
            .bucket(&self.to.bucket)
            .key(&self.to.key)
            .multipart_upload(parts.build())
            .send()
            .await
            .map_err(|error| fault(OPERATION, &error))?;
        Ok(true)
    }
}

/// Returns the size of each part but the last: at most what one call copies, and large enough for the limit of parts.
fn part_bytes(size_bytes: u64, at_once_bytes_max: u64) -> u64 {
    PART_BYTES
        .min(at_once_bytes_max)
        .max(size_bytes.div_ceil(PARTS_MAX))
}

fn to_usize(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_of_any_size_has_few_enough_parts_that_are_short_enough() {
        for size_bytes in [AT_ONCE_BYTES_MAX + 1, 5 << 40, 48 << 40] {
            let part = part_bytes(size_bytes, AT_ONCE_BYTES_MAX);
            assert!(part <= AT_ONCE_BYTES_MAX, "{size_bytes}");
            assert!(size_bytes.div_ceil(part) <= PARTS_MAX, "{size_bytes}");
        }
    }
}
