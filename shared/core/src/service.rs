//! The frame around every handler that answers HTTP: request id, identity, one log line, one answer.

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

/// What every handler over HTTP needs of its host.
pub trait Service: HasClock + HasRandom + HasAuthenticator {}

impl<T: HasClock + HasRandom + HasAuthenticator> Service for T {}

/// What a call was about; hosts find it among the response's extensions and make metrics of it.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The operation, such as `sign_upload`.
    pub operation: &'static str,
    /// The problem's code, where there was one.
    pub code: Option<&'static str>,
    /// The caller, once known.
    pub owner: Option<OwnerId>,
    /// The size of the file that it was about, in bytes.
    pub size_bytes: Option<u64>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
}

/// One call, from its beginning to its answer.
#[derive(Debug)]
pub struct Call {
    /// The instant at which it began; the `now` of all that it does.
    pub now: Timestamp,
    /// Names it in the answer and the log.
    pub request_id: String,
    observed: Observed,
    file_id: Option<UploadId>,
    bucket: Option<String>,
}

impl Call {
    /// Begins a call.
    pub fn begin<B>(service: &impl Service, operation: &'static str, request: &Request<B>) -> Self {
        Self {
            now: service.clock().now(),
            request_id: problem::request_id(request.headers(), || service.random().token()),
            observed: Observed {
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

    /// Who calls.
    ///
    /// # Errors
    /// 401 where the token does not say so beyond doubt.
    pub fn identify(
        &mut self,
        service: &impl Service,
        headers: &HeaderMap,
    ) -> Result<Identity, Problem> {
        let identity = service.authenticator().authenticate(headers, self.now)?;
        self.observed.owner = Some(identity.owner.clone());
        Ok(identity)
    }

    /// Notes which upload the call is about.
    pub fn about(&mut self, upload: &Upload) {
        self.file_id = Some(upload.id);
        self.bucket = Some(upload.object.bucket.clone());
        self.observed.size_bytes = upload
            .observed
            .as_ref()
            .map(|seen| seen.size_bytes)
            .or(upload.size_bytes_declared);
    }

    /// Finds an upload of this owner. Another owner's answers exactly as an unknown one (invariant 20).
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

    /// Ends a call: the answer with its request id, and the log line of the operation.
    pub fn finish(
        mut self,
        service: &impl Service,
        answer: Result<Response<Bytes>, Problem>,
    ) -> Response<Bytes> {
        let mut response = match answer {
            Ok(response) => response,
            Err(problem) => {
                self.observed.code = Some(problem.code);
                problem.into_response(&self.request_id)
            }
        };
        if let Ok(id) = HeaderValue::from_str(&self.request_id) {
            response.headers_mut().insert(X_REQUEST_ID, id);
        }
        let elapsed = service.clock().now().signed_duration_since(self.now);
        self.observed.duration_ms = u64::try_from(elapsed.num_milliseconds()).unwrap_or(0);
        tracing::info!(
            operation = self.observed.operation,
            request_id = self.request_id,
            file_id = self.file_id.map(tracing::field::display),
            user_id = self.observed.owner.as_ref().map(OwnerId::as_str),
            file_size = self.observed.size_bytes,
            duration_ms = self.observed.duration_ms,
            bucket = self.bucket,
            status = response.status().as_u16(),
            code = self.observed.code,
        );
        response.extensions_mut().insert(self.observed);
        response
    }
}

/// What a host asks before it reads a request's body: how many bytes it may have.
///
/// Whoever has no token sends a body for nothing. The function itself looks at the token again, by the same rules.
///
/// # Errors
/// The answer, where the body need not be read for it: no such route, no valid token, or too long by its own account.
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

/// What a request says of its body's length.
fn content_length(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(http::header::CONTENT_LENGTH)?;
    // One that is no number was refused by the host's HTTP.
    length.to_str().ok()?.parse().ok()
}

/// A JSON answer.
pub fn json(status: StatusCode, value: &impl Serialize) -> Response<Bytes> {
    problem::json(status, value, "")
}

/// An answer that the client should ask for again after some seconds.
#[must_use]
pub fn retry_after(mut response: Response<Bytes>, seconds: u64) -> Response<Bytes> {
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    response
}

/// The caller learns that it is not its fault, and whether to come again; the log learns the rest.
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
