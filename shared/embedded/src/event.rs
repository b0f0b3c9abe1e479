//! Events of changed objects, in the format of S3.

use std::pin::Pin;

use s3s::dto::{Timestamp, TimestampFormat};
use serde_json::json;

use crate::blob::Meta;

/// The error of an event consumer. It is only logged.
pub type EventError = Box<dyn std::error::Error + Send + Sync>;

/// Consumes events of objects. Any `Fn(String) -> impl Future<Output = Result<(), EventError>>` implements it.
pub trait ObjectEvents: Send + Sync + 'static {
    /// Accepts one notification, the JSON text of [S3's event message](
    /// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html), with one record.
    ///
    /// It is called when the change is durable, and the answer to the client waits for it. An error is logged. The
    /// client still gets a success, since its object exists. The event is not sent again.
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

/// The event names of S3.
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

    /// Returns the text of the notification.
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

/// Formats RFC 3339. Times between 1970 and 2554 (64 bits of nanoseconds) always have this form.
fn text(time: &Timestamp) -> String {
    let mut text = Vec::new();
    match time.format(TimestampFormat::DateTime, &mut text) {
        Ok(()) => String::from_utf8_lossy(&text).into_owned(),
        Err(_) => String::new(),
    }
}

/// Encodes a key as S3 does in events and in listings with `encoding-type=url`: form encoding, but `/` is kept.
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
