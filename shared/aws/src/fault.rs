//! Errors of the SDK, of whatever service, sorted into the port's kinds.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use consign_core::ports::{Fault, FaultKind};

use crate::breaker::Open;

/// What an SDK error is to a port. The cause is kept as text: codes and the service's own words, never a request, an
/// item or a URL.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the SDK's enum is open, and what is new is Other"
)]
pub(crate) fn fault<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let kind = match error {
        SdkError::TimeoutError(_) => FaultKind::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => FaultKind::TimedOut,
        SdkError::DispatchFailure(_) => FaultKind::Unreachable,
        SdkError::ServiceError(service) => {
            kind(service.err().code(), service.raw().status().as_u16())
        }
        SdkError::ResponseError(_) => FaultKind::Unreachable,
        SdkError::ConstructionFailure(_) if is_open(error) => FaultKind::Unreachable,
        _ => FaultKind::Other,
    };
    Fault::new(kind, operation, cause(error))
}

/// What an error is where a multipart upload was to be begun: there it matters whether one may have been.
#[cfg(feature = "s3")]
pub(crate) fn begin_fault<E>(error: &SdkError<E, HttpResponse>) -> Fault
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let mut fault = fault("begin", error);
    if is_open(error) {
        fault.kind = FaultKind::Throttled;
    } else {
        fault.kind = begin_kind(fault.kind, status(error).unwrap_or(0));
    }
    fault
}

/// A server that answers 503 is too busy for the call, by whatever code it says so, and made nothing.
#[cfg(any(feature = "begin", feature = "s3"))]
pub(crate) fn begin_kind(kind: FaultKind, status: u16) -> FaultKind {
    if kind == FaultKind::Unreachable && status == 503 {
        FaultKind::Throttled
    } else {
        kind
    }
}

/// Whether the circuit breaker kept the call back.
fn is_open(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| error.is::<Open>())
}

/// An error with all its causes.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// What the service said, or else what happened on the way.
fn cause<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let Some(said) = error.as_service_error() {
        let status = status(error).unwrap_or(0);
        return match (said.code(), said.message()) {
            // An answer that the SDK cannot read has neither: then what it stumbled over, by element and kind.
            (None, None) => format!("no code ({status}): {}", words(error)),
            (code, message) => format!(
                "{} ({status}): {}",
                code.unwrap_or("no code"),
                message.unwrap_or("no message")
            ),
        };
    }
    words(error)
}

/// An error with all its causes, in words. Theirs are about kinds and names of elements, never values.
fn words(error: &(dyn Error + 'static)) -> String {
    let words: Vec<String> = chain(error).map(ToString::to_string).collect();
    words.join(": ")
}

/// The HTTP status of the answer, where there was one.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

/// S3, DynamoDB and SQS, each "Error responses" or "Common errors" of its API reference; the `XMinio…` codes are
/// `MinIO`'s own.
pub(crate) fn kind(code: Option<&str>, status: u16) -> FaultKind {
    match code.unwrap_or_default() {
        // S3.
        "SlowDown"
        | "TooManyRequests"
        | "ConditionalRequestConflict"
        | "OperationAborted"
        // DynamoDB.
        | "ProvisionedThroughputExceededException"
        | "TransactionConflictException"
        | "TransactionInProgressException"
        | "LimitExceededException"
        // SQS.
        | "RequestThrottled"
        | "OverLimit"
        | "KmsThrottled"
        // All.
        | "Throttling"
        | "ThrottlingException"
        | "RequestLimitExceeded" => FaultKind::Throttled,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "RequestTimeTooSkewed"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "ExpiredTokenException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException" => FaultKind::BadCredentials,
        "AccessDenied"
        | "AccessDeniedException"
        | "AllAccessDisabled"
        | "AccountProblem"
        | "KmsAccessDenied"
        | "NotAuthorized"
        | "OptInRequired" => FaultKind::Denied,
        "NoSuchBucket"
        | "ResourceNotFoundException"
        | "QueueDoesNotExist"
        | "AWS.SimpleQueueService.NonExistentQueue" => FaultKind::MissingResource,
        "XMinioStorageFull"
        | "XMinioAdminBucketQuotaExceeded"
        | "QuotaExceeded"
        | "ItemCollectionSizeLimitExceededException" => FaultKind::Full,
        "RequestTimeout" => FaultKind::TimedOut,
        "ServiceUnavailable" | "InternalError" | "InternalServerError" | "InternalFailure" => {
            FaultKind::Unreachable
        }
        _ => match status {
            401 | 403 => FaultKind::Denied,
            408 | 504 => FaultKind::TimedOut,
            429 => FaultKind::Throttled,
            500 | 502 | 503 => FaultKind::Unreachable,
            507 => FaultKind::Full,
            _ => FaultKind::Other,
        },
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    /// What the SDK makes of an answer that it cannot read.
    #[derive(Debug, thiserror::Error)]
    #[error("unhandled error")]
    struct Unread {
        #[source]
        cause: std::io::Error,
        meta: ErrorMetadata,
    }

    impl ProvideErrorMetadata for Unread {
        fn meta(&self) -> &ErrorMetadata {
            &self.meta
        }
    }

    #[test]
    fn an_answer_that_cannot_be_read_is_told_with_what_it_stumbled_over() {
        let unread = Unread {
            cause: std::io::Error::other("invalid root, expected InitiateMultipartUploadResult"),
            meta: ErrorMetadata::builder().build(),
        };
        let answer = HttpResponse::new(200.try_into().unwrap(), SdkBody::empty());
        let fault = fault("write", &SdkError::service_error(unread, answer));
        assert_eq!(
            (fault.kind, fault.kind.is_transient()),
            (FaultKind::Other, false)
        );
        let causes = fault.causes().unwrap();
        assert!(
            causes.contains("(200)") && causes.contains("invalid root"),
            "{causes}"
        );
    }

    #[test]
    fn faults_are_told_apart() {
        for (code, status, expected) in [
            (Some("SlowDown"), 503, FaultKind::Throttled),
            (
                Some("SignatureDoesNotMatch"),
                403,
                FaultKind::BadCredentials,
            ),
            (Some("AccessDenied"), 403, FaultKind::Denied),
            (None, 403, FaultKind::Denied),
            (Some("NoSuchBucket"), 404, FaultKind::MissingResource),
            (Some("XMinioStorageFull"), 507, FaultKind::Full),
            (None, 503, FaultKind::Unreachable),
            (None, 504, FaultKind::TimedOut),
            (Some("Curious"), 418, FaultKind::Other),
            (
                Some("ProvisionedThroughputExceededException"),
                400,
                FaultKind::Throttled,
            ),
            (
                Some("ExpiredTokenException"),
                400,
                FaultKind::BadCredentials,
            ),
            (Some("AccessDeniedException"), 400, FaultKind::Denied),
            (
                Some("ResourceNotFoundException"),
                400,
                FaultKind::MissingResource,
            ),
            (Some("InternalServerError"), 500, FaultKind::Unreachable),
            (Some("ValidationException"), 400, FaultKind::Other),
            (
                Some("AWS.SimpleQueueService.NonExistentQueue"),
                400,
                FaultKind::MissingResource,
            ),
            (Some("RequestThrottled"), 400, FaultKind::Throttled),
        ] {
            assert_eq!(kind(code, status), expected, "{code:?} {status}");
        }
    }
}
