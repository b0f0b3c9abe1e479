//! Another owner's file answers exactly as one that is not there (invariant 20).

use e2e::{Answer, Host, POLICY, User, csv};
use reqwest::Method;
use serde_json::json;

/// Every call that names a file.
async fn calls(user: &User, file_id: &str) -> Vec<Answer> {
    vec![
        user.get(&format!("/files/{file_id}/status")).await,
        user.get(&format!("/files/{file_id}/download-url")).await,
        user.get(&format!("/files/{file_id}/download-url?variant=parquet"))
            .await,
        user.confirm(file_id).await,
        user.delete(file_id).await,
    ]
}

/// What an answer says, without what differs from call to call.
fn said(answer: &Answer) -> (u16, String, Vec<String>) {
    let mut body = answer.body.clone();
    body["request_id"] = json!(null);
    let mut headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
    headers.sort();
    (answer.status, body.to_string(), headers)
}

#[tokio::test]
async fn inv20_anothers_file_answers_as_an_unknown_one() {
    let host = Host::start(POLICY).await;
    let (ann, bob) = (host.user("ann"), host.user("bob"));
    let ready = ann.put_csv(&csv(10)).await;
    ann.wait_ready(&ready).await;
    let pending = ann.sign_csv(&csv(10)).await.file_id();
    // A well-formed id that nobody has: one digit of the random part changed.
    let last = if ready.ends_with('0') { '1' } else { '0' };
    let unknown = format!("{}{last}", &ready[..ready.len() - 1]);
    let expected: Vec<_> = calls(&bob, &unknown).await.iter().map(said).collect();
    assert!(expected.iter().all(|(status, ..)| *status == 404));
    for file_id in [
        &ready,
        &pending,
        "no-id-at-all",
        "00000000-0000-0000-0000-000000000000",
    ] {
        let got: Vec<_> = calls(&bob, file_id).await.iter().map(said).collect();
        assert_eq!(got, expected, "{file_id}");
    }
    // And nothing happened to it.
    assert_eq!(ann.status(&ready).await["status"], "ready");
    assert_eq!(ann.status(&pending).await["status"], "pending");
    let listed = bob.get("/files?limit=500").await;
    assert!(!listed.text.contains(&ready) && !listed.text.contains(&pending));
}

#[tokio::test]
async fn inv16_objects_are_named_by_the_server_under_their_owner() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann@example.org/../bob");
    let content = csv(10);
    let request = json!({"filename": "päß \"quoted\".csv", "content_type": "text/csv", "file_size_bytes": content.len()});
    let signed = user.sign(&request).await;
    let key = signed.key();
    assert!(
        key.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/_.=-".contains(&b)),
        "{key}"
    );
    assert!(!key.contains("quoted"), "{key}");
    let segments: Vec<&str> = key.split('/').collect();
    assert!(
        segments.len() == 3
            && segments
                .iter()
                .all(|segment| !matches!(*segment, "" | "." | "..")),
        "{key}"
    );
    assert!(
        !key.starts_with("incoming/bob") && !key.starts_with("incoming/ann/"),
        "{key}"
    );
    assert_eq!(user.put(&signed, &content).await, 200);
    user.wait_ready(&signed.file_id()).await;
}

#[tokio::test]
async fn one_owners_idempotency_key_is_not_anothers() {
    let host = Host::start(POLICY).await;
    let request = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": 10});
    let key = format!("key-{}", fastrand::u64(..));
    let mut ids = Vec::new();
    for owner in ["ann", "bob"] {
        let call = host
            .user(owner)
            .request(Method::POST, "/files/sign_upload")
            .json(&request);
        let answer = Answer::of(call.header("idempotency-key", &key)).await;
        assert_eq!(answer.status, 201);
        ids.push(answer.body["file_id"].clone());
    }
    assert_ne!(ids[0], ids[1]);
}
