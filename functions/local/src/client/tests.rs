//! The upload flow against a small stand-in for consign and its bucket: faults that a real one seldom shows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{
    Backoff, Client, ClientError, FileState, FileStatus, Meter, Observer, SignUpload, Strategy,
    Upload,
};
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

const PART_BYTES: usize = 4;

/// What the stand-in has seen, and how it shall misbehave.
#[derive(Default)]
struct World {
    base: String,
    keys: Vec<String>,
    object: Option<Bytes>,
    parts: BTreeMap<u32, Bytes>,
    part_puts: Vec<u32>,
    confirm: Option<Value>,
    polls: u32,
    headers: HeaderMap,
    form: String,
    /// Answers with these before it takes anything more.
    put_faults: Vec<StatusCode>,
    /// Refuses these parts for ever.
    bad_parts: Vec<u32>,
    /// Parts' URLs of a signing before this one have run out.
    valid_signing: usize,
    confirm_fault: Option<StatusCode>,
    final_state: Option<&'static str>,
    /// Seconds that have passed, which the client's clock shows too.
    clock: Arc<AtomicU64>,
    /// Seconds that each part takes.
    part_s: u64,
    /// When each signing was, in these seconds.
    signed_at: Vec<u64>,
    /// The server tells no time.
    has_no_date: bool,
    /// Parts that came when their URL had ended.
    late_puts: usize,
    /// From which signing on the first key is refused, and with which code.
    refused: Option<(usize, &'static str)>,
}

/// How long the stand-in's URLs live, in seconds, where its time passes at all.
const URL_S: u64 = 120;

type Shared = Arc<Mutex<World>>;

async fn sign(
    State(world): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let mut world = world.lock().unwrap();
    let key = headers["idempotency-key"].to_str().unwrap().to_owned();
    let file_id = format!(
        "file-{}",
        world
            .keys
            .iter()
            .position(|seen| *seen == key)
            .unwrap_or(world.keys.len())
    );
    world.keys.push(key);
    let now = world.clock.load(Ordering::Relaxed);
    world.signed_at.push(now);
    if let Some((from, code)) = world.refused
        && world.keys.len() >= from
        && world.keys.last() == world.keys.first()
    {
        let problem = json!({"status": 409, "code": code});
        return (StatusCode::CONFLICT, Json(problem)).into_response();
    }
    let base = &world.base;
    let size = body["file_size_bytes"].as_u64().unwrap() as usize;
    let strategy = body["strategy"].as_str().unwrap_or("put");
    let signing = world.keys.len();
    let parts: Vec<Value> = (1..=size.div_ceil(PART_BYTES))
        .map(|n| json!({"part_number": n, "url": format!("{base}/bucket/{signing}/{n}"), "headers": {}}))
        .collect();
    let answer = json!({
        "file_id": file_id, "bucket": "b", "object_name": "k", "strategy": strategy, "method": "PUT",
        "upload_url": format!("{base}/bucket"), "expires_at": format!("2030-01-01T{:02}:{:02}:{:02}Z", (now + URL_S) / 3600, (now + URL_S) / 60 % 60, (now + URL_S) % 60),
        "headers": {"content-type": "text/csv", "if-none-match": "*", "content-length": size.to_string(), "host": "x"},
        "form_fields": [["key", "k"], ["zulu", "z"], ["Content-Type", "text/csv"], ["policy", "p"]],
        "multipart": (strategy == "multipart").then(|| json!({"upload_id": "u", "part_size_bytes": PART_BYTES, "parts": parts})),
    });
    let date = if world.has_no_date {
        "once upon a time".to_owned()
    } else {
        let (hour, minute, second) = (now / 3600, now / 60 % 60, now % 60);
        format!("Tue, 01 Jan 2030 {hour:02}:{minute:02}:{second:02} GMT")
    };
    (StatusCode::CREATED, [("date", date)], Json(answer)).into_response()
}

async fn put_object(State(world): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut world = world.lock().unwrap();
    if let Some(fault) = world.put_faults.pop() {
        if fault == StatusCode::GATEWAY_TIMEOUT {
            // The answer is lost, the object is not.
            world.object = Some(body);
        }
        return fault.into_response();
    }
    if world.object.is_some() {
        return StatusCode::PRECONDITION_FAILED.into_response();
    }
    world.headers = headers;
    world.object = Some(body);
    // Weak, as a compressing proxy makes it.
    [("etag", "W/\"whole\"")].into_response()
}

async fn post_object(State(world): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut world = world.lock().unwrap();
    world.headers = headers;
    world.form = String::from_utf8_lossy(&body).into_owned();
    StatusCode::NO_CONTENT.into_response()
}

async fn put_part(
    State(world): State<Shared>,
    UrlPath((signing, n)): UrlPath<(usize, u32)>,
    body: Bytes,
) -> Response {
    let mut world = world.lock().unwrap();
    world.part_puts.push(n);
    let is_late = world.clock.load(Ordering::Relaxed) >= world.signed_at[signing - 1] + URL_S;
    world.late_puts += usize::from(is_late);
    if signing < world.valid_signing || is_late {
        return (
            StatusCode::FORBIDDEN,
            "<Error><Code>AccessDenied</Code></Error>",
        )
            .into_response();
    }
    if let Some(fault) = world.put_faults.pop() {
        return fault.into_response();
    }
    if world.bad_parts.contains(&n) {
        return (
            StatusCode::BAD_REQUEST,
            "<Error><Code>BadDigest</Code></Error>",
        )
            .into_response();
    }
    world.parts.insert(n, body);
    world.clock.fetch_add(world.part_s, Ordering::Relaxed);
    [("etag", format!("W/\"e{n}\""))].into_response()
}

async fn confirm(State(world): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut world = world.lock().unwrap();
    if let Some(fault) = world.confirm_fault {
        let problem = json!({"status": fault.as_u16(), "code": "object_mismatch", "detail": "another size", "request_id": "r"});
        return (fault, Json(problem)).into_response();
    }
    let answer =
        json!({"file_id": body["file_id"], "status": "confirmed", "processing_status": "queued"});
    world.confirm = Some(body);
    Json(answer).into_response()
}

async fn status(State(world): State<Shared>, UrlPath(file_id): UrlPath<String>) -> Response {
    let mut world = world.lock().unwrap();
    let state = if world.confirm.is_none() {
        "uploading"
    } else {
        world.polls += 1;
        if world.polls == 1 {
            "processing"
        } else {
            world.final_state.unwrap_or("ready")
        }
    };
    Json(json!({"file_id": file_id, "status": state, "row_count": 3, "error": "no header"}))
        .into_response()
}

/// A stand-in, a file to upload, and a place to remember.
struct Stage {
    world: Shared,
    client: Client,
    folder: tempfile::TempDir,
    server: tokio::task::JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stage {
    async fn new(content: &str) -> Self {
        let world = Shared::default();
        let app = Router::new()
            .route("/files/sign_upload", post(sign))
            .route("/files/confirm", post(confirm))
            .route("/files/{id}/status", get(status))
            .route("/bucket", put(put_object).post(post_object))
            .route("/bucket/{signing}/{n}", put(put_part))
            .with_state(Arc::clone(&world));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        world.lock().unwrap().base.clone_from(&base);
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), content).unwrap();
        let quick = Backoff {
            attempts_max: 3,
            first: Duration::from_millis(2),
            longest: Duration::from_millis(5),
        };
        let mut client = Client::new(&base, Some("t".into()))
            .unwrap()
            .with_backoff(quick);
        let clock = Arc::clone(&world.lock().unwrap().clock);
        client.clock = super::Stopwatch::Hand(clock);
        Self {
            world,
            client,
            folder,
            server,
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("a.csv")
    }

