//! The ingest queue: at-least-once delivery, visibility timeouts, dead letters.

use std::collections::BTreeSet;

use consign_core::ports::{IngestJob, SweepJob};
use consign_core::time::{Timestamp, saturating_add_secs};
use futures_util::future::join_all;

use super::{Consume, Delivery};
use crate::sample::{id, start};

const VISIBILITY_S: u64 = 30;

async fn send<Q: Consume>(queue: &Q, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        let job = IngestJob { ingest: id(number) };
        queue.send(job).await.unwrap();
    }
}

async fn receive<Q: Consume>(queue: &Q, now: Timestamp, limit: usize) -> Vec<Q::Message> {
    let received = queue.receive(now, VISIBILITY_S, limit).await;
    received.unwrap()
}

async fn receive_one<Q: Consume>(queue: &Q, now: Timestamp) -> Q::Message {
    let mut received = receive(queue, now, 10).await;
    assert_eq!(received.len(), 1, "one message must be there");
    received.remove(0)
}

fn job<M: Delivery>(message: &M) -> Option<IngestJob> {
    IngestJob::from_body(message.body().as_bytes())
}

/// With its body, as the first delivery.
pub async fn a_job_sent_is_received<Q: Consume>(queue: &Q) {
    send(queue, [1]).await;
    let message = receive_one(queue, start()).await;
    assert_eq!(job(&message), Some(IngestJob { ingest: id(1) }));
    assert_eq!(message.attempts(), 1);
}

/// Each is a separate message, in any order, also more than one request of a service can carry.
pub async fn sweep_jobs_are_messages<Q: Consume>(queue: &Q) {
    let jobs: Vec<SweepJob> = (0..23)
        .map(|n| SweepJob {
            uploads: (n * 100..n * 100 + 50).map(id).collect(),
        })
        .collect();
    queue.send_sweep_jobs(&jobs).await.unwrap();
    let mut received = Vec::new();
    while received.len() < jobs.len() {
        let messages = receive(queue, start(), 10).await;
        assert!(!messages.is_empty(), "{} of 23", received.len());
        let read = messages
            .iter()
            .map(|m| SweepJob::from_body(m.body().as_bytes()));
        received.extend(read.map(Option::unwrap));
    }
    received.sort_unstable_by_key(|job| job.uploads.first().copied());
    assert_eq!(received, jobs);
    queue.send_sweep_jobs(&[]).await.unwrap();
}

/// Without waiting.
pub async fn an_empty_queue_gives_nothing<Q: Consume>(queue: &Q) {
    assert!(receive(queue, start(), 10).await.is_empty());
    assert_eq!(queue.depth().await.unwrap(), 0);
}

/// When its consumer ended without an acknowledgement.
pub async fn a_message_is_hidden_and_delivered_again<Q: Consume>(queue: &Q) {
    send(queue, [1]).await;
    receive_one(queue, start()).await;
    let before_end = saturating_add_secs(start(), VISIBILITY_S - 1);
    assert!(receive(queue, before_end, 10).await.is_empty());
    assert_eq!(queue.depth().await.unwrap(), 1);
    let again = receive_one(queue, saturating_add_secs(start(), VISIBILITY_S)).await;
    assert_eq!(again.attempts(), 2);
    assert_eq!(job(&again), Some(IngestJob { ingest: id(1) }));
}

/// For good. A second acknowledgement is no fault.
pub async fn an_acknowledged_message_is_gone<Q: Consume>(queue: &Q) {
    send(queue, [1]).await;
    let message = receive_one(queue, start()).await;
    queue.ack(&message).await.unwrap();
    queue.ack(&message).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), 0);
    assert!(
        receive(queue, saturating_add_secs(start(), 9999), 10)
            .await
            .is_empty()
    );
}

