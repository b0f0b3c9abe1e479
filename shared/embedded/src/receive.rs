//! Taking a body in: hashed on the way, checked against everything that was declared of it, and staged where it is long.

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

/// How much is held of a body in memory. A body of no more than this reaches the disk in one trip to the blocking pool,
/// with all that makes it an object; of a longer one, as much is written while the next is awaited.
pub(crate) const HOLD_BYTES: usize = 128 << 10;

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

impl Declared {
    /// Whether the body is known to be held in memory as a whole.
    pub(crate) fn is_short(&self) -> bool {
        self.size_bytes
            .and_then(|size| usize::try_from(size).ok())
            .is_some_and(|size| size <= HOLD_BYTES)
    }
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

/// Why no more of a body comes.
pub(crate) enum Failure {
    /// It broke off, or its own signature (x-amz-content-sha256, signed chunks) does not hold.
    Broken,
    /// It must not go on.
    Refused(S3Error),
}

/// A body's bytes, in order.
pub(crate) trait ByteSource: Send {
    /// The next of them.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, Failure>>> + Send;
}

impl ByteSource for Option<StreamingBlob> {
    async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        let chunk = self.as_mut()?.next().await?;
        Some(chunk.map_err(|_| Failure::Broken))
    }
}

/// A body that was taken in and is what it was declared to be.
pub(crate) struct Received {
    held: Vec<u8>,
    /// Where what came before `held` is.
    staged: Option<Staged>,
    /// Its size, etag and checksums.
    pub(crate) meta: Meta,
}

impl Received {
    /// A staged file with all of it and with what is known of it; to be called where it may block.
    pub(crate) fn into_staged(self, store: &Store) -> S3Result<Staged> {
        let mut staged = append(self.staged, &self.held, store)?;
        staged.meta = self.meta;
        Ok(staged)
    }
}

/// Writes `bytes` behind what is staged, if anything is.
fn append(staged: Option<Staged>, bytes: &[u8], store: &Store) -> S3Result<Staged> {
    let mut staged = match staged {
        Some(staged) => staged,
        None => store.stage().map_err(internal)?,
    };
    staged.file.write_all(bytes).map_err(internal)?;
    Ok(staged)
}

/// What is being written while more comes.
struct Writing(Option<JoinHandle<S3Result<Staged>>>);

impl Writing {
    /// What was written, once it is.
    async fn written(&mut self) -> S3Result<Option<Staged>> {
        match self.0.take() {
            Some(writing) => Ok(Some(writing.await.map_err(S3Error::internal_error)??)),
            None => Ok(None),
        }
    }

    /// Begins to write `bytes` behind that.
    async fn write(&mut self, bytes: Vec<u8>, store: &Arc<Store>) -> S3Result<()> {
        let (staged, store) = (self.written().await?, Arc::clone(store));
        self.0 = Some(tokio::task::spawn_blocking(move || {
            append(staged, &bytes, &store)
        }));
        Ok(())
    }
}

/// Takes a body in, in constant memory, and checks it against what was declared. On any error what was staged is dropped,
/// and nothing was ever seen of it.
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
