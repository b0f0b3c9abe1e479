//! Tests of the upload flow against a stand-in for consign and its bucket, for faults that a real server seldom shows.

use super::{Backoff, Client, ClientError, Status, Strategy};
use axum::http::StatusCode;
use serde_json::json;

mod stage;

use stage::*;

#[tokio::test]
async fn a_put_sends_the_signed_headers_and_ends_ready() {
    let stage = Stage::new("a,b\n1,2\n").await;
    let (outcome, seen) = stage.upload(Strategy::Put).await;
    assert_eq!(outcome.unwrap().row_count, Some(3));
    assert_eq!(seen.meter.sent_bytes(), 8);
    use Status::{Processing, Ready, Uploaded, Uploading};
    assert_eq!(
        *seen.states.lock().unwrap(),
        [Uploading, Uploaded, Processing, Ready]
    );
    let world = stage.world.lock().unwrap();
    assert_eq!(world.object.as_deref(), Some(&b"a,b\n1,2\n"[..]));
    assert_eq!(world.headers["if-none-match"], "*");
    assert_eq!(world.headers["content-type"], "text/csv");
    assert_eq!(
        world
            .headers
            .get_all("content-length")
            .iter()
            .collect::<Vec<_>>(),
        ["8"]
    );
    assert!(!world.headers.contains_key("transfer-encoding"));
    assert!(!world.headers.contains_key("authorization"));
    assert_eq!(
        world.confirm,
        Some(json!({"file_id": "file-0", "etag": "whole"}))
    );
    assert_eq!(entries(&stage.remembered()), 0);
}

