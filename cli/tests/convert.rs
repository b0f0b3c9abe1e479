//! `consign convert` as a process: files, standard input and output, hints, and refusals that leave nothing.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn consign(folder: &Path, args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_consign"))
        .arg("convert")
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn is_parquet(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1")
}

#[test]
fn a_file_becomes_parquet_with_its_profile_and_rejects() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "x,y\n1,2\n3\n4,5\n").unwrap();
    let ran = consign(folder.path(), &["a.csv", "a.parquet", "--json"], b"");
    assert!(ran.status.success(), "{ran:?}");
    let said: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(
        (&said["profile"]["rows"], &said["profile"]["rejects"]),
        (&2.into(), &1.into())
    );
    assert_eq!(
        names(folder.path()),
        [
            "a.csv",
            "a.parquet",
            "a.parquet.profile.json",
            "a.parquet.rejects.parquet"
        ]
    );
    assert!(is_parquet(
        &fs::read(folder.path().join("a.parquet")).unwrap()
    ));
    let strict = consign(
        folder.path(),
        &["a.csv", "a.parquet", "--fail-on-rejects"],
        b"",
    );
    assert_eq!(strict.status.code(), Some(1));

    // Rejects of an earlier run do not stay beside a table without any.
    fs::write(folder.path().join("a.csv"), "x,y\n1,2\n").unwrap();
    assert!(
        consign(folder.path(), &["a.csv", "a.parquet"], b"")
            .status
            .success()
    );
    assert_eq!(
        names(folder.path()),
        ["a.csv", "a.parquet", "a.parquet.profile.json"]
    );
}

#[test]
fn standard_input_becomes_standard_output() {
    let folder = tempfile::tempdir().unwrap();
    // The last cell breaks what the beginning lets expect: the source is read again.
    let mut table = b"id\n".to_vec();
    for number in 0..400_000 {
        writeln!(table, "{number}").unwrap();
    }
    table.extend(b"end\n");
    let ran = consign(folder.path(), &["-", "-"], &table);
    assert!(
        ran.status.success() && is_parquet(&ran.stdout),
        "{:?}",
        ran.status
    );
    assert!(String::from_utf8_lossy(&ran.stderr).contains("400001 rows"));
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_refused_file_leaves_nothing_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    fs::create_dir(&out).unwrap();
    fs::write(folder.path().join("a.csv"), "x,y\n1,2\n").unwrap();
    fs::write(
        folder.path().join("page.csv"),
        "<html><body>no</body></html>",
    )
    .unwrap();
    let ran = consign(folder.path(), &["*.csv", "out", "--jobs", "2"], b"");
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("page.csv: not_text: "));
    assert_eq!(names(&out), ["a.parquet", "a.parquet.profile.json"]);
}

#[test]
fn hints_bind_and_wrong_ones_are_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.csv"), "id;price\n7;1,50\n8;2,75\n").unwrap();
    let hints = [
        "a.csv",
        "a.parquet",
        "--json",
        "--column",
        "id=text",
        "--decimal",
        ",",
    ];
    let ran = consign(folder.path(), &hints, b"");
    assert!(ran.status.success(), "{ran:?}");
    let said: Value = serde_json::from_slice(&ran.stdout).unwrap();
    let types: Vec<&str> = said["profile"]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| column["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["text", "decimal"]);
    assert_eq!(said["profile"]["hints"]["decimal"], ",");
    for (args, named) in [
        (["--decimal", ";"], "`decimal`"),
        (["--hints", "{\"colour\": 1}"], "`colour`"),
        (["--hints", "[]"], "--hints"),
    ] {
        let ran = consign(
            folder.path(),
            &["a.csv", "b.parquet", args[0], args[1]],
            b"",
        );
        assert_eq!(ran.status.code(), Some(1));
        assert!(
            String::from_utf8_lossy(&ran.stderr).contains(named),
            "{ran:?}"
        );
    }
    assert!(!folder.path().join("b.parquet").exists());
}

#[test]
fn no_result_takes_the_place_of_a_source_or_of_a_device() {
    let folder = tempfile::tempdir().unwrap();
    let table = b"x,y\n1,2\n";
    for name in [
        "a.parquet.profile.json",
        "a.parquet.rejects.parquet",
        "a.parquet",
    ] {
        fs::write(folder.path().join(name), table).unwrap();
        let ran = consign(folder.path(), &[name, "a.parquet"], b"");
        assert_eq!(ran.status.code(), Some(1), "{name}");
        assert_eq!(fs::read(folder.path().join(name)).unwrap(), table);
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("a.csv"), table).unwrap();
    for taken in ["/dev/null", "a.csv"] {
        let ran = consign(folder.path(), &["a.csv", taken], b"");
        assert_eq!(ran.status.code(), Some(1), "{taken}");
    }
    assert_eq!(names(folder.path()), ["a.csv"]);
}
