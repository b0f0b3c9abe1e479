//! `POST /files/sign_upload`: checks a request against the policy and presigns the upload.

mod answer;
mod record;

use bytes::Bytes;
use consign_core::auth::Identity;
use consign_core::host::{HasBeginMultipart, HasPolicy, HasProvider, HasQueue, HasRepo, HasSigner};
use consign_core::policy::{Accepted, SignUploadRequest, Strategy};
use consign_core::ports::{
    BeginMultipart, IdempotencyKey, Inserted, NewUpload, RATE_WINDOW_S, UploadRepo,
};
use consign_core::problem::{Problem, RateLimit};
use consign_core::service::{Call, Service, json};
use consign_core::transition::transition;
use consign_core::upload::{Event, State, Upload, add_s};
use http::{HeaderMap, Request, Response, StatusCode};
use jiff::Timestamp;

/// What this function needs.
pub trait Deps:
    Service + HasRepo + HasQueue + HasBeginMultipart + HasPolicy + HasProvider + HasSigner
{
}

impl<T: Service + HasRepo + HasQueue + HasBeginMultipart + HasPolicy + HasProvider + HasSigner> Deps
    for T
{
}

/// How long an idempotency key is remembered, in seconds.
const IDEMPOTENCY_S: u64 = 86_400;
/// The longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;
/// How long a first call may still be at work before a second one takes its work over, in seconds.
const FIRST_CALL_S: u64 = 30;

/// Answers 201 with what to send where, until when.
pub async fn handle<D: Deps>(deps: &D, request: Request<Bytes>) -> Response<Bytes> {
    let mut call = Call::begin(deps, "sign_upload", &request);
    let answer = sign_upload(deps, &request, &mut call).await;
    call.finish(deps, answer)
}

async fn sign_upload<D: Deps>(
    deps: &D,
    request: &Request<Bytes>,
    call: &mut Call,
) -> Result<Response<Bytes>, Problem> {
    // 1. Who asks for what, and does the policy allow it?
    let identity = call.identify(deps, request.headers())?;
    let idempotency = idempotency_key(request.headers(), request.body(), call.now)?;
    let wanted = SignUploadRequest::parse(request.body())?;
    let accepted = deps
        .policy()
        .check(wanted, &identity, deps.provider().capabilities())?;
    // 2. Write the record, before anything can reach the bucket in its name.
    let upload = new_upload(deps, &identity, &accepted, call.now)?;
    let upload = insert(deps, upload, &identity, idempotency, call.now).await?;
    call.about(&upload);
    // 3. A multipart upload is begun in the bucket.
    let upload = begin_multipart(deps, upload, &accepted, call.now).await?;
    // 4. Sign exactly this upload, and remember how long its URLs live.
    let expires_s = deps
        .signer()
        .clamp_expiry_s(accepted.upload_url_s, call.now);
    let event = Event::Resigned {
        url_expires_at: add_s(call.now, expires_s.into()),
    };
    let upload = transition((deps.repo(), deps.queue()), upload, &event, call.now)
        .await?
        .upload();
    let store = (deps.signer(), deps.provider().capabilities());
    let answer = answer::sign(store, &upload, &accepted, (call.now, expires_s))?;
    Ok(json(StatusCode::CREATED, &answer))
}

/// The record of a new upload under an object key of its own.
fn new_upload<D: Deps>(
    deps: &D,
    identity: &Identity,
    accepted: &Accepted,
    now: Timestamp,
) -> Result<Upload, Problem> {
    let id = consign_core::ports::Random::upload_id(deps.random(), now);
    record::pending(id, identity, accepted, now).map_err(|error| {
        Problem::validation_failed(vec![consign_core::problem::FieldError {
            field: "labels".to_owned(),
            code: "key_invalid",
            detail: format!("would make an object key that no store takes: {error}"),
        }])
    })
}

