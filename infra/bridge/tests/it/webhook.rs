//! The notifications of the bucket.

use ports::free_port;
use serde_json::Value;

use crate::support::{Bridge, Functions, Queue, Reply, http, until};

const NOTIFICATION: &str = include_str!("../../../../tests/fixtures/events/minio-put.json");
const TOKEN: &str = "consign-development";

async fn post(bridge: &Bridge, token: Option<&str>, body: &str) -> u16 {
    let request = http().post(format!("http://{}/events", bridge.webhook));
    let request = request.body(body.to_owned());
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn inv22_a_notification_with_a_bad_secret_puts_nothing_on_the_queue() {
    let queue = Queue::new(30, 5).await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let bridge = Bridge::start((&queue.server.endpoint, &queue.name), &nobody, &[]).await;
    for token in [
        None,
        Some(""),
        Some("consign"),
        Some("consign-development2"),
    ] {
        assert_eq!(post(&bridge, token, NOTIFICATION).await, 401, "{token:?}");
    }
    assert_eq!(queue.count().await, 0);
    // What is acknowledged is on the queue, as it came.
    assert_eq!(post(&bridge, Some(TOKEN), NOTIFICATION).await, 200);
    assert_eq!(queue.count().await, 1);
    assert_eq!(queue.take().await.as_deref(), Some(NOTIFICATION));
}

#[tokio::test]
async fn inv12_without_the_queue_a_notification_stays_with_the_store() {
    let port = free_port();
    let endpoint = format!("http://127.0.0.1:{port}");
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let bridge = Bridge::start((&endpoint, "consign-ingest"), &nobody, &[]).await;
    assert_eq!(post(&bridge, Some(TOKEN), NOTIFICATION).await, 503);
    // A queue server without the queue is no better.
    let queue = Queue::new(30, 5).await;
    let bridge = Bridge::start((&queue.server.endpoint, "nowhere"), &nobody, &[]).await;
    assert_eq!(post(&bridge, Some(TOKEN), NOTIFICATION).await, 503);
}

#[tokio::test]
async fn what_can_be_no_message_keeps_nothing_waiting() {
    let queue = Queue::new(30, 5).await;
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let bridge = Bridge::start((&queue.server.endpoint, &queue.name), &nobody, &[]).await;
    assert_eq!(
        post(&bridge, Some(TOKEN), &"x".repeat(300 << 10)).await,
        200
    );
    // MinIO asks so whether anybody is there.
    assert_eq!(post(&bridge, Some(TOKEN), "").await, 200);
    assert_eq!(queue.count().await, 0);
    let health = http().get(format!("http://{}/health", bridge.webhook));
    assert_eq!(health.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_notification_reaches_the_function() {
    let queue = Queue::new(30, 5).await;
    let functions = Functions::start(|_, _| Reply::Json(Value::Null)).await;
    let bridge = Bridge::over(&queue, &functions).await;
    assert_eq!(post(&bridge, Some(TOKEN), NOTIFICATION).await, 200);
    until("it is taken", async || !functions.seen().is_empty()).await;
    assert_eq!(functions.batches().concat(), [NOTIFICATION]);
    queue.until_empty().await;
}
