//! The error of the ports.

use std::error::Error;

/// The underlying error of a fault.
pub type Cause = Box<dyn Error + Send + Sync>;

/// The kind of failure of a store, a repository or a queue. Kinds are separate where callers, alerts or operators
/// react differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// No answer arrived in time. A write may have happened.
    TimedOut,
    /// The connection was refused or broke. A write may have happened.
    Unreachable,
    /// The service asks for fewer requests. Nothing was written.
    Throttled,
    /// The credentials are unknown or have expired.
    BadCredentials,
    /// The credentials are known, and the request is not permitted.
    Denied,
    /// The bucket, table or queue does not exist.
    MissingResource,
    /// The bucket is not the one that the records refer to: its marker is missing. Nothing that it returns is
    /// trusted.
    WrongBucket,
    /// No space is left.
    Full,
    /// Any other error.
    Other,
}

impl FaultKind {
    /// Returns the stable code for logs, metrics and the health endpoint.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Throttled => "throttled",
            Self::BadCredentials => "bad_credentials",
            Self::Denied => "denied",
            Self::MissingResource => "no_container",
            Self::WrongBucket => "wrong_bucket",
            Self::Full => "full",
            Self::Other => "other",
        }
    }

    /// Returns whether the call certainly had no effect, since it was refused.
    #[must_use]
    pub const fn is_without_effect(self) -> bool {
        match self {
            Self::Throttled
            | Self::BadCredentials
            | Self::Denied
            | Self::MissingResource
            | Self::WrongBucket
            | Self::Full => true,
            Self::TimedOut | Self::Unreachable | Self::Other => false,
        }
    }

    /// Returns whether the same call may succeed later without intervention.
    #[must_use]
    pub const fn is_transient(self) -> bool {
        match self {
            Self::TimedOut | Self::Unreachable | Self::Throttled => true,
            Self::BadCredentials
            | Self::Denied
            | Self::MissingResource
            | Self::WrongBucket
            | Self::Full
            | Self::Other => false,
        }
    }
}

/// A fault of a port. Its text names the operation and the kind, never a key, a URL or a secret.
#[derive(Debug, thiserror::Error)]
#[error("{operation}: {}", kind.code())]
pub struct Fault {
    /// The kind of fault.
    pub kind: FaultKind,
    /// The port's operation that failed, such as `head`.
    pub operation: &'static str,
    /// The error of the adapter.
    #[source]
    pub source: Option<Cause>,
}

impl Fault {
    /// Creates a fault with its cause.
    pub fn new(kind: FaultKind, operation: &'static str, source: impl Into<Cause>) -> Self {
        Self {
            kind,
            operation,
            source: Some(source.into()),
        }
    }

    /// Returns the texts of the cause and all errors below it, for the log.
    #[must_use]
    pub fn causes(&self) -> Option<String> {
        let mut next: Option<&(dyn Error + 'static)> =
            self.source.as_deref().map(|source| source as _);
        let mut words: Vec<String> = Vec::new();
        while let Some(error) = next {
            let text = error.to_string();
            // Many errors repeat the text of their source.
            if words.last() != Some(&text) {
                words.push(text);
            }
            next = error.source();
        }
        (!words.is_empty()).then(|| words.join(": "))
    }
}
