//! Object events of S3, R2 and MinIO, decoded into one [`ObjectEvent`] whatever envelope they arrive in.
//!
//! S3 notifies through Lambda, SQS, SNS (into Lambda, or into SQS with or without its envelope) or EventBridge; R2
//! through a Queue; MinIO by webhook. Both a batch as a consumer receives it and the text of a single message are
//! decoded. Every envelope is delivered at least once and in any order. The [`Sequencer`] provides the order, and the
//! state machine handles repeated events.
//!
//! The input is not trusted: size, number of records and depth are limited, and an invalid record does not affect the
//! others. An error is a stable [`code`](EventError::code) and contains nothing of the input.
//!
//! ```
//! use consign_events::{Action, Decoded, decode};
//!
//! let body = br#"{"Records": [{
//!     "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
//!     "eventTime": "2026-01-31T12:00:00.000Z", "eventName": "ObjectCreated:Put",
//!     "s3": {"bucket": {"name": "files"}, "object": {"key": "in/alice/a+b.csv", "size": 8,
//!         "eTag": "e5ebd4c02cefbe7955977c67ada242b7", "sequencer": "0055AED6DCD90281E5"}}
//! }]}"#;
//! let Decoded::Ok(events) = decode(body)? else {
//!     panic!("every record is valid");
//! };
//! // The key is decoded once, as S3 encodes it.
//! assert_eq!((events[0].action, events[0].key.as_str()), (Action::Created, "in/alice/a b.csv"));
//! # Ok::<(), consign_events::EventError>(())
//! ```

use consign_time::Timestamp;

mod parse;
mod sequencer;
#[cfg(test)]
mod tests;
mod wire;

pub use sequencer::Sequencer;

/// The maximum length of a body, in bytes: the limit of a Lambda invocation. An SQS or SNS message has at most 1 MiB,
/// a message of a Queue 128 KiB.
pub const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The maximum number of records of one list.
pub const RECORDS_MAX: usize = 1000;
/// The maximum length of an object key in any store, in UTF-8 bytes.
pub const KEY_BYTES_MAX: usize = 1024;
/// The maximum length of a bucket name, in bytes: 63 today, 255 in the oldest S3 buckets.
pub const BUCKET_BYTES_MAX: usize = 255;
/// The maximum length of an ETag or version id, in bytes: the limit of S3's version ids.
pub const TAG_BYTES_MAX: usize = 1024;

// A whole SQS batch of the largest messages that a standard consumer requests (10 × 256 KiB) fits.
const _: () = assert!(BODY_BYTES_MAX >= 10 * 256 * 1024);

/// The kind of store that an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Amazon S3.
    S3,
    /// Cloudflare R2.
    R2,
    /// MinIO, or another server with the same notifications.
    Minio,
}

impl Provider {
    /// Returns the stable lower-case name: `s3`, `r2`, `minio`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::R2 => "r2",
            Self::Minio => "minio",
        }
    }
}

/// What happened to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It was written: put, posted, copied, or completed from parts.
    Created,
    /// It was removed, expired, or hidden by a delete marker. With a version id, only that version is gone, so a HEAD
    /// request has to confirm it.
    Deleted,
}

impl Action {
    /// Returns the stable lower-case name: `created`, `deleted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Deleted => "deleted",
        }
    }
}

/// One change of one object, as its store reported it.
///
/// The key is decoded, but only its length is checked. A store may have keys that consign never made, also with
/// control characters, and no upload has such a key. Everything except bucket and key is a hint, and `None` if it
/// cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEvent {
    /// The kind of store.
    pub provider: Provider,
    /// What happened.
    pub action: Action,
    /// The name of the bucket: not empty, at most [`BUCKET_BYTES_MAX`] bytes, without control characters.
    pub bucket: String,
    /// The decoded object key: not empty, at most [`KEY_BYTES_MAX`] bytes.
    pub key: String,
    /// The size in bytes. Absent for deletions, and for an empty object in MinIO.
    pub size_bytes: Option<u64>,
    /// The ETag without quotes.
    pub etag: Option<String>,
    /// The version id in a versioned bucket. The null version is `None`.
    pub version_id: Option<String>,
    /// The sequencer. `None` for R2, and for a value that is not hexadecimal.
    pub sequencer: Option<Sequencer>,
    /// The time of the event by the store's clock, if readable. Information only: it does not order events.
    pub at: Option<Timestamp>,
}

