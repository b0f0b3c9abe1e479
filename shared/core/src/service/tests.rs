use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;
use crate::auth::Authenticator;
use crate::auth::{AuthConfig, AuthKey, NewToken, mint_hs256};
use crate::host::{HasAuthenticator, HasClock, HasRandom};
use crate::ids::ETag;
use crate::ports::FaultKind;
use crate::time;
use crate::transition::tests::{Repo, pending};
use crate::upload::ObjectVersion;

const NOW_S: i64 = 1_800_000_000;
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

/// A clock that advances by a quarter of a second at each call, and bytes that are not random.
struct World {
    ticks: Mutex<i64>,
    door: Authenticator,
}

impl Clock for World {
    fn now(&self) -> Timestamp {
        let mut ticks = self.ticks.lock().unwrap();
        let now = time::from_millis(NOW_S * 1_000 + *ticks * 250).unwrap();
        *ticks += 1;
        now
    }
}

impl Random for World {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0xa7);
    }
}

impl HasClock for World {
    fn clock(&self) -> &impl Clock {
        self
    }
}

impl HasRandom for World {
    fn random(&self) -> &impl Random {
        self
    }
}

impl HasAuthenticator for World {
    fn authenticator(&self) -> &Authenticator {
        &self.door
    }
}

fn world() -> World {
    let config = AuthConfig {
        issuer: "me".into(),
        audience: "consign".into(),
        leeway_s: 0,
        keys: vec![AuthKey::hs256(None, SECRET).unwrap()],
    };
    World {
        ticks: Mutex::default(),
        door: Authenticator::new(&config).unwrap(),
    }
}

fn token(owner: &str) -> String {
    let new = NewToken {
        issuer: "me",
        audience: "consign",
        owner,
        tier: None,
        kid: None,
        issued_at: time::from_secs(NOW_S).unwrap(),
        life_s: 60,
    };
    mint_hs256(SECRET, &new).unwrap()
}

fn request(headers: &[(&str, &str)]) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    for (name, value) in headers {
        let name: http::HeaderName = name.parse().unwrap();
        let value = HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert(name, value);
    }
    request
}

fn find(held: Option<Upload>, owner: &str, file_id: &str) -> (Call, Result<Upload, Problem>) {
    let mut call = Call::begin(&world(), "status", &request(&[]));
    let repo = Repo::<true>::new([], held);
    let owner = OwnerId::parse(owner).unwrap();
    let found = call
        .find_own(&repo, &owner, file_id)
        .now_or_never()
        .unwrap();
    (call, found)
}

/// Collects the fields of every event.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn of(run: impl FnOnce()) -> Vec<String> {
        let log = Self::default();
        tracing::subscriber::with_default(log.clone(), run);
        log.0.lock().unwrap().clone()
    }
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push(format!("{field}={value:?}"));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[test]
fn every_answer_names_its_request() {
    let world = world();
    let call = Call::begin(
        &world,
        "status",
        &request(&[("x-request-id", "caller-1234")]),
    );
    assert_eq!(call.now.timestamp(), NOW_S);
    let response = call.finish(&world, Ok(json(StatusCode::OK, &[1])));
    assert_eq!(response.headers()[X_REQUEST_ID], "caller-1234");
    assert_eq!(
        (response.status().as_u16(), &response.body()[..]),
        (200, b"[1]".as_slice())
    );

    let call = Call::begin(&world, "status", &request(&[("x-request-id", "a b")]));
    assert_eq!(call.request_id, "a7".repeat(16));
    let response = call.finish(&world, Err(Problem::not_found()));
    assert_eq!(response.headers()[X_REQUEST_ID], "a7".repeat(16).as_str());
    assert_eq!(response.status(), 404);
    let observed = response.extensions().get::<CallSummary>().unwrap();
    assert_eq!(
        (observed.operation, observed.code),
        ("status", Some("not_found"))
    );
    assert_eq!(observed.duration_ms, 250);
}

