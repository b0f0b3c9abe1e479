//! Whether a bucket is the one that the records are of.
//!
//! A disk that is not mounted, a wrong endpoint and a bucket made anew all answer as an empty bucket does: nothing is
//! there. So each bucket holds a marker, an object whose name the records know, and no object counts as gone but beside a
//! look at it. Whoever moves the objects to another bucket moves the marker with them, or writes it there
//! (`consign bucket init --adopt`).

use bytes::Bytes;
use consign_core::ids::ObjectRef;
use consign_core::policy::MARKER_PREFIX;
use consign_core::ports::{Fault, FaultKind, ObjectStore, Random, UploadRepo};

use crate::Deps;

/// What the marker says to whoever finds it.
const MARKER_TEXT: &[u8] =
    b"By this object's name consign knows its bucket again. Keep it, and move it with the others.\n";

/// The marker of a bucket by this identity.
fn marker(bucket: &str, identity: &str) -> ObjectRef {
    ObjectRef::new(bucket, format!("{MARKER_PREFIX}{identity}"))
}

/// Marks every bucket of the policy that is not known yet: the sooner, the less can stand in its place by then. One that
/// cannot be marked keeps nobody waiting: the next run of the sweep tries again.
pub async fn mark_all<D: Deps>(deps: &D) {
    for bucket in deps.policy().buckets() {
        if let Err(fault) = mark(deps, bucket).await {
            tracing::warn!(operation = "mark_bucket", bucket, %fault, "the bucket has no marker yet");
        }
    }
}

/// Gives a bucket that is not known yet its marker, and records it. The name by which it is known.
///
/// The marker comes first: dying in between leaves an object that nobody looks for.
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

/// Proves that the bucket is the one that the records are of.
///
/// # Errors
/// [`FaultKind::WrongBucket`] where its marker is not there, or another fault of the store or the records.
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
        "an object is missing, and so is the bucket's marker: nothing is taken for gone. Is the disk mounted, and the endpoint \
         the right one? Where the bucket was replaced on purpose, `consign bucket init --adopt MARKER` makes it known"
    );
    Err(Fault::new(
        FaultKind::WrongBucket,
        "prove_bucket",
        "the bucket does not hold its marker",
    ))
}
