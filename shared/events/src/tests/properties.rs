//! Properties for any event and for any bytes.

use proptest::prelude::*;

use super::*;

/// Form-encodes everything but letters and digits, as a store may.
fn form_encoded(key: &str, slash: bool) -> String {
    key.bytes()
        .map(|byte| match byte {
            b' ' => "+".to_owned(),
            b'/' if slash => "/".to_owned(),
            plain if plain.is_ascii_alphanumeric() => char::from(plain).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Writes an event as its store would send it, in the envelope that `envelope` selects.
fn encoded(event: &ObjectEvent, envelope: u8) -> (Envelope, String) {
    let sequencer = event.sequencer.as_ref().map(Sequencer::as_str);
    let (created, etag) = (
        event.action == Action::Created,
        event.etag.as_ref().map(|etag| format!("\"{etag}\"")),
    );
    let notification = |source: &str, name: &str, key: String| {
        let object = json!({
            "key": key, "size": event.size_bytes, "eTag": etag, "versionId": event.version_id, "sequencer": sequencer,
        });
        json!({ "Records": [{ "eventVersion": "2.1", "eventSource": source, "eventName": name, "eventTime": NOON,
            "s3": { "bucket": { "name": event.bucket }, "object": object } }] })
        .to_string()
    };
    match event.provider {
        Provider::S3 if envelope == 0 => {
            let body = json!({ "source": "aws.s3", "time": NOON,
                "detail-type": if created { "Object Created" } else { "Object Deleted" },
                "detail": { "bucket": { "name": event.bucket }, "object": { "key": event.key, "size": event.size_bytes,
                    "etag": event.etag, "version-id": event.version_id, "sequencer": sequencer } } });
            (EventBridge, body.to_string())
        }
        Provider::S3 => {
            let name = if created {
                "ObjectCreated:Put"
            } else {
                "ObjectRemoved:Delete"
            };
            let body = notification("aws:s3", name, form_encoded(&event.key, true));
            match envelope {
                1 => (S3Lambda, body),
                2 => (S3Sqs, sqs_batch(&[&body])),
                3 => (S3Sns, sns_envelope(&body)),
                _ => (S3SnsSqs, sqs_batch(&[&sns_envelope(&body)])),
            }
        }
        Provider::R2 => {
            let action = if created {
                "CompleteMultipartUpload"
            } else {
                "LifecycleDeletion"
            };
            let object = json!({ "key": event.key, "size": event.size_bytes, "eTag": etag,
                "versionId": event.version_id, "sequencer": sequencer });
            (R2Queue, json!({ "action": action, "bucket": event.bucket, "object": object, "eventTime": NOON }).to_string())
        }
        Provider::Minio => {
            let name = if created {
                "s3:ObjectCreated:Copy"
            } else {
                "s3:ObjectRemoved:Delete"
            };
            (
                MinioWebhook,
                notification("minio:s3", name, form_encoded(&event.key, false)),
            )
        }
    }
}

fn any_event() -> impl Strategy<Value = ObjectEvent> {
    (
        prop::sample::select(&[Provider::S3, Provider::R2, Provider::Minio][..]),
        prop::sample::select(&[Action::Created, Action::Deleted][..]),
        "[a-z0-9.-]{3,63}",
        any::<String>().prop_filter("has a length", |key| {
            (1..=KEY_BYTES_MAX).contains(&key.len())
        }),
        prop::option::of(any::<u64>()),
        prop::option::of("[0-9a-f]{32}(-[1-9])?"),
        prop::option::of("[A-Za-z0-9._+]{5,32}"),
        prop::option::of("[0-9A-F]{1,18}"),
    )
        .prop_map(
            |(provider, action, bucket, key, size_bytes, etag, version_id, digits)| ObjectEvent {
                provider,
                action,
                bucket,
                key,
                size_bytes,
                etag,
                version_id,
                sequencer: digits.map(|digits| sequencer(&digits)),
                at: time::parse(NOON).ok(),
            },
        )
}

proptest! {
    #[test]
    fn events_survive_a_round_trip(event in any_event(), envelope in 0_u8..5) {
        let (source, body) = encoded(&event, envelope);
        let expected = Ok(Decoded::Ok(vec![event]));
        prop_assert_eq!(decode_from(source, body.as_bytes()), expected.clone());
        prop_assert_eq!(decode(body.as_bytes()), expected);
    }

    #[test]
    fn random_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = decode(&body);
    }

    #[test]
    fn mutated_messages_never_panic_and_events_keep_their_invariants(
        fixture in prop::sample::select(FIXTURES),
        mutations in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..8),
    ) {
        let mut body = fixture.as_bytes().to_vec();
        for (at, byte, how) in mutations {
            let at = at.index(body.len().max(1));
            match how {
                0 if at < body.len() => body[at] = byte,
                1 => body.truncate(at),
                _ => body.insert(at.min(body.len()), byte),
            }
        }
        let mut decoded = vec![decode(&body)];
        decoded.extend(Envelope::ALL.map(|source| decode_from(source, &body)));
        for records in decoded {
            let (Ok(Decoded::Ok(records)) | Ok(Decoded::Partial { records, .. })) = records else { continue };
            for event in records {
                prop_assert!(!event.bucket.is_empty() && !event.key.is_empty() && event.key.len() <= KEY_BYTES_MAX);
            }
        }
    }

    #[test]
    fn sequencers_order_as_padded_text(a in "[0-9A-F]{0,20}", b in "[0-9A-F]{0,20}") {
        let padded = format!("{a:0<20}").cmp(&format!("{b:0<20}"));
        prop_assert_eq!(sequencer(&a).cmp(&sequencer(&b)), padded);
    }
}
