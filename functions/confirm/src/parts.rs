//! Completes a multipart upload if its parts are complete.

use std::collections::BTreeMap;

use consign_core::policy::ConfirmedPart;
use consign_core::ports::{Multipart, Part};
use consign_core::problem::{FieldError, Problem};
use consign_core::upload::{PartsCheck, Upload};

/// Completes the upload in the bucket if its parts make up exactly the signed file.
///
/// The object in the bucket shows whether that worked: a completion that happened before, or at the same time by
/// another call, is not an error.
///
/// # Errors
/// 409 `object_missing` if there are no parts, 400 if the parts are not complete or differ from the listed ones.
pub(crate) async fn complete(
    multipart: &impl Multipart,
    upload: &Upload,
    named: &[ConfirmedPart],
) -> Result<(), Problem> {
    let Some(upload_id) = &upload.multipart_upload_id else {
        return Err(Problem::object_missing());
    };
    let Some(parts) = multipart.parts(&upload.object, upload_id).await? else {
        return Ok(());
    };
    let mut errors = Vec::new();
    let numbered = parts.iter().map(|part| (u32::from(part.number), part));
    let stored: BTreeMap<u32, &Part> = numbered.collect();
    for named in named {
        let number = named.part_number;
        match stored.get(&number) {
            None => errors.push(wrong(
                "part_missing",
                format!("part {number} is not in the bucket"),
            )),
            Some(stored) if stored.etag.as_str() != named.etag => errors.push(wrong(
                "part_mismatch",
                format!("part {number} has another etag in the bucket; send it again"),
            )),
            Some(_) => {}
        }
    }
    if let PartsCheck::Wrong(detail) = upload.check_parts(&parts) {
        errors.push(wrong("parts_incomplete", detail));
    }
    if !errors.is_empty() {
        return Err(Problem::validation_failed(errors));
    }
    multipart
        .complete(&upload.object, upload_id, &parts)
        .await?;
    Ok(())
}

fn wrong(code: &'static str, detail: String) -> FieldError {
    FieldError {
        field: "parts".to_owned(),
        code: code.into(),
        detail,
    }
}
