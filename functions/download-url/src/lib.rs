//! `GET /files/{id}/download-url`: a presigned GET for the original or an output.

use bytes::Bytes;
use consign_core::api::Download;
use consign_core::host::{HasPolicy, HasRepo, HasSigner};
use consign_core::ids::ObjectRef;
use consign_core::operations::DOWNLOAD_URL_S;
use consign_core::policy::{
    DownloadQuery, Policy, Variant, content_disposition, safe_response_content_type,
};
use consign_core::problem::Problem;
use consign_core::service::{Call, Service, json};
use consign_core::sigv4::{Operation, Request as Presign, Signer};
use consign_core::time::{Timestamp, saturating_add_secs, to_rfc3339};
use consign_core::upload::{Output, Upload, UploadState};
use http::{Request, Response, StatusCode};

/// The capabilities that this function uses.
pub trait Deps: Service + HasRepo + HasPolicy + HasSigner {}

impl<T: Service + HasRepo + HasPolicy + HasSigner> Deps for T {}

/// Response headers that a signed download sets, in addition to the name and the type. Most stores accept headers
/// such as `cache-control` and `content-encoding` with an upload even if they are not signed, and return them with
/// every download. Without this override, an uploader could decide how a private file is cached, and could make
/// browsers decode bytes that were checked as they are.
const ANSWERED: [(&str, &str); 4] = [
    ("response-cache-control", "private, no-store"),
    ("response-content-encoding", "identity"),
    ("response-content-language", "und"),
    ("response-expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
];

/// Answers with a URL for a variant of the upload `file_id`.
pub async fn handle<D: Deps>(deps: &D, request: Request<Bytes>, file_id: &str) -> Response<Bytes> {
    let mut call = Call::begin(deps, "download_url", &request);
    let answer = download_url(deps, &request, file_id, &mut call).await;
    call.finish(deps, answer)
}

async fn download_url<D: Deps>(
    deps: &D,
    request: &Request<Bytes>,
    file_id: &str,
    call: &mut Call,
) -> Result<Response<Bytes>, Problem> {
    // 1. Authenticate the caller and find its upload.
    let identity = call.identify(deps, request.headers())?;
    let query = DownloadQuery::parse(request.uri().query().unwrap_or_default())?;
    let upload = call.find_own(deps.repo(), &identity.owner, file_id).await?;
    // 2. Sign a URL for exactly that object.
    let download = sign(deps.policy(), deps.signer(), &upload, &query, call.now)?;
    Ok(json(StatusCode::OK, &download))
}

/// Signs a download of an upload. `GET /files?include=download_url` uses it too.
///
/// # Errors
/// 404 for a deleted upload, 409 `not_ready` if the variant does not exist or does not exist yet.
pub fn sign(
    policy: &Policy,
    signer: &Signer,
    upload: &Upload,
    query: &DownloadQuery,
    now: Timestamp,
) -> Result<Download, Problem> {
    let category = policy.category(&upload.category);
    let recorded = upload
        .current_outcome()
        .and_then(|made| made.bucket.as_ref());
    let made_in = recorded
        .or(category.map(|category| &category.output_bucket))
        .unwrap_or(&upload.object.bucket);
    let (object, content_type, filename) = locate(upload, query.variant, made_in)?;
    let wanted_s = query
        .expiry_s
        .or(category.map(|category| category.download_url_s))
        // The policy no longer has the category.
        .unwrap_or(u32::try_from(DOWNLOAD_URL_S).unwrap_or(u32::MAX));
    let expires_s = signer.clamp_expiry_s(wanted_s, now);
    let disposition = content_disposition(&filename, query.disposition);
    let content_type = safe_response_content_type(&content_type);
    let [cache_control, content_encoding, content_language, expires] = ANSWERED;
    let url = signer
        .presign(
            &Presign {
                operation: Operation::GetObject,
                bucket: &object.bucket,
                key: &object.key,
                headers: &[],
                query: &[
                    cache_control,
                    ("response-content-disposition", &disposition),
                    content_encoding,
                    content_language,
                    ("response-content-type", content_type),
                    expires,
                ],
                expires_s,
            },
            now,
        )
        .map_err(Problem::unsignable)?;
    Ok(Download {
        url,
        expires_in: expires_s,
        expires_at: to_rfc3339(saturating_add_secs(now, expires_s.into())),
        file_id: upload.id.to_string(),
        filename,
    })
}

/// Returns the object of a variant, with its media type and file name.
fn locate(
    upload: &Upload,
    variant: Variant,
    made_in: &str,
) -> Result<(ObjectRef, String, String), Problem> {
    if upload.state == UploadState::Deleted {
        return Err(Problem::not_found());
    }
    if variant == Variant::Original && upload.conflict_etag.is_some() {
        return Err(Problem::object_mismatch(
            "The uploaded object was written over after the file was ready, and the bucket no longer has what was accepted. \
             What was made of it is there; upload the file again to have its original.",
        ));
    }
    let variants = upload.variants();
    if !variants.contains(&variant) {
        let there = if variants.is_empty() {
            "nothing can be downloaded yet".to_owned()
        } else {
            format!(
                "available: {}",
                variants
                    .iter()
                    .map(|there| there.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )
        };
        return Err(Problem::not_ready(format!(
            "The upload is `{}` and has no variant `{}`; {there}.",
            upload.state.as_str(),
            variant.as_str()
        )));
    }
    let Some(output) = Output::of(variant) else {
        let (content_type, filename) = (upload.content_type.clone(), upload.filename.clone());
        return Ok((upload.object.clone(), content_type, filename));
    };
    let outcome = upload.current_outcome();
    let key = outcome.and_then(|outcome| outcome.key(output));
    let key = key.ok_or_else(|| Problem::not_ready("The variant does not exist."))?;
    let filename = format!("{}.{}", upload.filename_stem(), output.extension());
    let content_type = output.content_type().to_owned();
    Ok((ObjectRef::new(made_in, key), content_type, filename))
}