/// A message that was decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// The events, at least one, in the order of the message.
    Ok(Vec<ObjectEvent>),
    /// A valid message without an event to act on: a test event, a tag change, a subscription notice, an empty batch,
    /// or an event of an unknown envelope. The caller acknowledges it.
    Ignore,
    /// Some records are valid and some are not. The caller acts on the valid ones and reports the others.
    Partial {
        /// The events. Empty if the other records contain none to act on.
        records: Vec<ObjectEvent>,
        /// The invalid records, in order.
        failed: Vec<FailedRecord>,
    },
}

/// An invalid record of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedRecord {
    /// The index in the outermost list. In an SQS batch it is the index of the SQS message, which a partial batch
    /// response names; in a plain notification that of the entry of `Records`. A message is invalid if any record in
    /// it is.
    pub index: usize,
    /// The first error of the record.
    pub error: EventError,
}

/// Why a body or a record is not a valid event. Contains nothing of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The body is empty.
    #[error("the body is empty")]
    Empty,
    /// The body is longer than [`BODY_BYTES_MAX`].
    #[error("the body is longer than {BODY_BYTES_MAX} bytes")]
    TooLong,
    /// The body, or a message in it, is not JSON in UTF-8.
    #[error("the message is not JSON")]
    NotJson,
    /// The JSON has no known shape.
    #[error("the message is not an object event")]
    NotAnEvent,
    /// The event comes from another store, or in another envelope, than expected.
    #[error("the event has another source or envelope")]
    OtherSource,
    /// A list is longer than [`RECORDS_MAX`].
    #[error("the message has more than {RECORDS_MAX} records")]
    TooManyRecords,
    /// The major version of the event is unknown.
    #[error("the event's version is unknown")]
    UnknownVersion,
    /// A field has the wrong type or is duplicated, or a required field is missing.
    #[error("a field is missing, repeated or of the wrong type")]
    BadField,
    /// The name of the bucket is missing, too long or not a string.
    #[error("the bucket's name is missing or invalid")]
    BadBucket,
    /// The key is missing or empty.
    #[error("the key is missing")]
    KeyMissing,
    /// The percent-encoding of the key is invalid, or does not decode to UTF-8.
    #[error("the key's encoding is invalid")]
    KeyEncoding,
    /// The key is longer than [`KEY_BYTES_MAX`].
    #[error("the key is longer than {KEY_BYTES_MAX} bytes")]
    KeyTooLong,
    /// A sequencer that is parsed by itself is not hexadecimal, or is too long.
    #[error("the sequencer is not hexadecimal")]
    BadSequencer,
}

impl EventError {
    /// Returns the stable name of the error, for logs, metrics and dead letters.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "event_empty",
            Self::TooLong => "event_too_long",
            Self::NotJson => "event_not_json",
            Self::NotAnEvent => "event_unknown_shape",
            Self::OtherSource => "event_other_source",
            Self::TooManyRecords => "event_too_many_records",
            Self::UnknownVersion => "event_unknown_version",
            Self::BadField => "event_bad_field",
            Self::BadBucket => "event_bad_bucket",
            Self::KeyMissing => "event_key_missing",
            Self::KeyEncoding => "event_key_encoding",
            Self::KeyTooLong => "event_key_too_long",
            Self::BadSequencer => "event_bad_sequencer",
        }
    }
}

