//! Faults that the simulation found, each in the smallest schedule that shows it.

use consign_core::operations::{EXPIRY_GRACE_S, SKEW_S};
use consign_core::time::saturating_add_secs;
use consign_core::upload::UploadState;
use contract::{Horizon, World};

use crate::support::{CSV, CSV_2, csv, put, signed, told, world};

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
