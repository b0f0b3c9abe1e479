//! The wasm32 build of everything that a Worker mounts.

use crate::cache::{self, Item};
use crate::host::Workspace;
use crate::process::{self, run_logged};
use crate::tools::unpack_debian;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TARGET: &str = "wasm32-unknown-unknown";

/// What must build for a Worker, and the folder of its sources.
const PACKAGES: [(&str, &str); 19] = [
    ("consign-api", "shared/api/src"),
    ("consign-time", "shared/time/src"),
    ("consign-sigv4", "shared/sigv4/src"),
    ("consign-ids", "shared/ids/src"),
    ("consign-events", "shared/events/src"),
    ("consign-auth", "shared/auth/src"),
    ("consign-core", "shared/core/src"),
    ("consign-tabular", "shared/tabular/src"),
    ("consign-sign-upload", "functions/sign-upload/src"),
    ("consign-confirm", "functions/confirm/src"),
    ("consign-status", "functions/status/src"),
    ("consign-download-url", "functions/download-url/src"),
    (
        "consign-ingest-on-object-created",
        "functions/ingest-on-object-created/src",
    ),
    ("consign-files", "functions/files/src"),
    ("consign-health", "functions/health/src"),
    ("consign-router", "functions/router/src"),
    ("consign-cloudflare", "shared/cloudflare/src"),
    ("consign-host", "hosts/common/src"),
    ("consign-edge", "hosts/cloudflare/src"),
];

/// How long rustup may try: a machine that cannot reach its server may be left hanging instead of told so.
const RUSTUP_LIMIT: Duration = Duration::from_secs(60);

/// What a source that is the same on every target does not mention.
const TARGET_CONDITIONS: [&str; 8] = [
    "target_arch",
    "target_os",
    "target_family",
    "target_env",
    "target_vendor",
    "target_pointer_width",
    "cfg(unix",
    "cfg(windows",
];

/// The compiler that builds for wasm32, beside the one that builds natively.
#[derive(Debug)]
enum Compiler {
    /// The pinned toolchain has the target.
    Rustup,
    /// Debian's compiler for browsers, under this folder, with a standard library of our own making.
    Debian(PathBuf),
}

/// The functions that can each be a Worker of their own.
const SINGLE: [&str; 5] = ["sign-upload", "confirm", "status", "download-url", "ingest"];

/// Checks the sources for conditions on the target, then builds them for wasm32, and the Worker with each function alone.
///
/// # Errors
/// When a source has such a condition, a package does not build, a Worker with one function has warnings, or no compiler can
/// be had.
pub(crate) fn check(host: &Workspace) -> Result<()> {
    for (_, sources) in PACKAGES {
        refuse_target_conditions(&host.root.join(sources))?;
    }
    let mut cargo = host.cargo(&["check", "--locked", "--target", TARGET]);
    prepare(host, &mut cargo)?;
    for (package, _) in PACKAGES {
        cargo.args(["--package", package]);
    }
    process::run(&mut cargo)?;
    for function in SINGLE {
        single(host, function)?;
    }
    Ok(())
}

/// Checks the Worker with one function. Flags that deny warnings would build all that it depends on anew, so they are looked for.
fn single(host: &Workspace, function: &str) -> Result<()> {
    let mut cargo = host.cargo(&[
        "check",
        "--locked",
        "--target",
        TARGET,
        "--package",
        "consign-edge",
    ]);
    prepare(host, &mut cargo)?;
    cargo.args(["--no-default-features", "--features", function]);
    // Cargo renders the messages for people on its standard error.
    cargo.args(["--message-format", "json-render-diagnostics"]);
    let output = cargo.output().context("cannot start cargo")?;
    if !output.status.success() || warns(&String::from_utf8_lossy(&output.stdout)) {
        let rendered = String::from_utf8_lossy(&output.stderr);
        bail!("the Worker with `{function}` alone does not build without warnings:\n{rendered}");
    }
    println!("The Worker with `{function}` alone builds without warnings");
    Ok(())
}

/// A line of `--message-format json`, as far as it is read here.
#[derive(serde::Deserialize)]
struct Line {
    reason: String,
    message: Option<Diagnostic>,
}

#[derive(serde::Deserialize)]
struct Diagnostic {
    level: String,
}

/// Whether cargo reports a warning. It reports none of packages that are not ours.
fn warns(messages: &str) -> bool {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
        .filter(|line| line.reason == "compiler-message")
        .any(|line| {
            line.message
                .is_some_and(|message| message.level == "warning")
        })
}

/// Makes a command that runs cargo build for wasm32, with whatever compiler can be had.
///
/// # Errors
/// When there is none; the text says what to do.
pub(crate) fn prepare(host: &Workspace, command: &mut Command) -> Result<()> {
    if let Compiler::Debian(folder) = compiler(host)? {
        use_debian(command, &folder, &linker(host)?);
        // worker-build asks the compiler on the search path what it can do.
        let others = command.get_envs().find(|(name, _)| *name == "PATH");
        let others = others.and_then(|(_, path)| path.map(ToOwned::to_owned));
        let mut path = folder.join("usr/bin").into_os_string();
        path.push(":");
        path.push(others.unwrap_or_else(|| host.path()));
        command.env("PATH", path);
        // Another compiler in the same folder would build everything anew each time the two take turns.
        command.env("CARGO_TARGET_DIR", target_dir(host)?.join("debian"));
    }
    Ok(())
}

