//! How much of the rules the tests reach.

use crate::cache;
use crate::host::Workspace;
use crate::process;
use crate::wasm::target_dir;
use anyhow::{Context as _, Result, ensure};
use std::fs;
use std::path::Path;

/// What holds the rules: package and folder.
const RULES: [(&str, &str); 6] = [
    ("consign-core", "shared/core"),
    ("consign-sigv4", "shared/sigv4"),
    ("consign-time", "shared/time"),
    ("consign-ids", "shared/ids"),
    ("consign-events", "shared/events"),
    ("consign-auth", "shared/auth"),
];
/// The least share of their lines that their own tests must reach, in percent.
const LINES_MIN_PERCENT: f64 = 90.0;

/// Measures the line coverage of the rules by their own tests.
///
/// # Errors
/// When a test fails or the share is too small.
pub(crate) fn check(host: &Workspace, cargo_tarpaulin: &Path) -> Result<()> {
    let folder = target_dir(host)?.join("coverage");
    cache::create(&folder)?;
    let log = folder.join("tarpaulin.log");
    cache::remove_file(&log)?;
    let mut tarpaulin = host.command(cargo_tarpaulin);
    tarpaulin.args(["tarpaulin", "--engine", "llvm", "--locked", "--skip-clean"]);
    for (package, folder) in RULES {
        tarpaulin.args(["--package", package]);
        tarpaulin.args(["--include-files", &format!("{folder}/src/*")]);
    }
    tarpaulin
        .args(["--out", "Lcov"])
        .arg("--output-dir")
        .arg(&folder)
        .arg("--target-dir")
        .arg(&folder);
    process::run_logged(&mut tarpaulin, &log)?;
    let report = folder.join("lcov.info");
    let text =
        fs::read_to_string(&report).with_context(|| format!("cannot read {}", report.display()))?;
    let mut files = parse_lcov(&text);
    // A test reaches itself: a module of tests in a file of its own would only flatter the share.
    files.retain(|file| !file.name.contains("/tests"));
    for file in &files {
        let name = file
            .name
            .rsplit_once("shared/")
            .map_or(file.name, |(_, name)| name);
        println!(
            "{:>6.1} %  {:>5} of {:>5} lines  {name}",
            percent(file.hit, file.lines),
            file.hit,
            file.lines
        );
    }
    let (hit, lines) = files.iter().fold((0, 0), |(hit, lines), file| {
        (hit + file.hit, lines + file.lines)
    });
    ensure!(
        lines > 0,
        "tarpaulin found no line of the rules; its output is in {}",
        log.display()
    );
    let reached = percent(hit, lines);
    println!("coverage of the rules: {reached:.2} % of lines ({hit} of {lines})");
    ensure!(
        reached > LINES_MIN_PERCENT,
        "coverage of the rules is {reached:.2} %, and must be above {LINES_MIN_PERCENT} %"
    );
    Ok(())
}

/// One file of a report: its name and how many of its lines were reached.
#[derive(Debug, PartialEq)]
struct FileCoverage<'a> {
    name: &'a str,
    hit: u32,
    lines: u32,
}

/// Reads the records `SF` (a file), `DA` (line, hits) of the LCOV format.
fn parse_lcov(text: &str) -> Vec<FileCoverage<'_>> {
    let mut files: Vec<FileCoverage<'_>> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("SF:") {
            files.push(FileCoverage {
                name,
                hit: 0,
                lines: 0,
            });
        } else if let (Some(data), Some(file)) = (line.strip_prefix("DA:"), files.last_mut()) {
            file.lines += 1;
            file.hit += u32::from(data.split(',').nth(1).is_some_and(|hits| hits != "0"));
        }
    }
    files
}

fn percent(hit: u32, lines: u32) -> f64 {
    f64::from(hit) * 100.0 / f64::from(lines.max(1))
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn lines_are_counted_per_file() {
        let report =
            "TN:\nSF:/a.rs\nDA:1,3\nDA:2,0\nLF:2\nend_of_record\nSF:/b.rs\nDA:9,1\nend_of_record\n";
        let expected = [
            FileCoverage {
                name: "/a.rs",
                hit: 1,
                lines: 2,
            },
            FileCoverage {
                name: "/b.rs",
                hit: 1,
                lines: 1,
            },
        ];
        assert_eq!(parse_lcov(report), expected);
    }
}
