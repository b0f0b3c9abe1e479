//! A store that answers as if nothing were there, and what is really gone.

use consign_core::ids::ObjectRef;
use consign_core::policy::MARKER_PREFIX;
use consign_core::ports::Clock as _;
use consign_core::upload::{ABSENCE_CONFIRM_S, Deletion, DeletionReason, UploadState};
use contract::{BUCKET, Horizon, World, notify};
use ingest_on_object_created::Disposition;

use crate::support::{CSV, OWNER, confirm, csv, put, ready, signed, told, world};

/// Delivers and sweeps every minute, whether that works or not.
async fn go_on(world: &World, minutes: u64) {
    for _ in 0..minutes {
        world.deliver().await;
        world.sweep().await;
        world.clock.advance_s(60);
    }
}

#[tokio::test]
async fn a_store_that_comes_back_empty_deletes_nothing_that_was_acknowledged() {
    let world = world();
    world.sweep().await;
    let (confirmed, told_of) = (
        signed(&world, &csv("table")).await,
        signed(&world, &csv("table")).await,
    );
    put(&world, &confirmed.object, CSV).unwrap();
    assert_eq!(confirm(&world, &confirmed).await.0, 200);
    let version = put(&world, &told_of.object, CSV).unwrap();
    // Its ingest is under way when the disk goes.
    world.faults.fail_next(
        consign_testkit::Verb::Get,
        consign_core::ports::FaultKind::Unreachable,
    );
    let body = told(&told_of.object, &version);
    assert_eq!(world.ingest(&body).await, Disposition::Retry);
    world.messages.push(body);

    world.objects.unmount();
    go_on(&world, 4 * ABSENCE_CONFIRM_S / 60).await;
    for (id, state) in [
        (confirmed.id, UploadState::Confirmed),
        (told_of.id, UploadState::Processing),
    ] {
        let now = world.record(id).unwrap();
        assert_eq!((now.state, now.deletion), (state, None));
    }
    world.objects.mount();
    assert!(world.settle(Horizon::Work).await);
    for id in [confirmed.id, told_of.id] {
        assert_eq!(world.record(id).unwrap().state, UploadState::Ready);
    }
}

/// Its message is done with when it was missed, and nobody else tells of it.
#[tokio::test]
async fn what_was_missed_for_some_seconds_is_ready_within_a_minute() {
    for missed_s in [1, 9, 25] {
        let world = world();
        world.sweep().await;
        let upload = signed(&world, &csv("table")).await;
        put(&world, &upload.object, CSV).unwrap();
        assert_eq!(confirm(&world, &upload).await.0, 200);
        world.objects.client_delete(&upload.object);
        world.deliver().await;
        assert_eq!(world.messages.depth(), 0);
        let missed = world.record(upload.id).unwrap();
        assert_eq!(missed.state, UploadState::Confirmed);
        assert_eq!(missed.absent_since, Some(world.clock.now()));
        for second in 0..60 {
            if second == missed_s {
                put(&world, &upload.object, CSV).unwrap();
            }
            world.clock.advance_s(1);
            // As often as a host does.
            if second % 10 == 0 {
                world.sweep().await;
            }
            world.deliver().await;
        }
        let back = world.record(upload.id).unwrap();
        assert_eq!((back.state, back.generation), (UploadState::Ready, 1));
    }
}

/// The same for what a store tells of: it is gone from there as everything is.
#[tokio::test]
async fn a_removal_that_is_told_counts_only_where_the_bucket_is_the_one_we_know() {
    let world = world();
    let (upload, _) = ready(&world, "table").await;
    world.sweep().await;
    let removed = notify::removed(&upload.object, None);
    world.objects.unmount();
    assert_eq!(world.ingest(&removed).await, Disposition::Retry);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
    world.objects.mount();
    assert_eq!(world.ingest(&removed).await, Disposition::Ack);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
    world.objects.client_delete(&upload.object);
    assert_eq!(world.ingest(&removed).await, Disposition::Ack);
    let ended = world.record(upload.id).unwrap();
    assert_eq!(
        (ended.state, ended.deletion_reason),
        (UploadState::Deleted, Some(DeletionReason::ObjectRemoved))
    );
}

