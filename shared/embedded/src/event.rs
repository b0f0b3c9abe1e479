//! What a change of an object is told as: the text that S3 would put on a queue.

use std::pin::Pin;

use s3s::dto::{Timestamp, TimestampFormat};
use serde_json::json;

use crate::blob::Meta;

/// The error of a consumer of events; it is logged, nothing else.
pub type EventError = Box<dyn std::error::Error + Send + Sync>;

/// Who is told that an object came or went. Any `Fn(String) -> impl Future<Output = Result<(), EventError>>` will do.
pub trait ObjectEvents: Send + Sync + 'static {
    /// Takes one notification, the JSON text of [S3's event message](
    /// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html), with one record.
    ///
    /// It is called once the object is durable, and the client's answer waits for it. An error is logged and the
    /// client still hears of success, since its object is there; nothing is told again.
    fn notify(
        &self,
        notification: String,
    ) -> Pin<Box<dyn Future<Output = Result<(), EventError>> + Send + '_>>;
}

impl<F, R> ObjectEvents for F
where
    F: Fn(String) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), EventError>> + Send + 'static,
{
    fn notify(
        &self,
        notification: String,
    ) -> Pin<Box<dyn Future<Output = Result<(), EventError>> + Send + '_>> {
        Box::pin(self(notification))
    }
}

/// What happened, as S3 names it.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    Put,
    Post,
    Copy,
    Complete,
    Delete,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::Put => "ObjectCreated:Put",
            Self::Post => "ObjectCreated:Post",
            Self::Copy => "ObjectCreated:Copy",
            Self::Complete => "ObjectCreated:CompleteMultipartUpload",
            Self::Delete => "ObjectRemoved:Delete",
        }
    }

    /// The notification's text.
    pub(crate) fn notification(self, bucket: &str, meta: &Meta) -> String {
        let mut object = json!({ "key": form_encode(&meta.key), "sequencer": format!("{:016X}", meta.sequencer) });
        if !matches!(self, Self::Delete) {
            object["size"] = meta.size_bytes.into();
            object["eTag"] = meta.e_tag.as_str().into();
        }
        json!({ "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "awsRegion": "us-east-1",
            "eventTime": text(&meta.modified()),
            "eventName": self.name(),
            "userIdentity": { "principalId": "consign" },
            "requestParameters": { "sourceIPAddress": "127.0.0.1" },
            "responseElements": {},
            "s3": {
                "s3SchemaVersion": "1.0",
                "configurationId": "consign",
                "bucket": {
                    "name": bucket,
                    "ownerIdentity": { "principalId": "consign" },
                    "arn": format!("arn:aws:s3:::{bucket}"),
                },
                "object": object,
            },
        }] })
        .to_string()
    }
}

/// RFC 3339. Times between 1970 and 2554 (64 bits of nanoseconds) always have such a form.
fn text(time: &Timestamp) -> String {
    let mut text = Vec::new();
    match time.format(TimestampFormat::DateTime, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => String::new(),
    }
}

/// A key as S3 writes it in events and in listings with `encoding-type=url`: a form's encoding, but `/` stays.
pub(crate) fn form_encode(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b'/' => {
                encoded.push(byte.into())
            }
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
