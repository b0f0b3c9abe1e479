//! What every HTTP handler shares: request id, authentication, one log line, one answer.

use crate::time::Timestamp;
use bytes::Bytes;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{HeaderMap, Request, Response, StatusCode};
use serde::Serialize;

use crate::auth::Identity;
use crate::host::{HasAuthenticator, HasClock, HasRandom};
use crate::ids::{OwnerId, UploadId};
use crate::ports::{Clock, Fault, FaultKind, Random, UploadRepo};
use crate::problem::{self, Problem, X_REQUEST_ID};
use crate::routes;
use crate::upload::Upload;

/// What every HTTP handler needs from its host.
pub trait Service: HasClock + HasRandom + HasAuthenticator {}

impl<T: HasClock + HasRandom + HasAuthenticator> Service for T {}

/// The facts about a call. Hosts read them from the response's extensions for their metrics.
#[derive(Debug, Clone)]
pub struct CallSummary {
    /// The operation, such as `sign_upload`.
    pub operation: &'static str,
    /// The problem's code, if there was one.
    pub code: Option<&'static str>,
    /// The caller, if authenticated.
    pub owner: Option<OwnerId>,
    /// The size of the file, in bytes.
    pub size_bytes: Option<u64>,
    /// The duration in milliseconds.
    pub duration_ms: u64,
}

/// One call, from the request to the answer.
#[derive(Debug)]
pub struct Call {
    /// When the call began. All of its steps use this instant.
    pub now: Timestamp,
    /// The request id, for the answer and the log.
    pub request_id: String,
    summary: CallSummary,
    file_id: Option<UploadId>,
    bucket: Option<String>,
}

impl Call {
    /// Begins a call.
    pub fn begin<B>(service: &impl Service, operation: &'static str, request: &Request<B>) -> Self {
        Self {
            now: service.clock().now(),
            request_id: problem::request_id(request.headers(), || service.random().token()),
            summary: CallSummary {
                operation,
                code: None,
                owner: None,
                size_bytes: None,
                duration_ms: 0,
            },
            file_id: None,
            bucket: None,
        }
    }

    /// Authenticates the caller.
    ///
    /// # Errors
    /// 401 if the token is missing or not valid.
    pub fn identify(
        &mut self,
        service: &impl Service,
        headers: &HeaderMap,
    ) -> Result<Identity, Problem> {
        let identity = service.authenticator().authenticate(headers, self.now)?;
        self.summary.owner = Some(identity.owner.clone());
        Ok(identity)
    }

    /// Records which upload the call is about.
    pub fn about(&mut self, upload: &Upload) {
        self.file_id = Some(upload.id);
        self.bucket = Some(upload.object.bucket.clone());
        self.summary.size_bytes = upload
            .observed
            .as_ref()
            .map(|observed| observed.size_bytes)
            .or(upload.size_bytes_declared);
    }

    /// Finds an upload of this owner. An upload of another owner is answered like an unknown one (invariant 20).
    ///
    /// # Errors
    /// 404, or the repository's fault.
    pub async fn find_own(
        &mut self,
        repo: &impl UploadRepo,
        owner: &OwnerId,
        file_id: &str,
    ) -> Result<Upload, Problem> {
        let id = UploadId::parse(file_id).map_err(|_| Problem::not_found())?;
        let upload = repo.find(id).await?;
        let own = upload.filter(|upload| upload.owner == *owner);
        let upload = own.ok_or_else(Problem::not_found)?;
        self.about(&upload);
        Ok(upload)
    }

    /// Ends a call: adds the request id to the answer and writes the log line.
    pub fn finish(
        mut self,
        service: &impl Service,
        answer: Result<Response<Bytes>, Problem>,
    ) -> Response<Bytes> {
        let mut response = match answer {
            Ok(response) => response,
            Err(problem) => {
                self.summary.code = Some(problem.code);
                problem.into_response(&self.request_id)
            }
        };
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        let elapsed = service.clock().now().signed_duration_since(self.now);
        self.summary.duration_ms = u64::try_from(elapsed.num_milliseconds()).unwrap_or(0);
        tracing::info!(
            operation = self.summary.operation,
            request_id = self.request_id,
            file_id = self.file_id.map(tracing::field::display),
            user_id = self.summary.owner.as_ref().map(OwnerId::as_str),
            file_size = self.summary.size_bytes,
            duration_ms = self.summary.duration_ms,
            bucket = self.bucket,
            status = response.status().as_u16(),
            code = self.summary.code,
        );
        response.extensions_mut().insert(self.summary);
        response
    }
}

/// Returns the maximum length of the request's body. A host calls this before it reads the body.
///
/// The body of a caller without a token is not read. The function itself checks the token again by the same rules.
///
/// # Errors
/// The answer, if it does not depend on the body: unknown route, no valid token, or a `content-length` over the
/// limit.
pub fn admit<B>(
    service: &impl Service,
    request: &Request<B>,
) -> Result<usize, Box<Response<Bytes>>> {
    let refuse = |operation, problem| {
        let call = Call::begin(service, operation, request);
        Err(Box::new(call.finish(service, Err(problem))))
    };
    let target = match routes::find(request.method(), request.uri().path()) {
        Ok((target, _)) => target,
        Err(problem) => return refuse("unknown", problem),
    };
    if target.needs_token() {
        let now = service.clock().now();
        if let Err(error) = service.authenticator().authenticate(request.headers(), now) {
            return refuse(target.operation(), error.into());
        }
    }
    let bytes_max = target.body_bytes_max();
    match content_length(request.headers()) {
        Some(length) if bytes_max > 0 && length > bytes_max => {
            refuse(target.operation(), Problem::body_too_large(bytes_max))
        }
        Some(_) | None => Ok(bytes_max),
    }
}

/// Returns the declared length of a request's body.
fn content_length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(http::header::CONTENT_LENGTH)?;
    // The host's HTTP server refuses a length that is not a number.
    length.to_str().ok()?.parse().ok()
}

/// Builds a JSON answer.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response<Bytes> {
    problem::json(status, value, "")
}

/// Adds `Retry-After` to an answer that the client should request again.
#[must_use]
pub fn retry_after(mut response: Response<Bytes>, seconds: u64) -> Response<Bytes> {
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// The caller gets a server error and whether to retry. The details are logged.
impl From<Fault> for Problem {
    fn from(fault: Fault) -> Self {
        tracing::error!(
            operation = fault.operation,
            kind = fault.kind.code(),
            cause = fault.source.as_ref().map(tracing::field::display),
            "a port failed"
        );
        if fault.kind == FaultKind::Full {
            Self::storage_full()
        } else if fault.kind.is_transient() {
            Self::store_unavailable()
        } else {
            Self::internal()
        }
    }
}

#[cfg(test)]
mod tests;
