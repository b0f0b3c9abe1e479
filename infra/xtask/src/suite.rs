//! `cargo xtask test`: every check, in order, each with its heading and its time.

use crate::ci::Slot;
use crate::host::{Stopwatch, Workspace, seconds};
use crate::process;
use crate::section::Section;
use crate::tests::Tally;
use crate::tools::Tools;
use crate::{browser, coverage, deny, fuzz, peers, templates, tests, tools, wasm, workerd};
use anyhow::{Result, ensure};
use clap::ValueEnum as _;
use std::time::Duration;

/// Runs the sections named, or all.
///
/// # Errors
/// When a section fails; the others still run, so that one run tells everything.
pub(crate) fn run(host: &Workspace, chosen: &[Section]) -> Result<()> {
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
    let mut ends: Vec<(String, Duration, Result<()>)> = Vec::new();
    for &section in Section::value_variants()
        .iter()
        .filter(|section| chosen.is_empty() || chosen.contains(section))
    {
        heading(&section.title());
        let stopwatch = Stopwatch::start();
        let end = run_section(host, &tools, section, &mut tally);
        if let Err(error) = &end {
            println!("error: {error:#}");
        }
        println!(
            "{}: {} after {}",
            section.name(),
            verdict(&end),
            seconds(stopwatch.elapsed())
        );
        ends.push((section.name(), stopwatch.elapsed(), end));
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
        .map(|(name, _, _)| name.as_str())
        .collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

fn run_section(
    host: &Workspace,
    tools: &Tools,
    section: Section,
    tally: &mut Option<Tally>,
) -> Result<()> {
    match section {
        Section::Fmt => process::run(&mut host.cargo(&["fmt", "--all", "--check"])),
        Section::Clippy => process::run(&mut host.cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ])),
        Section::Deny => deny::check(host, &tools.cargo_deny),
        Section::Shear => process::run(host.command(&tools.cargo_shear).arg("--locked")),
        Section::Wasm => wasm::check(host),
        Section::Templates => templates::check(host),
        Section::Tests => add(tests::run(host, tools)?, tally),
        Section::Differential => peers::check(host),
        Section::Hostile => add(tests::hostile(host, tools)?, tally),
        Section::E2eLambda => add(tests::on_lambda(host, tools)?, tally),
        Section::E2eMinio => add(tests::black_box(host, tools, "minio")?, tally),
        Section::Workerd => add(workerd::check(host, tools)?, tally),
        Section::Browser => add(browser::run(host)?, tally),
        Section::Coverage => coverage::check(host, &tools.cargo_tarpaulin),
        Section::Fuzz => fuzz::check(host),
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
