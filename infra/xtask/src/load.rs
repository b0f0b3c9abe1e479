//! `cargo xtask load`: this build under load, and an older one beside it on the same machine.

use crate::arguments::{Load, Only};
use crate::host::Workspace;
use crate::{cache, process};
use anyhow::{Result, ensure};
use std::path::PathBuf;

/// Builds both, and measures.
///
/// # Errors
/// When something does not build, or the measurement ends early.
pub(crate) fn run(host: &Workspace, wanted: &Load) -> Result<()> {
    let which = [
        "--release",
        "--package",
        "consign-load",
        "--bin",
        "consign-load",
    ];
    let load = process::build_from(host, &which, "consign-load")?;
    let mut command = host.command(load);
    command.args(&wanted.rest);
    if wanted.only != Some(Only::Current) {
        let revision = &wanted.baseline;
        let program = baseline(host, revision)?;
        command.args(["--build", &format!("{revision}={}", program.display())]);
    }
    if wanted.only != Some(Only::Baseline) {
        let which = ["--release", "--package", "consign", "--bin", "consign"];
        let program = process::build_from(host, &which, "consign")?;
        command.args(["--build", &format!("current={}", program.display())]);
    }
    process::run(&mut command)
}

/// The program of a revision, built in a checkout of its own, which is kept with its program alone.
fn baseline(host: &Workspace, revision: &str) -> Result<PathBuf> {
    ensure!(
        revision
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)),
        "`{revision}` names no revision"
    );
    let folder = host
        .cache
        .join(format!("baseline-{}", revision.replace('/', "-")));
    let program = folder.join("consign");
    if program.is_file() {
        return Ok(program);
    }
    cache::create(&host.cache)?;
    let checkout = folder.with_extension("checkout");
    cache::remove(&checkout)?;
    let git = |args: &[&str]| {
        let mut git = host.command("git");
        git.args(args);
        git
    };
    process::run(git(&["worktree", "prune"]).arg("--verbose"))?;
    let mut add = git(&["worktree", "add", "--force", "--detach"]);
    process::run(add.arg(&checkout).arg(revision))?;
    eprintln!("Building consign as of {revision}, once …");
    let mut cargo = host.cargo(&["build", "--release", "--locked", "--package", "consign"]);
    cargo.args(["--bin", "consign"]).current_dir(&checkout);
    // What both have in common is built once.
    let target = crate::wasm::target_dir(host)?;
    let built = process::run(cargo.env("CARGO_TARGET_DIR", &target));
    if built.is_ok() {
        cache::create(&folder)?;
        std::fs::copy(target.join("release/consign"), &program)?;
    }
    process::run(git(&["worktree", "remove", "--force"]).arg(&checkout))?;
    built.map(|()| program)
}
