//! A store that fails for some keys is there for the others.

use std::time::Duration;

use hostile::{Harm, csv};
use serde_json::json;

use crate::support::over_proxy;

const FAILING: usize = 20;

#[tokio::test]
async fn keys_that_fail_do_not_close_the_store_for_others() {
    let (host, _proxy, _store) =
        over_proxy(
            |seen| match seen.method == "HEAD" && seen.target.contains("/mallory/") {
                true => Harm::Answer(500, "InternalError"),
                false => Harm::None,
            },
        )
        .await;
    let content = csv(20);
    let mut failing = tokio::task::JoinSet::new();
    let mut ann = host.user("ann");
    let good = ann.put_csv(&content).await;
    for _ in 0..FAILING {
        let mut mallory = host.user("mallory");
        let size_bytes = content.len();
        failing.spawn(async move {
            let file_id = mallory.sign_csv(size_bytes).await.file_id();
            mallory.confirm(&file_id).await.status
        });
    }
    while let Some(status) = failing.join_next().await {
        assert!(status.unwrap() >= 500);
    }
    let answer = ann.confirm(&good).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let status = ann.wait(&good, Duration::from_secs(30)).await;
    assert_eq!(status["status"], "ready", "{status}");
}

/// A call to the store that is known to have failed lets the next one begin at once.
#[tokio::test]
async fn a_throttled_beginning_of_parts_does_not_block_the_next_try() {
    let begun = std::sync::atomic::AtomicUsize::new(0);
    let (host, _proxy, _store) = over_proxy(move |seen| {
        let is_begin = seen.method == "POST" && seen.target.contains("uploads");
        // As often as one call tries.
        let is_early = is_begin && begun.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 3;
        match is_early {
            true => Harm::Answer(503, "SlowDown"),
            false => Harm::None,
        }
    })
    .await;
    let mut user = host.user("ann").with_header("idempotency-key", "one");
    let body = json!({"filename": "t.csv", "content_type": "text/csv", "file_size_bytes": 20_000_000, "strategy": "multipart"});
    let first = user.post("/files/sign_upload", &body).await;
    println!("first: {} {}", first.status, first.text());
    let mut answer = first;
    for _ in 0..20 {
        if answer.status == 201 {
            return;
        }
        assert_ne!(
            answer.code(),
            "idempotency_in_progress",
            "{}",
            answer.text()
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
        answer = user.post("/files/sign_upload", &body).await;
    }
    unreachable!("no try began: {}", answer.text());
}
