//! What goes wrong below a port.

use std::error::Error;

/// A source of an error, below the port's kinds.
pub type Cause = Box<dyn Error + Send + Sync>;

/// What kind of thing went wrong in a store, a repository or a queue; told apart because callers, alerts and
/// people answer each in another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// It did not answer in time. A write may have happened.
    TimedOut,
    /// Nobody listens there, or the connection broke. A write may have happened.
    Unreachable,
    /// It asks for fewer requests. Nothing was written.
    Throttled,
    /// It does not know our credentials, or they have expired.
    BadCredentials,
    /// It knows us and says no.
    Denied,
    /// The bucket, table or queue is not there.
    MissingResource,
    /// The bucket is not the one that the records are of: it lacks their marker. Nothing is believed of it.
    WrongBucket,
    /// It has no room left.
    Full,
    /// It said something that we do not understand.
    Other,
}

impl FaultKind {
    /// A stable code for logs, metrics and the health endpoint.
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

    /// Whether the call is known to have had no effect: it was refused.
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

    /// Whether the same call may succeed later without anybody's help.
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
    /// What kind of fault.
    pub kind: FaultKind,
    /// The port's verb that failed, such as `head`.
    pub operation: &'static str,
    /// What the adapter saw.
    #[source]
    pub source: Option<Cause>,
}

impl Fault {
    /// A fault with its cause.
    pub fn new(kind: FaultKind, operation: &'static str, source: impl Into<Cause>) -> Self {
        Self {
            kind,
            operation,
            source: Some(source.into()),
        }
    }

    /// What the adapter saw, with all that led to it; for the log.
    #[must_use]
    pub fn causes(&self) -> Option<String> {
        let mut next: Option<&(dyn Error + 'static)> =
            self.source.as_deref().map(|source| source as _);
        let mut words: Vec<String> = Vec::new();
        while let Some(error) = next {
            let text = error.to_string();
            // Many an error repeats its source.
            if words.last() != Some(&text) {
                words.push(text);
            }
            next = error.source();
        }
        (!words.is_empty()).then(|| words.join(": "))
    }
}
