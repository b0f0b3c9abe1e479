//! Checks of every write of a record, by the record that the write replaces.

use std::sync::Arc;

use consign_core::ids::ObjectRef;
use consign_core::ports::NewUpload;
use consign_core::upload::{Deletion, DeletionReason, Upload, UploadState};

use super::{outputs, violated};
use crate::records::is_unfinished;
use crate::scheduler::shifted;
use crate::world::World;

/// Checks a new record. One idempotency key inserts one record (invariant 10).
pub(crate) fn inserted(world: &Arc<World>, new: &NewUpload) {
    let upload = &new.upload;
    if let Some(idempotency) = &new.idempotency {
        let key = (upload.owner.to_string(), idempotency.key.clone());
        if !world.monitor.with(|state| state.keys.insert(key)) {
            violated(world, "10", "one key inserts two uploads".to_owned());
        }
    }
    world
        .scheduler
        .note(|| format!("inserts {} {}", upload.id, upload.category));
    let segments: Vec<&str> = upload.object.key.split('/').collect();
    if segments.get(1) != Some(&upload.owner.as_str()) || segments.len() != 3 {
        violated(
            world,
            "16",
            format!("the key {} is not of its owner", upload.object.key),
        );
    }
    if upload.state != UploadState::Pending || upload.revision != 0 {
        violated(world, "2", "an upload does not begin as pending".to_owned());
    }
}

/// Checks a write. `before` is the record that it replaces, whatever the writer had read.
pub(crate) fn saved(world: &Arc<World>, before: &Upload, after: &Upload) {
    world.scheduler.note(|| {
        let [from, to] = [before, after]
            .map(|upload| format!("{} g{}", upload.state.as_str(), upload.generation));
        let deletion = after
            .deletion
            .as_ref()
            .map_or(String::new(), |deletion| format!(" {deletion:?}"));
        format!(
            "saves {}: {from} -> {to}{deletion}, revision {}",
            after.id, after.revision
        )
    });
    check_order(world, before, after);
    check_next_check(world, after);
    check_acknowledged(world);
    note_observation(world, before, after);
    if before.state != UploadState::Deleted && after.state == UploadState::Deleted {
        check_deletion(world, before, after);
    }
    if before.state != UploadState::Ready && after.state == UploadState::Ready {
        check_commit(world, before, after);
    }
    let acquired = after.lease.as_ref();
    let is_new =
        acquired.map(|lease| &lease.token) != before.lease.as_ref().map(|lease| &lease.token);
    if let (Some(lease), true, Some(task)) = (acquired, is_new, world.scheduler.current()) {
        world
            .monitor
            .with(|state| state.leases.insert(lease.token.clone(), task));
    }
}

/// A state never goes back, and deleted stays deleted (invariants 2 and 6).
fn check_order(world: &World, before: &Upload, after: &Upload) {
    let change = format!("{} -> {}", before.state.as_str(), after.state.as_str());
    let is_same = before.generation == after.generation;
    let is_other_end = before.state == UploadState::Ready && after.state == UploadState::Failed;
    if after.generation < before.generation
        || (is_same && (after.state < before.state || is_other_end))
    {
        violated(
            world,
            "2",
            format!("{change} in generation {}", after.generation),
        );
    }
    if before.state == UploadState::Deleted
        && after.state != UploadState::Deleted
        && !before.is_lost()
    {
        violated(world, "6", format!("{change}, and the deletion was final"));
    }
    if after.revision != before.revision + 1 {
        violated(
            world,
            "2",
            format!("revision {} follows {}", after.revision, before.revision),
        );
    }
}

/// Whatever moves is due (invariants 1, 5 and 11).
fn check_next_check(world: &World, after: &Upload) {
    let is_deletion_open = after.state == UploadState::Deleted
        && matches!(after.deletion, Some(Deletion::Requested | Deletion::Moved));
    let moves = is_unfinished(after.state) || is_deletion_open;
    if moves && after.next_check_at.is_none() {
        violated(
            world,
            "5",
            format!("{} has no next check", after.state.as_str()),
        );
    }
}

