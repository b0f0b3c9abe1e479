//! `GET /files` and `DELETE /files/{id}`: an owner's uploads.

use bytes::Bytes;
use consign_core::host::{HasPolicy, HasQueue, HasRepo, HasSigner};
use consign_core::ids::UploadId;
use consign_core::policy::{Disposition, DownloadQuery, ListQuery, Variant};
use consign_core::ports::{ListFilter, UploadRepo};
use consign_core::problem::{FieldError, Problem};
use consign_core::service::{Call, Service, json};
use consign_core::transition::transition;
use consign_core::upload::{Event, State, Upload};
use download_url::Download;
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use status::View;

/// What this function needs.
pub trait Deps: Service + HasRepo + HasQueue + HasPolicy + HasSigner {}

impl<T: Service + HasRepo + HasQueue + HasPolicy + HasSigner> Deps for T {}

#[derive(Serialize)]
struct Item<'a> {
    #[serde(flatten)]
    view: View<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    download_expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct Listing<'a> {
    files: Vec<Item<'a>>,
    next_cursor: Option<String>,
}

/// Answers with a page of the caller's uploads, newest first.
pub async fn list<D: Deps>(deps: &D, request: Request<Bytes>) -> Response<Bytes> {
    let mut call = Call::begin(deps, "list_files", &request);
    let answer = list_own(deps, &request, &mut call).await;
    call.finish(deps, answer)
}

async fn list_own<D: Deps>(
    deps: &D,
    request: &Request<Bytes>,
    call: &mut Call,
) -> Result<Response<Bytes>, Problem> {
    // 1. Who asks, and which of its uploads?
    let identity = call.identify(deps, request.headers())?;
    let query = ListQuery::parse(request.uri().query().unwrap_or_default())?;
    let after = query.cursor.as_deref().map(parse_cursor).transpose()?;
    let filter = ListFilter {
        state: query.status.as_deref().and_then(State::parse),
        category: query.category,
        collection_id: query.collection_id,
    };
    // 2. One page of them.
    let limit = usize::try_from(query.limit).unwrap_or(1);
    let page = deps
        .repo()
        .list(&identity.owner, &filter, after, limit)
        .await?;
    // 3. Each with a URL, where asked for and where there is something to download.
    let sign = |upload: &Upload| {
        let has_download = query.include_download_url && upload.variants().contains(&"original");
        has_download.then(|| sign(deps, upload, call.now)).flatten()
    };
    let files = page.uploads.iter().map(|upload| {
        let download = sign(upload);
        Item {
            view: View::of(upload),
            download_expires_at: download.as_ref().map(|download| download.expires_at),
            download_url: download.map(|download| download.url),
        }
    });
    Ok(json(
        StatusCode::OK,
        &Listing {
            files: files.collect(),
            next_cursor: page.next.map(|id| id.to_string()),
        },
    ))
}

fn sign<D: Deps>(deps: &D, upload: &Upload, now: Timestamp) -> Option<Download> {
    let query = DownloadQuery {
        expiry_s: None,
        variant: Variant::Original,
        disposition: Disposition::Attachment,
    };
    download_url::sign((deps.policy(), deps.signer()), upload, &query, now).ok()
}

fn parse_cursor(cursor: &str) -> Result<UploadId, Problem> {
    UploadId::parse(cursor).map_err(|_| {
        Problem::validation_failed(vec![FieldError {
            field: "cursor".to_owned(),
            code: "invalid",
            detail: "must be the `next_cursor` of the page before".to_owned(),
        }])
    })
}

/// Deletes the upload `file_id`, softly: its objects move under `deleted/` and are purged later.
pub async fn delete<D: Deps>(deps: &D, request: Request<Bytes>, file_id: &str) -> Response<Bytes> {
    let mut call = Call::begin(deps, "delete_file", &request);
    let answer = delete_own(deps, &request, file_id, &mut call).await;
    call.finish(deps, answer)
}

async fn delete_own<D: Deps>(
    deps: &D,
    request: &Request<Bytes>,
    file_id: &str,
    call: &mut Call,
) -> Result<Response<Bytes>, Problem> {
    // 1. Who asks, and is it theirs?
    let identity = call.identify(deps, request.headers())?;
    let upload = call.find_own(deps.repo(), &identity.owner, file_id).await?;
    // 2. Deleted from this write on; the sweep moves the objects. Twice is as once.
    let ports = (deps.repo(), deps.queue());
    transition(ports, upload, &Event::Delete, call.now).await?;
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}
