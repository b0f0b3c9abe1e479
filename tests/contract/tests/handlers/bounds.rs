//! What a client or a file says is bounded before it is written, and so is every answer.

use std::collections::BTreeSet;

use consign_core::upload::UploadState;
use serde_json::{Value, json};

use crate::support::{OWNER, csv, signed, told, world};

/// What `GET /files` answers at most, in bytes.
const LISTING_BYTES_MAX: usize = 1 << 20;
/// Below what an item of DynamoDB may have, in bytes.
const RECORD_BYTES_MAX: usize = 100_000;

#[tokio::test]
async fn a_listing_of_long_records_ends_early_and_skips_none() {
    let world = world();
    let mut signed_ids = BTreeSet::new();
    for number in 0..500 {
        let mut body = csv("table");
        body["metadata"] = json!({"note": "x".repeat(8000), "number": number});
        signed_ids.insert(signed(&world, &body).await.id.to_string());
    }
    let (mut listed, mut cursor, mut pages) = (BTreeSet::new(), String::new(), 0);
    loop {
        let (status, body) = world.list(OWNER, &format!("limit=500{cursor}")).await;
        assert_eq!(status, 200);
        assert!(body.len() <= LISTING_BYTES_MAX, "{} bytes", body.len());
        let page: Value = serde_json::from_slice(&body).unwrap();
        for file in page["files"].as_array().unwrap() {
            let is_new = listed.insert(file["file_id"].as_str().unwrap().to_owned());
            assert!(is_new, "{file}");
        }
        pages += 1;
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(listed, signed_ids);
    assert!(pages > 3, "{pages}");
}

#[tokio::test]
async fn a_short_listing_is_whole_and_has_no_cursor() {
    let world = world();
    for _ in 0..120 {
        signed(&world, &csv("table")).await;
    }
    let page = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let (_, body) = world.list(OWNER, "limit=120").await;
    let all = page(&body);
    assert_eq!(all["files"].as_array().unwrap().len(), 120);
    assert_eq!(all["next_cursor"], Value::Null);
    let (_, body) = world.list(OWNER, "limit=119").await;
    let most = page(&body);
    assert_eq!(most["files"].as_array().unwrap().len(), 119);
    assert_eq!(most["next_cursor"], all["files"][118]["file_id"]);
}

#[tokio::test]
async fn a_wide_table_becomes_ready_with_a_short_record() {
    let world = world();
    let names: Vec<String> = (0..4000).map(|i| format!("{i:0>200}")).collect();
    let values = vec!["1"; names.len()].join(",");
    let table = format!("{}\n{values}\n", names.join(","));
    let mut body = csv("table");
    body["file_size_bytes"] = table.len().into();
    let upload = signed(&world, &body).await;
    let put = consign_testkit::ClientPut::new("text/csv", table.into_bytes());
    let version = world.objects.client_put(&upload.object, put).unwrap();
    world.ingest(&told(&upload.object, &version)).await;
    let record = world.record(upload.id).unwrap();
    assert_eq!(record.state, UploadState::Ready, "{:?}", record.failure);
    let bytes = serde_json::to_string(&record).unwrap().len();
    assert!(bytes < RECORD_BYTES_MAX, "{bytes} bytes");
    let (_, status) = world.status(OWNER, &upload.id.to_string()).await;
    assert_eq!(status["column_count"], 4000);
    assert_eq!(status["columns"].as_array().unwrap().len(), 100);
}

#[tokio::test]
async fn a_claim_of_many_columns_leaves_a_short_record() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let version = crate::support::put(&world, &upload.object, crate::support::CSV);
    assert!(version.is_some());
    let claim = |columns: Vec<String>| json!({"file_id": upload.id.to_string(), "metadata": {"columns": columns}});
    let (status, problem) = world
        .confirm(OWNER, &claim(vec!["c".repeat(1000); 3700]))
        .await;
    assert_eq!(status, 400, "{problem}");
    assert_eq!(problem["errors"][0]["field"], "metadata.columns");
    let (status, _) = world
        .confirm(OWNER, &claim(vec!["c".repeat(25); 20_000]))
        .await;
    assert_eq!(status, 200);
    let record = world.record(upload.id).unwrap();
    let bytes = serde_json::to_string(&record).unwrap().len();
    assert!(bytes < RECORD_BYTES_MAX, "{bytes} bytes");
    assert_eq!(record.client_metadata.columns.unwrap().count(), 20_000);
}
