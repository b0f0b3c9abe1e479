//! `POST /files/confirm`: the client says that it is done. A hint (invariant 7): the bucket is looked at.

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

/// What this function needs.
pub trait Deps: Service + HasRepo + HasQueue + HasStore + HasMultipart {}

impl<T: Service + HasRepo + HasQueue + HasStore + HasMultipart> Deps for T {}

/// Answers 200 with where the upload stands after a look at its object.
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
    // 1. Who confirms what, and is it theirs?
    let identity = call.identify(deps, request.headers())?;
    let confirmed = ConfirmRequest::parse(request.body())?;
    let upload = call
        .find_own(deps.repo(), &identity.owner, &confirmed.file_id)
        .await?;
    if upload.state == UploadState::Deleted && !upload.is_lost() {
        return Err(Problem::not_found());
    }
    // 2. What has come already needs no second look: only the links are new.
    let object = match (&upload.observed, upload.state) {
        (Some(seen), UploadState::Ready | UploadState::Failed | UploadState::Processing) => {
            seen.clone()
        }
        // It was lost, and may be there again.
        (_, UploadState::Deleted) => look(deps, &upload, &confirmed, call.now)
            .await
            .map_err(|_| Problem::not_found())?,
        _ => look(deps, &upload, &confirmed, call.now).await?,
    };
    agree_on_etag(&object, &confirmed)?;
    // 3. Write it down; the ingest job goes with it.
    let event = Event::Confirmed {
        object,
        collection_id: confirmed.collection_id,
        metadata: ClientMetadata {
            columns: confirmed.metadata.columns.map(Columns::of),
            row_count: confirmed.metadata.row_count,
            file_hash: confirmed.metadata.file_hash.map(|hash| hash.base64()),
        },
    };
    let upload = match transition(deps.repo(), deps.queue(), upload, &event, call.now).await? {
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

/// The object as the bucket holds it, checked against what was signed.
async fn look<D: Deps>(
    deps: &D,
    upload: &Upload,
    confirmed: &ConfirmRequest,
    now: Timestamp,
) -> Result<ObjectVersion, Problem> {
    let mut head = deps.store().head(&upload.object).await?;
    let mut completed = Ok(());
    if head.is_none() && upload.strategy == Strategy::Multipart {
        completed = parts::complete(deps.multipart(), upload, &confirmed.parts).await;
        // Whatever the list of parts said: another may have completed them meanwhile.
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

/// Size and checksum are inside the signature; a store that let others through is found out here (invariant 14).
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
            "The object's SHA-256 is another than the one declared. Sign a new upload and send the file again.",
        )),
        (Some(_) | None, _) => Ok(()),
    }
}

fn agree_on_etag(object: &ObjectVersion, confirmed: &ConfirmRequest) -> Result<(), Problem> {
    match confirmed.etag.as_deref().map(ETag::new) {
        Some(etag) if etag != object.etag => Err(Problem::object_mismatch(
            "The object in the bucket has another etag than the one given. Leave `etag` out to confirm what is there.",
        )),
        Some(_) | None => Ok(()),
    }
}
