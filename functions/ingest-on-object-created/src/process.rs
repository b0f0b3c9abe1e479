//! Processing one upload under a lease: claim, check, convert, commit.

use consign_core::events::Sequencer;
use consign_core::ids::ETag;
use consign_core::policy::{Category, HEAD_BYTES, Ingest};
use consign_core::ports::{Clock, Fault, ObjectHead, ObjectStore, Random};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::transition::{Moved, transition};
use consign_core::upload::{
    Event, Failure, LEASE_S, Lease, ObjectVersion, Outcome, OutputPlace, State, Upload,
};

use crate::claim::{Claim, Stop};
use crate::read::{Source, check_checksum, digest, head_bytes, read_whole};
use crate::{Deps, Verdict, missing, tabular, unless_stale};

/// Processes the upload's object as the bucket holds it now. An event may have told of a version and its place.
pub(crate) async fn run<D: Deps>(
    deps: &D,
    upload: Upload,
    told: Option<(ETag, Sequencer)>,
) -> Result<Verdict, Fault> {
    let started = deps.clock().now();
    // 1. What is in the bucket?
    let Some(head) = deps.store().head(&upload.object).await? else {
        if upload.state >= State::Uploaded {
            return Ok(unless_stale(&missing(deps, upload).await?));
        }
        return Ok(Verdict::Done);
    };
    // 2. Claim that version. The place of another in the key's history is not the place of this one.
    let sequencer = told.and_then(|(etag, place)| (etag == head.etag).then_some(place));
    let mut claim = match claim(deps, upload, &head, sequencer).await? {
        Ok(claim) => claim,
        Err(verdict) => return Ok(verdict),
    };
    // 3. Check it and make what is to be made of it; the outputs are durable afterwards.
    let event = match work(&mut claim, &head).await {
        Ok(outcome) => Event::Succeed {
            token: claim.lease.token.clone(),
            outcome,
        },
        Err(Stop::Refused { code, detail }) => Event::Fail {
            token: claim.lease.token.clone(),
            failure: Failure {
                code,
                detail,
                etag: Some(head.etag.clone()),
            },
        },
        Err(Stop::Overtaken) => {
            // Whoever comes next looks at what is there now. Where another took over, nothing is ours to give back.
            release(&claim, false, "get: changed".to_owned()).await;
            return Ok(Verdict::Retry);
        }
        Err(Stop::Fault(fault)) => {
            release(&claim, fault.kind.is_transient(), fault.to_string()).await;
            return Err(fault);
        }
    };
    // 4. Commit, if the claim still holds.
    let moved = claim.apply(&event).await?;
    let (Moved::Changed(upload) | Moved::Unchanged(upload)) = moved else {
        return Ok(Verdict::Retry);
    };
    log(&upload, started, deps.clock().now());
    // 5. The uploaded object is not needed any more. Dying before this leaves it to the sweep.
    if upload.state == State::Ready && !upload.keep_original {
        crate::sweep::remove_original(deps, upload).await?;
    }
    Ok(Verdict::Done)
}

