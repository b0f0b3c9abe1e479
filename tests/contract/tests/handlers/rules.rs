//! The invariants of the design (section 5), one by one, and what the sweep repairs.

use consign_core::ids::{ObjectRef, UploadId};
use consign_core::ports::{FaultKind, UploadRepo as _};
use consign_core::upload::{Deletion, UploadState};
use consign_testkit::{Harm, Moment, Verb, When, sample};
use contract::{BUCKET, Horizon, OTHER_BUCKET, World, notify};
use ingest_on_object_created::Disposition;
use serde_json::{Value, json};

use crate::support::{
    CSV, CSV_2, LARGE_BYTES, OWNER, confirm, csv, large, put, ready, signed, told, world,
};

pub(crate) const DAY_S: u64 = 86_400;

pub(crate) async fn reserved(world: &World) -> u64 {
    world
        .ledger
        .reserved_bytes(&sample::owner(OWNER))
        .await
        .unwrap()
}

#[tokio::test]
async fn invariant_1_bytes_that_nobody_told_of_are_found() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    put(&world, &upload.object, CSV).unwrap();
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
}

#[tokio::test]
async fn invariant_1_bytes_that_come_after_expiry_are_taken() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    world.clock.advance_s(2000);
    world.sweep().await;
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Expired);
    assert_eq!(reserved(&world).await, 0);
    put(&world, &upload.object, CSV).unwrap();
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
    assert_eq!(reserved(&world).await, upload.reserved_bytes);
}

/// R2's deletions have no place in the key's history, and a store may tell late of what nobody here saw.
#[tokio::test]
async fn invariant_1_bytes_that_come_after_a_deletion_of_what_nobody_saw_are_taken() {
    for (is_put_before, is_told) in [(false, true), (false, false), (true, true), (true, false)] {
        let world = world();
        let upload = signed(&world, &csv("table")).await;
        if is_put_before {
            put(&world, &upload.object, CSV_2).unwrap();
            world.objects.client_delete(&upload.object);
        }
        for _ in 0..2 {
            let removed = notify::removed(&upload.object, None);
            assert_eq!(world.ingest(&removed).await, Disposition::Ack);
        }
        assert_eq!(world.record(upload.id).unwrap().state, UploadState::Pending);
        let (status, problem) = confirm(&world, &upload).await;
        assert_eq!((status, &problem["code"]), (409, &json!("object_missing")));
        let version = put(&world, &upload.object, CSV).unwrap();
        if is_told {
            let told = told(&upload.object, &version);
            assert_eq!(world.ingest(&told).await, Disposition::Ack);
            assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
        }
        assert!(world.settle(Horizon::End).await);
        let ended = world.record(upload.id).unwrap();
        assert_eq!(
            (ended.state, ended.etag()),
            (UploadState::Ready, Some(&version.etag))
        );
        assert_eq!(reserved(&world).await, upload.reserved_bytes);
    }
}

#[tokio::test]
async fn what_came_and_went_unseen_ends_deleted() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    put(&world, &upload.object, CSV).unwrap();
    let at = world.objects.client_delete(&upload.object);
    let removed = notify::removed(&upload.object, at.as_ref());
    assert_eq!(world.ingest(&removed).await, Disposition::Ack);
    world.clock.advance_s(2000);
    world.sweep().await;
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Expired);
    assert_eq!(reserved(&world).await, 0);
    assert!(world.settle(Horizon::End).await);
    let ended = world.record(upload.id).unwrap();
    assert_eq!(
        (ended.state, ended.deletion),
        (UploadState::Deleted, Some(Deletion::Purged))
    );
}

#[tokio::test]
async fn invariant_3_doubled_events_and_confirms_commit_once() {
    let world = world();
    let (upload, body) = ready(&world, "table").await;
    for _ in 0..3 {
        assert_eq!(world.ingest(&body).await, Disposition::Ack);
        assert_eq!(confirm(&world, &upload).await.0, 200);
    }
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.commits(upload.id).len(), 1);
}

