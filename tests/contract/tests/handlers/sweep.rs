//! The sweep with much to do, and with some that it cannot do.

use consign_core::ids::UploadId;
use consign_core::ports::{Clock as _, FaultKind, SWEEP_JOB_UPLOADS_MAX, SweepJob};
use consign_core::upload::{PROBE_FAILED_S, Upload, UploadState};
use consign_testkit::{Harm, Moment, Verb, When};
use contract::{Horizon, World};
use ingest_on_object_created::Disposition;
use serde_json::json;

use crate::support::{CSV, LARGE_BYTES, confirm, csv, large, put, ready, signed, told, world};

/// Signs `count` uploads of an owner, whose looks are due a minute later.
async fn sign(world: &World, owner: &str, count: usize) -> Vec<UploadId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let (status, answer) = world.sign(owner, &csv("table"), None).await;
        assert_eq!(status, 201, "{answer}");
        ids.push(UploadId::parse(answer["file_id"].as_str().unwrap()).unwrap());
    }
    ids
}

fn record(world: &World, id: UploadId) -> Upload {
    world.record(id).unwrap()
}

/// Makes every look at these fail as a bucket's policy would have it.
fn deny(world: &World, ids: &[UploadId]) {
    for id in ids {
        world.objects.deny_head(&record(world, *id).object);
    }
}

/// On the base every run took the same 200, and the others waited for ever.
#[tokio::test]
async fn uploads_that_cannot_be_looked_at_keep_no_other_waiting() {
    let world = world();
    let denied = sign(&world, "mallory", 230).await;
    deny(&world, &denied);
    world.clock.advance_s(1);
    let late = sign(&world, "alice", 1).await;
    put(&world, &record(&world, late[0]).object, CSV).unwrap();
    world.clock.advance_s(60);
    assert!(!world.sweep().await, "some looks failed");
    assert_eq!(record(&world, late[0]).state, UploadState::Uploaded);
    // They back off, each by itself and ever further.
    let heads = world.faults.calls(Verb::Head);
    assert!(world.sweep().await, "nothing is due any more");
    assert_eq!(world.faults.calls(Verb::Head), heads);
    let mut pauses = Vec::new();
    for _ in 0..12 {
        let now = record(&world, denied[0]);
        let pause_s = now.next_check_at.unwrap().timestamp() - now.updated_at.timestamp();
        pauses.push(pause_s.unsigned_abs());
        world.clock.set(now.next_check_at.unwrap());
        world.sweep().await;
    }
    assert_eq!(pauses[..4], [60, 120, 240, 480]);
    assert_eq!(pauses.last(), Some(&PROBE_FAILED_S.1));
    // And once they can be looked at, they go on as if nothing had been.
    world.objects.allow_heads();
    world
        .clock
        .set(record(&world, denied[0]).next_check_at.unwrap());
    assert!(world.sweep().await);
    let looked_at = record(&world, denied[0]);
    assert_eq!(
        (looked_at.probe_failures, looked_at.state),
        (0, UploadState::Expired)
    );
}

/// A record that can be neither read nor written is put off by its place alone.
#[tokio::test]
async fn records_that_cannot_be_written_keep_no_other_waiting() {
    let world = world();
    let stuck = sign(&world, "mallory", 1).await;
    deny(&world, &stuck);
    world.clock.advance_s(60);
    let full = Harm::Fault(FaultKind::Full);
    world
        .faults
        .plan(Verb::Save, When::Nth(1), Moment::Before, full);
    world.sweep().await;
    let heads = world.faults.calls(Verb::Head);
    assert!(world.sweep().await, "it is held");
    assert_eq!(world.faults.calls(Verb::Head), heads);
    assert_eq!(record(&world, stuck[0]).probe_failures, 0);
}

/// More than the 200 of a run on the base, in one run, and a lone owner within the first turns.
#[tokio::test]
async fn a_run_goes_on_until_nothing_is_due_and_takes_owners_in_turns() {
    let world = world();
    sign(&world, "mallory", 500).await;
    world.clock.advance_s(1);
    let late = sign(&world, "alice", 1).await;
    world.clock.advance_s(60);
    // As if its time were over after some looks: all of them fail, since the store is away.
    world.faults.plan(
        Verb::Head,
        When::Always,
        Moment::Before,
        Harm::Fault(FaultKind::Unreachable),
    );
    assert!(!world.sweep().await);
    assert!(
        world.faults.calls(Verb::Head) < 100,
        "where the store is away the rest is left due"
    );
    let due = record(&world, late[0]).next_check_at;
    assert!(due > Some(world.clock.now()), "alice had her turn: {due:?}");
    world.faults.clear();
    world.clock.advance_s(60);
    assert!(world.sweep().await);
    let now = world.clock.now();
    let all = world.ledger.all();
    assert!(all.iter().all(|upload| upload.next_check_at > Some(now)));
}

