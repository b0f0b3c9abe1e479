//! What is seen of a process from outside its wire: its log, its figures, its page.

use std::time::Duration;

use e2e::{Answer, OwnHost, POLICY, csv};
use reqwest::Method;
use serde_json::Value;

#[tokio::test]
async fn inv27_our_own_output_never_triggers_our_ingest() {
    let host = OwnHost::spawn(POLICY).await;
    let user = host.user("ann");
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(user.put_csv(&csv(50)).await);
    }
    for id in &ids {
        user.wait_ready(id).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let runs = host
        .log()
        .lines()
        .filter(|line| line.contains(r#""operation":"ingest""#))
        .count();
    assert_eq!(runs, ids.len());
    assert_eq!(
        user.get("/files").await.body["files"]
            .as_array()
            .unwrap()
            .len(),
        ids.len()
    );
}

#[tokio::test]
async fn inv24_metrics_count_and_tell_no_secret() {
    let host = OwnHost::spawn(POLICY).await;
    let user = host.user("ann");
    let file_id = user.put_csv(&csv(10)).await;
    user.wait_ready(&file_id).await;
    user.download(&file_id, "parquet").await;
    let metrics = Answer::of(user.bare(Method::GET, "/metrics")).await;
    assert_eq!(
        (metrics.status, metrics.header("content-type")),
        (200, "text/plain; version=0.0.4")
    );
    assert!(metrics.text.contains("sign_upload"), "{}", metrics.text);
    for secret in ["X-Amz", "eyJ", "http://", &file_id] {
        assert!(
            !metrics.text.contains(secret),
            "{secret} in {}",
            metrics.text
        );
    }
    // That the log tells none is checked of every host of every test, when it ends.
    let log = host.log();
    assert!(
        log.contains(&file_id) && log.contains(r#""operation":"sign_upload""#),
        "{log}"
    );
}

#[tokio::test]
async fn the_page_is_served_and_loads_nothing_from_elsewhere() {
    let host = OwnHost::spawn(POLICY).await;
    let page = Answer::of(host.user("ann").bare(Method::GET, "/")).await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(
        page.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
    assert_eq!(page.body, Value::Null);
}

#[tokio::test]
async fn inv3_confirmed_and_told_of_it_is_committed_once() {
    let host = OwnHost::spawn(POLICY).await;
    let user = host.user("ann");
    let mut ids = Vec::new();
    for _ in 0..5 {
        let file_id = user.put_csv(&csv(50)).await;
        assert_eq!(user.confirm(&file_id).await.status, 200);
        ids.push(file_id);
    }
    for file_id in &ids {
        user.wait_ready(file_id).await;
    }
    // Whatever the store has to tell is told by then.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let is_commit = |line: &&str| {
        line.contains(r#""operation":"ingest""#) && line.contains(r#""status":"ready""#)
    };
    assert_eq!(host.log().lines().filter(is_commit).count(), ids.len());
}
