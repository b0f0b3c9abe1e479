//! Checks that a bucket is the one that the records refer to.
//!
//! A disk that is not mounted, a wrong endpoint and a recreated bucket all look like an empty bucket. Each bucket
//! therefore has a marker, an object whose name is recorded. An object counts as removed or absent only if the marker
//! exists. When the objects are moved to another bucket, the marker must be moved with them or written there
//! (`consign bucket init --adopt`).

use bytes::Bytes;
use consign_core::ids::ObjectRef;
use consign_core::policy::MARKER_PREFIX;
use consign_core::ports::{Fault, FaultKind, ObjectStore, Random, UploadRepo};

use crate::Deps;

/// The content of the marker, for people who find it.
const MARKER_TEXT: &[u8] =
    b"consign recognises its bucket by the name of this object. Keep it, and move it with the other objects.\n";

/// Returns the marker object of a bucket.
fn marker(bucket: &str, identity: &str) -> ObjectRef {
    ObjectRef::new(bucket, format!("{MARKER_PREFIX}{identity}"))
}

/// Marks every bucket of the policy that has no recorded marker. This happens early, before another bucket can take
/// its place. A bucket that cannot be marked does not delay the others: the next run of the sweep tries again.
pub async fn mark_all<D: Deps>(deps: &D) {
    for bucket in deps.policy().buckets() {
        if let Err(fault) = mark(deps, bucket).await {
            tracing::warn!(operation = "mark_bucket", bucket, %fault, "the bucket could not be marked");
        }
    }
}

/// Writes and records the marker of a bucket that has none. Returns the marker's name.
///
/// The marker is written first. If the process ends in between, the object is left without a record and without
/// effect.
async fn mark<D: Deps>(deps: &D, bucket: &str) -> Result<String, Fault> {
    if let Some(known) = deps.repo().bucket_identity(bucket).await? {
        return Ok(known);
    }
    let identity = deps.random().token();
    let ours = marker(bucket, &identity);
    let text = Bytes::from_static(MARKER_TEXT);
    deps.store().put(&ours, "text/plain", text).await?;
    let known = deps.repo().record_bucket(bucket, &identity).await?;
    if known != identity {
        deps.store().delete(&ours).await?;
    }
    Ok(known)
}

/// Verifies that the bucket is the one that the records refer to.
///
/// # Errors
/// [`FaultKind::WrongBucket`] if its marker is missing, or another fault of the store or the records.
pub(crate) async fn prove<D: Deps>(deps: &D, bucket: &str) -> Result<(), Fault> {
    let identity = mark(deps, bucket).await?;
    if deps
        .store()
        .head(&marker(bucket, &identity))
        .await?
        .is_some()
    {
        return Ok(());
    }
    tracing::error!(
        operation = "prove_bucket",
        bucket,
        marker = identity,
        "an object and the bucket's marker are missing, so nothing is deleted. Is the disk mounted, and the endpoint \
         the right one? If the bucket was replaced on purpose, run `consign bucket init --adopt MARKER`"
    );
    Err(Fault::new(
        FaultKind::WrongBucket,
        "prove_bucket",
        "the bucket has no marker",
    ))
}
