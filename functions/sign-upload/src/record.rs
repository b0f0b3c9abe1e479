//! The record of an accepted upload.

use consign_core::auth::Identity;
use consign_core::ids::{ObjectRef, UploadId};
use consign_core::policy::{Accepted, KeyError, KeyVars, Overwrite, Strategy};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::{BEGIN_S, MultipartProgress, Upload};

/// Builds the pending record, with an object key from the category's template.
pub(crate) fn pending(
    id: UploadId,
    identity: &Identity,
    accepted: &Accepted,
    now: Timestamp,
) -> Result<Upload, KeyError> {
    let category = &accepted.category;
    let file_id = id.to_string();
    let key = category.key.expand(&KeyVars {
        owner: identity.owner.as_str(),
        file_id: &file_id,
        category: &category.name,
        collection_id: accepted.collection_id.as_deref(),
        ext: &accepted.ext,
        version: 1,
        labels: &accepted.labels,
        signed_at: now,
    })?;
    let size_bytes_max = accepted.size_bytes.unwrap_or(accepted.size_bytes_max);
    let object = ObjectRef::new(&category.bucket, key);
    Ok(Upload {
        filename: accepted.filename.clone(),
        category: category.name.clone(),
        extension: accepted.ext.clone(),
        content_type: accepted.content_type.clone(),
        size_bytes_declared: accepted.size_bytes,
        size_bytes_max,
        checksum_sha256: accepted.checksum_sha256.map(|sum| sum.base64()),
        strategy: accepted.strategy,
        part_size_bytes: accepted.part_size_bytes,
        multipart: MultipartProgress {
            activity_s: category.activity_s,
            begin_until: (accepted.strategy == Strategy::Multipart)
                .then(|| saturating_add_secs(now, BEGIN_S)),
            ..MultipartProgress::default()
        },
        keep_original: category.keep_original,
        deleted_retention_s: category.deleted_retention_s,
        retention_s: category.retention_s,
        overwrite: Some(
            category
                .overwrite
                .unwrap_or_else(|| Overwrite::usual(accepted.strategy)),
        ),
        unconfirmed_s: category.unconfirmed_s,
        collection_id: accepted.collection_id.clone(),
        labels: accepted.labels.clone(),
        metadata: accepted.metadata.clone(),
        hints: accepted.hints.clone(),
        url_expires_at: saturating_add_secs(now, accepted.upload_url_s.into()),
        reserved_bytes: size_bytes_max,
        ..Upload::pending(id, identity.owner.clone(), object, now)
    })
}
