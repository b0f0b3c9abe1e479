//! What the queue in SQLite adds to the contract: one message per upload, round-robin over owners, small files before
//! large ones, a clock that goes back, and limits.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

use consign_core::events::EventSources;
use consign_core::ports::{IngestJob, IngestQueue, Inserted, UploadRepo};
use consign_core::time::{self, Timestamp, saturating_add_secs};
use consign_core::upload::Upload;
use consign_sql::{DEAD_LETTER_S, DEAD_LETTERS_MAX, QueueMessage, Room, SqlQueue, SqlRepo};
use consign_testkit::sample::{self, start};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;

const VISIBILITY_S: u64 = 900;

async fn fresh() -> (TempDir, SqlRepo, SqlQueue) {
    let folder = TempDir::new().unwrap();
    let repo = SqlRepo::open(&folder.path().join("consign.db")).await;
    let repo = repo.unwrap();
    let queue = repo.queue();
    (folder, repo, queue)
}

async fn beside(folder: &TempDir) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(folder.path().join("consign.db"));
    SqlitePool::connect_with(options).await.unwrap()
}

async fn insert(repo: &SqlRepo, owner: &str, number: u32, size_bytes: u64) -> Upload {
    let mut upload = sample::upload(owner, number);
    upload.size_bytes_declared = Some(size_bytes);
    let new = sample::new(upload.clone());
    let inserted = repo.insert_pending(&new, start()).await;
    assert_eq!(inserted.unwrap(), Inserted::Created);
    upload
}

fn job(upload: &Upload) -> IngestJob {
    IngestJob { ingest: upload.id }
}

/// A store's event about the object of an upload.
fn event(upload: &Upload, sequencer: &str) -> String {
    let object = &upload.object;
    let size = upload.size_bytes_declared.unwrap_or(0);
    serde_json::json!({"Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2026-01-01T00:00:00.000Z",
        "eventName": "ObjectCreated:Put",
        "s3": {
            "bucket": {"name": object.bucket},
            "object": {"key": object.key, "size": size, "eTag": "0123", "sequencer": sequencer},
        },
    }]})
    .to_string()
}

async fn receive(queue: &SqlQueue, now: Timestamp, limit: usize) -> Vec<QueueMessage> {
    queue.receive(now, VISIBILITY_S, limit).await.unwrap()
}

async fn receive_one(queue: &SqlQueue, now: Timestamp) -> QueueMessage {
    let mut received = receive(queue, now, 10).await;
    assert_eq!(received.len(), 1, "one message expected");
    received.remove(0)
}

fn ids(messages: &[QueueMessage]) -> Vec<i64> {
    messages.iter().map(|message| message.id).collect()
}

#[tokio::test]
async fn an_upload_has_one_message_however_often_it_is_pushed() {
    let (_folder, repo, queue) = fresh().await;
    let upload = insert(&repo, "ada", 1, 100).await;
    for _ in 0..5 {
        queue.send(job(&upload)).await.unwrap();
    }
    assert!(
        queue
            .tell(&EventSources::KNOWN, &event(&upload, "01"), start())
            .await
            .unwrap()
    );
    queue.send(job(&upload)).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), 1);
    // The event contains more than the job, so it is delivered.
    let message = receive_one(&queue, start()).await;
    assert_eq!(message.body, event(&upload, "01"));
    queue.ack(&message).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), 0);
}

#[tokio::test]
async fn a_push_during_processing_causes_another_delivery() {
    let (_folder, repo, queue) = fresh().await;
    let upload = insert(&repo, "ada", 1, 100).await;
    queue.send(job(&upload)).await.unwrap();
    let held = receive_one(&queue, start()).await;
    queue.send(job(&upload)).await.unwrap();
    assert!(receive(&queue, start(), 10).await.is_empty(), "it is held");
    queue.ack(&held).await.unwrap();
    let again = receive_one(&queue, start()).await;
    assert_eq!((again.id, again.attempts), (held.id, 1));
    // The earlier delivery has no effect.
    queue.ack(&held).await.unwrap();
    queue.retry(&held, start(), 0).await.unwrap();
    assert!(receive(&queue, start(), 10).await.is_empty());
    queue.ack(&again).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), 0);

    // The same holds for a dead letter: the later push is kept.
    queue.send(job(&upload)).await.unwrap();
    let held = receive_one(&queue, start()).await;
    assert!(
        queue
            .tell(&EventSources::KNOWN, &event(&upload, "02"), start())
            .await
            .unwrap()
    );
    queue.dead(&held, "enough", start()).await.unwrap();
    assert!(queue.dead_letters(9).await.unwrap().is_empty());
    let again = receive_one(&queue, start()).await;
    assert_eq!(again.body, event(&upload, "02"));
}

