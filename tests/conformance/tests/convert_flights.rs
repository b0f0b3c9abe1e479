//! The New York flights of 2013 through `conformance convert`, held against what pyarrow reads from the original.

use std::path::Path;
use std::process::Command;

/// What this test needs is set up by `cargo xtask test`; without it the test fails, it is not skipped.
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads where its tools are"
)]
fn needed(name: &str) -> String {
    let value = std::env::var(name).unwrap_or_default();
    assert!(
        !value.is_empty(),
        "{name} is not set: run the tests with `cargo xtask test`"
    );
    value
}

fn convert(input: &Path, output: &Path) {
    let status = Command::new(env!("CARGO_BIN_EXE_conformance"))
        .args(["convert".as_ref(), input.as_os_str(), output.as_os_str()])
        .status()
        .expect("the program starts");
    assert!(status.success(), "convert: {status}");
}

#[test]
fn flights_have_the_nulls_and_sums_that_pyarrow_reads() {
    let python = needed("CONSIGN_PYTHON");
    let flights = needed("CONSIGN_FLIGHTS_CSV");
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flights.parquet");
    convert(flights.as_ref(), &output);

    let compared = Command::new(&python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/python/compare_parquet.py"
        ))
        .args([flights.as_ref(), output.as_os_str()])
        .output()
        .expect("CONSIGN_PYTHON starts");
    let (said, complained) = (
        String::from_utf8_lossy(&compared.stdout),
        String::from_utf8_lossy(&compared.stderr),
    );
    assert!(compared.status.success(), "{complained}");
    assert!(said.contains("336776 rows, 19 columns"), "{said}");
}
