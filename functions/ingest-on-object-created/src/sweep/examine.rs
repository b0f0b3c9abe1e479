//! Examines one upload.

use std::collections::BTreeSet;

use consign_core::ids::ObjectRef;
use consign_core::policy::{Category, KeyVars};
use consign_core::ports::{Clock, Fault, Multipart, ObjectStore};
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{
    Deletion, DeletionReason, Event, IngestOutcome, ObjectVersion, Output, PartsCheck, Upload,
    UploadState,
};

use crate::{Deps, object_absent};

/// The trash prefix. No key template may start with it.
const DELETED_PREFIX: &str = consign_core::policy::DELETED_PREFIX;

/// Does what is due for an upload.
pub(super) async fn examine<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    match upload.state {
        UploadState::Pending | UploadState::Uploading | UploadState::Expired => {
            find(deps, upload).await
        }
        UploadState::Uploaded | UploadState::Confirmed => requeue(deps, upload).await,
        UploadState::Processing => {
            if upload.is_held(deps.clock().now()) {
                return Ok(());
            }
            requeue(deps, upload).await
        }
        UploadState::Ready if upload.has_original_to_remove() => {
            remove_original(deps, upload).await
        }
        UploadState::Ready | UploadState::Failed => {
            if upload
                .ends_at()
                .is_some_and(|end| end <= deps.clock().now())
            {
                let reason = DeletionReason::Retention;
                apply(deps, upload, Event::Delete { reason }).await?;
                return Ok(());
            }
            // The URL has expired. This is the last probe for writes that it allowed.
            probe(deps, upload).await
        }
        UploadState::Deleted => delete(deps, upload).await,
    }
}

async fn apply<D: Deps>(deps: &D, upload: Upload, event: Event) -> Result<Upload, Fault> {
    let outcome = transition(deps, upload, &event, deps.clock().now()).await?;
    Ok(outcome.upload())
}

/// Sends a HEAD request and returns the version, if the object exists.
async fn observe<D: Deps>(deps: &D, upload: &Upload) -> Result<Option<ObjectVersion>, Fault> {
    let head = deps.store().head(&upload.object).await?;
    Ok(head.map(|head| ObjectVersion {
        etag: head.etag,
        size_bytes: head.size_bytes,
        version_id: head.version_id,
        sequencer: None,
    }))
}

/// Probes for the object and records the observation.
async fn probe<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    match observe(deps, &upload).await? {
        Some(object) => apply(deps, upload, Event::ObjectObserved { object })
            .await
            .map(drop),
        None => object_absent(deps, upload).await.map(drop),
    }
}

/// Finds an object that no event reported, completes parts that were not confirmed, and ends an unused upload.
async fn find<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    let event = match (observe(deps, &upload).await?, &upload.multipart_upload_id) {
        (Some(object), _) => Event::ObjectObserved { object },
        (None, Some(upload_id)) => find_parts(deps, &upload, upload_id).await?,
        (None, None) => Event::ObjectAbsent,
    };
    let had_ended = upload.state == UploadState::Expired;
    let upload = apply(deps, upload, event).await?;
    if upload.state == UploadState::Expired && !had_ended {
        // Parts are freed only after the record is expired: from then on no URL for a part is signed.
        if let Some(upload_id) = &upload.multipart_upload_id {
            let event = find_parts(deps, &upload, upload_id).await?;
            if matches!(event, Event::ObjectObserved { .. }) {
                apply(deps, upload, event).await?;
            }
        }
    }
    Ok(())
}

