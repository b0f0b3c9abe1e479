//! Invalid messages, and how they affect a batch.

use super::*;

#[test]
fn an_envelope_refuses_messages_of_other_envelopes() {
    let bodies = [
        (S3_PUT, &[S3Lambda, S3Sqs, S3SnsRawSqs][..]),
        (S3_SQS, &[S3Sqs, S3SnsRawSqs]),
        (S3_SNS, &[S3Sns, S3SnsSqs]),
        (S3_SNS_LAMBDA, &[S3Sns, S3SnsSqs]),
        (S3_SNS_SQS, &[S3SnsSqs]),
        (BRIDGE_CREATED, &[EventBridge]),
        (R2_PUT, &[R2Queue]),
        (R2_BATCH, &[R2Queue]),
        (MINIO_PUT, &[MinioWebhook]),
    ];
    for (body, takers) in bodies {
        for envelope in Envelope::ALL {
            let decoded = decode_from(envelope, body.as_bytes());
            if takers.contains(&envelope) {
                assert!(decoded.is_ok(), "{envelope:?} {body}");
            } else {
                assert_eq!(decoded, Err(EventError::OtherSource), "{envelope:?} {body}");
            }
        }
    }
}

#[test]
fn envelopes_nest_only_as_on_aws() {
    for body in [
        sqs_batch(&[&sqs_batch(&[S3_PUT])]),
        sns_envelope(&sns_envelope(S3_PUT)),
        sns_envelope(&sqs_batch(&[S3_PUT])),
    ] {
        assert_eq!(
            decode(body.as_bytes()),
            Err(EventError::OtherSource),
            "{body}"
        );
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        deep.clone(),
        format!(r#"{{"Records":{deep}}}"#),
        format!(r#"{{"unknown":{deep},"Records":[]}}"#),
    ] {
        let _ = decode(body.as_bytes());
    }
}

#[test]
fn one_bad_record_does_not_affect_others() {
    let Ok(Decoded::Partial { records, failed }) = decode_from(S3Lambda, S3_ONE_BAD.as_bytes())
    else {
        panic!("one record is bad");
    };
    assert_eq!(
        records
            .iter()
            .map(|record| record.key.as_str())
            .collect::<Vec<_>>(),
        ["one.csv", "two.csv"]
    );
    assert_eq!(
        failed,
        [FailedRecord {
            index: 1,
            error: EventError::KeyEncoding
        }]
    );
}

#[test]
fn a_bad_record_of_a_batch_is_counted_by_its_message() {
    let Ok(Decoded::Partial { records, failed }) = decode_from(S3Sqs, S3_SQS_ONE_BAD.as_bytes())
    else {
        panic!("two messages are bad");
    };
    assert_eq!(
        records
            .iter()
            .map(|record| record.key.as_str())
            .collect::<Vec<_>>(),
        [put().key.as_str(), "good.csv"]
    );
    assert_eq!(
        failed,
        [
            FailedRecord {
                index: 1,
                error: EventError::NotJson
            },
            FailedRecord {
                index: 2,
                error: EventError::KeyEncoding
            },
        ]
    );
}

#[test]
fn a_batch_is_refused_only_if_all_of_it_is_bad() {
    assert_eq!(
        error(S3Sqs, &sqs_batch(&["", "nonsense"])),
        EventError::Empty
    );
    let half = decode_from(S3Sqs, sqs_batch(&[S3_TEST, "nonsense"]).as_bytes());
    let failed = vec![FailedRecord {
        index: 1,
        error: EventError::NotJson,
    }];
    assert_eq!(
        half,
        Ok(Decoded::Partial {
            records: vec![],
            failed
        })
    );
}

#[test]
fn bodies_that_are_not_an_event_have_a_code() {
    for (body, expected) in [
        ("", EventError::Empty),
        (" \n", EventError::Empty),
        ("nonsense", EventError::NotJson),
        (r#"{"Records":["#, EventError::NotJson),
        (r#"{"Records":[]} trailing"#, EventError::NotJson),
        ("{}", EventError::NotAnEvent),
        ("null", EventError::NotAnEvent),
        ("\"text\"", EventError::NotAnEvent),
        (r#"{"Records":null}"#, EventError::NotAnEvent),
        (r#"{"Records":{}}"#, EventError::BadField),
        (r#"{"Records":[],"Records":[]}"#, EventError::BadField),
        (r#"{"Records":[null]}"#, EventError::NotAnEvent),
        (r#"{"Records":[{}]}"#, EventError::NotAnEvent),
        (
            r#"{"Records":[{"eventSource":"aws:sqs"}]}"#,
            EventError::BadField,
        ),
        (
            r#"{"Records":[{"eventSource":"aws:sns"}]}"#,
            EventError::BadField,
        ),
        (r#"{"Event":"s3:OtherEvent"}"#, EventError::NotAnEvent),
        (
            r#"{"Type":"Gossip","Message":"{}"}"#,
            EventError::NotAnEvent,
        ),
        (r#"{"Type":"Notification"}"#, EventError::BadField),
        (r#"{"action":"PutObject"}"#, EventError::BadBucket),
        (
            r#"{"action":"PutObject","bucket":"b"}"#,
            EventError::KeyMissing,
        ),
        (r#"{"messages":[{"body":"nonsense"}]}"#, EventError::NotJson),
        (
            r#"{"detail-type":"Object Created","source":"aws.s3"}"#,
            EventError::BadField,
        ),
    ] {
        assert_eq!(decode(body.as_bytes()), Err(expected), "{body}");
    }
    assert_eq!(decode(b"{\"Records\":\xff}"), Err(EventError::NotJson));
}

#[test]
fn bad_fields_of_a_record_have_a_code() {
    type Change = fn(&mut Value);
    let changes: [(Change, EventError); 10] = [
        (
            |record| record["eventSource"] = Value::Null,
            EventError::NotAnEvent,
        ),
        (
            |record| record["eventVersion"] = json!("3.0"),
            EventError::UnknownVersion,
        ),
        (
            |record| record["eventName"] = Value::Null,
            EventError::BadField,
        ),
        (|record| record["s3"] = Value::Null, EventError::BadField),
        (|record| record["s3"] = json!([]), EventError::NotAnEvent),
        (
            |record| record["s3"]["bucket"] = Value::Null,
            EventError::BadBucket,
        ),
        (
            |record| record["s3"]["bucket"]["name"] = json!(""),
            EventError::BadBucket,
        ),
        (
            |record| record["s3"]["bucket"]["name"] = json!("a\0b"),
            EventError::BadBucket,
        ),
        (
            |record| record["s3"]["object"] = Value::Null,
            EventError::KeyMissing,
        ),
        (
            |record| record["s3"]["object"]["key"] = Value::Null,
            EventError::KeyMissing,
        ),
    ];
    for (index, (change, expected)) in changes.into_iter().enumerate() {
        assert_eq!(
            error(S3Lambda, &s3_with(change)),
            expected,
            "change {index}"
        );
    }
}

#[test]
fn empty_quoted_and_unreadable_fields_are_tolerated() {
    let body = s3_with(|record| {
        record["eventTime"] = json!("yesterday");
        record["s3"]["object"] = json!({ "key": "a", "size": null, "eTag": "\"abc\"", "versionId": "", "sequencer": "" });
    });
    let event = event(S3Lambda, &body);
    assert_eq!(event.etag.as_deref(), Some("abc"));
    assert_eq!(
        (
            event.size_bytes,
            event.version_id,
            event.sequencer,
            event.at
        ),
        (None, None, None, None)
    );
}

#[test]
fn keys_are_decoded_strictly_and_never_normalised() {
    for (encoded, key) in [
        ("a%2Bb+c", "a+b c"),
        ("%e2%82%ac.csv", "€.csv"),
        ("a/../b", "a/../b"),
        ("%2e%2e%2Fb", "../b"),
        ("é", "é"),
        ("%2520", "%20"),
        ("a%00b", "a\0b"),
        ("a%0d%0ab", "a\r\nb"),
        ("a\u{7f}", "a\u{7f}"),
    ] {
        assert_eq!(event(S3Lambda, &s3_keyed(encoded)).key, key);
    }
    let longest = "%61".repeat(KEY_BYTES_MAX);
    assert_eq!(
        event(S3Lambda, &s3_keyed(&longest)).key.len(),
        KEY_BYTES_MAX
    );
    for (encoded, expected) in [
        ("", EventError::KeyMissing),
        ("a%", EventError::KeyEncoding),
        ("a%2", EventError::KeyEncoding),
        ("a%+1", EventError::KeyEncoding),
        ("a%zz", EventError::KeyEncoding),
        ("a%ff", EventError::KeyEncoding),
        (&format!("{longest}a"), EventError::KeyTooLong),
    ] {
        assert_eq!(error(S3Lambda, &s3_keyed(encoded)), expected, "{encoded}");
    }
}

#[test]
fn bodies_and_lists_over_their_bounds_are_refused() {
    assert_eq!(decode(&vec![b' '; BODY_BYTES_MAX]), Err(EventError::Empty));
    assert_eq!(
        decode(&vec![b' '; BODY_BYTES_MAX + 1]),
        Err(EventError::TooLong)
    );
    let list = |count: usize| format!(r#"{{"messages":[{}]}}"#, vec![R2_PUT; count].join(","));
    assert_eq!(events(R2Queue, &list(RECORDS_MAX)).len(), RECORDS_MAX);
    assert_eq!(
        error(R2Queue, &list(RECORDS_MAX + 1)),
        EventError::TooManyRecords
    );
}
