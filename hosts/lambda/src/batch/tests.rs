//! Batches over ports in memory.

use std::sync::Mutex;

use consign_core::ids::UploadId;
use consign_core::ports::FaultKind;
use consign_core::upload::{ObjectVersion, Upload, UploadState};
use consign_testkit::{ClientPut, Harm, Moment, Verb, When};
use contract::{World, notify};
use serde_json::{Value, json};

use super::*;

const POLICY: &str = r#"
[tier.default]
file_size_max = "1 MB"
quota = "20 MB"
[category.table]
bucket = "files"
key = "in/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv"]
size_max = "1 MB"
"#;
const CSV: &[u8] = b"name,count\nwren,12\nrobin,7\n";
const POISON: &str = "{\"neither\":1}";

/// A dead letter queue that stores its messages, or is unavailable.
#[derive(Debug, Default)]
struct Letters {
    kept: Mutex<Vec<(String, String)>>,
    is_away: bool,
}

impl Letters {
    fn kept(&self) -> Vec<(String, String)> {
        self.kept.lock().unwrap().clone()
    }
}

impl DeadLetterBox for Letters {
    async fn send(&self, body: &str, reason: &str) -> Result<(), Fault> {
        if self.is_away {
            return Err(Fault::new(
                FaultKind::Unreachable,
                "send_dead_letter",
                "away",
            ));
        }
        let letter = (body.to_owned(), reason.to_owned());
        self.kept.lock().unwrap().push(letter);
        Ok(())
    }
}

fn world() -> World {
    World::new(POLICY).unwrap()
}

/// Puts an upload's bytes into the bucket, and returns its notification.
async fn put(world: &World) -> (Upload, ObjectVersion, String) {
    let wanted = json!({
        "filename": "birds.csv", "content_type": "text/csv", "file_size_bytes": CSV.len(), "category": "table"
    });
    let (status, answer) = world.sign("alice", &wanted, None).await;
    assert_eq!(status, 201, "{answer}");
    let id = UploadId::parse(answer["file_id"].as_str().unwrap()).unwrap();
    let upload = world.record(id).unwrap();
    let version = world
        .objects
        .client_put(&upload.object, ClientPut::new("text/csv", CSV))
        .unwrap();
    let reported = (version.etag.as_str(), version.size_bytes);
    let body = notify::created(&upload.object, reported, version.sequencer.as_ref());
    (upload, version, body)
}

/// An event of SQS in the form of Lambda's documentation.
fn batch(bodies: &[&str]) -> Box<RawValue> {
    let records: Vec<Value> = bodies
        .iter()
        .enumerate()
        .map(|(number, body)| {
            json!({
                "messageId": format!("message-{number}"),
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": body,
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": "1545082649183",
                    "SenderId": "AIDAIENQZJOLO23YVJ4VO",
                    "ApproximateFirstReceiveTimestamp": "1545082649185",
                },
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-2:123456789012:my-queue",
                "awsRegion": "us-east-2",
            })
        })
        .collect();
    raw(&json!({ "Records": records }))
}

fn raw(event: &Value) -> Box<RawValue> {
    RawValue::from_string(event.to_string()).unwrap()
}

fn failed(numbers: &[usize]) -> BatchResponse {
    BatchResponse::Batch {
        failures: numbers
            .iter()
            .map(|number| Failure {
                id: format!("message-{number}"),
            })
            .collect(),
    }
}

/// A deadline with enough time for everything.
fn later(world: &World) -> Timestamp {
    saturating_add_secs(world.clock.now(), 600)
}

async fn invoke(world: &World, letters: &Letters, event: Box<RawValue>) -> BatchResponse {
    take(world, letters, event, later(world)).await.unwrap()
}

fn state(world: &World, upload: &Upload) -> UploadState {
    world.record(upload.id).unwrap().state
}

#[tokio::test]
async fn only_poison_is_sent_to_the_dead_letters_with_its_reason() {
    let (world, letters) = (world(), Letters::default());
    let ((one, _, first), (two, _, last)) = (put(&world).await, put(&world).await);
    let answer = invoke(&world, &letters, batch(&[&first, POISON, &last])).await;
    assert_eq!(answer, failed(&[]));
    assert_eq!(
        (state(&world, &one), state(&world, &two)),
        (UploadState::Ready, UploadState::Ready)
    );
    let kept = letters.kept();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].0, POISON);
    assert!(!kept[0].1.is_empty(), "a reason");
}

#[tokio::test]
async fn poison_stays_on_the_queue_if_no_dead_letter_can_be_sent() {
    let world = world();
    let letters = Letters {
        is_away: true,
        ..Letters::default()
    };
    let (upload, _, body) = put(&world).await;
    let answer = invoke(&world, &letters, batch(&[POISON, &body])).await;
    assert_eq!(answer, failed(&[0]));
    assert_eq!(state(&world, &upload), UploadState::Ready);
}

