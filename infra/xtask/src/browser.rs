//! The page in a real browser: Chromium drives it against the built `consign`. See `tests/browser`.

use crate::cache::Item;
use crate::debian::need;
use crate::host::Workspace;
use crate::node;
use crate::process;
use crate::tests::{self, Tally};
use anyhow::Result;

/// The usual names of the browser. Only a system's package brings the libraries that it needs.
const CHROMIUM: [&str; 4] = [
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
];

/// Sets up what the browser tests need, builds `consign`, and counts what passes.
///
/// # Errors
/// When a tool cannot be had (the text says what to do) or `consign` cannot be built. That tests failed is said by the answer.
pub(crate) fn run(host: &Workspace) -> Result<Tally> {
    let chromium = match CHROMIUM.iter().find_map(|name| host.find(name)) {
        Some(found) => found,
        None => need(host, CHROMIUM[0], "chromium")?,
    };
    let node = node::node(host)?;
    let item = Item {
        name: "browser-driver",
        version: "",
        purpose: "drives the browser in the tests of the page",
        usual_s: 5,
    };
    let driver = node::packages(host, item, "tests/browser")?;
    let mut script = host.command(node);
    script
        .arg("tests/browser/run.mjs")
        .env("CONSIGN_CHROMIUM", chromium)
        .env("CONSIGN_BROWSER_TOOLS", driver)
        .env("CONSIGN_BIN", process::build(host, "consign", "consign")?);
    tests::count(script)
}
