//! The clients: each uploads one file, as a browser or a program would, and then uses it.

mod send;
mod wish;

use std::sync::Arc;

use bytes::Bytes;
use consign_core::api::{Confirmed, Download, SignedUpload};
use consign_core::ids::UploadId;
use consign_core::upload::UploadState;
use http::StatusCode;
use serde_json::json;

use crate::bucket::signed;
use crate::fault::Kind;
use crate::function::call;
use crate::monitor::{self, violated};
use crate::rules::request;
use crate::world::World;
pub(crate) use wish::OWNERS;
use wish::Wish;

/// How often a client tries a call.
const TRIES_MAX: usize = 6;

/// Uploads one file.
pub(crate) async fn upload(world: Arc<World>, number: u32) {
    let wish = world.scheduler.draw(|dice| Wish::draw(dice, number));
    world.scheduler.sleep_s(wish.begins_s).await;
    world
        .scheduler
        .note(|| format!("wants {} of {} bytes", wish.category, wish.body.len()));
    let Some(signed) = sign(&world, &wish, None).await else {
        return;
    };
    let Ok(id) = UploadId::parse(&signed.file_id) else {
        return violated(&world, "20", "an answer names no upload".to_owned());
    };
    if wish.deletes_before && world.has(Kind::UserDeletes) {
        delete(&world, &wish, id).await;
    }
    send::send(&world, &wish, signed).await;
    if wish.confirms {
        confirm(&world, &wish, id).await;
    }
    world.scheduler.sleep_s(wish.pause_s).await;
    if wish.downloads {
        download(&world, &wish, id).await;
    }
    if wish.pries {
        pry(&world, &wish, id).await;
    }
    if wish.deletes_after && world.has(Kind::UserDeletes) {
        delete(&world, &wish, id).await;
    }
}

/// Signs, and tries again with the same key where it has one. `known` is the upload that the key must lead to.
pub(crate) async fn sign(
    world: &Arc<World>,
    wish: &Wish,
    known: Option<&str>,
) -> Option<SignedUpload> {
    let body = Bytes::from(wish.request().to_string());
    for _ in 0..TRIES_MAX {
        let (owner, key, body) = (wish.owner, wish.idempotency_key.clone(), body.clone());
        let now = world.scheduler.now();
        let answer = call(world, "sign", move |function| async move {
            let header = key.as_deref().map(|key| ("idempotency-key", key));
            answer_of(
                request(owner, body, header.as_slice(), now),
                |request| async { sign_upload::handle(&function, request).await },
            )
            .await
        });
        let answer = answer.await;
        if let Some(answer) = answer {
            if answer.status() == StatusCode::CREATED {
                let signed: SignedUpload = serde_json::from_slice(answer.body()).ok()?;
                check_signed(world, wish, &signed, known);
                return Some(signed);
            }
            let is_final =
                answer.status().is_client_error() && answer.headers().get("retry-after").is_none();
            if is_final {
                return None;
            }
        }
        pause(world).await;
    }
    None
}

/// One key has one effect (invariant 10), and the answer is about the owner's own upload (invariants 16 and 20).
fn check_signed(world: &World, wish: &Wish, signed: &SignedUpload, known: Option<&str>) {
    if known.is_some_and(|known| known != signed.file_id) {
        violated(world, "10", "one key made two uploads".to_owned());
    }
    let upload = UploadId::parse(&signed.file_id)
        .ok()
        .and_then(|id| world.record(id));
    let is_own = upload.is_some_and(|upload| {
        upload.owner.as_str() == wish.owner && upload.object.key == signed.object_name
    });
    if !is_own {
        violated(
            world,
            "9",
            "a signed upload has no record of its owner".to_owned(),
        );
    }
}

async fn answer_of<F>(
    request: Option<http::Request<Bytes>>,
    handler: impl FnOnce(http::Request<Bytes>) -> F,
) -> http::Response<Bytes>
where
    F: Future<Output = http::Response<Bytes>>,
{
    match request {
        Some(request) => handler(request).await,
        None => http::Response::new(Bytes::new()),
    }
}

async fn pause(world: &World) {
    let pause_s = world.scheduler.draw(|dice| dice.between(1, 40));
    world.scheduler.sleep_s(pause_s).await;
}

/// Confirms, and tries again while the answer may change. A confirmed upload was observed (invariants 7 and 9).
async fn confirm(world: &Arc<World>, wish: &Wish, id: UploadId) {
    for _ in 0..TRIES_MAX {
        let (owner, now) = (wish.owner, world.scheduler.now());
        let body = Bytes::from(json!({ "file_id": id.to_string() }).to_string());
        let answer = call(world, "confirm", move |function| async move {
            answer_of(request(owner, body, &[], now), |request| async {
                confirm::handle(&function, request).await
            })
            .await
        });
        if let Some(answer) = answer.await {
            if answer.status() == StatusCode::OK {
                let confirmed = serde_json::from_slice::<Confirmed>(answer.body()).ok();
                let record = world.record(id);
                let is_observed = record.is_some_and(|record| record.observed.is_some());
                if confirmed.is_none() || !is_observed {
                    violated(
                        world,
                        "9",
                        "confirmed, and the record knows no object".to_owned(),
                    );
                }
                return;
            }
            if answer.status().is_client_error() && answer.headers().get("retry-after").is_none() {
                return;
            }
        }
        pause(world).await;
    }
}