#[tokio::test]
async fn a_put_is_repeated_after_a_server_error_and_counts_its_bytes_once() {
    let stage = Stage::new("a,b\n").await;
    stage.world.lock().unwrap().put_faults = vec![StatusCode::SERVICE_UNAVAILABLE; 2];
    let (outcome, seen) = stage.upload(Strategy::Put).await;
    assert_eq!(outcome.unwrap().status, Status::Ready);
    assert_eq!(seen.meter.sent_bytes(), 4);
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_is_a_success_when_confirm_agrees() {
    let stage = Stage::new("a,b\n").await;
    stage.world.lock().unwrap().put_faults = vec![StatusCode::GATEWAY_TIMEOUT];
    let (outcome, _) = stage.upload(Strategy::Put).await;
    assert_eq!(outcome.unwrap().status, Status::Ready);
    assert_eq!(
        stage.world.lock().unwrap().confirm,
        Some(json!({"file_id": "file-0"}))
    );
}

#[tokio::test]
async fn retries_are_bounded() {
    let stage = Stage::new("a,b\n").await;
    stage.world.lock().unwrap().put_faults = vec![StatusCode::SERVICE_UNAVAILABLE; 9];
    let (outcome, _) = stage.upload(Strategy::Put).await;
    assert!(outcome.unwrap_err().is_transient());
    assert_eq!(stage.world.lock().unwrap().put_faults.len(), 6);
}

#[tokio::test]
async fn a_form_has_its_fields_in_order_and_its_file_last() {
    let stage = Stage::new("a,b\n1,2\n").await;
    let (outcome, _) = stage.upload(Strategy::Post).await;
    assert_eq!(outcome.unwrap().status, Status::Ready);
    let world = stage.world.lock().unwrap();
    let at = |text: &str| {
        world
            .form
            .find(text)
            .unwrap_or_else(|| panic!("{text} is missing in {}", world.form))
    };
    let order = [
        at("name=\"key\""),
        at("name=\"zulu\""),
        at("name=\"Content-Type\""),
        at("name=\"policy\""),
        at("name=\"file\""),
    ];
    assert!(order.is_sorted());
    assert!(world.form[at("name=\"file\"")..].contains("a,b\n1,2\n"));
    assert_eq!(
        world.headers["content-length"],
        world.form.len().to_string()
    );
}

#[tokio::test]
async fn parts_are_sent_and_confirmed_in_order() {
    let stage = Stage::new("0123456789").await;
    stage.world.lock().unwrap().put_faults = vec![StatusCode::INTERNAL_SERVER_ERROR];
    let (outcome, seen) = stage.upload(Strategy::Multipart).await;
    assert_eq!(outcome.unwrap().status, Status::Ready);
    assert_eq!(seen.meter.sent_bytes(), 10);
    let world = stage.world.lock().unwrap();
    assert_eq!(
        world.parts.values().flatten().copied().collect::<Vec<u8>>(),
        b"0123456789"
    );
    assert_eq!(
        world.confirm.as_ref().unwrap()["parts"],
        json!([{"part_number": 1, "etag": "e1"}, {"part_number": 2, "etag": "e2"}, {"part_number": 3, "etag": "e3"}])
    );
}

#[tokio::test]
async fn an_interrupted_multipart_goes_on_with_the_missing_parts_of_the_same_upload() {
    let stage = Stage::new("0123456789").await;
    stage.world.lock().unwrap().bad_parts = vec![2];
    assert!(stage.upload(Strategy::Multipart).await.0.is_err());
    assert_eq!(entries(&stage.remembered()), 1);
    {
        let mut world = stage.world.lock().unwrap();
        world.bad_parts.clear();
        world.part_puts.clear();
    }
    let (outcome, seen) = stage.upload(Strategy::Multipart).await;
    assert_eq!(outcome.unwrap().file_id, "file-0");
    assert_eq!(*seen.resumed_parts.lock().unwrap(), 2);
    assert_eq!(seen.meter.sent_bytes(), 10);
    let world = stage.world.lock().unwrap();
    assert_eq!(world.part_puts, [2]);
    assert_eq!(world.keys[0], world.keys[1]);
    assert_eq!(entries(&stage.remembered()), 0);
}

#[tokio::test]
async fn urls_that_ran_out_are_signed_again() {
    let stage = Stage::new("0123456789").await;
    stage.world.lock().unwrap().valid_signing = 2;
    let (outcome, _) = stage.upload(Strategy::Multipart).await;
    assert_eq!(outcome.unwrap().file_id, "file-0");
    assert_eq!(stage.world.lock().unwrap().keys.len(), 2);
}

/// Eighty parts of 5 s each through URLs of 120 s.
#[tokio::test]
async fn parts_over_a_slow_link_are_signed_anew_before_their_urls_end() {
    let stage = Stage::new(&"0123".repeat(80)).await;
    stage.world.lock().unwrap().part_s = 5;
    let (outcome, seen) = stage.upload(Strategy::Multipart).await;
    assert_eq!(outcome.unwrap().file_id, "file-0");
    assert_eq!(seen.meter.sent_bytes(), 320);
    let world = stage.world.lock().unwrap();
    assert_eq!((world.late_puts, world.part_puts.len()), (0, 80));
    assert!(world.keys.len() > 400 / 120, "{}", world.keys.len());
    assert!(world.keys.iter().all(|key| *key == world.keys[0]));
}

#[tokio::test]
async fn without_a_date_only_the_parts_that_were_refused_are_sent_again() {
    let stage = Stage::new(&"0123".repeat(40)).await;
    {
        let mut world = stage.world.lock().unwrap();
        (world.part_s, world.has_no_date) = (5, true);
    }
    let (outcome, _) = stage.upload(Strategy::Multipart).await;
    assert_eq!(outcome.unwrap().file_id, "file-0");
    let world = stage.world.lock().unwrap();
    assert!(world.late_puts > 0);
    assert_eq!(world.part_puts.len(), 40 + world.late_puts);
    assert!(world.keys.iter().all(|key| *key == world.keys[0]));
}

#[tokio::test]
async fn an_upload_whose_urls_could_not_be_signed_anew_goes_on_at_the_next_run() {
    let stage = Stage::new(&"0123".repeat(30)).await;
    {
        let mut world = stage.world.lock().unwrap();
        world.part_s = 10;
        world.refused = Some((2, "idempotency_in_progress"));
    }
    assert!(stage.upload(Strategy::Multipart).await.0.is_err());
    stage.world.lock().unwrap().refused = None;
    let (outcome, seen) = stage.upload(Strategy::Multipart).await;
    assert_eq!(outcome.unwrap().file_id, "file-0");
    assert!(*seen.resumed_parts.lock().unwrap() >= 6);
}

#[tokio::test]
async fn an_upload_that_ended_meanwhile_is_begun_anew() {
    let stage = Stage::new(&"0123".repeat(30)).await;
    {
        let mut world = stage.world.lock().unwrap();
        world.part_s = 20;
        world.refused = Some((2, "upload_expired"));
    }
    let (outcome, _) = stage.upload(Strategy::Multipart).await;
    assert_eq!(outcome.unwrap().status, Status::Ready);
    let world = stage.world.lock().unwrap();
    assert_eq!(world.keys[0], world.keys[1]);
    assert_ne!(Some(&world.keys[0]), world.keys.last());
}

#[tokio::test]
async fn an_upload_that_the_server_found_complete_is_only_watched() {
    let stage = Stage::new(&"0123".repeat(30)).await;
    {
        let mut world = stage.world.lock().unwrap();
        world.part_s = 20;
        world.refused = Some((2, "already_uploaded"));
        // It needs no confirm by the client.
        world.confirm = Some(json!({}));
    }
    let (outcome, _) = stage.upload(Strategy::Multipart).await;
    assert_eq!(outcome.unwrap().file_id, "file-0");
}

#[tokio::test]
async fn a_signature_that_never_works_is_given_up() {
    let stage = Stage::new("0123456789").await;
    stage.world.lock().unwrap().valid_signing = 99;
    assert!(matches!(
        stage.upload(Strategy::Multipart).await.0,
        Err(ClientError::Store(_))
    ));
    assert_eq!(stage.world.lock().unwrap().keys.len(), 2);
}

#[tokio::test]
async fn a_refused_confirm_is_reported_and_the_next_run_begins_anew() {
    let stage = Stage::new("a,b\n").await;
    stage.world.lock().unwrap().confirm_fault = Some(StatusCode::CONFLICT);
    let text = stage.upload(Strategy::Put).await.0.unwrap_err().to_string();
    assert_eq!(
        text,
        "another size (object_mismatch, HTTP 409)\n  request id: r"
    );
    assert_eq!(entries(&stage.remembered()), 0);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_answered_with_its_reason() {
    let stage = Stage::new("a,b\n").await;
    stage.world.lock().unwrap().final_state = Some("failed");
    let status = stage.upload(Strategy::Put).await.0.unwrap();
    assert_eq!(
        (status.status, status.reason().as_deref()),
        (Status::Failed, Some("no header (no_header)"))
    );
}

#[tokio::test]
async fn the_same_file_uploaded_twice_is_two_files() {
    let stage = Stage::new("0123").await;
    let first = stage.upload(Strategy::Multipart).await.0.unwrap().file_id;
    stage.world.lock().unwrap().confirm = None;
    assert_ne!(
        stage.upload(Strategy::Multipart).await.0.unwrap().file_id,
        first
    );
}

#[tokio::test]
async fn an_error_without_an_answer_contains_no_url() {
    let quick = Backoff {
        attempts_max: 1,
        ..Backoff::USUAL
    };
    let client = Client::new("http://127.0.0.1:9/base", None)
        .unwrap()
        .with_backoff(quick);
    let error = client.status("secret-id").await.unwrap_err();
    assert_eq!(error.to_string(), "no answer from 127.0.0.1:9");
    assert!(!format!("{error:?}").contains("secret-id"));
    assert!(Client::new("ftp://a", None).is_err());
}
