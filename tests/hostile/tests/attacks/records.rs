//! Records without a bound: what a client says, and what a table is like.

use std::time::Duration;

use bytes::Bytes;
use hostile::{Host, csv};
use serde_json::json;
use tokio::task::JoinSet;

use crate::support::assert_memory;

/// What the status of any file may be long.
const STATUS_BYTES_MAX: usize = 256 << 10;
const COLUMNS: usize = 10_000;
const WIDE_TABLES: usize = 6;
/// Files whose client said as much as is taken.
const TOLD: usize = 60;

/// A header of 10,000 names as long as they may be, and a row.
fn wide() -> Bytes {
    let names = (0..COLUMNS).map(|column| format!("{column:0>780}"));
    let header: Vec<String> = names.collect();
    let row: Vec<String> = (0..COLUMNS).map(|column| column.to_string()).collect();
    Bytes::from(format!("{}\n{}\n", header.join(","), row.join(",")))
}

#[tokio::test]
async fn what_a_confirm_says_is_bounded() {
    let host = Host::start().await;
    let mut user = host.user("ann");
    let content = csv(10);
    let columns: Vec<String> = (0..4_000).map(|column| format!("{column:0>950}")).collect();
    for _ in 0..30 {
        let file_id = user.put_csv(&content).await;
        let body = json!({"file_id": file_id, "metadata": {"columns": columns}});
        let answer = user.post("/files/confirm", &body).await;
        assert!(
            (400..500).contains(&answer.status),
            "3.8 MB of columns: {}",
            answer.status
        );
        let status = user.get(&format!("/files/{file_id}/status")).await;
        assert!(status.bytes.len() <= STATUS_BYTES_MAX);
    }
    assert_memory(&host);
}

#[tokio::test]
async fn a_table_of_long_names_has_a_short_status() {
    let host = Host::start().await;
    let mut user = host.user("ann");
    let file_id = user.put_csv(&wide()).await;
    let status = user.wait(&file_id, Duration::from_secs(60)).await;
    assert!(
        status["status"] == "ready" || status["status"] == "failed",
        "{status}"
    );
    let status_bytes = status.to_string().len();
    assert!(status_bytes <= STATUS_BYTES_MAX, "{status_bytes} bytes");
    assert_memory(&host);
}

#[tokio::test]
async fn four_listings_of_wide_tables_stay_within_bounds() {
    let host = Host::start().await;
    let mut user = host.user("ann");
    let content = wide();
    let mut files = Vec::new();
    for _ in 0..WIDE_TABLES {
        files.push(user.put_csv(&content).await);
    }
    for file_id in &files {
        user.wait(file_id, Duration::from_secs(100)).await;
    }
    let lengths = four_listings(&host).await;
    println!("listings of {lengths:?} bytes");
    let longest = lengths.into_iter().max().unwrap_or_default();
    assert!(longest <= WIDE_TABLES * STATUS_BYTES_MAX, "{longest} bytes");
    assert_memory(&host);
}

/// As much in every record as its client may say, and four who list them at once.
#[tokio::test]
async fn four_listings_of_what_clients_said_stay_within_bounds() {
    let host = Host::start().await;
    let mut user = host.user("ann");
    let content = csv(10);
    for _ in 0..TOLD {
        let file_id = user.put_csv(&content).await;
        for (count, length) in [(4_000, 950), (1_000, 250), (100, 250), (100, 60)] {
            let columns: Vec<String> = (0..count).map(|n| format!("{n:0>length$}")).collect();
            let body = json!({"file_id": file_id, "metadata": {"columns": columns}});
            if user.post("/files/confirm", &body).await.status == 200 {
                break;
            }
        }
    }
    let lengths = four_listings(&host).await;
    println!("listings of {lengths:?} bytes");
    assert_memory(&host);
}

/// The lengths of four listings that are read at once.
async fn four_listings(host: &Host) -> Vec<usize> {
    let mut listings = JoinSet::new();
    for _ in 0..4 {
        let mut user = host.user("ann");
        listings.spawn(async move {
            let answer = user.get("/files?limit=500").await;
            assert_eq!(answer.status, 200);
            answer.bytes.len()
        });
    }
    listings.join_all().await
}