/// Inserts the record, or finds the one that the same call made before.
async fn insert<D: Deps>(
    deps: &D,
    upload: Upload,
    identity: &Identity,
    idempotency: Option<IdempotencyKey>,
    now: Timestamp,
) -> Result<Upload, Problem> {
    let tier = deps.policy().tier(identity);
    let new = NewUpload {
        upload,
        idempotency,
        allowance: consign_core::ports::Allowance {
            quota_bytes_max: tier.quota_bytes,
            sign_uploads_per_window: tier.sign_uploads_per_min,
        },
    };
    match deps.repo().insert_pending(&new, now).await? {
        Inserted::Created => Ok(new.upload),
        Inserted::Replayed(upload) => match upload.state {
            State::Pending | State::Uploading => Ok(*upload),
            State::Expired => Err(Problem::upload_expired()),
            State::Uploaded
            | State::Confirmed
            | State::Processing
            | State::Ready
            | State::Failed => Err(Problem::already_uploaded()),
            State::Deleted => Err(Problem::not_found()),
        },
        Inserted::KeyReused => Err(Problem::idempotency_key_reused()),
        Inserted::ObjectKeyTaken => Err(Problem::object_key_taken()),
        Inserted::QuotaExceeded { used_bytes } => Err(Problem::quota_exceeded(format!(
            "The upload reserves {} bytes and {used_bytes} are in use of a quota of {}. Delete files, or ask for a larger quota.",
            new.upload.reserved_bytes,
            tier.quota_bytes.unwrap_or(u64::MAX),
        ))),
        Inserted::RateLimited => Err(Problem::rate_limited(RateLimit {
            name: "sign_uploads",
            quota: tier.sign_uploads_per_min.unwrap_or(0),
            window_s: RATE_WINDOW_S.unsigned_abs().try_into().unwrap_or(u32::MAX),
            remaining: 0,
            reset_s: (RATE_WINDOW_S - now.as_second().rem_euclid(RATE_WINDOW_S)).unsigned_abs(),
        })),
    }
}

/// Begins the multipart upload of a record that has none yet, and writes its id.
///
/// Dying in between leaves a record without an id: the same call again begins another, and the bucket's lifecycle
/// removes the one that nobody knows.
async fn begin_multipart<D: Deps>(
    deps: &D,
    upload: Upload,
    accepted: &Accepted,
    now: Timestamp,
) -> Result<Upload, Problem> {
    if upload.strategy != Strategy::Multipart || upload.multipart_upload_id.is_some() {
        return Ok(upload);
    }
    if upload.created_at != now && now < add_s(upload.created_at, FIRST_CALL_S) {
        return Err(Problem::idempotency_in_progress());
    }
    let upload_id = deps
        .begin_multipart()
        .begin(
            &upload.object,
            &upload.content_type,
            &accepted.category.encryption,
        )
        .await?;
    let event = Event::MultipartBegun { upload_id };
    let moved = transition((deps.repo(), deps.queue()), upload, &event, now).await?;
    let upload = moved.upload();
    if upload.multipart_upload_id.is_none() {
        return Err(Problem::conflict_retry());
    }
    Ok(upload)
}

/// The `Idempotency-Key` with the hash of what it stands for.
fn idempotency_key(
    headers: &HeaderMap,
    body: &Bytes,
    now: Timestamp,
) -> Result<Option<IdempotencyKey>, Problem> {
    use sha2::Digest as _;

    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=IDEMPOTENCY_KEY_BYTES_MAX).contains(&key.len()));
    let key = key.ok_or_else(|| {
        Problem::validation_failed(vec![consign_core::problem::FieldError {
            field: "idempotency-key".to_owned(),
            code: "invalid",
            detail: format!("must be 1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable ASCII characters"),
        }])
    })?;
    let digest = sha2::Sha256::digest(body);
    Ok(Some(IdempotencyKey {
        key: key.to_owned(),
        body_sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        expires_at: add_s(now, IDEMPOTENCY_S),
    }))
}
