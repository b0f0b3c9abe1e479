//! Items of the table: keys, encoding and decoding.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use consign_core::ids::{ObjectRef, OwnerId, UploadId};
use consign_core::operations::PURGED_KEPT_S;
use consign_core::ports::{Cause, DueLine, Fault, FaultKind};
use consign_core::time::Timestamp;
use consign_core::upload::{Deletion, Upload, UploadState};

use super::table::{DUE_SHARDS, KEY, TTL};

/// An item of the SDK.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The schema version that is written. Each record contains its version.
const SCHEMA: u32 = 1;

/// The most bytes of an item, including attribute names (DynamoDB, "Quotas: items").
const ITEM_BYTES_MAX: usize = 400 << 10;
/// Room for names, ids, numbers and the owner, which are not counted one by one.
const ITEM_BYTES_BESIDE: usize = 2 << 10;

/// The attribute of the index of owners that names the state. Earlier builds wrote each state to it.
pub(super) const STATE_IN_INDEX: &str = "state";

/// The prefix of a record's key.
const RECORD_PREFIX: &str = "UPLOAD#";

/// Names of attributes that are read.
pub(super) mod name {
    pub(in crate::dynamodb) const RECORD: &str = "record";
    pub(in crate::dynamodb) const WRITE: &str = "write";
    pub(in crate::dynamodb) const UPLOAD_ID: &str = "upload_id";
    pub(in crate::dynamodb) const BODY_SHA256: &str = "body_sha256";
    pub(in crate::dynamodb) const UNTIL: &str = "until_us";
    pub(in crate::dynamodb) const THROUGH: &str = "through_us";
    pub(in crate::dynamodb) const SINCE: &str = "since_us";
    pub(in crate::dynamodb) const SIGNED: &str = "signed";
    pub(in crate::dynamodb) const RESERVED: &str = "reserved_bytes";
    pub(in crate::dynamodb) const FILES: &str = "file_count";
    pub(in crate::dynamodb) const IDENTITY: &str = "identity";
    pub(in crate::dynamodb) const SCHEMA: &str = "v";
}

/// Returns a string attribute.
pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// Returns a number attribute.
pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// Returns a primary key.
fn key(pk: String) -> Item {
    HashMap::from([(KEY.name.to_owned(), text(pk))])
}

/// Returns the key of an upload's record.
pub(super) fn record_key(id: UploadId) -> Item {
    key(format!("{RECORD_PREFIX}{id}"))
}

/// Returns the key of an owner's quota.
pub(super) fn quota_key(owner: &OwnerId) -> Item {
    key(format!("QUOTA#{owner}"))
}

/// Returns the key of a bucket's identity.
pub(super) fn bucket_key(bucket: &str) -> Item {
    key(format!("BUCKET#{bucket}"))
}

/// Returns the key of the hold of a due line.
pub(super) fn line_key(line: &DueLine) -> Item {
    key(format!("LINE#{}", line.0))
}

/// Returns the key of an owner's count in a rate window. The window comes first, since an owner may contain any
/// character.
pub(super) fn rate_key(owner: &OwnerId, window: i64) -> Item {
    key(format!("RATE#{window}#{owner}"))
}

/// Returns the key of an idempotency key. An owner has no spaces, so the first one ends it.
pub(super) fn idempotency_key(owner: &OwnerId, text: &str) -> Item {
    key(format!("IDEMPOTENCY#{owner} {text}"))
}

/// Returns the key of an object. A bucket name has no slash, so the first one ends it.
pub(super) fn object_key(object: &ObjectRef) -> Item {
    key(format!("OBJECT#{}/{}", object.bucket, object.key))
}

/// Returns from when the record may be removed: long after the purge, when all its URLs have expired and no event is
/// left.
pub(super) fn record_expiry_s(upload: &Upload) -> Option<i64> {
    match upload.deletion {
        Some(Deletion::Purged) => {
            let kept_s = PURGED_KEPT_S.cast_signed();
            Some(upload.updated_at.timestamp().saturating_add(kept_s))
        }
        Some(Deletion::Requested | Deletion::Moved) | None => None,
    }
}

