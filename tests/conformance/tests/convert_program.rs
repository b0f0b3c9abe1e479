//! `conformance convert`: exit codes, and the files it leaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/tabular");

/// An empty folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

fn convert(input: &Path, output: &Path, flags: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["convert".as_ref(), input.as_os_str(), output.as_os_str()])
        .args(flags)
        .output()
        .expect("the program starts")
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).expect("the file is there")).expect("it is JSON")
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.map(|entry| entry.file_name());
    let mut names: Vec<String> = entries
        .map(|entry| {
            name(entry)
                .expect("an entry")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_leaves_parquet_profile_and_rejects() {
    let folder = folder("leaves");
    let done = convert(
        &Path::new(FIXTURES).join("messy.csv"),
        &folder.join("out"),
        &[],
    );
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    assert_eq!(
        names(&folder),
        [
            "out",
            "out.profile.json",
            "out.rejects.json",
            "out.rejects.parquet"
        ]
    );

    let profile = json(&folder.join("out.profile.json"));
    assert_eq!(
        (&profile["rows"], &profile["rejects"], &profile["delimiter"]),
        (&4.into(), &2.into(), &";".into())
    );
    let types: Vec<&str> = profile["columns"]
        .as_array()
        .expect("columns is a list")
        .iter()
        .filter_map(|column| column["type"].as_str())
        .collect();
    assert_eq!(
        types,
        [
            "int64",
            "text",
            "decimal",
            "date",
            "boolean",
            "timestamp_utc",
            "text"
        ]
    );

    let rejects = json(&folder.join("out.rejects.json"));
    let lines: Vec<_> = rejects["first"]
        .as_array()
        .expect("first is a list")
        .iter()
        .map(|row| &row["line"])
        .collect();
    assert_eq!(lines, [6, 8]);
}

#[test]
fn text_keeps_every_column_as_text() {
    let folder = folder("text");
    let done = convert(
        &Path::new(FIXTURES).join("messy.csv"),
        &folder.join("out"),
        &["--text", "--memory-mb", "32"],
    );
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let profile = json(&folder.join("out.profile.json"));
    let columns = profile["columns"].as_array().expect("columns is a list");
    assert!(columns.iter().all(|column| column["type"] == "text"));
}

#[test]
fn a_refused_file_leaves_a_line_and_nothing_else() {
    let folder = folder("refused");
    let input = folder.join("in");
    std::fs::write(&input, b"\x89PNG and so on").expect("the folder can be written");
    let done = convert(&input, &folder.join("out"), &[]);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("not_text: "), "{said}");
    assert_eq!(names(&folder), ["in"]);
}

#[test]
fn a_second_run_leaves_nothing_of_the_first() {
    let folder = folder("second");
    let (input, output) = (folder.join("in"), folder.join("out"));
    for (text, left) in [
        (
            "a,b\n1,2\n3\n",
            &[
                "in",
                "out",
                "out.profile.json",
                "out.rejects.json",
                "out.rejects.parquet",
            ][..],
        ),
        ("a,b\n1,2\n", &["in", "out", "out.profile.json"]),
        ("", &["in"]),
    ] {
        std::fs::write(&input, text).expect("the folder can be written");
        convert(&input, &output, &[]);
        assert_eq!(names(&folder), left);
    }
}

#[test]
fn wrong_arguments_are_named_as_such() {
    for flags in [
        &["--memory-mb"][..],
        &["--memory-mb", "much"],
        &["--unknown"],
        &["third"],
    ] {
        assert_eq!(
            convert("in".as_ref(), "out".as_ref(), flags).status.code(),
            Some(64)
        );
    }
}

#[test]
fn explain_says_what_was_understood() {
    let folder = folder("explain");
    let input = folder.join("in");
    let rows = "Rome, 2.5, 3\n".repeat(10);
    let source = format!("Report\n\nplace, sun,\n, h, mm\n{rows}Source: the office\n");
    std::fs::write(&input, source).expect("the folder can be written");
    let done = convert(&input, &folder.join("out"), &["--explain"]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let said: Value = serde_json::from_slice(&done.stdout).expect("it is one line of JSON");
    let seen = ["delimiter", "header_line", "header_rows", "end_line"].map(|key| &said[key]);
    assert_eq!(seen, [&Value::from(","), &3.into(), &2.into(), &15.into()]);
    assert_eq!(
        (&said["skipped_lines"], &said["rows"], &said["rejects"]),
        (&2.into(), &10.into(), &1.into())
    );
    assert_eq!(said["dialect"]["spaced_delimiters"], true);
}

#[test]
fn hints_bind_and_a_bad_one_is_told_with_what_would_be_right() {
    let folder = folder("hints");
    let (input, output) = (folder.join("in"), folder.join("out"));
    std::fs::write(&input, "v;d\n1,234;03/04/2024\nx;05/06/2024\n")
        .expect("the folder can be written");
    let hints = r#"{"decimal": ",", "date_order": "dmy", "columns": {"v": "decimal"}}"#;
    let done = convert(&input, &output, &["--explain", "--hints", hints]);
    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let profile = json(&folder.join("out.profile.json"));
    assert_eq!(profile["columns"][0]["sum"], "1.234");
    assert_eq!(profile["columns"][1]["type"], "date");
    assert_eq!(profile["hints"]["columns"]["v"], "decimal");
    let rejects = json(&folder.join("out.rejects.json"));
    assert_eq!(rejects["first"][0]["column"], "v");
    let explained: Value = serde_json::from_slice(&done.stdout).expect("a line of JSON");
    assert_eq!(explained["hints"]["decimal"], ",");

    let done = convert(
        &input,
        &output,
        &["--hints", r#"{"columns": {"v": "number"}}"#],
    );
    assert_eq!(done.status.code(), Some(64));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        said.starts_with("bad_hint: columns.v: must be one of boolean, int64"),
        "{said}"
    );
    let done = convert(&input, &output, &["--hints", r#"{"delimiter": "|"}"#]);
    assert_eq!(done.status.code(), Some(2));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(
        said.starts_with("impossible_hint: The hint delimiter"),
        "{said}"
    );
}
