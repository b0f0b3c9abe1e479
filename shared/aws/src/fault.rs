//! Errors of the SDK, sorted into the port's kinds.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use consign_core::ports::{Fault, FaultKind};

/// What an SDK error is to a port. The cause is kept as text: it names codes, never a URL's query.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the SDK's enum is open, and what is new is Other"
)]
pub(crate) fn fault<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Fault
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let kind = match error {
        SdkError::TimeoutError(_) => FaultKind::TimedOut,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => FaultKind::TimedOut,
        SdkError::DispatchFailure(_) => FaultKind::Unreachable,
        SdkError::ServiceError(service) => {
            kind(service.err().code(), service.raw().status().as_u16())
        }
        SdkError::ResponseError(_) => FaultKind::Unreachable,
        _ => FaultKind::Other,
    };
    Fault::new(kind, operation, DisplayErrorContext(error).to_string())
}

/// The HTTP status of the answer, where there was one.
pub(crate) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error.raw_response().map(|raw| raw.status().as_u16())
}

/// S3 API, "Error responses"; the `XMinio…` codes are `MinIO`'s own.
fn kind(code: Option<&str>, status: u16) -> FaultKind {
    match code.unwrap_or_default() {
        "SlowDown"
        | "ThrottlingException"
        | "TooManyRequests"
        | "RequestLimitExceeded"
        | "ConditionalRequestConflict"
        | "OperationAborted" => FaultKind::Throttled,
        "InvalidAccessKeyId"
        | "SignatureDoesNotMatch"
        | "ExpiredToken"
        | "InvalidToken"
        | "TokenRefreshRequired"
        | "RequestTimeTooSkewed" => FaultKind::BadCredentials,
        "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => FaultKind::Denied,
        "NoSuchBucket" => FaultKind::NoContainer,
        "XMinioStorageFull" | "XMinioAdminBucketQuotaExceeded" | "QuotaExceeded" => FaultKind::Full,
        "RequestTimeout" => FaultKind::TimedOut,
        "ServiceUnavailable" | "InternalError" => FaultKind::Unreachable,
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
    use super::*;

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
            (Some("NoSuchBucket"), 404, FaultKind::NoContainer),
            (Some("XMinioStorageFull"), 507, FaultKind::Full),
            (None, 503, FaultKind::Unreachable),
            (None, 504, FaultKind::TimedOut),
            (Some("Curious"), 418, FaultKind::Other),
        ] {
            assert_eq!(kind(code, status), expected, "{code:?} {status}");
        }
    }
}
