//! Object events: what S3, R2 and MinIO tell of an object, whatever carried the message, as one [`ObjectEvent`].
//!
//! S3 notifies through a Lambda, SQS, SNS (into a Lambda, or into SQS wrapped or raw) or EventBridge; R2 through a Queue; MinIO by
//! webhook. A batch as a consumer gets it and the text of a single message are both understood. Every carrier delivers at least
//! once and in no order: ordering is the [`Sequencer`]'s, and doubles are the state machine's.
//!
//! Nothing here trusts its input: size, number of records and depth are bounded, one bad record spoils no other, and a refusal is a
//! stable [`code`](EventError::code) without a byte of what was sent.

use consign_time::Timestamp;

mod parse;
mod sequencer;
#[cfg(test)]
mod tests;
mod wire;

pub use sequencer::Sequencer;

/// The longest body taken, in bytes: what one Lambda invocation may carry. An SQS or SNS message is at most 1 MiB, a Queue's 128 KiB.
pub const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The most records of one list.
pub const RECORDS_MAX: usize = 1000;
/// The longest object key, in UTF-8 bytes, in any of the stores.
pub const KEY_BYTES_MAX: usize = 1024;
/// The longest bucket name, in bytes: 63 today, 255 in the oldest S3 buckets.
pub const BUCKET_BYTES_MAX: usize = 255;
/// The longest etag or version id, in bytes (S3's version ids end there).
pub const TAG_BYTES_MAX: usize = 1024;

// A whole SQS batch of the largest messages that a standard consumer asks for (10 × 256 KiB) fits.
const _: () = assert!(BODY_BYTES_MAX >= 10 * 256 * 1024);

/// Whose store an event is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Amazon S3.
    S3,
    /// Cloudflare R2.
    R2,
    /// MinIO, or another server that notifies as it does.
    Minio,
}

impl Provider {
    /// The stable lower-case name: `s3`, `r2`, `minio`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::R2 => "r2",
            Self::Minio => "minio",
        }
    }
}

/// What became of the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It was written: put, posted, copied, or completed from parts.
    Created,
    /// It was removed, expired, or hidden by a delete marker. With a version id only that version is gone: look before believing.
    Deleted,
}

impl Action {
    /// The stable lower-case name: `created`, `deleted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Deleted => "deleted",
        }
    }
}

/// One thing that happened to one object, as its store said it.
///
/// The key is decoded but not judged beyond its length: a store may hold keys that consign never made, with control characters too,
/// and no upload will be found under them. What a store says beside bucket and key is a hint, and `None` where it is illegible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectEvent {
    /// Whose store.
    pub provider: Provider,
    /// What happened.
    pub action: Action,
    /// The bucket's name: never empty, at most [`BUCKET_BYTES_MAX`] bytes, no control bytes.
    pub bucket: String,
    /// The object's key, decoded: never empty, at most [`KEY_BYTES_MAX`] bytes.
    pub key: String,
    /// The object's size in bytes. Absent for deletions, and for an empty object in MinIO.
    pub size_bytes: Option<u64>,
    /// The object's etag without quotes.
    pub etag: Option<String>,
    /// The version, where the bucket keeps versions. The null version is `None`.
    pub version_id: Option<String>,
    /// The event's place in the key's history. R2 has none, and what another store says that is no hexadecimal is none.
    pub sequencer: Option<Sequencer>,
    /// When it happened by the store's clock, where the store said so legibly. Information, not an order.
    pub at: Option<Timestamp>,
}

/// A message that was understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decoded {
    /// Events to act on, at least one, in the order of the message.
    Ok(Vec<ObjectEvent>),
    /// A valid message that asks for nothing (a test event, a tag change, a subscription notice, an empty batch, an event of a source
    /// that is not known): acknowledge it.
    Ignore,
    /// Some records were understood and some not. The good ones are to be acted on, the bad ones reported.
    Partial {
        /// Events to act on; none if the other records asked for nothing.
        records: Vec<ObjectEvent>,
        /// The bad ones, in order.
        failed: Vec<FailedRecord>,
    },
}

/// A bad record of an otherwise good batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FailedRecord {
    /// Its index in the outermost list: of an SQS batch the SQS message (which is what a partial batch response names), of a plain
    /// notification the entry of `Records`. A message of a batch is bad if any record within it is.
    pub index: usize,
    /// The first thing wrong with it.
    pub error: EventError,
}

