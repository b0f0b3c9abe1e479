//! What is used again: a form, and an upload in parts whose URLs have ended.

use std::time::Duration;

use bytes::Bytes;
use hostile::{Answer, Client, POLICY, Signed, csv};
use serde_json::{Value, json};

use crate::support::{Clock, under_policy};

const PATIENCE: Duration = Duration::from_secs(40);
const ROWS: usize = 50;
const PART_BYTES: usize = 5 << 20;
/// The policy's.
const URL_S: i64 = 120;
const PAUSE_S: i64 = 900;

fn with_strategies() -> String {
    let strategies = "strategies = [\"put\", \"post\", \"multipart\"]\nmultipart_over = \"5 MiB\"\npart_size = \"5 MiB\"\n";
    format!("{}\n{strategies}", POLICY.trim_end())
}

/// Sends a form with this file.
async fn post(signed: &Value, content: &Bytes) -> Answer {
    let boundary = "hostile";
    let mut body = Vec::new();
    for (name, value) in signed["form_fields"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let field = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
        body.extend_from_slice(field.as_bytes());
    }
    let file = format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
    );
    body.extend_from_slice(file.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    let kind = format!("multipart/form-data; boundary={boundary}");
    let headers = [("content-type".to_owned(), kind)];
    let url = signed["upload_url"].as_str().unwrap();
    let mut client = Client::default();
    let sent = client.send(("POST", url), &headers, body.into());
    sent.await.unwrap()
}

#[tokio::test]
async fn a_form_that_is_used_again_does_not_replace_a_ready_file() {
    let host = under_policy(hostile::Options::default(), &with_strategies()).await;
    let mut user = host.user("ann");
    let content = csv(ROWS);
    let body = json!({
        "filename": "table.csv", "content_type": "text/csv", "file_size_bytes": content.len(), "strategy": "post",
    });
    let answer = user.post("/files/sign_upload", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let signed = answer.json();
    let sent = post(&signed, &content).await;
    assert!((200..300).contains(&sent.status), "{}", sent.text());
    let file_id = Signed(signed.clone()).file_id();
    let status = user.wait(&file_id, PATIENCE).await;
    assert_eq!(status["status"], "ready", "{status}");
    let parquet = format!("/files/{file_id}/download-url?variant=parquet");
    let mut download = async || {
        let answer = user.get(&parquet).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let url = answer.json()["url"].as_str().unwrap().to_owned();
        let got = user.client.send(("GET", &url), &[], Bytes::new()).await;
        (got.unwrap().bytes, user.status(&file_id).await)
    };
    let (before, _) = download().await;
    // Of the same length, as the form asks for.
    let other: Bytes = content
        .iter()
        .map(|byte| byte ^ u8::from(*byte == b'1'))
        .collect();
    assert_ne!(other, content);
    for _ in 0..3 {
        let sent = post(&signed, &other).await;
        println!("used again: {}", sent.status);
        // Told of, and looked at by the sweep.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let (after, status) = download().await;
        assert_eq!(status["status"], "ready", "{status}");
        assert_eq!(after, before);
        if (200..300).contains(&sent.status) {
            assert_eq!(status["warning"]["code"], "overwrite_refused", "{status}");
        }
    }
}

/// Part by part, with URLs of two minutes and a quarter of an hour between them.
#[tokio::test]
async fn an_upload_in_parts_outlives_its_urls() {
    let clock = Clock::new();
    let host = under_policy(clock.options(), &with_strategies()).await;
    let content = csv(180_000);
    assert!(content.len() > PART_BYTES);
    let mut user = host.user("ann").with_header("idempotency-key", "one");
    let body = json!({
        "filename": "table.csv", "content_type": "text/csv", "file_size_bytes": content.len(), "strategy": "multipart",
    });
    let mut sign = async || {
        let answer = user.post("/files/sign_upload", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json()
    };
    let chunks: Vec<Bytes> = content
        .chunks(PART_BYTES)
        .map(Bytes::copy_from_slice)
        .collect();
    let mut client = Client::default();
    let mut put = async |signed: &Value, index: usize| {
        let part = &signed["multipart"]["parts"][index];
        let headers: Vec<(String, String)> = part["headers"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        let url = part["url"].as_str().unwrap();
        let sent = client.send(("PUT", url), &headers, chunks[index].clone());
        sent.await.unwrap().status
    };
    let first = sign().await;
    assert_eq!(put(&first, 0).await, 200);
    let mut last = first.clone();
    for time in 1..=3 {
        clock.set(time * PAUSE_S);
        assert_eq!(put(&last, 1).await, 403, "its URL is over");
        last = sign().await;
        assert_eq!(last["file_id"], first["file_id"]);
        assert_eq!(
            last["multipart"]["upload_id"],
            first["multipart"]["upload_id"]
        );
    }
    // The sweep finds it with one part of two, and its first URLs dead.
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(put(&last, 1).await, 200);
    clock.set(3 * PAUSE_S + URL_S - 30);
    let file_id = Signed(first).file_id();
    let confirmed = user.confirm(&file_id).await;
    assert_eq!(confirmed.status, 200, "{}", confirmed.text());
    let status = user.wait(&file_id, PATIENCE).await;
    assert_eq!(status["status"], "ready", "{status}");
    assert_eq!(user.download(&file_id).await.bytes, content);
}
