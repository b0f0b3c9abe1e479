//! The JSON of envelopes and stores, borrowed from the message's text.
//!
//! Lists and parts stay raw JSON until they are read. An invalid record therefore does not affect others, and unused
//! fields cost nothing.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::EventError;
use super::limits::RECORDS_MAX;

/// A string, borrowed if the JSON has no escapes.
#[derive(serde::Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The fields that distinguish the formats of a whole message.
#[derive(serde::Deserialize)]
pub(super) struct MessageShape<'a> {
    /// S3 and MinIO events, or SQS or SNS messages for a Lambda function.
    #[serde(borrow, rename = "Records")]
    pub(super) records: Option<List<'a>>,
    /// A batch of a Queue.
    #[serde(borrow)]
    pub(super) messages: Option<List<'a>>,
    /// SNS's envelope.
    #[serde(rename = "Type")]
    pub(super) sns: Option<IgnoredAny>,
    /// S3's test event, which has no `Records`.
    #[serde(borrow, rename = "Event")]
    pub(super) test: Option<&'a RawValue>,
    /// EventBridge.
    #[serde(rename = "detail-type")]
    pub(super) event_bridge: Option<IgnoredAny>,
    /// R2, and one message of a Queue.
    pub(super) action: Option<IgnoredAny>,
    pub(super) body: Option<IgnoredAny>,
}

/// An entry of `Records`.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Record<'a> {
    /// `aws:sqs`, `aws:s3`, `minio:s3`, `rustfs:s3`. SNS capitalises the name of this field.
    #[serde(borrow, alias = "EventSource")]
    pub(super) event_source: Option<Text<'a>>,
    /// The SQS message.
    #[serde(borrow)]
    pub(super) body: Option<Text<'a>>,
    /// The SNS message.
    #[serde(borrow, rename = "Sns")]
    pub(super) sns: Option<&'a RawValue>,
    /// Such as `2.1`.
    #[serde(borrow, alias = "EventVersion")]
    pub(super) event_version: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) event_name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) event_time: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) s3: Option<&'a RawValue>,
}

/// SNS's envelope.
#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Sns<'a> {
    #[serde(borrow, rename = "Type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) message: Option<Text<'a>>,
}

/// An event of S3 in EventBridge's format.
#[derive(serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct EventBridge<'a> {
    #[serde(borrow)]
    pub(super) source: Text<'a>,
    #[serde(borrow)]
    pub(super) detail_type: Text<'a>,
    #[serde(borrow)]
    pub(super) time: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) detail: Option<&'a RawValue>,
}

/// `s3` of a notification's record, or `detail` of EventBridge's event.
#[derive(serde::Deserialize)]
pub(super) struct Entity<'a> {
    #[serde(borrow)]
    pub(super) bucket: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) object: Option<&'a RawValue>,
}

/// `bucket` of an [`Entity`].
#[derive(serde::Deserialize)]
pub(super) struct Bucket<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
}

/// The object, in the spelling of every store. All fields but the key are read later and may have any type.
#[derive(serde::Deserialize)]
pub(super) struct Object<'a> {
    #[serde(borrow)]
    pub(super) key: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) size: Option<&'a RawValue>,
    #[serde(borrow, alias = "eTag")]
    pub(super) etag: Option<&'a RawValue>,
    #[serde(borrow, alias = "versionId", alias = "version-id")]
    pub(super) version_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) sequencer: Option<&'a RawValue>,
}

/// One message of a Queue. The event is its `body`, as JSON or as a string.
#[derive(serde::Deserialize)]
pub(super) struct QueueMessage<'a> {
    #[serde(borrow)]
    pub(super) body: Option<&'a RawValue>,
}

/// An event of R2.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct R2<'a> {
    #[serde(borrow)]
    pub(super) action: Text<'a>,
    #[serde(borrow)]
    pub(super) bucket: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) object: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) event_time: Option<&'a RawValue>,
}

/// At most [`RECORDS_MAX`] raw entries. A longer list is parsed to its end, but not stored.
pub(super) struct List<'a> {
    entries: Vec<&'a RawValue>,
    too_long: bool,
}

impl<'a> List<'a> {
    /// Returns the texts of the entries.
    pub(super) fn entries(&self) -> Result<impl ExactSizeIterator<Item = &'a str>, EventError> {
        if self.too_long {
            return Err(EventError::TooManyRecords);
        }
        Ok(self.entries.iter().map(|entry| entry.get()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for List<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = List<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<'de>, A::Error> {
                let mut entries = Vec::new();
                while entries.len() < RECORDS_MAX {
                    match seq.next_element()? {
                        Some(entry) => entries.push(entry),
                        None => {
                            return Ok(List {
                                entries,
                                too_long: false,
                            });
                        }
                    }
                }
                let mut too_long = false;
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    too_long = true;
                }
                Ok(List { entries, too_long })
            }
        }
        deserializer.deserialize_seq(Entries)
    }
}

/// Parses a JSON object. Serde alone would also accept an array of the fields' values.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, EventError> {
    if !text.trim_ascii_start().starts_with('{') {
        // Anything else is not an event. The error depends on whether it is JSON.
        return value::<IgnoredAny>(text).and(Err(EventError::NotAnEvent));
    }
    value(text)
}

/// Parses any JSON value. Serde's own error is dropped, since it quotes the input.
pub(super) fn value<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, EventError> {
    serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            EventError::BadField
        } else {
            EventError::NotJson
        }
    })
}
