//! The S3 operations, over the folder.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use tokio_util::task::TaskTracker;

use crate::blob::{Attributes, Meta};
use crate::event::{Event, ObjectEvents, form_encode};
use crate::list::page;
use crate::receive::{Declared, declared, receive};
use crate::store::{Condition, ListedPart, Store};

/// How much of a file is read at once for a GET.
const READ_BYTES: usize = 128 << 10;
/// What S3 says of an object that came with no type.
const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";
/// Most entries of one listing, as S3 has it.
const PAGE_ENTRIES_MAX: i32 = 1000;

/// One server's operations. Clones share everything.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) store: Arc<Store>,
    pub(crate) events: Arc<dyn ObjectEvents>,
    /// Changes under way, which a shutdown awaits.
    pub(crate) changes: TaskTracker,
}

/// Collects the headers that are kept, from any request that carries them.
macro_rules! attributes {
    ($input:ident) => {
        Attributes {
            content_type: $input.content_type.take(),
            content_disposition: $input.content_disposition.take(),
            content_encoding: $input.content_encoding.take(),
            content_language: $input.content_language.take(),
            cache_control: $input.cache_control.take(),
            expires: $input.expires.take(),
            user: $input.metadata.take(),
        }
    };
}

/// Fills what GET and HEAD have in common.
macro_rules! described {
    ($output:ident, $meta:ident) => {
        $output {
            accept_ranges: Some("bytes".to_owned()),
            e_tag: Some(ETag::Strong($meta.e_tag.clone())),
            last_modified: Some($meta.modified()),
            content_type: Some(
                $meta
                    .attributes
                    .content_type
                    .clone()
                    .unwrap_or_else(|| CONTENT_TYPE_DEFAULT.to_owned()),
            ),
            content_disposition: $meta.attributes.content_disposition.clone(),
            content_encoding: $meta.attributes.content_encoding.clone(),
            content_language: $meta.attributes.content_language.clone(),
            cache_control: $meta.attributes.cache_control.clone(),
            expires: $meta.attributes.expires.clone(),
            metadata: $meta.attributes.user.clone(),
            ..$output::default()
        }
    };
}

/// An answer with the object's checksums as headers.
fn with_checksums<T>(output: T, meta: &Meta) -> S3Result<S3Response<T>> {
    let mut response = S3Response::new(output);
    for (name, value) in &meta.checksums {
        let name = http::HeaderName::try_from(format!("x-amz-checksum-{name}"))
            .map_err(s3s::S3Error::internal_error)?;
        response
            .headers
            .insert(name, value.parse().map_err(s3s::S3Error::internal_error)?);
    }
    Ok(response)
}

/// Refuses a body of no declared length. (One without either header has no bytes, says HTTP.)
fn check_length<T>(req: &S3Request<T>) -> S3Result<()> {
    let chunked = req.headers.contains_key(http::header::TRANSFER_ENCODING);
    let declared = req.headers.contains_key(http::header::CONTENT_LENGTH)
        || req.headers.contains_key("x-amz-decoded-content-length");
    if chunked && !declared && req.method == http::Method::PUT {
        Err(s3_error!(MissingContentLength))
    } else {
        Ok(())
    }
}

/// `if-match` and `if-none-match` of a write.
fn condition(
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Any),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        (Some(ETagCondition::Any), None) => Ok(Condition::Present),
        (Some(ETagCondition::ETag(e_tag)), None) => Ok(Condition::ETag(e_tag.into_value())),
        (_, Some(_)) => Err(s3_error!(
            NotImplemented,
            "A write takes if-match, or if-none-match with *."
        )),
    }
}

