//! Receives a body: hashes it, checks it against its declaration, and writes a long one to a staging file.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::StreamExt;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, ChecksumAlgorithm, StreamingBlob};
use s3s::{S3Error, S3Result, TrailingHeaders, s3_error};
use tokio::task::JoinHandle;

use crate::blob::Meta;
use crate::store::{Staged, Store, internal};

/// How many bytes of a body are kept in memory. A body up to this size is written to disk in one call of the blocking
/// pool, together with its metadata. A longer body is written in blocks of this size while the next one arrives.
pub(crate) const HOLD_BYTES: usize = 128 << 10;

/// What a request declares about its body.
#[derive(Default)]
pub(crate) struct Declared {
    pub(crate) size_bytes: Option<i64>,
    /// Base64 of the MD5 digest, from `content-md5`.
    pub(crate) md5: Option<String>,
    /// From `x-amz-checksum-*`.
    pub(crate) checksums: Checksum,
    /// A checksum to compute whose value follows the body, or is missing.
    pub(crate) algorithm: Option<String>,
}

impl Declared {
    /// Whether the declared length fits in memory.
    pub(crate) fn is_short(&self) -> bool {
        self.size_bytes
            .and_then(|size| usize::try_from(size).ok())
            .is_some_and(|size| size <= HOLD_BYTES)
    }
}

/// Collects the declaration of a PutObject or UploadPart request.
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

/// Returns the checksums by the name after `x-amz-checksum-`.
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

/// Returns the hashers for the declaration.
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

/// Why a body ended early.
pub(crate) enum Failure {
    /// It broke off, or its own signature (x-amz-content-sha256, signed chunks) is invalid.
    Broken,
    /// It was refused.
    Refused(S3Error),
}

/// The bytes of a body, in order.
pub(crate) trait ByteSource: Send {
    /// Returns the next bytes.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, Failure>>> + Send;
}

impl ByteSource for Option<StreamingBlob> {
    async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        let chunk = self.as_mut()?.next().await?;
        Some(chunk.map_err(|_| Failure::Broken))
    }
}

/// A received body that matches its declaration.
pub(crate) struct Received {
    held: Vec<u8>,
    /// The staging file with the bytes before `held`.
    staged: Option<Staged>,
    /// The size, etag and checksums.
    pub(crate) meta: Meta,
}

impl Received {
    /// Returns a staging file with all bytes and the metadata. Blocks.
    pub(crate) fn into_staged(self, store: &Store) -> S3Result<Staged> {
        let mut staged = append(self.staged, &self.held, store)?;
        staged.meta = self.meta;
        Ok(staged)
    }
}

/// Appends `bytes` to the staging file, or creates one.
fn append(staged: Option<Staged>, bytes: &[u8], store: &Store) -> S3Result<Staged> {
    let mut staged = match staged {
        Some(staged) => staged,
        None => store.stage().map_err(internal)?,
    };
    staged.file.write_all(bytes).map_err(internal)?;
    Ok(staged)
}

/// A write in progress.
struct Writing(Option<JoinHandle<S3Result<Staged>>>);

impl Writing {
    /// Waits for the write and returns the staging file.
    async fn written(&mut self) -> S3Result<Option<Staged>> {
        match self.0.take() {
            Some(writing) => Ok(Some(writing.await.map_err(S3Error::internal_error)??)),
            None => Ok(None),
        }
    }

    /// Starts to append `bytes`.
    async fn write(&mut self, bytes: Vec<u8>, store: &Arc<Store>) -> S3Result<()> {
        let (staged, store) = (self.written().await?, Arc::clone(store));
        self.0 = Some(tokio::task::spawn_blocking(move || {
            append(staged, &bytes, &store)
        }));
        Ok(())
    }
}

/// Receives a body in constant memory and checks it against its declaration. On an error the staging file is removed,
/// and nothing was visible.
pub(crate) async fn receive(
    store: &Arc<Store>,
    declared: Declared,
    mut body: impl ByteSource,
    trailers: Option<TrailingHeaders>,
) -> S3Result<Received> {
    let mut expected = by_name(declared.checksums);
    let mut hasher = hasher(&expected, declared.algorithm.as_deref())?;
    let mut md5 = Md5::new();
    let mut size_bytes: u64 = 0;
    let size_declared = declared
        .size_bytes
        .and_then(|size| u64::try_from(size).ok());
    let (mut held, mut writing) = (Vec::new(), Writing(None));
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|failure| match (failure, size_declared) {
            (Failure::Refused(error), _) => error,
            (Failure::Broken, Some(size)) if size_bytes >= size => {
                s3_error!(BadDigest, "The body is not the one that was signed.")
            }
            (Failure::Broken, Some(_) | None) => s3_error!(IncompleteBody),
        })?;
        md5.update(&chunk);
        hasher.update(&chunk);
        size_bytes += chunk.len() as u64;
        held.extend_from_slice(&chunk);
        if held.len() > HOLD_BYTES {
            writing.write(std::mem::take(&mut held), store).await?;
        }
    }
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
    Ok(Received {
        held,
        staged: writing.written().await?,
        meta: Meta {
            size_bytes,
            e_tag: base16ct::lower::encode_string(digest.as_ref()),
            checksums,
            ..Meta::default()
        },
    })
}