/// Asks where the file stands, and downloads it.
async fn download(world: &Arc<World>, wish: &Wish, id: UploadId) {
    let (owner, now) = (wish.owner, world.scheduler.now());
    let status = call(world, "status", move |function| async move {
        answer_of(request(owner, Bytes::new(), &[], now), |request| async {
            status::handle(&function, request, &id.to_string()).await
        })
        .await
    });
    if status
        .await
        .is_some_and(|answer| answer.status() == StatusCode::NOT_FOUND)
    {
        violated(world, "9", "an owner does not find its upload".to_owned());
    }
    let variants = ["original", "parquet", "profile"];
    let variant = world
        .scheduler
        .draw(|dice| dice.pick(&variants))
        .unwrap_or_default();
    let now = world.scheduler.now();
    let answer = call(world, "download-url", move |function| async move {
        let request = request(owner, Bytes::new(), &[], now).map(|mut request| {
            if let Ok(uri) = format!("/?variant={variant}").parse() {
                *request.uri_mut() = uri;
            }
            request
        });
        answer_of(request, |request| async {
            download_url::handle(&function, request, &id.to_string()).await
        })
        .await
    });
    let Some(answer) = answer
        .await
        .filter(|answer| answer.status() == StatusCode::OK)
    else {
        return;
    };
    let Ok(download) = serde_json::from_slice::<Download>(answer.body()) else {
        return violated(world, "15", "a download cannot be read".to_owned());
    };
    check_download(world, id, &download);
}

/// A download reads one object of the upload, as an attachment (invariants 13, 15 and 20).
fn check_download(world: &World, id: UploadId, download: &Download) {
    let Ok((object, _)) = signed::get(world, &download.url) else {
        // The clocks differ by more than the URL lives, or its time is still to come.
        return;
    };
    let is_own = world
        .record(id)
        .is_some_and(|upload| upload.object == object || upload.written().contains(&object));
    if !is_own {
        violated(world, "20", format!("a download reads {}", object.key));
    }
    if !download
        .url
        .contains("response-content-disposition=attachment")
    {
        violated(world, "15", "a download is no attachment".to_owned());
    }
}

/// Another owner tries what it knows the id of. Each answer is that of an unknown id (invariant 20).
async fn pry(world: &Arc<World>, wish: &Wish, id: UploadId) {
    let stranger = OWNERS
        .into_iter()
        .find(|owner| *owner != wish.owner)
        .unwrap_or_default();
    for what in 0..4 {
        let now = world.scheduler.now();
        let answer = call(world, "stranger", move |function| async move {
            let body = Bytes::from(json!({ "file_id": id.to_string() }).to_string());
            answer_of(request(stranger, body, &[], now), |request| async {
                let id = id.to_string();
                match what {
                    0 => confirm::handle(&function, request).await,
                    1 => status::handle(&function, request, &id).await,
                    2 => download_url::handle(&function, request, &id).await,
                    _ => files::delete(&function, request, &id).await,
                }
            })
            .await
        });
        if answer
            .await
            .is_some_and(|answer| answer.status().is_success())
        {
            violated(world, "20", "a stranger is answered".to_owned());
        }
    }
}

/// Deletes the file. A deletion that is answered is recorded (invariant 9).
async fn delete(world: &Arc<World>, wish: &Wish, id: UploadId) {
    world.happened(Kind::UserDeletes, || id.to_string());
    monitor::deletion_asked(world, id);
    for _ in 0..TRIES_MAX {
        let (owner, now) = (wish.owner, world.scheduler.now());
        let answer = call(world, "delete", move |function| async move {
            answer_of(request(owner, Bytes::new(), &[], now), |request| async {
                files::delete(&function, request, &id.to_string()).await
            })
            .await
        });
        if let Some(answer) = answer.await
            && answer.status() == StatusCode::NO_CONTENT
        {
            let state = world
                .record(id)
                .map(|upload| (upload.state, upload.is_lost()));
            if state != Some((UploadState::Deleted, false)) {
                violated(
                    world,
                    "6",
                    "a deletion was answered and is not recorded".to_owned(),
                );
            }
            return;
        }
        pause(world).await;
    }
}

/// Lists the files of an owner. A listing shows that owner alone.
pub(crate) async fn list(world: Arc<World>, owner: &'static str) {
    let now = world.scheduler.now();
    let answer = call(&world, "list", move |function| async move {
        let request = request(owner, Bytes::new(), &[], now).map(|mut request| {
            *request.uri_mut() = http::Uri::from_static("/files?include=download_url");
            request
        });
        answer_of(request, |request| async {
            files::list(&function, request).await
        })
        .await
    });
    let Some(answer) = answer
        .await
        .filter(|answer| answer.status() == StatusCode::OK)
    else {
        return;
    };
    let page: serde_json::Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let listed = page["files"].as_array().cloned().unwrap_or_default();
    let is_foreign = |file: &serde_json::Value| {
        let id = file["file_id"]
            .as_str()
            .and_then(|id| UploadId::parse(id).ok());
        let upload = id.and_then(|id| world.record(id));
        upload.is_none_or(|upload| upload.owner.as_str() != owner)
    };
    if listed.iter().any(is_foreign) {
        violated(
            &world,
            "20",
            "a listing shows another owner's file".to_owned(),
        );
    }
}
