//! Errors of the client. Their texts say what to do next, and never contain the query of a URL.

use std::fmt;
use std::path::PathBuf;

use http::StatusCode;

/// A problem document, and when to try again.
#[derive(Debug, Clone, Default)]
pub struct Problem {
    /// The document. If a proxy answered, it may contain little more than the status.
    pub document: consign_api::Problem,
    /// The seconds to wait, from `Retry-After`.
    pub retry_after_s: Option<u64>,
}

impl Problem {
    /// Parses the body of an answer that is not a success.
    pub fn read(
        status: StatusCode,
        body: &[u8],
        request_id: Option<String>,
    ) -> consign_api::Problem {
        let mut document: consign_api::Problem = serde_json::from_slice(body).unwrap_or_default();
        document.status = status.as_u16();
        if document.request_id.is_empty() {
            document.request_id = request_id.unwrap_or_default();
        }
        document
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let document = &self.document;
        let reason = StatusCode::from_u16(document.status)
            .ok()
            .and_then(|status| status.canonical_reason());
        let title = Some(&*document.title).filter(|title| !title.is_empty());
        let what = document
            .detail
            .as_deref()
            .or(title)
            .or(reason)
            .unwrap_or("no reason given");
        match &*document.code {
            "" => write!(f, "{what} (HTTP {})", document.status)?,
            code => write!(f, "{what} ({code}, HTTP {})", document.status)?,
        }
        for error in &document.errors {
            let reason = [&*error.detail, &*error.code];
            let reason = reason.into_iter().find(|text| !text.is_empty());
            write!(f, "\n  {}: {}", error.field, reason.unwrap_or("is invalid"))?;
        }
        if document.status == 401 {
            f.write_str("\n  set a token with --token or CONSIGN_TOKEN; in development, `consign token` creates one")?;
        }
        if !document.request_id.is_empty() {
            write!(f, "\n  request id: {}", document.request_id)?;
        }
        Ok(())
    }
}

/// The error of a store that refused a request.
#[derive(Debug, Clone, Default)]
pub struct StoreRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The `Code` of the XML error, if there was one.
    pub code: String,
    /// The `Message` of the XML error.
    pub message: String,
}

impl StoreRefusal {
    /// Parses `<Code>` and `<Message>` of an S3 error body.
    pub fn read(status: StatusCode, body: &str) -> Self {
        let element = |name: &str| {
            let (_, rest) = body.split_once(&format!("<{name}>"))?;
            let (text, _) = rest.split_once('<')?;
            Some(
                text.chars()
                    .filter(|c| !c.is_control())
                    .take(200)
                    .collect::<String>(),
            )
        };
        Self {
            status: status.as_u16(),
            code: element("Code").unwrap_or_default(),
            message: element("Message").unwrap_or_default(),
        }
    }

    /// Whether a new signature may help, since the URL may have expired. Stores use different statuses for that
    /// (section 8).
    pub fn may_be_expired(&self) -> bool {
        self.status == 403
            || (self.status == 400
                && matches!(self.code.as_str(), "ExpiredRequest" | "AccessDenied"))
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        self.status >= 500
            || matches!(self.status, 408 | 429)
            || (self.status == 409 && self.code == "ConditionalRequestConflict")
            || (self.status == 400 && self.code == "RequestTimeout")
    }

    fn hint(&self) -> Option<&'static str> {
        match (self.status, self.code.as_str()) {
            (_, "SignatureDoesNotMatch") => {
                Some("a proxy may have changed the type, the size or a header")
            }
            (_, "XAmzContentChecksumMismatch" | "BadDigest") => {
                Some("the content differs from its checksum")
            }
            (_, "EntityTooLarge") => Some("the file is larger than the signed size"),
            (_, "NoSuchBucket") => {
                Some("the bucket is missing: run `consign doctor` to check the store")
            }
            (_, "RequestTimeTooSkewed") | (_, "ExpiredRequest") | (403, _) => Some(
                "the URL may have expired, or the local clock may be off: run `consign doctor`",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for StoreRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store refused the request (HTTP {}", self.status)?;
        if !self.code.is_empty() {
            write!(f, ", {}", self.code)?;
        }
        f.write_str(")")?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message)?;
        }
        match self.hint() {
            Some(hint) => write!(f, "\n  {hint}"),
            None => Ok(()),
        }
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// consign answered with a problem document.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The store answered with an error.
    #[error("{0}")]
    Store(StoreRefusal),
    /// There was no answer.
    #[error("no answer from {host}")]
    NoAnswer {
        /// Host and port.
        host: String,
        /// The cause, without the URL.
        #[source]
        source: reqwest::Error,
    },
    /// No byte was transferred for a while.
    #[error("no data was transferred for {0} s")]
    Stalled(u64),
    /// The answer does not match the API.
    #[error("unexpected answer from the server: {0}")]
    Answer(String),
    /// The address is invalid.
    #[error("{0:?} is not an http or https address")]
    Address(String),
    /// A local file cannot be read or written.
    #[error("{}", path.display())]
    File {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// The file changed after signing.
    #[error("{} changed during the upload: run the command again", .0.display())]
    Changed(PathBuf),
}

impl ClientError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            // A 409 with a time to wait: the first call with the same idempotency key is still running.
            Self::Problem(problem) => {
                let status = problem.document.status;
                status >= 500
                    || matches!(status, 408 | 429)
                    || (status == 409 && problem.retry_after_s.is_some())
            }
            Self::Store(refusal) => refusal.is_transient(),
            Self::NoAnswer { .. } | Self::Stalled(_) => true,
            Self::Answer(_) | Self::Address(_) | Self::File { .. } | Self::Changed(_) => false,
        }
    }

    /// Returns the seconds that the server asked to wait.
    pub fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Problem(problem) => problem.retry_after_s,
            Self::Store(_)
            | Self::NoAnswer { .. }
            | Self::Stalled(_)
            | Self::Answer(_)
            | Self::Address(_)
            | Self::File { .. }
            | Self::Changed(_) => None,
        }
    }

    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File {
            path: path.to_owned(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(status: StatusCode, body: &[u8], request_id: Option<String>) -> String {
        let document = Problem::read(status, body, request_id);
        let retry_after_s = None;
        Problem {
            document,
            retry_after_s,
        }
        .to_string()
    }

    #[test]
    fn a_problem_reads_as_its_detail_its_fields_and_its_request_id() {
        let body = br#"{"type":"about:blank","title":"Bad request","status":400,"code":"invalid_request","detail":"two fields are wrong",
            "errors":[{"field":"filename","code":"extension","detail":"must end in .csv"}],"request_id":"r-1"}"#;
        let text = shown(StatusCode::BAD_REQUEST, body, None);
        assert_eq!(
            text,
            "two fields are wrong (invalid_request, HTTP 400)\n  filename: must end in .csv\n  request id: r-1"
        );
    }

    #[test]
    fn an_answer_that_is_no_problem_document_still_says_its_status() {
        let text = shown(StatusCode::BAD_GATEWAY, b"<html>", Some("r-2".into()));
        assert_eq!(text, "Bad Gateway (HTTP 502)\n  request id: r-2");
    }

    #[test]
    fn a_store_error_is_read_from_its_xml() {
        let body = "<?xml?><Error><Code>ExpiredRequest</Code><Message>Request has expired</Message></Error>";
        let refusal = StoreRefusal::read(StatusCode::BAD_REQUEST, body);
        assert!(refusal.may_be_expired());
        assert!(!refusal.is_transient());
        assert!(refusal.to_string().starts_with(
            "the store refused the request (HTTP 400, ExpiredRequest): Request has expired"
        ));
    }
}
