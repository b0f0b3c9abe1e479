//! Connections that bring little or nothing and stay: half heads, half bodies, none at all; and the end of a host that has some.

use std::time::Duration;

use bytes::Bytes;
use hostile::{Client, Host, Options, Raw};
use tokio::task::JoinSet;

/// Everything that brings nothing is over after this.
const OVER: Duration = Duration::from_secs(110);
/// How long a host may take to end with connections that are half open.
const STOP: Duration = Duration::from_secs(40);
const AT_ONCE: usize = 20;
const IDLE: usize = 1_100;

/// Opens connections that write `bytes` and then nothing; each must be ended by the host.
async fn all_end(base_url: &str, bytes: &str) {
    let mut connections = JoinSet::new();
    for _ in 0..AT_ONCE {
        let (base_url, bytes) = (base_url.to_owned(), bytes.to_owned());
        connections.spawn(async move {
            let mut raw = Raw::connect(&base_url).await.expect("the host listens");
            raw.write(bytes.as_bytes()).await;
            raw.ends_within(OVER).await
        });
    }
    while let Some(ended) = connections.join_next().await {
        assert!(ended.unwrap(), "a connection was still open after {OVER:?}");
    }
}

#[tokio::test]
async fn half_heads_are_not_awaited_for_ever() {
    let host = Host::start().await;
    let half = "GET /health/live HTTP/1.1\r\nhost: x\r\nx-";
    tokio::join!(
        all_end(&host.base_url, half),
        all_end(&host.store_url, half)
    );
}

#[tokio::test]
async fn half_bodies_are_not_awaited_for_ever() {
    let host = Host::start().await;
    let token = host.token("mallory");
    let functions = format!(
        "POST /files/sign_upload HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
    );
    let store = "POST /files HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n\
         content-length: 1000\r\n\r\n--b\r\n";
    tokio::join!(
        all_end(&host.base_url, &functions),
        all_end(&host.store_url, store)
    );
}

#[tokio::test]
async fn connections_without_a_request_are_not_kept_for_ever() {
    let host = Host::start().await;
    tokio::join!(all_end(&host.base_url, ""), all_end(&host.store_url, ""));
}

/// Nothing of a body is awaited from one who has no token.
#[tokio::test]
async fn a_body_of_nobody_is_not_read() {
    let host = Host::start().await;
    let head = "POST /files/sign_upload HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\n\r\n{";
    let mut raw = Raw::connect(&host.base_url).await.unwrap();
    raw.write(head.as_bytes()).await;
    let answer = raw.answer(Duration::from_secs(5)).await;
    let answer = answer.expect("it is answered before the body came");
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

async fn hold_idle(base_url: &str) -> Vec<Raw> {
    let (mut idle, mut failed) = (Vec::new(), 0);
    for _ in 0..IDLE {
        // One more than the host takes is refused, or waits: both are for the host to choose.
        let limit = Duration::from_secs(3);
        match tokio::time::timeout(limit, Raw::connect(base_url)).await {
            Ok(Ok(raw)) => idle.push(raw),
            Ok(Err(_)) | Err(_) if failed == 3 => break,
            Ok(Err(_)) | Err(_) => failed += 1,
        }
    }
    idle
}

async fn health_answers_beside_idle_connections(host: &Host, base_url: &str) {
    let room = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = rustix::process::Rlimit {
        current: room.maximum,
        maximum: room.maximum,
    };
    rustix::process::setrlimit(rustix::process::Resource::Nofile, wanted).unwrap();
    let idle = hold_idle(base_url).await;
    println!("{} idle connections", idle.len());
    let mut answered = 0;
    let live = format!("{}/health/live", host.base_url);
    for _ in 0..20 {
        let mut client = Client::default();
        let asked = client.send(("GET", &live), &[], Bytes::new());
        let answer = tokio::time::timeout(Duration::from_secs(2), asked).await;
        if matches!(answer, Ok(Ok(answer)) if answer.status == 200) {
            answered += 1;
        }
    }
    assert!(answered >= 18, "health answered {answered} of 20 times");
    assert!(!idle.is_empty());
}

/// A process may have a thousand files open where nothing else is said.
fn usual_limit() -> Options {
    Options {
        limits: Some("ulimit -S -n 1024".to_owned()),
        ..Options::default()
    }
}

#[tokio::test]
async fn health_answers_beside_idle_connections_to_the_functions() {
    let host = Host::with(usual_limit()).await;
    health_answers_beside_idle_connections(&host, &host.base_url).await;
}

#[tokio::test]
async fn health_answers_beside_idle_connections_to_the_store() {
    let host = Host::with(usual_limit()).await;
    health_answers_beside_idle_connections(&host, &host.store_url).await;
}

async fn ends_beside(base_url: impl Fn(&Host) -> String, half: &str) {
    let mut host = Host::start().await;
    let mut raw = Raw::connect(&base_url(&host)).await.unwrap();
    raw.write(half.as_bytes()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    host.terminate();
    assert!(host.ends_within(STOP).await, "it still runs after {STOP:?}");
}

#[tokio::test]
async fn sigterm_ends_the_host_beside_a_half_open_request() {
    let half = "GET /health/live HTTP/1.1\r\nhost: x\r\n";
    ends_beside(|host| host.base_url.clone(), half).await;
}

#[tokio::test]
async fn sigterm_ends_the_host_beside_a_half_sent_object() {
    let half = "POST /files HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=b\r\n\
         content-length: 1000\r\n\r\n--b\r\n";
    ends_beside(|host| host.store_url.clone(), half).await;
}
