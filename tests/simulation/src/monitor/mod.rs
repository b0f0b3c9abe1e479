//! Checks while a run goes on. It knows what really happened, and compares it with what the records say.

mod ends;
mod outputs;
mod transitions;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use consign_core::events::Sequencer;
use consign_core::ids::{ETag, ObjectRef, UploadId};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::{Upload, UploadState};

pub(crate) use ends::check_end;
pub(crate) use transitions::{inserted, saved};

use crate::fault::Kind;
use crate::records::is_unfinished;
use crate::scheduler::{TaskId, lock};
use crate::world::World;

/// An invariant that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The number of the invariant in ARCHITECTURE.md, or `ledger`, `liveness`.
    pub invariant: &'static str,
    /// What was seen.
    pub what: String,
}

/// A version of an object, as it really was.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) etag: ETag,
    pub(crate) body: Bytes,
    /// Whether it came with a valid signature. The others were written directly.
    pub(crate) is_signed: bool,
}

/// What really happened to the object of an upload.
#[derive(Debug, Default)]
pub(crate) struct History {
    pub(crate) versions: Vec<Version>,
    /// Whether somebody removed it in the bucket.
    pub(crate) was_removed: bool,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    violations: Vec<Violation>,
    counts: BTreeMap<Kind, u64>,
    pub(crate) objects: BTreeMap<ObjectRef, History>,
    /// The task that acquired each lease.
    leases: BTreeMap<String, TaskId>,
    /// The tasks whose message is acknowledged.
    acknowledged: BTreeSet<TaskId>,
    commits: BTreeSet<(UploadId, String)>,
    /// The owners and their idempotency keys that inserted a record.
    keys: BTreeSet<(String, String)>,
    /// The sequencer of the version that each record knows.
    sequencers: BTreeMap<UploadId, (ETag, Option<Sequencer>)>,
    /// Until when HEAD misses an object.
    missed: BTreeMap<ObjectRef, Timestamp>,
    /// The uploads whose owner asked for their deletion.
    deleted_by_owner: BTreeSet<UploadId>,
}

/// The monitor of one run.
#[derive(Debug, Default)]
pub(crate) struct Monitor(Mutex<State>);

impl Monitor {
    pub(crate) fn with<T>(&self, ask: impl FnOnce(&mut State) -> T) -> T {
        ask(&mut lock(&self.0))
    }

    /// Counts a fault that happened.
    pub(crate) fn count(&self, kind: Kind) {
        *lock(&self.0).counts.entry(kind).or_default() += 1;
    }

    /// Returns how often each kind of fault happened.
    pub(crate) fn counts(&self) -> BTreeMap<Kind, u64> {
        lock(&self.0).counts.clone()
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        lock(&self.0).violations.clone()
    }

    pub(crate) fn is_violated(&self) -> bool {
        !lock(&self.0).violations.is_empty()
    }
}

/// Records that an invariant does not hold.
pub(crate) fn violated(world: &World, invariant: &'static str, what: String) {
    world
        .scheduler
        .note(|| format!("VIOLATION of invariant {invariant}: {what}"));
    world.monitor.with(|state| {
        state.violations.push(Violation { invariant, what });
    });
}

/// Records that bytes arrived under a valid signature.
pub(crate) fn arrived(world: &World, object: &ObjectRef, etag: &ETag, body: &Bytes) {
    let Some(upload) = world.record_of(object) else {
        return violated(world, "1", format!("{} has no record", object.key));
    };
    let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
    let fits = match upload.size_bytes_declared {
        Some(declared) => length == declared,
        None => length <= upload.size_bytes_max,
    };
    if !fits {
        violated(world, "14", format!("{} has {length} bytes", object.key));
    }
    add_version(world, object, etag, body, true);
}

/// Records that somebody wrote over an object.
pub(crate) fn overwritten(world: &World, object: &ObjectRef, etag: &ETag, body: &Bytes) {
    add_version(world, object, etag, body, false);
}

fn add_version(world: &World, object: &ObjectRef, etag: &ETag, body: &Bytes, is_signed: bool) {
    world.monitor.with(|state| {
        let history = state.objects.entry(object.clone()).or_default();
        history.versions.push(Version {
            etag: etag.clone(),
            body: body.clone(),
            is_signed,
        });
    });
}

