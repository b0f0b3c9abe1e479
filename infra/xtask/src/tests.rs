//! The workspace's tests, and how many there were.

use crate::host::Workspace;
use crate::process;
use crate::tools::Tools;
use anyhow::{Context as _, Result};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

/// What the test programs reported, added up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
    /// Cargo, or what else ran the tests, succeeded: everything was built and ran to its end.
    pub(crate) complete: bool,
}

impl Tally {
    /// Adds what `line` says when it closes a test program's report.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) = line
            .strip_prefix("test result: ")
            .and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let number: u64 = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }

    /// Both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            ignored: self.ignored + other.ignored,
            complete: self.complete && other.complete,
        }
    }
}

/// Runs every test of the workspace but the attacks, shows their output and counts them.
///
/// # Errors
/// When cargo cannot be started. That tests failed is said by the answer.
pub(crate) fn run(host: &Workspace, tools: &Tools) -> Result<Tally> {
    let mut cargo = cargo_test(host, tools);
    cargo.args(["--exclude", "consign-hostile"]);
    count(cargo)
}

/// The test program of `tests/hostile`, and how many of its attacks run at once: they mostly wait for a limit to pass.
const ATTACKS: &str = "attacks";
const ATTACKS_AT_ONCE: &str = "8";

/// Builds the program under attack, and attacks it.
///
/// # Errors
/// When it cannot be built, or cargo cannot be started. That tests failed is said by the answer.
pub(crate) fn hostile(host: &Workspace, tools: &Tools) -> Result<Tally> {
    let target = process::build_from(host, &["--workspace", "--bins"], "consign")?;
    let mut cargo = cargo_test(host, tools);
    cargo.args(["--test", ATTACKS]);
    cargo.env("CONSIGN_HOSTILE_BIN", target);
    cargo.env("RUST_TEST_THREADS", ATTACKS_AT_ONCE);
    count(cargo)
}

/// The test programs of `tests/e2e` that run over hosts of other kinds too. They are named once in the workspace, and
/// picked by name from the whole of it: a build of one package would be another build.
const BLACK_BOX: [&str; 4] = ["any", "own", "killed", "flights"];
/// Those of them that run on Lambda: there is no process that is the host.
const ON_LAMBDA: [&str; 3] = ["any", "killed", "flights"];
/// Tests of a program at once: over a store that sends its events in the background they mostly wait.
const WAITING_TESTS: &str = "8";

/// Runs the black-box suite over hosts of the kind given; see `e2e::Kind`.
///
/// # Errors
/// When cargo cannot be started. That tests failed is said by the answer.
pub(crate) fn black_box(host: &Workspace, tools: &Tools, kind: &str) -> Result<Tally> {
    let mut cargo = cargo_test(host, tools);
    cargo.args(BLACK_BOX.iter().flat_map(|name| ["--test", name]));
    cargo.env("CONSIGN_E2E_HOST", kind);
    cargo.env("RUST_TEST_THREADS", WAITING_TESTS);
    count(cargo)
}

/// Builds the functions and the bridge, and runs the black-box suite over them.
///
/// # Errors
/// When they cannot be built, or cargo cannot be started. That tests failed is said by the answer.
pub(crate) fn on_lambda(host: &Workspace, tools: &Tools) -> Result<Tally> {
    // All programs of the workspace, as the tests are all tests of it: so both are one build.
    let bridge = process::build_from(host, &["--workspace", "--bins"], "consign-bridge")?;
    let folder = bridge.parent().context("a program lies in a folder")?;
    let mut cargo = cargo_test(host, tools);
    cargo.args(ON_LAMBDA.iter().flat_map(|name| ["--test", name]));
    cargo.env("CONSIGN_E2E_HOST", "lambda");
    cargo.env("CONSIGN_LAMBDA_DIR", folder);
    cargo.env("CONSIGN_BRIDGE_BIN", &bridge);
    cargo.env("RUST_TEST_THREADS", WAITING_TESTS);
    count(cargo)
}

/// Runs the benchmark of whole transfers, over MinIO and on Lambda, with the programs in release mode.
///
/// # Errors
/// When something does not build or start.
pub(crate) fn transfer(host: &Workspace, tools: &Tools) -> Result<()> {
    let programs = ["--release", "--workspace", "--bins"];
    let bridge = process::build_from(host, &programs, "consign-bridge")?;
    let folder = bridge.parent().context("a program lies in a folder")?;
    for kind in ["minio", "lambda"] {
        let mut cargo = host.cargo(&[
            "bench",
            "--locked",
            "--package",
            "consign-e2e",
            "--bench",
            "transfer",
        ]);
        cargo.envs(tools.test_env.iter().map(|(name, path)| (name, path)));
        cargo.env("CONSIGN_E2E_HOST", kind);
        cargo.env("CONSIGN_LAMBDA_DIR", folder);
        cargo.env("CONSIGN_BRIDGE_BIN", &bridge);
        process::run(&mut cargo)?;
    }
    Ok(())
}

/// `cargo test` over the whole workspace, with what the tests find in their environment.
pub(crate) fn cargo_test(host: &Workspace, tools: &Tools) -> Command {
    let mut cargo = host.cargo(&["test", "--workspace", "--locked", "--no-fail-fast"]);
    cargo.envs(
        tools
            .test_env
            .iter()
            .map(|(variable, path)| (variable, path)),
    );
    cargo
}

/// Runs `command`, shows its output and adds up the closing lines in it.
///
/// # Errors
/// When it cannot be started. That tests failed is said by the answer.
pub(crate) fn count(mut command: Command) -> Result<Tally> {
    // One pipe for both, so that cargo's headings stand above the reports that they belong to.
    let (output, input) = std::io::pipe()?;
    command
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input);
    let mut child = command.spawn().context("cannot start the tests")?;
    // The command holds ends of the pipe: while it lives, the output has no end.
    drop(command);
    let mut tally = Tally::default();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.context("cannot read the output of the tests")?;
        let mut stdout = std::io::stdout().lock();
        stdout.write_all(&line)?;
        stdout.write_all(b"\n")?;
        tally.add(&String::from_utf8_lossy(&line));
    }
    tally.complete = child.wait()?.success();
    Ok(tally)
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn two_tallies_add_up_and_are_complete_only_together() {
        let half = Tally {
            passed: 2,
            failed: 1,
            ignored: 0,
            complete: true,
        };
        let broken = Tally {
            complete: false,
            ..half
        };
        assert_eq!(
            half.and(broken),
            Tally {
                passed: 4,
                failed: 2,
                ignored: 0,
                complete: false
            }
        );
        assert!(half.and(half).complete);
    }

    #[test]
    fn closing_lines_are_added_up_and_others_are_not() {
        let mut tally = Tally::default();
        tally.add("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s");
        tally.add("test result: FAILED. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s");
        tally.add("test a::b ... ok");
        assert_eq!(
            tally,
            Tally {
                passed: 14,
                failed: 4,
                ignored: 1,
                complete: false
            }
        );
    }
}
