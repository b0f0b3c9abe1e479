//! A gigabyte through the command line and the host: the rows are right, and the host's memory stays bounded.

#![expect(
    clippy::expect_used,
    reason = "what a test's helper cannot do fails the test"
)]

use std::io::Write as _;
use std::path::Path;

use e2e::{Cli, OwnHost, POLICY};

const FILE_BYTES: u64 = 1_000_000_000;
const PEAK_BYTES_MAX: u64 = 300_000_000;

/// Writes rows until the file is as large as asked for; how many.
fn generate(path: &Path) -> u64 {
    let file = std::fs::File::create(path).expect("the folder takes a file");
    let mut file = std::io::BufWriter::with_capacity(1 << 20, file);
    let header = "id,station,measured_at,temperature,humidity,comment\n";
    file.write_all(header.as_bytes()).expect("there is room");
    let (mut size_bytes, mut rows) = (header.len() as u64, 0_u64);
    let mut line = Vec::new();
    while size_bytes < FILE_BYTES {
        // A multiplicative hash: values spread, and the same in every run.
        let hash = rows.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        line.clear();
        writeln!(
            line,
            "{rows},station-{:05},2024-{:02}-{:02}T{:02}:{:02}:00,{}.{:02},{},\"measured, {hash:08x} by the usual instrument of the station\"",
            hash % 10_000, hash % 12 + 1, hash % 28 + 1, hash % 24, hash % 60, hash % 40, hash % 100, hash % 101,
        )
        .expect("memory takes it");
        file.write_all(&line).expect("there is room");
        size_bytes += line.len() as u64;
        rows += 1;
    }
    file.flush().expect("there is room");
    rows
}

/// The most memory that a process has held so far, in bytes.
fn peak_bytes(process_id: u32) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{process_id}/status")).expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes
        .and_then(|number| number.parse::<u64>().ok())
        .expect("a number")
        * 1024
}

#[tokio::test]
async fn a_gigabyte_passes_within_300_megabytes_of_memory() {
    let host = OwnHost::embedded(POLICY).await;
    let cli = Cli::new(&host, "ann");
    let rows = generate(&cli.folder().join("large.csv"));
    let printed = cli.succeed(&["upload", "large.csv"]);
    assert!(
        printed.contains(&format!("\tready\t{rows} rows\t")),
        "{printed}"
    );
    let peak = peak_bytes(host.process_id().expect("the host is a child"));
    println!("{rows} rows, peak of the host {} MB", peak / 1_000_000);
    assert!(peak < PEAK_BYTES_MAX, "{peak} bytes");
}
