//! A real table by the command line: the departures from New York in 2013.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Cli, Host, Kind, OwnHost, POLICY};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

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

/// Sends the flights through a host, and brings the Parquet and the profile.
async fn converted(host: &Host, cli: &Cli, flights: &str) -> PathBuf {
    let printed = cli.succeed(&["upload", "--checksum", flights]);
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
    for (variant, name) in [
        ("parquet", "flights.parquet"),
        ("profile", "flights.parquet.profile.json"),
    ] {
        cli.succeed(&["download", file_id, "--variant", variant, "-o", name]);
    }
    cli.folder().join("flights.parquet")
}

#[tokio::test]
async fn the_flights_come_back_with_the_nulls_and_sums_that_pyarrow_reads() {
    let flights = needed("CONSIGN_FLIGHTS_CSV");
    let python = needed("CONSIGN_PYTHON");
    let host = Host::start(POLICY).await;
    let cli = Cli::new(&host, "ann");
    let parquet = converted(&host, &cli, &flights).await;
    let compared = Command::new(python)
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../conformance/python/compare_parquet.py"
        ))
        .args([Path::new(&flights), &parquet])
        .output()
        .expect("CONSIGN_PYTHON starts");
    assert!(
        compared.status.success(),
        "{}",
        String::from_utf8_lossy(&compared.stderr)
    );
    let said = String::from_utf8_lossy(&compared.stdout);
    assert!(said.contains("336776 rows, 19 columns"), "{said}");

    // Whatever host made it, it is what the local host makes of the same file.
    if Kind::asked() != Kind::Embedded {
        let local = OwnHost::embedded(POLICY).await;
        let local_cli = Cli::new(&local, "ann");
        let local_parquet = converted(&local, &local_cli, &flights).await;
        assert_same_table(&parquet, &local_parquet);
    }
}

fn reader(path: &Path) -> ParquetRecordBatchReader {
    let file = File::open(path).expect("it was downloaded");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("it is Parquet");
    reader
        .with_batch_size(10_000)
        .build()
        .expect("it can be read")
}

/// Column by column: the schema, the nulls and every value, wherever the row groups end.
#[track_caller]
fn assert_same_table(one: &Path, other: &Path) {
    let (one, mut other) = (reader(one), reader(other));
    let mut rows = 0;
    for batch in one {
        let batch = batch.expect("it is read");
        let same = other.next().expect("the other has as many rows");
        let same = same.expect("it is read");
        assert_eq!(batch.num_rows(), same.num_rows(), "after {rows} rows");
        let schema = batch.schema();
        assert_eq!(schema, same.schema());
        assert_eq!(schema.fields().len(), 19);
        for (index, field) in schema.fields().iter().enumerate() {
            let (left, right) = (batch.column(index).as_ref(), same.column(index).as_ref());
            if left == right {
                continue;
            }
            let row = (0..batch.num_rows())
                .find(|row| left.slice(*row, 1).as_ref() != right.slice(*row, 1).as_ref())
                .expect("arrays of one length that differ do so in a row");
            assert_eq!(
                left.slice(row, 1).as_ref(),
                right.slice(row, 1).as_ref(),
                "{}, row {}",
                field.name(),
                rows + row
            );
        }
        rows += batch.num_rows();
    }
    assert!(
        other.next().is_none(),
        "the other has more than {rows} rows"
    );
    assert_eq!(rows, 336_776);
}
