//! The messages of each store and envelope.

use std::cmp::Ordering;
use std::collections::HashSet;

use serde_json::{Value, json};

use super::*;
use consign_time as time;

mod others;
mod properties;
mod refusals;

macro_rules! fixtures {
    ($($name:ident = $file:literal;)*) => {
        $(const $name: &str = include_str!(concat!("../../../tests/fixtures/events/", $file, ".json"));)*
        const FIXTURES: &[&str] = &[$($name),*];
    };
}

fixtures! {
    S3_PUT = "s3-put";
    S3_MULTIPART = "s3-multipart";
    S3_DELETE_MARKER = "s3-delete-marker";
    S3_EXPIRATION = "s3-lifecycle-expiration";
    S3_RESTORE = "s3-restore";
    S3_TEST = "s3-test-event";
    S3_ONE_BAD = "s3-one-bad";
    S3_SQS = "s3-sqs";
    S3_SQS_ONE_BAD = "s3-sqs-one-bad";
    S3_SNS = "s3-sns";
    S3_SNS_LAMBDA = "s3-sns-lambda";
    S3_SNS_SQS = "s3-sns-sqs";
    SNS_SUBSCRIPTION = "sns-subscription";
    BRIDGE_CREATED = "eventbridge-created";
    BRIDGE_DELETED = "eventbridge-deleted";
    BRIDGE_RESTORED = "eventbridge-restored";
    R2_PUT = "r2-put";
    R2_COPY = "r2-copy";
    R2_DELETE = "r2-delete";
    R2_BATCH = "r2-batch";
    MINIO_PUT = "minio-put";
    MINIO_EMPTY = "minio-empty-object";
}

use Envelope::{EventBridge, MinioWebhook, R2Queue, S3Lambda, S3Sns, S3SnsRawSqs, S3SnsSqs, S3Sqs};

const NOON: &str = "2026-03-01T12:00:00Z";

fn events(envelope: Envelope, body: &str) -> Vec<ObjectEvent> {
    match decode_from(envelope, body.as_bytes()) {
        Ok(Decoded::Ok(records)) => records,
        other => panic!("{envelope:?}: {other:?}"),
    }
}

fn event(envelope: Envelope, body: &str) -> ObjectEvent {
    let events = events(envelope, body);
    assert_eq!(
        decode(body.as_bytes()),
        Ok(Decoded::Ok(events.clone())),
        "`decode` detects the envelope"
    );
    events.into_iter().next().unwrap()
}

fn error(envelope: Envelope, body: &str) -> EventError {
    decode_from(envelope, body.as_bytes()).unwrap_err()
}

fn sequencer(text: &str) -> Sequencer {
    Sequencer::parse(text).unwrap()
}

/// The event of `s3-put.json`, in any envelope.
fn put() -> ObjectEvent {
    ObjectEvent {
        provider: Provider::S3,
        action: Action::Created,
        bucket: "consign-uploads".into(),
        key: "datasets/7/a+b c%20é/📄.csv".into(),
        size_bytes: Some(1024),
        etag: Some("d41d8cd98f00b204e9800998ecf8427e".into()),
        version_id: None,
        sequencer: Some(sequencer("0055AED6DCD90281E5")),
        at: time::parse(NOON).ok(),
    }
}

/// A notification of S3 with one record, modified by `change`.
fn s3_with(change: impl FnOnce(&mut Value)) -> String {
    let mut body: Value = serde_json::from_str(S3_PUT).unwrap();
    change(&mut body["Records"][0]);
    body.to_string()
}

fn s3_named(name: &str) -> String {
    s3_with(|record| record["eventName"] = json!(name))
}

fn s3_keyed(key: &str) -> String {
    s3_with(|record| record["s3"]["object"]["key"] = json!(key))
}

fn sqs_batch(bodies: &[&str]) -> String {
    let records: Vec<Value> = bodies
        .iter()
        .map(|body| json!({ "messageId": "1", "eventSource": "aws:sqs", "body": body }))
        .collect();
    json!({ "Records": records }).to_string()
}

fn sns_envelope(message: &str) -> String {
    json!({ "Type": "Notification", "Message": message }).to_string()
}

#[test]
fn s3_event_is_the_same_in_every_envelope() {
    assert_eq!(event(S3Lambda, S3_PUT), put());
    assert_eq!(event(S3Sqs, S3_PUT), put());
    assert_eq!(event(S3Sqs, S3_SQS), put(), "next to a test event");
    assert_eq!(event(S3SnsRawSqs, S3_SQS), put());
    assert_eq!(event(S3Sns, S3_SNS), put());
    assert_eq!(event(S3Sns, S3_SNS_LAMBDA), put());
    assert_eq!(event(S3SnsSqs, S3_SNS), put());
    assert_eq!(event(S3SnsSqs, S3_SNS_SQS), put());
}

