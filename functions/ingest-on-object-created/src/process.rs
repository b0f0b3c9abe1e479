//! Processing one upload under a lease: claim, check, convert, commit.

use consign_core::events::Sequencer;
use consign_core::ids::ETag;
use consign_core::policy::{Category, HEAD_BYTES, Ingest};
use consign_core::ports::{Clock, Fault, ObjectHead, ObjectStore, Random};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{
    Event, Failure, IngestOutcome, LEASE_S, Lease, ObjectVersion, OutputPlace, Upload, UploadState,
};

use crate::lease::{HeldLease, IngestError};
use crate::read::{ObjectBytes, check_checksum, digest, head_bytes, read_whole};
use crate::{Deps, Disposition, ack_unless_stale, object_absent, tabular};

/// Processes the upload's object as the bucket holds it now. An event may have told of a version and its place.
pub(crate) async fn run<D: Deps>(
    deps: &D,
    upload: Upload,
    told: Option<(ETag, Sequencer)>,
) -> Result<Disposition, Fault> {
    let started = deps.clock().now();
    // 1. What is in the bucket?
    let Some(head) = deps.store().head(&upload.object).await? else {
        if upload.state >= UploadState::Uploaded {
            return Ok(ack_unless_stale(&object_absent(deps, upload).await?));
        }
        return Ok(Disposition::Ack);
    };
    // 2. Claim that version. The place of another in the key's history is not the place of this one.
    let sequencer = told.and_then(|(etag, place)| (etag == head.etag).then_some(place));
    let mut claim = match claim(deps, upload, &head, sequencer).await? {
        Acquired::Held(claim) => *claim,
        Acquired::Nothing(verdict) => return Ok(verdict),
    };
    // 3. Check it and make what is to be made of it; the outputs are durable afterwards.
    let event = match work(&mut claim, &head).await {
        Ok(outcome) => Event::Succeed {
            token: claim.lease.token.clone(),
            outcome,
        },
        Err(IngestError::Refused { code, detail }) => Event::Fail {
            token: claim.lease.token.clone(),
            failure: Failure {
                code,
                detail,
                etag: Some(head.etag.clone()),
            },
        },
        Err(IngestError::Overtaken) => {
            // Whoever comes next looks at what is there now. Where another took over, nothing is ours to give back.
            release(&claim, false, "get: changed".to_owned()).await;
            return Ok(Disposition::Retry);
        }
        Err(IngestError::Fault(fault)) => {
            release(&claim, fault.kind.is_transient(), fault.to_string()).await;
            return Err(fault);
        }
    };
    // 4. Commit, if the claim still holds.
    let moved = claim.apply(&event).await?;
    let (TransitionOutcome::Changed(upload) | TransitionOutcome::Unchanged(upload)) = moved else {
        return Ok(Disposition::Retry);
    };
    log(&upload, started, deps.clock().now());
    // 5. The uploaded object is not needed any more. Dying before this leaves it to the sweep.
    if upload.state == UploadState::Ready && !upload.keep_original {
        crate::sweep::remove_original(deps, upload).await?;
    }
    Ok(Disposition::Ack)
}

/// What came of asking for the lease.
enum Acquired<'a, D> {
    /// The lease is ours.
    Held(Box<HeldLease<'a, D>>),
    /// There is nothing to do for us: what becomes of the message.
    Nothing(Disposition),
}

/// Acquires the lease of the version that `head` showed, or says what becomes of the message where there is nothing to do for us.
async fn claim<'a, D: Deps>(
    deps: &'a D,
    upload: Upload,
    head: &ObjectHead,
    sequencer: Option<Sequencer>,
) -> Result<Acquired<'a, D>, Fault> {
    let now = deps.clock().now();
    let lease = Lease {
        token: deps.random().token(),
        until: saturating_add_secs(now, LEASE_S),
    };
    let event = Event::AcquireLease {
        object: ObjectVersion {
            etag: head.etag.clone(),
            size_bytes: head.size_bytes,
            version_id: head.version_id.clone(),
            sequencer,
        },
        lease: lease.clone(),
        output: output_place(deps, &upload),
    };
    match transition(deps.repo(), deps.queue(), upload, &event, now).await? {
        TransitionOutcome::Changed(upload) if upload.conflict_etag.is_some() => {
            tracing::warn!(
                operation = "ingest",
                file_id = %upload.id,
                "another version was written over a file that is ready; it is refused"
            );
            Ok(Acquired::Nothing(Disposition::Ack))
        }
        TransitionOutcome::Changed(upload) if upload.state == UploadState::Processing => {
            Ok(Acquired::Held(Box::new(HeldLease {
                deps,
                upload,
                lease,
                whole: None,
            })))
        }
        moved @ (TransitionOutcome::Changed(_)
        | TransitionOutcome::Unchanged(_)
        | TransitionOutcome::Refused(..)) => Ok(Acquired::Nothing(ack_unless_stale(&moved))),
    }
}