#[tokio::test]
async fn invariant_4_ready_names_a_complete_parquet_and_the_version_it_was_made_from() {
    let world = world();
    let (upload, _) = ready(&world, "table").await;
    let outcome = upload.current_outcome().unwrap();
    assert_eq!(
        Some(&outcome.etag),
        upload.observed.as_ref().map(|seen| &seen.etag)
    );
    assert_eq!(outcome.row_count, Some(2));
    let parquet = ObjectRef::new(BUCKET, outcome.parquet_key.as_deref().unwrap());
    let bytes = world.objects.bytes(&parquet).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
}

#[tokio::test]
async fn invariant_6_an_older_event_neither_undoes_a_newer_version_nor_brings_back_what_was_deleted()
 {
    let world = world();
    world.objects.honour_if_none_match(false);
    let (upload, first) = ready(&world, "table").await;
    let second = put(&world, &upload.object, CSV_2).unwrap();
    assert_eq!(
        world.ingest(&told(&upload.object, &second)).await,
        Disposition::Ack
    );
    assert_eq!(world.ingest(&first).await, Disposition::Ack);
    let now = world.record(upload.id).unwrap();
    assert_eq!(
        (now.state, now.etag()),
        (UploadState::Ready, Some(&second.etag))
    );

    let at = world.objects.client_delete(&upload.object);
    assert_eq!(
        world
            .ingest(&notify::removed(&upload.object, at.as_ref()))
            .await,
        Disposition::Ack
    );
    for body in [first, told(&upload.object, &second)] {
        assert_eq!(world.ingest(&body).await, Disposition::Ack);
        assert_eq!(world.record(upload.id).unwrap().state, UploadState::Deleted);
    }
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Deleted);
}

#[tokio::test]
async fn invariant_7_confirm_is_only_a_hint() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let (status, problem) = confirm(&world, &upload).await;
    assert_eq!((status, &problem["code"]), (409, &json!("object_missing")));
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Pending);
    put(&world, &upload.object, CSV).unwrap();
    let lie = json!({ "file_id": upload.id.to_string(), "etag": "another" });
    assert_eq!(world.confirm(OWNER, &lie).await.0, 409);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Pending);
    let claim = json!({ "file_id": upload.id.to_string(), "metadata": { "row_count": 1_000_000 } });
    assert_eq!(world.confirm(OWNER, &claim).await.0, 200);
    assert!(world.settle(Horizon::End).await);
    let outcome = world.record(upload.id).unwrap().outcome.unwrap();
    assert_eq!(outcome.row_count, Some(2));
}

#[tokio::test]
async fn invariant_8_a_reused_url_is_refused_or_detected_even_where_nobody_tells() {
    let world = world();
    // A PUT's URL: the store refuses.
    let (upload, _) = ready(&world, "table").await;
    assert_eq!(put(&world, &upload.object, CSV_2), None);
    // A form, which signs no condition.
    let mut form = csv("versions");
    form["strategy"] = "post".into();
    let upload = signed(&world, &form).await;
    world.objects.honour_if_none_match(false);
    let first = put(&world, &upload.object, CSV).unwrap();
    world.ingest(&told(&upload.object, &first)).await;
    let second = put(&world, &upload.object, CSV_2).unwrap();
    assert!(world.settle(Horizon::End).await);
    let ended = world.record(upload.id).unwrap();
    assert_eq!((ended.state, ended.generation), (UploadState::Ready, 2));
    assert_eq!(ended.outcome.unwrap().etag, second.etag);
    assert_eq!(world.commits(upload.id).len(), 2);
}

#[tokio::test]
async fn invariant_10_one_idempotency_key_has_one_effect_for_its_owner() {
    let world = world();
    let body = csv("table");
    let sign = async |owner: &str, body: &Value| world.sign(owner, body, Some("key")).await;
    let (_, first) = sign(OWNER, &body).await;
    let (status, again) = sign(OWNER, &body).await;
    assert_eq!((status, &again["file_id"]), (201, &first["file_id"]));
    let mut other = body.clone();
    other["filename"] = "other.csv".into();
    assert_eq!(sign(OWNER, &other).await.0, 422);
    let (status, bobs) = sign("bob", &body).await;
    assert_eq!(status, 201);
    assert_ne!(bobs["file_id"], first["file_id"]);
    assert_eq!(world.ledger.all().len(), 2);
    assert_eq!(reserved(&world).await, CSV.len() as u64);
}

