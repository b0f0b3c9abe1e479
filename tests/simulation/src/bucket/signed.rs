//! What the bucket does with signed requests of clients. It checks them with the verification of `shared/sigv4`, by the
//! true time.

use std::sync::Arc;

use bytes::Bytes;
use consign_core::api::Pairs;
use consign_core::ids::{ETag, ObjectRef};
use consign_core::ports::{ObjectHead, ObjectStore as _};
use consign_core::sigv4::{PostForm, SentRequest, verify_post, verify_url};
use consign_testkit::ClientPut;
use futures_util::FutureExt as _;

use super::notify;
use crate::monitor;
use crate::rules::{BUCKET, secret_of};
use crate::world::World;

/// Why the bucket refuses a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The signature does not hold, or not any more.
    Signature,
    /// The object exists (412).
    Exists,
    /// The multipart upload does not exist (404).
    NoSuchUpload,
}

/// Returns the key in the path of a URL.
fn key_of(url: &str) -> Option<ObjectRef> {
    let path = url.strip_prefix("http://localhost:9000/")?;
    let path = path.split('?').next()?;
    let (bucket, key) = path.split_once('/')?;
    Some(ObjectRef::new(bucket, key.replace("%3D", "=")))
}

fn query_of<'a>(url: &'a str, name: &str) -> Option<&'a str> {
    let (_, query) = url.split_once('?')?;
    query.split('&').find_map(|pair| {
        let (found, value) = pair.split_once('=')?;
        (found == name).then_some(value)
    })
}

/// Checks a PUT by its URL and its headers. The length is that of the body, as with any HTTP client.
fn check(world: &World, url: &str, headers: &Pairs, body: &Bytes) -> Result<ObjectRef, Refused> {
    let length = body.len().to_string();
    let mut sent: Vec<(&str, &str)> = headers
        .0
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    sent.push(("content-length", &length));
    let request = SentRequest {
        method: "PUT",
        url,
        headers: &sent,
    };
    let verified = verify_url(&request, secret_of, world.scheduler.now());
    verified.map_err(|_| Refused::Signature)?;
    key_of(url).ok_or(Refused::Signature)
}

/// A PUT of a whole object. The bytes take `transfer_s` after the check.
pub(crate) async fn put(
    world: &Arc<World>,
    url: &str,
    headers: &Pairs,
    body: &Bytes,
    transfer_s: u64,
) -> Result<ETag, Refused> {
    let object = check(world, url, headers, body)?;
    world.scheduler.sleep_s(transfer_s).await;
    store(world, &object, headers.get("content-type"), body)
}

/// A POST of a form. A form signs no condition, so it replaces an object.
pub(crate) async fn post(
    world: &Arc<World>,
    fields: &Pairs,
    body: &Bytes,
    transfer_s: u64,
) -> Result<ETag, Refused> {
    let named: Vec<(&str, &str)> = fields
        .0
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let form = PostForm {
        bucket: BUCKET,
        fields: &named,
        size_bytes: u64::try_from(body.len()).unwrap_or(u64::MAX),
    };
    let verified = verify_post(&form, secret_of, world.scheduler.now());
    verified.map_err(|_| Refused::Signature)?;
    let object = ObjectRef::new(BUCKET, fields.get("key").ok_or(Refused::Signature)?);
    world.scheduler.sleep_s(transfer_s).await;
    world.objects.honour_if_none_match(false);
    let stored = store(world, &object, fields.get("content-type"), body);
    world.objects.honour_if_none_match(true);
    stored
}

fn store(
    world: &Arc<World>,
    object: &ObjectRef,
    content_type: Option<&str>,
    body: &Bytes,
) -> Result<ETag, Refused> {
    let put = ClientPut::new(content_type.unwrap_or_default(), body.clone());
    let version = world.objects.client_put(object, put);
    let version = version.ok_or(Refused::Exists)?;
    monitor::arrived(world, object, &version.etag, body);
    world
        .scheduler
        .note(|| format!("{} has etag {}", object.key, version.etag));
    notify::created(world, object, &version.etag, body.len());
    Ok(version.etag)
}

/// A PUT of a part.
pub(crate) async fn put_part(
    world: &Arc<World>,
    url: &str,
    headers: &Pairs,
    body: &Bytes,
    transfer_s: u64,
) -> Result<ETag, Refused> {
    let object = check(world, url, headers, body)?;
    world.scheduler.sleep_s(transfer_s).await;
    let number = query_of(url, "partNumber").and_then(|number| number.parse().ok());
    let upload_id = query_of(url, "uploadId");
    let (Some(number), Some(upload_id)) = (number, upload_id) else {
        return Err(Refused::Signature);
    };
    let stored = world
        .objects
        .client_put_part(upload_id, number, body.clone());
    if stored.is_none() {
        monitor::part_refused(world, &object);
    }
    stored.ok_or(Refused::NoSuchUpload)
}

/// A GET with a signed URL: the bytes, or why there are none.
pub(crate) fn get(world: &World, url: &str) -> Result<(ObjectRef, Option<Bytes>), Refused> {
    let request = SentRequest {
        method: "GET",
        url,
        headers: &[],
    };
    let verified = verify_url(&request, secret_of, world.scheduler.now());
    verified.map_err(|_| Refused::Signature)?;
    let object = key_of(url).ok_or(Refused::Signature)?;
    let bytes = world.objects.bytes(&object);
    Ok((object, bytes))
}

/// Records that parts became an object.
pub(crate) fn arrived(world: &Arc<World>, object: &ObjectRef, head: &ObjectHead) {
    let body = world.objects.bytes(object).unwrap_or_default();
    monitor::arrived(world, object, &head.etag, &body);
    notify::created(world, object, &head.etag, body.len());
}

/// Somebody with access to the bucket writes over an object.
pub(crate) fn overwrite(world: &Arc<World>, object: &ObjectRef, body: Bytes) {
    let size_bytes = body.len();
    let put = world.objects.put(object, "text/csv", body.clone());
    if let Some(Ok(etag)) = put.now_or_never() {
        monitor::overwritten(world, object, &etag, &body);
        notify::created(world, object, &etag, size_bytes);
    }
}

/// Somebody with access to the bucket removes an object.
pub(crate) fn remove(world: &Arc<World>, object: &ObjectRef) {
    monitor::removed_by_others(world, object);
    world.objects.client_delete(object);
    notify::removed(world, object);
}
