//! Converts between records and rows.

use consign_core::time::Timestamp;
use consign_core::upload::{ObjectVersion, Upload};
use serde::Deserialize;
use worker::wasm_bindgen::JsValue;

/// Returns an instant as the tables store it: microseconds since 1970. A JavaScript number covers 255 years from then
/// on.
pub(crate) fn us(at: Timestamp) -> JsValue {
    number(at.timestamp_micros())
}

/// Returns a count or a size as the tables store it.
pub(crate) fn int(count: u64) -> JsValue {
    number(i64::try_from(count).unwrap_or(i64::MAX))
}

/// The largest integer below which a JavaScript number represents every integer.
const SAFE: i64 = (1 << 53) - 1;

/// Returns an integer, clamped to what JavaScript represents exactly.
#[expect(
    clippy::cast_precision_loss,
    reason = "clamped to what a double holds exactly"
)]
pub(crate) fn number(value: i64) -> JsValue {
    JsValue::from_f64(value.clamp(-SAFE, SAFE) as f64)
}

/// A text or null.
pub(crate) fn text(value: Option<&str>) -> JsValue {
    value.map_or(JsValue::NULL, JsValue::from_str)
}

/// A number or null.
pub(crate) fn maybe(value: Option<JsValue>) -> JsValue {
    value.unwrap_or(JsValue::NULL)
}

/// Returns `?1` to `?21` of the insert statement.
pub(crate) fn values(upload: &Upload) -> Result<Vec<JsValue>, serde_json::Error> {
    let seen = upload.observed.as_ref();
    let size_bytes = seen.map(|ObjectVersion { size_bytes, .. }| *size_bytes);
    let row_count = upload
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.row_count);
    let error = upload
        .failure
        .as_ref()
        .map(|failure| failure.detail.as_str());
    Ok(vec![
        text(Some(&upload.id.to_string())),
        text(Some(upload.owner.as_str())),
        text(upload.collection_id.as_deref()),
        text(Some(&upload.category)),
        text(Some(&upload.filename)),
        text(Some(&upload.object.bucket)),
        text(Some(&upload.object.key)),
        text(Some(&upload.content_type)),
        maybe(size_bytes.or(upload.size_bytes_declared).map(int)),
        text(Some(upload.state.as_str())),
        text(upload.checksum_sha256.as_deref()),
        maybe(row_count.or(upload.client_metadata.row_count).map(int)),
        text(error),
        text(Some(&serde_json::to_string(&upload.metadata)?)),
        us(upload.created_at),
        us(upload.updated_at),
        maybe(upload.uploaded_at.map(us)),
        maybe(upload.processed_at.map(us)),
        maybe(upload.next_check_at.map(us)),
        int(upload.revision),
        text(Some(&serde_json::to_string(upload)?)),
    ])
}

/// The column `record`.
#[derive(Deserialize)]
pub(crate) struct Record {
    pub(crate) record: String,
}

/// A row whose columns are not read.
#[derive(Deserialize)]
pub(crate) struct Id {}

/// A record with its id.
#[derive(Deserialize)]
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) record: String,
}

/// A position in the due index.
#[derive(Deserialize)]
pub(crate) struct DueRow {
    pub(crate) due_at_us: f64,
    pub(crate) id: String,
}

/// A stored idempotency key.
#[derive(Deserialize)]
pub(crate) struct KnownKey {
    pub(crate) body_sha256: String,
    pub(crate) record: String,
}

/// What an owner has reserved, and signed in the current rate window. JavaScript represents these as doubles.
#[derive(Deserialize, Default)]
pub(crate) struct Account {
    pub(crate) reserved_bytes: f64,
    pub(crate) rate_window: f64,
    pub(crate) signed_in_window: f64,
    pub(crate) files: f64,
}

/// The column `identity`.
#[derive(Deserialize)]
pub(crate) struct Identity {
    pub(crate) identity: String,
}
