//! A real table by the command line: the departures from New York in 2013.

use std::path::Path;
use std::process::Command;

use e2e::{Cli, Host, POLICY};

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

#[tokio::test]
async fn the_flights_come_back_with_the_nulls_and_sums_that_pyarrow_reads() {
    let flights = needed("CONSIGN_FLIGHTS_CSV");
    let python = needed("CONSIGN_PYTHON");
    let host = Host::start(POLICY).await;
    let cli = Cli::new(&host, "ann");

    let printed = cli.succeed(&["upload", "--checksum", &flights]);
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

    cli.succeed(&[
        "download",
        file_id,
        "--variant",
        "parquet",
        "-o",
        "flights.parquet",
    ]);
    cli.succeed(&[
        "download",
        file_id,
        "--variant",
        "profile",
        "-o",
        "flights.parquet.profile.json",
    ]);
    let compared = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../conformance/python/compare_parquet.py"
        ))
        .args([Path::new(&flights), &cli.folder().join("flights.parquet")])
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
