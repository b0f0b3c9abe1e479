//! A stand-in for consign and its bucket.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::{
    Backoff, Client, ClientError, File, Meter, Observer, SignUpload, Status, Strategy, Upload,
};
use axum::body::Bytes;
use axum::extract::{Path as UrlPath, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

pub(super) const PART_BYTES: usize = 4;

/// The state of the stand-in, and its faults.
#[derive(Default)]
pub(super) struct World {
    pub(super) base: String,
    pub(super) keys: Vec<String>,
    pub(super) object: Option<Bytes>,
    pub(super) parts: BTreeMap<u32, Bytes>,
    pub(super) part_puts: Vec<u32>,
    pub(super) confirm: Option<Value>,
    pub(super) polls: u32,
    pub(super) headers: HeaderMap,
    pub(super) form: String,
    /// Statuses to answer before it accepts a PUT.
    pub(super) put_faults: Vec<StatusCode>,
    /// Parts that are always refused.
    pub(super) bad_parts: Vec<u32>,
    /// URLs of parts from earlier signings than this one have expired.
    pub(super) valid_signing: usize,
    pub(super) confirm_fault: Option<StatusCode>,
    pub(super) final_state: Option<&'static str>,
    /// The elapsed seconds, which the clock of the client shows too.
    pub(super) clock: Arc<AtomicU64>,
    /// The seconds that each part takes.
    pub(super) part_s: u64,
    /// The time of each signing, in these seconds.
    pub(super) signed_at: Vec<u64>,
    /// Whether the server sends no `Date`.
    pub(super) has_no_date: bool,
    /// The number of parts that arrived after their URL expired.
    pub(super) late_puts: usize,
    /// The signing from which the first key is refused, and the error code.
    pub(super) refused: Option<(usize, &'static str)>,
}

/// The expiry of the URLs in seconds, if the clock of the test moves.
pub(super) const URL_S: u64 = 120;

pub(super) type Shared = Arc<Mutex<World>>;

pub(super) async fn sign(
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

pub(super) async fn put_object(
    State(world): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut world = world.lock().unwrap();
    if let Some(fault) = world.put_faults.pop() {
        if fault == StatusCode::GATEWAY_TIMEOUT {
            // The answer is lost, but the object is stored.
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

pub(super) async fn post_object(
    State(world): State<Shared>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut world = world.lock().unwrap();
    world.headers = headers;
    world.form = String::from_utf8_lossy(&body).into_owned();
    StatusCode::NO_CONTENT.into_response()
}

pub(super) async fn put_part(
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

pub(super) async fn confirm(State(world): State<Shared>, Json(body): Json<Value>) -> Response {
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

pub(super) async fn status(
    State(world): State<Shared>,
    UrlPath(file_id): UrlPath<String>,
) -> Response {
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
    Json(json!({"file_id": file_id, "status": state, "row_count": 3, "error": {"code": "no_header", "detail": "no header"}}))
        .into_response()
}

/// The stand-in, a file to upload, and a resume folder.
pub(super) struct Stage {
    pub(super) world: Shared,
    pub(super) client: Client,
    pub(super) folder: tempfile::TempDir,
    pub(super) server: tokio::task::JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Stage {
    pub(super) async fn new(content: &str) -> Self {
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
        client.clock = super::super::Stopwatch::Hand(clock);
        Self {
            world,
            client,
            folder,
            server,
        }
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.path().join("a.csv")
    }

    pub(super) async fn upload(&self, strategy: Strategy) -> (Result<File, ClientError>, Seen) {
        let seen = Seen::default();
        let path = self.file();
        let request = SignUpload {
            filename: "a.csv".into(),
            content_type: Some("text/csv".into()),
            file_size_bytes: Some(std::fs::metadata(&path).unwrap().len()),
            strategy: Some(strategy),
            ..SignUpload::default()
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

    pub(super) fn remembered(&self) -> PathBuf {
        self.folder.path().join("uploads")
    }
}

pub(super) fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).map_or(0, Iterator::count)
}

#[derive(Debug)]
pub(super) struct Seen {
    pub(super) states: Mutex<Vec<Status>>,
    pub(super) resumed_parts: Mutex<usize>,
    pub(super) meter: Meter,
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
    fn state(&self, state: Status) {
        self.states.lock().unwrap().push(state);
    }
}