#[tokio::test]
async fn of_two_events_of_an_upload_none_is_lost() {
    let (_folder, repo, queue) = fresh().await;
    let upload = insert(&repo, "ada", 1, 100).await;
    for sequencer in ["01", "02"] {
        let is_pushed = queue
            .tell(&EventSources::KNOWN, &event(&upload, sequencer), start())
            .await;
        assert!(is_pushed.unwrap());
    }
    let received = receive(&queue, start(), 10).await;
    let bodies: Vec<_> = received.into_iter().map(|message| message.body).collect();
    assert_eq!(bodies, [event(&upload, "01"), event(&upload, "02")]);
}

#[tokio::test]
async fn objects_that_are_no_uploads_put_nothing_on_the_queue() {
    let (_folder, repo, queue) = fresh().await;
    let mut output = insert(&repo, "ada", 1, 100).await;
    output.object.key += ".parquet";
    assert!(
        !queue
            .tell(&EventSources::KNOWN, &event(&output, "01"), start())
            .await
            .unwrap()
    );
    assert_eq!(queue.depth().await.unwrap(), 0);
    // A notification that cannot be decoded becomes a dead letter with its reason.
    assert!(
        queue
            .tell(&EventSources::KNOWN, "no notification", start())
            .await
            .unwrap()
    );
    assert_eq!(receive_one(&queue, start()).await.body, "no notification");
}

#[tokio::test]
async fn owners_take_turns() {
    let (_folder, repo, queue) = fresh().await;
    let mut number = 0;
    for (owner, count) in [("ada", 30), ("bob", 1), ("eve", 3)] {
        for _ in 0..count {
            number += 1;
            let upload = insert(&repo, owner, number, 100).await;
            queue.send(job(&upload)).await.unwrap();
        }
    }
    // First one message of each owner, then one of each owner that has more, across calls.
    assert_eq!(ids(&receive(&queue, start(), 2).await), [1, 31]);
    assert_eq!(ids(&receive(&queue, start(), 3).await), [32, 2, 33]);
    assert_eq!(ids(&receive(&queue, start(), 4).await), [3, 34, 4, 5]);
    // An owner without a recent turn is next.
    let upload = insert(&repo, "bob", 99, 100).await;
    queue.send(job(&upload)).await.unwrap();
    assert_eq!(ids(&receive(&queue, start(), 2).await), [35, 6]);
}

#[tokio::test]
async fn a_small_file_never_waits_for_large_ones() {
    let (_folder, repo, queue) = fresh().await;
    for number in 0..4 {
        let large = insert(&repo, "ada", number, 500 << 20).await;
        queue.send(job(&large)).await.unwrap();
    }
    let small = insert(&repo, "ada", 9, 100).await;
    queue.send(job(&small)).await.unwrap();
    let room = Room { small: 3, large: 1 };
    let taken = queue.take(start(), VISIBILITY_S, room).await.unwrap();
    assert_eq!(ids(&taken), [5, 1]);
    assert!(!taken[0].is_large && taken[1].is_large);
    // Large files have a lane of their own, so small ones do not starve them.
    let room = Room { small: 0, large: 2 };
    let taken = queue.take(start(), VISIBILITY_S, room).await.unwrap();
    assert_eq!(ids(&taken), [2, 3]);
}

#[tokio::test]
async fn a_smaller_file_overtakes_a_larger_one_of_its_owner_by_its_size() {
    let (_folder, repo, queue) = fresh().await;
    for (number, mebibytes) in [(1, 10), (2, 2), (3, 9), (4, 2)] {
        let upload = insert(&repo, "ada", number, mebibytes << 20).await;
        queue.send(job(&upload)).await.unwrap();
    }
    // Ordered by arrival, with one position of penalty per mebibyte.
    assert_eq!(ids(&receive(&queue, start(), 9).await), [2, 4, 1, 3]);
}