/// Where the policy has outputs of the upload go today; what was written before stands in its record.
fn output_place<D: Deps>(deps: &D, upload: &Upload) -> Option<OutputPlace> {
    let category = deps.policy().category(&upload.category)?;
    Some(OutputPlace {
        bucket: category.output_bucket.clone(),
        template: category.output.clone()?,
    })
}

/// Gives the claim back; where even that fails, the lease ends by itself.
async fn release<D: Deps>(claim: &HeldLease<'_, D>, is_transient: bool, fault: String) {
    let event = Event::ReleaseLease {
        token: claim.lease.token.clone(),
        is_transient,
        fault,
    };
    if let Err(fault) = claim.apply(&event).await {
        tracing::warn!(%fault, "claim not released; its lease will end");
    }
}

async fn work<D: Deps>(
    claim: &mut HeldLease<'_, D>,
    head: &ObjectHead,
) -> Result<IngestOutcome, IngestError> {
    let category = claim
        .deps
        .policy()
        .category(&claim.upload.category)
        .cloned();
    let category = category.ok_or_else(|| IngestError::Refused {
        code: "category_unknown".to_owned(),
        detail: "The policy no longer has the category of this upload.".to_owned(),
    })?;
    check_size(&claim.upload, head)?;
    let ingest = category.ingest_of(&claim.upload.extension);
    if is_read_whole(claim, ingest, head) {
        read_whole(claim, head).await?;
    }
    check_first_bytes(claim, &category, head).await?;
    check_time(claim, ingest, head)?;
    match ingest {
        Ingest::Tabular => tabular::convert(claim, head).await,
        Ingest::Verify => {
            if let Some(declared) = claim.upload.checksum_sha256.clone() {
                check_checksum(&declared, &stored_digest(claim, head).await?)?;
            }
            Ok(IngestOutcome {
                etag: head.etag.clone(),
                bucket: None,
                parquet_key: None,
                profile_key: None,
                rejects_key: None,
                row_count: None,
                reject_count: None,
                columns: None,
            })
        }
    }
}

/// The size is bound by the signature and checked again (invariant 14).
fn check_size(upload: &Upload, head: &ObjectHead) -> Result<(), IngestError> {
    let fits = match upload.size_bytes_declared {
        Some(declared) => head.size_bytes == declared,
        None => head.size_bytes <= upload.size_bytes_max,
    };
    if fits {
        return Ok(());
    }
    Err(IngestError::Refused {
        code: "size_mismatch".to_owned(),
        detail: format!(
            "The file has {} bytes, but {} were signed. Upload it again.",
            head.size_bytes,
            upload.size_bytes_declared.unwrap_or(upload.size_bytes_max),
        ),
    })
}

/// Whether the first bytes alone do not do.
fn is_read_whole<D: Deps>(claim: &HeldLease<'_, D>, ingest: Ingest, head: &ObjectHead) -> bool {
    match ingest {
        Ingest::Tabular => true,
        Ingest::Verify => claim.upload.checksum_sha256.is_some() && head.checksum_sha256.is_none(),
    }
}

/// Where time is short, a file that would have to be read whole and is too large for that is refused before any work.
fn check_time<D: Deps>(
    claim: &HeldLease<'_, D>,
    ingest: Ingest,
    head: &ObjectHead,
) -> Result<(), IngestError> {
    match claim.deps.file_bytes_max() {
        Some(bytes_max) if is_read_whole(claim, ingest, head) && head.size_bytes > bytes_max => {
            Err(IngestError::Refused {
                code: "too_large_to_process".to_owned(),
                detail: format!(
                    "The file has {} bytes; files of up to {bytes_max} are processed here. It is kept as it was uploaded.",
                    head.size_bytes
                ),
            })
        }
        Some(_) | None => Ok(()),
    }
}

async fn check_first_bytes<D: Deps>(
    claim: &mut HeldLease<'_, D>,
    category: &Category,
    head: &ObjectHead,
) -> Result<(), IngestError> {
    if head.size_bytes == 0 {
        return Ok(());
    }
    let first = head_bytes(claim, HEAD_BYTES).await?;
    category
        .check_magic(&claim.upload.extension, &first)
        .map_err(|mismatch| IngestError::Refused {
            code: "content_mismatch".to_owned(),
            detail: mismatch.to_string(),
        })
}

/// The object's SHA-256 in base64: the store's own where it kept one, else by reading it all.
async fn stored_digest<D: Deps>(
    claim: &mut HeldLease<'_, D>,
    head: &ObjectHead,
) -> Result<String, IngestError> {
    match &head.checksum_sha256 {
        Some(stored) => Ok(stored.clone()),
        None => digest(&mut ObjectBytes::open(claim).await?, claim).await,
    }
}

fn log(upload: &Upload, started: Timestamp, now: Timestamp) {
    tracing::info!(
        operation = "ingest",
        file_id = %upload.id,
        user_id = upload.owner.as_str(),
        file_size = upload.observed.as_ref().map(|seen| seen.size_bytes),
        duration_ms = u64::try_from(now.signed_duration_since(started).num_milliseconds()).unwrap_or(0),
        bucket = upload.object.bucket,
        status = upload.state.as_str(),
        code = upload.failure.as_ref().map(|failure| failure.code.as_str()),
    );
}
