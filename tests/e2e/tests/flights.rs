//! A real table by the command line: the departures from New York in 2013.

#![expect(
    clippy::expect_used,
    reason = "what a test's helper cannot do fails the test"
)]

use std::path::Path;
use std::process::Command;

use e2e::{Host, POLICY, program};

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

/// Runs a command of the program as a person would, and returns what it printed.
fn consign(host: &Host, folder: &Path, args: &[&str]) -> String {
    let output = Command::new(program())
        .args(args)
        .current_dir(folder)
        .env("CONSIGN_URL", &host.base_url)
        .env("CONSIGN_TOKEN", host.token("ann", None))
        .env("XDG_CACHE_HOME", folder.join("cache"))
        .output()
        .expect("the program starts");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "consign {}: {complaints}",
        args.join(" ")
    );
    String::from_utf8(output.stdout).expect("it prints text")
}

#[tokio::test]
async fn the_flights_come_back_with_the_nulls_and_sums_that_pyarrow_reads() {
    let flights = needed("CONSIGN_FLIGHTS_CSV");
    let python = needed("CONSIGN_PYTHON");
    let host = Host::start(POLICY).await;
    let folder = tempfile::tempdir().unwrap();

    let printed = consign(&host, folder.path(), &["upload", "--checksum", &flights]);
    let fields: Vec<&str> = printed.trim().split('\t').collect();
    assert_eq!(fields[1..3], ["ready", "336776 rows"], "{printed}");
    let file_id = fields[0];
    let status = host.user("ann").status(file_id).await;
    assert_eq!(
        (
            status["row_count"].as_u64(),
            status["reject_count"].as_u64()
        ),
        (Some(336_776), Some(0))
    );
    assert_eq!(status["columns"].as_array().map(Vec::len), Some(19));

    consign(
        &host,
        folder.path(),
        &[
            "download",
            file_id,
            "--variant",
            "parquet",
            "-o",
            "flights.parquet",
        ],
    );
    consign(
        &host,
        folder.path(),
        &[
            "download",
            file_id,
            "--variant",
            "profile",
            "-o",
            "flights.parquet.profile.json",
        ],
    );
    let compared = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../conformance/python/compare_parquet.py"
        ))
        .args([Path::new(&flights), &folder.path().join("flights.parquet")])
        .output()
        .expect("CONSIGN_PYTHON starts");
    assert!(
        compared.status.success(),
        "{}",
        String::from_utf8_lossy(&compared.stderr)
    );
    let said = String::from_utf8_lossy(&compared.stdout);
    assert!(said.contains("336776 rows, 19 columns"), "{said}");
}
