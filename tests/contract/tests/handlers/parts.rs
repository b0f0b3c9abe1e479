//! The life of an upload in parts: its own, and not that of its URLs.

use consign_core::ids::UploadId;
use consign_core::ports::FaultKind;
use consign_core::time;
use consign_core::upload::{Upload, UploadState};
use consign_testkit::{Harm, Moment, Verb, When};
use contract::{Horizon, World};
use serde_json::{Value, json};

use crate::support::{LARGE_BYTES, OWNER, confirm, large, world};

const HOUR_S: u64 = 3_600;
const DAY_S: u64 = 86_400;
/// The life of the URLs in the tests' policy, which says nothing.
const URL_S: u64 = 900;
const PART_BYTES: usize = 5 << 20;

async fn sign(world: &World) -> (u16, Value) {
    world.sign(OWNER, &large(), Some("key")).await
}

/// Signs with the key that [`sign`] signs again with.
async fn begun(world: &World) -> Upload {
    let (status, answer) = sign(world).await;
    assert_eq!(status, 201, "{answer}");
    let id = UploadId::parse(answer["file_id"].as_str().unwrap()).unwrap();
    world.record(id).unwrap()
}

fn put_part(world: &World, upload: &Upload, number: u16) {
    let length = [PART_BYTES, LARGE_BYTES - PART_BYTES][usize::from(number) - 1];
    let upload_id = upload.multipart_upload_id.as_deref().unwrap();
    let put = world
        .objects
        .client_put_part(upload_id, number, vec![b'a'; length]);
    put.unwrap();
}

fn state(world: &World, upload: &Upload) -> UploadState {
    world.record(upload.id).unwrap().state
}

/// The sweep comes by until nothing is due any more, and then some time passes.
async fn pass_s(world: &World, seconds: u64) {
    for _ in 0..seconds.div_ceil(HOUR_S) {
        world.sweep().await;
        world.clock.advance_s(HOUR_S.min(seconds));
    }
    world.sweep().await;
}

#[tokio::test]
async fn an_upload_in_parts_outlives_its_urls_and_is_signed_again_for_what_it_lacks() {
    let world = world();
    let upload = begun(&world).await;
    put_part(&world, &upload, 1);
    world.sweep().await;
    world.clock.advance_s(URL_S + 70);
    world.sweep().await;
    assert_eq!(state(&world, &upload), UploadState::Uploading);
    assert_eq!(world.objects.open_multiparts(), 1);
    let (status, again) = sign(&world).await;
    assert_eq!(
        (status, &again["file_id"]),
        (201, &json!(upload.id.to_string()))
    );
    let upload_id = upload.multipart_upload_id.as_deref().unwrap();
    assert_eq!(again["multipart"]["upload_id"], upload_id);
    put_part(&world, &upload, 2);
    assert_eq!(confirm(&world, &upload).await.0, 200);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(state(&world, &upload), UploadState::Ready);
}

#[tokio::test]
async fn parts_that_go_on_coming_keep_an_upload_alive_though_nobody_signs_again() {
    let world = world();
    let upload = begun(&world).await;
    pass_s(&world, 20 * HOUR_S).await;
    put_part(&world, &upload, 1);
    pass_s(&world, 20 * HOUR_S).await;
    assert_eq!(state(&world, &upload), UploadState::Uploading);
    put_part(&world, &upload, 2);
    // Nobody confirms either.
    assert!(world.settle(Horizon::End).await);
    assert_eq!(state(&world, &upload), UploadState::Ready);
}

#[tokio::test]
async fn an_upload_in_parts_that_falls_silent_ends_and_its_parts_are_freed() {
    let world = world();
    let upload = begun(&world).await;
    put_part(&world, &upload, 1);
    pass_s(&world, DAY_S - HOUR_S).await;
    assert_eq!(state(&world, &upload), UploadState::Uploading);
    pass_s(&world, 2 * HOUR_S).await;
    assert_eq!(state(&world, &upload), UploadState::Expired);
    assert_eq!(world.objects.open_multiparts(), 0);
    let (status, problem) = sign(&world).await;
    assert_eq!((status, &problem["code"]), (409, &json!("upload_expired")));
    let (status, problem) = confirm(&world, &upload).await;
    assert_eq!((status, &problem["code"]), (409, &json!("upload_expired")));
}

