//! The S3 operations, over the folder.

use s3s::dto::*;
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use crate::blob::{Attributes, Meta};
use crate::change::Service;
use crate::convert::{
    CONTENT_TYPE_DEFAULT, attributes, check_length, check_read, condition, described, part,
    with_checksums,
};
use crate::event::Event;
use crate::list::{PAGE_ENTRIES_MAX, answer};
use crate::receive::{Declared, declared, receive};
use crate::store::{Condition, Store};
use crate::uploads::{ListedPart, Upload};

#[async_trait::async_trait]
impl S3 for Service {
    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.put(req).await
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let GetObjectInput {
            bucket,
            key,
            range,
            if_match,
            if_none_match,
            checksum_mode,
            ..
        } = req.input;
        let is_range = range.is_some();
        let reading = self.blocking(move |store| {
            store.read(&bucket, &key, range, |meta| {
                check_read(meta, if_match.as_ref(), if_none_match.as_ref())
            })
        });
        let reading = reading.await?;
        let (meta, bytes) = (reading.meta.clone(), reading.bytes.clone());
        let is_checked = checksum_mode.is_some() && reading.is_whole();
        let output = GetObjectOutput {
            body: Some(reading.into_body()),
            content_length: i64::try_from(bytes.end - bytes.start).ok(),
            content_range: is_range.then(|| {
                format!(
                    "bytes {}-{}/{}",
                    bytes.start,
                    bytes.end - 1,
                    meta.size_bytes
                )
            }),
            ..described!(GetObjectOutput, meta)
        };
        if is_checked {
            with_checksums(output, &meta)
        } else {
            Ok(S3Response::new(output))
        }
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let HeadObjectInput {
            bucket,
            key,
            if_match,
            if_none_match,
            checksum_mode,
            ..
        } = req.input;
        let (_, meta) = self
            .blocking(move |store| store.open_object(&bucket, &key))
            .await?;
        check_read(&meta, if_match.as_ref(), if_none_match.as_ref())?;
        let output = HeadObjectOutput {
            content_length: i64::try_from(meta.size_bytes).ok(),
            ..described!(HeadObjectOutput, meta)
        };
        if checksum_mode.is_some() {
            with_checksums(output, &meta)
        } else {
            Ok(S3Response::new(output))
        }
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.delete(req.input.bucket, req.input.key).await?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in req.input.delete.objects {
            let key = Some(object.key.clone());
            match self.delete(req.input.bucket.clone(), object.key).await {
                Ok(()) => deleted.push(DeletedObject {
                    key,
                    ..DeletedObject::default()
                }),
                Err(error) if *error.code() == S3ErrorCode::NoSuchBucket => return Err(error),
                Err(error) => errors.push(Error {
                    key,
                    code: Some(error.code().as_str().to_owned()),
                    message: error.message().map(str::to_owned),
                    ..Error::default()
                }),
            }
        }
        let deleted = if req.input.delete.quiet == Some(true) {
            None
        } else {
            Some(deleted)
        };
        Ok(S3Response::new(DeleteObjectsOutput {
            deleted,
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        }))
    }

    async fn copy_object(
        &self,
        mut req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = &mut req.input;
        let CopySource::Bucket {
            bucket: from_bucket,
            key: from_key,
            ..
        } = input.copy_source.clone()
        else {
            return Err(s3_error!(NotImplemented));
        };
        let replaced = input
            .metadata_directive
            .as_ref()
            .is_some_and(|directive| directive.as_str() == MetadataDirective::REPLACE);
        let attributes = replaced.then(|| attributes!(input));
        let (if_match, if_none_match) = (
            input.copy_source_if_match.take(),
            input.copy_source_if_none_match.take(),
        );
        let (bucket, key) = (
            std::mem::take(&mut input.bucket),
            std::mem::take(&mut input.key),
        );
        let copy = move |store: &Store, bucket: &str| {
            store.check(bucket, &key, &Condition::Any)?;
            let mut staged = store.stage_copy(&from_bucket, &from_key)?;
            // A copy has no 304: a failed condition of either kind is a 412.
            check_read(&staged.meta, if_match.as_ref(), if_none_match.as_ref())
                .map_err(|_| s3_error!(PreconditionFailed))?;
            staged.meta.key = key;
            if let Some(attributes) = attributes {
                staged.meta.attributes = attributes;
            }
            store.publish(bucket, staged, &Condition::Any)
        };
        let meta = self.change(Event::Copy, bucket, copy).await?;
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(ETag::Strong(meta.e_tag.clone())),
                last_modified: Some(meta.modified()),
                ..CopyObjectResult::default()
            }),
            ..CopyObjectOutput::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let input = req.input;
        let bucket = input.bucket.clone();
        let metas = self.blocking(move |store| store.list(&bucket)).await?;
        Ok(S3Response::new(answer(input, metas)))
    }

    async fn list_buckets(
        &self,
        _: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let names = self.blocking(Store::buckets).await?;
        let buckets = names
            .into_iter()
            .map(|name| Bucket {
                name: Some(name),
                ..Bucket::default()
            })
            .collect();
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets),
            ..ListBucketsOutput::default()
        }))
    }

    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.blocking(move |store| store.bucket(&req.input.bucket))
            .await?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.blocking(move |store| store.bucket(&req.input.bucket))
            .await?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn create_multipart_upload(
        &self,
        mut req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let input = &mut req.input;
        let meta = Meta {
            key: input.key.clone(),
            attributes: attributes!(input),
            ..Meta::default()
        };
        let (bucket, key) = (
            std::mem::take(&mut input.bucket),
            std::mem::take(&mut input.key),
        );
        let output = CreateMultipartUploadOutput {
            bucket: Some(bucket.clone()),
            key: Some(key),
            ..Default::default()
        };
        let upload_id = self
            .blocking(move |store| store.create_upload(&bucket, meta))
            .await?;
        Ok(S3Response::new(CreateMultipartUploadOutput {
            upload_id: Some(upload_id),
            ..output
        }))
    }

    async fn upload_part(
        &self,
        mut req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        check_length(&req)?;
        let declared = declared!(req);
        let UploadPartInput {
            bucket,
            key,
            upload_id: id,
            part_number,
            body,
            ..
        } = req.input;
        let upload = Upload { bucket, key, id };
        let named = upload.clone();
        self.blocking(move |store| store.check_part(&named, part_number))
            .await?;
        let received = receive(&self.store, declared, body, req.trailing_headers).await?;
        let e_tag = Some(ETag::Strong(received.meta.e_tag.clone()));
        let output = UploadPartOutput {
            e_tag,
            ..UploadPartOutput::default()
        };
        let response = with_checksums(output, &received.meta)?;
        let publish = move |store: &Store| {
            store.publish_part(&upload, part_number, received.into_staged(store)?)
        };
        self.blocking(publish).await?;
        Ok(response)
    }

    async fn list_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        let ListPartsInput {
            bucket,
            key,
            upload_id,
            max_parts,
            part_number_marker,
            ..
        } = req.input;
        let output = ListPartsOutput {
            bucket: Some(bucket.clone()),
            key: Some(key.clone()),
            upload_id: Some(upload_id.clone()),
            part_number_marker,
            ..ListPartsOutput::default()
        };
        let upload = Upload {
            bucket,
            key,
            id: upload_id,
        };
        let mut parts = self.blocking(move |store| store.parts(&upload)).await?;
        parts.retain(|(number, _)| *number > part_number_marker.unwrap_or_default());
        let max_parts = max_parts
            .unwrap_or(PAGE_ENTRIES_MAX)
            .clamp(0, PAGE_ENTRIES_MAX);
        let kept = usize::try_from(max_parts).unwrap_or_default();
        let is_truncated = parts.len() > kept;
        parts.truncate(kept);
        Ok(S3Response::new(ListPartsOutput {
            is_truncated: Some(is_truncated),
            next_part_number_marker: parts.last().map(|(number, _)| *number),
            max_parts: Some(max_parts),
            parts: Some(
                parts
                    .iter()
                    .map(|(number, meta)| part(*number, meta))
                    .collect(),
            ),
            ..output
        }))
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let ListMultipartUploadsInput { bucket, prefix, .. } = req.input;
        let name = Some(bucket.clone());
        let mut uploads = self.blocking(move |store| store.uploads(&bucket)).await?;
        uploads.retain(|(_, meta)| meta.key.starts_with(prefix.as_deref().unwrap_or_default()));
        let uploads = uploads.into_iter().map(|(id, meta)| MultipartUpload {
            upload_id: Some(id),
            initiated: Some(meta.modified()),
            key: Some(meta.key),
            ..MultipartUpload::default()
        });
        let uploads = Some(uploads.collect());
        Ok(S3Response::new(ListMultipartUploadsOutput {
            bucket: name,
            prefix,
            uploads,
            is_truncated: Some(false),
            ..Default::default()
        }))
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let CompleteMultipartUploadInput {
            bucket,
            key,
            upload_id,
            multipart_upload,
            if_match,
            if_none_match,
            ..
        } = req.input;
        let condition = condition(if_match, if_none_match)?;
        let listed = multipart_upload
            .and_then(|listed| listed.parts)
            .unwrap_or_default();
        let listed = listed.into_iter().map(|part| {
            let number = part.part_number.ok_or_else(|| s3_error!(MalformedXML))?;
            Ok(ListedPart {
                number,
                e_tag: part.e_tag.map(ETag::into_value),
            })
        });
        let listed = listed.collect::<S3Result<Vec<_>>>()?;
        let output = CompleteMultipartUploadOutput {
            bucket: Some(bucket.clone()),
            key: Some(key.clone()),
            ..Default::default()
        };
        let upload = Upload {
            bucket: bucket.clone(),
            key,
            id: upload_id,
        };
        let complete = move |store: &Store, _: &str| store.complete(&upload, &listed, &condition);
        let meta = self.change(Event::Complete, bucket, complete).await?;
        let e_tag = Some(ETag::Strong(meta.e_tag));
        Ok(S3Response::new(CompleteMultipartUploadOutput {
            e_tag,
            ..output
        }))
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let AbortMultipartUploadInput {
            bucket,
            key,
            upload_id,
            ..
        } = req.input;
        let upload = Upload {
            bucket,
            key,
            id: upload_id,
        };
        self.blocking(move |store| store.abort(&upload)).await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}
