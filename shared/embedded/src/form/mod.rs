//! Upload forms of browsers. No byte of the file is read before the policy is verified. Then the file is streamed to
//! disk.

mod answer;
mod reader;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use consign_core::sigv4::{FORM_BYTES_MAX, Secret, VerifyError, verify_post_fields};
use consign_core::time;
use consign_listener::RequestBody;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Response};
use s3s::dto::{Checksum, Metadata, Timestamp, TimestampFormat};
use s3s::{Body, S3Error, S3Result, s3_error};

use crate::blob::Attributes;
use crate::change::{NewObject, Service};
use crate::event::Event;
use crate::receive::{ByteSource, Declared, Failure, receive};
use crate::store::Condition;
use reader::{FormError, Reader};

/// The most bytes before the file, including the heads of the fields. A form without a valid signature uses no more
/// memory, except for what arrived in the same frame.
pub(crate) const BEFORE_FILE_BYTES_MAX: usize = 32 << 10;
/// How long the fields may take to arrive.
const BEFORE_FILE_TIME_MAX: Duration = Duration::from_secs(10);
/// The most fields of a form.
const FIELDS_MAX: usize = 100;
/// The largest upload, as in S3.
const FILE_BYTES_MAX: u64 = 5 << 30;
/// The placeholder in a key for the name of the file.
const FILENAME: &str = "${filename}";

const _: () = assert!(FORM_BYTES_MAX < BEFORE_FILE_BYTES_MAX);

/// The keys of accepted forms.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) access_key: String,
    pub(crate) secret_key: Secret,
}

/// Whether the request is an upload form.
pub(crate) fn is_form(request: &Parts) -> bool {
    let content_type = content_type(request).trim_start();
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_end();
    request.method == Method::POST && essence.eq_ignore_ascii_case("multipart/form-data")
}

fn content_type(request: &Parts) -> &str {
    request
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Receives the file of a form, and answers.
pub(crate) async fn post(
    service: &Service,
    keys: &Keys,
    request: &Parts,
    body: RequestBody,
) -> S3Result<Response<Body>> {
    // 1. Find the bucket.
    let bucket = bucket(request)?;
    // 2. Read the fields before the file, with limits on size and time, since no signature is verified yet.
    let reader = Reader::new(body, content_type(request), BEFORE_FILE_BYTES_MAX)?;
    let (fields, mut file) = tokio::time::timeout(BEFORE_FILE_TIME_MAX, fields(reader))
        .await
        .map_err(|_| s3_error!(RequestTimeout))??;
    // 3. Verify the signature and the policy.
    let size_bytes = verify(service, keys, &bucket, &fields)?;
    // 4. Receive the file, within the size that the policy allows.
    let fields: BTreeMap<_, _> = fields.into_iter().collect();
    let object = NewObject {
        bucket,
        key: fields.get("key").cloned().unwrap_or_default(),
        attributes: attributes(&fields)?,
        condition: Condition::Any,
    };
    let object = service
        .blocking(move |store| object.check(store).map(|()| object))
        .await?;
    let (bucket, key) = (object.bucket.clone(), object.key.clone());
    file.size_bytes_max = (*size_bytes.end()).min(FILE_BYTES_MAX);
    let received = receive(&service.store, declared(&fields), &mut file, None).await?;
    if received.meta.size_bytes < *size_bytes.start() {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed object size."
        ));
    }
    // 5. Publish the object.
    let meta = service.publish(Event::Post, object, received).await?;
    file.reader.finish().await;
    answer::success(&bucket, &key, &meta, &fields)
}

/// Returns the bucket of the URL.
fn bucket(request: &Parts) -> S3Result<String> {
    let path = request.uri.path();
    match path.strip_prefix('/').unwrap_or(path).trim_end_matches('/') {
        "" => Err(s3_error!(MethodNotAllowed)),
        bucket if s3s::path::check_bucket_name(bucket) => Ok(bucket.to_owned()),
        path if path.contains('/') => Err(s3_error!(MethodNotAllowed)),
        _ => Err(s3_error!(InvalidBucketName)),
    }
}

/// Returns the fields before the file, by lower-case name, and the file.
async fn fields(mut reader: Reader) -> S3Result<(Vec<(String, String)>, FormFile)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    reader.begin().await?;
    while let Some(part) = reader.part().await? {
        let name = part.name.to_ascii_lowercase();
        if name == "file" {
            let filename = part.filename.unwrap_or_default();
            for (_, key) in fields.iter_mut().filter(|(name, _)| name == "key") {
                *key = key.replace(FILENAME, last_segment(&filename));
            }
            let file = FormFile {
                reader,
                size_bytes: 0,
                size_bytes_max: 0,
            };
            return Ok((fields, file));
        }
        if fields.len() == FIELDS_MAX {
            return Err(FormError::TooLong.into());
        }
        fields.push((name, reader.text().await?));
    }
    Err(s3_error!(
        IncorrectNumberOfFilesInPostRequest,
        "POST requires exactly one file upload per request."
    ))
}

