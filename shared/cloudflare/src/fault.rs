//! Maps errors of the runtime to faults of the ports.

use consign_core::ports::{Fault, FaultKind};

/// Returns the fault of `operation`. The kind comes from the text of the error, since the bindings have no error codes.
pub(crate) fn fault(operation: &'static str, error: worker::Error) -> Fault {
    let text = error.to_string();
    Fault::new(kind(&text), operation, text)
}

/// Returns the fault for a value that this program does not write, or that the service does not document.
pub(crate) fn unreadable(
    operation: &'static str,
    error: impl Into<consign_core::ports::Cause>,
) -> Fault {
    Fault::new(FaultKind::Other, operation, error)
}

/// Texts by which an error is recognised. D1 and Queues document texts
/// (<https://developers.cloudflare.com/d1/observability/debug-d1/>), R2 texts and numbers
/// (<https://developers.cloudflare.com/r2/api/error-codes/>).
const SIGNS: [(&str, FaultKind); 20] = [
    ("(10058)", FaultKind::Throttled),
    ("(10043)", FaultKind::Unreachable),
    ("(10001)", FaultKind::Unreachable),
    ("(10002)", FaultKind::BadCredentials),
    ("(10003)", FaultKind::Denied),
    ("(10006)", FaultKind::MissingResource),
    ("(10054)", FaultKind::TimedOut),
    ("overloaded", FaultKind::Throttled),
    ("Too many requests", FaultKind::Throttled),
    ("Too Many Requests", FaultKind::Throttled),
    ("Exceeded maximum DB size", FaultKind::Full),
    ("maximum DB size", FaultKind::Full),
    ("Storage limit", FaultKind::Full),
    ("no such table", FaultKind::MissingResource),
    ("timeout", FaultKind::TimedOut),
    ("timed out", FaultKind::TimedOut),
    ("Network connection lost", FaultKind::Unreachable),
    ("reset because its code was updated", FaultKind::Unreachable),
    ("storage caused object to be reset", FaultKind::Unreachable),
    ("internal error", FaultKind::Unreachable),
];

fn kind(text: &str) -> FaultKind {
    let sign = SIGNS.iter().find(|(sign, _)| text.contains(sign));
    sign.map_or(FaultKind::Other, |(_, kind)| *kind)
}

/// Returns the kind of an error of R2's S3 API, by its code and HTTP status.
pub(crate) fn s3_kind(code: &str, status: u16, operation: &str) -> FaultKind {
    match (code, status) {
        ("NoSuchBucket", _) => FaultKind::MissingResource,
        ("SignatureDoesNotMatch" | "InvalidAccessKeyId" | "ExpiredRequest", _) => {
            FaultKind::BadCredentials
        }
        (_, 401 | 403) => FaultKind::Denied,
        (_, 429) => FaultKind::Throttled,
        // The service was too busy to begin an upload, so none was begun.
        (_, 503) if operation == "begin" => FaultKind::Throttled,
        (_, 408 | 504) => FaultKind::TimedOut,
        (_, 500..) => FaultKind::Unreachable,
        _ => FaultKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_services_say_becomes_kinds() {
        for (text, expected) in [
            (
                "D1_ERROR: D1 DB is overloaded. Requests queued for too long.",
                FaultKind::Throttled,
            ),
            ("D1_ERROR: Network connection lost.", FaultKind::Unreachable),
            (
                "D1_ERROR: no such table: uploads: SQLITE_ERROR",
                FaultKind::MissingResource,
            ),
            ("D1_ERROR: Exceeded maximum DB size.", FaultKind::Full),
            (
                "put: Reduce your rate of simultaneous reads on the same object. (10058)",
                FaultKind::Throttled,
            ),
            (
                "get: We encountered an internal error. Please try again. (10001)",
                FaultKind::Unreachable,
            ),
            ("Queue send failed: Too Many Requests", FaultKind::Throttled),
            ("TypeError: curious", FaultKind::Other),
        ] {
            assert_eq!(kind(text), expected, "{text}");
        }
    }
}
