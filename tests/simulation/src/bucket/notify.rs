//! The notifications of the bucket, which are lost, repeated, late and out of order.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use consign_core::events::Sequencer;
use consign_core::ids::{ETag, ObjectRef};
use contract::notify;

use crate::fault::Kind;
use crate::world::{World, outside};

/// The longest delay of a notification, in seconds.
const DELAY_S_MAX: u64 = 7_200;
/// How often a notification arrives at most.
const COPIES_MAX: u64 = 10;
/// How many of a hundred notifications of consign's own objects are sent. All of them are alike.
const OWN_PERCENT: u64 = 20;

/// Reports that the object was written last.
pub(crate) fn created(world: &Arc<World>, object: &ObjectRef, etag: &ETag, size_bytes: usize) {
    if is_own(object) && !world.scheduler.draw(|dice| dice.percent(OWN_PERCENT)) {
        return;
    }
    let size_bytes = u64::try_from(size_bytes).unwrap_or(u64::MAX);
    let sequencer = world.objects.last_sequencer();
    let about = (etag.as_str(), size_bytes);
    send(world, notify::created(object, about, sequencer.as_ref()));
}

/// Reports that the object was removed last.
pub(crate) fn removed(world: &Arc<World>, object: &ObjectRef) {
    if is_own(object) && !world.scheduler.draw(|dice| dice.percent(OWN_PERCENT)) {
        return;
    }
    let sequencer: Option<Sequencer> = world.objects.last_sequencer();
    send(world, notify::removed(object, sequencer.as_ref()));
}

/// Returns whether the object is of consign alone. A real bucket reports these too (invariant 27).
fn is_own(object: &ObjectRef) -> bool {
    ["out/", "made/", "deleted/", "consign-bucket/"]
        .iter()
        .any(|prefix| object.key.starts_with(prefix))
}

/// Puts a message on the queue some time later, as often as the faults decide.
pub(crate) fn send(world: &Arc<World>, body: String) {
    let (is_lost, is_repeated, copies) = world.scheduler.draw(|dice| {
        (
            dice.percent(30),
            dice.percent(30),
            dice.between(2, COPIES_MAX),
        )
    });
    if is_lost && world.has(Kind::LostEvents) {
        world.happened(Kind::LostEvents, || "a notification".to_owned());
        return;
    }
    let is_repeated = is_repeated && world.has(Kind::Duplicates);
    if is_repeated {
        world.happened(Kind::Duplicates, || format!("{copies} notifications"));
    }
    for _ in 0..if is_repeated { copies } else { 1 } {
        let delay_ms = delay_ms(world);
        let inside = Arc::clone(world);
        let body = body.clone();
        world.under_way.fetch_add(1, Ordering::Relaxed);
        world.scheduler.spawn(outside("event"), async move {
            inside.scheduler.sleep_ms(delay_ms).await;
            inside.queue.push(body);
            inside.under_way.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn delay_ms(world: &World) -> u64 {
    let (usual_ms, is_late, late_s, out_of_order_ms) = world.scheduler.draw(|dice| {
        let usual_ms = dice.below(1_000);
        (
            usual_ms,
            dice.percent(30),
            dice.below(DELAY_S_MAX),
            dice.below(60_000),
        )
    });
    if is_late && world.has(Kind::Delays) {
        world.monitor.count(Kind::Delays);
        return late_s * 1_000;
    }
    if world.has(Kind::Reorder) {
        world.monitor.count(Kind::Reorder);
        return out_of_order_ms;
    }
    usual_ms
}
