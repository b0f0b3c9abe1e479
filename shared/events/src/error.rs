//! Why a message, or a record of it, is no object event.

use super::limits::{BODY_BYTES_MAX, KEY_BYTES_MAX, RECORDS_MAX};

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
