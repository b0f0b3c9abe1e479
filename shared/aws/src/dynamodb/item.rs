//! Items: what the table holds under which key, and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use consign_core::ids::{ObjectRef, OwnerId, UploadId};
use consign_core::operations::PURGED_KEPT_S;
use consign_core::ports::{Cause, DueLine, Fault, FaultKind};
use consign_core::time::Timestamp;
use consign_core::upload::{Deletion, Upload};

use super::table::{DUE_SHARDS, KEY, TTL};

/// An item as the SDK has it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// The version of what is written here; a record says which it is of.
const SCHEMA: u32 = 1;

/// The most bytes of an item, its attributes' names included (DynamoDB, "Quotas: items").
const ITEM_BYTES_MAX: usize = 400 << 10;
/// Room for names, ids, numbers and owner beside the texts that are counted.
const ITEM_BYTES_BESIDE: usize = 2 << 10;

/// The beginning of a record's key.
const RECORD_PREFIX: &str = "UPLOAD#";

/// Attributes that are read back.
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

/// A text.
pub(super) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number.
pub(super) fn number(number: impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// The key of the item with this text.
fn key(pk: String) -> Item {
    HashMap::from([(KEY.name.to_owned(), text(pk))])
}

/// The key of an upload's record.
pub(super) fn record_key(id: UploadId) -> Item {
    key(format!("{RECORD_PREFIX}{id}"))
}

/// The key of what an owner has reserved.
pub(super) fn quota_key(owner: &OwnerId) -> Item {
    key(format!("QUOTA#{owner}"))
}

/// The key of what a bucket is known by.
pub(super) fn bucket_key(bucket: &str) -> Item {
    key(format!("BUCKET#{bucket}"))
}

/// The key of how far a line of what is due was passed on.
pub(super) fn line_key(line: &DueLine) -> Item {
    key(format!("LINE#{}", line.0))
}

/// The key of what an owner signed in one window. The window's number comes first, since an owner may have any sign.
pub(super) fn rate_key(owner: &OwnerId, window: i64) -> Item {
    key(format!("RATE#{window}#{owner}"))
}

/// The key of an owner's idempotency key. An owner has no spaces, so the first one ends it.
pub(super) fn idempotency_key(owner: &OwnerId, text: &str) -> Item {
    key(format!("IDEMPOTENCY#{owner} {text}"))
}

/// The key of an object's upload. A bucket has no slash, so the first one ends it.
pub(super) fn object_key(object: &ObjectRef) -> Item {
    key(format!("OBJECT#{}/{}", object.bucket, object.key))
}

/// From when on the record may be removed: long after the purge, when no URL and no event of it is alive.
pub(super) fn record_expiry_s(upload: &Upload) -> Option<i64> {
    match upload.deletion {
        Some(Deletion::Purged) => {
            let kept_s = PURGED_KEPT_S.cast_signed();
            Some(upload.updated_at.timestamp().saturating_add(kept_s))
        }
        Some(Deletion::Requested | Deletion::Moved) | None => None,
    }
}

/// The partition of the due index that an owner's uploads are in (FNV-1a): what one owner has due stands in the way of
/// few others.
fn due_shard(owner: &OwnerId) -> u8 {
    let hash = owner.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let [high, ..] = hash.to_be_bytes();
    high % DUE_SHARDS
}

/// The item of a record. The record itself is one text and the truth; the other attributes are derived from it on each
/// write, for conditions, indexes and people. `write` names the call that wrote it.
pub(super) fn record_item(
    operation: &'static str,
    upload: &Upload,
    write: &str,
) -> Result<Item, Fault> {
    let record = serde_json::to_string(upload).map_err(|error| unreadable(operation, error))?;
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
    set("state", text(upload.state.as_str()));
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

/// An instant as the items have it: microseconds since 1970.
pub(super) fn us(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

/// The text of an attribute.
pub(super) fn get_text<'i>(item: &'i Item, name: &str) -> Option<&'i str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The number of an attribute.
pub(super) fn get_number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// The record of an item.
pub(super) fn read_record(operation: &'static str, item: &Item) -> Result<Upload, Fault> {
    let schema: Option<u32> = get_number(item, name::SCHEMA);
    if schema.is_none_or(|schema| schema > SCHEMA) {
        return Err(unreadable(operation, "a record of another schema"));
    }
    let record = get_text(item, name::RECORD).unwrap_or_default();
    serde_json::from_str(record).map_err(|error| unreadable(operation, error))
}

/// The upload's id that an item holds.
pub(super) fn read_id(operation: &'static str, item: &Item, name: &str) -> Result<UploadId, Fault> {
    let text = get_text(item, name).unwrap_or_default();
    UploadId::parse(text).map_err(|error| unreadable(operation, error))
}

/// The upload's id that a record's own key holds.
pub(super) fn record_id(operation: &'static str, item: &Item) -> Result<UploadId, Fault> {
    let key = get_text(item, KEY.name).unwrap_or_default();
    let id = key.strip_prefix(RECORD_PREFIX).unwrap_or_default();
    UploadId::parse(id).map_err(|error| unreadable(operation, error))
}

/// The fault of an item that is not as this program writes it.
pub(super) fn unreadable(operation: &'static str, error: impl Into<Cause>) -> Fault {
    Fault::new(FaultKind::Other, operation, error)
}