/// Returns a file name without the folders that some browsers include.
fn last_segment(filename: &str) -> &str {
    filename.rsplit(['/', '\\']).next().unwrap_or_default()
}

/// Verifies the signature and every condition of the policy. Returns the allowed size of the file.
fn verify(
    service: &Service,
    keys: &Keys,
    bucket: &str,
    fields: &[(String, String)],
) -> S3Result<RangeInclusive<u64>> {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let secret_of = |key: &str| (key == keys.access_key).then(|| keys.secret_key.clone());
    let now = service
        .store
        .now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(S3Error::internal_error)?;
    let now = i64::try_from(now.as_micros()).ok();
    let now = now.and_then(time::from_micros).unwrap_or(time::MAX);
    let verified = verify_post_fields(bucket, &fields, secret_of, now).map_err(refusal)?;
    Ok(verified.size_bytes)
}

/// Returns the S3 error for an invalid form.
fn refusal(error: VerifyError) -> S3Error {
    match error {
        VerifyError::Missing("key") => s3_error!(
            InvalidArgument,
            "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields."
        ),
        VerifyError::Missing(_) => s3_error!(AccessDenied),
        VerifyError::UnknownAccessKey => s3_error!(InvalidAccessKeyId),
        VerifyError::Signature => s3_error!(SignatureDoesNotMatch),
        VerifyError::Expired => {
            s3_error!(AccessDenied, "Invalid according to Policy: Policy expired.")
        }
        VerifyError::NotYetValid => s3_error!(RequestTimeTooSkewed),
        VerifyError::Policy => s3_error!(InvalidPolicyDocument),
        VerifyError::Condition | VerifyError::Uncovered => {
            s3_error!(AccessDenied, "Invalid according to Policy: {error}.")
        }
        VerifyError::FormTooLarge => FormError::TooLong.into(),
        VerifyError::Key
        | VerifyError::Duplicate
        | VerifyError::Algorithm
        | VerifyError::Scope
        | VerifyError::Date
        | VerifyError::Url
        | VerifyError::ExpiryOutOfRange
        | VerifyError::HeaderMissing
        | VerifyError::HeaderUnsigned
        | VerifyError::Size => s3_error!(InvalidArgument, "{error}"),
    }
}

impl From<FormError> for S3Error {
    fn from(error: FormError) -> Self {
        match error {
            FormError::Malformed => s3_error!(
                MalformedPOSTRequest,
                "The body of your POST request is not well-formed multipart/form-data."
            ),
            FormError::TooLong => s3_error!(
                MaxPostPreDataLengthExceededError,
                "Your POST request fields preceding the upload file were too large."
            ),
            FormError::Broken => s3_error!(IncompleteBody),
        }
    }
}

/// The file of a form, while it arrives.
struct FormFile {
    reader: Reader,
    size_bytes: u64,
    size_bytes_max: u64,
}

impl ByteSource for &mut FormFile {
    async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        match self.reader.chunk().await {
            Ok(Some(chunk)) => {
                self.size_bytes = self.size_bytes.saturating_add(chunk.len() as u64);
                Some(if self.size_bytes > self.size_bytes_max {
                    Err(Failure::Refused(s3_error!(
                        EntityTooLarge,
                        "Your proposed upload exceeds the maximum allowed object size."
                    )))
                } else {
                    Ok(chunk)
                })
            }
            Ok(None) => None,
            Err(FormError::Broken) => Some(Err(Failure::Broken)),
            Err(error) => Some(Err(Failure::Refused(error.into()))),
        }
    }
}

/// Returns what the form declares about the content of its file.
fn declared(fields: &BTreeMap<String, String>) -> Declared {
    let checksum = |name: &str| fields.get(&format!("x-amz-checksum-{name}")).cloned();
    Declared {
        size_bytes: None,
        md5: fields.get("content-md5").cloned(),
        checksums: Checksum {
            checksum_crc32: checksum("crc32"),
            checksum_crc32c: checksum("crc32c"),
            checksum_crc64nvme: checksum("crc64nvme"),
            checksum_sha1: checksum("sha1"),
            checksum_sha256: checksum("sha256"),
            checksum_type: None,
        },
        algorithm: fields.get("x-amz-checksum-algorithm").cloned(),
    }
}

/// Returns the stored headers of the form. The policy covers each of them.
fn attributes(fields: &BTreeMap<String, String>) -> S3Result<Attributes> {
    let field = |name: &str| fields.get(name).cloned();
    let user: Metadata = fields
        .iter()
        .filter_map(|(name, value)| {
            let name = name.strip_prefix("x-amz-meta-")?;
            Some((name.to_owned(), value.clone()))
        })
        .collect();
    let expires = fields
        .get("expires")
        .map(|text| Timestamp::parse(TimestampFormat::HttpDate, text))
        .transpose()
        .map_err(|_| s3_error!(InvalidArgument, "expires is not a date."))?;
    Ok(Attributes {
        content_type: field("content-type"),
        content_disposition: field("content-disposition"),
        content_encoding: field("content-encoding"),
        content_language: field("content-language"),
        cache_control: field("cache-control"),
        expires,
        user: (!user.is_empty()).then_some(user),
    })
}