#[test]
fn a_caller_is_known_by_its_token_alone() {
    let world = world();
    let bearer = format!("Bearer {}", token("alice"));
    let request = request(&[("authorization", &bearer), ("x-owner", "root")]);
    let mut call = Call::begin(&world, "status", &request);
    let identity = call.identify(&world, request.headers()).unwrap();
    assert_eq!(identity.owner.as_str(), "alice");
    let refused = call.identify(&world, &HeaderMap::new()).unwrap_err();
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[test]
fn inv20_an_upload_of_another_owner_is_answered_as_unknown() {
    let upload = pending();
    let id = upload.id.to_string();
    let (call, found) = find(Some(upload.clone()), "alice", &id);
    assert_eq!(found.as_ref(), Ok(&upload));
    assert_eq!(call.summary.size_bytes, Some(10));
    let refusals = [
        find(Some(upload.clone()), "mallory", &id),
        find(None, "mallory", &id),
        find(Some(upload), "alice", "no-id"),
    ];
    for (call, found) in refusals {
        assert_eq!(found, Err(Problem::not_found()));
        assert_eq!((call.file_id, call.bucket), (None, None));
    }
}

#[test]
fn the_observed_size_is_preferred_to_the_declared_one() {
    let mut call = Call::begin(&world(), "status", &request(&[]));
    let observed = ObjectVersion {
        etag: ETag::new("a"),
        size_bytes: 7,
        version_id: None,
        sequencer: None,
    };
    call.about(&Upload {
        observed: Some(observed),
        ..pending()
    });
    assert_eq!(call.summary.size_bytes, Some(7));
}

#[test]
fn inv24_the_log_line_contains_no_secret() {
    let world = world();
    let token = token("alice");
    let lines = Log::of(|| {
        let request = request(&[("authorization", &format!("Bearer {token}"))]);
        let mut call = Call::begin(&world, "status", &request);
        call.identify(&world, request.headers()).unwrap();
        call.about(&pending());
        call.finish(&world, Err(Problem::upload_expired()));
    });
    for wanted in [
        "operation=\"status\"".to_owned(),
        "user_id=\"alice\"".to_owned(),
        format!("file_id={}", pending().id),
        "file_size=10".to_owned(),
        "duration_ms=250".to_owned(),
        "bucket=\"bucket\"".to_owned(),
        "status=409".to_owned(),
        "code=\"upload_expired\"".to_owned(),
    ] {
        assert!(lines.contains(&wanted), "{wanted} is not in {lines:?}");
    }
    let all = lines.join(" ");
    assert!(!all.contains(&token) && !all.contains("a.csv"), "{all}");
}

#[test]
fn a_fault_is_logged_and_the_caller_learns_whether_to_retry() {
    let kinds = [
        (FaultKind::TimedOut, 503),
        (FaultKind::Unreachable, 503),
        (FaultKind::Throttled, 503),
        (FaultKind::BadCredentials, 500),
        (FaultKind::Denied, 500),
        (FaultKind::MissingResource, 500),
        (FaultKind::WrongBucket, 500),
        (FaultKind::Full, 503),
        (FaultKind::Other, 500),
    ];
    for (kind, status) in kinds {
        let lines = Log::of(|| {
            let fault = Fault::new(kind, "head", "the cause");
            assert_eq!(fault.to_string(), format!("head: {}", kind.code()));
            let response = Problem::from(fault).into_response("request-1");
            assert_eq!(response.status(), status);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), status == 503);
            assert!(!String::from_utf8_lossy(response.body()).contains("cause"));
        });
        assert!(
            lines.contains(&format!("kind={:?}", kind.code())),
            "{lines:?}"
        );
        assert!(lines.contains(&"cause=the cause".to_owned()), "{lines:?}");
    }
}

#[test]
fn an_answer_may_have_retry_after() {
    let response = retry_after(json(StatusCode::OK, &()), 2);
    assert_eq!(response.headers()[RETRY_AFTER], "2");
}

#[test]
fn a_body_is_read_only_with_a_valid_token_and_length() {
    let world = world();
    let bearer = format!("Bearer {}", token("alice"));
    let ask = |method: &str, path: &str, headers: &[(&str, &str)]| {
        let mut asked = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            asked = asked.header(*name, *value);
        }
        let answer = admit(&world, &asked.body(()).unwrap());
        answer.map_err(|response| {
            let observed = response.extensions().get::<CallSummary>().unwrap();
            (response.status().as_u16(), observed.operation)
        })
    };
    let known = ("authorization", bearer.as_str());
    assert_eq!(
        ask("POST", "/files/confirm", &[]),
        Err((401, "confirm")),
        "the body of a caller without a token is not read"
    );
    assert_eq!(
        ask(
            "POST",
            "/files/sign_upload",
            &[("authorization", "Bearer x")]
        ),
        Err((401, "sign_upload"))
    );
    assert_eq!(
        ask("POST", "/files/sign_upload", &[known]),
        Ok(crate::policy::SIGN_BODY_BYTES_MAX)
    );
    assert_eq!(
        ask(
            "POST",
            "/files/sign_upload",
            &[known, ("content-length", "65537")]
        ),
        Err((413, "sign_upload"))
    );
    assert_eq!(ask("GET", "/health/storage", &[]), Ok(0));
    assert_eq!(ask("GET", "/files", &[known]), Ok(0));
    assert_eq!(ask("GET", "/nowhere", &[known]), Err((404, "unknown")));
}
