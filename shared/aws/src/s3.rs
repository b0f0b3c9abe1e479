//! Objects and multipart uploads on any S3 server.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::{
    BehaviorVersion, Builder, RequestChecksumCalculation, ResponseChecksumValidation,
    StalledStreamProtectionConfig,
};
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{
    ChecksumMode, CompletedMultipartUpload, CompletedPart, ServerSideEncryption,
};
use bytes::Bytes;
use consign_core::ids::{ETag, ObjectRef};
use consign_core::parts::{ListedPart, PartList};
use consign_core::policy::Encryption;
use consign_core::ports::{
    BeginMultipart, Fault, Multipart, ObjectHead, ObjectStore, Part, Read, ReadError,
};
use futures_util::Stream;

use crate::breaker::Breaker;
use crate::client::{AwsOptions, Lazy, Patience};
use crate::copy::{self, Copy};
use crate::fault::{begin_fault, fault, status};
use crate::writer::S3Writer;

/// How to reach an S3 server.
#[derive(Clone)]
pub struct S3Options {
    /// The base URL for the functions; `None` is the regional endpoint of AWS.
    pub endpoint: Option<String>,
    /// The region, such as `us-east-1`.
    pub region: String,
    /// Whether to use `https://host/bucket/key` instead of `https://bucket.host/key`.
    pub path_style: bool,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for S3Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Options")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .field("path_style", &self.path_style)
            .finish_non_exhaustive()
    }
}

/// For large bodies: no timeout except for the first byte of an answer.
const PATIENCE: Patience = Patience {
    attempt: None,
    call: None,
    first_byte: Duration::from_secs(60),
    backoff: Duration::from_secs(1),
    backoff_max: Duration::from_secs(30),
};

/// The objects of an S3 server.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Lazy<Client>,
    copy_at_once_bytes_max: u64,
}

impl S3Store {
    /// Creates a client. Connects on first use.
    #[must_use]
    pub fn new(options: &S3Options) -> Self {
        let aws = AwsOptions {
            endpoint: options.endpoint.clone(),
            region: options.region.clone(),
            access_key: options.access_key.clone(),
            secret_key: options.secret_key.clone(),
            session_token: options.session_token.clone(),
        };
        let path_style = options.path_style;
        let client = aws.client(&PATIENCE, move |config| {
            let config = Builder::from(config)
                .behavior_version(BehaviorVersion::latest())
                .interceptor(Breaker::new())
                .force_path_style(path_style)
                // The checksums that matter are signed by consign. Many S3 servers do not support the trailers of the
                // SDK.
                .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
                .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
                // A conversion reads as fast as it converts, so a slow reader is not a stalled stream.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
            Client::from_conf(config.build())
        });
        Self {
            client,
            copy_at_once_bytes_max: copy::AT_ONCE_BYTES_MAX,
        }
    }

    /// For a server that copies less than S3's 5 GiB by one call. Larger objects are copied in parts of this size in
    /// bytes, at least 5 MiB.
    #[must_use]
    pub fn with_copy_at_once(self, copy_at_once_bytes_max: u64) -> Self {
        Self {
            copy_at_once_bytes_max,
            ..self
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Creates a bucket if it is missing.
    ///
    /// # Errors
    /// The fault of the store.
    pub async fn ensure_bucket(&self, bucket: &str) -> Result<(), Fault> {
        if self.check_bucket(bucket).await.is_ok() {
            return Ok(());
        }
        match self.client.create_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(409) => self.check_bucket(bucket).await,
            Err(error) => Err(fault("create_bucket", &error)),
        }
    }
}

/// The bytes of an object as they arrive.
#[derive(Debug)]
pub struct Body(ByteStream);

/// The status 416: the range begins past the end, so there is nothing to read.
const RANGE_NOT_SATISFIABLE: u16 = 416;

impl Stream for Body {
    type Item = Result<Bytes, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut self.0)
            .poll_next(context)
            .map_err(|error| Fault::new(consign_core::ports::FaultKind::Unreachable, "get", error))
    }
}

impl ObjectStore for S3Store {
    type Body = Body;
    type Writer = S3Writer;

    async fn head(&self, object: &ObjectRef) -> Result<Option<ObjectHead>, Fault> {
        let answer = self
            .client
            .head_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .checksum_mode(ChecksumMode::Enabled)
            .send()
            .await;
        match answer {
            Ok(head) => Ok(Some(ObjectHead {
                etag: ETag::new(head.e_tag().unwrap_or_default()),
                size_bytes: u64::try_from(head.content_length().unwrap_or(0)).unwrap_or(0),
                content_type: head.content_type,
                version_id: head.version_id,
                // With a hyphen it is a checksum of the checksums of parts, not of the object.
                checksum_sha256: head.checksum_sha256.filter(|sum| !sum.contains('-')),
            })),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(fault("head", &error)),
        }
    }

    async fn get(&self, object: &ObjectRef, read: &Read) -> Result<Body, ReadError> {
        let answer = self
            .client
            .get_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .set_if_match(read.if_match.as_ref().map(ETag::quoted))
            .set_range(
                read.range
                    .map(|(first, last)| format!("bytes={first}-{last}")),
            )
            .send()
            .await;
        match answer {
            Ok(object) => Ok(Body(object.body)),
            Err(error) => match status(&error) {
                Some(404) => Err(ReadError::NotFound),
                Some(412) => Err(ReadError::Changed),
                Some(RANGE_NOT_SATISFIABLE) => Ok(Body(ByteStream::default())),
                _ => Err(fault("get", &error).into()),
            },
        }
    }

