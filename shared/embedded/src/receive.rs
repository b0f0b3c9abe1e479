//! Taking a body in: to a staged file, hashed on the way, checked against everything that was declared of it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, ChecksumAlgorithm, StreamingBlob};
use s3s::{S3Result, TrailingHeaders, s3_error};
use tokio::io::AsyncWriteExt;

use crate::store::{Staged, hex, internal};

/// How much is gathered before it is written: one trip to the blocking pool each.
const WRITE_BYTES: usize = 256 << 10;

/// What a request says of its body beforehand.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) size_bytes: Option<i64>,
    /// Base64 of the MD5 digest, from `content-md5`.
    pub(crate) md5: Option<String>,
    /// From `x-amz-checksum-*`.
    pub(crate) checksums: Checksum,
    /// To be computed though its value comes after the body or not at all.
    pub(crate) algorithm: Option<String>,
}

/// Takes from a PutObject or UploadPart request what it declares.
macro_rules! declared {
    ($request:ident) => {{
        let trailer = $request
            .headers
            .get("x-amz-trailer")
            .and_then(|name| name.to_str().ok());
        let trailer = trailer
            .and_then(|name| name.strip_prefix("x-amz-checksum-"))
            .map(str::to_ascii_uppercase);
        Declared {
            size_bytes: $request.input.content_length,
            md5: $request.input.content_md5.take(),
            checksums: s3s::dto::Checksum {
                checksum_crc32: $request.input.checksum_crc32.take(),
                checksum_crc32c: $request.input.checksum_crc32c.take(),
                checksum_crc64nvme: $request.input.checksum_crc64nvme.take(),
                checksum_sha1: $request.input.checksum_sha1.take(),
                checksum_sha256: $request.input.checksum_sha256.take(),
                checksum_type: None,
            },
            algorithm: $request
                .input
                .checksum_algorithm
                .as_ref()
                .map(|name| name.as_str().to_owned())
                .or(trailer),
        }
    }};
}
pub(crate) use declared;

/// By the name after `x-amz-checksum-`.
fn by_name(checksums: Checksum) -> BTreeMap<String, String> {
    let named = [
        ("crc32", checksums.checksum_crc32),
        ("crc32c", checksums.checksum_crc32c),
        ("crc64nvme", checksums.checksum_crc64nvme),
        ("sha1", checksums.checksum_sha1),
        ("sha256", checksums.checksum_sha256),
    ];
    named
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// The hashers for what was declared.
fn hasher(
    declared: &BTreeMap<String, String>,
    algorithm: Option<&str>,
) -> S3Result<ChecksumHasher> {
    let mut hasher = ChecksumHasher::default();
    let names = declared
        .keys()
        .map(|name| name.to_ascii_uppercase())
        .chain(algorithm.map(str::to_owned));
    for name in names {
        match name.as_str() {
            ChecksumAlgorithm::CRC32 => hasher.crc32 = Some(Default::default()),
            ChecksumAlgorithm::CRC32C => hasher.crc32c = Some(Default::default()),
            ChecksumAlgorithm::CRC64NVME => hasher.crc64nvme = Some(Default::default()),
            ChecksumAlgorithm::SHA1 => hasher.sha1 = Some(Default::default()),
            ChecksumAlgorithm::SHA256 => hasher.sha256 = Some(Default::default()),
            _ => {
                return Err(s3_error!(
                    InvalidRequest,
                    "The checksum algorithm is not known."
                ));
            }
        }
    }
    Ok(hasher)
}

/// Streams `body` into `staged` in constant memory and notes size, etag and checksums in its `meta`. On any error the
/// caller drops the staged file, and nothing was ever seen of it.
pub(crate) async fn receive(
    staged: &mut Staged,
    declared: Declared,
    body: Option<StreamingBlob>,
    trailers: Option<TrailingHeaders>,
) -> S3Result<()> {
    let mut expected = by_name(declared.checksums);
    let mut hasher = hasher(&expected, declared.algorithm.as_deref())?;
    let mut md5 = Md5::new();
    let mut size_bytes: u64 = 0;
    let size_declared = declared
        .size_bytes
        .and_then(|size| u64::try_from(size).ok());
    let file = tokio::fs::File::from_std(staged.file.try_clone().map_err(internal)?);
    let mut writer = tokio::io::BufWriter::with_capacity(WRITE_BYTES, file);
    let mut body = body;
    while let Some(chunk) = next(&mut body).await {
        // A body that breaks off, or whose own signature (x-amz-content-sha256, signed chunks) does not hold.
        let chunk = chunk.map_err(|_| match size_declared {
            Some(size) if size_bytes >= size => {
                s3_error!(BadDigest, "The body is not the one that was signed.")
            }
            Some(_) | None => s3_error!(IncompleteBody),
        })?;
        md5.update(&chunk);
        hasher.update(&chunk);
        size_bytes += chunk.len() as u64;
        writer.write_all(&chunk).await.map_err(internal)?;
    }
    writer.flush().await.map_err(internal)?;
    if size_declared.is_some_and(|size| size != size_bytes) {
        return Err(s3_error!(IncompleteBody));
    }
    let digest = md5.finalize();
    if declared
        .md5
        .is_some_and(|wanted| wanted != STANDARD.encode(digest))
    {
        return Err(s3_error!(
            BadDigest,
            "The Content-MD5 you specified did not match what we received."
        ));
    }
    let trailers = trailers
        .and_then(|trailers| trailers.take())
        .unwrap_or_default();
    for (name, value) in &trailers {
        if let (Some(name), Ok(value)) = (
            name.as_str().strip_prefix("x-amz-checksum-"),
            value.to_str(),
        ) {
            expected.insert(name.to_owned(), value.to_owned());
        }
    }
    let checksums = by_name(hasher.finalize());
    if let Some((name, _)) = expected
        .iter()
        .find(|(name, value)| checksums.get(*name) != Some(*value))
    {
        return Err(s3_error!(
            BadDigest,
            "The {name} you specified did not match what we received."
        ));
    }
    staged.meta.size_bytes = size_bytes;
    staged.meta.e_tag = hex(digest.as_ref());
    staged.meta.checksums = checksums;
    Ok(())
}

async fn next(body: &mut Option<StreamingBlob>) -> Option<Result<Bytes, s3s::StdError>> {
    match body {
        Some(body) => body.next().await,
        None => None,
    }
}
