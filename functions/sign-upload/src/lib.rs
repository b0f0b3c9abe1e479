//! `POST /files/sign_upload`: checks a request against the policy and presigns the upload.

mod answer;
mod record;

use bytes::Bytes;
use consign_core::auth::Identity;
use consign_core::host::{HasBeginMultipart, HasPolicy, HasProvider, HasQueue, HasRepo, HasSigner};
use consign_core::operations::IDEMPOTENCY_S;
use consign_core::policy::{Accepted, SignUploadRequest, Strategy};
use consign_core::ports::{
    BeginMultipart, IdempotencyKey, Inserted, NewUpload, RATE_WINDOW_S, UploadRepo,
};
use consign_core::problem::{Problem, RateLimit};
use consign_core::service::{Call, Service, json};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::transition::{TransitionOutcome, transition};
use consign_core::upload::{BEGIN_S, EXPIRY_GRACE_S, Event, Refusal, Upload, UploadState};
use http::{HeaderMap, Request, Response, StatusCode};

/// The capabilities that this function uses.
pub trait Deps:
    Service + HasRepo + HasQueue + HasBeginMultipart + HasPolicy + HasProvider + HasSigner
{
}

impl<T: Service + HasRepo + HasQueue + HasBeginMultipart + HasPolicy + HasProvider + HasSigner> Deps
    for T
{
}

/// The maximum length of an idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// Answers 201 with the signed requests and their expiry.
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
    // 1. Authenticate the caller and check the request against the policy.
    let identity = call.identify(deps, request.headers())?;
    let idempotency = idempotency_key(request.headers(), request.body(), call.now)?;
    let wanted = SignUploadRequest::parse(request.body())?;
    let accepted = deps
        .policy()
        .check(wanted, &identity, deps.provider().capabilities())?;
    // 2. Write the record before any bytes can reach the bucket.
    let upload = new_upload(deps, &identity, &accepted, call.now)?;
    let inserted = insert(deps, upload, &identity, idempotency, call.now).await?;
    call.about(inserted.upload());
    // 3. Begin a multipart upload in the bucket.
    let upload = begin_multipart(deps, inserted, &accepted, call.now).await?;
    // 4. Sign this upload, and record when its URLs expire.
    let expires_s = expires_s(deps, &upload, &accepted, call.now);
    let event = Event::UrlsReissued {
        url_expires_at: saturating_add_secs(call.now, expires_s.into()),
    };
    let outcome = transition(deps, upload, &event, call.now).await?;
    let upload = still_open(outcome.upload(), call.now)?;
    let signing = answer::Signing {
        signer: deps.signer(),
        store: deps.provider().capabilities(),
        upload: &upload,
        accepted: &accepted,
        now: call.now,
        expires_s,
    };
    let answer = signing.sign()?;
    Ok(json(StatusCode::CREATED, &answer))
}

/// Builds the record of a new upload with its own object key.
fn new_upload<D: Deps>(
    deps: &D,
    identity: &Identity,
    accepted: &Accepted,
    now: Timestamp,
) -> Result<Upload, Problem> {
    let id = consign_core::ports::Random::upload_id(deps.random(), now);
    let record = record::pending(id, identity, accepted, now).map(|upload| Upload {
        // A form signs no condition. The parts of a multipart upload are completed by consign itself.
        puts_once: accepted.strategy != Strategy::Post && deps.provider().capabilities().puts_once,
        ..upload
    });
    record.map_err(|error| {
        Problem::validation_failed(vec![consign_core::problem::FieldError {
            field: "labels".to_owned(),
            code: "key_invalid".into(),
            detail: format!("would result in an invalid object key: {error}"),
        }])
    })
}

/// The record of a call.
enum Record {
    /// Inserted by this call, which also begins the multipart upload.
    New(Upload),
    /// Inserted by an earlier, equal call.
    Known(Upload),
}

impl Record {
    fn upload(&self) -> &Upload {
        match self {
            Self::New(upload) | Self::Known(upload) => upload,
        }
    }
}

