//! Names of objects that come free.

use consign_core::ids::UploadId;
use consign_core::upload::UploadState;
use contract::Horizon;
use ingest_on_object_created::Disposition;
use serde_json::json;

use crate::rules::DAY_S;
use crate::support::{CSV, CSV_2, OWNER, csv, put, told, world};

/// A name that comes from labels is taken while a file has it. Once that is purged and its URLs have ended it is free, and nothing that
/// still comes for the old file touches the new one.
#[tokio::test]
async fn the_name_of_a_deleted_file_is_free_once_nothing_can_come_for_it() {
    let world = world();
    let mut body = csv("named");
    body["labels"] = json!({ "name": "birds" });
    let (status, answer) = world.sign(OWNER, &body, None).await;
    assert_eq!(status, 201, "{answer}");
    let first = UploadId::parse(answer["file_id"].as_str().unwrap()).unwrap();
    let object = world.record(first).unwrap().object;
    let version = put(&world, &object, CSV).unwrap();
    let event = told(&object, &version);
    assert_eq!(world.ingest(&event).await, Disposition::Ack);
    assert_eq!(world.record(first).unwrap().state, UploadState::Ready);
    let taken = async || {
        let (status, answer) = world.sign(OWNER, &body, None).await;
        (status, answer["code"] == json!("object_key_taken"))
    };
    assert_eq!(taken().await, (409, true));
    assert_eq!(world.delete(OWNER, &first.to_string()).await, 204);
    for _ in 0..3 {
        world.sweep().await;
        assert_eq!(taken().await, (409, true));
        // What its URL still brings is purged with it, and not taken for another's.
        let late = put(&world, &object, CSV_2).unwrap();
        assert_eq!(world.ingest(&told(&object, &late)).await, Disposition::Ack);
        world.clock.advance_s(120);
    }
    world.clock.advance_s(DAY_S);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.keys(), Vec::<String>::new());
    world.clock.advance_s(DAY_S);
    let (status, answer) = world.sign(OWNER, &body, None).await;
    assert_eq!(status, 201, "{answer}");
    let second = UploadId::parse(answer["file_id"].as_str().unwrap()).unwrap();
    assert_ne!(first, second);
    assert_eq!(world.record(second).unwrap().object, object);
    assert_eq!(taken().await, (409, true));

    let version = put(&world, &object, CSV).unwrap();
    let before = world.record(first).unwrap();
    let job = json!({ "ingest": first.to_string() }).to_string();
    let look = json!({ "look": [first.to_string()] }).to_string();
    for message in [&job, &look, &event] {
        assert_eq!(world.ingest(message).await, Disposition::Ack);
        world.sweep().await;
    }
    assert_eq!(world.delete(OWNER, &first.to_string()).await, 204);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(world.record(first).unwrap(), before);
    let second = world.record(second).unwrap();
    assert_eq!(
        (second.state, second.etag()),
        (UploadState::Ready, Some(&version.etag))
    );
}