/// Records that somebody removes an object in the bucket.
pub(crate) fn removed_by_others(world: &World, object: &ObjectRef) {
    world.monitor.with(|state| {
        state.objects.entry(object.clone()).or_default().was_removed = true;
    });
}

/// Records that an owner asks for a deletion.
pub(crate) fn deletion_asked(world: &World, id: UploadId) {
    world
        .monitor
        .with(|state| state.deleted_by_owner.insert(id));
}

/// Checks that consign removes only what is deleted, or an original that is not kept.
pub(crate) fn removed_by_us(world: &World, object: &ObjectRef) {
    let Some(upload) = world.record_of(object) else {
        return;
    };
    let may_go = match upload.state {
        UploadState::Deleted => true,
        UploadState::Ready => !upload.keeps_original(),
        UploadState::Pending
        | UploadState::Uploading
        | UploadState::Expired
        | UploadState::Uploaded
        | UploadState::Confirmed
        | UploadState::Processing
        | UploadState::Failed => false,
    };
    if !may_go && world.objects.bytes(object).is_some() {
        let state = upload.state.as_str();
        violated(
            world,
            "1",
            format!("consign removes the object of an upload that is {state}"),
        );
    }
}

/// Checks that parts are aborted only after their upload ended.
pub(crate) fn parts_aborted(world: &World, object: &ObjectRef) {
    if let Some(upload) = world.record_of(object)
        && is_unfinished(upload.state)
        && world.objects.bytes(object).is_none()
    {
        let state = upload.state.as_str();
        violated(
            world,
            "1",
            format!("the parts of an upload that is {state} are aborted"),
        );
    }
}

/// Checks that a part with a valid URL is refused only after its upload ended.
pub(crate) fn part_refused(world: &World, object: &ObjectRef) {
    if let Some(upload) = world.record_of(object)
        && upload.state == UploadState::Uploading
        && world.objects.bytes(object).is_none()
    {
        violated(
            world,
            "1",
            "a part of an upload that is alive is refused".to_owned(),
        );
    }
}

/// Checks that consign writes no object whose key is that of an upload (invariant 27).
pub(crate) fn output_written(world: &World, object: &ObjectRef) {
    if world.record_of(object).is_some() {
        violated(world, "27", format!("consign writes {}", object.key));
    }
}

/// Returns the sequencer of the version that the record knows, whatever a mutant makes of the record.
pub(crate) fn known_sequencer(world: &World, upload: &Upload) -> Option<Sequencer> {
    let observed = upload.observed.as_ref()?;
    world.monitor.with(|state| {
        let (etag, sequencer) = state.sequencers.get(&upload.id)?;
        (*etag == observed.etag).then(|| sequencer.clone())?
    })
}

/// Returns whether HEAD misses an object now. `begins_s` is how long it does so from now on.
pub(crate) fn misses(world: &World, object: &ObjectRef, begins_s: Option<u64>) -> bool {
    let now = world.scheduler.now();
    let until = world
        .monitor
        .with(|state| state.missed.get(object).copied());
    match (until, begins_s) {
        (Some(until), _) => now < until && !world.is_calm(),
        (None, Some(seconds)) => {
            world.happened(Kind::MissedObjects, || {
                format!("{} for {seconds} s", object.key)
            });
            let until = saturating_add_secs(now, seconds);
            world
                .monitor
                .with(|state| state.missed.insert(object.clone(), until));
            true
        }
        (None, None) => false,
    }
}

/// Checks an acknowledgement: the delivery holds no lease any more, and writes nothing afterwards (invariant 12).
pub(crate) fn acknowledged(world: &Arc<World>) {
    let Some(task) = world.scheduler.current() else {
        return;
    };
    let own = world.monitor.with(|state| {
        state.acknowledged.insert(task);
        let own = state.leases.iter().filter(|(_, holder)| **holder == task);
        own.map(|(token, _)| token.clone()).collect::<Vec<_>>()
    });
    let uploads = world.records.all();
    let is_held = uploads.iter().any(|upload| {
        let lease = upload.lease.as_ref();
        lease.is_some_and(|lease| own.contains(&lease.token))
    });
    if is_held {
        violated(
            world,
            "12",
            "a message is acknowledged while its lease is held".to_owned(),
        );
    }
}
