//! What builds and runs Workers: node, wrangler with workerd, worker-build with wasm-bindgen, wasm-opt and esbuild.

use crate::cache::{self, Item};
use crate::debian::need;
use crate::host::Workspace;
use crate::process::{run, run_logged};
use crate::tools::cargo_install;
use crate::wasm::target_dir;
use anyhow::{Context as _, Result, ensure};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Wrangler wants a newer one than many systems have.
const NODE: &str = "22.23.3";
const WRANGLER: &str = "4.164.0";
const BINARYEN: &str = "132.0.0";
const ESBUILD: &str = "0.28.2";
/// Of the same version as the crate `worker`.
const WORKER_BUILD: &str = "0.8.7";

/// The programs.
#[derive(Debug)]
pub(crate) struct Workers {
    /// A folder with the packages of npm.
    packages: PathBuf,
    worker_build: PathBuf,
    wasm_bindgen: PathBuf,
}

/// Sets up whatever is not there yet.
///
/// # Errors
/// When a tool cannot be had; the text says what to do.
pub(crate) fn set_up(host: &Workspace) -> Result<Workers> {
    Ok(Workers {
        packages: packages(host)?,
        worker_build: cargo_install(
            host,
            Item {
                name: "worker-build",
                version: WORKER_BUILD,
                purpose: "builds Workers",
                usual_s: 150,
            },
        )?,
        wasm_bindgen: wasm_bindgen(host)?,
    })
}

impl Workers {
    /// The node that everything here runs on.
    pub(crate) fn node(&self) -> PathBuf {
        self.packages.join("node_modules/node/bin/node")
    }

    /// Wrangler's program, for [`Workers::node`].
    pub(crate) fn wrangler_js(&self) -> PathBuf {
        self.packages.join("node_modules/wrangler/bin/wrangler.js")
    }

    /// The runtime itself.
    pub(crate) fn workerd(&self) -> PathBuf {
        self.packages.join("node_modules/workerd/bin/workerd")
    }

    /// `wrangler ARGS…`, which asks and tells nobody anything.
    pub(crate) fn wrangler(&self, host: &Workspace, args: &[&str]) -> Command {
        let mut wrangler = host.command(self.node());
        wrangler
            .arg(self.wrangler_js())
            .args(args)
            .env("PATH", self.path(host))
            .env("CI", "1")
            .env("WRANGLER_SEND_METRICS", "false");
        wrangler
    }

    /// `worker-build ARGS…`, which downloads nothing.
    pub(crate) fn worker_build(&self, host: &Workspace) -> Command {
        let mut build = host.command(&self.worker_build);
        build
            .env("PATH", self.path(host))
            .env("WASM_BINDGEN_BIN", &self.wasm_bindgen)
            .env(
                "WASM_OPT_BIN",
                self.packages.join("node_modules/.bin/wasm-opt"),
            )
            .env(
                "ESBUILD_BIN",
                self.packages.join("node_modules/.bin/esbuild"),
            );
        build
    }

    /// Builds a library as a module for JavaScript, as `worker-build` does; the folder that it is in.
    ///
    /// # Errors
    /// When it does not build.
    pub(crate) fn module(&self, host: &Workspace, package: &str) -> Result<PathBuf> {
        const TARGET: &str = "wasm32-unknown-unknown";
        // What rustc uses of WebAssembly, and every engine of today has.
        const FEATURES: [&str; 7] = [
            "bulk-memory",
            "multivalue",
            "mutable-globals",
            "nontrapping-float-to-int",
            "reference-types",
            "sign-ext",
            "simd",
        ];
        let mut cargo = host.cargo(&["build", "--locked", "--lib", "--profile", "worker"]);
        run(cargo.args(["--target", TARGET, "--package", package]))?;
        let built = target_dir(host)?;
        let name = package.trim_start_matches("consign-").replace('-', "_");
        let library = built.join(TARGET).join("worker").join(&name);
        let folder = built.join("modules").join(&name);
        let mut bind = host.command(&self.wasm_bindgen);
        bind.args(["--target", "web", "--out-name", "module", "--out-dir"]);
        run(bind.arg(&folder).arg(library.with_extension("wasm")))?;
        let module = folder.join("module_bg.wasm");
        let mut optimise = host.command(self.packages.join("node_modules/.bin/wasm-opt"));
        optimise
            .args(FEATURES.map(|feature| format!("--enable-{feature}")))
            .args(["-O", "-o"]);
        run(optimise.arg(&module).arg(&module))?;
        Ok(folder)
    }

    /// The search path with our node before the system's.
    fn path(&self, host: &Workspace) -> OsString {
        let mut path = self.packages.join("node_modules/node/bin").into_os_string();
        path.push(":");
        path.push(host.path());
        path
    }
}

fn packages(host: &Workspace) -> Result<PathBuf> {
    let version = format!("{WRANGLER}-{NODE}-{BINARYEN}-{ESBUILD}");
    let item = Item {
        name: "wrangler",
        version: &version,
        purpose: "runs Workers on this machine, with wasm-opt and esbuild to build them",
        usual_s: 30,
    };
    cache::provide(host, item, |site| {
        let npm = need(host, "npm", "npm")?;
        fs::write(
            site.folder.join("package.json"),
            format!(
                "{{\"private\":true,\"dependencies\":{{\"node\":\"{NODE}\",\"wrangler\":\"{WRANGLER}\",\
                 \"binaryen\":\"{BINARYEN}\",\"esbuild\":\"{ESBUILD}\"}}}}\n"
            ),
        )?;
        let mut install = host.command(npm);
        install.current_dir(&site.folder).args([
            "install",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--loglevel=error",
        ]);
        run_logged(&mut install, &site.log)
    })
}

/// Wants to be of exactly the version of the crate.
fn wasm_bindgen(host: &Workspace) -> Result<PathBuf> {
    let lock = host.root.join("Cargo.lock");
    let lock =
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let version = locked_version(&lock, "wasm-bindgen")
        .context("Cargo.lock names no version of wasm-bindgen")?;
    cargo_install_bin(
        host,
        Item {
            name: "wasm-bindgen-cli",
            version,
            purpose: "joins Rust and JavaScript in Workers",
            usual_s: 60,
        },
        "wasm-bindgen",
    )
}

fn cargo_install_bin(host: &Workspace, item: Item<'_>, program: &str) -> Result<PathBuf> {
    Ok(cargo_install(host, item)?.with_file_name(program))
}

/// The version of a package in a lock file.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split('"').next()
}

/// The size of what `file` holds when it is compressed as an upload to Cloudflare is, in bytes.
///
/// # Errors
/// When the file cannot be read, or the system has no gzip.
pub(crate) fn gzipped_bytes(host: &Workspace, file: &Path) -> Result<usize> {
    let output = host
        .command("gzip")
        .args(["-9", "-c"])
        .arg(file)
        .output()
        .context("cannot start `gzip`")?;
    ensure!(output.status.success(), "gzip failed on {}", file.display());
    Ok(output.stdout.len())
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn the_version_of_a_package_is_found_among_those_of_similar_names() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.3\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.3"));
        assert_eq!(locked_version(lock, "js-sys"), None);
    }
}
