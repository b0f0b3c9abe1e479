//! What is asked of a bucket, and what came of it.

use consign_core::ports::Fault;

/// Whether to change the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Create what is missing.
    Make,
    /// Change nothing.
    Check,
}

/// The state of a rule after the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleState {
    /// It existed, as required.
    Present,
    /// It was missing or different. It was written and read back.
    Created,
    /// It is missing or different.
    Missing,
}

/// Why a rule cannot be set.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The store has no rules of this kind.
    #[error("the store does not support this rule")]
    Unsupported,
    /// The store has rules of this kind, but refused this one.
    #[error("the store refused it: {code}: {message}")]
    Refused {
        /// The error code of the store.
        code: String,
        /// The message of the store.
        message: String,
    },
    /// Rules of others contain an element that is not part of S3, so they cannot be written back completely.
    #[error(
        "the bucket has rules with `{word}`, which consign cannot write back; add the rule with the store's own tool"
    )]
    Foreign {
        /// The first such element.
        word: String,
    },
    /// The store did not answer, or denied access.
    #[error(transparent)]
    Fault(#[from] Fault),
}

/// A rule that removes data that is no longer needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cleaning<'a> {
    /// Parts of uploads that were not completed, this many days after the upload began.
    Parts {
        /// The number of days.
        days: i32,
    },
    /// Objects under a prefix, this many days after they were written.
    Objects {
        /// The name of the rule, after `consign-`.
        name: &'a str,
        /// The prefix. Never empty.
        prefix: &'a str,
        /// The number of days.
        days: i32,
    },
}