/// Bytes in the bucket are not lost if the client never confirms: complete parts become the object. Incomplete parts
/// are kept for as long as the upload lives, and freed after that.
async fn find_parts<D: Deps>(deps: &D, upload: &Upload, upload_id: &str) -> Result<Event, Fault> {
    let multipart = deps.multipart();
    let parts = multipart.parts(&upload.object, upload_id).await?;
    if let Some(parts) = parts {
        if upload.check_parts(&parts) == PartsCheck::Complete {
            multipart
                .complete(&upload.object, upload_id, &parts)
                .await?;
        } else if upload.state == UploadState::Expired {
            multipart.abort(&upload.object, upload_id).await?;
            return Ok(Event::ObjectAbsent);
        } else {
            return Ok(Event::parts_observed(&parts));
        }
    }
    // Completed now, or by another call since the HEAD request.
    let object = observe(deps, upload).await?;
    Ok(
        object.map_or(Event::ObjectAbsent, |object| Event::ObjectObserved {
            object,
        }),
    )
}

/// The message was lost or its lease holder ended. Observes the object and queues the upload again.
async fn requeue<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    let Some(object) = observe(deps, &upload).await? else {
        object_absent(deps, upload).await?;
        return Ok(());
    };
    let now = deps.clock().now();
    if let TransitionOutcome::Unchanged(upload) =
        transition(deps, upload, &Event::ObjectObserved { object }, now).await?
    {
        apply(deps, upload, Event::Requeued).await?;
    }
    Ok(())
}

/// Removes the original of a ready upload, unless a newer version was written meanwhile.
pub(crate) async fn remove_original<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    let made_from = upload.outcome.as_ref().map(|outcome| outcome.etag.clone());
    match observe(deps, &upload).await? {
        Some(object) if Some(&object.etag) != made_from.as_ref() => {
            apply(deps, upload, Event::ObjectObserved { object }).await?;
            return Ok(());
        }
        Some(_) => deps.store().delete(&upload.object).await?,
        None => {}
    }
    apply(deps, upload, Event::OriginalRemoved).await?;
    Ok(())
}

/// Moves the objects of a deleted upload under `deleted/`, and purges them after the retention. This requires proof
/// that the bucket is the right one: in a wrong one there is nothing to move, and the objects in the right one would
/// stay permanently.
async fn delete<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    // An object that was not observed before the deletion arrived after it, or never, and is not kept.
    let is_over = upload.observed.is_none()
        || upload
            .purge_at()
            .or(upload.next_check_at)
            .is_none_or(|at| at <= deps.clock().now());
    match upload.deletion {
        // A lost upload is not touched before its retention ends, since its object may be observed again.
        Some(Deletion::Requested) | None if upload.is_lost() => match observe(deps, &upload).await?
        {
            None if is_over => purge(deps, upload).await,
            Some(_) | None => probe(deps, upload).await,
        },
        Some(Deletion::Requested | Deletion::Moved) | None if is_over => purge(deps, upload).await,
        Some(Deletion::Requested | Deletion::Moved) | None => move_to_trash(deps, upload).await,
        // Bytes that the URL let in after the deletion are not kept, and neither is what an ingest wrote meanwhile.
        Some(Deletion::Purged) => {
            let objects = late_objects(&upload);
            prove_buckets(deps, &objects).await?;
            for object in &objects {
                deps.store().delete(object).await?;
            }
            apply(deps, upload, Event::ObjectAbsent).await.map(drop)
        }
    }
}

/// Returns what may appear after the purge: the object, and outputs of an ingest that was at work at the deletion.
fn late_objects(upload: &Upload) -> BTreeSet<ObjectRef> {
    let mut objects = BTreeSet::from([upload.object.clone()]);
    let observed = upload.observed.as_ref().map(|observed| &observed.etag);
    let committed = upload.outcome.as_ref().map(|outcome| &outcome.etag);
    if observed != committed {
        objects.extend(upload.written());
    }
    objects
}

async fn move_to_trash<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    let objects = objects_of(deps, &upload);
    prove_buckets(deps, &objects).await?;
    if upload.deletion == Some(Deletion::Moved) {
        // Bytes that the URL let in after the deletion are not kept.
        deps.store().delete(&upload.object).await?;
    } else {
        free_parts(deps, &upload).await?;
        for object in &objects {
            if deps.store().copy(object, &trash_key(object)).await? {
                deps.store().delete(object).await?;
            }
        }
    }
    let kept_bytes = kept_bytes(deps, &upload).await?;
    apply(deps, upload, Event::DeletionMoved { kept_bytes }).await?;
    Ok(())
}