    async fn put(
        &self,
        object: &ObjectRef,
        content_type: &str,
        body: Bytes,
    ) -> Result<ETag, Fault> {
        self.client
            .put_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .content_type(content_type)
            .body(ByteStream::from(body))
            .send()
            .await
            .map(|answer| ETag::new(answer.e_tag().unwrap_or_default()))
            .map_err(|error| fault("put", &error))
    }

    async fn writer(&self, object: &ObjectRef, content_type: &str) -> Result<S3Writer, Fault> {
        Ok(S3Writer::new(
            Client::clone(&self.client),
            object.clone(),
            content_type,
        ))
    }

    async fn copy(&self, from: &ObjectRef, to: &ObjectRef) -> Result<bool, Fault> {
        let copy = Copy {
            client: &self.client,
            from,
            to,
            at_once_bytes_max: self.copy_at_once_bytes_max,
        };
        copy.run().await
    }

    async fn delete(&self, object: &ObjectRef) -> Result<(), Fault> {
        match self
            .client
            .delete_object()
            .bucket(&object.bucket)
            .key(&object.key)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(fault("delete", &error)),
        }
    }

    async fn check_bucket(&self, bucket: &str) -> Result<(), Fault> {
        match self.client.head_bucket().bucket(bucket).send().await {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => Err(Fault::new(
                consign_core::ports::FaultKind::MissingResource,
                "check_bucket",
                "no such bucket",
            )),
            Err(error) => Err(fault("check_bucket", &error)),
        }
    }
}

impl BeginMultipart for S3Store {
    async fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        encryption: &Encryption,
    ) -> Result<String, Fault> {
        let call = self
            .client
            .create_multipart_upload()
            .bucket(&object.bucket)
            .key(&object.key)
            .content_type(content_type);
        let call = match encryption {
            Encryption::None => call,
            Encryption::Aes256 => call.server_side_encryption(ServerSideEncryption::Aes256),
            Encryption::AwsKms { key_id } => call
                .server_side_encryption(ServerSideEncryption::AwsKms)
                .set_ssekms_key_id(key_id.clone()),
        };
        let begun = call.send().await.map_err(|error| begin_fault(&error))?;
        begun.upload_id.ok_or_else(|| {
            Fault::new(
                consign_core::ports::FaultKind::Other,
                "begin",
                "the store gave no upload id",
            )
        })
    }
}

fn listed(part: &aws_sdk_s3::types::Part) -> ListedPart {
    ListedPart {
        part: Part {
            number: u16::try_from(part.part_number().unwrap_or(0)).unwrap_or(0),
            etag: ETag::new(part.e_tag().unwrap_or_default()),
            size_bytes: u64::try_from(part.size().unwrap_or(0)).unwrap_or(0),
        },
        taken_at_ns: part.last_modified().map(DateTime::as_nanos),
    }
}

impl Multipart for S3Store {
    async fn parts(&self, object: &ObjectRef, upload_id: &str) -> Result<Option<Vec<Part>>, Fault> {
        let mut list = PartList::new();
        loop {
            let marker = list.marker().map(|number| number.to_string());
            let answer = self
                .client
                .list_parts()
                .bucket(&object.bucket)
                .key(&object.key)
                .upload_id(upload_id)
                .set_part_number_marker(marker)
                .send()
                .await;
            let page = match answer {
                Ok(page) => page,
                Err(error) if status(&error) == Some(404) => return Ok(None),
                Err(error) => return Err(fault("parts", &error)),
            };
            let next = page.next_part_number_marker();
            let next = next.and_then(|marker| marker.parse().ok()).unwrap_or(0);
            let next = page.is_truncated().unwrap_or(false).then_some(next);
            if !list.take(page.parts().iter().map(listed).collect(), next) {
                return Ok(Some(list.finish()));
            }
        }
    }

    async fn complete(
        &self,
        object: &ObjectRef,
        upload_id: &str,
        parts: &[Part],
    ) -> Result<bool, Fault> {
        let parts = parts
            .iter()
            .map(|part| {
                CompletedPart::builder()
                    .part_number(i32::from(part.number))
                    .e_tag(part.etag.quoted())
                    .build()
            })
            .collect();
        let answer = self
            .client
            .complete_multipart_upload()
            .bucket(&object.bucket)
            .key(&object.key)
            .upload_id(upload_id)
            .if_none_match("*")
            .multipart_upload(
                CompletedMultipartUpload::builder()
                    .set_parts(Some(parts))
                    .build(),
            )
            .send()
            .await;
        match answer {
            Ok(_) => Ok(true),
            // 404 `NoSuchUpload`, 412 the key is taken, 400 `InvalidPart` and similar.
            Err(error) if matches!(status(&error), Some(400 | 404 | 412)) => Ok(false),
            Err(error) => Err(fault("complete", &error)),
        }
    }

    async fn abort(&self, object: &ObjectRef, upload_id: &str) -> Result<(), Fault> {
        match self
            .client
            .abort_multipart_upload()
            .bucket(&object.bucket)
            .key(&object.key)
            .upload_id(upload_id)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if status(&error) == Some(404) => Ok(()),
            Err(error) => Err(fault("abort", &error)),
        }
    }
}
