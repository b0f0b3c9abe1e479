//! One key, one effect (invariant 10).

use e2e::{Answer, Host, POLICY, Signed, User, csv};
use reqwest::Method;
use serde_json::{Value, json};

async fn sign(user: &User, key: &str, body: &Value) -> Answer {
    let request = user.request(Method::POST, "/files/sign_upload").json(body);
    Answer::of(request.header("idempotency-key", key)).await
}

fn request(content: &[u8]) -> Value {
    json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len()})
}

#[tokio::test]
async fn inv10_the_same_call_is_the_same_upload_with_a_fresh_signature() {
    let host = Host::start(POLICY).await;
    let user = host.user(&format!("ann-{}", fastrand::u64(..)));
    let content = csv(10);
    let first = sign(&user, "key-1", &request(&content)).await;
    // Signatures are of a second.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let second = sign(&user, "key-1", &request(&content)).await;
    assert_eq!((first.status, second.status), (201, 201));
    assert_eq!(first.body["file_id"], second.body["file_id"]);
    assert_eq!(first.body["object_name"], second.body["object_name"]);
    assert_ne!(first.body["upload_url"], second.body["upload_url"]);
    assert_ne!(first.body["expires_at"], second.body["expires_at"]);
    assert_eq!(
        user.get("/files").await.body["files"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let other = sign(&user, "key-1", &request(b"other size")).await;
    assert_eq!(
        (other.status, other.code()),
        (422, "idempotency_key_reused")
    );
    assert_ne!(
        sign(&user, "key-2", &request(&content)).await.body["file_id"],
        first.body["file_id"]
    );

    // Either URL is good, once.
    assert_eq!(user.put(&Signed(second.body), &content).await, 200);
    let first = Signed(first.body);
    assert_eq!(user.put(&first, &content).await, 412);
    user.wait_ready(&first.file_id()).await;
    let late = sign(&user, "key-1", &request(&content)).await;
    assert_eq!((late.status, late.code()), (409, "already_uploaded"));
}

#[tokio::test]
async fn inv10_the_same_call_at_once_is_one_upload() {
    let host = Host::start(POLICY).await;
    let user = host.user(&format!("ann-{}", fastrand::u64(..)));
    let body = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": 6 << 20, "strategy": "multipart"});
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (user, body) = (user.clone(), body.clone());
        calls.spawn(async move { sign(&user, "key", &body).await });
    }
    let answers = calls.join_all().await;
    let granted: Vec<&Answer> = answers
        .iter()
        .filter(|answer| answer.status == 201)
        .collect();
    assert!(!granted.is_empty());
    for answer in &answers {
        let told = (answer.status, answer.code());
        assert!(
            matches!(told, (201, _) | (409, "idempotency_in_progress")),
            "{}",
            answer.text
        );
    }
    for answer in &granted {
        assert_eq!(answer.body["file_id"], granted[0].body["file_id"]);
        assert_eq!(
            answer.body["multipart"]["upload_id"],
            granted[0].body["multipart"]["upload_id"]
        );
    }
    assert_eq!(
        user.get("/files").await.body["files"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_multipart_upload_is_resumed_with_fresh_signatures() {
    let host = Host::start(POLICY).await;
    let user = host.user(&format!("ann-{}", fastrand::u64(..)));
    let content = csv(250_000);
    let mut body = request(&content);
    body["strategy"] = json!("multipart");
    let first = Signed(sign(&user, "key", &body).await.body);
    let sent = user.part_request(&first, 0, &content[..5 << 20]);
    assert_eq!(sent.send().await.unwrap().status(), 200);
    let second = Signed(sign(&user, "key", &body).await.body);
    assert_eq!(
        first.0["multipart"]["upload_id"],
        second.0["multipart"]["upload_id"]
    );
    let sent = user.part_request(&second, 1, &content[5 << 20..]);
    assert_eq!(sent.send().await.unwrap().status(), 200);
    assert_eq!(user.confirm(&first.file_id()).await.status, 200);
    assert_eq!(
        user.wait_ready(&first.file_id()).await["row_count"],
        250_000
    );
}

#[tokio::test]
async fn an_idempotency_key_that_is_none_is_refused() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let answer = sign(&user, &"k".repeat(256), &request(b"x")).await;
    assert_eq!(
        (answer.status, &answer.body["errors"][0]["field"]),
        (400, &json!("idempotency-key"))
    );
}
