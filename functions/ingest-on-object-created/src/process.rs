//! Processes one upload under a lease: acquire, check, convert, commit.

use consign_core::events::Sequencer;
use consign_core::ids::ETag;
use consign_core::policy::{Category, Ingest, SNIFFED_BYTES};
use consign_core::ports::{Clock, Fault, ObjectHead, ObjectStore, Random};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{
    Event, Failure, IngestOutcome, LEASE_S, Lease, ObjectVersion, OutputPlace, Upload, UploadState,
};

use crate::lease::{HeldLease, IngestError};
use crate::read::{ObjectBytes, check_checksum, digest, head_bytes, read_whole};
use crate::{Deps, Disposition, ack_unless_stale, object_absent, tabular};

/// Processes the upload's object as it is in the bucket now. `reported` is the version and sequencer of an event.
pub(crate) async fn run<D: Deps>(
    deps: &D,
    upload: Upload,
    reported: Option<(ETag, Sequencer)>,
) -> Result<Disposition, Fault> {
    let started = deps.clock().now();
    // 1. Observe the object.
    let Some(head) = deps.store().head(&upload.object).await? else {
        if upload.state >= UploadState::Uploaded {
            return Ok(ack_unless_stale(&object_absent(deps, upload).await?));
        }
        return Ok(Disposition::Ack);
    };
    // 2. Acquire the lease for that version. The sequencer is used only if it belongs to the same version.
    let sequencer = reported.and_then(|(etag, sequencer)| (etag == head.etag).then_some(sequencer));
    let mut held = match acquire(deps, upload, &head, sequencer).await? {
        Acquired::Held(held) => *held,
        Acquired::Nothing(disposition) => return Ok(disposition),
    };
    // 3. Check the object and convert it. The outputs are durable afterwards.
    let event = match work(&mut held, &head).await {
        Ok(outcome) => Event::Succeed {
            token: held.lease.token.clone(),
            outcome,
        },
        Err(IngestError::Refused { code, detail }) => Event::Fail {
            token: held.lease.token.clone(),
            failure: Failure {
                code,
                detail,
                etag: Some(head.etag.clone()),
            },
        },
        Err(IngestError::Overtaken) => {
            // The next delivery observes the object again. If another ingest acquired the lease, the release has no
            // effect.
            release(&held, false, "get: changed".to_owned()).await;
            return Ok(Disposition::Retry);
        }
        Err(IngestError::Fault(fault)) => {
            release(&held, fault.kind.is_transient(), fault.to_string()).await;
            return Err(fault);
        }
    };
    // 4. Commit, if the lease is still held.
    let outcome = held.apply(&event).await?;
    let (TransitionOutcome::Changed(upload) | TransitionOutcome::Unchanged(upload)) = outcome
    else {
        return Ok(Disposition::Retry);
    };
    log(&upload, started, deps.clock().now());
    // 5. Remove the original if it is not kept. The sweep does it if the process ends before.
    if upload.state == UploadState::Ready && !upload.keeps_original() {
        crate::sweep::remove_original(deps, upload).await?;
    }
    Ok(Disposition::Ack)
}

/// The result of acquiring a lease.
enum Acquired<'a, D> {
    /// This ingest holds the lease.
    Held(Box<HeldLease<'a, D>>),
    /// There is nothing to do. The disposition of the message.
    Nothing(Disposition),
}