/// One job for so many uploads, and each upload once, though runs come before the jobs are done.
#[tokio::test]
async fn what_is_much_is_passed_on_once_and_done_by_its_jobs() {
    let world = world();
    let ids = sign(&world, "alice", 230).await;
    put(&world, &record(&world, ids[7]).object, CSV).unwrap();
    world.clock.advance_s(60);
    assert_eq!(world.fan_out().await.unwrap(), (0, 230));
    assert_eq!(
        world.messages.depth(),
        230_usize.div_ceil(SWEEP_JOB_UPLOADS_MAX)
    );
    assert_eq!(world.fan_out().await.unwrap(), (0, 0), "held");
    assert_eq!(world.faults.calls(Verb::Head), 0);
    world.deliver().await;
    assert_eq!(record(&world, ids[7]).state, UploadState::Uploaded);
    assert_eq!(world.faults.calls(Verb::Head), 230);
    // A job that comes twice finds them due no more.
    let again = SweepJob {
        uploads: ids[..SWEEP_JOB_UPLOADS_MAX].to_vec(),
    };
    assert_eq!(world.ingest(&again.to_body()).await, Disposition::Ack);
    assert_eq!(world.faults.calls(Verb::Head), 230);
    assert!(world.settle(Horizon::Work).await);
    assert_eq!(record(&world, ids[7]).state, UploadState::Ready);
}

/// Jobs that were lost are sent again when the hold ends; a death between sending and holding sends them twice.
#[tokio::test]
async fn looks_that_were_passed_on_and_lost_come_again() {
    let world = world();
    sign(&world, "alice", 120).await;
    world.clock.advance_s(60);
    world
        .faults
        .plan(Verb::Hold, When::Nth(1), Moment::Before, Harm::Death);
    assert!(world.faults.outlive(world.fan_out()).await.is_none());
    assert_eq!(world.messages.depth(), 3);
    assert_eq!(world.fan_out().await.unwrap(), (0, 120));
    for message in world.messages.receive(world.clock.now(), 30, 100) {
        world.messages.ack(&message);
    }
    world.clock.advance_s(899);
    assert_eq!(world.fan_out().await.unwrap(), (0, 0));
    world.clock.advance_s(1);
    assert_eq!(world.fan_out().await.unwrap(), (0, 120));
}

#[tokio::test]
async fn what_is_little_is_looked_at_without_a_message() {
    let world = world();
    sign(&world, "alice", 40).await;
    world.clock.advance_s(60);
    assert_eq!(world.fan_out().await.unwrap(), (40, 0));
    assert_eq!(world.messages.depth(), 0);
}

#[tokio::test]
async fn a_look_job_with_more_than_it_may_name_is_given_up() {
    let world = world();
    let ids: Vec<String> = (0..=SWEEP_JOB_UPLOADS_MAX)
        .map(|n| format!("01957f3c-0000-7000-8000-{n:012}"))
        .collect();
    let body = json!({ "look": ids }).to_string();
    assert!(matches!(
        world.ingest(&body).await,
        Disposition::DeadLetter(_)
    ));
}

/// On the base the sweep looked once more at each when its URL had ended.
#[tokio::test]
async fn an_upload_that_was_told_of_takes_no_look_of_the_sweep() {
    for category in ["table", "plain"] {
        let world = world();
        let upload = if category == "table" {
            ready(&world, category).await.0
        } else {
            let upload = signed(&world, &large()).await;
            let parts = upload.multipart_upload_id.as_deref().unwrap();
            for (number, bytes) in [(1, 5 << 20), (2, LARGE_BYTES - (5 << 20))] {
                let bytes = vec![b'a'; bytes];
                world.objects.client_put_part(parts, number, bytes).unwrap();
            }
            assert_eq!(confirm(&world, &upload).await.0, 200);
            world.deliver().await;
            record(&world, upload.id)
        };
        assert_eq!(
            (upload.state, upload.next_check_at),
            (UploadState::Ready, None),
            "{category}"
        );
        let heads = world.faults.calls(Verb::Head);
        assert!(world.settle(Horizon::End).await);
        assert_eq!(world.faults.calls(Verb::Head), heads, "{category}");
    }
}

/// A form signs no condition, so its object may be replaced while it lives.
#[tokio::test]
async fn an_upload_by_a_form_takes_one_look_when_its_form_has_ended() {
    let world = world();
    let mut form = csv("table");
    form["strategy"] = "post".into();
    let upload = signed(&world, &form).await;
    let version = put(&world, &upload.object, CSV).unwrap();
    world.ingest(&told(&upload.object, &version)).await;
    let heads = world.faults.calls(Verb::Head);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.faults.calls(Verb::Head), heads + 1);
}

/// However long its URL lives: few looks early, and few late.
#[tokio::test]
async fn an_unused_upload_takes_few_looks() {
    let world = world();
    signed(&world, &csv("table")).await;
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.faults.calls(Verb::Head), 3 + 5);
}

/// On the base each took another message every two minutes, for as long as the queue was behind.
#[tokio::test]
async fn a_queue_that_is_behind_gets_ever_fewer_messages_for_one_upload() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    put(&world, &upload.object, CSV).unwrap();
    assert_eq!(confirm(&world, &upload).await.0, 200);
    for _ in 0..6 * 60 {
        world.clock.advance_s(60);
        world.sweep().await;
    }
    assert!(world.messages.depth() <= 12, "{}", world.messages.depth());
    assert!(world.settle(Horizon::Work).await);
    assert_eq!(record(&world, upload.id).state, UploadState::Ready);
}
