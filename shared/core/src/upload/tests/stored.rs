//! The stored form of a record. Records outlive the build that wrote them, so a field keeps its stored name.

use super::*;

/// Every stored field, in order. A renamed field of [`Upload`] keeps its stored name by `#[serde(rename)]`. Another
/// name here requires a migration of every database.
const STORED_FIELDS: &str = "absent_since attempts category checksum_sha256 claimed collection_id confirmed_at conflict_etag \
    content_type created_at deaths deleted_at deleted_retention_s deletion deletion_reason due_at \
    extension failure filename generation id in_parts keep_original labels last_fault lease \
    look_failures looks metadata multipart_upload_id object original_removed outcome outputs overwrite \
    owner part_size_bytes processed_at puts_once removed_unseen reserved_bytes retention_s revision seen \
    size_bytes_declared size_bytes_max state strategy unconfirmed_s updated_at uploaded_at \
    url_expires_at";

#[test]
fn stored_fields_keep_their_names() {
    let stored = serde_json::to_string(&pending()).unwrap();
    let stored: std::collections::BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&stored).unwrap();
    let names: Vec<&str> = stored.keys().map(String::as_str).collect();
    assert_eq!(names.join(" "), STORED_FIELDS);
}

#[test]
fn a_short_record_is_the_same_record() {
    let mut upload = pending();
    upload
        .metadata
        .insert("nothing".to_owned(), serde_json::Value::Null);
    let ready = changed(
        &upload,
        &Event::Delete {
            reason: DeletionReason::Owner,
        },
        at(9),
    )
    .after;
    for upload in [upload, ready] {
        let short = upload.to_short_json().unwrap();
        assert_eq!(serde_json::from_str::<Upload>(&short).unwrap(), upload);
        assert!(short.len() + 300 < serde_json::to_string(&upload).unwrap().len());
    }
}
