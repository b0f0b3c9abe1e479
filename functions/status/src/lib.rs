//! `GET /files/{id}/status`: where an upload stands.

use bytes::Bytes;
use consign_core::host::HasRepo;
use consign_core::problem::Problem;
use consign_core::service::{Call, Service, json, retry_after};
use consign_core::upload::{Columns, Upload};
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;

/// How long a client that polls should wait, in seconds.
const POLL_PAUSE_S: u64 = 1;

/// What this function needs.
pub trait Deps: Service + HasRepo {}

impl<T: Service + HasRepo> Deps for T {}

/// Why an upload failed.
#[derive(Debug, Serialize)]
pub struct Error<'a> {
    code: &'a str,
    detail: &'a str,
}

/// An upload as its owner sees it; also an item of `GET /files`.
#[derive(Debug, Serialize)]
pub struct View<'a> {
    file_id: String,
    status: &'static str,
    processing_status: &'static str,
    filename: &'a str,
    category: &'a str,
    content_type: &'a str,
    file_size_bytes: Option<u64>,
    row_count: Option<u64>,
    reject_count: Option<u64>,
    column_count: Option<u64>,
    columns: Option<&'a [String]>,
    variants: Vec<&'static str>,
    collection_id: Option<&'a str>,
    labels: &'a std::collections::BTreeMap<String, String>,
    metadata: &'a serde_json::Map<String, serde_json::Value>,
    created_at: Timestamp,
    expires_at: Timestamp,
    uploaded_at: Option<Timestamp>,
    processed_at: Option<Timestamp>,
    error: Option<Error<'a>>,
}

impl<'a> View<'a> {
    /// What there is to tell of an upload.
    #[must_use]
    pub fn of(upload: &'a Upload) -> Self {
        let outcome = upload.current_outcome();
        let seen_bytes = upload.seen.as_ref().map(|seen| seen.size_bytes);
        let columns = outcome.and_then(|outcome| outcome.columns.as_ref());
        let columns = columns.or(upload.claimed.columns.as_ref());
        Self {
            file_id: upload.id.to_string(),
            status: upload.state.as_str(),
            processing_status: upload.state.processing_status(),
            filename: &upload.filename,
            category: &upload.category,
            content_type: &upload.content_type,
            file_size_bytes: seen_bytes.or(upload.size_bytes_declared),
            // What we found comes first; what the client claimed is better than nothing.
            row_count: outcome
                .and_then(|outcome| outcome.row_count)
                .or(upload.claimed.row_count),
            reject_count: outcome.and_then(|outcome| outcome.reject_count),
            column_count: columns.map(Columns::count),
            columns: columns.map(Columns::names),
            variants: upload.variants(),
            collection_id: upload.collection_id.as_deref(),
            labels: &upload.labels,
            metadata: &upload.metadata,
            created_at: upload.created_at,
            expires_at: upload.url_expires_at,
            uploaded_at: upload.uploaded_at,
            processed_at: upload.processed_at,
            error: upload.failure.as_ref().map(|failure| Error {
                code: &failure.code,
                detail: &failure.detail,
            }),
        }
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
    let response = json(StatusCode::OK, &View::of(&upload));
    Ok(if upload.state.is_moving() {
        retry_after(response, POLL_PAUSE_S)
    } else {
        response
    })
}
