//! Forms of nobody: what comes before a policy is verified must cost nothing.

use std::time::Duration;

use hostile::{Host, Raw};
use tokio::task::JoinSet;

use crate::support::assert_memory;

const FORMS: usize = 60;
const FILE_BYTES: usize = 12 << 20;
const LIMIT: Duration = Duration::from_secs(30);

/// Sends the form's fields and then a file, as long as it is taken; the answer's first line.
async fn post(store_url: String, fields: String) -> Option<String> {
    let boundary = "hostile";
    let begin = format!(
        "{fields}--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
    );
    let end = format!("\r\n--{boundary}--\r\n");
    let length = begin.len() + FILE_BYTES + end.len();
    let head = format!(
        "POST /files HTTP/1.1\r\nhost: {}\r\ncontent-type: multipart/form-data; boundary={boundary}\r\ncontent-length: {length}\r\n\r\n",
        store_url.trim_start_matches("http://")
    );
    let mut raw = Raw::connect(&store_url).await.ok()?;
    raw.write(head.as_bytes()).await;
    raw.write(begin.as_bytes()).await;
    let chunk = vec![b'x'; 256 << 10];
    for _ in 0..FILE_BYTES / chunk.len() {
        if !raw.write(&chunk).await {
            break;
        }
    }
    raw.write(end.as_bytes()).await;
    let answer = raw.answer(LIMIT).await?;
    answer.lines().next().map(str::to_owned)
}

fn field(name: &str, value: &str) -> String {
    format!("--hostile\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

async fn attack(host: &Host, fields: &str) {
    let mut forms = JoinSet::new();
    for _ in 0..FORMS {
        forms.spawn(post(host.store_url.clone(), fields.to_owned()));
    }
    while let Some(answer) = forms.join_next().await {
        // A connection that was closed while it was written to has no answer to read.
        if let Some(line) = answer.expect("it sends to its end") {
            assert!(line.contains(" 4"), "{line}");
        }
    }
    assert_memory(host);
    let kept = std::fs::read_dir(host.objects()).expect("the bucket has a folder");
    let large = kept.filter(|entry| {
        let size = entry
            .as_ref()
            .map(|entry| entry.metadata().map(|it| it.len()));
        matches!(size, Ok(Ok(size)) if size >= FILE_BYTES as u64)
    });
    assert_eq!(large.count(), 0, "nothing of it was kept");
}

#[tokio::test]
async fn forms_without_a_policy_cost_no_memory() {
    let host = Host::start().await;
    attack(&host, &field("key", "incoming/mallory/x.csv")).await;
}

#[tokio::test]
async fn forms_with_a_wrong_signature_cost_no_memory() {
    let host = Host::start().await;
    let fields = [
        ("key", "incoming/mallory/x.csv"),
        ("policy", "e30="),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        (
            "x-amz-credential",
            "consign/20261128/us-east-1/s3/aws4_request",
        ),
        ("x-amz-date", "20261128T000000Z"),
        (
            "x-amz-signature",
            "0000000000000000000000000000000000000000000000000000000000000000",
        ),
    ];
    let fields: String = fields
        .iter()
        .map(|(name, value)| field(name, value))
        .collect();
    attack(&host, &fields).await;
}

#[tokio::test]
async fn a_field_without_an_end_costs_no_memory() {
    let host = Host::start().await;
    // The file's bytes follow inside the last field.
    let endless = "--hostile\r\ncontent-disposition: form-data; name=\"policy\"\r\n\r\n".to_owned()
        + &"x".repeat(64 << 10);
    attack(&host, &(field("key", "incoming/mallory/x.csv") + &endless)).await;
}
