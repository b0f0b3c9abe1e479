//! consign beside other readers and writers of tables: random tables, everyday traps, and readers of its Parquet. The
//! programs are in Python, with packages of their own: the tests pin other releases.

use crate::arguments::Compared;
use crate::cache::Item;
use crate::host::Workspace;
use crate::{node, process, tools};
use anyhow::{Result, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What each part is run as, and the document that the last two keep.
const DIFFERENTIAL: &str = "tests/differential/differential.py";
const SILENT_CELLS: &str = "tests/silent-cells/page.py";
const SILENT_CELLS_PAGE: &str = "docs/no-silent-cell.md";
const READERS: &str = "tests/readers/matrix.py";
const READERS_PAGE: &str = "docs/parquet.md";
const READERS_LISTS: &str = "tests/readers";
/// Environments of readers that are not of today, and their names in the cache.
const OLDER: [(&str, &str); 2] = [("older", "readers-older"), ("between", "readers-between")];
/// Tables of the section; a long run takes more.
const TABLES: &str = "500";

/// Runs a comparison that was asked for, with the program in release mode.
///
/// # Errors
/// When something cannot be had or built, or a cell differs.
pub(crate) fn run(host: &Workspace, compared: Compared) -> Result<()> {
    let peers = Peers {
        python: current(host)?,
        program: process::build_from(
            host,
            &["--release", "--package", "conformance"],
            "conformance",
        )?,
    };
    match compared {
        Compared::Differential(passed) => process::run(
            peers
                .command(host, DIFFERENTIAL)
                .args(["--tables", "20000"])
                .args(passed.options),
        ),
        Compared::SilentCells { check } => peers.silent_cells(host, check),
        Compared::Readers { check } => peers.readers(host, check),
    }
}

/// The section: fewer random tables, the page as it is, and the readers of today.
///
/// # Errors
/// When something cannot be had or built, or a cell differs.
pub(crate) fn check(host: &Workspace) -> Result<()> {
    let peers = Peers {
        python: current(host)?,
        // All programs of the workspace, as other sections build them.
        program: process::build_from(host, &["--workspace", "--bins"], "conformance")?,
    };
    process::run(peers.command(host, DIFFERENTIAL).args(["--tables", TABLES]))?;
    peers.silent_cells(host, true)?;
    process::run(&mut peers.readers_of_today(host))
}

/// What every comparison needs.
struct Peers {
    python: PathBuf,
    program: PathBuf,
}

impl Peers {
    fn command(&self, host: &Workspace, script: &str) -> Command {
        let mut command = host.command(&self.python);
        command.arg(script).arg("--program").arg(&self.program);
        command.env("PYTHONPATH", host.root.join("tests/differential"));
        command
    }

    fn silent_cells(&self, host: &Workspace, check: bool) -> Result<()> {
        let mut page = self.command(host, SILENT_CELLS);
        page.args(["--page", SILENT_CELLS_PAGE]);
        process::run(page.args(check.then_some("--check")))
    }

    fn readers_of_today(&self, host: &Workspace) -> Command {
        let mut matrix = self.command(host, READERS);
        matrix.arg("--python").arg(named("current", &self.python));
        matrix
    }

    /// Where the older readers cannot be had for this Python, the others are compared, and the page stays as it is.
    fn readers(&self, host: &Workspace, check: bool) -> Result<()> {
        let mut matrix = self.readers_of_today(host);
        let mut missing = Vec::new();
        for (place, name) in OLDER {
            let list = format!("{READERS_LISTS}/requirements-{place}.txt");
            let item = item(name, "reads the Parquet of consign with older readers");
            match tools::python_environment(host, item, &list) {
                Ok(python) => _ = matrix.arg("--python").arg(named(place, &python)),
                Err(error) => missing.push(format!("{list} cannot be installed here: {error:#}")),
            }
        }
        let modules = node::packages(
            host,
            item("readers-npm", "reads the Parquet of consign in JavaScript"),
            READERS_LISTS,
        )?;
        matrix.arg("--node").arg(node::node(host)?);
        matrix.arg("--modules").arg(modules.join("node_modules"));
        if missing.is_empty() {
            matrix.args(["--page", READERS_PAGE]);
            matrix.args(check.then_some("--check"));
        }
        process::run(&mut matrix)?;
        missing.iter().for_each(|reason| println!("{reason}"));
        ensure!(
            missing.is_empty(),
            "some readers were not compared, so {READERS_PAGE} is as it was"
        );
        Ok(())
    }
}

fn named(place: &str, python: &Path) -> String {
    format!("{place}={}", python.display())
}

fn item(name: &'static str, purpose: &'static str) -> Item<'static> {
    Item {
        name,
        version: "",
        purpose,
        usual_s: 40,
    }
}

/// The Python with the peers of today.
fn current(host: &Workspace) -> Result<PathBuf> {
    let item = item("table-peers", "what tables are compared with");
    tools::python_environment(host, item, "tests/differential/requirements.txt")
}
