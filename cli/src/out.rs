//! Standard output.

use std::fmt::Display;
use std::io::{self, Write as _};

use anyhow::Context as _;

/// Writes a line.
///
/// # Errors
/// If it cannot be written: the disk is full, or nobody reads it any more ([`is_closed`]).
pub(crate) fn line(text: impl Display) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    let written = writeln!(out, "{text}").and_then(|()| out.flush());
    written.context("the output cannot be written")
}

/// Returns whether an error is that nobody reads the output any more, as after `consign list | head -1`. It needs no
/// message.
#[must_use]
pub fn is_closed(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
