//! The ingest consumer and the sweep: what queues and schedules do elsewhere.

use std::sync::Arc;
use std::time::Duration;

use consign_core::ports::{Clock as _, Fault};
use consign_core::upload::add_s;
use consign_sql::Message;
use ingest_on_object_created::sweep::{self, Effort};
use ingest_on_object_created::{Verdict, handle};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::host::Host;
use super::metrics::Metrics;

/// Conversions at once: bounded memory, and one large file does not keep all others waiting.
const CONCURRENT_MAX: usize = 2;
/// How long a message stays hidden while it is worked on, in seconds. The lease in the record is what protects the
/// work; a message that comes again finds it held.
const VISIBILITY_S: u64 = 900;
/// Deliveries of a message before it is given up.
const DELIVERIES_MAX: u32 = 12;
/// The longest pause before a message is delivered again, in seconds.
const RETRY_PAUSE_MAX_S: u64 = 60;
/// How long to wait for a push before looking whether a message's time has come.
const POLL_PAUSE: Duration = Duration::from_millis(500);
/// The pause after the queue itself failed.
const FAULT_PAUSE: Duration = Duration::from_secs(2);
/// How often the sweep runs.
const SWEEP_PAUSE: Duration = Duration::from_secs(10);

/// The longest run of the sweep, in seconds; what is left has its turn in the next one.
const SWEEP_S: u64 = 60;
/// Looks of the sweep that are under way at once.
const LOOKS_AT_ONCE: usize = 16;

/// Consumes and sweeps until stopped; work under way is finished.
pub(crate) async fn run(host: Arc<Host>, metrics: Arc<Metrics>, stop: CancellationToken) {
    take_over(&host).await;
    let sweeper = tokio::spawn(sweep_regularly(Arc::clone(&host), stop.clone()));
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        let room = CONCURRENT_MAX - running.len();
        let messages = match host
            .queue
            .receive(host.clock.now(), VISIBILITY_S, room)
            .await
        {
            Ok(messages) => messages,
            Err(fault) => {
                tracing::warn!(operation = "receive", %fault, "the queue failed");
                tokio::time::sleep(FAULT_PAUSE).await;
                continue;
            }
        };
        let is_idle = messages.is_empty();
        for message in messages {
            running.spawn(deliver(Arc::clone(&host), Arc::clone(&metrics), message));
        }
        if running.len() == CONCURRENT_MAX {
            running.join_next().await;
        } else if is_idle {
            tokio::select! {
                () = stop.cancelled() => {}
                () = host.queue.pushed() => {}
                () = tokio::time::sleep(POLL_PAUSE) => {}
                Some(_) = running.join_next() => {}
            }
        }
    }
    while running.join_next().await.is_some() {}
    if let Err(error) = sweeper.await {
        tracing::error!(%error, "the sweep broke");
    }
}

/// Frees what the last process held, which is dead: this is the only one now. That is as much as it worked on at once. All
/// else that it had not finished needs nothing: it waits on the queue, or is due at its time.
async fn take_over(host: &Host) {
    let freeing = async {
        let leases = host.repo.leases().await?;
        let freed = leases.len();
        for (id, token) in leases {
            sweep::holder_died(host, id, token).await?;
        }
        // Their messages, once nobody finds them held.
        host.queue.release_all().await?;
        Ok::<_, Fault>(freed)
    };
    match freeing.await {
        Ok(0) => {}
        Ok(freed) => tracing::info!(operation = "take_over", freed),
        Err(fault) => {
            tracing::warn!(operation = "take_over", %fault, "leases and messages come free by themselves");
        }
    }
}

async fn sweep_regularly(host: Arc<Host>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP_PAUSE) => {}
        }
        let effort = Effort {
            until: add_s(host.clock.now(), SWEEP_S),
            concurrency: LOOKS_AT_ONCE,
        };
        if let Err(fault) = sweep::run(&*host, effort).await {
            tracing::warn!(operation = "sweep", %fault, "the sweep failed; the next one comes by itself");
        }
    }
}

/// Hands one message to the function and settles it. A panic there leaves the message to its next delivery.
async fn deliver(host: Arc<Host>, metrics: Arc<Metrics>, message: Message) {
    let work = {
        let host = Arc::clone(&host);
        let body = message.body.clone();
        tokio::spawn(async move { handle(&*host, body.as_bytes()).await })
    };
    let verdict = work.await.unwrap_or_else(|error| {
        tracing::error!(operation = "ingest", %error, "the ingest broke");
        Verdict::Retry
    });
    metrics.ingested(verdict);
    if let Err(fault) = settle(&host, &message, verdict).await {
        tracing::warn!(operation = "settle", %fault, "the message will come again");
    }
}

async fn settle(host: &Host, message: &Message, verdict: Verdict) -> Result<(), Fault> {
    let now = host.clock.now();
    match verdict {
        Verdict::Done => host.queue.ack(message).await,
        Verdict::Discard(reason) => host.queue.dead(message, reason, now).await,
        Verdict::Retry if message.attempts >= DELIVERIES_MAX => {
            host.queue.dead(message, "deliveries_exhausted", now).await
        }
        Verdict::Retry => {
            let pause_s = (1_u64 << message.attempts.min(6)).min(RETRY_PAUSE_MAX_S);
            host.queue.retry(message, now, pause_s).await
        }
    }
}