#[test]
fn s3_multipart_keeps_size_etag_and_version() {
    let event = event(S3Lambda, S3_MULTIPART);
    assert_eq!(event.action, Action::Created);
    assert_eq!(event.size_bytes, Some(5_368_709_120));
    assert_eq!(
        event.etag.as_deref(),
        Some("3858f62230ac3c915f300c664312c11f-9")
    );
    assert_eq!(
        event.version_id.as_deref(),
        Some("096fKKXTRTtl3on89fVO.nfljtsv6qko")
    );
}

#[test]
fn delete_markers_and_expirations_are_deletions() {
    let marker = event(S3Lambda, S3_DELETE_MARKER);
    assert_eq!((marker.action, marker.size_bytes), (Action::Deleted, None));
    assert_eq!(
        marker.version_id.as_deref(),
        Some("3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY")
    );
    let expired = event(S3Lambda, S3_EXPIRATION);
    assert_eq!((expired.action, expired.etag), (Action::Deleted, None));
    for name in [
        "ObjectRemoved:Delete",
        "LifecycleExpiration:DeleteMarkerCreated",
        "s3:ObjectRemoved:DeleteAllVersions",
    ] {
        assert_eq!(
            event(S3Lambda, &s3_named(name)).action,
            Action::Deleted,
            "{name}"
        );
    }
}

#[test]
fn names_that_neither_create_nor_remove_are_ignored() {
    for name in [
        "ReducedRedundancyLostObject",
        "ObjectTagging:Put",
        "ObjectAcl:Put",
        "Replication:OperationFailedReplication",
        "LifecycleTransition",
        "s3:ObjectCreated:PutTagging",
        "s3:ObjectCreated:PutLegalHold",
        "s3:ObjectRemoved:NoOP",
        "s3:LifecycleDelMarkerExpiration:Delete",
        "s3:ObjectAccessed:Get",
    ] {
        assert_eq!(
            decode_from(S3Lambda, s3_named(name).as_bytes()),
            Ok(Decoded::Ignore),
            "{name}"
        );
    }
    assert_eq!(
        decode_from(S3Lambda, S3_RESTORE.as_bytes()),
        Ok(Decoded::Ignore)
    );
    assert_eq!(
        decode_from(EventBridge, BRIDGE_RESTORED.as_bytes()),
        Ok(Decoded::Ignore)
    );
    let aborted = R2_PUT.replace("PutObject", "AbortMultipartUpload");
    assert_eq!(
        decode_from(R2Queue, aborted.as_bytes()),
        Ok(Decoded::Ignore)
    );
}