#[tokio::test]
async fn an_upload_in_parts_lives_seven_days_at_most_however_often_it_is_signed_again() {
    let world = world();
    let upload = begun(&world).await;
    put_part(&world, &upload, 1);
    for _ in 0..7 * 24 - 1 {
        world.clock.advance_s(HOUR_S);
        assert_eq!(sign(&world).await.0, 201);
        world.sweep().await;
    }
    let last = world.record(upload.id).unwrap();
    assert_eq!(last.state, UploadState::Uploading);
    world.clock.advance_s(HOUR_S - 10);
    let (_, answer) = sign(&world).await;
    let end = time::parse(answer["expires_at"].as_str().unwrap()).unwrap();
    assert_eq!(end, last.life_ends_at(), "no URL outlives the upload");
    world.clock.advance_s(10);
    let (status, problem) = sign(&world).await;
    // The key is known for as long as the upload may live; what comes after that is a new one.
    assert!(
        status == 201 || problem["code"] == "upload_expired",
        "{problem}"
    );
    assert!(world.settle(Horizon::End).await);
    assert_eq!(state(&world, &upload), UploadState::Expired);
    assert_eq!(world.objects.open_multiparts(), 0);
}

#[tokio::test]
async fn a_confirm_after_the_urls_end_names_the_parts_that_are_missing() {
    let world = world();
    let upload = begun(&world).await;
    put_part(&world, &upload, 1);
    world.clock.advance_s(URL_S + 70);
    let (status, problem) = confirm(&world, &upload).await;
    assert_eq!(
        (status, &problem["code"]),
        (400, &json!("validation_failed"))
    );
    assert_eq!(problem["errors"][0]["code"], "parts_incomplete");
}

#[tokio::test]
async fn an_upload_whose_freeing_was_cut_short_is_freed_by_a_later_look() {
    let world = world();
    let upload = begun(&world).await;
    put_part(&world, &upload, 1);
    let harm = Harm::Fault(FaultKind::Unreachable);
    world
        .faults
        .plan(Verb::MultipartAbort, When::Nth(1), Moment::Before, harm);
    assert!(world.settle(Horizon::End).await);
    assert_eq!(state(&world, &upload), UploadState::Expired);
    assert_eq!(world.objects.open_multiparts(), 0);
}

/// The status, the code of a problem, and `Retry-After`.
async fn sign_told(world: &World) -> (u16, String, Option<u64>) {
    let answer = world.sign_answer(OWNER, &large(), Some("key")).await;
    let answer = answer.unwrap();
    let body: Value = serde_json::from_slice(answer.body()).unwrap();
    let retry = answer.headers().get("retry-after");
    (
        answer.status().as_u16(),
        body["code"].as_str().unwrap_or_default().to_owned(),
        retry.map(|seconds| seconds.to_str().unwrap().parse().unwrap()),
    )
}

#[tokio::test]
async fn a_beginning_that_the_bucket_refused_lets_the_next_call_begin_at_once() {
    for kind in [
        FaultKind::Throttled,
        FaultKind::Denied,
        FaultKind::MissingResource,
        FaultKind::Full,
    ] {
        let world = world();
        for _ in 0..3 {
            world.faults.fail_next(Verb::MultipartBegin, kind);
            let (status, code, _) = sign_told(&world).await;
            assert!(status >= 500, "{kind:?}: {status} {code}");
            world.clock.advance_s(1);
        }
        assert_eq!(sign_told(&world).await.0, 201, "{kind:?}");
        assert_eq!(world.ledger.all().len(), 1);
        assert_eq!(world.objects.open_multiparts(), 1);
    }
}

#[tokio::test]
async fn a_beginning_whose_end_is_unknown_keeps_others_away_and_says_for_how_long() {
    for kind in [FaultKind::TimedOut, FaultKind::Unreachable] {
        let world = world();
        let harm = Harm::Fault(kind);
        world
            .faults
            .plan(Verb::MultipartBegin, When::Nth(1), Moment::After, harm);
        let (status, _, retry) = sign_told(&world).await;
        assert_eq!((status, retry), (503, Some(30)), "{kind:?}");
        world.clock.advance_s(12);
        let told = sign_told(&world).await;
        assert_eq!(told, (409, "idempotency_in_progress".to_owned(), Some(18)));
        world.clock.advance_s(18);
        assert_eq!(sign_told(&world).await.0, 201, "{kind:?}");
        assert_eq!(world.ledger.all().len(), 1);
    }
}

#[tokio::test]
async fn a_call_that_took_over_a_beginning_keeps_others_away_in_its_turn() {
    let world = world();
    let die = |nth| {
        world.faults.plan(
            Verb::MultipartBegin,
            When::Nth(nth),
            Moment::Before,
            Harm::Death,
        );
    };
    die(1);
    assert!(world.faults.outlive(sign(&world)).await.is_none());
    world.clock.advance_s(31);
    die(1);
    assert!(world.faults.outlive(sign(&world)).await.is_none());
    world.clock.advance_s(1);
    let told = sign_told(&world).await;
    assert_eq!(told, (409, "idempotency_in_progress".to_owned(), Some(29)));
    world.clock.advance_s(29);
    assert_eq!(sign_told(&world).await.0, 201);
}
