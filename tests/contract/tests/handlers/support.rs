//! A world with the categories of these tests, and what clients do in it.

use consign_core::ids::{ObjectRef, UploadId};
use consign_core::upload::{ObjectVersion, Upload};
use consign_testkit::ClientPut;
use contract::{World, notify};
use serde_json::{Value, json};

pub(crate) const OWNER: &str = "alice";
pub(crate) const CSV: &[u8] = b"name,count\nwren,12\nrobin,7\n";
pub(crate) const CSV_2: &[u8] = b"name,count\nwren,13\nrobin,8\n";
/// A file of two parts of 5 MiB and a bit.
pub(crate) const LARGE_BYTES: usize = (5 << 20) + 1000;

const POLICY: &str = r#"
[tier.default]
file_size_max = "10 MB"
quota = "20 MB"
[category.table]
bucket = "files"
key = "in/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv"]
size_max = "10 MB"
[category.versions]
bucket = "files"
key = "versions/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
overwrite = "version"
extensions = ["csv"]
size_max = "10 MB"
[category.once]
bucket = "files"
key = "once/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
keep_original = false
extensions = ["csv"]
size_max = "10 MB"
[category.brief]
bucket = "files"
key = "brief/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv"]
size_max = "10 MB"
retention = "2 d"
deleted_retention = "1 h"
[category.awaited]
bucket = "files"
key = "awaited/{owner}/{file_id}.{ext}"
output = "out/{owner}/{file_id}/v{version}.{ext}"
ingest = "tabular"
extensions = ["csv"]
size_max = "10 MB"
unconfirmed = "1 d"
[category.named]
bucket = "files"
key = "named/{owner}/{name}.{ext}"
ingest = "verify"
extensions = ["csv"]
size_max = "10 MB"
deleted_retention = 0
labels.name.pattern = "name"
[category.plain]
bucket = "files"
key = "plain/{owner}/{file_id}.{ext}"
ingest = "verify"
extensions = ["txt"]
size_max = "10 MB"
strategies = ["put", "multipart"]
multipart_over = "5 MiB"
part_size = "5 MiB"
"#;

pub(crate) fn world() -> World {
    World::new(POLICY).unwrap()
}

/// A world whose policy lists these event sources.
pub(crate) fn world_that_lists(sources: &[&str]) -> World {
    World::new(&format!("event_sources = {sources:?}\n{POLICY}")).unwrap()
}

/// The body of a `sign_upload` for [`CSV`].
pub(crate) fn csv(category: &str) -> Value {
    json!({ "filename": "birds.csv", "content_type": "text/csv", "file_size_bytes": CSV.len(), "category": category })
}

/// The body of a `sign_upload` for a file of two parts.
pub(crate) fn large() -> Value {
    json!({ "filename": "a.txt", "content_type": "text/plain", "file_size_bytes": LARGE_BYTES, "category": "plain" })
}

/// Signs, and finds the record.
pub(crate) async fn signed(world: &World, body: &Value) -> Upload {
    let (status, answer) = world.sign(OWNER, body, None).await;
    assert_eq!(status, 201, "{answer}");
    let id = UploadId::parse(answer["file_id"].as_str().unwrap()).unwrap();
    world.record(id).unwrap()
}

/// Puts the bytes as a client does; the store lets a second put through where it is told to.
pub(crate) fn put(
    world: &World,
    object: &ObjectRef,
    bytes: &'static [u8],
) -> Option<ObjectVersion> {
    world
        .objects
        .client_put(object, ClientPut::new("text/csv", bytes))
}

/// The notification of what was put.
pub(crate) fn told(object: &ObjectRef, version: &ObjectVersion) -> String {
    notify::created(
        object,
        (version.etag.as_str(), version.size_bytes),
        version.sequencer.as_ref(),
    )
}

/// Signs, puts [`CSV`] and ingests its notification.
pub(crate) async fn ready(world: &World, category: &str) -> (Upload, String) {
    let upload = signed(world, &csv(category)).await;
    let version = put(world, &upload.object, CSV).unwrap();
    let body = told(&upload.object, &version);
    world.ingest(&body).await;
    (world.record(upload.id).unwrap(), body)
}

pub(crate) async fn confirm(world: &World, upload: &Upload) -> (u16, Value) {
    world
        .confirm(OWNER, &json!({ "file_id": upload.id.to_string() }))
        .await
}