#[test]
fn test_events_and_subscription_notices_and_empty_batches_are_ignored() {
    let wrapped = sns_envelope(S3_TEST);
    let unsubscribed =
        SNS_SUBSCRIPTION.replace("SubscriptionConfirmation", "UnsubscribeConfirmation");
    for (envelope, body) in [
        (S3Lambda, S3_TEST),
        (S3Sqs, S3_TEST),
        (S3Sqs, &sqs_batch(&[S3_TEST])),
        (S3Sns, &wrapped),
        (S3SnsSqs, &sqs_batch(&[&wrapped])),
        (S3Sns, SNS_SUBSCRIPTION),
        (S3SnsSqs, &sqs_batch(&[SNS_SUBSCRIPTION, &unsubscribed])),
        (S3Lambda, r#"{"Records":[]}"#),
        (MinioWebhook, r#"{"Records":[]}"#),
        (R2Queue, r#"{"messages":[]}"#),
        (R2Queue, "[]"),
    ] {
        assert_eq!(
            decode_from(envelope, body.as_bytes()),
            Ok(Decoded::Ignore),
            "{envelope:?} {body}"
        );
        assert_eq!(decode(body.as_bytes()), Ok(Decoded::Ignore), "{body}");
    }
    assert_eq!(error(R2Queue, r#"{"Records":[]}"#), EventError::OtherSource);
    assert_eq!(error(MinioWebhook, S3_TEST), EventError::OtherSource);
}

#[test]
fn event_bridge_keys_are_not_decoded() {
    let created = event(EventBridge, BRIDGE_CREATED);
    assert_eq!(
        created,
        ObjectEvent {
            key: "datasets/7/a+b %20 é.csv".into(),
            size_bytes: Some(5),
            etag: Some("b1946ac92492d2347c6235b4d2611184".into()),
            version_id: Some("IYV3p45BT0ac8hjHg1houSdS1a.Mro8e".into()),
            sequencer: Some(sequencer("617f08299329d189")),
            ..put()
        }
    );
    let deleted = event(EventBridge, &sqs_batch(&[BRIDGE_DELETED]));
    assert_eq!(
        (deleted.action, deleted.size_bytes),
        (Action::Deleted, None)
    );
    assert!(deleted.sequencer > created.sequencer);
}

#[test]
fn a_weak_etag_in_an_event_is_read_as_the_strong_one() {
    let weak = BRIDGE_CREATED.replace(
        "b1946ac92492d2347c6235b4d2611184",
        r#"W/\"b1946ac92492d2347c6235b4d2611184\""#,
    );
    assert_ne!(weak, BRIDGE_CREATED);
    assert_eq!(
        event(EventBridge, &weak).etag,
        event(EventBridge, BRIDGE_CREATED).etag
    );
}

#[test]
fn r2_events_have_raw_keys_and_no_sequencer() {
    let put = ObjectEvent {
        provider: Provider::R2,
        key: "datasets/7/a+b %20 é.csv".into(),
        size_bytes: Some(65536),
        etag: Some("c846ff7a18f28c2e262116d6e8719ef0".into()),
        sequencer: None,
        ..put()
    };
    assert_eq!(event(R2Queue, R2_PUT), put);
    assert_eq!(event(R2Queue, R2_COPY).key, "datasets/7/copy.csv");
    assert_eq!(event(R2Queue, R2_DELETE).action, Action::Deleted);
    assert_eq!(
        event(
            R2Queue,
            &R2_DELETE.replace("DeleteObject", "LifecycleDeletion")
        )
        .action,
        Action::Deleted
    );
    assert_eq!(
        events(R2Queue, &format!("[{R2_PUT},{R2_COPY}]")).len(),
        2,
        "a bare list"
    );
    assert_eq!(
        event(R2Queue, &format!(r#"{{"id":"1","body":{R2_PUT}}}"#)),
        put,
        "one message of a batch"
    );
    let Ok(Decoded::Partial { records, failed }) = decode_from(R2Queue, R2_BATCH.as_bytes()) else {
        panic!("the batch has a bad message");
    };
    assert_eq!(
        records
            .iter()
            .map(|record| record.action)
            .collect::<Vec<_>>(),
        [Action::Created, Action::Deleted]
    );
    assert_eq!(
        failed,
        [FailedRecord {
            index: 1,
            error: EventError::KeyMissing
        }]
    );
}

#[test]
fn minio_keys_are_form_encoded_to_the_last_slash() {
    let put = event(MinioWebhook, MINIO_PUT);
    assert_eq!(
        (put.provider, put.key.as_str()),
        (Provider::Minio, "datasets/7/a b+c.csv")
    );
    assert_eq!(put.version_id, None, "the null version");
    assert_eq!(put.at, time::parse("2026-03-01T12:00:00.123Z").ok());
    let empty = event(MinioWebhook, MINIO_EMPTY);
    assert_eq!(empty.size_bytes, None);
    assert!(empty.sequencer > put.sequencer);
}

#[test]
fn sequencers_compare_as_if_padded_on_the_right() {
    for (a, b, order) in [
        ("0055AED6DCD90281E5", "0055AED6DCD90281E6", Ordering::Less),
        ("0055AED6DCD90281E5", "0055AED6DCD90281E5", Ordering::Equal),
        ("0055AED6", "0055AED600", Ordering::Equal),
        ("0055AED6", "0055AED601", Ordering::Less),
        ("0055AED7", "0055AED601", Ordering::Greater),
        ("1", "0FFFFFFFFF", Ordering::Greater),
        ("a", "B", Ordering::Less),
        ("617f08299329d189", "617F08299329D189", Ordering::Equal),
        ("", "00", Ordering::Equal),
        ("", "01", Ordering::Less),
    ] {
        assert_eq!(sequencer(a).cmp(&sequencer(b)), order, "{a} {b}");
        assert_eq!(sequencer(b).cmp(&sequencer(a)), order.reverse(), "{b} {a}");
    }
    assert_eq!(sequencer("00aF").as_str(), "00aF");
    assert_eq!(Sequencer::parse("0x12"), Err(EventError::BadSequencer));
    assert_eq!(
        Sequencer::parse(&"0".repeat(Sequencer::DIGITS_MAX + 1)),
        Err(EventError::BadSequencer)
    );
    assert_eq!(
        HashSet::from([sequencer("ab"), sequencer("AB00"), sequencer("AC")]).len(),
        2
    );
}

#[test]
fn names_and_codes_are_stable_and_distinct() {
    for envelope in Envelope::ALL {
        assert_eq!(Envelope::parse(envelope.as_str()), Some(envelope));
    }
    assert_eq!(Envelope::parse("pigeon"), None);
    assert_eq!(
        [Provider::S3, Provider::R2, Provider::Minio].map(Provider::as_str),
        ["s3", "r2", "minio"]
    );
    assert_eq!(
        [Action::Created, Action::Deleted].map(Action::as_str),
        ["created", "deleted"]
    );
    let errors = [
        EventError::Empty,
        EventError::TooLong,
        EventError::NotJson,
        EventError::NotAnEvent,
        EventError::OtherSource,
        EventError::TooManyRecords,
        EventError::UnknownVersion,
        EventError::BadField,
        EventError::BadBucket,
        EventError::KeyMissing,
        EventError::KeyEncoding,
        EventError::KeyTooLong,
        EventError::BadSequencer,
    ];
    assert_eq!(
        errors
            .map(EventError::code)
            .into_iter()
            .collect::<HashSet<_>>()
            .len(),
        errors.len()
    );
    assert_eq!(
        EventError::TooLong.to_string(),
        "the body is longer than 6291456 bytes"
    );
}