#[tokio::test]
async fn invariant_11_unused_urls_end_expired_and_their_quota_is_refunded() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let parts = signed(&world, &large()).await;
    assert_eq!(reserved(&world).await, (CSV.len() + LARGE_BYTES) as u64);
    assert!(world.settle(Horizon::End).await);
    for id in [upload.id, parts.id] {
        assert_eq!(world.record(id).unwrap().state, UploadState::Expired);
    }
    assert_eq!(reserved(&world).await, 0);
    assert_eq!(world.objects.open_multiparts(), 0);
}

#[tokio::test]
async fn an_upload_that_expired_unused_is_signed_again_by_the_same_call_within_its_life() {
    let world = world();
    let sign = async || world.sign(OWNER, &csv("table"), Some("key")).await;
    let (_, first) = sign().await;
    let id = UploadId::parse(first["file_id"].as_str().unwrap()).unwrap();
    world.clock.advance_s(2000);
    world.sweep().await;
    assert_eq!(world.record(id).unwrap().state, UploadState::Expired);
    let (status, again) = sign().await;
    assert_eq!((status, &again["file_id"]), (201, &first["file_id"]));
    assert_eq!(world.record(id).unwrap().state, UploadState::Pending);
    assert_eq!(reserved(&world).await, CSV.len() as u64);
    put(&world, &world.record(id).unwrap().object, CSV).unwrap();
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.record(id).unwrap().state, UploadState::Ready);
    assert_eq!(world.commits(id).len(), 1);
}

#[tokio::test]
async fn signing_again_what_expired_does_not_go_past_the_quota() {
    let world = world();
    let large = |name: &str| json!({ "filename": name, "content_type": "text/csv", "file_size_bytes": 9_000_000, "category": "table" });
    let names = ["a.csv", "b.csv", "c.csv"];
    for name in names {
        assert_eq!(world.sign(OWNER, &large(name), Some(name)).await.0, 201);
        world.clock.advance_s(2000);
        world.sweep().await;
    }
    let mut answers = Vec::new();
    for name in names {
        answers.push(world.sign(OWNER, &large(name), Some(name)).await.0);
    }
    assert_eq!(answers, [201, 201, 403]);
    assert_eq!(reserved(&world).await, 18_000_000);
}

#[tokio::test]
async fn invariant_12_a_message_is_done_only_after_a_durable_commit() {
    for (verb, nth) in [
        (Verb::FindByObject, 1),
        (Verb::Head, 1),
        (Verb::Save, 1),
        (Verb::Get, 1),
        (Verb::Save, 2),
    ] {
        let world = world();
        let upload = signed(&world, &csv("table")).await;
        let version = put(&world, &upload.object, CSV).unwrap();
        let body = told(&upload.object, &version);
        let harm = Harm::Fault(FaultKind::Unreachable);
        world
            .faults
            .plan(verb, When::Nth(nth), Moment::Before, harm);
        assert_eq!(
            world.ingest(&body).await,
            Disposition::Retry,
            "{verb:?} {nth}"
        );
        assert_ne!(world.record(upload.id).unwrap().state, UploadState::Ready);
        assert!(world.settle(Horizon::End).await);
        assert_eq!(
            world.record(upload.id).unwrap().state,
            UploadState::Ready,
            "{verb:?} {nth}"
        );
    }
}

#[tokio::test]
async fn invariant_12_one_bad_record_does_not_block_its_batch_nor_a_bad_message_its_queue() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let version = put(&world, &upload.object, CSV).unwrap();
    let mut batch: Value = serde_json::from_str(&told(&upload.object, &version)).unwrap();
    let good = batch["Records"][0].clone();
    let mut bad = good.clone();
    bad["s3"]["object"]["key"] = Value::Null;
    batch["Records"] = json!([bad, good]);
    world.messages.push("poison");
    world.messages.push(batch.to_string());
    assert!(world.settle(Horizon::Work).await);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
    assert_eq!(world.messages.dead_letters().len(), 2);
}

