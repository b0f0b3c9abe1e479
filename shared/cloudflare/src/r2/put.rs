//! Writes a whole object.

use consign_core::ids::ETag;
use consign_core::ports::{Fault, FaultKind};
use worker::{Bucket, HttpMetadata};

use crate::fault::fault;

/// Writes a whole object.
pub(super) async fn put(
    bucket: &Bucket,
    key: &str,
    content_type: &str,
    body: Vec<u8>,
    operation: &'static str,
) -> Result<ETag, Fault> {
    let put = bucket.put(key, body).http_metadata(metadata(content_type));
    match put.execute().await {
        Ok(Some(object)) => Ok(ETag::new(&object.etag())),
        Ok(None) => Err(Fault::new(
            FaultKind::Other,
            operation,
            "R2 refused an unconditional put",
        )),
        Err(error) => Err(fault(operation, error)),
    }
}

pub(super) fn metadata(content_type: &str) -> HttpMetadata {
    HttpMetadata {
        content_type: Some(content_type.to_owned()),
        ..HttpMetadata::default()
    }
}
