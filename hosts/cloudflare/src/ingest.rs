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

/// The suffix of the dead letter queue's name. It has a consumer only in development, which logs its messages.
const DEAD_LETTERS: &str = "-dead";

/// The time limit of a scheduled run, in seconds. The next run starts a minute later.
const SWEEP_S: u64 = 50;
/// The number of uploads that are examined at the same time. A Worker has six connections.
const PROBES_AT_ONCE: usize = 6;

/// Passes each message to the function and settles it individually: a bad message never blocks its batch (invariant
/// 12).
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
    // One after the other, since two concurrent conversions would share one isolate's memory.
    for message in &batch.messages {
        let disposition = match large::pass_on(&host.ports, env, &message.body).await {
            Ok(true) => Disposition::Ack,
            Ok(false) => handle(&host.ports, message.body.as_bytes()).await,
            Err(fault) => {
                tracing::warn!(operation = "ingest", %fault, "the message will be delivered again");
                Disposition::Retry
            }
        };
        settle(host, message, disposition).await;
    }
    Ok(())
}

async fn settle(host: &Host, message: &Delivered, disposition: Disposition) {
    match disposition {
        Disposition::Ack => message.ack(),
        Disposition::Retry => message.retry(),
        Disposition::DeadLetter(reason) => {
            tracing::warn!(
                operation = "ingest",
                code = reason,
                "the message is moved to the dead letters"
            );
            message.dead_letter(&host.dead_letters, reason).await;
        }
    }
}

/// Runs the sweep.
pub(crate) async fn sweep(host: &Host) {
    let effort = Effort {
        until: saturating_add_secs(host.ports.clock().now(), SWEEP_S),
        concurrency: PROBES_AT_ONCE,
    };
    if let Err(fault) = sweep::fan_out(&host.ports, effort).await {
        tracing::warn!(operation = "sweep", %fault, "the sweep failed; the next run is scheduled");
    }
}
