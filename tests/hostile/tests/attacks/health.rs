//! Health, asked by anybody and often: it costs the store next to nothing, and tells nobody where the store is.

use std::time::Duration;

use bytes::Bytes;
use hostile::{Client, Harm};
use tokio::task::JoinSet;

use crate::support::over_proxy;

const CONNECTIONS: usize = 64;
const CALLS: usize = 8;
/// Writes to the store that so many calls may cause: a probe, and what the host does at its start.
const WRITES_MAX: usize = 8;

#[tokio::test]
async fn health_asked_often_writes_next_to_nothing() {
    let (host, proxy, _store) = over_proxy(|_| Harm::None).await;
    let writes = || proxy.count(|seen| seen.method != "GET" && seen.method != "HEAD");
    let before = writes();
    let mut callers = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let url = format!("{}/health/storage", host.base_url);
        callers.spawn(async move {
            let mut client = Client::default();
            let mut text = String::new();
            for _ in 0..CALLS {
                let answer = client.send(("GET", &url), &[], Bytes::new()).await;
                text = answer.expect("it answers").text();
            }
            text
        });
    }
    let mut told = String::new();
    while let Some(text) = callers.join_next().await {
        told = text.unwrap();
    }
    let written = writes() - before;
    println!("{} calls, {written} writes", CONNECTIONS * CALLS);
    assert!(written <= WRITES_MAX, "{written} writes; {told}");
}

#[tokio::test]
async fn health_tells_nobody_where_the_store_is() {
    let (host, proxy, _store) = over_proxy(|_| Harm::None).await;
    let mut client = Client::default();
    for path in ["/health/storage", "/health/live"] {
        let url = format!("{}{path}", host.base_url);
        let answer = client.send(("GET", &url), &[], Bytes::new()).await;
        let text = answer.expect("it answers").text();
        let address = proxy.url.trim_start_matches("http://");
        assert!(!text.contains(address), "{text}");
    }
}

/// Neither does a store that fails make health tell more.
#[tokio::test]
async fn health_of_a_store_that_fails_tells_nobody_where_it_is() {
    let is_broken = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let broken = std::sync::Arc::clone(&is_broken);
    let harm = move |_: &hostile::Seen| match broken.load(std::sync::atomic::Ordering::Relaxed) {
        true => Harm::Answer(403, "AccessDenied"),
        false => Harm::None,
    };
    let (host, proxy, _store) = over_proxy(harm).await;
    is_broken.store(true, std::sync::atomic::Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let url = format!("{}/health/storage", host.base_url);
    let mut client = Client::default();
    let answer = client.send(("GET", &url), &[], Bytes::new()).await;
    let text = answer.expect("it answers").text();
    let address = proxy.url.trim_start_matches("http://");
    assert!(!text.contains(address), "{text}");
}