#[tokio::test]
async fn a_clock_that_goes_back_hides_no_message() {
    let (_folder, _repo, queue) = fresh().await;
    queue.push("held").await.unwrap();
    let held = receive_one(&queue, start()).await;
    let hour_ago = time::from_secs(start().timestamp() - 3600).unwrap();
    // The remaining time is kept under the new clock.
    assert!(receive(&queue, hour_ago, 9).await.is_empty());
    let end = saturating_add_secs(hour_ago, VISIBILITY_S);
    assert!(
        receive(&queue, saturating_add_secs(hour_ago, VISIBILITY_S - 1), 9)
            .await
            .is_empty()
    );
    assert_eq!(receive_one(&queue, end).await.id, held.id);
}

#[tokio::test]
async fn a_clock_that_goes_back_delays_no_retry() {
    let (_folder, _repo, queue) = fresh().await;
    queue.push("delayed").await.unwrap();
    let day_ahead = saturating_add_secs(start(), 86_400);
    let held = receive_one(&queue, day_ahead).await;
    queue.retry(&held, day_ahead, 60).await.unwrap();
    assert!(receive(&queue, start(), 9).await.is_empty());
    assert_eq!(
        receive_one(&queue, saturating_add_secs(start(), 60))
            .await
            .id,
        held.id
    );
}

#[tokio::test]
async fn at_a_start_everything_is_visible() {
    let (_folder, _repo, queue) = fresh().await;
    for body in ["held", "delayed", "waiting"] {
        queue.push(body).await.unwrap();
    }
    let taken = receive(&queue, start(), 2).await;
    queue.retry(&taken[1], start(), 3600).await.unwrap();
    queue.release_all().await.unwrap();
    assert_eq!(ids(&receive(&queue, start(), 9).await), [1, 2, 3]);
}

#[tokio::test]
async fn the_lag_is_the_age_of_what_waits_longest() {
    let (_folder, repo, queue) = fresh().await;
    assert_eq!(queue.lag_s(start()).await.unwrap(), 0);
    for (number, at_s) in [(1, 0), (2, 50)] {
        let upload = insert(&repo, "ada", number, 100).await;
        let now = saturating_add_secs(start(), at_s);
        assert!(
            queue
                .tell(&EventSources::KNOWN, &event(&upload, "01"), now)
                .await
                .unwrap()
        );
    }
    let now = saturating_add_secs(start(), 60);
    assert_eq!(queue.lag_s(now).await.unwrap(), 60);
    assert_eq!(receive(&queue, now, 1).await.len(), 1);
    assert_eq!(queue.lag_s(now).await.unwrap(), 10);
}

#[tokio::test]
async fn dead_letters_stay_within_their_bounds() {
    let (folder, _repo, queue) = fresh().await;
    let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) \
        INSERT INTO dead_letters (id, body, attempts, reason, died_at_us) SELECT -i, 'x', 1, 'y', $2 FROM n";
    sqlx::query(fill)
        .bind(i64::from(DEAD_LETTERS_MAX))
        .bind(start().timestamp_micros())
        .execute(&beside(&folder).await)
        .await
        .unwrap();
    let dead_letters_after = async |now| {
        queue.push("x").await.unwrap();
        let message = receive_one(&queue, now).await;
        queue.dead(&message, "unreadable", now).await.unwrap();
        queue.dead_letters(usize::MAX).await.unwrap()
    };
    // One more than the limit: the oldest is removed.
    let letters = dead_letters_after(start()).await;
    assert_eq!(letters.len(), DEAD_LETTERS_MAX as usize);
    assert_eq!((letters[0].id, letters[1].id), (1, -1));
    // Old ones are removed.
    let letters = dead_letters_after(saturating_add_secs(start(), DEAD_LETTER_S + 1)).await;
    assert_eq!(letters.len(), 1);
}

#[tokio::test]
async fn the_queue_of_an_earlier_build_is_drained() {
    let (folder, repo, queue) = fresh().await;
    let upload = insert(&repo, "ada", 1, 100).await;
    // A row of that build has no owner, no upload and no counts.
    sqlx::query("INSERT INTO messages (body) VALUES ($1)")
        .bind(job(&upload).to_body())
        .execute(&beside(&folder).await)
        .await
        .unwrap();
    queue.send(job(&upload)).await.unwrap();
    let received = receive(&queue, start(), 9).await;
    assert_eq!(received.len(), 2);
    for message in received {
        queue.ack(&message).await.unwrap();
    }
    assert_eq!(queue.depth().await.unwrap(), 0);
}