    async fn upload(&self, strategy: Strategy) -> (Result<FileStatus, ClientError>, Seen) {
        let seen = Seen::default();
        let path = self.file();
        let request = SignUpload {
            filename: "a.csv".into(),
            content_type: "text/csv".into(),
            file_size_bytes: std::fs::metadata(&path).unwrap().len(),
            category: None,
            checksum_sha256: None,
            strategy: Some(strategy),
            collection_id: None,
            labels: BTreeMap::new(),
            metadata: BTreeMap::new(),
        };
        let remembered = self.remembered();
        let upload = Upload {
            path: &path,
            request,
            idempotency_key: None,
            resume_folder: &remembered,
            is_awaited: true,
        };
        (self.client.upload(&upload, &seen).await, seen)
    }

    fn remembered(&self) -> PathBuf {
        self.folder.path().join("uploads")
    }
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[derive(Debug)]
struct Seen {
    states: Mutex<Vec<FileState>>,
    resumed_parts: Mutex<usize>,
    meter: Meter,
}

impl Default for Seen {
    fn default() -> Self {
        Self {
            states: Mutex::default(),
            resumed_parts: Mutex::default(),
            meter: Meter::new(|_| ()),
        }
    }
}

impl Observer for Seen {
    fn meter(&self) -> &Meter {
        &self.meter
    }
    fn signed(&self, _: &str, resumed_parts: usize) {
        *self.resumed_parts.lock().unwrap() = resumed_parts;
    }
    fn state(&self, state: FileState) {
        self.states.lock().unwrap().push(state);
    }
}

#[tokio::test]
async fn a_put_sends_the_signed_headers_and_ends_ready() {
    let stage = Stage::new("a,b\n1,2\n").await;
    let (outcome, seen) = stage.upload(Strategy::Put).await;
    assert_eq!(outcome.unwrap().row_count, Some(3));
    assert_eq!(seen.meter.sent_bytes(), 8);
    use FileState::{Processing, Ready, Uploaded, Uploading};
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
    assert_eq!(outcome.unwrap().status, FileState::Ready);
    assert_eq!(seen.meter.sent_bytes(), 4);
}

#[tokio::test]
async fn a_put_whose_answer_was_lost_is_a_success_when_confirm_agrees() {
    let stage = Stage::new("a,b\n").await;
    stage.world.lock().unwrap().put_faults = vec![StatusCode::GATEWAY_TIMEOUT];
    let (outcome, _) = stage.upload(Strategy::Put).await;
    assert_eq!(outcome.unwrap().status, FileState::Ready);
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
    assert_eq!(outcome.unwrap().status, FileState::Ready);
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
    assert_eq!(outcome.unwrap().status, FileState::Ready);
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
async fn where_nobody_tells_the_time_only_the_parts_that_were_refused_are_sent_again() {
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
    assert_eq!(outcome.unwrap().status, FileState::Ready);
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
        // It needs no confirm of ours.
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
async fn a_refused_confirm_is_told_and_the_next_run_begins_anew() {
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
        (FileState::Failed, Some("no header"))
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
async fn nobody_there_is_said_without_the_url() {
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
