//! How a file ends: by its owner, by its time, or by what it is.

use consign_core::upload::{Deletion, UploadState};
use consign_testkit::{ClientPut, Harm, Moment, Verb, When};
use contract::{Horizon, notify};
use ingest_on_object_created::Disposition;

use crate::rules::{DAY_S, reserved};
use crate::support::{CSV, OWNER, confirm, csv, put, ready, signed, told, world};

#[tokio::test]
async fn a_deletion_moves_the_objects_under_deleted_and_purges_them_later() {
    let world = world();
    let (upload, _) = ready(&world, "table").await;
    let keys = world.keys();
    assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
    // They count until they are purged, and what the URL may bring once more as long as it lives.
    let bytes = CSV.len() as u64;
    assert_eq!(reserved(&world).await, 2 * bytes);
    world.sweep().await;
    let moved: Vec<String> = keys.iter().map(|key| format!("deleted/{key}")).collect();
    let mut found = world.keys();
    found.sort();
    let mut wanted = moved;
    wanted.sort();
    assert_eq!(found, wanted);
    world.clock.advance_s(29 * DAY_S);
    world.sweep().await;
    assert_eq!(world.keys().len(), 3);
    assert_eq!(reserved(&world).await, bytes);
    world.clock.advance_s(DAY_S);
    world.sweep().await;
    assert_eq!(world.keys(), Vec::<String>::new());
    assert_eq!(reserved(&world).await, 0);
    assert_eq!(
        world.record(upload.id).unwrap().deletion,
        Some(Deletion::Purged)
    );
}

#[tokio::test]
async fn retention_deletes_what_is_ready_when_its_time_is_over() {
    let world = world();
    let (upload, _) = ready(&world, "brief").await;
    world.clock.advance_s(2 * DAY_S - 1);
    for _ in 0..3 {
        world.sweep().await;
    }
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
    world.clock.advance_s(1);
    world.sweep().await;
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Deleted);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn what_awaits_a_confirm_is_deleted_without_one_and_kept_with_one() {
    let world = world();
    let ((kept, _), (dropped, _)) = (
        ready(&world, "awaited").await,
        ready(&world, "awaited").await,
    );
    world.clock.advance_s(DAY_S - 10);
    world.sweep().await;
    assert_eq!(confirm(&world, &kept).await.0, 200);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.record(kept.id).unwrap().state, UploadState::Ready);
    assert_eq!(
        world.record(dropped.id).unwrap().state,
        UploadState::Deleted
    );
}

#[tokio::test]
async fn an_original_that_is_not_kept_goes_once_ready_and_a_doubled_event_changes_nothing() {
    let world = world();
    let (upload, body) = ready(&world, "once").await;
    assert_eq!(
        (upload.state, upload.original_removed),
        (UploadState::Ready, true)
    );
    assert_eq!(world.objects.bytes(&upload.object), None);
    assert_eq!(world.ingest(&body).await, Disposition::Ack);
    assert_eq!(
        world.ingest(&notify::removed(&upload.object, None)).await,
        Disposition::Ack
    );
    assert!(world.settle(Horizon::End).await);
    let ended = world.record(upload.id).unwrap();
    assert_eq!((ended.state, ended.generation), (UploadState::Ready, 1));
    assert_eq!(world.commits(upload.id).len(), 1);
    assert_eq!(world.keys().len(), 2);
}

#[tokio::test]
async fn a_file_that_breaks_its_consumer_every_time_ends_failed_with_a_reason() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    put(&world, &upload.object, CSV).unwrap();
    world
        .faults
        .plan(Verb::Get, When::Always, Moment::Before, Harm::Death);
    for _ in 0..100 {
        let _ = world.faults.outlive(world.deliver()).await;
        let _ = world.faults.outlive(world.sweep()).await;
        world.clock.advance_s(61);
    }
    let ended = world.record(upload.id).unwrap();
    assert_eq!(
        (ended.state, ended.failure.unwrap().code.as_str()),
        (UploadState::Failed, "attempts_exhausted")
    );
}

#[tokio::test]
async fn a_checksum_that_the_bytes_do_not_have_ends_failed() {
    let world = world();
    let mut body = csv("table");
    body["checksum_sha256"] = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".into();
    let upload = signed(&world, &body).await;
    let version = world
        .objects
        .client_put(&upload.object, ClientPut::new("text/csv", CSV))
        .unwrap();
    world.ingest(&told(&upload.object, &version)).await;
    let ended = world.record(upload.id).unwrap();
    assert_eq!(
        (ended.state, ended.failure.unwrap().code.as_str()),
        (UploadState::Failed, "checksum_mismatch")
    );
}
