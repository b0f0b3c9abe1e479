//! Licences, sources and advisories of the dependencies.

use crate::cache;
use crate::host::Workspace;
use crate::process;
use anyhow::{Result, bail};
use std::path::Path;
use std::time::Duration;

/// How long fetching the database of advisories may take.
const ADVISORIES_LIMIT: Duration = Duration::from_secs(120);

/// What cargo-deny says when it has no database; anything else is a finding.
const NO_DATABASE: [&str; 2] = [
    "failed to fetch advisory database",
    "failed to load advisory database",
];

/// Checks what `deny.toml` asks for. Advisories need the network: where it is missing, that is said.
///
/// # Errors
/// When a dependency breaks a rule or has an advisory.
pub(crate) fn check(host: &Workspace, cargo_deny: &Path) -> Result<()> {
    process::run(
        host.command(cargo_deny)
            .args(["--locked", "check", "bans", "licenses", "sources"]),
    )?;
    cache::create(&host.cache)?;
    let log = host.cache.join("advisories.log");
    cache::remove_file(&log)?;
    let mut advisories = host.command(cargo_deny);
    let passed = process::succeeds_within(
        advisories.args(["--locked", "check", "advisories"]),
        &log,
        ADVISORIES_LIMIT,
    )?;
    let said = process::tail(&log);
    if passed {
        println!("no advisory is open against a dependency");
    } else if said.contains("error[") && !NO_DATABASE.iter().any(|text| said.contains(text)) {
        bail!("a dependency has an advisory:\n{said}");
    } else {
        println!(
            "NOT CHECKED: the database of advisories cannot be reached from here ({})",
            log.display()
        );
    }
    Ok(())
}
