//! What can go wrong on the client's side, said so that a person knows what to do. No text holds a URL's query.

use std::fmt;
use std::path::PathBuf;

use http::StatusCode;
use serde::Deserialize;

/// A problem document (RFC 9457), read leniently: a proxy in front may answer anything.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Problem {
    /// What kind of thing it is, for people.
    #[serde(default)]
    pub title: Option<String>,
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// The stable code.
    #[serde(default)]
    pub code: Option<String>,
    /// What happened this time.
    #[serde(default)]
    pub detail: Option<String>,
    /// To be quoted to whoever runs the server.
    #[serde(default)]
    pub request_id: Option<String>,
    /// Every bad field of the request.
    #[serde(default)]
    pub errors: Vec<FieldError>,
    /// Seconds to wait, from `Retry-After`.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
}

/// One bad field.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldError {
    /// Its name.
    #[serde(default)]
    pub field: String,
    /// The stable code.
    #[serde(default)]
    pub code: Option<String>,
    /// What would be right.
    #[serde(default)]
    pub detail: Option<String>,
}

impl Problem {
    /// Reads the body of an answer that is not a success.
    pub fn read(status: StatusCode, body: &[u8], request_id: Option<String>) -> Self {
        let mut problem: Self = serde_json::from_slice(body).unwrap_or_default();
        problem.status = status.as_u16();
        problem.request_id = problem.request_id.or(request_id);
        problem
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reason = StatusCode::from_u16(self.status)
            .ok()
            .and_then(|status| status.canonical_reason());
        let what = self
            .detail
            .as_deref()
            .or(self.title.as_deref())
            .or(reason)
            .unwrap_or("no reason given");
        match &self.code {
            Some(code) => write!(f, "{what} ({code}, HTTP {})", self.status)?,
            None => write!(f, "{what} (HTTP {})", self.status)?,
        }
        for error in &self.errors {
            let detail = error
                .detail
                .as_deref()
                .or(error.code.as_deref())
                .unwrap_or("is wrong");
            write!(f, "\n  {}: {detail}", error.field)?;
        }
        if self.status == 401 {
            f.write_str("\n  give a token with --token or CONSIGN_TOKEN; in development `consign token` makes one")?;
        }
        if let Some(request_id) = &self.request_id {
            write!(f, "\n  request id: {request_id}")?;
        }
        Ok(())
    }
}

/// What a bucket said when it would not take or give an object.
#[derive(Debug, Clone, Default)]
pub struct StoreRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The `Code` of its XML error, where there was one.
    pub code: String,
    /// The `Message` of its XML error.
    pub message: String,
}

impl StoreRefusal {
    /// Reads `<Code>` and `<Message>` out of an S3 error body.
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

    /// Whether a fresh signature may help: the URL may have run out. Stores disagree about the status (section 8).
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
                Some("was the type, the size or a header changed on the way?")
            }
            (_, "XAmzContentChecksumMismatch" | "BadDigest") => {
                Some("the content differs from its checksum")
            }
            (_, "EntityTooLarge") => Some("the file is larger than was signed for"),
            (_, "NoSuchBucket") => Some("the bucket is missing: `consign doctor` checks the store"),
            (_, "RequestTimeTooSkewed") | (_, "ExpiredRequest") | (403, _) => {
                Some("the URL may have run out, or this clock be wrong: `consign doctor` tells")
            }
            _ => None,
        }
    }
}

impl fmt::Display for StoreRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store refused (HTTP {}", self.status)?;
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
    /// consign answered with a problem.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// The bucket answered with an error.
    #[error("{0}")]
    Store(StoreRefusal),
    /// No answer.
    #[error("no answer from {host}")]
    NoAnswer {
        /// Host and port.
        host: String,
        /// Why, without its URL.
        #[source]
        source: reqwest::Error,
    },
    /// Nothing moved for a while.
    #[error("no byte moved for {0} s")]
    Stalled(u64),
    /// An answer that is not of the wire.
    #[error("the server's answer is not what consign answers: {0}")]
    Answer(String),
    /// The address is not one.
    #[error("{0:?} is not an http or https address")]
    Address(String),
    /// A file of this machine.
    #[error("{}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not the one that was signed for.
    #[error("{} changed while it was being uploaded: run it again", .0.display())]
    Changed(PathBuf),
}

impl ClientError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            // A 409 that names a time to wait: the first call with the same idempotency key still runs.
            Self::Problem(problem) => {
                problem.status >= 500
                    || matches!(problem.status, 408 | 429)
                    || (problem.status == 409 && problem.retry_after_s.is_some())
            }
            Self::Store(refusal) => refusal.is_transient(),
            Self::NoAnswer { .. } | Self::Stalled(_) => true,
            Self::Answer(_) | Self::Address(_) | Self::File { .. } | Self::Changed(_) => false,
        }
    }

    /// What the server asked to wait, in seconds.
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

    #[test]
    fn a_problem_reads_as_its_detail_its_fields_and_its_request_id() {
        let body = br#"{"type":"about:blank","title":"Bad request","status":400,"code":"invalid_request","detail":"two fields are wrong",
            "errors":[{"field":"filename","code":"extension","detail":"must end in .csv"}],"request_id":"r-1"}"#;
        let text = Problem::read(StatusCode::BAD_REQUEST, body, None).to_string();
        assert_eq!(
            text,
            "two fields are wrong (invalid_request, HTTP 400)\n  filename: must end in .csv\n  request id: r-1"
        );
    }

    #[test]
    fn an_answer_that_is_no_problem_document_still_says_its_status() {
        let text =
            Problem::read(StatusCode::BAD_GATEWAY, b"<html>", Some("r-2".into())).to_string();
        assert_eq!(text, "Bad Gateway (HTTP 502)\n  request id: r-2");
    }

    #[test]
    fn a_store_error_is_read_from_its_xml() {
        let body = "<?xml?><Error><Code>ExpiredRequest</Code><Message>Request has expired</Message></Error>";
        let refusal = StoreRefusal::read(StatusCode::BAD_REQUEST, body);
        assert!(refusal.may_be_expired());
        assert!(!refusal.is_transient());
        assert!(
            refusal
                .to_string()
                .starts_with("the store refused (HTTP 400, ExpiredRequest): Request has expired")
        );
    }
}
