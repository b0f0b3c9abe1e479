//! `GET /files/{id}/status`: the status of an upload.

use bytes::Bytes;
use consign_core::api::{File, FileError};
use consign_core::host::HasRepo;
use consign_core::ports::UploadRepo as _;
use consign_core::problem::Problem;
use consign_core::service::{Call, Service, json, retry_after};
use consign_core::time::to_rfc3339;
use consign_core::upload::{Columns, Upload};
use http::{Request, Response, StatusCode};

/// How long a client should wait between polls, in seconds, if files are processed at once.
const POLL_PAUSE_S: u64 = 1;
/// The longest such pause, in seconds.
const POLL_PAUSE_MAX_S: u64 = 30;
/// The divisor of the waiting time of files that gives the pause.
const POLL_PART: u64 = 8;

const _: () = assert!(POLL_PAUSE_S <= POLL_PAUSE_MAX_S);

/// Returns the pause between polls, which grows with the time that the owner's files wait.
fn poll_pause_s(waited_s: u64) -> u64 {
    (waited_s / POLL_PART).clamp(POLL_PAUSE_S, POLL_PAUSE_MAX_S)
}

/// The capabilities that this function uses.
pub trait Deps: Service + HasRepo {}

impl<T: Service + HasRepo> Deps for T {}

/// Builds the warning for a ready file over which another version was written.
fn overwrite_refused() -> FileError {
    FileError {
        code: "overwrite_refused".to_owned(),
        detail: "Something else was written over the uploaded object after the file was ready, and was refused. What was made \
                 of the file is unchanged; its original can no longer be downloaded."
            .to_owned(),
    }
}

/// Builds the warning of a table that differs from the schema of its collection.
fn schema_changed(difference: &str) -> FileError {
    FileError {
        code: "schema_changed".to_owned(),
        detail: format!(
            "The table differs from the one before it in its collection: {difference}."
        ),
    }
}

/// Returns the warning for the owner of a ready file. An original that cannot be served is more urgent.
fn warning(upload: &Upload) -> Option<FileError> {
    let refused = upload.conflict_etag.as_ref().map(|_| overwrite_refused());
    let outcome = upload.current_outcome();
    let difference = outcome.and_then(|outcome| outcome.schema_difference.as_deref());
    refused.or_else(|| difference.map(schema_changed))
}

/// Builds the wire form of an upload. `GET /files` uses it too.
#[must_use]
pub fn file(upload: &Upload) -> File {
    let outcome = upload.current_outcome();
    let observed_bytes = upload.observed.as_ref().map(|observed| observed.size_bytes);
    let columns = outcome.and_then(|outcome| outcome.columns.as_ref());
    let columns = columns.or(upload.client_metadata.columns.as_ref());
    File {
        file_id: upload.id.to_string(),
        status: upload.state.status(),
        processing_status: upload.state.processing_status(),
        filename: upload.filename.clone(),
        category: upload.category.clone(),
        content_type: upload.content_type.clone(),
        file_size_bytes: observed_bytes.or(upload.size_bytes_declared),
        // The measured value has precedence over the client's.
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
        hints: upload.hints.clone(),
        created_at: to_rfc3339(upload.created_at),
        expires_at: to_rfc3339(upload.url_expires_at),
        uploaded_at: upload.uploaded_at.map(to_rfc3339),
        processed_at: upload.processed_at.map(to_rfc3339),
        error: upload.failure.as_ref().map(|failure| FileError {
            code: failure.code.clone(),
            detail: failure.detail.clone(),
        }),
        warning: warning(upload),
    }
}

/// Answers with the status of the upload `file_id`. 404 if it is unknown or belongs to another owner.
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
    // 1. Authenticate the caller and find its upload.
    let identity = call.identify(deps, request.headers())?;
    let upload = call.find_own(deps.repo(), &identity.owner, file_id).await?;
    // 2. Answer, with a pause if the state is not final.
    let response = json(StatusCode::OK, &file(&upload));
    Ok(if upload.state.is_moving() {
        let waited_s = deps.repo().backlog_s(&upload.owner, call.now).await?;
        retry_after(response, poll_pause_s(waited_s))
    } else {
        response
    })
}