/// `if-match` and `if-none-match` of a read.
fn check_read(
    meta: &Meta,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let is = |condition: &ETagCondition| {
        condition
            .as_etag()
            .is_none_or(|e_tag| e_tag.value() == meta.e_tag)
    };
    if if_match.is_some_and(|condition| !is(condition)) {
        return Err(s3_error!(PreconditionFailed));
    }
    if if_none_match.is_some_and(is) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

impl Service {
    /// Runs `work` where it may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let store = Arc::clone(&self.store);
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .map_err(s3s::S3Error::internal_error)?
    }

    /// Makes a change and tells of it. It runs to its end even when the client has gone meanwhile, since what is
    /// durable must also be told.
    async fn change(
        &self,
        event: Event,
        bucket: String,
        work: impl FnOnce(&Store, &str) -> S3Result<Meta> + Send + 'static,
    ) -> S3Result<Meta> {
        let this = self.clone();
        let change = self.changes.spawn(async move {
            let (meta, notification) = this
                .blocking(move |store| {
                    let meta = work(store, &bucket)?;
                    let notification = event.notification(&bucket, &meta);
                    Ok((meta, notification))
                })
                .await?;
            if let Err(error) = this.events.notify(notification).await {
                tracing::warn!(
                    error,
                    "an object's event was not taken; the sweep will find the object"
                );
            }
            Ok(meta)
        });
        change.await.map_err(s3s::S3Error::internal_error)?
    }

    async fn put(
        &self,
        event: Event,
        mut req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        check_length(&req)?;
        let declared = declared!(req);
        let input = &mut req.input;
        let (bucket, key) = (
            std::mem::take(&mut input.bucket),
            std::mem::take(&mut input.key),
        );
        let attributes = attributes!(input);
        let condition = condition(input.if_match.take(), input.if_none_match.take())?;
        let (staged, received, condition) = {
            let (bucket, key) = (bucket.clone(), key.clone());
            let staged = self.blocking(move |store| {
                store.check(&bucket, &key, &condition)?;
                Ok((store.stage().map_err(crate::store::internal)?, condition))
            });
            let (mut staged, condition) = staged.await?;
            let received = receive(
                &mut staged,
                declared,
                input.body.take(),
                req.trailing_headers,
            )
            .await?;
            (staged, received, condition)
        };
        let meta = Meta {
            key,
            attributes,
            ..received
        };
        let meta = self
            .change(event, bucket, move |store, bucket| {
                store.publish(bucket, staged, meta, &condition)
            })
            .await?;
        let e_tag = Some(ETag::Strong(meta.e_tag.clone()));
        with_checksums(
            PutObjectOutput {
                e_tag,
                ..PutObjectOutput::default()
            },
            &meta,
        )
    }

    async fn delete(&self, bucket: String, key: String) -> S3Result<()> {
        match self
            .change(Event::Delete, bucket, move |store, bucket| {
                store.remove(bucket, &key)
            })
            .await
        {
            Ok(_) => Ok(()),
            // Nothing was there, so nothing happened: S3 calls that a success too.
            Err(error) if *error.code() == S3ErrorCode::NoSuchKey => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[async_trait::async_trait]
impl S3 for Service {
    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        // A form comes here too, by the trait's default.
        let event = if req.method == http::Method::POST {
            Event::Post
        } else {
            Event::Put
        };
        self.put(event, req).await
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
        let (file, meta) = self
            .blocking(move |store| store.open_object(&bucket, &key))
            .await?;
        check_read(&meta, if_match.as_ref(), if_none_match.as_ref())?;
        let size_bytes = meta.size_bytes;
        let wanted = range.map(|range| range.check(size_bytes)).transpose()?;
        let (start, end) = wanted
            .as_ref()
            .map_or((0, size_bytes), |wanted| (wanted.start, wanted.end));
        let mut file = tokio::fs::File::from_std(file);
        file.set_max_buf_size(READ_BYTES);
        tokio::io::AsyncSeekExt::seek(&mut file, std::io::SeekFrom::Start(start))
            .await
            .map_err(crate::store::internal)?;
        let output = GetObjectOutput {
            body: Some(StreamingBlob::wrap(ReaderStream::with_capacity(
                file.take(end - start),
                READ_BYTES,
            ))),
            content_length: i64::try_from(end - start).ok(),
            content_range: wanted
                .map(|wanted| format!("bytes {}-{}/{size_bytes}", wanted.start, wanted.end - 1)),
            ..described!(GetObjectOutput, meta)
        };
        if checksum_mode.is_some() && end - start == size_bytes {
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
        let meta = self.change(Event::Copy, bucket, move |store, bucket| {
            store.copy((&from_bucket, &from_key), (bucket, &key), |meta| {
                // A copy has no 304: either condition that fails is a 412.
                check_read(meta, if_match.as_ref(), if_none_match.as_ref())
                    .map_err(|_| s3_error!(PreconditionFailed))?;
                if let Some(attributes) = attributes {
                    meta.attributes = attributes;
                }
                Ok(())
            })
        });
        let meta = meta.await?;
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
        let max_keys = input
            .max_keys
            .unwrap_or(PAGE_ENTRIES_MAX)
            .clamp(0, PAGE_ENTRIES_MAX);
        let prefix = input.prefix.as_deref().unwrap_or_default();
        let after = input
            .continuation_token
            .as_deref()
            .or(input.start_after.as_deref());
        let page = page(
            metas,
            prefix,
            input.delimiter.as_deref(),
            after,
            usize::try_from(max_keys).unwrap_or_default(),
        );
        let url = input
            .encoding_type
            .as_ref()
            .is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
        let encode = |text: String| if url { form_encode(&text) } else { text };
        let contents = page.metas.into_iter().map(|meta| Object {
            e_tag: Some(ETag::Strong(meta.e_tag.clone())),
            last_modified: Some(meta.modified()),
            size: i64::try_from(meta.size_bytes).ok(),
            storage_class: Some(ObjectStorageClass::from_static(
                ObjectStorageClass::STANDARD,
            )),
            key: Some(encode(meta.key)),
            ..Object::default()
        });
        let contents: Vec<_> = contents.collect();
        let prefixes: Vec<_> = page
            .prefixes
            .into_iter()
            .map(|prefix| CommonPrefix {
                prefix: Some(encode(prefix)),
            })
            .collect();
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            key_count: i32::try_from(contents.len() + prefixes.len()).ok(),
            max_keys: Some(max_keys),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next,
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            continuation_token: input.continuation_token,
            start_after: input.start_after.map(encode),
            prefix: Some(encode(input.prefix.unwrap_or_default())),
            delimiter: input.delimiter.map(encode),
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        }))
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
            upload_id,
            part_number,
            body,
            ..
        } = req.input;
        let mut staged = {
            let (bucket, key, upload_id) = (bucket.clone(), key.clone(), upload_id.clone());
            let staged = self.blocking(move |store| {
                store.check_part(&bucket, &key, &upload_id, part_number)?;
                store.stage().map_err(crate::store::internal)
            });
            staged.await?
        };
        let received = receive(&mut staged, declared, body, req.trailing_headers).await?;
        let meta = Meta { key, ..received };
        let output = UploadPartOutput {
            e_tag: Some(ETag::Strong(meta.e_tag.clone())),
            ..UploadPartOutput::default()
        };
        let response = with_checksums(output, &meta)?;
        self.blocking(move |store| {
            store.publish_part(&bucket, &upload_id, part_number, staged, meta)
        })
        .await?;
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
        let mut parts = self
            .blocking(move |store| store.parts(&bucket, &key, &upload_id))
            .await?;
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
        let meta = self.change(Event::Complete, bucket, move |store, bucket| {
            store.complete(bucket, &key, &upload_id, &listed, &condition)
        });
        let e_tag = Some(ETag::Strong(meta.await?.e_tag));
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
        self.blocking(move |store| store.abort(&bucket, &key, &upload_id))
            .await?;
        Ok(S3Response::new(AbortMultipartUploadOutput::default()))
    }
}

/// A part as a listing shows it.
fn part(number: i32, meta: &Meta) -> Part {
    Part {
        part_number: Some(number),
        e_tag: Some(ETag::Strong(meta.e_tag.clone())),
        size: i64::try_from(meta.size_bytes).ok(),
        last_modified: Some(meta.modified()),
        checksum_sha256: meta.checksums.get("sha256").cloned(),
        ..Part::default()
    }
}