/// A delivery writes nothing after its message is acknowledged (invariant 12).
fn check_acknowledged(world: &World) {
    let Some(task) = world.scheduler.current() else {
        return;
    };
    if world
        .monitor
        .with(|state| state.acknowledged.contains(&task))
    {
        violated(
            world,
            "12",
            "a write follows the acknowledgement of its message".to_owned(),
        );
    }
}

/// Remembers the sequencer of the version that was observed last.
fn note_observation(world: &World, before: &Upload, after: &Upload) {
    let etag_of = |upload: &Upload| upload.observed.as_ref().map(|seen| seen.etag.clone());
    if etag_of(before) == etag_of(after) {
        return;
    }
    if let Some(observed) = &after.observed {
        let known = (observed.etag.clone(), observed.sequencer.clone());
        world
            .monitor
            .with(|state| state.sequencers.insert(after.id, known));
        let is_real = world.monitor.with(|state| {
            let history = state.objects.get(&after.object);
            history.is_some_and(|history| history.versions.iter().any(|v| v.etag == observed.etag))
        });
        if !is_real {
            violated(
                world,
                "22",
                format!("the version {} never existed", observed.etag),
            );
        }
    }
}

/// An upload is deleted only for what really happened (invariants 1 and 20).
fn check_deletion(world: &World, before: &Upload, after: &Upload) {
    let now = world.scheduler.now();
    let (was_removed, was_asked) = world.monitor.with(|state| {
        let history = state.objects.get(&after.object);
        (
            history.is_some_and(|history| history.was_removed),
            state.deleted_by_owner.contains(&after.id),
        )
    });
    let is_right = match after.deletion_reason {
        Some(DeletionReason::Owner) => was_asked,
        // A removal that was reported of an object that nobody sent loses nothing.
        Some(DeletionReason::ObjectRemoved | DeletionReason::ObjectAbsent) => {
            was_removed || before.observed.is_none()
        }
        // Clocks differ.
        Some(DeletionReason::Retention) => {
            before.ends_at().is_some_and(|end| end <= shifted(now, 901))
        }
        None => false,
    };
    if !is_right {
        let reason = after
            .deletion_reason
            .map_or("nothing", DeletionReason::as_str);
        violated(
            world,
            "1",
            format!("deleted for {reason}, which did not happen"),
        );
    }
    // A removal that is true of an older version alone deletes nothing that is there.
    let is_there = world.objects.bytes(&after.object).is_some();
    let is_absence = matches!(after.deletion_reason, Some(DeletionReason::ObjectRemoved));
    if is_absence
        && is_there
        && before.observed.is_some()
        && !arrived_since(world, before, &after.object)
    {
        violated(
            world,
            "6",
            "deleted for a removal, and the object is there".to_owned(),
        );
    }
}

/// Returns whether the object is another version than the one that the record knows.
fn arrived_since(world: &World, known: &Upload, object: &ObjectRef) -> bool {
    world.monitor.with(|state| {
        let present = state
            .objects
            .get(object)
            .and_then(|history| history.versions.last());
        let observed = known.observed.as_ref();
        present.map(|version| &version.etag) != observed.map(|observed| &observed.etag)
    })
}

/// A commit is the only one of its version, by the holder of the lease, with outputs made from the recorded version
/// (invariants 3 and 4).
fn check_commit(world: &Arc<World>, before: &Upload, after: &Upload) {
    let Some(outcome) = &after.outcome else {
        return violated(world, "4", "ready without an outcome".to_owned());
    };
    let observed = before.observed.as_ref().map(|observed| &observed.etag);
    if observed != Some(&outcome.etag) {
        violated(
            world,
            "4",
            "ready is made from another version than the recorded one".to_owned(),
        );
    }
    let version = (after.id, outcome.etag.to_string());
    if !world.monitor.with(|state| state.commits.insert(version)) {
        violated(world, "3", format!("{} is committed twice", outcome.etag));
    }
    let holder = before.lease.as_ref().and_then(|lease| {
        world
            .monitor
            .with(|state| state.leases.get(&lease.token).copied())
    });
    if holder.is_none() || holder != world.scheduler.current() {
        violated(world, "3", "a commit without the lease".to_owned());
    }
    if let Err(what) = outputs::check(world, after, outcome) {
        violated(world, "4", what);
    }
}
