//! Decodes messages: removes the envelope, then reads the store's event.

use std::borrow::Cow;

use consign_ids::bare_etag;
use consign_time as time;
use percent_encoding::percent_decode_str;
use serde_json::value::RawValue;

use super::envelope::{Envelope, EventSources};
use super::error::EventError;
use super::event::{Action, Decoded, FailedRecord, ObjectEvent, Provider};
use super::limits::{BODY_BYTES_MAX, BUCKET_BYTES_MAX, KEY_BYTES_MAX, TAG_BYTES_MAX};
use super::sequencer::Sequencer;
use super::wire::{self, Text};

/// The envelopes and stores that are still accepted. Each envelope is removed at most once, SQS before SNS, so a
/// message is at most three levels deep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    sqs: bool,
    sns: Wrapped,
    /// The expected origin. `None` accepts any.
    origin: Option<Origin>,
    /// The additional event sources.
    sources: &'a EventSources,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrapped {
    Never,
    Maybe,
    Always,
}

/// The sender of the innermost message, and its format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    S3,
    EventBridge,
    R2,
    /// MinIO, and servers with the same notifications.
    Minio,
}

impl<'a> Expected<'a> {
    pub(super) const fn any(sources: &'a EventSources) -> Self {
        Self {
            sqs: true,
            sns: Wrapped::Maybe,
            origin: None,
            sources,
        }
    }

    pub(super) const fn of(envelope: Envelope, sources: &'a EventSources) -> Self {
        let (sqs, sns, origin) = match envelope {
            Envelope::S3Lambda => (false, Wrapped::Never, Origin::S3),
            Envelope::S3Sqs | Envelope::S3SnsRawSqs => (true, Wrapped::Never, Origin::S3),
            Envelope::S3Sns => (false, Wrapped::Always, Origin::S3),
            Envelope::S3SnsSqs => (true, Wrapped::Always, Origin::S3),
            Envelope::EventBridge => (true, Wrapped::Never, Origin::EventBridge),
            Envelope::R2Queue => (false, Wrapped::Never, Origin::R2),
            Envelope::MinioWebhook => (false, Wrapped::Never, Origin::Minio),
        };
        Self {
            sqs,
            sns,
            origin: Some(origin),
            sources,
        }
    }

    fn inside_sqs(self) -> Result<Self, EventError> {
        if !self.sqs {
            return Err(EventError::OtherSource);
        }
        Ok(Self { sqs: false, ..self })
    }

    fn inside_sns(self) -> Result<Self, EventError> {
        if self.sns == Wrapped::Never {
            return Err(EventError::OtherSource);
        }
        Ok(Self {
            sqs: false,
            sns: Wrapped::Never,
            ..self
        })
    }

    fn take(self, origin: Origin) -> Result<(), EventError> {
        if self.sns == Wrapped::Always || self.origin.is_some_and(|expected| expected != origin) {
            return Err(EventError::OtherSource);
        }
        Ok(())
    }

    /// Checks whether the message may be a list of `Records`.
    fn take_records(self) -> Result<(), EventError> {
        if self.origin == Some(Origin::R2) {
            Err(EventError::OtherSource)
        } else {
            Ok(())
        }
    }
}

/// Decodes a whole body.
pub(super) fn body(body: &[u8], expected: Expected<'_>) -> Result<Decoded, EventError> {
    if body.len() > BODY_BYTES_MAX {
        return Err(EventError::TooLong);
    }
    message(
        std::str::from_utf8(body).map_err(|_| EventError::NotJson)?,
        expected,
    )
}