/// Returns the bytes that the trash holds. A HEAD request measures them, since a form may have been used again after
/// the last observation.
async fn kept_bytes<D: Deps>(deps: &D, upload: &Upload) -> Result<u64, Fault> {
    let kept = deps.store().head(&trash_key(&upload.object)).await?;
    let moved_bytes = kept.map_or(0, |kept| kept.size_bytes);
    // The outputs of a removed original count as before.
    let removed = upload.observed.as_ref().filter(|_| upload.original_removed);
    Ok(removed.map_or(moved_bytes, |removed| removed.size_bytes.max(moved_bytes)))
}

/// Frees the parts. After this, no URL for a part can bring bytes.
async fn free_parts<D: Deps>(deps: &D, upload: &Upload) -> Result<(), Fault> {
    match &upload.multipart_upload_id {
        Some(upload_id) => deps.multipart().abort(&upload.object, upload_id).await,
        None => Ok(()),
    }
}

async fn purge<D: Deps>(deps: &D, upload: Upload) -> Result<(), Fault> {
    let objects = objects_of(deps, &upload);
    prove_buckets(deps, &objects).await?;
    if upload.deletion != Some(Deletion::Moved) {
        free_parts(deps, &upload).await?;
    }
    // The original keys too: a URL that had not expired may have let late bytes in.
    for object in &objects {
        deps.store().delete(object).await?;
        deps.store().delete(&trash_key(object)).await?;
    }
    apply(deps, upload, Event::DeletionPurged).await?;
    Ok(())
}

async fn prove_buckets<D: Deps>(deps: &D, objects: &BTreeSet<ObjectRef>) -> Result<(), Fault> {
    let buckets: BTreeSet<&str> = objects
        .iter()
        .map(|object| object.bucket.as_str())
        .collect();
    for bucket in buckets {
        crate::bucket::prove(deps, bucket).await?;
    }
    Ok(())
}

/// Returns every object that may exist for an upload: its object, and the outputs that the record lists. Records of
/// an older build do not list them. The present policy is used then.
fn objects_of<D: Deps>(deps: &D, upload: &Upload) -> BTreeSet<ObjectRef> {
    let mut objects = BTreeSet::from([upload.object.clone()]);
    objects.extend(upload.written());
    if upload.outputs.is_empty()
        && let Some(category) = deps.policy().category(&upload.category)
    {
        let outcome = upload.outcome.as_ref();
        let made = outcome.into_iter().flat_map(IngestOutcome::keys);
        objects.extend(made.map(|key| ObjectRef::new(&category.output_bucket, key)));
        for version in 1..=upload.generation {
            for output in Output::ALL {
                objects.extend(output_of(upload, category, version, output));
            }
        }
    }
    objects
}

/// Returns the object key of an output by the present template. `None` if there is no template or it cannot be expanded.
fn output_of(
    upload: &Upload,
    category: &Category,
    version: u32,
    output: Output,
) -> Option<ObjectRef> {
    let file_id = upload.id.to_string();
    let vars = KeyVars {
        owner: upload.owner.as_str(),
        file_id: &file_id,
        category: &upload.category,
        collection_id: upload.collection_id.as_deref(),
        ext: output.extension(),
        version,
        labels: &upload.labels,
        signed_at: upload.created_at,
    };
    let key = category.output.as_ref()?.expand(&vars).ok()?;
    Some(ObjectRef::new(&category.output_bucket, key))
}

fn trash_key(object: &ObjectRef) -> ObjectRef {
    ObjectRef::new(&object.bucket, format!("{DELETED_PREFIX}{}", object.key))
}