#[tokio::test]
async fn nothing_is_moved_or_purged_in_a_bucket_that_is_not_ours() {
    let world = world();
    let (upload, _) = ready(&world, "table").await;
    world.sweep().await;
    assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
    world.objects.unmount();
    go_on(&world, 3).await;
    let waiting = world.record(upload.id).unwrap();
    assert_eq!(waiting.deletion, Some(Deletion::Requested));
    world.objects.mount();
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn what_is_gone_without_a_word_ends_deleted_after_two_looks_and_comes_back_when_it_is_seen() {
    for is_told in [true, false] {
        let world = world();
        let upload = signed(&world, &csv("table")).await;
        put(&world, &upload.object, CSV).unwrap();
        assert_eq!(confirm(&world, &upload).await.0, 200);
        world.sweep().await;
        world.objects.client_delete(&upload.object);
        go_on(&world, ABSENCE_CONFIRM_S / 60 - 1).await;
        let missed = world.record(upload.id).unwrap();
        assert_eq!(missed.state, UploadState::Confirmed);
        assert!(missed.absent_since.is_some());
        go_on(&world, 10).await;
        let ended = world.record(upload.id).unwrap();
        assert_eq!(
            (ended.state, ended.deletion_reason),
            (UploadState::Deleted, Some(DeletionReason::ObjectAbsent))
        );
        assert_eq!(ended.deletion, Some(Deletion::Requested));
        assert_eq!(confirm(&world, &upload).await.0, 404);

        // Restored from a backup, days later.
        world.clock.advance_s(3 * 86_400);
        let version = put(&world, &upload.object, CSV).unwrap();
        if is_told {
            let body = told(&upload.object, &version);
            assert_eq!(world.ingest(&body).await, Disposition::Ack);
        } else {
            world.sweep().await;
        }
        assert!(world.settle(Horizon::Work).await);
        let back = world.record(upload.id).unwrap();
        assert_eq!((back.state, back.generation), (UploadState::Ready, 2));
        assert_eq!(back.deletion_reason, None);
    }
}

#[tokio::test]
async fn what_does_not_come_back_is_purged_when_its_retention_is_over() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    put(&world, &upload.object, CSV).unwrap();
    assert_eq!(confirm(&world, &upload).await.0, 200);
    world.sweep().await;
    world.objects.client_delete(&upload.object);
    assert!(world.settle(Horizon::End).await);
    let ended = world.record(upload.id).unwrap();
    assert_eq!(ended.deletion, Some(Deletion::Purged));
    assert_eq!(ended.deletion_reason, Some(DeletionReason::ObjectAbsent));
}

#[tokio::test]
async fn a_bucket_has_one_marker_and_another_bucket_is_adopted_by_writing_it_there() {
    let world = world();
    for _ in 0..3 {
        world.sweep().await;
    }
    let markers = || {
        let mut keys = world.objects.keys(BUCKET);
        keys.retain(|key| key.starts_with(MARKER_PREFIX));
        keys
    };
    let [marker] = &markers()[..] else {
        panic!("{:?}", markers());
    };
    let upload = signed(&world, &csv("table")).await;
    put(&world, &upload.object, CSV).unwrap();
    assert_eq!(confirm(&world, &upload).await.0, 200);
    // Another bucket under the same name, without our objects, and known to be that.
    world.objects.unmount();
    put(&world, &ObjectRef::new(BUCKET, marker), b"").unwrap();
    assert!(world.settle(Horizon::Work).await);
    let ended = world.record(upload.id).unwrap();
    assert_eq!(ended.deletion_reason, Some(DeletionReason::ObjectAbsent));
}
