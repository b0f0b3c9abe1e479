//! What is ready stays what it is: other templates, other writes, other clocks.

use consign_core::ids::{ObjectRef, UploadId};
use consign_core::ports::{Clock as _, FaultKind};
use consign_core::time::{self, Timestamp, saturating_add_secs};
use consign_core::upload::{ATTEMPTS_MAX, UploadState};
use consign_testkit::{ClientPut, Harm, Moment, Verb, When, sample};
use contract::{BUCKET, Get, Horizon, World};
use ingest_on_object_created::Disposition;
use serde_json::{Value, json};

use crate::support::{CSV, CSV_2, OWNER, confirm, csv, put, ready, signed, told, world};

fn policy(output: &str, tier: &str) -> String {
    format!(
        "[tier.default]\nfile_size_max = \"10 MB\"\n{tier}\n[category.table]\nbucket = \"files\"\n\
         key = \"in/{{owner}}/{{file_id}}.{{ext}}\"\noutput = \"{output}/{{owner}}/{{file_id}}/v{{version}}.{{ext}}\"\n\
         ingest = \"tabular\"\nextensions = [\"csv\"]\nsize_max = \"10 MB\"\n"
    )
}

#[tokio::test]
async fn a_deletion_takes_what_was_written_by_an_older_template() {
    let mut world = World::new(&policy("old", "")).unwrap();
    let (upload, _) = ready(&world, "table").await;
    assert_eq!(world.keys().len(), 3);
    world.reconfigure(&policy("new", "")).unwrap();
    assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.keys(), Vec::<String>::new());
}

/// The Parquet is there, and no outcome names it.
#[tokio::test]
async fn a_deletion_takes_what_an_attempt_that_died_wrote_by_an_older_template() {
    let mut world = World::new(&policy("old", "")).unwrap();
    let upload = signed(&world, &csv("table")).await;
    let version = put(&world, &upload.object, CSV).unwrap();
    let (verb, moment) = (Verb::Save, Moment::Before);
    world.faults.plan(verb, When::Nth(2), moment, Harm::Death);
    let died = world
        .faults
        .outlive(world.ingest(&told(&upload.object, &version)))
        .await;
    assert_eq!(died, None);
    world.faults.clear();
    assert_eq!(world.keys().len(), 3);
    world.reconfigure(&policy("new", "")).unwrap();
    assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.keys(), Vec::<String>::new());
}

#[tokio::test]
async fn a_download_is_of_the_bucket_that_was_written_to() {
    let mut world = World::new(&policy("old", "")).unwrap();
    let (upload, _) = ready(&world, "table").await;
    let elsewhere =
        policy("old", "").replace("ingest =", "output_bucket = \"elsewhere\"\ningest =");
    world.reconfigure(&elsewhere).unwrap();
    let id = upload.id.to_string();
    let (status, answer) = world.get(OWNER, &id, Get::Download("parquet")).await;
    assert_eq!(status, 200, "{answer}");
    let url = answer["url"].as_str().unwrap();
    assert!(url.contains("/files/old/"), "{url}");
}

/// A form of the size of [`CSV`].
async fn form(world: &World) -> UploadId {
    let mut body = csv("table");
    body["strategy"] = "post".into();
    signed(world, &body).await.id
}

async fn ask(world: &World, id: UploadId, what: Get) -> (u16, Value) {
    world.get(OWNER, &id.to_string(), what).await
}

/// No store takes `if-none-match` in a form.
#[tokio::test]
async fn a_form_that_is_used_twice_changes_nothing_that_is_ready() {
    for is_told in [true, false] {
        let world = world();
        let id = form(&world).await;
        let object = world.record(id).unwrap().object;
        put(&world, &object, CSV).unwrap();
        assert!(world.settle(Horizon::Work).await);
        confirm(&world, &world.record(id).unwrap()).await;
        assert!(world.settle(Horizon::Work).await);
        let first = world.record(id).unwrap();
        assert_eq!(first.state, UploadState::Ready);
        assert_eq!(ask(&world, id, Get::Download("original")).await.0, 200);

        world.objects.honour_if_none_match(false);
        let second = put(&world, &object, CSV_2).unwrap();
        if is_told {
            let body = told(&object, &second);
            assert_eq!(world.ingest(&body).await, Disposition::Ack);
        }
        assert!(world.settle(Horizon::End).await);
        let now = world.record(id).unwrap();
        assert_eq!((now.state, now.generation), (UploadState::Ready, 1));
        assert_eq!(now.outcome, first.outcome);
        assert_eq!(now.conflict_etag, Some(second.etag));
        let (_, view) = ask(&world, id, Get::Status).await;
        assert_eq!(view["status"], json!("ready"));
        assert_eq!(view["warning"]["code"], json!("overwrite_refused"));
        assert_eq!(ask(&world, id, Get::Download("parquet")).await.0, 200);
        let (status, problem) = ask(&world, id, Get::Download("original")).await;
        assert_eq!((status, &problem["code"]), (409, &json!("object_mismatch")));
    }
}

