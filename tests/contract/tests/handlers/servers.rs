//! Events of other servers, and about the objects of others.

use consign_core::upload::UploadState;
use contract::Horizon;
use ingest_on_object_created::Disposition;
use serde_json::{Value, json};

use crate::support::{CSV, csv, put, signed, told, world, world_that_lists};

/// A bucket may hold objects of others, under names and with details that ours never have.
#[tokio::test]
async fn an_event_about_somebody_elses_object_is_never_a_dead_letter() {
    let world = world();
    let upload = signed(&world, &csv("table")).await;
    let of = |source: &str, key: &str, details: Value| {
        let mut object = json!({ "key": key });
        object
            .as_object_mut()
            .unwrap()
            .extend(details.as_object().unwrap().clone());
        json!({ "Records": [{
            "eventVersion": "2.1", "eventSource": source, "eventName": "ObjectCreated:Put",
            "eventTime": "2026-01-01T00:00:00.000Z", "s3": { "bucket": { "name": upload.object.bucket }, "object": object },
        }] })
        .to_string()
    };
    for source in ["aws:s3", "minio:s3", "rustfs:s3", "ceph:s3", "other:s3", ""] {
        for key in [
            "theirs.csv",
            "a%00b",
            "a%0D%0Ab",
            "%7F",
            "in/%C2%85.csv",
            "..%2F..",
            "%20",
        ] {
            for details in [
                json!({ "sequencer": "not hexadecimal", "versionId": "null", "eTag": "a\nb", "size": "12" }),
                json!({ "sequencer": 7, "versionId": null, "eTag": 7, "size": -1 }),
                json!({ "sequencer": "", "versionId": "", "eTag": "", "size": null }),
            ] {
                let body = of(source, key, details);
                assert_eq!(world.ingest(&body).await, Disposition::Ack, "{body}");
            }
        }
    }
    // Of ours, such an event says as much as any other.
    let version = put(&world, &upload.object, CSV).unwrap();
    let odd = json!({ "sequencer": "not hexadecimal", "eTag": version.etag.as_str(), "versionId": "null", "size": "12" });
    let body = of("rustfs:s3", &upload.object.key, odd);
    assert_eq!(world.ingest(&body).await, Disposition::Ack);
    assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
}

#[tokio::test]
async fn the_event_of_a_server_that_is_listed_brings_a_file_to_ready_and_of_another_it_waits() {
    for (listed, is_read) in [
        (&["ceph:s3", "sgws:s3"][..], true),
        (&["sgws:s3"], false),
        (&[], false),
    ] {
        let world = world_that_lists(listed);
        let upload = signed(&world, &csv("table")).await;
        let version = put(&world, &upload.object, CSV).unwrap();
        let event = told(&upload.object, &version).replace("aws:s3\"", "ceph:s3\"");
        assert_eq!(world.ingest(&event).await, Disposition::Ack);
        let state = world.record(upload.id).unwrap().state;
        assert_eq!(
            state,
            if is_read {
                UploadState::Ready
            } else {
                UploadState::Pending
            }
        );
        assert!(
            world.settle(Horizon::End).await,
            "the sweep finds it in any case"
        );
        assert_eq!(world.record(upload.id).unwrap().state, UploadState::Ready);
    }
}
