//! Checks of the end of a run, when the faults have ended and nothing is due any more.

use std::collections::BTreeMap;
use std::sync::Arc;

use consign_core::ids::{ETag, ObjectRef, OwnerId};
use consign_core::policy::DELETED_PREFIX;
use consign_core::ports::UploadRepo as _;
use consign_core::upload::{Deletion, Upload, UploadState};
use futures_util::FutureExt as _;

use super::violated;
use crate::records::is_unfinished;
use crate::world::World;

/// Checks every record, every object and every account.
pub(crate) fn check_end(world: &Arc<World>) {
    let uploads = world.records.all();
    let mut reserved: BTreeMap<OwnerId, u64> = BTreeMap::new();
    for upload in &uploads {
        check_state(world, upload);
        check_object(world, upload);
        check_reservation(world, upload);
        let of_owner = reserved.entry(upload.owner.clone()).or_default();
        *of_owner += upload.reserved_bytes;
    }
    for (owner, sum) in reserved {
        let account = world.records.reserved_bytes(&owner).now_or_never();
        let account = account.and_then(Result::ok);
        if account != Some(sum) {
            violated(
                world,
                "ledger",
                format!("the account has {account:?} bytes and the uploads {sum}"),
            );
        }
    }
    check_parts(world, &uploads);
}

/// Every signed upload ends ready, failed, expired or deleted, and nothing is due.
fn check_state(world: &World, upload: &Upload) {
    if is_unfinished(upload.state) {
        violated(
            world,
            "liveness",
            format!("{} stays {}", upload.id, upload.state.as_str()),
        );
    }
    if let Some(at) = upload.next_check_at {
        violated(
            world,
            "liveness",
            format!("{} is due at {at} for ever", upload.id),
        );
    }
    let is_open = matches!(upload.deletion, Some(Deletion::Requested | Deletion::Moved));
    if upload.state == UploadState::Deleted && is_open {
        violated(
            world,
            "liveness",
            format!("the deletion of {} does not end", upload.id),
        );
    }
}

/// What is in the bucket agrees with the record (invariants 1, 4, 6, 8 and 11).
fn check_object(world: &World, upload: &Upload) {
    let key = &upload.object.key;
    // A URL that accepts one object is not probed again. It accepts a second one after somebody removed the first, and
    // nobody learns of that where both notifications are lost: see docs/simulation.md.
    let there = world.monitor.with(|state| {
        let history = state.objects.get(&upload.object)?;
        let version = history.versions.last()?;
        let counts = version.is_signed && !(history.was_removed && upload.puts_once);
        Some((version.etag.clone(), counts))
    });
    let there = there.filter(|_| world.objects.bytes(&upload.object).is_some());
    match upload.state {
        UploadState::Ready | UploadState::Failed => {
            let known = upload.observed.as_ref().map(|observed| &observed.etag);
            if let Some((etag, true)) = &there
                && known != Some(etag)
                && upload.conflict_etag.as_ref() != Some(etag)
            {
                violated(
                    world,
                    "1",
                    format!("{} does not know the version in {key}", upload.id),
                );
            }
            check_outputs(world, upload);
        }
        UploadState::Expired => {
            if there.is_some() {
                violated(
                    world,
                    "1",
                    format!("{} is expired, and {key} exists", upload.id),
                );
            }
        }
        UploadState::Deleted => check_gone(world, upload),
        UploadState::Pending
        | UploadState::Uploading
        | UploadState::Uploaded
        | UploadState::Confirmed
        | UploadState::Processing => {}
    }
}

/// The outputs of the present outcome exist.
fn check_outputs(world: &World, upload: &Upload) {
    let Some(outcome) = upload.current_outcome() else {
        return;
    };
    let Some(bucket) = &outcome.bucket else {
        return;
    };
    for key in outcome.keys() {
        if world.objects.bytes(&ObjectRef::new(bucket, key)).is_none() {
            violated(
                world,
                "4",
                format!("{} has lost its output {key}", upload.id),
            );
        }
    }
}

/// A purged upload has neither its object nor its outputs, here or in the trash.
fn check_gone(world: &World, upload: &Upload) {
    let objects = upload.written().into_iter().chain([upload.object.clone()]);
    for object in objects {
        let trash = ObjectRef::new(&object.bucket, format!("{DELETED_PREFIX}{}", object.key));
        for object in [object, trash] {
            if world.objects.bytes(&object).is_some() {
                violated(
                    world,
                    "6",
                    format!("{} is purged, and {} exists", upload.id, object.key),
                );
            }
        }
    }
}

/// The quota counts what is kept, to the byte.
fn check_reservation(world: &World, upload: &Upload) {
    let length_of = |etag: &ETag| {
        world.monitor.with(|state| {
            let versions = &state.objects.get(&upload.object)?.versions;
            let version = versions.iter().find(|version| version.etag == *etag)?;
            u64::try_from(version.body.len()).ok()
        })
    };
    let wanted = match upload.state {
        UploadState::Ready | UploadState::Failed => {
            let observed = upload.observed.as_ref().map(|observed| &observed.etag);
            // The version that is refused is in the bucket, and not the one that was accepted.
            let kept = upload.conflict_etag.as_ref().or(observed);
            kept.and_then(length_of).unwrap_or(0)
        }
        UploadState::Expired | UploadState::Deleted => 0,
        UploadState::Pending
        | UploadState::Uploading
        | UploadState::Uploaded
        | UploadState::Confirmed
        | UploadState::Processing => return,
    };
    if upload.reserved_bytes != wanted {
        let (state, reserved) = (upload.state.as_str(), upload.reserved_bytes);
        violated(
            world,
            "ledger",
            format!(
                "{} is {state} and reserves {reserved} bytes, not {wanted}",
                upload.id
            ),
        );
    }
}

/// No upload that ended has parts in the bucket.
fn check_parts(world: &World, uploads: &[Upload]) {
    for upload in uploads {
        let is_open = upload
            .multipart_upload_id
            .as_ref()
            .is_some_and(|id| world.objects.is_open(id));
        if is_open && !is_unfinished(upload.state) {
            violated(
                world,
                "11",
                format!("{} is {} and has parts", upload.id, upload.state.as_str()),
            );
        }
    }
}