/// Why a body, or a record of it, is not an event. No text of the sender is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// There is no body.
    #[error("the body is empty")]
    Empty,
    /// The body is longer than [`BODY_BYTES_MAX`].
    #[error("the body is over {BODY_BYTES_MAX} bytes")]
    TooLong,
    /// The body, or a message within it, is not JSON in UTF-8.
    #[error("the message is not JSON")]
    NotJson,
    /// JSON, but of no shape known here.
    #[error("the message is not an object event")]
    NotAnEvent,
    /// An event of another known source than the one expected, or one wrapped in another way.
    #[error("the event is of another source")]
    OtherSource,
    /// A list is longer than [`RECORDS_MAX`].
    #[error("the message has over {RECORDS_MAX} records")]
    TooManyRecords,
    /// The event's major version is not the one known here.
    #[error("the event's version is unknown")]
    UnknownVersion,
    /// A field has the wrong type, is there twice, or a required one is missing.
    #[error("a field is missing, repeated or of the wrong type")]
    BadField,
    /// The bucket's name is missing, too long or not text.
    #[error("the bucket's name is missing or impossible")]
    BadBucket,
    /// The key is missing or empty.
    #[error("the key is missing")]
    KeyMissing,
    /// The key's percent-encoding is broken, or does not decode to UTF-8.
    #[error("the key's encoding is broken")]
    KeyEncoding,
    /// The key is longer than [`KEY_BYTES_MAX`].
    #[error("the key is over {KEY_BYTES_MAX} bytes")]
    KeyTooLong,
    /// A sequencer that is read by itself is not hexadecimal text, or too long.
    #[error("the sequencer is not hexadecimal")]
    BadSequencer,
}

impl EventError {
    /// The stable name of the refusal, for logs, metrics and dead letters.
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

/// The way a message came, so that nothing else is taken from there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// S3 invoking a Lambda.
    S3Lambda,
    /// S3 into an SQS queue.
    S3Sqs,
    /// S3 into an SNS topic that invokes a Lambda or an HTTP endpoint.
    S3Sns,
    /// S3 into an SNS topic into an SQS queue, each message in SNS's envelope.
    S3SnsSqs,
    /// The same with raw message delivery: as [`Source::S3Sqs`].
    S3SnsRawSqs,
    /// S3 through EventBridge, to a Lambda or an SQS queue.
    EventBridge,
    /// R2 into a Cloudflare Queue.
    R2Queue,
    /// MinIO's webhook, and those of servers that notify as it does.
    MinioWebhook,
}

impl Source {
    /// Every source.
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

    /// The stable name, as configuration spells it.
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

    /// The source of that name, if there is one.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }
}

/// What the records of a notification may have as their `eventSource` beside `aws:s3`, `minio:s3` and `rustfs:s3`, such as `ceph:s3`:
/// servers whose notifications are S3's in all else. What neither this lists nor is known is acknowledged without effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSources(Vec<String>);

impl EventSources {
    /// The longest name, in bytes.
    pub const NAME_BYTES_MAX: usize = 64;
    /// What is read in its own way, and so cannot be listed as a server.
    const OWN: [&str; 5] = ["aws:s3", "aws:sqs", "aws:sns", "minio:s3", "rustfs:s3"];

    /// No source beside those that are known.
    pub const KNOWN: Self = Self(Vec::new());

    /// Lists these as well. `None` where one is not printable ASCII of 1 to [`EventSources::NAME_BYTES_MAX`] bytes, or is known
    /// already.
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

    /// [`decode`] with these sources.
    ///
    /// # Errors
    ///
    /// As [`decode`].
    pub fn decode(&self, body: &[u8]) -> Result<Decoded, EventError> {
        parse::body(body, parse::Expected::any(self))
    }

    /// [`decode_from`] with these sources, which come by [`Source::MinioWebhook`].
    ///
    /// # Errors
    ///
    /// As [`decode_from`].
    pub fn decode_from(&self, source: Source, body: &[u8]) -> Result<Decoded, EventError> {
        parse::body(body, parse::Expected::of(source, self))
    }
}

/// Decodes a message of any source, finding out itself how it is wrapped.
///
/// # Errors
///
/// The whole message is refused: see [`EventError`]. If every record of a batch is bad, the error is the first one's.
pub fn decode(body: &[u8]) -> Result<Decoded, EventError> {
    EventSources::KNOWN.decode(body)
}

/// Decodes a message of one source, and takes no other.
///
/// # Errors
///
/// As [`decode`]; [`EventError::OtherSource`] for an event that did not come this way.
pub fn decode_from(source: Source, body: &[u8]) -> Result<Decoded, EventError> {
    EventSources::KNOWN.decode_from(source, body)
}
