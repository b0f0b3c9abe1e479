//! Messages as a queue delivers them: twice, late, in another order, and some that are poison.

use std::time::Duration;

use edge_tests::{User, Workerd};
use serde_json::json;

const BUCKET: &str = "e2e-files";

/// The message that R2 sends of an object.
fn notification(key: &str, etag: &str, action: &str) -> String {
    json!({
        "account": "3f4b7e3dcab231cbfdaa90a6a28bd548",
        "action": action,
        "bucket": BUCKET,
        "object": {"key": key, "size": 12, "eTag": etag},
        "eventTime": "2026-05-24T19:36:44.379Z",
    })
    .to_string()
}

/// How often the log tells that an upload was brought to `ready`.
fn commits(workerd: &Workerd, file_id: &str) -> usize {
    let log = workerd.log();
    let lines = log.lines();
    lines
        .filter(|line| {
            line.contains("\"operation\":\"ingest\"") && line.contains("\"status\":\"ready\"")
        })
        .filter(|line| line.contains(file_id))
        .count()
}

/// Invariants 3 and 12.
#[tokio::test]
async fn each_upload_commits_once_however_often_and_late_it_is_told_of() {
    let workerd = Workerd::consign();
    let user = User::of(&workerd, "ada");
    let mut signed = Vec::new();
    for number in 0..4 {
        signed.push(user.sign(&format!("{number}.csv"), 12).await);
    }
    let key = |index: usize| signed[index]["object_name"].as_str().unwrap().to_owned();
    // 1. Told before it is there, and of keys that nobody knows.
    workerd
        .send(&notification(&key(0), "early", "PutObject"))
        .await;
    workerd
        .send(&notification("incoming/nobody/x.csv", "x", "PutObject"))
        .await;
    workerd
        .send(&notification(
            "incoming/nobody/y.csv",
            "never",
            "DeleteObject",
        ))
        .await;
    // 2. The last first, and each of them three times beside the store's own.
    for (index, upload) in signed.iter().enumerate().rev() {
        user.put(upload, b"a,b\n1,2\n3,4\n".to_vec()).await;
        for _ in 0..3 {
            workerd
                .send(&notification(&key(index), "other", "PutObject"))
                .await;
        }
    }
    for upload in &signed {
        let status = user.settle(upload).await;
        assert_eq!(
            (&status["status"], &status["row_count"]),
            (&json!("ready"), &json!(2))
        );
    }
    // 3. Later still.
    for index in 0..signed.len() {
        workerd
            .send(&notification(
                &key(index),
                "late",
                "CompleteMultipartUpload",
            ))
            .await;
    }
    let last = user.sign("last.csv", 12).await;
    user.put(&last, b"a,b\n1,2\n3,4\n".to_vec()).await;
    user.settle(&last).await;
    for upload in &signed {
        assert_eq!(commits(&workerd, upload["file_id"].as_str().unwrap()), 1);
    }
}

/// Invariant 12: what is of no use goes aside with its reason, and the rest goes on.
#[tokio::test]
async fn poison_ends_in_the_dead_letter_queue_with_its_reason_and_blocks_nobody() {
    let workerd = Workerd::consign();
    let user = User::of(&workerd, "ada");
    let signed = user.sign("a.csv", 12).await;
    workerd.send("\"not an event\"").await;
    workerd.send("{\"what\":\"is this\"}").await;
    user.put(&signed, b"a,b\n1,2\n3,4\n".to_vec()).await;
    workerd.send("[1, 2, 3]").await;
    let status = user.settle(&signed).await;
    assert_eq!(status["status"], "ready");
    for body in ["not an event", "is this", "[1,2,3]"] {
        let letter = workerd.wait_for(&["dead_letter", body], Duration::from_secs(60));
        assert!(letter.contains("reason"), "{letter}");
    }
}
