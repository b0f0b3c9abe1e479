//! Events about objects of other systems in the same bucket. They decode or are ignored, and never fail.

use proptest::prelude::*;

use super::*;

/// Returns an event of one object in every envelope and of every store, with the given details and event source.
fn everywhere(source: Option<&str>, key: &str, details: &Value) -> Vec<String> {
    let object = |spelling: [&str; 2], key: &str| {
        let mut object = json!({ "key": key });
        for (field, value) in details.as_object().into_iter().flatten() {
            let name = match field.as_str() {
                "etag" => spelling[0],
                "version" => spelling[1],
                other => other,
            };
            object[name] = value.clone();
        }
        object
    };
    let encoded: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let notification = |source: &str| {
        json!({ "Records": [{
            "eventVersion": "2.1", "eventSource": source, "eventName": "ObjectCreated:Put", "eventTime": details["time"],
            "s3": { "bucket": { "name": "a-bucket" }, "object": object(["eTag", "versionId"], &encoded) },
        }] })
        .to_string()
    };
    let bridge = json!({
        "source": source.unwrap_or("aws.s3"), "detail-type": "Object Created", "time": details["time"],
        "detail": { "bucket": { "name": "a-bucket" }, "object": object(["etag", "version-id"], key) },
    })
    .to_string();
    let r2 = json!({
        "action": "PutObject", "bucket": "a-bucket", "eventTime": details["time"],
        "object": object(["eTag", "versionId"], key),
    })
    .to_string();
    let plain = source.map_or_else(
        || {
            vec![
                notification("aws:s3"),
                notification("minio:s3"),
                notification("rustfs:s3"),
            ]
        },
        |source| vec![notification(source)],
    );
    let wrapped = sqs_batch(&[&plain[0]]);
    let wrapped_notification = sns_envelope(&plain[0]);
    let mut all = plain;
    all.extend([wrapped, wrapped_notification, bridge]);
    if source.is_none() {
        all.push(r2);
    }
    all
}

fn one(body: &str) -> ObjectEvent {
    match decode(body.as_bytes()) {
        Ok(Decoded::Ok(mut records)) if records.len() == 1 => records.remove(0),
        other => panic!("{other:?}: {body}"),
    }
}

#[test]
fn unreadable_details_count_as_absent() {
    let long = "a".repeat(TAG_BYTES_MAX + 1);
    let digits = "0".repeat(Sequencer::DIGITS_MAX + 1);
    let odd = [
        json!(null),
        json!(-1),
        json!(1.5),
        json!(true),
        json!([1]),
        json!({ "a": null }),
        json!("a\nb"),
        json!("not hexadecimal"),
        json!(long),
        json!(digits),
    ];
    for value in odd {
        let details = json!({ "size": value, "etag": value, "version": value, "sequencer": value, "time": value });
        for body in everywhere(None, "a.csv", &details) {
            let event = one(&body);
            assert_eq!(
                (event.bucket.as_str(), event.key.as_str()),
                ("a-bucket", "a.csv")
            );
            assert_eq!(
                (event.size_bytes, &event.sequencer, event.at),
                (None, &None, None),
                "{body}"
            );
        }
    }
}

#[test]
fn the_null_version_is_none_for_every_store() {
    for version in [json!("null"), json!(null), json!("")] {
        for body in everywhere(None, "a.csv", &json!({ "version": version })) {
            assert_eq!(one(&body).version_id, None, "{body}");
        }
    }
}

#[test]
fn an_unknown_source_is_ignored() {
    for source in ["ceph:s3", "aws:kinesis", "aws.ec2", "", "\u{1F600}"] {
        for body in everywhere(Some(source), "a.csv", &json!({})) {
            assert_eq!(decode(body.as_bytes()), Ok(Decoded::Ignore), "{body}");
        }
        let body = json!({ "Records": [{ "eventSource": source }] }).to_string();
        for expected in Envelope::ALL
            .into_iter()
            .filter(|expected| *expected != R2Queue)
        {
            let answer = decode_from(expected, body.as_bytes());
            assert_eq!(answer, Ok(Decoded::Ignore), "{expected:?} {body}");
        }
    }
}

#[test]
fn a_listed_source_is_read_as_minio_and_its_keys_may_be_raw() {
    let sources = EventSources::with(vec!["ceph:s3".to_owned(), "sgws:s3".to_owned()]).unwrap();
    let with_key = |source: &str, key: &str| {
        s3_with(|record| {
            record["eventSource"] = json!(source);
            record["s3"]["object"]["key"] = json!(key);
        })
    };
    for source in ["ceph:s3", "sgws:s3", "rustfs:s3", "minio:s3"] {
        let body = with_key(source, "in%2Fa-b_c.csv");
        let Ok(Decoded::Ok(records)) = sources.decode(body.as_bytes()) else {
            panic!("{source}");
        };
        assert_eq!(records[0].key, "in/a-b_c.csv");
        assert_eq!(records[0].provider, Provider::Minio);
        let by_webhook = sources.decode_from(MinioWebhook, body.as_bytes());
        assert_eq!(by_webhook, Ok(Decoded::Ok(records)));
    }
    for raw in ["100%", "a%zz", "%ff"] {
        let read = sources.decode(with_key("ceph:s3", raw).as_bytes());
        assert!(
            matches!(read, Ok(Decoded::Ok(records)) if records[0].key == raw),
            "{raw}"
        );
        let known = sources.decode(with_key("aws:s3", raw).as_bytes());
        assert_eq!(known, Err(EventError::KeyEncoding), "S3 encodes its keys");
    }
    let other = sources.decode(with_key("other:s3", "a").as_bytes());
    assert_eq!(other, Ok(Decoded::Ignore));
    for bad in [
        "",
        "a b",
        "é",
        "aws:s3",
        "aws:sqs",
        "aws:sns",
        "minio:s3",
        &"x".repeat(65),
    ] {
        assert_eq!(EventSources::with(vec![bad.to_owned()]), None, "{bad:?}");
    }
}

#[test]
fn an_unknown_source_does_not_affect_a_known_one() {
    let mut body: Value = serde_json::from_str(S3_PUT).unwrap();
    let mut other = body["Records"][0].clone();
    other["eventSource"] = json!("ceph:s3");
    body["Records"].as_array_mut().unwrap().insert(0, other);
    assert_eq!(
        decode(body.to_string().as_bytes()),
        Ok(Decoded::Ok(vec![put()]))
    );
}

proptest! {
    /// Any key that an object may have in a store, and any details.
    #[test]
    fn an_event_about_any_object_decodes(
        key in any::<String>().prop_filter("has a length", |key| (1..=KEY_BYTES_MAX).contains(&key.len())),
        text in any::<String>(),
        number in any::<i64>(),
        which in 0_u8..3,
    ) {
        let detail = match which {
            0 => json!(text),
            1 => json!(number),
            _ => json!(null),
        };
        let details = json!({ "size": detail, "etag": detail, "version": detail, "sequencer": detail, "time": detail });
        for body in everywhere(None, &key, &details) {
            prop_assert_eq!(one(&body).key, key.clone());
        }
    }
}
