//! Builds of consign with one rule removed. The simulator must find each of them.

use clap::ValueEnum;

/// A rule that is removed. The wrappers of the ports remove it, and the product's code has no switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mutant {
    /// A message is acknowledged before its handler has committed.
    AcknowledgeBeforeCommit,
    /// A record is written whatever its revision is.
    NoRevisionCheck,
    /// A lease is held for ever.
    NoLeaseExpiry,
    /// A record has no sequencer to compare with that of an event.
    IgnoreSequencer,
    /// The parts of a living multipart upload are aborted when they are found incomplete.
    AbortLivingMultipart,
    /// The first HEAD request without an object deletes the upload.
    DeleteOnOne404,
}

impl Mutant {
    /// Every mutant.
    pub const ALL: [Self; 6] = [
        Self::AcknowledgeBeforeCommit,
        Self::NoRevisionCheck,
        Self::NoLeaseExpiry,
        Self::IgnoreSequencer,
        Self::AbortLivingMultipart,
        Self::DeleteOnOne404,
    ];
}
