//! What is read of an object, and how often.

use consign_core::policy::SNIFFED_BYTES;
use consign_core::upload::UploadState;
use consign_testkit::{ClientPut, Verb};
use contract::Horizon;
use serde_json::json;

use crate::support::{CSV, CSV_2, confirm, csv, put, signed, told, world};

#[tokio::test]
async fn a_small_table_is_read_once() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let version = put(&world, &upload.object, CSV).unwrap();
    let before = world.faults.calls(Verb::Get);
    world.ingest(&told(&upload.object, &version)).await;
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
    assert_eq!(world.faults.calls(Verb::Get) - before, 1);
}

#[tokio::test]
async fn a_small_file_whose_checksum_the_store_does_not_keep_is_read_once() {
    let world = world();
    let text: &[u8] = b"a text";
    let body = json!({
        "filename": "a.txt", "content_type": "text/plain", "file_size_bytes": text.len(), "category": "plain",
        "checksum_sha256": "c81dlV+/8OiMREXxUMgbARUcVTXtQEXUOQTPCyTsOv0=",
    });
    let upload = signed(&world, &body).await;
    let sent = ClientPut::new("text/plain", text);
    let version = world.objects.client_put(&upload.object, sent).unwrap();
    let before = world.faults.calls(Verb::Get);
    world.ingest(&told(&upload.object, &version)).await;
    // Whatever the checksum says, it was said after one look.
    let ended = world.record(upload.id).unwrap();
    assert_eq!(ended.state, UploadState::Failed);
    assert_eq!(ended.failure.unwrap().code, "checksum_mismatch");
    assert_eq!(world.faults.calls(Verb::Get) - before, 1);
}

#[tokio::test]
async fn a_large_table_is_never_held_whole() {
    let world = world();
    let row = b"wren,12\n";
    let mut table = b"name,count\n".to_vec();
    table.extend(row.iter().cycle().take(row.len() * (200_000)));
    assert!(table.len() > (1 << 20) && table.len() > SNIFFED_BYTES);
    let mut body = csv("table");
    body["file_size_bytes"] = table.len().into();
    let upload = signed(&world, &body).await;
    let sent = ClientPut::new("text/csv", table);
    let version = world.objects.client_put(&upload.object, sent).unwrap();
    let before = world.faults.calls(Verb::Get);
    world.ingest(&told(&upload.object, &version)).await;
    assert!(world.settle(Horizon::Work).await);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
    // Its first bytes, and one pass.
    assert_eq!(world.faults.calls(Verb::Get) - before, 2);
}

#[tokio::test]
async fn a_job_after_its_event_sends_no_head_request() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let version = put(&world, &upload.object, CSV).unwrap();
    // The confirm queues a job. The event is processed first.
    assert_eq!(confirm(&world, &upload).await.0, 200);
    world.ingest(&told(&upload.object, &version)).await;
    let ready = world.record(upload.id).unwrap();
    let before = world.faults.calls(Verb::Head);
    assert_eq!(world.deliver().await, 1);
    assert_eq!(world.faults.calls(Verb::Head), before);
    assert_eq!(world.record(upload.id).unwrap(), ready);
}

#[tokio::test]
async fn an_event_of_a_version_that_was_processed_sends_no_head_request() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let version = put(&world, &upload.object, CSV).unwrap();
    world.ingest(&told(&upload.object, &version)).await;
    let ready = world.record(upload.id).unwrap();
    let before = world.faults.calls(Verb::Head);
    world.ingest(&told(&upload.object, &version)).await;
    assert_eq!(world.faults.calls(Verb::Head), before);
    assert_eq!(world.record(upload.id).unwrap(), ready);
}

#[tokio::test]
async fn an_event_of_another_version_is_observed() {
    let world = world();
    world.objects.honour_if_none_match(false);
    let (upload, _) = crate::support::ready(&world, "versions").await;
    let version = put(&world, &upload.object, CSV_2).unwrap();
    world.ingest(&told(&upload.object, &version)).await;
    let after = world.record(upload.id).unwrap();
    assert_eq!(after.observed.unwrap().etag, version.etag);
}
