//! Converts between records and rows.

use consign_core::ids::UploadId;
use consign_core::ports::{Fault, FaultKind};
use consign_core::time::Timestamp;
use consign_core::upload::{ObjectVersion, Upload};
use sqlx::query::Query;
use sqlx::{Database, Sqlite};

/// A statement with its parameters.
pub(crate) type Bound = Query<'static, Sqlite, <Sqlite as Database>::Arguments>;

/// Returns an instant as the tables store it: microseconds since 1970.
pub(crate) fn us(at: Timestamp) -> i64 {
    at.timestamp_micros()
}

/// Returns a count or a size as the tables store it.
pub(crate) fn int(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// Binds `$1` to `$21` of the insert statement.
pub(crate) fn bind(statement: &'static str, upload: &Upload) -> Result<Bound, serde_json::Error> {
    let seen = upload.observed.as_ref();
    let size_bytes = seen.map(|ObjectVersion { size_bytes, .. }| *size_bytes);
    let row_count = upload
        .outcome
        .as_ref()
        .and_then(|outcome| outcome.row_count);
    let error = upload
        .failure
        .as_ref()
        .map(|failure| failure.detail.clone());
    Ok(sqlx::query::<Sqlite>(statement)
        .bind(upload.id.to_string())
        .bind(upload.owner.as_str().to_owned())
        .bind(upload.collection_id.clone())
        .bind(upload.category.clone())
        .bind(upload.filename.clone())
        .bind(upload.object.bucket.clone())
        .bind(upload.object.key.clone())
        .bind(upload.content_type.clone())
        .bind(size_bytes.or(upload.size_bytes_declared).map(int))
        .bind(upload.state.as_str())
        .bind(upload.checksum_sha256.clone())
        .bind(row_count.or(upload.client_metadata.row_count).map(int))
        .bind(error)
        .bind(serde_json::to_string(&upload.metadata)?)
        .bind(us(upload.created_at))
        .bind(us(upload.updated_at))
        .bind(upload.uploaded_at.map(us))
        .bind(upload.processed_at.map(us))
        .bind(upload.next_check_at.map(us))
        .bind(int(upload.revision))
        .bind(serde_json::to_string(upload)?))
}

/// Reads the record of a row.
pub(crate) fn read(operation: &'static str, record: &str) -> Result<Upload, Fault> {
    serde_json::from_str(record).map_err(|error| unreadable(operation, error))
}

/// Reads the id of a row.
pub(crate) fn read_id(operation: &'static str, id: &str) -> Result<UploadId, Fault> {
    UploadId::parse(id).map_err(|error| unreadable(operation, error))
}

/// Returns the fault for a record that cannot be decoded.
pub(crate) fn unreadable(
    operation: &'static str,
    error: impl Into<consign_core::ports::Cause>,
) -> Fault {
    Fault::new(FaultKind::Other, operation, error)
}
