//! JSON answers, and problem documents for errors (RFC 9457).
//!
//! A problem's `code` is the stable name for programs. Its `type` is the same code as a URI. A 5xx answer contains
//! only the request id. The cause is in the log.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use crate::auth::AuthError;

pub use consign_api::{FieldError, REQUEST_FIELD_CODES};

/// The header of the request id, in requests and answers.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The `Retry-After` of a full store, in seconds. An operator has to make room, which takes time.
const STORAGE_FULL_RETRY_S: u64 = 30;

/// The rate limit that was applied, for the `RateLimit` fields (draft-ietf-httpapi-ratelimit-headers).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// The limit's name, such as `sign_uploads`: only letters, digits and `_`.
    pub name: &'static str,
    /// Requests allowed per window.
    pub quota: u32,
    /// The window's length in seconds.
    pub window_s: u32,
    /// Requests left in this window.
    pub remaining: u32,
    /// Seconds until the next window.
    pub reset_s: u64,
}

/// An error answer, as an RFC 9457 problem document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The response's status.
    pub status: StatusCode,
    /// The stable name of the problem.
    pub code: &'static str,
    /// A short title for people, the same for each `code` (RFC 9457, section 3.1.3).
    pub title: &'static str,
    /// What happened and what to do about it. Empty in a 5xx answer.
    pub detail: String,
    /// The fields that are invalid, for a bad request.
    pub errors: Vec<FieldError>,
    /// After how many seconds the same request may succeed.
    pub retry_after_s: Option<u64>,
    headers: Box<[(HeaderName, HeaderValue)]>,
}