/// The same holds for a late retry: another consumer has the message.
pub async fn a_late_acknowledgement_does_nothing<Q: Consume>(queue: &Q) {
    send(queue, [1]).await;
    let late = receive_one(queue, start()).await;
    let now = saturating_add_secs(start(), VISIBILITY_S);
    let holder = receive_one(queue, now).await;
    queue.ack(&late).await.unwrap();
    queue.retry(&late, now, 0).await.unwrap();
    queue.dead(&late, "late", now).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), 1);
    assert!(receive(queue, now, 10).await.is_empty());
    assert!(queue.dead_letters().await.unwrap().is_empty());
    queue.ack(&holder).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), 0);
}

/// Before or after its visibility timeout would have ended.
pub async fn a_retried_message_comes_after_its_delay<Q: Consume>(queue: &Q) {
    send(queue, [1]).await;
    let message = receive_one(queue, start()).await;
    queue.retry(&message, start(), 5).await.unwrap();
    assert!(
        receive(queue, saturating_add_secs(start(), 4), 10)
            .await
            .is_empty()
    );
    let again = receive_one(queue, saturating_add_secs(start(), 5)).await;
    assert_eq!(again.attempts(), 2);
    let now = saturating_add_secs(start(), 5);
    queue.retry(&again, now, 300).await.unwrap();
    let early = saturating_add_secs(now, VISIBILITY_S + 1);
    assert!(receive(queue, early, 10).await.is_empty());
}

/// With its reason. It is never delivered again.
pub async fn a_message_given_up_is_kept_aside<Q: Consume>(queue: &Q) {
    send(queue, [1]).await;
    let message = receive_one(queue, start()).await;
    queue.dead(&message, "unreadable", start()).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), 0);
    assert!(
        receive(queue, saturating_add_secs(start(), 9999), 10)
            .await
            .is_empty()
    );
    let body = IngestJob { ingest: id(1) }.to_body();
    let dead = queue.dead_letters().await.unwrap();
    assert_eq!(dead, [(body, "unreadable".to_owned())]);
}

/// The rest stays for the next call.
pub async fn a_batch_keeps_to_its_limit<Q: Consume>(queue: &Q) {
    send(queue, 0..5).await;
    let mut jobs = BTreeSet::new();
    for expected in [2, 2, 1, 0] {
        let batch = receive(queue, start(), 2).await;
        assert_eq!(batch.len(), expected);
        jobs.extend(batch.iter().filter_map(job).map(|job| job.ingest));
    }
    assert_eq!(jobs, (0..5).map(id).collect());
}

/// Invariant 12: it is retried while the others are acknowledged.
pub async fn one_bad_message_blocks_nobody<Q: Consume>(queue: &Q) {
    send(queue, 0..4).await;
    let bad = Some(IngestJob { ingest: id(0) });
    let mut now = start();
    let mut done = 0;
    for _ in 0..4 {
        for message in receive(queue, now, 2).await {
            if job(&message) == bad {
                queue.retry(&message, now, 1).await.unwrap();
            } else {
                queue.ack(&message).await.unwrap();
                done += 1;
            }
        }
        now = saturating_add_secs(now, 1);
    }
    assert_eq!(done, 3);
    assert_eq!(queue.depth().await.unwrap(), 1);
}

/// With concurrent calls.
pub async fn of_many_consumers_each_message_has_one<Q: Consume>(queue: &Q) {
    send(queue, 0..40).await;
    let batches = join_all((0..20).map(|_| receive(queue, start(), 3))).await;
    let received: Vec<_> = batches.iter().flatten().filter_map(job).collect();
    let distinct: BTreeSet<_> = received.iter().map(|job| job.ingest).collect();
    assert_eq!(received.len(), 40);
    assert_eq!(distinct.len(), 40);
}

/// The message was hidden by a consumer, or returned, before the clock was set back by an hour.
pub async fn a_clock_that_is_set_back_hides_no_message<Q: Consume>(queue: &Q) {
    let before = saturating_add_secs(start(), 3600);
    send(queue, [1, 2]).await;
    let received = receive(queue, before, 10).await;
    assert_eq!(received.len(), 2);
    queue.retry(&received[0], before, 60).await.unwrap();
    // At once, or when the time for which they were hidden has passed.
    receive(queue, start(), 10).await;
    assert_eq!(
        receive(queue, saturating_add_secs(start(), 61), 10)
            .await
            .len(),
        2
    );
}