/// The folder that cargo builds natively in.
pub(crate) fn target_dir(host: &Workspace) -> Result<PathBuf> {
    let metadata = process::capture(&mut host.cargo(&[
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--offline",
    ]))?;
    let found = metadata
        .split_once("\"target_directory\":\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    found
        .map(|(folder, _)| PathBuf::from(folder))
        .context("`cargo metadata` names no target directory")
}

fn compiler(host: &Workspace) -> Result<Compiler> {
    let installed = || {
        process::capture(host.command("rustc").args([
            "--print",
            "target-libdir",
            "--target",
            TARGET,
        ]))
    };
    let has_target = || installed().is_ok_and(|folder| Path::new(folder.trim()).is_dir());
    if has_target() {
        return Ok(Compiler::Rustup);
    }
    cache::create(&host.cache)?;
    eprintln!("Asking rustup for the target {TARGET} …");
    let mut rustup = host.command("rustup");
    let added = process::succeeds_within(
        rustup.args(["target", "add", TARGET]),
        &host.cache.join("rustup.log"),
        RUSTUP_LIMIT,
    );
    if added.unwrap_or(false) && has_target() {
        return Ok(Compiler::Rustup);
    }
    eprintln!("rustup could not bring it: taking Debian's compiler for browsers instead");
    debian(host).map(Compiler::Debian).context(
        "no compiler for wasm32 can be had. Where rustup reaches its server, `rustup target add wasm32-unknown-unknown` helps; \
         elsewhere this needs Debian's package archive",
    )
}

/// Debian builds a current Rust for its browsers. It has no standard library for wasm32, but the sources of one.
fn debian(host: &Workspace) -> Result<PathBuf> {
    if host.find("apt-get").is_none() {
        bail!("this system has no apt-get");
    }
    let linker = linker(host)?;
    let item = Item {
        name: "rustc-web",
        version: "1",
        purpose: "builds for wasm32",
        usual_s: 90,
    };
    cache::provide(host, item, |site| {
        unpack_debian(host, site, &["rustc-web", "rust-web-src"])?;
        let empty = site.folder.join("std");
        cache::create(&empty.join("src"))?;
        fs::write(empty.join("src/main.rs"), "fn main() {}\n")?;
        fs::write(empty.join("Cargo.toml"), STD_MANIFEST)?;
        let mut cargo = host.cargo(&[
            "build",
            "--release",
            "--target",
            TARGET,
            "-Zbuild-std=std,panic_abort,panic_unwind,proc_macro",
        ]);
        use_debian(&mut cargo, &site.folder, &linker);
        cargo
            .current_dir(&empty)
            .env("CARGO_TARGET_DIR", empty.join("target"));
        // Without the bitcode a build with link-time optimisation fails later.
        cargo
            .env("RUSTC_BOOTSTRAP", "1")
            .env("RUSTFLAGS", "-Cembed-bitcode=yes");
        run_logged(&mut cargo, &site.log)?;
        let built = empty.join("target").join(TARGET).join("release/deps");
        let library = site.folder.join("usr/lib/rustlib").join(TARGET).join("lib");
        cache::create(&library)?;
        for entry in fs::read_dir(&built)? {
            let file = entry?.path();
            if let (Some("rlib"), Some(name)) = (
                file.extension().and_then(|text| text.to_str()),
                file.file_name(),
            ) {
                fs::copy(&file, library.join(name))?;
            }
        }
        cache::remove(&empty)?;
        // Half a gigabyte that is needed no more.
        cache::remove(&site.folder.join("usr/src"))
    })
}

const STD_MANIFEST: &str = "\
[package]
name = \"std-for-wasm32\"
edition = \"2024\"
[workspace]
[profile.release]
panic = \"abort\"
";

/// Makes `cargo` compile with the compiler under `folder`. Its libraries are found there too.
fn use_debian(cargo: &mut Command, folder: &Path, linker: &Path) {
    let libraries = folder.join("usr/lib/x86_64-linux-gnu");
    cargo
        .env("RUSTC", folder.join("usr/bin/rustc"))
        .env("LD_LIBRARY_PATH", libraries);
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
}

/// The linker that comes with every rustup toolchain.
fn linker(host: &Workspace) -> Result<PathBuf> {
    let folder = process::capture(host.command("rustc").args(["--print", "target-libdir"]))?;
    let linker = Path::new(folder.trim())
        .with_file_name("bin")
        .join("rust-lld");
    if !linker.is_file() {
        bail!("the Rust toolchain has no rust-lld; use a toolchain of rustup's");
    }
    Ok(linker)
}

fn refuse_target_conditions(folder: &Path) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            refuse_target_conditions(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path)?;
            let code = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
            let conditional = |line: &str| {
                TARGET_CONDITIONS
                    .iter()
                    .any(|condition| code(line).contains(condition))
            };
            if let Some(number) = text.lines().position(conditional) {
                bail!(
                    "{}:{} depends on the target; hosts differ, handlers and rules do not",
                    path.display(),
                    number + 1
                );
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn warnings_are_found_in_the_messages_of_cargo() {
        let message = |level: &str| {
            format!(
                r#"{{"reason":"compiler-message","message":{{"level":"{level}","code":null}}}}"#
            )
        };
        let done = r#"{"reason":"build-finished","success":true}"#;
        assert!(warns(&format!("{}\n{done}\n", message("warning"))));
        assert!(!warns(&format!("{}\n{done}\n", message("note"))));
        assert!(!warns(done));
    }
}