/// The largest number of field errors in a problem document: one for each part of the longest upload, and some more.
pub(crate) const FIELD_ERRORS_MAX: usize = 10_100;
// Many functions return a `Problem` as their error, so it must be small.
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

    /// Sets the time after which the request may be repeated.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// 400: the request cannot be parsed, such as a body that is not JSON.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "The request cannot be parsed",
            detail,
        )
    }

    /// 400: fields of the request are invalid. The problem names all of them.
    pub fn validation_failed(errors: Vec<FieldError>) -> Self {
        debug_assert!(
            errors
                .iter()
                .all(|error| REQUEST_FIELD_CODES.contains(&&*error.code)),
            "undocumented code: {errors:?}"
        );
        let detail = match errors.as_slice() {
            [only] => format!("{} {}", only.field, only.detail),
            many => format!("{} fields are invalid; see errors", many.len()),
        };
        let title = "The request has invalid fields";
        Self {
            errors,
            ..Self::new(StatusCode::BAD_REQUEST, "validation_failed", title, detail)
        }
    }

    /// 400: the store or the category does not support this upload strategy.
    pub fn strategy_unsupported(error: FieldError) -> Self {
        let title = "The upload strategy is not supported";
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

    /// 401, with the challenge of RFC 6750 section 3. `error` is absent if no token was sent.
    pub fn unauthorized(error: Option<&'static str>, detail: impl Into<String>) -> Self {
        let challenge = match error {
            None => HeaderValue::from_static("Bearer realm=\"consign\""),
            // Only fixed names occur here. The bare challenge is the fallback for one that is not a header value.
            Some(name) => {
                HeaderValue::try_from(format!("Bearer realm=\"consign\", error=\"{name}\""))
                    .unwrap_or_else(|_| HeaderValue::from_static("Bearer"))
            }
        };
        let problem = Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "A valid bearer token is required",
            detail,
        );
        Self {
            headers: Box::new([(WWW_AUTHENTICATE, challenge)]),
            ..problem
        }
    }

    /// 403: the caller is authenticated and not permitted. Never used for another owner's file, which is `not_found`.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// 403: the owner's quota is used up. Not 429, since waiting does not help, but deleting does.
    pub fn quota_exceeded(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "quota_exceeded",
            "The storage quota is used up",
            detail,
        )
    }

    /// 403: the owner has the largest number of files.
    pub fn files_exceeded(files_max: u64) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "files_exceeded",
            "The limit of files is reached",
            format!(
                "at most {files_max} files; delete some first; deleted files count until they are purged"
            ),
        )
    }

    /// 404: no such file, or another owner's (invariant 20).
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "Not found",
            "nothing exists under this name",
        )
    }

    /// 405: the path exists, but not with this method. `allow` lists the allowed methods, such as `GET, DELETE`.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let title = "The method is not allowed here";
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

    /// 409: another call with this `Idempotency-Key` is running or its result is unknown, for at most this much
    /// longer.
    pub fn idempotency_in_progress(rest_s: u64) -> Self {
        let detail = "another request with this Idempotency-Key is still running";
        Self::conflict(
            "idempotency_in_progress",
            "The same request is still running",
            detail,
        )
        .retry_after(rest_s)
    }

    /// 409: the category's key template produces an object key that exists.
    pub fn object_key_taken() -> Self {
        let detail = "another file has this object name, and is never overwritten: use other labels, or delete that file, whose \
            name is free again once it is purged and its URLs have ended";
        Self::conflict("object_key_taken", "The object name is taken", detail)
    }

    /// 409: the same call was made before, and its file has arrived since.
    #[must_use]
    pub fn already_uploaded() -> Self {
        let detail = "the file of this Idempotency-Key has arrived; ask for its status, or use a new key for a new file";
        Self::conflict("already_uploaded", "The file has arrived", detail)
    }

    /// Maps a signing error. Expired credentials are the service's fault. All other errors should have been rejected
    /// before.
    #[must_use]
    pub fn unsignable(error: crate::sigv4::PresignError) -> Self {
        tracing::error!(%error, "cannot sign");
        if error == crate::sigv4::PresignError::ExpiryOutOfRange {
            Self::store_unavailable()
        } else {
            Self::internal()
        }
    }

    /// 409: the upload was confirmed, but the object does not exist.
    pub fn object_missing() -> Self {
        let detail = "the bucket has no such object yet; send the file to the signed URL first (a 403 there means an \
                      expired URL, or headers other than those in `headers`)";
        Self::conflict("object_missing", "The file has not arrived", detail)
    }

    /// 409: the object differs from the declaration; `detail` says how.
    pub fn object_mismatch(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "object_mismatch",
            "The object differs from what was declared",
            detail,
        )
    }

    /// 409: the upload has expired.
    pub fn upload_expired() -> Self {
        let detail =
            "the file did not arrive in time; sign a new upload, with a new Idempotency-Key";
        Self::conflict("upload_expired", "The upload has expired", detail)
    }

    /// 409: the file cannot be downloaded in this form yet; `detail` names its state.
    pub fn not_ready(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "not_ready",
            "The file is not ready",
            detail,
        )
    }

    /// 409: another write came first. The same request may be sent again.
    pub fn conflict_retry() -> Self {
        let detail = "another request changed this file at the same time; send the request again";
        Self::conflict("conflict", "Changed by another request", detail).retry_after(1)
    }

    /// 408: the request body did not arrive in time.
    #[must_use]
    pub fn body_too_slow() -> Self {
        let detail = "the body arrived too slowly; send the request again";
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_too_slow",
            "The request body arrived too slowly",
            detail,
        )
    }

    /// 413: the request body is too long. Files are sent to the bucket, not here.
    pub fn body_too_large(bytes_max: usize) -> Self {
        let detail =
            format!("the body may have at most {bytes_max} bytes; send files to the signed URL");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "The request body is too large",
            detail,
        )
    }

    /// 415: the body is not `application/json`.
    pub fn unsupported_media_type() -> Self {
        let title = "The media type is not supported";
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
        let title = "The Idempotency-Key was used for another request";
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

    /// 500: an internal error. The cause is only in the log.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
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

    /// 503: the store or the database has no space left. Nothing can be written until an operator makes room.
    pub fn storage_full() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "storage_full",
            "The store has no space left",
            "",
        )
        .retry_after(STORAGE_FULL_RETRY_S)
    }

    /// 503: the limit of concurrent requests is reached.
    #[must_use]
    pub fn overloaded() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "overloaded",
            "Too many requests at the same time",
            "",
        )
        .retry_after(1)
    }

    /// Builds the response: `application/problem+json`, with the headers of the status.
    pub fn into_response(self, request_id: &str) -> Response<Bytes> {
        let is_ours = self.status.is_server_error();
        let mut errors = if is_ours { Vec::new() } else { self.errors };
        errors.truncate(FIELD_ERRORS_MAX);
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
    /// Returns the `RateLimit` and `RateLimit-Policy` fields. They can also be sent with a successful response.
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
        // The fixed names are always valid header values.
        let header = |(name, text)| Some((name, HeaderValue::try_from(text).ok()?));
        [policy, state].into_iter().filter_map(header).collect()
    }
}

/// Builds a JSON response with its `x-request-id`. No answer may be stored in a shared cache.
pub fn json(status: StatusCode, value: &impl Serialize, request_id: &str) -> Response<Bytes> {
    // Most answers fit into this capacity.
    let mut body = Vec::with_capacity(1 << 10);
    let (status, body) = match serde_json::to_writer(&mut body, value) {
        Ok(()) => (status, body),
        // Serialization fails only for a map with keys that are not strings, which no answer has.
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

/// Returns the caller's request id if it is valid (`[A-Za-z0-9_-]{8,64}`), or else a fresh one. The format is checked
/// because the value is logged.
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
