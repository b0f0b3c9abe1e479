//! Answers in JSON, and problem documents (RFC 9457) for whatever goes wrong.
//!
//! A problem's `code` is the stable name that programs act on; its `type` is the same code as a URI. A 5xx tells the
//! caller the request id only: the cause belongs in the log.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::auth::AuthError;

pub use consign_api::{FieldError, REQUEST_FIELD_CODES};

/// The header that carries the request id, in and out.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// When to ask again where the store is full, in seconds: people make room, and not at once.
const STORAGE_FULL_RETRY_S: u64 = 30;

/// A rate limit that was met, for the `RateLimit` fields (draft-ietf-httpapi-ratelimit-headers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The limit's name, such as `sign_uploads`: letters, digits and `_` only.
    pub name: &'static str,
    /// Requests allowed per window.
    pub quota: u32,
    /// The window's length in seconds.
    pub window_s: u32,
    /// Requests left in this window.
    pub remaining: u32,
    /// Seconds until the window starts anew.
    pub reset_s: u64,
}

/// A request that cannot be served: an RFC 9457 problem document to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The response's status.
    pub status: StatusCode,
    /// The stable name of the problem.
    pub code: &'static str,
    /// A short name for people; the same for each `code` (RFC 9457, section 3.1.3).
    pub title: &'static str,
    /// What happened this time and what to do about it. Empty in a 5xx.
    pub detail: String,
    /// The fields at fault, of a bad request.
    pub errors: Vec<FieldError>,
    /// After how many seconds the same request may succeed.
    pub retry_after_s: Option<u64>,
    headers: Box<[(HeaderName, HeaderValue)]>,
}

/// Fields at fault that a problem document names: each part of the longest upload, and some beside them.
pub(crate) const ERRORS_TOLD_MAX: usize = 10_100;
// A problem is an error that is returned everywhere: it stays small.
const _: () = assert!(size_of::<Problem>() < 128);

