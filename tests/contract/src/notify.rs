//! What a store says, in S3's words.

use consign_core::events::Sequencer;
use consign_core::ids::ObjectRef;
use serde_json::{Value, json};

/// The notification of an object created, with its etag and size.
#[must_use]
pub fn created(
    object: &ObjectRef,
    (etag, size_bytes): (&str, u64),
    at: Option<&Sequencer>,
) -> String {
    notification(
        "ObjectCreated:Put",
        object,
        json!({ "size": size_bytes, "eTag": etag }),
        at,
    )
}

/// The notification of an object deleted.
#[must_use]
pub fn removed(object: &ObjectRef, at: Option<&Sequencer>) -> String {
    notification("ObjectRemoved:Delete", object, json!({}), at)
}

fn notification(
    name: &str,
    object: &ObjectRef,
    mut about: Value,
    at: Option<&Sequencer>,
) -> String {
    // Keys are form-encoded there; those of our templates stay as they are but for `=`.
    about["key"] = object.key.replace('=', "%3D").into();
    if let Some(at) = at {
        about["sequencer"] = at.as_str().into();
    }
    let record = json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2027-01-15T08:00:00.000Z",
        "eventName": name,
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "uploads",
            "bucket": { "name": object.bucket, "arn": format!("arn:aws:s3:::{}", object.bucket) },
            "object": about,
        },
    });
    json!({ "Records": [record] }).to_string()
}
