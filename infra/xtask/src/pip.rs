//! Packages of PyPI.

use crate::host::Workspace;
use std::path::Path;
use std::process::Command;

/// `pip install` of packages that need no compiler. The arguments that say which, and where to, follow.
pub(crate) fn install(host: &Workspace, python: &Path) -> Command {
    let mut pip = host.command(python);
    pip.args(["-m", "pip", "install"]).args([
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ]);
    pip
}
