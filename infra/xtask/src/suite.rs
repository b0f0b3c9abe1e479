//! `cargo xtask test`: every check, in order, each with its heading and its time.

use crate::ci::Slot;
use crate::host::{Stopwatch, Workspace, seconds};
use crate::process;
use crate::tests::Tally;
use crate::tools::Tools;
use crate::{browser, coverage, deny, fuzz, templates, tests, tools, wasm, workerd};
use anyhow::{Result, bail, ensure};
use std::time::Duration;

/// The checks, in the order in which they run: the quick ones first.
const SECTIONS: [(&str, &str); 13] = [
    ("fmt", "Formatting"),
    ("clippy", "Lints"),
    (
        "deny",
        "Licences, sources and advisories of the dependencies",
    ),
    ("wasm", "The wasm32 build of what Workers mount"),
    ("templates", "The template of the deployment to AWS"),
    ("tests", "Tests"),
    ("hostile", "Attacks on a process of their own"),
    ("e2e-minio", "The black-box suite over MinIO"),
    ("e2e-lambda", "The black-box suite over Lambda functions"),
    ("workerd", "The Worker in workerd"),
    ("browser", "The page in a browser"),
    ("coverage", "Coverage of the rules"),
    ("fuzz", "Fuzz targets"),
];

/// Runs the sections named, or all.
///
/// # Errors
/// When a section fails; the others still run, so that one run tells everything.
pub(crate) fn run(host: &Workspace, chosen: &[&str]) -> Result<()> {
    if let Some(unknown) = chosen
        .iter()
        .find(|name| SECTIONS.iter().all(|(known, _)| known != *name))
    {
        bail!(
            "there is no section `{unknown}`; there are {}",
            SECTIONS.map(|(name, _)| name).join(", ")
        );
    }
    let slot = if host.ci {
        Some(Slot::take(host)?)
    } else {
        None
    };
    let host = &host.with_env(slot.as_ref().map(Slot::env).unwrap_or_default());
    heading("Tools");
    let tools = tools::set_up(host)?;
    tools.print();

    let mut tally = None;
    let mut ends: Vec<(&str, Duration, Result<()>)> = Vec::new();
    for (name, title) in SECTIONS
        .into_iter()
        .filter(|(name, _)| chosen.is_empty() || chosen.contains(name))
    {
        heading(title);
        let stopwatch = Stopwatch::start();
        let end = section(host, &tools, name, &mut tally);
        if let Err(error) = &end {
            println!("error: {error:#}");
        }
        println!(
            "{name}: {} after {}",
            verdict(&end),
            seconds(stopwatch.elapsed())
        );
        ends.push((name, stopwatch.elapsed(), end));
    }

    heading("Summary");
    for (name, elapsed, end) in &ends {
        println!("{name:10} {:>6} {:>12}", verdict(end), seconds(*elapsed));
    }
    if let Some(Tally { passed, failed, .. }) = tally {
        println!("\n{passed} passed, {failed} failed");
    }
    let failed: Vec<&str> = ends
        .iter()
        .filter(|(_, _, end)| end.is_err())
        .map(|(name, _, _)| *name)
        .collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn section(host: &Workspace, tools: &Tools, name: &str, tally: &mut Option<Tally>) -> Result<()> {
    match name {
        "fmt" => process::run(&mut host.cargo(&["fmt", "--all", "--check"])),
        "clippy" => process::run(&mut host.cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ])),
        "deny" => deny::check(host, &tools.cargo_deny),
        "wasm" => wasm::check(host),
        "templates" => templates::check(host),
        "tests" => add(tests::run(host, tools)?, tally),
        "hostile" => add(tests::hostile(host, tools)?, tally),
        "e2e-lambda" => add(tests::on_lambda(host, tools)?, tally),
        "e2e-minio" => add(tests::black_box(host, tools, "minio")?, tally),
        "workerd" => add(workerd::check(host, tools)?, tally),
        "browser" => add(browser::run(host)?, tally),
        "coverage" => coverage::check(host, &tools.cargo_tarpaulin),
        "fuzz" => fuzz::check(host),
        other => bail!("the section `{other}` has no check"),
    }
}

/// Judges what a section counted, and adds it to the sum.
fn add(counted: Tally, sum: &mut Option<Tally>) -> Result<()> {
    *sum = Some(sum.map_or(counted, |sum| sum.and(counted)));
    judge(counted)
}

fn judge(tally: Tally) -> Result<()> {
    ensure!(
        tally.complete && tally.failed == 0,
        "{} tests failed, or something was not built",
        tally.failed
    );
    ensure!(tally.passed > 0, "no test ran");
    ensure!(
        tally.ignored == 0,
        "{} tests are ignored: a test runs or is removed",
        tally.ignored
    );
    Ok(())
}

fn heading(title: &str) {
    println!(
        "\n==== {title} {}",
        "=".repeat(70_usize.saturating_sub(title.chars().count()))
    );
}

fn verdict(end: &Result<()>) -> &'static str {
    if end.is_ok() { "ok" } else { "FAILED" }
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn sections_that_count_enter_one_sum() {
        let counted = Tally {
            passed: 3,
            failed: 1,
            ignored: 0,
            complete: true,
        };
        let mut sum = None;
        assert!(add(counted, &mut sum).is_err());
        assert!(add(counted, &mut sum).is_err());
        assert_eq!(sum, Some(counted.and(counted)));
    }

    #[test]
    fn an_ignored_test_fails_the_run() {
        assert!(
            judge(Tally {
                passed: 3,
                failed: 0,
                ignored: 0,
                complete: true
            })
            .is_ok()
        );
        assert!(
            judge(Tally {
                passed: 3,
                failed: 0,
                ignored: 1,
                complete: true
            })
            .is_err()
        );
    }

    #[test]
    fn a_run_without_tests_or_with_a_broken_build_fails() {
        assert!(
            judge(Tally {
                passed: 0,
                failed: 0,
                ignored: 0,
                complete: true
            })
            .is_err()
        );
        assert!(
            judge(Tally {
                passed: 3,
                failed: 0,
                ignored: 0,
                complete: false
            })
            .is_err()
        );
    }
}
