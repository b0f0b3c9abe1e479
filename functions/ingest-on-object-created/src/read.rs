//! Reads the leased version of an object in pieces, and renews the lease meanwhile.

use std::pin::Pin;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use consign_core::ports::{Fault, ObjectHead, ObjectStore, Read, ReadError};
use futures_util::{Stream, StreamExt as _};
use sha2::{Digest as _, Sha256};

use crate::Deps;
use crate::lease::{HeldLease, IngestError};

/// The size of the largest object that is read once and kept in memory, in bytes. A larger one is read for each use.
const WHOLE_BYTES_MAX: u64 = 1 << 20;

/// The bytes of the leased version.
pub(crate) enum ObjectBytes<'a> {
    /// The stream of the store.
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, Fault>> + Send + 'a>>),
    /// All bytes, until they are returned.
    Whole(Option<Bytes>),
}

impl<'a> ObjectBytes<'a> {
    /// Opens the object if it is still the leased version (invariant 4).
    pub(crate) async fn open<D: Deps>(held: &HeldLease<'a, D>) -> Result<Self, IngestError> {
        match &held.whole {
            Some(whole) => Ok(Self::Whole(Some(whole.clone()))),
            None => Self::open_range(held, None).await,
        }
    }

    async fn open_range<D: Deps>(
        held: &HeldLease<'a, D>,
        range: Option<(u64, u64)>,
    ) -> Result<Self, IngestError> {
        let read = Read {
            if_match: held.etag().cloned(),
            range,
        };
        match held.deps.store().get(&held.upload.object, &read).await {
            Ok(body) => Ok(Self::Stream(Box::pin(body))),
            Err(ReadError::NotFound | ReadError::Changed) => Err(IngestError::Overtaken),
            Err(ReadError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// Returns the next bytes, or `None` at the end.
    pub(crate) async fn next<D: Deps>(
        &mut self,
        held: &mut HeldLease<'_, D>,
    ) -> Result<Option<Bytes>, IngestError> {
        held.renew_if_due().await?;
        match self {
            Self::Stream(stream) => Ok(stream.next().await.transpose()?),
            Self::Whole(bytes) => Ok(bytes.take()),
        }
    }
}

/// Reads a small object once for all uses. Has no effect for a larger one.
pub(crate) async fn read_whole<D: Deps>(
    held: &mut HeldLease<'_, D>,
    head: &ObjectHead,
) -> Result<(), IngestError> {
    if head.size_bytes == 0 || head.size_bytes > WHOLE_BYTES_MAX {
        return Ok(());
    }
    let mut source = ObjectBytes::open(held).await?;
    let mut whole = BytesMut::new();
    while let Some(bytes) = source.next(held).await? {
        whole.extend_from_slice(&bytes);
    }
    held.whole = Some(whole.freeze());
    Ok(())
}

/// Returns the first `count` bytes of the object, or all of a smaller one.
pub(crate) async fn head_bytes<D: Deps>(
    held: &mut HeldLease<'_, D>,
    count: usize,
) -> Result<Vec<u8>, IngestError> {
    if let Some(whole) = &held.whole {
        return Ok(whole.get(..count).unwrap_or(whole).to_vec());
    }
    let last = u64::try_from(count).unwrap_or(u64::MAX).saturating_sub(1);
    let mut source = ObjectBytes::open_range(held, Some((0, last))).await?;
    let mut first = Vec::with_capacity(count);
    while let Some(bytes) = source.next(held).await? {
        first.extend_from_slice(&bytes);
        if first.len() >= count {
            first.truncate(count);
            break;
        }
    }
    Ok(first)
}

/// Returns the SHA-256 of the remaining bytes, in base64.
pub(crate) async fn digest<D: Deps>(
    source: &mut ObjectBytes<'_>,
    held: &mut HeldLease<'_, D>,
) -> Result<String, IngestError> {
    let mut hasher = Sha256::new();
    while let Some(bytes) = source.next(held).await? {
        hasher.update(&bytes);
    }
    Ok(to_base64(hasher))
}

/// Returns a finished hash in S3's format.
pub(crate) fn to_base64(hasher: Sha256) -> String {
    base64::prelude::BASE64_STANDARD.encode(hasher.finalize())
}

/// Refuses a file whose checksum differs from the declared one, whatever the store checked.
pub(crate) fn check_checksum(declared: &str, stored: &str) -> Result<(), IngestError> {
    if declared == stored {
        return Ok(());
    }
    Err(IngestError::Refused {
        code: "checksum_mismatch".to_owned(),
        detail: "The file's SHA-256 differs from the declared one. Upload it again.".to_owned(),
    })
}
