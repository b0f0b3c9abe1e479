//! `conformance presign` answers as botocore does.

use serde_json::Value;
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Cases of one run: at least 4000 of them.
const CASES: usize = 4_500;
/// Any other number makes other cases.
const SEED: u32 = 20_130_524;

const _: () = assert!(CASES >= 4_000);

#[test]
fn random_requests_are_signed_byte_for_byte_as_botocore_signs_them() {
    let cases = cases_from_botocore();
    assert_eq!(cases.len(), CASES);
    let answers = answers_to(&cases);
    let mut wrong = Vec::new();
    for case in &cases {
        let (case, want) = (&case["case"], &case["want"]);
        let answer = answers
            .get(&case["id"].to_string())
            .expect("every case has its answer");
        let is_right = match want.as_object() {
            Some(want) if want.contains_key("error") => answer["error"].is_string(),
            // Compared as texts, so that the order of a form's fields counts as well.
            Some(want) => want
                .iter()
                .all(|(name, value)| format!("{}", answer[name]) == format!("{value}")),
            None => false,
        };
        if !is_right {
            wrong.push(format!("{case}\n  want {want}\n  have {answer}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {CASES} differ, the first of them:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(5)].join("\n")
    );
}

fn cases_from_botocore() -> Vec<Value> {
    #[expect(clippy::disallowed_methods, reason = "the test command hands over the interpreter it prepared")]
    let python = std::env::var("CONSIGN_PYTHON")
        .expect("CONSIGN_PYTHON must name a Python that has botocore: `cargo xtask test` prepares one and sets it");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/botocore_presign.py");
    let output = Command::new(&python)
        .arg(script)
        .args([SEED.to_string(), CASES.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .expect("CONSIGN_PYTHON runs");
    assert!(
        output.status.success(),
        "{python} ended with {}",
        output.status
    );
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    text.lines()
        .map(|line| serde_json::from_str(line).expect("lines of JSON"))
        .collect()
}

fn answers_to(cases: &[Value]) -> HashMap<String, Value> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .arg("presign")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut input = program.stdin.take().expect("stdin is piped");
    let lines: String = cases
        .iter()
        .map(|case| format!("{}\n", case["case"]))
        .collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = program.wait_with_output().expect("the program ends");
    writer
        .join()
        .expect("the writer does not panic")
        .expect("the program reads all");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    let answers = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("lines of JSON"));
    answers
        .map(|answer| (answer["id"].to_string(), answer))
        .collect()
}
