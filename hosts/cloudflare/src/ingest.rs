//! The consumer of the ingest queue, and the sweep.

use consign_cloudflare::{Batch, Delivered};
use consign_core::host::HasClock as _;
use consign_core::ports::Clock as _;
use consign_core::time::saturating_add_secs;
use ingest_on_object_created::sweep::{self, Effort};
use ingest_on_object_created::{Disposition, handle};
use worker::{Env, MessageBatch};

use crate::host::Host;
use crate::large;

/// What the dead letter queue's name ends in. Only in development does anything consume it: its letters go to the log.
const DEAD_LETTERS: &str = "-dead";

/// The time that a scheduled run has, in seconds: the next one comes a minute later.
const SWEEP_S: u64 = 50;
/// Looks that are under way at once. A Worker has six connections.
const LOOKS_AT_ONCE: usize = 6;

/// Hands each message to the function and settles it by itself: one bad message never blocks its batch (invariant 12).
pub(crate) async fn consume(
    host: &Host,
    env: &Env,
    batch: &MessageBatch<()>,
) -> worker::Result<()> {
    let batch = Batch::new(batch);
    if batch.queue.ends_with(DEAD_LETTERS) {
        for message in &batch.messages {
            tracing::info!(operation = "dead_letter", letter = message.body);
            message.ack();
        }
        return Ok(());
    }
    // One after the other: two conversions at once would share one isolate's memory.
    for message in &batch.messages {
        let verdict = match large::pass_on(&host.ports, env, &message.body).await {
            Ok(true) => Disposition::Ack,
            Ok(false) => handle(&host.ports, message.body.as_bytes()).await,
            Err(fault) => {
                tracing::warn!(operation = "ingest", %fault, "ingest will be tried again");
                Disposition::Retry
            }
        };
        settle(host, message, verdict).await;
    }
    Ok(())
}

async fn settle(host: &Host, message: &Delivered, verdict: Disposition) {
    match verdict {
        Disposition::Ack => message.ack(),
        Disposition::Retry => message.retry(),
        Disposition::DeadLetter(reason) => {
            tracing::warn!(operation = "ingest", code = reason, "a message is given up");
            message.bury(&host.dead_letters, reason).await;
        }
    }
}

/// Finishes what events, functions and clients left behind.
pub(crate) async fn sweep(host: &Host) {
    let effort = Effort {
        until: saturating_add_secs(host.ports.clock().now(), SWEEP_S),
        concurrency: LOOKS_AT_ONCE,
    };
    if let Err(fault) = sweep::fan_out(&host.ports, effort).await {
        tracing::warn!(operation = "sweep", %fault, "the sweep failed; the next one comes by itself");
    }
}
