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

mod envelope;
mod error;
mod event;
mod limits;
mod parse;
mod sequencer;
#[cfg(test)]
mod tests;
mod wire;

pub use envelope::{Envelope, EventSources};
pub use error::EventError;
pub use event::{Action, Decoded, FailedRecord, ObjectEvent, Provider};
pub use limits::{BODY_BYTES_MAX, BUCKET_BYTES_MAX, KEY_BYTES_MAX, RECORDS_MAX, TAG_BYTES_MAX};
pub use sequencer::Sequencer;

impl EventSources {
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
