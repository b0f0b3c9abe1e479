//! Faults that the simulation found, each in the smallest schedule that shows it.

use consign_core::operations::{EXPIRY_GRACE_S, HOUR_S, SKEW_S};
use consign_core::ports::{FaultKind, ObjectStore as _};
use consign_core::time::saturating_add_secs;
use consign_core::upload::{Deletion, UploadState};
use consign_testkit::{Harm, Moment, Verb, When};
use contract::{Horizon, World};
use ingest_on_object_created::Disposition;

use crate::support::{CSV, CSV_2, OWNER, csv, put, signed, told, world};

/// The sweep runs by a clock that is ahead of the store's. By the store's clock the form is still valid, and it is used
/// again afterwards.
#[tokio::test]
async fn a_form_is_probed_again_after_it_expired_by_every_clock() {
    let world = world();
    let mut body = csv("table");
    body["strategy"] = "post".into();
    let id = signed(&world, &body).await.id;
    let object = world.record(id).unwrap().object;
    let first = put(&world, &object, CSV).unwrap();
    world.ingest(&told(&object, &first)).await;
    let ready = world.record(id).unwrap();
    assert_eq!(ready.state, UploadState::Ready);

    let expired = saturating_add_secs(ready.url_expires_at, EXPIRY_GRACE_S);
    world.clock.set(saturating_add_secs(expired, SKEW_S - 1));
    assert!(world.sweep().await);
    world.clock.set(ready.url_expires_at);
    world.objects.honour_if_none_match(false);
    let second = put(&world, &object, CSV_2).unwrap();
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.record(id).unwrap().conflict_etag, Some(second.etag));
}

/// The original is removed, and the answer is lost. Before the sweep tries again, the URL of the free key is used for
/// another version, which is refused. There is no original to remove any more.
#[tokio::test]
async fn a_version_that_is_refused_ends_the_removal_of_the_original() {
    let policy = "[category.table]\nbucket = \"files\"\nkey = \"in/{owner}/{file_id}.{ext}\"\n\
         output = \"out/{owner}/{file_id}/v{version}.{ext}\"\ningest = \"tabular\"\nkeep_original = false\n\
         overwrite = \"refuse\"\nextensions = [\"csv\"]\nsize_max = \"10 MB\"\nretention = \"2 d\"\n\
         deleted_retention = 0\n";
    let world = World::new(policy).unwrap();
    let upload = signed(&world, &csv("table")).await;
    let first = put(&world, &upload.object, CSV).unwrap();
    let lost = Harm::Fault(FaultKind::TimedOut);
    let moment = Moment::After;
    world.faults.plan(Verb::Delete, When::Nth(1), moment, lost);
    let told = told(&upload.object, &first);
    assert_eq!(world.ingest(&told).await, Disposition::Retry);
    let second = put(&world, &upload.object, CSV_2).unwrap();

    assert!(world.settle(Horizon::Work).await);
    assert!(world.sweep().await);
    let refused = world.record(upload.id).unwrap();
    assert_eq!(refused.state, UploadState::Ready);
    assert_eq!(refused.conflict_etag, Some(second.etag));
    assert!(refused.next_check_at > Some(refused.updated_at));
    assert!(world.settle(Horizon::End).await);
    let ended = world.record(upload.id).unwrap();
    assert_eq!(ended.state, UploadState::Deleted);
    assert_eq!(world.keys(), Vec::<String>::new());
}

/// The owner deletes the file while it is processed, and the upload is purged. A slow write of an output ends after
/// that.
#[tokio::test]
async fn an_output_that_is_written_after_the_purge_is_removed_too() {
    let world = world();
    let upload = signed(&world, &csv("brief")).await;
    let version = put(&world, &upload.object, CSV).unwrap();
    let expired = saturating_add_secs(upload.url_expires_at, EXPIRY_GRACE_S);
    world.clock.set(expired);
    let (verb, moment) = (Verb::WriterFinish, Moment::Before);
    world.faults.plan(verb, When::Nth(1), moment, Harm::Death);
    let told = told(&upload.object, &version);
    assert_eq!(world.faults.outlive(world.ingest(&told)).await, None);
    let output = world.record(upload.id).unwrap().written().remove(0);

    assert_eq!(world.delete(OWNER, &upload.id.to_string()).await, 204);
    while world.record(upload.id).unwrap().deletion != Some(Deletion::Purged) {
        assert!(world.sweep().await);
        world.clock.advance_s(HOUR_S);
    }
    let late = world.objects.put(&output, "", CSV.into());
    late.await.unwrap();
    assert_eq!(world.keys(), [output.key]);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.keys(), Vec::<String>::new());
}