/// The envelope in which a notification arrives. Where it is fixed, messages in other envelopes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Envelope {
    /// S3 invokes a Lambda function.
    S3Lambda,
    /// S3 sends to an SQS queue.
    S3Sqs,
    /// S3 sends to an SNS topic that invokes a Lambda function or an HTTP endpoint.
    S3Sns,
    /// S3 sends to an SNS topic, which sends to an SQS queue. Each message has SNS's envelope.
    S3SnsSqs,
    /// As before, with raw message delivery. The message has the form of [`Envelope::S3Sqs`].
    S3SnsRawSqs,
    /// S3 sends through EventBridge to a Lambda function or an SQS queue.
    EventBridge,
    /// R2 sends to a Cloudflare Queue.
    R2Queue,
    /// MinIO's webhook, and those of servers with the same notifications.
    MinioWebhook,
}

impl Envelope {
    /// All envelopes.
    pub const ALL: [Self; 8] = [
        Self::S3Lambda,
        Self::S3Sqs,
        Self::S3Sns,
        Self::S3SnsSqs,
        Self::S3SnsRawSqs,
        Self::EventBridge,
        Self::R2Queue,
        Self::MinioWebhook,
    ];

    /// Returns the stable name, as the conformance program reads it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3Lambda => "s3-lambda",
            Self::S3Sqs => "s3-sqs",
            Self::S3Sns => "s3-sns",
            Self::S3SnsSqs => "s3-sns-sqs",
            Self::S3SnsRawSqs => "s3-sns-raw-sqs",
            Self::EventBridge => "eventbridge",
            Self::R2Queue => "r2-queue",
            Self::MinioWebhook => "minio-webhook",
        }
    }

    /// Returns the envelope of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|envelope| envelope.as_str() == name)
    }
}

/// Values of `eventSource` that are accepted in addition to `aws:s3`, `minio:s3` and `rustfs:s3`, such as `ceph:s3`,
/// for servers with S3's notifications. Records of other sources are acknowledged without effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSources(Vec<String>);

impl EventSources {
    /// The maximum length of a name, in bytes.
    pub const NAME_BYTES_MAX: usize = 64;
    /// Sources that are decoded in their own way and cannot be listed.
    const OWN: [&str; 5] = ["aws:s3", "aws:sqs", "aws:sns", "minio:s3", "rustfs:s3"];

    /// No additional sources.
    pub const KNOWN: Self = Self(Vec::new());

    /// Creates a list of additional sources. `None` if a name is not printable ASCII of 1 to
    /// [`EventSources::NAME_BYTES_MAX`] bytes, or is known already.
    #[must_use]
    pub fn with(names: Vec<String>) -> Option<Self> {
        let is_name = |name: &String| {
            (1..=Self::NAME_BYTES_MAX).contains(&name.len())
                && name.bytes().all(|byte| byte.is_ascii_graphic())
                && !Self::OWN.contains(&name.as_str())
        };
        names.iter().all(is_name).then_some(Self(names))
    }

    fn lists(&self, name: &str) -> bool {
        self.0.iter().any(|listed| listed == name)
    }

    /// Like [`decode`], with these sources.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub fn decode(&self, body: &[u8]) -> Result<Decoded, EventError> {
        parse::body(body, parse::Expected::any(self))
    }

    /// Like [`decode_from`], with these sources, which arrive by [`Envelope::MinioWebhook`].
    ///
    /// # Errors
    ///
    /// As [`decode_from`].
    pub fn decode_from(&self, envelope: Envelope, body: &[u8]) -> Result<Decoded, EventError> {
        parse::body(body, parse::Expected::of(envelope, self))
    }
}

/// Decodes a message in any envelope.
///
/// # Errors
///
/// The whole message is invalid: see [`EventError`]. If every record of a batch is invalid, the error is that of the
/// first one.
pub fn decode(body: &[u8]) -> Result<Decoded, EventError> {
    EventSources::KNOWN.decode(body)
}

/// Decodes a message in one envelope, and refuses others.
///
/// # Errors
///
/// As [`decode`], and [`EventError::OtherSource`] for an event in another envelope.
pub fn decode_from(envelope: Envelope, body: &[u8]) -> Result<Decoded, EventError> {
    EventSources::KNOWN.decode_from(envelope, body)
}