/// Inserts the record, or returns the one of an earlier, equal call.
async fn insert<D: Deps>(
    deps: &D,
    upload: Upload,
    identity: &Identity,
    idempotency: Option<IdempotencyKey>,
    now: Timestamp,
) -> Result<Record, Problem> {
    let tier = deps.policy().tier(identity);
    let new = NewUpload {
        upload,
        idempotency,
        allowance: consign_core::ports::Allowance {
            quota_bytes_max: tier.quota_bytes,
            sign_uploads_per_window: tier.sign_uploads_per_min,
            files_max: Some(tier.files_max),
        },
    };
    match deps.repo().insert_pending(&new, now).await? {
        Inserted::Created => Ok(Record::New(new.upload)),
        Inserted::Replayed(upload) if upload.is_reopened_by_signing(now) => {
            let upload = reopen(deps, *upload, tier.quota_bytes, now).await?;
            Ok(Record::Known(upload))
        }
        Inserted::Replayed(upload) => still_open(*upload, now).map(Record::Known),
        Inserted::KeyReused => Err(Problem::idempotency_key_reused()),
        Inserted::ObjectKeyTaken => Err(Problem::object_key_taken()),
        Inserted::QuotaExceeded { used_bytes } => Err(over_quota(
            new.upload.reserved_bytes,
            used_bytes,
            tier.quota_bytes.unwrap_or(u64::MAX),
        )),
        Inserted::FilesExceeded => Err(Problem::files_exceeded(tier.files_max)),
        Inserted::RateLimited => Err(Problem::rate_limited(RateLimit {
            name: "sign_uploads",
            quota: tier.sign_uploads_per_min.unwrap_or(0),
            window_s: RATE_WINDOW_S.unsigned_abs().try_into().unwrap_or(u32::MAX),
            remaining: 0,
            reset_s: (RATE_WINDOW_S - now.timestamp().rem_euclid(RATE_WINDOW_S)).unsigned_abs(),
        })),
    }
}

fn over_quota(wanted_bytes: u64, used_bytes: u64, quota_bytes: u64) -> Problem {
    Problem::quota_exceeded(format!(
        "The upload reserves {wanted_bytes} bytes and {used_bytes} are in use of a quota of {quota_bytes}. Delete files, or ask for a larger quota."
    ))
}

/// Reopens an upload that expired unused, and reserves its bytes again.
///
/// The quota is checked before and after: each of several concurrent calls sees its own bytes reserved, so no URL
/// exceeds the quota. An upload that is refused after the reservation releases it when it expires.
async fn reopen<D: Deps>(
    deps: &D,
    upload: Upload,
    quota_bytes: Option<u64>,
    now: Timestamp,
) -> Result<Upload, Problem> {
    let wanted_bytes = upload.size_bytes_max;
    let within_quota = async |more_bytes: u64| {
        let Some(quota_bytes) = quota_bytes else {
            return Ok(());
        };
        let used_bytes = deps.repo().reserved_bytes(&upload.owner).await?;
        if used_bytes.saturating_add(more_bytes) > quota_bytes {
            return Err(over_quota(wanted_bytes, used_bytes, quota_bytes));
        }
        Ok(())
    };
    within_quota(wanted_bytes).await?;
    let event = Event::UrlsReissued {
        url_expires_at: saturating_add_secs(now, EXPIRY_GRACE_S),
    };
    let outcome = transition(deps, upload.clone(), &event, now).await?;
    within_quota(0).await?;
    still_open(outcome.upload(), now)
}

/// Returns an upload that still accepts bytes.
fn still_open(upload: Upload, now: Timestamp) -> Result<Upload, Problem> {
    match upload.state {
        UploadState::Pending | UploadState::Uploading if now < upload.life_ends_at() => Ok(upload),
        UploadState::Pending | UploadState::Uploading | UploadState::Expired => {
            Err(Problem::upload_expired())
        }
        UploadState::Uploaded
        | UploadState::Confirmed
        | UploadState::Processing
        | UploadState::Ready
        | UploadState::Failed => Err(Problem::already_uploaded()),
        UploadState::Deleted => Err(Problem::not_found()),
    }
}

