//! `cargo xtask load`: this build under load, and an older one beside it on the same machine.

use crate::host::Workspace;
use crate::{cache, process};
use anyhow::{Context as _, Result, bail, ensure};
use std::path::PathBuf;

const HELP: &str = "\
This build under load, and an older one beside it. Figures and ratios are printed at the end; nothing fails for being slow.

    cargo xtask load [PART…] [OPTIONS]

Parts, each over an empty folder with the embedded store; the first three where none is named:
    mixed      clients sign, send a small CSV, confirm it and ask for its status, as fast as they are answered
    idle       files wait, and nobody calls
    lone       one owner's files beside another's backlog
    sweep      records that are due all at once
    restart    a start with much unfinished work

Options:
    --seconds N             how long each measurement lasts [60]
    --connections A,B       clients at once [64,256]
    --baseline REV          the older build, built once into the cache [1146be4]
    --only current|baseline one build alone
    --json FILE             the figures, for programs
    --idle-backlog N, --lone-backlog N, --due N, --unfinished N, --patience SECONDS
";

/// What the build of today is held against where nothing else is said.
const BASELINE: &str = "1146be4";

/// What `args` say to this program; the rest goes to the one that measures.
#[derive(Debug, Default, PartialEq)]
struct Wanted {
    baseline: Option<String>,
    only: Option<String>,
    rest: Vec<String>,
}

/// Builds both, and measures.
///
/// # Errors
/// When an option is wrong, something does not build, or the measurement ends early.
pub(crate) fn run(host: &Workspace, args: &[&str]) -> Result<()> {
    if let ["help" | "-h" | "--help", ..] = args {
        print!("{HELP}");
        return Ok(());
    }
    let wanted = wanted(args)?;
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
    if wanted.only.as_deref() != Some("current") {
        let revision = wanted.baseline.as_deref().unwrap_or(BASELINE);
        let program = baseline(host, revision)?;
        command.args(["--build", &format!("{revision}={}", program.display())]);
    }
    if wanted.only.as_deref() != Some("baseline") {
        let which = ["--release", "--package", "consign", "--bin", "consign"];
        let program = process::build_from(host, &which, "consign")?;
        command.args(["--build", &format!("current={}", program.display())]);
    }
    process::run(&mut command)
}

fn wanted(args: &[&str]) -> Result<Wanted> {
    let mut wanted = Wanted::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let mut value = || {
            let value = args.next().map(|value| (*value).to_owned());
            value.with_context(|| format!("`{arg}` wants a value"))
        };
        match *arg {
            "--baseline" => wanted.baseline = Some(value()?),
            "--only" => wanted.only = Some(value()?),
            other => wanted.rest.push(other.to_owned()),
        }
    }
    match wanted.only.as_deref() {
        None | Some("current" | "baseline") => Ok(wanted),
        Some(other) => bail!("`--only {other}`: there are `current` and `baseline`"),
    }
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

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn what_is_not_meant_for_this_program_is_handed_on() {
        let args = [
            "mixed",
            "--baseline",
            "abc",
            "--seconds",
            "5",
            "--only",
            "current",
        ];
        let expected = Wanted {
            baseline: Some("abc".to_owned()),
            only: Some("current".to_owned()),
            rest: ["mixed", "--seconds", "5"].map(str::to_owned).into(),
        };
        assert_eq!(wanted(&args).unwrap(), expected);
        assert!(wanted(&["--only", "neither"]).is_err());
        assert!(wanted(&["--only"]).is_err());
    }
}
