//! What Debian's package archive brings.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};

use crate::cache;
use crate::host::Workspace;
use crate::process::{self, run_logged};

/// Where `program` is; Debian's `package` is installed for it where this may be done.
pub(crate) fn need(host: &Workspace, program: &str, package: &str) -> Result<PathBuf> {
    if let Some(found) = host.find(program) {
        return Ok(found);
    }
    apt_install(host, package, &format!("`{program}` is not installed"))?;
    host.find(program)
        .with_context(|| format!("Debian's package {package} brought no `{program}`"))
}

pub(crate) fn apt_install(host: &Workspace, package: &str, problem: &str) -> Result<()> {
    let root = process::capture(host.command("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || host.find("apt-get").is_none() {
        bail!(
            "{problem}. Install it and run this again; on Debian: sudo apt-get install {package}"
        );
    }
    eprintln!("{problem}: installing Debian's package {package} …");
    cache::create(&host.cache)?;
    let log = host.cache.join("apt.log");
    run_logged(host.command("apt-get").args(["update", "-q"]), &log)?;
    let mut install = host.command("apt-get");
    install.env("DEBIAN_FRONTEND", "noninteractive").args([
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        package,
    ]);
    run_logged(&mut install, &log)
}
