//! What the documents name is there: links, files, and tests.

#![expect(
    clippy::unwrap_used,
    reason = "a test ends where the repository cannot be read"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders of the repository that a path in a document begins with.
const FOLDERS: [&str; 10] = [
    "cli",
    "shared",
    "functions",
    "hosts",
    "tests",
    "infra",
    "fuzz",
    "benches",
    "web",
    "docs",
];
/// Names in examples of CONTRIBUTING.md, which are to be made.
const EXAMPLES: [&str; 2] = ["history", "NAME"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "target" | "node_modules" | "build")
                && !name.starts_with('.')
            {
                walk(&path, ending, found);
            }
        } else if name.ends_with(ending) {
            found.push(path);
        }
    }
}

/// Every document beside the findings, each with its text.
fn documents() -> Vec<(PathBuf, String)> {
    let mut paths = Vec::new();
    for folder in ["docs", "infra", "examples"] {
        walk(&root().join(folder), ".md", &mut paths);
    }
    for name in [
        "README",
        "ARCHITECTURE",
        "CONTRIBUTING",
        "SECURITY",
        "CHANGELOG",
    ] {
        paths.push(root().join(name).with_extension("md"));
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path, text)
    };
    paths.into_iter().map(read).collect()
}

/// What stands in backticks, without the blocks of code.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    let prose = text.split("```").step_by(2);
    prose.flat_map(|part| part.split('`').skip(1).step_by(2))
}

#[test]
fn links_lead_somewhere() {
    for (path, text) in documents() {
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let file = path.parent().unwrap().join(target);
            assert!(file.exists(), "{} links to {target}", path.display());
        }
    }
}

#[test]
fn files_that_are_named_are_there() {
    for (path, text) in documents() {
        for name in quoted(&text) {
            let is_path = name
                .split_once('/')
                .is_some_and(|(first, _)| FOLDERS.contains(&first))
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"/_.-".contains(&byte))
                && !name.split(['/', '.']).any(|part| EXAMPLES.contains(&part));
            assert!(
                !is_path || root().join(name).exists(),
                "{} names {name}",
                path.display()
            );
        }
    }
}

/// The code in which the tests stand that a document names.
struct Sources(String);

impl Sources {
    fn read() -> Self {
        let mut paths = Vec::new();
        for folder in ["shared", "functions", "hosts", "cli", "tests", "infra"] {
            walk(&root().join(folder), ".rs", &mut paths);
        }
        let read = |path: &PathBuf| fs::read_to_string(path).unwrap();
        Self(paths.iter().map(read).collect())
    }

    /// Returns whether a function has this name.
    fn has(&self, test: &str) -> bool {
        let ends = ['(', '<'];
        let mut names = ends.iter().map(|end| format!("fn {test}{end}"));
        names.any(|name| self.0.contains(&name))
    }
}

/// The cells of the rows of a document's tables.
fn rows(text: &str) -> impl Iterator<Item = Vec<&str>> {
    let lines = text.lines().filter(|line| line.starts_with("| "));
    lines.map(|line| line.trim_matches('|').split(" | ").collect())
}

#[test]
fn every_test_beside_an_invariant_is_there() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, invariants) = architecture.split_once("## The invariants").unwrap();
    let sources = Sources::read();
    let mut held = BTreeSet::new();
    for cells in rows(invariants) {
        let Ok(number) = cells[0].trim().parse::<u32>() else {
            continue;
        };
        let tests: Vec<&str> = quoted(cells[3]).collect();
        assert!(!tests.is_empty(), "nothing holds invariant {number}");
        for test in tests {
            assert!(sources.has(test), "invariant {number} names {test}");
        }
        held.insert(number);
    }
    assert_eq!(held, (1..=27).collect());
}

#[test]
fn every_test_of_the_security_review_is_there() {
    let review = fs::read_to_string(root().join("docs/SECURITY-REVIEW.md")).unwrap();
    let sources = Sources::read();
    let mut named = 0;
    for cells in rows(&review) {
        for test in quoted(cells[cells.len() - 1]) {
            assert!(sources.has(test), "the review names {test}");
            named += 1;
        }
    }
    assert!(named > 60, "the review names {named} tests");
}