#[tokio::test]
async fn invariant_14_another_size_than_signed_is_found_out() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let version = put(&world, &upload.object, b"a,b\n1,2\n").unwrap();
    let (status, problem) = confirm(&world, &upload).await;
    assert_eq!((status, &problem["code"]), (409, &json!("object_mismatch")));
    world.ingest(&told(&upload.object, &version)).await;
    let ended = world.record(upload.id).unwrap();
    assert_eq!(ended.state, UploadState::Failed);
    let failure = ended.failure.unwrap();
    assert_eq!(
        (failure.code.as_str(), failure.etag),
        ("size_mismatch", Some(version.etag))
    );
}

#[tokio::test]
async fn invariant_20_another_owners_upload_answers_as_an_unknown_one() {
    let world = world();
    let (upload, _) = ready(&world, "table").await;
    let unknown = "01957f3c-0000-7000-8000-000000000000";
    let ask = async |id: &str| {
        let (status, mut problem) = world.confirm("bob", &json!({ "file_id": id })).await;
        problem["request_id"] = Value::Null;
        (status, problem, world.delete("bob", id).await)
    };
    let own = ask(&upload.id.to_string()).await;
    assert_eq!((own.0, own.2), (404, 404));
    assert_eq!(own, ask(unknown).await);
    assert_eq!(world.record(upload.id), Some(upload));
}

#[tokio::test]
async fn invariant_22_an_event_of_an_unknown_bucket_or_key_changes_nothing() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let version = put(&world, &upload.object, CSV).unwrap();
    let before = world.ledger.all();
    for object in [
        ObjectRef::new(OTHER_BUCKET, &upload.object.key),
        ObjectRef::new("unheard-of", &upload.object.key),
        ObjectRef::new(BUCKET, format!("{}x", upload.object.key)),
    ] {
        assert_eq!(
            world.ingest(&told(&object, &version)).await,
            Disposition::Ack
        );
        assert_eq!(
            world
                .ingest(&notify::removed(&object, version.sequencer.as_ref()))
                .await,
            Disposition::Ack
        );
    }
    assert_eq!(world.ledger.all(), before);
    assert_eq!(world.messages.depth(), 0);
}

#[tokio::test]
async fn invariant_27_our_own_output_never_triggers_our_ingest() {
    let world = world();
    let (upload, _) = ready(&world, "table").await;
    let (before, keys) = (world.ledger.all(), world.keys());
    assert_eq!(keys.len(), 3);
    for key in &keys {
        if *key != upload.object.key {
            let event = notify::created(&ObjectRef::new(BUCKET, key), ("etag", 10), None);
            assert_eq!(world.ingest(&event).await, Disposition::Ack);
        }
    }
    assert_eq!((world.ledger.all(), world.keys()), (before, keys));
}

#[tokio::test]
async fn a_job_that_cannot_be_sent_after_the_write_is_sent_by_the_sweep() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    put(&world, &upload.object, CSV).unwrap();
    world.faults.fail_next(Verb::Send, FaultKind::Unreachable);
    let (status, answer) = confirm(&world, &upload).await;
    assert_eq!((status, &answer["status"]), (200, &json!("confirmed")));
    assert_eq!(world.messages.depth(), 0);
    assert!(world.settle(Horizon::Work).await);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
}

#[tokio::test]
async fn parts_that_add_up_become_the_object_though_nobody_confirmed_and_others_are_freed() {
    let world = world();
    let (whole, torn) = (
        signed(&world, &large()).await,
        signed(&world, &large()).await,
    );
    for (upload, parts) in [(&whole, 2), (&torn, 1)] {
        let multipart = upload.multipart_upload_id.as_deref().unwrap();
        let bytes = [vec![b'a'; 5 << 20], vec![b'b'; LARGE_BYTES - (5 << 20)]];
        for (number, bytes) in (1..).zip(bytes).take(parts) {
            world
                .objects
                .client_put_part(multipart, number, bytes)
                .unwrap();
        }
    }
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.record(whole.id).unwrap().state, UploadState::Ready);
    assert_eq!(world.record(torn.id).unwrap().state, UploadState::Expired);
    assert_eq!(world.objects.open_multiparts(), 0);
}