/// Acquires the lease for the version in `head`, or returns the disposition of the message if there is nothing to do.
async fn acquire<'a, D: Deps>(
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
    match transition(deps, upload, &event, now).await? {
        TransitionOutcome::Changed(upload) if upload.conflict_etag.is_some() => {
            tracing::warn!(
                operation = "ingest",
                file_id = %upload.id,
                "another version was written over a ready file and is refused"
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
        outcome @ (TransitionOutcome::Changed(_)
        | TransitionOutcome::Unchanged(_)
        | TransitionOutcome::Refused(..)) => Ok(Acquired::Nothing(ack_unless_stale(&outcome))),
    }
}

/// Returns where the present policy writes outputs of the upload. The record has the places of earlier outputs.
fn output_place<D: Deps>(deps: &D, upload: &Upload) -> Option<OutputPlace> {
    let category = deps.policy().category(&upload.category)?;
    Some(OutputPlace {
        bucket: category.output_bucket.clone(),
        template: category.output.clone()?,
    })
}

/// Releases the lease. If that fails, the lease expires.
async fn release<D: Deps>(held: &HeldLease<'_, D>, is_transient: bool, fault: String) {
    let event = Event::ReleaseLease {
        token: held.lease.token.clone(),
        is_transient,
        fault,
    };
    if let Err(fault) = held.apply(&event).await {
        tracing::warn!(%fault, "the lease could not be released; it will expire");
    }
}

async fn work<D: Deps>(
    held: &mut HeldLease<'_, D>,
    head: &ObjectHead,
) -> Result<IngestOutcome, IngestError> {
    let category = held.deps.policy().category(&held.upload.category).cloned();
    let category = category.ok_or_else(|| IngestError::Refused {
        code: "category_unknown".to_owned(),
        detail: "The policy no longer has the category of this upload.".to_owned(),
    })?;
    check_size(&held.upload, head)?;
    let ingest = category.ingest_of(&held.upload.extension);
    if is_read_whole(held, ingest, head) {
        read_whole(held, head).await?;
    }
    check_first_bytes(held, &category, head).await?;
    check_time(held, ingest, head)?;
    match ingest {
        Ingest::Tabular => tabular::convert(held, head, &category.table).await,
        Ingest::Verify => {
            if let Some(declared) = held.upload.checksum_sha256.clone() {
                check_checksum(&declared, &stored_digest(held, head).await?)?;
            }
            Ok(IngestOutcome {
                etag: head.etag.clone(),
                bucket: None,
                parquet_key: None,
                profile_key: None,
                rejects_key: None,
                rejects_parquet_key: None,
                row_count: None,
                reject_count: None,
                columns: None,
                schema_difference: None,
            })
        }
    }
}

/// Checks the size. The signature binds it, and it is checked again (invariant 14).
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

/// Returns whether the whole file has to be read, and not only its first bytes.
fn is_read_whole<D: Deps>(held: &HeldLease<'_, D>, ingest: Ingest, head: &ObjectHead) -> bool {
    match ingest {
        Ingest::Tabular => true,
        Ingest::Verify => held.upload.checksum_sha256.is_some() && head.checksum_sha256.is_none(),
    }
}

/// Refuses a file that must be read as a whole and is too large for the time limit of the host.
fn check_time<D: Deps>(
    held: &HeldLease<'_, D>,
    ingest: Ingest,
    head: &ObjectHead,
) -> Result<(), IngestError> {
    match held.deps.file_bytes_max() {
        Some(bytes_max) if is_read_whole(held, ingest, head) && head.size_bytes > bytes_max => {
            Err(IngestError::Refused {
                code: "too_large_to_process".to_owned(),
                detail: format!(
                    "The file has {} bytes; the limit for processing is {bytes_max}. The original is kept.",
                    head.size_bytes
                ),
            })
        }
        Some(_) | None => Ok(()),
    }
}

async fn check_first_bytes<D: Deps>(
    held: &mut HeldLease<'_, D>,
    category: &Category,
    head: &ObjectHead,
) -> Result<(), IngestError> {
    if head.size_bytes == 0 {
        return Ok(());
    }
    let first = head_bytes(held, SNIFFED_BYTES).await?;
    category
        .check_magic(&held.upload.extension, &first)
        .map_err(|mismatch| IngestError::Refused {
            code: "content_mismatch".to_owned(),
            detail: mismatch.to_string(),
        })
}

/// Returns the object's SHA-256 in base64: the store's own, or else computed by reading the object.
async fn stored_digest<D: Deps>(
    held: &mut HeldLease<'_, D>,
    head: &ObjectHead,
) -> Result<String, IngestError> {
    match &head.checksum_sha256 {
        Some(stored) => Ok(stored.clone()),
        None => digest(&mut ObjectBytes::open(held).await?, held).await,
    }
}

fn log(upload: &Upload, started: Timestamp, now: Timestamp) {
    tracing::info!(
        operation = "ingest",
        file_id = %upload.id,
        user_id = upload.owner.as_str(),
        file_size = upload.observed.as_ref().map(|observed| observed.size_bytes),
        duration_ms = u64::try_from(now.signed_duration_since(started).num_milliseconds()).unwrap_or(0),
        bucket = upload.object.bucket,
        status = upload.state.as_str(),
        code = upload.failure.as_ref().map(|failure| failure.code.as_str()),
    );
}
