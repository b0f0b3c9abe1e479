//! The page in a real browser: Chromium drives it against the built `consign`. See `tests/browser`.

use crate::cache::{self, Item};
use crate::debian::need;
use crate::host::Host;
use crate::process::{self, run_logged};
use crate::tests::{self, Tally};
use anyhow::{Context as _, Result};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::PathBuf;

/// The usual names of the browser. Only a system's package brings the libraries that it needs.
const CHROMIUM: [&str; 4] = [
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
];
/// The oldest Node that the tests run on.
const NODE_MAJOR_MIN: u32 = 20;
/// The Node for machines whose own is older.
const NODE: &str = "22.23.3";
/// What `npm ci` reads.
const LISTS: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];

/// Sets up what the browser tests need, builds `consign`, and counts what passes.
///
/// # Errors
/// When a tool cannot be had (the text says what to do) or `consign` cannot be built. That tests failed is said by the answer.
pub(crate) fn run(host: &Host) -> Result<Tally> {
    let chromium = match CHROMIUM.iter().find_map(|name| host.find(name)) {
        Some(found) => found,
        None => need(host, CHROMIUM[0], "chromium")?,
    };
    let node = node(host)?;
    let driver = driver(host)?;
    let mut script = host.command(node);
    script
        .arg("tests/browser/run.mjs")
        .env("CONSIGN_CHROMIUM", chromium)
        .env("CONSIGN_BROWSER_TOOLS", driver)
        .env("CONSIGN_BIN", process::build(host, "consign", "consign")?);
    tests::count(script)
}

/// The folder whose `node_modules` holds what drives the browser.
fn driver(host: &Host) -> Result<PathBuf> {
    let source = host.root.join("tests/browser");
    let mut hasher = DefaultHasher::new();
    for name in LISTS {
        let file = source.join(name);
        fs::read(&file)
            .with_context(|| format!("cannot read {}", file.display()))?
            .hash(&mut hasher);
    }
    let version = format!("{:08x}", hasher.finish() >> 32);
    let item = Item {
        name: "browser-driver",
        version: &version,
        purpose: "drives the browser in the tests of the page",
        usual_s: 5,
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

/// The Node on the search path where it is new enough, else npm's package of it.
fn node(host: &Host) -> Result<PathBuf> {
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
        purpose: "runs the tests of the page",
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