/// Where versions are taken, the one that is ready is served until the next is accepted, and also where that is not.
#[tokio::test]
async fn what_is_ready_can_be_downloaded_while_the_next_version_is_processed_and_when_it_fails() {
    let world = world();
    world.objects.honour_if_none_match(false);
    let (upload, _) = ready(&world, "table").await;
    let id = upload.id;
    let broken = ClientPut::new("text/csv", vec![0_u8; CSV.len()]);
    let second = world.objects.client_put(&upload.object, broken).unwrap();
    let unreachable = Harm::Fault(FaultKind::Unreachable);
    world
        .faults
        .plan(Verb::Get, When::Always, Moment::Before, unreachable);
    let body = told(&upload.object, &second);
    assert_eq!(world.ingest(&body).await, Disposition::Retry);
    assert_eq!(world.record(id).unwrap().state, UploadState::Processing);
    assert_eq!(ask(&world, id, Get::Download("parquet")).await.0, 200);
    assert_eq!(ask(&world, id, Get::Download("original")).await.0, 409);
    world.faults.clear();
    assert!(world.settle(Horizon::Work).await);
    assert_eq!(world.record(id).unwrap().state, UploadState::Failed);
    assert_eq!(ask(&world, id, Get::Download("parquet")).await.0, 200);
    let parquet = world.record(id).unwrap().outcome.unwrap().parquet_key;
    let parquet = ObjectRef::new(BUCKET, parquet.unwrap());
    assert!(world.objects.bytes(&parquet).is_some());
}

#[tokio::test]
async fn a_quota_is_not_had_again_by_deleting() {
    let tier = format!("quota = {}", CSV.len());
    let world = World::new(&policy("out", &tier)).unwrap();
    let (upload, _) = ready(&world, "table").await;
    assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
    assert!(world.settle(Horizon::Work).await);
    let (status, problem) = world.sign(OWNER, &csv("table"), None).await;
    assert_eq!((status, &problem["code"]), (403, &json!("quota_exceeded")));
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.sign(OWNER, &csv("table"), None).await.0, 201);
}

#[tokio::test]
async fn an_owner_has_no_more_files_than_its_tier_allows() {
    let world = World::new(&policy("out", "files_max = 2")).unwrap();
    let (first, _) = ready(&world, "table").await;
    signed(&world, &csv("table")).await;
    let (status, problem) = world.sign(OWNER, &csv("table"), None).await;
    assert_eq!((status, &problem["code"]), (403, &json!("files_exceeded")));
    assert_eq!(world.delete(OWNER, &first.id.to_string()).await, 204);
    assert_eq!(world.sign(OWNER, &csv("table"), None).await.0, 403);
    // The one expires, the other is purged.
    assert!(world.settle(Horizon::End).await);
    for _ in 0..2 {
        assert_eq!(world.sign(OWNER, &csv("table"), None).await.0, 201);
    }
}

#[tokio::test]
async fn an_output_that_cannot_be_written_ends_failed_and_says_what_stood_in_the_way() {
    for (verb, operation) in [(Verb::WriterFinish, "writer_finish"), (Verb::Put, "put")] {
        let world = world();
        world.sweep().await;
        let upload = signed(&world, &csv("table")).await;
        let version = put(&world, &upload.object, CSV).unwrap();
        let other = Harm::Fault(FaultKind::Other);
        world.faults.plan(verb, When::Always, Moment::Before, other);
        for _ in 0..ATTEMPTS_MAX {
            let body = told(&upload.object, &version);
            assert_eq!(world.ingest(&body).await, Disposition::Retry);
        }
        world.ingest(&told(&upload.object, &version)).await;
        let failure = world.record(upload.id).unwrap().failure.unwrap();
        assert_eq!(failure.code, "attempts_exhausted");
        assert!(failure.detail.contains("other"), "{operation}: {failure:?}");
    }
}

fn an_hour_before(at: Timestamp) -> Timestamp {
    time::from_secs(at.timestamp() - 3600).unwrap()
}

/// As far as a lost message, a dead holder and a sweep's look need.
async fn go_on(world: &World) {
    for _ in 0..30 {
        world.deliver().await;
        world.sweep().await;
        world.clock.advance_s(20);
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_an_hour_at_any_stage_keeps_nobody_waiting() {
    for stage in 0..5 {
        let world = world();
        world.clock.set(saturating_add_secs(sample::start(), 7200));
        let set_back = |at: usize| {
            if at == stage {
                world.clock.set(an_hour_before(world.clock.now()));
            }
        };
        world.sweep().await;
        let (status, answer) = world.sign(OWNER, &csv("table"), Some("key")).await;
        assert_eq!(status, 201, "{stage}: {answer}");
        let id = UploadId::parse(answer["file_id"].as_str().unwrap()).unwrap();
        let object = world.record(id).unwrap().object;
        set_back(0);
        put(&world, &object, CSV).unwrap();
        set_back(1);
        let upload = world.record(id).unwrap();
        assert_eq!(confirm(&world, &upload).await.0, 200, "{stage}");
        set_back(2);
        // The first holder dies with its lease, its message hidden.
        let (verb, moment) = (Verb::Get, Moment::Before);
        world.faults.plan(verb, When::Nth(1), moment, Harm::Death);
        let _ = world.faults.outlive(world.deliver()).await;
        world.faults.clear();
        set_back(3);
        let _ = world.sweep().await;
        set_back(4);
        go_on(&world).await;
        let ended = world.record(id).unwrap();
        assert_eq!(ended.state, UploadState::Ready, "{stage}: {ended:?}");
        assert_eq!(world.messages.depth(), 0, "{stage}");
        // The same call again is still the same upload.
        let (status, again) = world.sign(OWNER, &csv("table"), Some("key")).await;
        assert_eq!((status, &again["code"]), (409, &json!("already_uploaded")));
    }
}