#[tokio::test]
async fn only_messages_with_a_fault_are_delivered_again() {
    let (world, letters) = (world(), Letters::default());
    let ((one, _, first), (two, _, last)) = (put(&world).await, put(&world).await);
    world.faults.fail_next(Verb::Head, FaultKind::TimedOut);
    let answer = invoke(&world, &letters, batch(&[&first, &last])).await;
    assert_eq!(answer, failed(&[0]));
    assert_eq!(state(&world, &two), UploadState::Ready);
    assert_eq!(
        invoke(&world, &letters, batch(&[&first])).await,
        failed(&[])
    );
    assert_eq!(state(&world, &one), UploadState::Ready);
    assert_eq!(letters.kept(), []);
}

#[tokio::test(start_paused = true)]
async fn a_message_is_cancelled_when_the_time_ends() {
    let (world, letters) = (world(), Letters::default());
    let ((one, _, first), (two, _, last)) = (put(&world).await, put(&world).await);
    world
        .faults
        .plan(Verb::Head, When::Nth(1), Moment::Before, Harm::Death);
    let answer = invoke(&world, &letters, batch(&[&first, &last])).await;
    assert_eq!(answer, failed(&[0]), "the first message never finished");
    assert_eq!(state(&world, &one), UploadState::Pending);
    assert_eq!(state(&world, &two), UploadState::Ready);
}

#[tokio::test]
async fn messages_without_time_are_not_begun() {
    let (world, letters) = (world(), Letters::default());
    let (upload, _, body) = put(&world).await;
    let soon = saturating_add_secs(world.clock.now(), 2);
    let answer = take(&world, &letters, batch(&[&body, POISON]), soon).await;
    assert_eq!(answer.unwrap(), failed(&[0, 1]));
    assert_eq!(state(&world, &upload), UploadState::Pending);
    assert_eq!(letters.kept(), []);
}

#[tokio::test]
async fn every_envelope_of_an_event_is_one_upload() {
    let letters = Letters::default();
    for shape in ["s3", "sns", "eventbridge", "job"] {
        let world = world();
        let (upload, version, body) = put(&world).await;
        let body = match shape {
            "sns" => json!({ "Type": "Notification", "Message": body }).to_string(),
            "eventbridge" => json!({
                "version": "0", "source": "aws.s3", "detail-type": "Object Created", "time": "2027-01-15T08:00:00Z",
                "detail": {
                    "version": "0", "bucket": { "name": upload.object.bucket }, "reason": "PutObject",
                    "object": { "key": upload.object.key, "size": version.size_bytes, "etag": version.etag.as_str() },
                },
            })
            .to_string(),
            "job" => json!({ "ingest": upload.id }).to_string(),
            _ => body,
        };
        assert_eq!(invoke(&world, &letters, batch(&[&body])).await, failed(&[]));
        assert_eq!(state(&world, &upload), UploadState::Ready, "{shape}");
    }
    assert_eq!(letters.kept(), []);
}

#[tokio::test]
async fn a_test_event_is_acknowledged() {
    let (world, letters) = (world(), Letters::default());
    let test = include_str!("../../../../tests/fixtures/events/s3-test-event.json");
    assert_eq!(invoke(&world, &letters, batch(&[test])).await, failed(&[]));
    assert_eq!(letters.kept(), []);
}

#[tokio::test]
async fn an_event_without_a_queue_succeeds_or_fails() {
    let (world, letters) = (world(), Letters::default());
    let (upload, _, body) = put(&world).await;
    let event = || RawValue::from_string(body.clone()).unwrap();
    world.faults.fail_next(Verb::Head, FaultKind::TimedOut);
    let again = take(&world, &letters, event(), later(&world)).await;
    assert!(again.is_err());
    assert_eq!(
        invoke(&world, &letters, event()).await,
        BatchResponse::Taken {}
    );
    assert_eq!(state(&world, &upload), UploadState::Ready);
}

#[tokio::test]
async fn the_schedule_sweeps_due_uploads() {
    let (world, letters) = (world(), Letters::default());
    let (upload, ..) = put(&world).await;
    let sweep = || raw(&json!({ "sweep": "due" }));
    let swept = |looked_at| BatchResponse::Swept {
        looked_at,
        failed: 0,
        passed_on: 0,
    };
    assert_eq!(invoke(&world, &letters, sweep()).await, swept(0));
    world.clock.advance_s(61);
    assert_eq!(invoke(&world, &letters, sweep()).await, swept(1));
    assert_eq!(state(&world, &upload), UploadState::Uploaded);
    assert_eq!(world.messages.depth(), 1);
}

#[test]
fn answers_have_the_format_of_lambda() {
    let text = |answer| serde_json::to_string(&answer).unwrap();
    assert_eq!(text(failed(&[])), r#"{"batchItemFailures":[]}"#);
    assert_eq!(
        text(failed(&[3])),
        r#"{"batchItemFailures":[{"itemIdentifier":"message-3"}]}"#
    );
    assert_eq!(text(BatchResponse::Taken {}), "{}");
}

#[test]
fn a_deadline_is_a_date_or_a_duration() {
    let now = time::from_secs(1_800_000_000).unwrap();
    let at = |deadline_ms| deadline(deadline_ms, now);
    let date_ms = 1_800_000_060_000;
    assert_eq!(at(date_ms), time::from_secs(1_800_000_060).unwrap());
    assert_eq!(at(600_000), time::from_secs(1_800_000_600).unwrap());
    assert_eq!(at(u64::MAX), time::MAX);
}
