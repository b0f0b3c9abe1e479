//! Reading the claimed version of an object, in pieces, and keeping the lease meanwhile.

use std::pin::Pin;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use consign_core::ports::{Fault, ObjectHead, ObjectStore, Read, ReadError};
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

use crate::Deps;
use crate::lease::{HeldLease, IngestError};

/// The largest object that is read once and held, in bytes; a larger one is read as often as it is needed.
const WHOLE_BYTES_MAX: u64 = 1 << 20;

/// The bytes of the claimed version.
pub(crate) enum ObjectBytes<'a> {
    /// As the store sends them.
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, Fault>> + Send + 'a>>),
    /// All of them, until they were taken.
    Whole(Option<Bytes>),
}

impl<'a> ObjectBytes<'a> {
    /// Opens the object, if it is still of the version claimed (invariant 4).
    pub(crate) async fn open<D: Deps>(claim: &HeldLease<'a, D>) -> Result<Self, IngestError> {
        match &claim.whole {
            Some(whole) => Ok(Self::Whole(Some(whole.clone()))),
            None => Self::open_range(claim, None).await,
        }
    }

    async fn open_range<D: Deps>(
        claim: &HeldLease<'a, D>,
        range: Option<(u64, u64)>,
    ) -> Result<Self, IngestError> {
        let read = Read {
            if_match: claim.etag().cloned(),
            range,
        };
        match claim.deps.store().get(&claim.upload.object, &read).await {
            Ok(body) => Ok(Self::Stream(Box::pin(body))),
            Err(ReadError::NotFound | ReadError::Changed) => Err(IngestError::Overtaken),
            Err(ReadError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next<D: Deps>(
        &mut self,
        claim: &mut HeldLease<'_, D>,
    ) -> Result<Option<Bytes>, IngestError> {
        claim.keep().await?;
        match self {
            Self::Stream(stream) => Ok(stream.next().await.transpose()?),
            Self::Whole(bytes) => Ok(bytes.take()),
        }
    }
}

/// Reads a small object once, for all that looks at it; without effect on a larger one.
pub(crate) async fn read_whole<D: Deps>(
    claim: &mut HeldLease<'_, D>,
    head: &ObjectHead,
) -> Result<(), IngestError> {
    if head.size_bytes == 0 || head.size_bytes > WHOLE_BYTES_MAX {
        return Ok(());
    }
    let mut source = ObjectBytes::open(claim).await?;
    let mut whole = BytesMut::new();
    while let Some(bytes) = source.next(claim).await? {
        whole.extend_from_slice(&bytes);
    }
    claim.whole = Some(whole.freeze());
    Ok(())
}

/// The first bytes of the object, `count` or all there are.
pub(crate) async fn head_bytes<D: Deps>(
    claim: &mut HeldLease<'_, D>,
    count: usize,
) -> Result<Vec<u8>, IngestError> {
    if let Some(whole) = &claim.whole {
        return Ok(whole.get(..count).unwrap_or(whole).to_vec());
    }
    let last = u64::try_from(count).unwrap_or(u64::MAX).saturating_sub(1);
    let mut source = ObjectBytes::open_range(claim, Some((0, last))).await?;
    let mut first = Vec::with_capacity(count);
    while let Some(bytes) = source.next(claim).await? {
        first.extend_from_slice(&bytes);
        if first.len() >= count {
            first.truncate(count);
            break;
        }
    }
    Ok(first)
}

/// SHA-256 of all that is left of the source, in base64.
pub(crate) async fn digest<D: Deps>(
    source: &mut ObjectBytes<'_>,
    claim: &mut HeldLease<'_, D>,
) -> Result<String, IngestError> {
    let mut hasher = Sha256::new();
    while let Some(bytes) = source.next(claim).await? {
        hasher.update(&bytes);
    }
    Ok(to_base64(hasher))
}

/// A finished hash as S3 writes it.
pub(crate) fn to_base64(hasher: Sha256) -> String {
    base64::prelude::BASE64_STANDARD.encode(hasher.finalize())
}

/// Whatever the store did about it, a file of another checksum than declared is refused.
pub(crate) fn check_checksum(declared: &str, stored: &str) -> Result<(), IngestError> {
    if declared == stored {
        return Ok(());
    }
    Err(IngestError::Refused {
        code: "checksum_mismatch".to_owned(),
        detail: "The file's SHA-256 is another than the one declared. Upload it again.".to_owned(),
    })
}