/// Claims the version that `head` showed, or says what becomes of the message where there is nothing to do for us.
async fn claim<'a, D: Deps>(
    deps: &'a D,
    upload: Upload,
    head: &ObjectHead,
    sequencer: Option<Sequencer>,
) -> Result<Result<Claim<'a, D>, Verdict>, Fault> {
    let now = deps.clock().now();
    let lease = Lease {
        token: deps.random().token(),
        until: saturating_add_secs(now, LEASE_S),
    };
    let event = Event::Claim {
        object: ObjectVersion {
            etag: head.etag.clone(),
            size_bytes: head.size_bytes,
            version_id: head.version_id.clone(),
            sequencer,
        },
        lease: lease.clone(),
        output: output_place(deps, &upload),
    };
    match transition((deps.repo(), deps.queue()), upload, &event, now).await? {
        Moved::Changed(upload) if upload.conflict_etag.is_some() => {
            tracing::warn!(
                operation = "ingest",
                file_id = %upload.id,
                "another version was written over a file that is ready; it is refused"
            );
            Ok(Err(Verdict::Done))
        }
        Moved::Changed(upload) if upload.state == State::Processing => Ok(Ok(Claim {
            deps,
            upload,
            lease,
            whole: None,
        })),
        moved @ (Moved::Changed(_) | Moved::Unchanged(_) | Moved::Refused(..)) => {
            Ok(Err(unless_stale(&moved)))
        }
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
async fn release<D: Deps>(claim: &Claim<'_, D>, is_transient: bool, fault: String) {
    let event = Event::Release {
        token: claim.lease.token.clone(),
        is_transient,
        fault,
    };
    if let Err(fault) = claim.apply(&event).await {
        tracing::warn!(%fault, "claim not released; its lease will end");
    }
}

async fn work<D: Deps>(claim: &mut Claim<'_, D>, head: &ObjectHead) -> Result<Outcome, Stop> {
    let category = claim
        .deps
        .policy()
        .category(&claim.upload.category)
        .cloned();
    let category = category.ok_or_else(|| Stop::Refused {
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
            Ok(Outcome {
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
fn check_size(upload: &Upload, head: &ObjectHead) -> Result<(), Stop> {
    let fits = match upload.size_bytes_declared {
        Some(declared) => head.size_bytes == declared,
        None => head.size_bytes <= upload.size_bytes_max,
    };
    if fits {
        return Ok(());
    }
    Err(Stop::Refused {
        code: "size_mismatch".to_owned(),
        detail: format!(
            "The file has {} bytes, but {} were signed. Upload it again.",
            head.size_bytes,
            upload.size_bytes_declared.unwrap_or(upload.size_bytes_max),
        ),
    })
}

/// Whether the first bytes alone do not do.
fn is_read_whole<D: Deps>(claim: &Claim<'_, D>, ingest: Ingest, head: &ObjectHead) -> bool {
    match ingest {
        Ingest::Tabular => true,
        Ingest::Verify => claim.upload.checksum_sha256.is_some() && head.checksum_sha256.is_none(),
    }
}

/// Where time is short, a file that would have to be read whole and is too large for that is refused before any work.
fn check_time<D: Deps>(
    claim: &Claim<'_, D>,
    ingest: Ingest,
    head: &ObjectHead,
) -> Result<(), Stop> {
    match claim.deps.file_bytes_max() {
        Some(bytes_max) if is_read_whole(claim, ingest, head) && head.size_bytes > bytes_max => {
            Err(Stop::Refused {
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
    claim: &mut Claim<'_, D>,
    category: &Category,
    head: &ObjectHead,
) -> Result<(), Stop> {
    if head.size_bytes == 0 {
        return Ok(());
    }
    let first = head_bytes(claim, HEAD_BYTES).await?;
    category
        .check_magic(&claim.upload.extension, &first)
        .map_err(|mismatch| Stop::Refused {
            code: "content_mismatch".to_owned(),
            detail: mismatch.to_string(),
        })
}

/// The object's SHA-256 in base64: the store's own where it kept one, else by reading it all.
async fn stored_digest<D: Deps>(
    claim: &mut Claim<'_, D>,
    head: &ObjectHead,
) -> Result<String, Stop> {
    match &head.checksum_sha256 {
        Some(stored) => Ok(stored.clone()),
        None => digest(&mut Source::open(claim).await?, claim).await,
    }
}

fn log(upload: &Upload, started: Timestamp, now: Timestamp) {
    tracing::info!(
        operation = "ingest",
        file_id = %upload.id,
        user_id = upload.owner.as_str(),
        file_size = upload.seen.as_ref().map(|seen| seen.size_bytes),
        duration_ms = u64::try_from(now.signed_duration_since(started).num_milliseconds()).unwrap_or(0),
        bucket = upload.object.bucket,
        status = upload.state.as_str(),
        code = upload.failure.as_ref().map(|failure| failure.code.as_str()),
    );
}
