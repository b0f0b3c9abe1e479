//! Node, and what the registry of npm has for it.

use crate::cache::{self, Item};
use crate::debian::need;
use crate::host::Workspace;
use crate::process::{self, run_logged};
use anyhow::{Context as _, Result};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

/// The oldest Node that the tests run on.
const NODE_MAJOR_MIN: u32 = 20;
/// The Node for machines whose own is older.
const NODE: &str = "22.23.3";
/// What `npm ci` reads.
const LISTS: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// The Node on the search path where it is new enough, else npm's package of it.
///
/// # Errors
/// When there is none and it cannot be installed.
pub(crate) fn node(host: &Workspace) -> Result<PathBuf> {
    if let Some(found) = host.find("node") {
        let version = process::capture(host.command(&found).arg("--version"))?;
        if major(&version).is_some_and(|major| major >= NODE_MAJOR_MIN) {
            return Ok(found);
        }
    }
    let npm = need(host, "npm", "npm")?;
    let item = Item {
        name: "node",
        version: NODE,
        purpose: "runs the tests of the page and of the client in TypeScript",
        usual_s: 15,
    };
    let folder = cache::provide(host, item, |site| {
        let mut install = host.command(npm);
        install
            .args(["install", "--no-audit", "--no-fund", "--prefix"])
            .arg(&site.folder)
            .arg(format!("node@{NODE}"));
        run_logged(&mut install, &site.log)
    })?;
    Ok(folder.join("node_modules/node/bin/node"))
}

/// The folder whose `node_modules` holds what the lock file in `source` lists. The version of `item` is made here.
///
/// # Errors
/// When a list cannot be read, or a package cannot be had.
pub(crate) fn packages(host: &Workspace, item: Item<'_>, source: &str) -> Result<PathBuf> {
    let source = host.root.join(source);
    let mut hasher = DefaultHasher::new();
    for name in LISTS {
        let file = source.join(name);
        fs::read(&file)
            .with_context(|| format!("cannot read {}", file.display()))?
            .hash(&mut hasher);
    }
    let version = format!("{:08x}", hasher.finish() >> 32);
    let item = Item {
        version: &version,
        ..item
    };
    let npm = need(host, "npm", "npm")?;
    cache::provide(host, item, |site| {
        for name in LISTS {
            fs::copy(source.join(name), site.folder.join(name))?;
        }
        let mut install = host.command(npm);
        install
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&site.folder);
        run_logged(&mut install, &site.log)
    })
}

/// The first number of `v22.4.1`.
fn major(version: &str) -> Option<u32> {
    let (major, _) = version.trim().strip_prefix('v')?.split_once('.')?;
    major.parse().ok()
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn the_major_version_of_node_is_read() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major("22.1.0"), None);
        assert_eq!(major("v"), None);
    }
}