/// Decodes one message, with or without an envelope.
fn message(text: &str, expected: Expected<'_>) -> Result<Decoded, EventError> {
    let text = text.trim_ascii();
    if text.is_empty() {
        return Err(EventError::Empty);
    }
    if text.starts_with('[') {
        let list = wire::value(text)?;
        expected.take(Origin::R2)?;
        return batch(&list, queue_message);
    }
    let shape: wire::MessageShape<'_> = wire::object(text)?;
    if let Some(list) = shape.records {
        expected.take_records()?;
        batch(&list, |entry| record(entry, expected))
    } else if let Some(list) = shape.messages {
        expected.take(Origin::R2)?;
        batch(&list, queue_message)
    } else if shape.sns.is_some() {
        sns(text, expected)
    } else if shape
        .test
        .is_some_and(|name| name.get() == r#""s3:TestEvent""#)
    {
        expected.take(Origin::S3).map(|()| Decoded::Ignore)
    } else if shape.event_bridge.is_some() {
        expected.take(Origin::EventBridge)?;
        event_bridge(text)
    } else if shape.action.is_some() || shape.body.is_some() {
        expected.take(Origin::R2)?;
        queue_message(text)
    } else {
        Err(EventError::NotAnEvent)
    }
}

/// Decodes each entry of a list by itself, so that an invalid one does not affect the others.
fn batch(
    list: &wire::List<'_>,
    decode: impl Fn(&str) -> Result<Decoded, EventError>,
) -> Result<Decoded, EventError> {
    let entries = list.entries()?;
    let count = entries.len();
    let (mut records, mut failed) = (Vec::new(), Vec::new());
    for (index, entry) in entries.enumerate() {
        match decode(entry) {
            Ok(Decoded::Ignore) => {}
            Ok(Decoded::Ok(good)) => records.extend(good),
            Ok(Decoded::Partial {
                records: good,
                failed: bad,
            }) => {
                records.extend(good);
                failed.extend(bad.first().map(|bad| FailedRecord { index, ..*bad }));
            }
            Err(error) => failed.push(FailedRecord { index, error }),
        }
    }
    match failed.first() {
        Some(first) if failed.len() == count && records.is_empty() => Err(first.error),
        Some(_) => Ok(Decoded::Partial { records, failed }),
        None if records.is_empty() => Ok(Decoded::Ignore),
        None => Ok(Decoded::Ok(records)),
    }
}

/// Decodes an entry of `Records`: a message in an envelope, or an event of S3 or MinIO.
fn record(text: &str, expected: Expected<'_>) -> Result<Decoded, EventError> {
    let record: wire::Record<'_> = wire::object(text)?;
    let source = record.event_source.as_ref().ok_or(EventError::NotAnEvent)?;
    let (provider, origin) = match source.0.as_ref() {
        "aws:sqs" => {
            let expected = expected.inside_sqs()?;
            return message(&record.body.ok_or(EventError::BadField)?.0, expected);
        }
        "aws:sns" => return sns(record.sns.ok_or(EventError::BadField)?.get(), expected),
        "aws:s3" => (Provider::S3, Origin::S3),
        "minio:s3" | "rustfs:s3" => (Provider::Minio, Origin::Minio),
        other if expected.sources.lists(other) => (Provider::Minio, Origin::Minio),
        // A source of another system. It reports no object of consign.
        _ => return Ok(Decoded::Ignore),
    };
    expected.take(origin)?;
    // The major version must be equal, and any minor version is accepted (Amazon S3 User Guide, "Event message
    // structure").
    if record
        .event_version
        .is_some_and(|version| version.0.split('.').next() != Some("2"))
    {
        return Err(EventError::UnknownVersion);
    }
    let name = non_empty(record.event_name).ok_or(EventError::BadField)?;
    let Some(action) = notification_action(&name.0) else {
        return Ok(Decoded::Ignore);
    };
    let (bucket, object) = entity(record.s3)?;
    let text = &object.key.as_ref().ok_or(EventError::KeyMissing)?.0;
    let key = match form_decoded(text) {
        // A server from the configuration may write keys without encoding. The keys of consign are the same in both
        // forms.
        Err(_) if expected.sources.lists(&source.0) => text.clone().into_owned(),
        decoded => decoded?,
    };
    checked(Fields {
        provider,
        action,
        bucket,
        key,
        object,
        time: record.event_time,
    })
}

/// Decodes SNS's envelope. Notices about the subscription concern the operator and are ignored.
fn sns(text: &str, expected: Expected<'_>) -> Result<Decoded, EventError> {
    let expected = expected.inside_sns()?;
    let sns: wire::Sns<'_> = wire::object(text)?;
    match sns.kind.0.as_ref() {
        "Notification" => message(&sns.message.ok_or(EventError::BadField)?.0, expected),
        "SubscriptionConfirmation" | "UnsubscribeConfirmation" => Ok(Decoded::Ignore),
        _ => Err(EventError::NotAnEvent),
    }
}

/// Decodes an event of EventBridge, whose keys are not encoded.
fn event_bridge(text: &str) -> Result<Decoded, EventError> {
    let event: wire::EventBridge<'_> = wire::object(text)?;
    if event.source.0 != "aws.s3" {
        // The EventBridge rule matches too much.
        return Ok(Decoded::Ignore);
    }
    let action = match event.detail_type.0.as_ref() {
        "Object Created" => Action::Created,
        "Object Deleted" => Action::Deleted,
        _ => return Ok(Decoded::Ignore),
    };
    let (bucket, object) = entity(event.detail)?;
    let key = plain_key(&object)?;
    checked(Fields {
        provider: Provider::S3,
        action,
        bucket,
        key,
        object,
        time: event.time,
    })
}

/// Decodes a message of a Queue, or the R2 event in it.
fn queue_message(text: &str) -> Result<Decoded, EventError> {
    let message: wire::QueueMessage<'_> = wire::object(text)?;
    match message.body.map(|body| body.get()) {
        None => r2(text),
        Some(body) if body.starts_with('"') => r2(&wire::value::<Text<'_>>(body)?.0),
        Some(body) => r2(body),
    }
}

/// Returns the key of an object as it stands, for stores that do not encode keys.
fn plain_key(object: &wire::Object<'_>) -> Result<String, EventError> {
    let key = object.key.as_ref().ok_or(EventError::KeyMissing)?;
    Ok(key.0.clone().into_owned())
}

/// Decodes an event of R2, whose keys are not encoded.
fn r2(text: &str) -> Result<Decoded, EventError> {
    let event: wire::R2<'_> = wire::object(text)?;
    let action = match event.action.0.as_ref() {
        "PutObject" | "CopyObject" | "CompleteMultipartUpload" => Action::Created,
        "DeleteObject" | "LifecycleDeletion" => Action::Deleted,
        _ => return Ok(Decoded::Ignore),
    };
    let bucket = non_empty(event.bucket).ok_or(EventError::BadBucket)?;
    let object: wire::Object<'_> = wire::object(event.object.ok_or(EventError::KeyMissing)?.get())?;
    let key = plain_key(&object)?;
    checked(Fields {
        provider: Provider::R2,
        action,
        bucket,
        key,
        object,
        time: event.event_time,
    })
}

/// Maps an `eventName` of S3 or MinIO to an action. S3 writes `ObjectCreated:Put` in records, MinIO
/// `s3:ObjectCreated:Put`.
fn notification_action(name: &str) -> Option<Action> {
    let (group, what) = name.strip_prefix("s3:").unwrap_or(name).split_once(':')?;
    match (group, what) {
        // MinIO counts changes of an object's tags and locks as creations, and the removal of nothing as a removal.
        ("ObjectCreated", "PutTagging" | "DeleteTagging" | "PutRetention" | "PutLegalHold") => None,
        ("ObjectRemoved", "NoOP") => None,
        ("ObjectCreated", _) => Some(Action::Created),
        ("ObjectRemoved" | "LifecycleExpiration", _) => Some(Action::Deleted),
        _ => None,
    }
}

/// Returns bucket and object of `s3` or `detail`.
fn entity(raw: Option<&RawValue>) -> Result<(Text<'_>, wire::Object<'_>), EventError> {
    let entity: wire::Entity<'_> = wire::object(raw.ok_or(EventError::BadField)?.get())?;
    let bucket: wire::Bucket<'_> = wire::object(entity.bucket.ok_or(EventError::BadBucket)?.get())?;
    let object = wire::object(entity.object.ok_or(EventError::KeyMissing)?.get())?;
    Ok((bucket.name.ok_or(EventError::BadBucket)?, object))
}

/// The fields of a store's event, with the key decoded and nothing checked.
struct Fields<'a> {
    provider: Provider,
    action: Action,
    bucket: Text<'a>,
    key: String,
    object: wire::Object<'a>,
    time: Option<&'a RawValue>,
}

/// Checks bucket and key. Other fields only hint at a change, so an unreadable one counts as absent: an event about
/// an object of another system must not fail because of it, and for consign's own objects a HEAD request provides the
/// truth.
fn checked(checked: Fields<'_>) -> Result<Decoded, EventError> {
    let Fields {
        provider,
        action,
        bucket: Text(bucket),
        key,
        object,
        time,
    } = checked;
    if bucket.is_empty() || bucket.len() > BUCKET_BYTES_MAX || has_control_bytes(&bucket) {
        return Err(EventError::BadBucket);
    }
    if key.is_empty() {
        return Err(EventError::KeyMissing);
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(EventError::KeyTooLong);
    }
    Ok(Decoded::Ok(vec![ObjectEvent {
        provider,
        action,
        bucket: bucket.into_owned(),
        key,
        size_bytes: readable(object.size),
        etag: tag(object.etag),
        // The version of an object that was written while versioning was off or suspended is called "null".
        version_id: tag(object.version_id).filter(|id| id != "null"),
        sequencer: readable(object.sequencer)
            .and_then(|Text(text)| Sequencer::parse(&text).ok())
            .filter(|sequencer| !sequencer.as_str().is_empty()),
        at: readable(time).and_then(|Text(time)| time::parse(&time).ok()),
    }]))
}

/// Reads a field that may have any type.
fn readable<'a, T: serde::Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    wire::value(raw?.get()).ok()
}

/// Returns an ETag or version id without the quotes of HTTP.
fn tag(raw: Option<&RawValue>) -> Option<String> {
    let Text(text) = readable(raw)?;
    let is_legible = text.len() <= TAG_BYTES_MAX && !has_control_bytes(&text);
    let text = bare_etag(&text);
    (is_legible && !text.is_empty()).then(|| text.to_owned())
}

/// Treats an empty string as absent.
fn non_empty(text: Option<Text<'_>>) -> Option<Text<'_>> {
    text.filter(|text| !text.0.is_empty())
}

fn has_control_bytes(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_control())
}

/// Decodes `application/x-www-form-urlencoded` text, the encoding of keys by S3 and MinIO: `+` is a space, `%2B` a
/// plus. A `%` without two hexadecimal digits is an error, since a store would have written `%25`.
fn form_decoded(text: &str) -> Result<String, EventError> {
    // The crate leaves an invalid `%` unchanged.
    let is_escape = |after: &str| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return Err(EventError::KeyEncoding);
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8();
    decoded
        .map(Cow::into_owned)
        .map_err(|_| EventError::KeyEncoding)
}
