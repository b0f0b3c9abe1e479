//! `GET /files/{id}/status`: where an upload stands.

use bytes::Bytes;
use consign_core::api::{File, IngestError};
use consign_core::host::HasRepo;
use consign_core::ports::UploadRepo as _;
use consign_core::problem::Problem;
use consign_core::service::{Call, Service, json, retry_after};
use consign_core::time::to_rfc3339;
use consign_core::upload::{Columns, Upload};
use http::{Request, Response, StatusCode};

/// How long a client that polls should wait, in seconds, where its files are worked on at once.
const POLL_PAUSE_S: u64 = 1;
/// The longest that it should wait.
const POLL_PAUSE_MAX_S: u64 = 30;
/// The part of the time that its files wait, that a client waits before it asks again.
const POLL_PART: u64 = 8;

const _: () = assert!(POLL_PAUSE_S <= POLL_PAUSE_MAX_S);

/// Where an owner's files wait for long, asking often tells nothing new.
fn poll_pause_s(waited_s: u64) -> u64 {
    (waited_s / POLL_PART).clamp(POLL_PAUSE_S, POLL_PAUSE_MAX_S)
}

/// What this function needs.
pub trait Deps: Service + HasRepo {}

impl<T: Service + HasRepo> Deps for T {}

/// What an owner is told of a version that was written over what is ready.
fn overwrite_refused() -> IngestError {
    IngestError {
        code: "overwrite_refused".to_owned(),
        detail: "Something else was written over the uploaded object after the file was ready, and was refused. What was made \
                 of the file is unchanged; its original can no longer be downloaded."
            .to_owned(),
    }
}

/// An upload as its owner sees it; also an entry of `GET /files`.
#[must_use]
pub fn file(upload: &Upload) -> File {
    let outcome = upload.current_outcome();
    let seen_bytes = upload.observed.as_ref().map(|seen| seen.size_bytes);
    let columns = outcome.and_then(|outcome| outcome.columns.as_ref());
    let columns = columns.or(upload.client_metadata.columns.as_ref());
    File {
        file_id: upload.id.to_string(),
        status: upload.state.status(),
        processing_status: upload.state.processing_status(),
        filename: upload.filename.clone(),
        category: upload.category.clone(),
        content_type: upload.content_type.clone(),
        file_size_bytes: seen_bytes.or(upload.size_bytes_declared),
        // What we found comes first; what the client claimed is better than nothing.
        row_count: outcome
            .and_then(|outcome| outcome.row_count)
            .or(upload.client_metadata.row_count),
        reject_count: outcome.and_then(|outcome| outcome.reject_count),
        column_count: columns.map(Columns::count),
        columns: columns.map(|columns| columns.names().to_vec()),
        variants: upload.variants(),
        collection_id: upload.collection_id.clone(),
        labels: upload.labels.clone(),
        metadata: upload.metadata.clone(),
        created_at: to_rfc3339(upload.created_at),
        expires_at: to_rfc3339(upload.url_expires_at),
        uploaded_at: upload.uploaded_at.map(to_rfc3339),
        processed_at: upload.processed_at.map(to_rfc3339),
        error: upload.failure.as_ref().map(|failure| IngestError {
            code: failure.code.clone(),
            detail: failure.detail.clone(),
        }),
        warning: upload.conflict_etag.as_ref().map(|_| overwrite_refused()),
    }
}

/// Answers where the upload `file_id` stands; 404 for one that is unknown or another's.
pub async fn handle<D: Deps>(deps: &D, request: Request<Bytes>, file_id: &str) -> Response<Bytes> {
    let mut call = Call::begin(deps, "status", &request);
    let answer = status(deps, &request, file_id, &mut call).await;
    call.finish(deps, answer)
}

async fn status<D: Deps>(
    deps: &D,
    request: &Request<Bytes>,
    file_id: &str,
    call: &mut Call,
) -> Result<Response<Bytes>, Problem> {
    // 1. Who asks, and is it theirs?
    let identity = call.identify(deps, request.headers())?;
    let upload = call.find_own(deps.repo(), &identity.owner, file_id).await?;
    // 2. Tell, and say when to ask again.
    let response = json(StatusCode::OK, &file(&upload));
    Ok(if upload.state.is_moving() {
        let waited_s = deps.repo().backlog_s(&upload.owner, call.now).await?;
        retry_after(response, poll_pause_s(waited_s))
    } else {
        response
    })
}