/// Returns the partition of the due index for an owner (FNV-1a), so that the backlog of one owner delays few others.
fn due_shard(owner: &OwnerId) -> u8 {
    let hash = owner.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let [high, ..] = hash.to_be_bytes();
    high % DUE_SHARDS
}

/// Returns the state as the index of owners has it. A listing needs no more than whether the upload is deleted, and an
/// entry that stays the same costs no write.
pub(super) const fn state_in_index(state: UploadState) -> &'static str {
    match state {
        UploadState::Deleted => UploadState::Deleted.as_str(),
        UploadState::Pending
        | UploadState::Uploading
        | UploadState::Expired
        | UploadState::Uploaded
        | UploadState::Confirmed
        | UploadState::Processing
        | UploadState::Ready
        | UploadState::Failed => "live",
    }
}

/// Returns the item of a record. The attribute `record` is authoritative. The other attributes are derived from it on
/// each write, for conditions, indexes and people. `write` names the call that wrote it.
pub(super) fn record_item(
    operation: &'static str,
    upload: &Upload,
    write: &str,
) -> Result<Item, Fault> {
    let record = upload
        .to_short_json()
        .map_err(|error| unreadable(operation, error))?;
    let collection_id = upload.collection_id.as_deref();
    let bytes = record.len() + upload.category.len() + collection_id.map_or(0, str::len);
    if bytes + ITEM_BYTES_BESIDE > ITEM_BYTES_MAX {
        return Err(Fault::new(
            FaultKind::Full,
            operation,
            "the record is longer than the 400 KB that an item may have",
        ));
    }
    let mut item = record_key(upload.id);
    let mut set = |name: &str, value| item.insert(name.to_owned(), value);
    set(name::SCHEMA, number(SCHEMA));
    set("id", text(upload.id.to_string()));
    set("owner", text(upload.owner.as_str()));
    set("revision", number(upload.revision));
    set(STATE_IN_INDEX, text(state_in_index(upload.state)));
    set("status", text(upload.state.as_str()));
    set("category", text(&upload.category));
    if let Some(collection_id) = collection_id {
        set("collection_id", text(collection_id));
    }
    if let Some(due_at) = upload.next_check_at {
        set("due_shard", number(due_shard(&upload.owner)));
        set("due_at", number(us(due_at)));
    }
    if let Some(expiry_s) = record_expiry_s(upload) {
        set(TTL, number(expiry_s));
    }
    set(name::WRITE, text(write));
    set(name::RECORD, text(record));
    Ok(item)
}

/// Returns an instant as the items store it: microseconds since 1970.
pub(super) fn us(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

/// Returns a string attribute of an item.
pub(super) fn get_text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// Returns a number attribute of an item.
pub(super) fn get_number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// Decodes the record of an item.
pub(super) fn read_record(operation: &'static str, item: &Item) -> Result<Upload, Fault> {
    let schema: Option<u32> = get_number(item, name::SCHEMA);
    if schema.is_none_or(|schema| schema > SCHEMA) {
        return Err(unreadable(operation, "a record of another schema"));
    }
    let record = get_text(item, name::RECORD).unwrap_or_default();
    serde_json::from_str(record).map_err(|error| unreadable(operation, error))
}

/// Decodes an upload id in an attribute.
pub(super) fn read_id(operation: &'static str, item: &Item, name: &str) -> Result<UploadId, Fault> {
    let text = get_text(item, name).unwrap_or_default();
    UploadId::parse(text).map_err(|error| unreadable(operation, error))
}

/// Decodes the upload id in the key of a record.
pub(super) fn record_id(operation: &'static str, item: &Item) -> Result<UploadId, Fault> {
    let key = get_text(item, KEY.name).unwrap_or_default();
    let id = key.strip_prefix(RECORD_PREFIX).unwrap_or_default();
    UploadId::parse(id).map_err(|error| unreadable(operation, error))
}

/// Returns the fault for an item that cannot be decoded.
pub(super) fn unreadable(operation: &'static str, error: impl Into<Cause>) -> Fault {
    Fault::new(FaultKind::Other, operation, error)
}
