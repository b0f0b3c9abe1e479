//! `conformance presign`: being written.

use std::process::ExitCode;

/// Runs the subcommand with the arguments that follow its name.
pub(crate) fn run(_args: &[String]) -> ExitCode {
    ExitCode::SUCCESS
}