/// Returns the life of URLs that are signed now, in seconds: at most that of the credentials and of the upload.
fn expires_s<D: Deps>(deps: &D, upload: &Upload, accepted: &Accepted, now: Timestamp) -> u32 {
    let left_s = upload.life_ends_at().timestamp() - now.timestamp();
    let left_s = u32::try_from(left_s.max(1)).unwrap_or(u32::MAX);
    let wanted_s = accepted.upload_url_s.min(left_s);
    deps.signer().clamp_expiry_s(wanted_s, now)
}

/// Begins the multipart upload of a record that has none, and records its id.
///
/// One call at a time begins it: the record has a reservation and its end. If the bucket refuses, the next call may
/// try at once. If the call ends without a known result, the reservation runs out. The same call then begins another
/// multipart upload, and the bucket's lifecycle rules remove the unknown one.
async fn begin_multipart<D: Deps>(
    deps: &D,
    record: Record,
    accepted: &Accepted,
    now: Timestamp,
) -> Result<Upload, Problem> {
    let is_begun = |upload: &Upload| {
        upload.strategy != Strategy::Multipart || upload.multipart_upload_id.is_some()
    };
    let upload = match record {
        Record::Known(upload) if !is_begun(&upload) => reserve_begin(deps, upload, now).await?,
        Record::New(upload) | Record::Known(upload) => upload,
    };
    if is_begun(&upload) {
        return Ok(upload);
    }
    let begun = deps
        .begin_multipart()
        .begin(
            &upload.object,
            &upload.content_type,
            &accepted.category.encryption,
        )
        .await;
    let upload_id = match begun {
        Ok(upload_id) => upload_id,
        Err(fault) if fault.kind.is_without_effect() => {
            // If this cannot be written, the reservation runs out.
            let _ = transition(deps, upload, &Event::BeginFailed, now).await;
            return Err(fault.into());
        }
        Err(fault) => {
            let rest_s = rest_s(&upload, now);
            return Err(Problem::from(fault).retry_after(rest_s));
        }
    };
    let event = Event::MultipartBegun { upload_id };
    let upload = transition(deps, upload, &event, now).await?.upload();
    if upload.multipart_upload_id.is_none() {
        return Err(Problem::conflict_retry());
    }
    Ok(upload)
}

/// Reserves the right to begin the multipart upload. A call that inserts the record reserves it with the insert.
async fn reserve_begin<D: Deps>(
    deps: &D,
    upload: Upload,
    now: Timestamp,
) -> Result<Upload, Problem> {
    let event = Event::BeginReserved {
        until: saturating_add_secs(now, BEGIN_S),
    };
    match transition(deps, upload, &event, now).await? {
        TransitionOutcome::Refused(upload, Refusal::Beginning) => {
            Err(Problem::idempotency_in_progress(rest_s(&upload, now)))
        }
        TransitionOutcome::Changed(upload)
        | TransitionOutcome::Unchanged(upload)
        | TransitionOutcome::Refused(upload, _) => still_open(upload, now),
    }
}

/// Returns the rest of the reservation in whole seconds, at least one.
fn rest_s(upload: &Upload, now: Timestamp) -> u64 {
    let until = upload.multipart.begin_until.unwrap_or(now);
    let rest_ms = until.timestamp_millis() - now.timestamp_millis();
    u64::try_from(rest_ms).unwrap_or(0).div_ceil(1_000).max(1)
}

/// Returns the `Idempotency-Key` with the hash of the request.
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
            code: "invalid".into(),
            detail: format!("must be 1 to {IDEMPOTENCY_KEY_BYTES_MAX} printable ASCII characters"),
        }])
    })?;
    let digest = sha2::Sha256::digest(body);
    Ok(Some(IdempotencyKey {
        key: key.to_owned(),
        body_sha256: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
        expires_at: saturating_add_secs(now, IDEMPOTENCY_S),
    }))
}