impl Problem {
    fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after_s: None,
            headers: Box::default(),
        }
    }

    fn conflict(code: &'static str, title: &'static str, detail: &str) -> Self {
        Self::new(StatusCode::CONFLICT, code, title, detail)
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// 400: the request cannot be read at all, such as a body that is not JSON.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "The request cannot be read",
            detail,
        )
    }

    /// 400: fields of the request are wrong; all of them are named.
    pub fn validation_failed(errors: Vec<FieldError>) -> Self {
        debug_assert!(
            errors
                .iter()
                .all(|error| REQUEST_FIELD_CODES.contains(&&*error.code)),
            "a code that is not documented: {errors:?}"
        );
        let detail = match errors.as_slice() {
            [only] => format!("{} {}", only.field, only.detail),
            many => format!("{} fields are wrong; see errors", many.len()),
        };
        let title = "The request has fields that are wrong";
        Self {
            errors,
            ..Self::new(StatusCode::BAD_REQUEST, "validation_failed", title, detail)
        }
    }

    /// 400: the store, or the category, cannot take a file this way.
    pub fn strategy_unsupported(error: FieldError) -> Self {
        let title = "This way of uploading is not offered";
        let detail = format!("{} {}", error.field, error.detail);
        let problem = Self::new(
            StatusCode::BAD_REQUEST,
            "strategy_unsupported",
            title,
            detail,
        );
        Self {
            errors: vec![error],
            ..problem
        }
    }

    /// 401, with the challenge of RFC 6750 section 3: `error` is absent where no token was given.
    pub fn unauthorized(error: Option<&'static str>, detail: impl Into<String>) -> Self {
        let challenge = match error {
            None => HeaderValue::from_static("Bearer realm=\"consign\""),
            // Only our own fixed names come here; were one not a header value, the bare challenge would do.
            Some(name) => {
                HeaderValue::try_from(format!("Bearer realm=\"consign\", error=\"{name}\""))
                    .unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
            }
        };
        let problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "A valid bearer token is needed",
            detail,
        );
        Self {
            headers: Box::new([(WWW_AUTHENTICATE, challenge)]),
            ..problem
        }
    }

    /// 403: the caller is known and may not do this. Never used for another owner's file, which is `not_found`.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// 403: the owner's storage is full. Not 429: waiting does not help, deleting does.
    pub fn quota_exceeded(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "quota_exceeded",
            "The storage quota is used up",
            detail,
        )
    }

    /// 403: the owner has as many files as it may.
    pub fn files_exceeded(files_max: u64) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "files_exceeded",
            "There are as many files as may be",
            format!(
                "at most {files_max} files; delete some first, which count until they are purged"
            ),
        )
    }

    /// 404: no such file, or another owner's (invariant 20).
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Not found",
            "there is nothing here under this name",
        )
    }

    /// 405: the path exists, this method does not; `allow` lists those that do, such as `GET, DELETE`.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let title = "This method is not offered here";
        let problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            title,
            format!("offered: {allow}"),
        );
        Self {
            headers: Box::new([(ALLOW, HeaderValue::from_static(allow))]),
            ..problem
        }
    }

    /// 409: another call with this `Idempotency-Key` is at work, or does not know what came of it, for this much longer
    /// at most.
    pub fn idempotency_in_progress(rest_s: u64) -> Self {
        let detail = "another request with this Idempotency-Key has not ended yet";
        Self::conflict(
            "idempotency_in_progress",
            "The same request is still running",
            detail,
        )
        .retry_after(rest_s)
    }

    /// 409: the category's key template names an object that exists already.
    pub fn object_key_taken() -> Self {
        let detail = "another file has this object name, and is never overwritten: use other labels, or delete that file, whose \
            name is free again once it is purged and its URLs have ended";
        Self::conflict("object_key_taken", "The object name is taken", detail)
    }

    /// 409: the same call came before, and its file has arrived since.
    #[must_use]
    pub fn already_uploaded() -> Self {
        let detail = "the file of this Idempotency-Key has arrived; ask for its status, or use a new key for a new file";
        Self::conflict("already_uploaded", "The file has arrived", detail)
    }

    /// What cannot be signed: dead credentials are the service's trouble, all else was let through by mistake.
    #[must_use]
    pub fn unsignable(error: crate::sigv4::PresignError) -> Self {
        tracing::error!(%error, "cannot sign");
        if error == crate::sigv4::PresignError::ExpiryOutOfRange {
            Self::store_unavailable()
        } else {
            Self::internal()
        }
    }

    /// 409: confirmed, but the bucket has no such object.
    pub fn object_missing() -> Self {
        let detail = "the bucket has no such object yet; send the file to the signed URL first (a 403 there means an \
                      expired URL, or headers other than those in `headers`)";
        Self::conflict("object_missing", "The file has not arrived", detail)
    }

    /// 409: what arrived is not what was declared; `detail` says how it differs.
    pub fn object_mismatch(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "object_mismatch",
            "What arrived is not what was declared",
            detail,
        )
    }

    /// 409: the upload's time is over.
    pub fn upload_expired() -> Self {
        let detail = "the file did not arrive while this upload lived; sign a new upload, with a new Idempotency-Key";
        Self::conflict("upload_expired", "The upload has expired", detail)
    }

    /// 409: the file is not ready to be downloaded in this form; `detail` names its state.
    pub fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "not_ready",
            "The file is not ready",
            detail,
        )
    }

    /// 409: another write came first; the same request may be sent again.
    pub fn conflict_retry() -> Self {
        let detail = "another request changed this file at the same moment; send the request again";
        Self::conflict("conflict", "Changed by another request", detail).retry_after(1)
    }

    /// 408: the request's own body did not come in time.
    #[must_use]
    pub fn body_too_slow() -> Self {
        let detail = "the body came too slowly; send the request again";
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "The request body came too slowly",
            detail,
        )
    }

    /// 413: the request's own body is too long (files go to the bucket, never here).
    pub fn body_too_large(bytes_max: usize) -> Self {
        let detail =
            format!("a body here has at most {bytes_max} bytes; files go to the signed URL");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The request body is too large",
            detail,
        )
    }

    /// 415: the body is not `application/json`.
    pub fn unsupported_media_type() -> Self {
        let title = "The body's type is not understood";
        let detail = "send `content-type: application/json`";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            title,
            detail,
        )
    }

    /// 422: the `Idempotency-Key` was used with another body.
    pub fn idempotency_key_reused() -> Self {
        let title = "The Idempotency-Key belongs to another request";
        let detail = "this key was used with another body; choose a new key for a new request";
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "idempotency_key_reused",
            title,
            detail,
        )
    }

    /// 429, with `Retry-After` and the `RateLimit` fields.
    pub fn rate_limited(limit: RateLimit) -> Self {
        let detail = format!(
            "at most {} {} per {} s",
            limit.quota, limit.name, limit.window_s
        );
        let problem = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "rate_limited",
            "Too many requests",
            detail,
        );
        Self {
            headers: limit.headers().into(),
            ..problem.retry_after(limit.reset_s)
        }
    }

    /// 500: our fault. The cause is logged, not told.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong here",
            "",
        )
    }

    /// 503: the store or the database does not answer.
    pub fn store_unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "store_unavailable",
            "The store does not answer",
            "",
        )
        .retry_after(2)
    }

    /// 503: the store or the database has no room left, so nothing can be written until somebody makes some.
    pub fn storage_full() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage_full",
            "The store has no room left",
            "",
        )
        .retry_after(STORAGE_FULL_RETRY_S)
    }

    /// 503: as much is being done as can be at once.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "Too much is being done at once",
            "",
        )
        .retry_after(1)
    }

    /// The response: `application/problem+json`, with the headers that go with the status.
    pub fn into_response(self, request_id: &str) -> Response<Bytes> {
        let is_ours = self.status.is_server_error();
        let mut errors = if is_ours { Vec::new() } else { self.errors };
        errors.truncate(ERRORS_TOLD_MAX);
        let document = consign_api::Problem {
            kind: format!("urn:consign:problem:{}", self.code),
            title: self.title.into(),
            status: self.status.as_u16(),
            code: self.code.into(),
            detail: Some(self.detail).filter(|detail| !is_ours && !detail.is_empty()),
            request_id: request_id.to_owned(),
            errors,
        };
        let mut response = json(self.status, &document, request_id);
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        headers.extend(self.headers);
        response
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        Self::unauthorized(error.bearer_error(), error.to_string())
    }
}

