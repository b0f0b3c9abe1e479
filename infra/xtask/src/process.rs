//! Running other programs.

use crate::host::{Stopwatch, Workspace};
use anyhow::{Context as _, Result, anyhow, bail};
use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// How much of a failed command's output is shown.
const TAIL_LINES: usize = 40;

/// Runs `command` with its output shown.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| start_failure(command))?;
    if !status.success() {
        bail!("`{}` ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs `command` quietly and returns what it wrote to its standard output.
///
/// # Errors
/// When it cannot be started or does not succeed; what it wrote to its standard error is part of the error.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| start_failure(command))?;
    if !output.status.success() {
        bail!(
            "`{}` ended with {}: {}",
            shown(command),
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs `command` with its output in `log`; of a failure the last lines are shown.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub(crate) fn run_logged(command: &mut Command, log: &Path) -> Result<()> {
    let ended = spawn_logged(command, log)?
        .wait()
        .with_context(|| start_failure(command))?;
    if ended.success() {
        return Ok(());
    }
    Err(anyhow!(
        "`{}` ended with {ended}; its output is in {}, the end of it:\n{}",
        shown(command),
        log.display(),
        tail(log)
    ))
}

/// Like [`run_logged`], but the command is ended when `limit` has passed. Says whether it succeeded.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn succeeds_within(command: &mut Command, log: &Path, limit: Duration) -> Result<bool> {
    let stopwatch = Stopwatch::start();
    let mut child = spawn_logged(command, log)?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if stopwatch.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Builds a program of the workspace as the tests' are built, and says where it is.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn build(host: &Workspace, package: &str, name: &str) -> Result<PathBuf> {
    build_from(host, &["--package", package, "--bin", name], name)
}

/// The same, where `which` names more than the one program.
///
/// # Errors
/// When something cannot be built.
pub(crate) fn build_from(host: &Workspace, which: &[&str], name: &str) -> Result<PathBuf> {
    eprintln!("Building {name} …");
    let mut cargo = host.cargo(&["build", "--locked", "--message-format", "json"]);
    let messages = capture(cargo.args(which))?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Built>(line).ok()?.executable)
        .find(|path| path.file_stem().is_some_and(|stem| stem == name))
        .with_context(|| format!("cargo did not say where it built `{name}`"))
}

/// A line of `cargo build --message-format json`, as far as it is read here.
#[derive(serde::Deserialize)]
struct Built {
    executable: Option<PathBuf>,
}

/// Becomes `command`. Returns only when that failed.
pub(crate) fn replace(command: &mut Command) -> Result<()> {
    Err(command.exec()).with_context(|| start_failure(command))
}

/// The last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = std::fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

/// Starts `command` with its output in `log`.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn spawn_logged(command: &mut Command, log: &Path) -> Result<std::process::Child> {
    let stdout = File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("cannot write {}", log.display()))?;
    let stderr = stdout.try_clone()?;
    command
        .stdin(Stdio::null())
        .stdout(stdout)
        .stderr(stderr)
        .spawn()
        .with_context(|| start_failure(command))
}

fn start_failure(command: &Command) -> String {
    format!("cannot start `{}`", shown(command))
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
