//! Batches of the queue, and the schedule.

use ports::free_port;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::{Bridge, Functions, Queue, Reply, bodies, failing, until};

/// Longer than a test's own work takes; a message that was failed comes again after it.
const VISIBILITY_S: u32 = 3;

#[tokio::test]
async fn what_succeeds_is_deleted() {
    let queue = Queue::new(30, 5).await;
    for body in ["a", "b", "c"] {
        queue.send(body).await;
    }
    let functions = Functions::start(|_, _| Reply::Json(Value::Null)).await;
    let _bridge = Bridge::over(&queue, &functions).await;
    queue.until_empty().await;
    let mut taken = functions.batches().concat();
    taken.sort();
    assert_eq!(taken, ["a", "b", "c"]);
    let (name, event) = &functions.seen()[0];
    assert_eq!(name, "ingest-on-object-created");
    let record = &event["Records"][0];
    assert_eq!(record["eventSource"], "aws:sqs");
    assert_eq!(record["attributes"]["ApproximateReceiveCount"], "1");
    let arn = record["eventSourceARN"].as_str().unwrap();
    assert!(arn.ends_with(&format!(":{}", queue.name)), "{arn}");
}

#[tokio::test]
async fn of_a_batch_only_the_failed_comes_again() {
    let queue = Queue::new(VISIBILITY_S, 5).await;
    for body in ["good", "bad", "fine"] {
        queue.send(body).await;
    }
    let failed = AtomicUsize::new(0);
    let functions = Functions::start(move |_, event| {
        let is_bad = bodies(event).contains(&"bad".to_owned());
        let fails = is_bad && failed.fetch_add(1, Ordering::Relaxed) == 0;
        failing(event, |body| fails && body == "bad")
    })
    .await;
    let _bridge = Bridge::over(&queue, &functions).await;
    queue.until_empty().await;
    let batches = functions.batches();
    assert_eq!(batches.last().unwrap(), &["bad"], "{batches:?}");
    assert_eq!(batches.concat().len(), 4, "{batches:?}");
    assert_eq!(queue.take_dead().await, None);
}

#[tokio::test]
async fn a_function_that_fails_keeps_the_whole_batch() {
    let queue = Queue::new(VISIBILITY_S, 5).await;
    for body in ["a", "b"] {
        queue.send(body).await;
    }
    let invoked = AtomicUsize::new(0);
    let functions = Functions::start(move |_, _| match invoked.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::Error,
        // Neither is this an answer to a batch.
        1 => Reply::Json(json!("done")),
        _ => Reply::Json(json!({"batchItemFailures": []})),
    })
    .await;
    let _bridge = Bridge::over(&queue, &functions).await;
    queue.until_empty().await;
    let taken = functions.batches().concat();
    for body in ["a", "b"] {
        assert!(
            taken.iter().filter(|other| *other == body).count() >= 2,
            "{taken:?}"
        );
    }
    assert_eq!(queue.take_dead().await, None);
}

#[tokio::test]
async fn a_function_that_does_not_answer_is_given_up() {
    let queue = Queue::new(VISIBILITY_S, 5).await;
    queue.send("a").await;
    let invoked = AtomicUsize::new(0);
    let functions = Functions::start(move |_, _| match invoked.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::Silence,
        _ => Reply::Json(Value::Null),
    })
    .await;
    let _bridge = Bridge::over(&queue, &functions).await;
    queue.until_empty().await;
    assert_eq!(functions.batches(), [["a"], ["a"]]);
}

#[tokio::test]
async fn inv12_a_poison_message_ends_among_the_dead_alone() {
    let queue = Queue::new(1, 2).await;
    for body in ["a", "poison", "b"] {
        queue.send(body).await;
    }
    let functions = Functions::start(|_, event| failing(event, |body| body == "poison")).await;
    let _bridge = Bridge::over(&queue, &functions).await;
    // Nobody may look among the dead before: ElasticMQ moves a message without a copy, and one that is received there while it
    // is on its way stays counted here for ever.
    queue.until_empty().await;
    let mut dead = None;
    until("the poison is among the dead", async || {
        dead = queue.take_dead().await;
        dead.is_some()
    })
    .await;
    assert_eq!(dead.as_deref(), Some("poison"));
    assert_eq!(queue.take_dead().await, None);
    let taken = functions.batches().concat();
    assert_eq!(
        taken.iter().filter(|body| *body == "poison").count(),
        2,
        "{taken:?}"
    );
}

#[tokio::test]
async fn what_comes_twice_is_handed_on_twice() {
    let queue = Queue::new(30, 5).await;
    for _ in 0..2 {
        queue.send("same").await;
    }
    let functions = Functions::start(|_, _| Reply::Json(json!({}))).await;
    let _bridge = Bridge::over(&queue, &functions).await;
    queue.until_empty().await;
    assert_eq!(functions.batches().concat(), ["same", "same"]);
}

#[tokio::test]
async fn messages_wait_for_functions_that_are_not_there_yet() {
    let queue = Queue::new(1, 2).await;
    queue.send("a").await;
    let port = free_port();
    let runtime = format!("http://127.0.0.1:{port}");
    let _bridge = Bridge::start((&queue.server.endpoint, &queue.name), &runtime, &[]).await;
    // Time enough to use up its deliveries, were it handed out.
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
    let functions = Functions::start_at(port, |_, _| Reply::Json(Value::Null)).await;
    queue.until_empty().await;
    let event = &functions.seen()[0].1;
    assert_eq!(
        event["Records"][0]["attributes"]["ApproximateReceiveCount"],
        "1"
    );
    assert_eq!(queue.take_dead().await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_under_way_is_finished_before_the_end() {
    let queue = Queue::new(30, 5).await;
    queue.send("a").await;
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let functions = Functions::start(move |_, _| {
        tokio::task::block_in_place(|| released.lock().unwrap().recv().unwrap());
        Reply::Json(Value::Null)
    });
    let functions = functions.await;
    let bridge = Bridge::over(&queue, &functions).await;
    until("the batch is under way", async || {
        !functions.seen().is_empty()
    })
    .await;
    bridge.stop.cancel();
    release.send(()).unwrap();
    bridge.end().await;
    assert_eq!(queue.count().await, 0);
}

#[tokio::test]
async fn the_schedule_invokes_the_sweep() {
    let queue = Queue::new(30, 5).await;
    let functions = Functions::start(|_, _| Reply::Json(Value::Null)).await;
    let address = (queue.server.endpoint.as_str(), queue.name.as_str());
    let _bridge = Bridge::start(address, &functions.url, &["--sweep-every", "1"]).await;
    until("it swept twice", async || functions.seen().len() >= 2).await;
    for (name, event) in functions.seen() {
        assert_eq!(
            (name.as_str(), event),
            ("ingest-on-object-created", json!({"sweep": "due"}))
        );
    }
}
