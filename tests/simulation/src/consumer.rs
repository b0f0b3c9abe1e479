//! The consumer of the ingest queue: hands every message to the function, and settles it as a host does.

use std::sync::Arc;

use consign_core::events::{Action, Decoded, Sequencer};
use consign_core::operations::DELIVERIES_MAX;
use consign_testkit::QueueMessage;
use ingest_on_object_created::{Disposition, handle};

use crate::dice::mix;
use crate::fault::Kind;
use crate::function::Function;
use crate::monitor;
use crate::mutant::Mutant;
use crate::rules::rules;
use crate::world::{World, outside};

/// How long a message that is delivered stays hidden, in seconds. Shorter than the slowest delivery, so that some
/// messages are delivered again while they are handled.
const HIDDEN_S: u64 = 240;
/// The pause before a message is delivered again, in seconds.
const RETRY_S: u64 = 20;
/// How many messages are taken at once.
const TAKEN_MAX: usize = 8;

/// Delivers what is on the queue now.
pub(crate) fn deliver(world: &Arc<World>) {
    let now = world.scheduler.now();
    let messages = world.queue.receive(now, HIDDEN_S, TAKEN_MAX);
    for message in messages {
        wake_after(world, HIDDEN_S);
        start(world, message);
    }
}

/// Lets the scheduler come by again after some time.
fn wake_after(world: &World, seconds: u64) {
    let wait = world.scheduler.sleep_s(seconds);
    world.scheduler.spawn(outside("queue"), wait);
}

fn start(world: &Arc<World>, message: QueueMessage) {
    let mut role = world.function_role("ingest");
    role.removal = removal(&message.body);
    let (wait_ms, is_again) = world
        .scheduler
        .draw(|dice| (dice.below(500), dice.percent(10)));
    // What is delivered again is a first delivery too, so that their number stays small.
    if is_again && message.attempts == 1 && world.has(Kind::Redeliveries) {
        world.happened(Kind::Redeliveries, || "a message".to_owned());
        world.queue.push(message.body.clone());
    }
    let inside = Arc::clone(world);
    // Only the message decides, and not what else is on the queue.
    let key = mix(mix(world.setup.seed, message.id), message.attempts.into());
    world.scheduler.spawn_keyed(key, role, async move {
        inside.scheduler.sleep_ms(wait_ms).await;
        inside
            .scheduler
            .note(|| format!("takes {}", short(&message.body)));
        if inside.setup.mutant == Some(Mutant::AcknowledgeBeforeCommit) {
            monitor::acknowledged(&inside);
            inside.queue.ack(&message);
        }
        let function = Function::start(&inside);
        let disposition = handle(&function, message.body.as_bytes()).await;
        inside.scheduler.note(|| format!("{disposition:?}"));
        settle(&inside, &message, disposition);
    });
}

fn settle(world: &Arc<World>, message: &QueueMessage, disposition: Disposition) {
    let is_crash = world.scheduler.draw(|dice| dice.percent(5));
    if is_crash && world.has(Kind::Crashes) {
        world.happened(Kind::Crashes, || {
            "the process ends before it settles".to_owned()
        });
        return;
    }
    match disposition {
        Disposition::Ack => {
            monitor::acknowledged(world);
            world.queue.ack(message);
        }
        Disposition::DeadLetter(reason) => world.queue.dead(message, reason),
        Disposition::Retry if message.attempts >= DELIVERIES_MAX => {
            world.queue.dead(message, "deliveries");
        }
        Disposition::Retry => {
            world.queue.retry(message, world.scheduler.now(), RETRY_S);
            wake_after(world, RETRY_S);
        }
    }
}

/// Returns the sequencer of a removal, if the message reports one.
fn removal(body: &str) -> Option<Sequencer> {
    let decoded = rules().policies[0].event_sources().decode(body.as_bytes());
    let Ok(Decoded::Ok(records)) = decoded else {
        return None;
    };
    let removed = records
        .into_iter()
        .find(|record| record.action == Action::Deleted);
    removed.and_then(|record| record.sequencer)
}

fn short(body: &str) -> String {
    let value = serde_json::from_str::<serde_json::Value>(body).unwrap_or_default();
    let record = &value["Records"][0];
    if record.is_null() {
        return body.to_owned();
    }
    format!("{} {}", record["eventName"], record["s3"]["object"]["key"])
}
