//! A store that calls its etags weak.

use std::time::Duration;

use hostile::{Harm, csv};
use serde_json::json;

use crate::support::over_proxy;

#[tokio::test]
async fn a_store_with_weak_etags_is_served() {
    let (host, _proxy, _store) = over_proxy(|_| Harm::WeakETag).await;
    let mut user = host.user("ann");
    let content = csv(20);
    let signed = user.sign_csv(content.len()).await;
    let sent = user.put(&signed, &content, &[]).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let etag = sent.header("etag").to_owned();
    assert!(etag.starts_with("W/"), "{etag}");
    let body = json!({"file_id": signed.file_id(), "etag": etag});
    let answer = user.post("/files/confirm", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let status = user.wait(&signed.file_id(), Duration::from_secs(60)).await;
    assert_eq!(status["status"], "ready", "{status}");
}

/// So it is where only the client, or something between, says so.
#[tokio::test]
async fn a_weak_etag_of_a_client_names_the_version() {
    let (host, _proxy, _store) = over_proxy(|_| Harm::None).await;
    let mut user = host.user("ann");
    let content = csv(20);
    let signed = user.sign_csv(content.len()).await;
    let sent = user.put(&signed, &content, &[]).await;
    let etag = format!("W/{}", sent.header("etag"));
    let body = json!({"file_id": signed.file_id(), "etag": etag});
    let answer = user.post("/files/confirm", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}
