//! What happens beside the clients: the schedule of the sweep, and what others do with the bucket and the policy.

use std::sync::Arc;

use bytes::Bytes;
use consign_core::host::HasClock as _;
use consign_core::ids::ObjectRef;
use consign_core::ports::Clock as _;
use consign_core::time::saturating_add_secs;
use consign_core::upload::Upload;
use contract::notify;
use ingest_on_object_created::sweep::{self, Effort};
use tokio::sync::oneshot;

use crate::bucket::notify::send;
use crate::bucket::signed;
use crate::client::{self, OWNERS};
use crate::fault::Kind;
use crate::function::Function;
use crate::rules::{BUCKET, OTHER_BUCKET};
use crate::world::World;

/// The time that a run of the sweep has, in seconds.
const SWEEP_S: u64 = 60;
/// The pauses between two runs, in seconds. A run decides them by its seed.
const SWEEP_PAUSES_S: [u64; 3] = [120, 300, 900];
/// The pause between two listings, in seconds.
const LIST_S: u64 = 7_000;
/// The longest pause between two things that others do, in seconds.
const OTHERS_S_MAX: u64 = 2_400;

/// Runs the sweep once, in a task of its own. Returns when it has ended in any way.
pub(crate) async fn sweep_once(world: &Arc<World>, name: &str) {
    let (sender, receiver) = oneshot::channel::<()>();
    let role = world.function_role(name);
    let passes_on = world.scheduler.draw(|dice| dice.percent(30));
    let inside = Arc::clone(world);
    world.scheduler.spawn(role, async move {
        let _ends = sender;
        let function = Function::start(&inside);
        let effort = Effort {
            until: saturating_add_secs(function.clock().now(), SWEEP_S),
            concurrency: 3,
        };
        // What a fault keeps from a run is left to the next.
        let _ = match passes_on {
            true => sweep::fan_out(&function, effort).await,
            false => sweep::run(&function, effort).await,
        };
    });
    // An error means that the process ended.
    let _ = receiver.await;
}

/// Runs the sweep again and again until the faults end.
pub(crate) async fn sweep_regularly(world: Arc<World>, name: &'static str) {
    let pause_s = world
        .scheduler
        .draw(|dice| dice.pick(&SWEEP_PAUSES_S))
        .unwrap_or(60);
    while !world.is_calm() {
        let wait_s = world
            .scheduler
            .draw(|dice| dice.between(pause_s / 2, pause_s));
        world.scheduler.sleep_s(wait_s).await;
        sweep_once(&world, name).await;
    }
}

/// Removes objects, writes over them, forges notifications and changes the policy.
pub(crate) async fn meddle(world: Arc<World>) {
    while !world.is_calm() {
        let wait_s = world.scheduler.draw(|dice| dice.between(1, OTHERS_S_MAX));
        world.scheduler.sleep_s(wait_s).await;
        let deeds = [
            Kind::BucketDeletes,
            Kind::Overwrites,
            Kind::ForgedEvents,
            Kind::PolicyChanges,
        ];
        let Some(deed) = world.scheduler.draw(|dice| dice.pick(&deeds)) else {
            continue;
        };
        let victim = victim(&world);
        let choice = world.scheduler.draw(|dice| dice.below(6));
        if !world.has(deed) {
            continue;
        }
        match (deed, victim) {
            (Kind::PolicyChanges, _) => {
                world.happened(deed, || format!("policy {}", choice % 3));
                world.set_policy(usize::try_from(choice % 3).unwrap_or(0));
            }
            (Kind::ForgedEvents, victim) => forge(&world, victim.as_ref(), choice),
            (Kind::BucketDeletes, Some(upload)) => remove(&world, &upload),
            (Kind::Overwrites, Some(upload)) => overwrite(&world, &upload),
            _ => {}
        }
    }
}

/// Picks an upload.
fn victim(world: &World) -> Option<Upload> {
    let uploads = world.records.all();
    let count = u64::try_from(uploads.len()).unwrap_or(0);
    let index = usize::try_from(world.scheduler.draw(|dice| dice.below(count))).unwrap_or(0);
    uploads.into_iter().nth(index)
}

fn remove(world: &Arc<World>, upload: &Upload) {
    if world.objects.bytes(&upload.object).is_some() {
        world.happened(Kind::BucketDeletes, || upload.object.key.clone());
        signed::remove(world, &upload.object);
    }
}

fn overwrite(world: &Arc<World>, upload: &Upload) {
    let Some(body) = world.objects.bytes(&upload.object) else {
        return;
    };
    world.happened(Kind::Overwrites, || upload.object.key.clone());
    let turn = world.scheduler.steps();
    // Half of them have the signed size, and are processed like any other version.
    let beside = "name,count\n,3000\n".len();
    let width = match turn.is_multiple_of(2) {
        true => body.len().min(1_000).saturating_sub(beside),
        false => 0,
    };
    let name = format!("owl{turn}");
    let text = format!("name,count\n{name:x<width$},3000\n");
    signed::overwrite(world, &upload.object, Bytes::from(text));
}

/// Sends a notification that the bucket did not send. The queue takes it: it proves that ingest relies on no
/// notification.
fn forge(world: &Arc<World>, victim: Option<&Upload>, choice: u64) {
    let about = ("0123456789abcdef0123456789abcdef", 7);
    let unknown = ObjectRef::new(BUCKET, "in/alice/unknown.csv");
    let object = victim.map_or(&unknown, |upload| &upload.object);
    let elsewhere = ObjectRef::new(OTHER_BUCKET, object.key.clone());
    let body = match choice {
        0 => notify::created(&unknown, about, None),
        1 => notify::created(&elsewhere, about, None),
        2 => notify::removed(&elsewhere, None),
        // With an object that HEAD misses, a removal would be believed.
        3 if !world.setup.kinds.has(Kind::MissedObjects) => notify::removed(object, None),
        4 => "{\"Records\":[{}]}".to_owned(),
        _ => notify::created(object, about, None),
    };
    world.happened(Kind::ForgedEvents, || body.chars().take(40).collect());
    send(world, body);
}

/// Lists the files of both owners from time to time.
pub(crate) async fn list_regularly(world: Arc<World>) {
    while !world.is_calm() {
        world.scheduler.sleep_s(LIST_S).await;
        for owner in OWNERS {
            client::list(Arc::clone(&world), owner).await;
        }
    }
}
