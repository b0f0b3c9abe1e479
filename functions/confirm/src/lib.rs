//! `POST /files/confirm`: the client confirms its upload. A hint only (invariant 7): the function observes the object
//! itself.

mod parts;

use bytes::Bytes;
use consign_core::api::Confirmed;
use consign_core::host::{HasMultipart, HasQueue, HasRepo, HasStore};
use consign_core::ids::ETag;
use consign_core::policy::{ConfirmRequest, Strategy};
use consign_core::ports::{ObjectHead, ObjectStore};
use consign_core::problem::Problem;
use consign_core::service::{Call, Service, json};
use consign_core::time::Timestamp;
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{
    ClientMetadata, Columns, Event, ObjectVersion, Refusal, Upload, UploadState,
};
use http::{Request, Response, StatusCode};

/// The capabilities that this function uses.
pub trait Deps: Service + HasRepo + HasQueue + HasStore + HasMultipart {}

impl<T: Service + HasRepo + HasQueue + HasStore + HasMultipart> Deps for T {}

/// Sends a HEAD request for the object, and answers 200 with the state of the upload.
pub async fn handle<D: Deps>(deps: &D, request: Request<Bytes>) -> Response<Bytes> {
    let mut call = Call::begin(deps, "confirm", &request);
    let answer = confirm(deps, &request, &mut call).await;
    call.finish(deps, answer)
}

async fn confirm<D: Deps>(
    deps: &D,
    request: &Request<Bytes>,
    call: &mut Call,
) -> Result<Response<Bytes>, Problem> {
    // 1. Authenticate the caller and find its upload.
    let identity = call.identify(deps, request.headers())?;
    let confirmed = ConfirmRequest::parse(request.body())?;
    let upload = call
        .find_own(deps.repo(), &identity.owner, &confirmed.file_id)
        .await?;
    if upload.state == UploadState::Deleted && !upload.is_lost() {
        return Err(Problem::not_found());
    }
    // 2. An object that was processed or is being processed needs no second HEAD request. Only the links are new.
    let object = match (&upload.observed, upload.state) {
        (Some(observed), UploadState::Ready | UploadState::Failed | UploadState::Processing) => {
            observed.clone()
        }
        // The upload was lost, and its object may exist again.
        (_, UploadState::Deleted) => observe(deps, &upload, &confirmed, call.now)
            .await
            .map_err(|_| Problem::not_found())?,
        _ => observe(deps, &upload, &confirmed, call.now).await?,
    };
    agree_on_etag(&object, &confirmed)?;
    // 3. Record the confirm, which enqueues the ingest job.
    let event = Event::Confirmed {
        object,
        collection_id: confirmed.collection_id,
        metadata: ClientMetadata {
            columns: confirmed.metadata.columns.map(Columns::of),
            row_count: confirmed.metadata.row_count,
            file_hash: confirmed.metadata.file_hash.map(|hash| hash.base64()),
        },
    };
    let upload = match transition(deps, upload, &event, call.now).await? {
        TransitionOutcome::Refused(_, Refusal::StaleObservation) => {
            return Err(Problem::conflict_retry());
        }
        TransitionOutcome::Refused(_, Refusal::Deleted) => return Err(Problem::not_found()),
        TransitionOutcome::Changed(upload)
        | TransitionOutcome::Unchanged(upload)
        | TransitionOutcome::Refused(
            upload,
            Refusal::Processed
            | Refusal::Beginning
            | Refusal::Leased
            | Refusal::LeaseLost
            | Refusal::OutOfPlace,
        ) => upload,
    };
    call.about(&upload);
    Ok(json(
        StatusCode::OK,
        &Confirmed {
            file_id: upload.id.to_string(),
            status: upload.state.status(),
            processing_status: upload.state.processing_status(),
        },
    ))
}

/// Returns the object in the bucket after comparing it with what was signed.
async fn observe<D: Deps>(
    deps: &D,
    upload: &Upload,
    confirmed: &ConfirmRequest,
    now: Timestamp,
) -> Result<ObjectVersion, Problem> {
    let mut head = deps.store().head(&upload.object).await?;
    let mut completed = Ok(());
    if head.is_none() && upload.strategy == Strategy::Multipart {
        completed = parts::complete(deps.multipart(), upload, &confirmed.parts).await;
        // The object decides, whatever the list of parts was: another call may have completed it meanwhile.
        head = deps.store().head(&upload.object).await?;
    }
    let Some(head) = head else {
        if upload.state == UploadState::Expired || now >= upload.unfinished_ends_at() {
            return Err(Problem::upload_expired());
        }
        return Err(completed.err().unwrap_or_else(Problem::object_missing));
    };
    agree_on_content(&head, upload)?;
    Ok(ObjectVersion {
        etag: head.etag,
        size_bytes: head.size_bytes,
        version_id: head.version_id,
        sequencer: None,
    })
}

/// Compares size and checksum with the signed values, for a store that let another object through (invariant 14).
fn agree_on_content(head: &ObjectHead, upload: &Upload) -> Result<(), Problem> {
    let size_fits = match upload.size_bytes_declared {
        Some(declared) => head.size_bytes == declared,
        None => head.size_bytes <= upload.size_bytes_max,
    };
    if !size_fits {
        return Err(Problem::object_mismatch(format!(
            "The object has {} bytes, but {} were signed. Sign a new upload and send the file whole.",
            head.size_bytes,
            upload.size_bytes_declared.unwrap_or(upload.size_bytes_max),
        )));
    }
    match (&head.checksum_sha256, &upload.checksum_sha256) {
        (Some(stored), Some(declared)) if stored != declared => Err(Problem::object_mismatch(
            "The object's SHA-256 differs from the declared one. Sign a new upload and send the file again.",
        )),
        (Some(_) | None, _) => Ok(()),
    }
}

fn agree_on_etag(object: &ObjectVersion, confirmed: &ConfirmRequest) -> Result<(), Problem> {
    match confirmed.etag.as_deref().map(ETag::new) {
        Some(etag) if etag != object.etag => Err(Problem::object_mismatch(
            "The object in the bucket has another etag. Omit `etag` to confirm the object that exists.",
        )),
        Some(_) | None => Ok(()),
    }
}