impl RateLimit {
    /// The `RateLimit` and `RateLimit-Policy` fields; also of use on a response that succeeds.
    pub fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let Self {
            name,
            quota,
            window_s,
            remaining,
            reset_s,
        } = self;
        let policy = (
            RATE_LIMIT_POLICY,
            format!("\"{name}\";q={quota};w={window_s}"),
        );
        let state = (RATE_LIMIT, format!("\"{name}\";r={remaining};t={reset_s}"));
        // A name of ours is always a header value.
        let header = |(name, text)| Some((name, HeaderValue::try_from(text).ok()?));
        [policy, state].into_iter().filter_map(header).collect()
    }
}

/// A JSON response with its `x-request-id`; nothing of ours is for a shared cache.
pub fn json(status: StatusCode, value: &impl Serialize, request_id: &str) -> Response<Bytes> {
    // Most answers fit.
    let mut body = Vec::with_capacity(1 << 10);
    let (status, body) = match serde_json::to_writer(&mut body, value) {
        Ok(()) => (status, body),
        // Only a map with keys that are not text fails, and no answer of ours has one.
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, b"{}".to_vec()),
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        http::header::CACHE_CONTROL,
        HeaderValue::from_static("no-store"),
    );
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, id);
    }
    response
}

/// The caller's request id where it is one (`[A-Za-z0-9_-]{8,64}`), else a fresh one: what comes in ends up in logs.
pub fn request_id(headers: &HeaderMap, fresh: impl FnOnce() -> String) -> String {
    let is_id = |id: &&str| {
        (8..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    let given = headers
        .get(X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(is_id);
    given.map_or_else(fresh, str::to_owned)
}

#[cfg(test)]
mod tests;
