//! The whole job, by each way of sending, confirmed or not.

use std::time::Duration;

use e2e::{Host, POLICY, StoreKind, User, csv};
use serde_json::{Value, json};

use crate::{forms_are_refused, read_parquet, sha256};

/// The file is ready, has so many rows, and its Parquet has them too.
async fn check_ready(user: &User, file_id: &str, rows: usize) -> Value {
    let status = user.wait_ready(file_id).await;
    assert_eq!(status["row_count"], rows);
    assert_eq!(status["columns"], json!(["id", "amount", "name"]));
    let (in_parquet, columns, first) = read_parquet(user.download(file_id, "parquet").await);
    assert_eq!(usize::try_from(in_parquet), Ok(rows));
    assert_eq!(columns, ["id", "amount", "name"]);
    assert_eq!(first, r#"{id: 0, amount: 0.5, name: "name, 0"}"#);
    status
}

#[tokio::test]
async fn a_put_that_is_confirmed_becomes_parquet() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(500);
    let signed = user.sign_csv(&content).await;
    assert_eq!(
        (&signed.0["strategy"], &signed.0["method"]),
        (&json!("put"), &json!("PUT"))
    );
    assert_eq!(signed.0["bucket"], host.bucket());
    assert_eq!(user.put(&signed, &content).await, 200);
    let confirmed = user.confirm(&signed.file_id()).await;
    assert_eq!(
        (confirmed.status, &confirmed.body["file_id"]),
        (200, &json!(signed.file_id()))
    );
    let status = check_ready(&user, &signed.file_id(), 500).await;
    assert_eq!(status["file_size_bytes"], content.len());
    assert_eq!(status["error"], Value::Null);
    assert_eq!(
        status["variants"],
        json!(["original", "parquet", "profile"])
    );
    assert_eq!(user.download(&signed.file_id(), "original").await, content);
    let profile: Value =
        serde_json::from_slice(&user.download(&signed.file_id(), "profile").await).unwrap();
    assert_eq!(profile["rows"], 500);
    assert_eq!(profile["columns"][0]["sum"], 499 * 500 / 2);
    assert_eq!(
        (&profile["columns"][1]["min"], &profile["columns"][1]["max"]),
        (&json!("0.5"), &json!("499.5"))
    );
}

#[tokio::test]
async fn a_put_without_a_confirm_becomes_parquet() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let file_id = user.put_csv(&csv(20)).await;
    check_ready(&user, &file_id, 20).await;
}

#[tokio::test]
async fn a_put_with_its_checksum_is_taken() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(20);
    let request = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len(),
        "checksum_sha256": sha256(&content)});
    let signed = user.sign(&request).await;
    assert!(
        signed
            .headers()
            .iter()
            .any(|(name, _)| name == "x-amz-checksum-sha256")
    );
    assert_eq!(user.put(&signed, &content).await, 200);
    check_ready(&user, &signed.file_id(), 20).await;
}

#[tokio::test]
async fn a_form_becomes_parquet() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    if !StoreKind::asked().takes_forms() {
        return forms_are_refused(&user, "dataset").await;
    }
    let content = csv(30);
    let signed = user
        .sign(&json!({"filename": "a.csv", "strategy": "post"}))
        .await;
    assert_eq!(signed.0["method"], "POST");
    assert!((200..300).contains(&user.post_form(&signed, &[], &content).await));
    assert_eq!(user.confirm(&signed.file_id()).await.status, 200);
    check_ready(&user, &signed.file_id(), 30).await;
}

/// More than two parts of 5 MiB.
fn large() -> (usize, Vec<u8>) {
    let rows = 400_000;
    let content = csv(rows);
    assert!(content.len() > 2 * 5 * 1024 * 1024);
    (rows, content)
}

#[tokio::test]
async fn three_parts_become_one_parquet_however_often_confirmed() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let (rows, content) = large();
    let request = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len(),
        "strategy": "multipart"});
    let signed = user.sign(&request).await;
    let etags = user.put_parts(&signed, &content).await;
    assert_eq!(etags.len(), 3);
    let parts: Vec<Value> = (1..)
        .zip(&etags)
        .map(|(number, etag)| json!({"part_number": number, "etag": etag}))
        .collect();
    let body = json!({"file_id": signed.file_id(), "parts": parts});
    for _ in 0..2 {
        let confirmed = user.post("/files/confirm", &body).await;
        assert_eq!(confirmed.status, 200, "{}", confirmed.text);
    }
    check_ready(&user, &signed.file_id(), rows).await;
    assert_eq!(user.download(&signed.file_id(), "original").await, content);
    let again = user.post("/files/confirm", &body).await;
    assert_eq!(
        (again.status, &again.body["status"]),
        (200, &json!("ready"))
    );
}

#[tokio::test]
async fn inv3_confirm_and_event_in_either_order_and_doubled_commit_once() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(50);
    let (mut ids, mut running) = (Vec::new(), tokio::task::JoinSet::new());
    for _ in 0..8 {
        let signed = user.sign_csv(&content).await;
        ids.push(signed.file_id());
        let (user, content) = (user.clone(), content.clone());
        running.spawn(async move {
            // Confirms from before the bytes are there until after they are processed.
            let id = signed.file_id();
            let early = user.confirm(&id).await;
            assert_eq!((early.status, early.code()), (409, "object_missing"));
            assert_eq!(user.put(&signed, &content).await, 200);
            let (one, two) = tokio::join!(user.confirm(&id), user.confirm(&id));
            for confirmed in [one, two] {
                // One that lost every race is told to come again; it never is an error of another kind.
                assert!(
                    matches!(
                        (confirmed.status, confirmed.code()),
                        (200, _) | (409, "conflict")
                    ),
                    "{}",
                    confirmed.text
                );
            }
        });
    }
    while let Some(done) = running.join_next().await {
        done.unwrap();
    }
    let mut processed = Vec::new();
    for id in &ids {
        processed.push(user.wait_ready(id).await["processed_at"].clone());
    }
    for id in &ids {
        assert_eq!(user.confirm(id).await.body["status"], "ready");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (id, processed_at) in ids.iter().zip(&processed) {
        assert_eq!(&user.status(id).await["processed_at"], processed_at);
        let output = |version: u32| format!("datasets/ann/{id}/v{version}.parquet");
        assert!(host.store().get(host.bucket(), &output(1)).await.is_some());
        assert!(host.store().get(host.bucket(), &output(2)).await.is_none());
    }
}
