//! Output that cannot be written, or that nobody reads to its end.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

use std::fs::File;
use std::process::{Command, Output, Stdio};

fn cost(output: Stdio) -> Output {
    let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/../consign.toml");
    let child = Command::new(env!("CARGO_BIN_EXE_consign"))
        .args(["cost", "--policy", policy])
        .stdout(output)
        .stderr(Stdio::piped())
        .spawn();
    child.unwrap().wait_with_output().unwrap()
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let ended = cost(full.into());
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("consign: the output cannot be written: "),
        "{said}"
    );
}

#[test]
fn output_that_nobody_reads_ends_the_program_without_a_word() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ended = cost(writer.into());
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), "");
}
