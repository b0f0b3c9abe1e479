//! Maps SDK errors of every service to fault kinds.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use consign_core::ports::{Fault, FaultKind};

use crate::breaker::Open;

/// Returns the fault for an SDK error. The cause is kept as text: codes and messages of the service, never a request,
/// an item or a URL.
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

/// Returns the fault for an error of beginning a multipart upload, where it matters whether one may have begun.
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

/// Whether the server answered 503. It is then too busy, whatever the code says, and did nothing.
#[cfg(any(feature = "begin", feature = "s3"))]
pub(crate) fn begin_kind(kind: FaultKind, status: u16) -> FaultKind {
    if kind == FaultKind::Unreachable && status == 503 {
        FaultKind::Throttled
    } else {
        kind
    }
}

/// Whether the circuit breaker refused the call.
fn is_open(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|error| error.is::<Open>())
}

/// Iterates over an error and its causes.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// Returns the message of the service, or else of the transport.
fn cause<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if let Some(said) = error.as_service_error() {
        let status = status(error).unwrap_or(0);
        return match (said.code(), said.message()) {
            // An answer that the SDK cannot parse has neither, so the element and kind of the parse error are used.
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

/// Returns an error with all its causes as text. The SDK's texts name kinds and elements, never values.
fn words(error: &(dyn Error + 'static)) -> String {
    let words: Vec<String> = chain(error).map(ToString::to_string).collect();
    words.join(": ")
}

/// Returns the HTTP status of the answer, if there was one.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

/// Maps error codes of S3, DynamoDB and SQS, from "Error responses" or "Common errors" of each API reference. The
/// `XMinio…` codes are those of `MinIO`.
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
        // All services.
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

    /// The SDK's error for an answer that it cannot parse.
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
    fn an_answer_that_cannot_be_parsed_is_reported_with_the_parse_error() {
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
    fn error_codes_map_to_fault_kinds() {
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
