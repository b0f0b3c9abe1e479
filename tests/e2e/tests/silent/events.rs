//! `/events/minio`, and who may be heard there (invariant 22).

use e2e::{Answer, Host, OwnHost, SilentStore, csv};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

const TOKEN: &str = "the webhook's own long secret";

/// What MinIO sends when an object was made.
fn created(bucket: &str, key: &str) -> Value {
    let encoded = key.replace('/', "%2F");
    json!({"EventName": "s3:ObjectCreated:Put", "Key": format!("{bucket}/{key}"), "Records": [{
        "eventVersion": "2.0", "eventSource": "minio:s3", "awsRegion": "", "eventTime": "2026-01-31T10:00:00.000Z",
        "eventName": "s3:ObjectCreated:Put", "userIdentity": {"principalId": "consign"},
        "s3": {"s3SchemaVersion": "1.0", "configurationId": "consign-1",
            "bucket": {"name": bucket, "arn": format!("arn:aws:s3:::{bucket}"), "ownerIdentity": {"principalId": "consign"}},
            "object": {"key": encoded, "size": 90, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "17E0A1B2C3D4E5F6"}}}]})
}

fn webhook(host: &Host, body: impl Into<reqwest::Body>) -> RequestBuilder {
    let request = host.user("nobody").bare(Method::POST, "/events/minio");
    request
        .header("content-type", "application/json")
        .body(body.into())
}

/// How many messages the host has taken up, and how many wait.
async fn figures(host: &Host) -> (u64, u64) {
    let text = Answer::of(host.user("ann").bare(Method::GET, "/metrics"))
        .await
        .text;
    let sum = |name: &str| {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    };
    (
        sum("consign_ingest_total"),
        sum("consign_ingest_queue_depth"),
    )
}

#[tokio::test]
async fn a_webhook_with_the_secret_brings_a_file_to_ready() {
    let store = SilentStore::start().await;
    let host = OwnHost::over(&store, Some(TOKEN)).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    assert_eq!(user.put(&signed, &content).await, 200);
    let event = created(host.bucket(), signed.key());
    let told = Answer::of(webhook(&host, event.to_string()).bearer_auth(TOKEN)).await;
    assert_eq!((told.status, &told.body["queued"]), (200, &json!(true)));
    assert_eq!(user.wait_ready(&signed.file_id()).await["row_count"], 10);
    for method in [Method::GET, Method::HEAD] {
        let asked = Answer::of(user.bare(method, "/events/minio")).await;
        assert_eq!(asked.status, 200);
    }
}

#[tokio::test]
async fn inv12_an_event_that_was_taken_survives_the_process() {
    let store = SilentStore::start().await;
    let mut host = OwnHost::over(&store, Some(TOKEN)).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    assert_eq!(user.put(&signed, &content).await, 200);
    let event = created(host.bucket(), signed.key());
    let told = Answer::of(webhook(&host, event.to_string()).bearer_auth(TOKEN)).await;
    assert_eq!(told.status, 200);
    host.restart().await;
    assert_eq!(user.wait_ready(&signed.file_id()).await["row_count"], 10);
}

#[tokio::test]
async fn inv22_an_event_with_a_bad_secret_changes_nothing() {
    let store = SilentStore::start().await;
    let host = OwnHost::over(&store, Some(TOKEN)).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    assert_eq!(user.put(&signed, &content).await, 200);
    let event = created(host.bucket(), signed.key()).to_string();
    let own = host.token("ann", None);
    let with = |value: &str| webhook(&host, event.clone()).header("authorization", value);
    for request in [
        webhook(&host, event.clone()),
        with(""),
        with("Bearer"),
        with("Bearer "),
        with(&format!("Bearer {own}")),
        with(&format!("Bearer {}", &TOKEN[1..])),
        with(&format!("Bearer {TOKEN}x")),
        with(&format!("Basic {TOKEN}")),
        with(TOKEN),
    ] {
        let told = Answer::of(request).await;
        assert_eq!((told.status, told.code()), (401, "unauthorized"));
    }
    assert_eq!(user.status(&signed.file_id()).await["status"], "pending");
    assert_eq!(figures(&host).await, (0, 0));
}

#[tokio::test]
async fn inv22_an_unknown_bucket_or_key_changes_nothing() {
    let store = SilentStore::start().await;
    let host = OwnHost::over(&store, Some(TOKEN)).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign_csv(&content).await;
    assert_eq!(user.put(&signed, &content).await, 200);
    let tell = async |event: Value| {
        let told = Answer::of(webhook(&host, event.to_string()).bearer_auth(TOKEN)).await;
        assert_eq!(told.status, 200, "{}", told.text);
        told.body["queued"].clone()
    };
    assert_eq!(
        tell(created("another-bucket", signed.key())).await,
        json!(false)
    );
    let other = signed.key().replace("ann", "bob");
    // Acknowledged, and not even queued: nobody was ever told to put an object there.
    assert_eq!(tell(created(host.bucket(), &other)).await, json!(false));
    assert_eq!(figures(&host).await, (0, 0));
    assert_eq!(user.status(&signed.file_id()).await["status"], "pending");
    let listed = user.get("/files").await;
    assert_eq!(listed.body["files"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn inv25_a_body_that_is_no_event_ends_with_a_refusal_or_among_the_dead_letters() {
    let store = SilentStore::start().await;
    let host = OwnHost::over(&store, Some(TOKEN)).await;
    let user = host.user("ann");
    let pending = user.sign_csv(&csv(10)).await.file_id();
    let tell = async |body: Vec<u8>| {
        let told = Answer::of(webhook(&host, body).bearer_auth(TOKEN)).await;
        (told.status, told.code().to_owned())
    };
    let refused = |status: u16, code: &str| (status, code.to_owned());
    assert_eq!(tell(Vec::new()).await, refused(400, "bad_request"));
    assert_eq!(tell(vec![0xff, 0xfe]).await, refused(400, "bad_request"));
    let job = json!({"ingest": pending}).to_string();
    assert_eq!(tell(job.into_bytes()).await, refused(400, "bad_request"));
    // Nor may anybody outside ask for looks.
    let looks = json!({"look": [pending]}).to_string();
    assert_eq!(tell(looks.into_bytes()).await, refused(400, "bad_request"));
    assert_eq!(
        tell(vec![b' '; (1 << 20) + 1]).await,
        refused(413, "body_too_large")
    );
    assert_eq!(figures(&host).await, (0, 0));
    // MinIO would send it again for ever, and nothing after it: it is taken, and put aside with its reason.
    assert_eq!(
        tell(b"{\"EventName\": \"s3:ObjectCreated:Put\", \"Records\": [7]}".to_vec())
            .await
            .0,
        200
    );
    while figures(&host).await != (1, 0) {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(user.status(&pending).await["status"], "pending");
}

#[tokio::test]
async fn without_a_secret_no_path_takes_events() {
    let store = SilentStore::start().await;
    let host = OwnHost::over(&store, None).await;
    let event = created(host.bucket(), "incoming/ann/x.csv").to_string();
    for request in [
        webhook(&host, event.clone()),
        webhook(&host, event).bearer_auth(""),
        host.user("ann").bare(Method::HEAD, "/events/minio"),
    ] {
        assert_eq!(Answer::of(request).await.status, 404);
    }
}

/// MinIO sends again for ever what is not acknowledged, and nothing after it.
#[tokio::test]
async fn an_event_of_another_server_or_about_another_object_is_acknowledged_and_asks_for_nothing() {
    let store = SilentStore::start().await;
    let host = OwnHost::over(&store, Some(TOKEN)).await;
    for (source, key) in [
        ("other:s3", "theirs.csv"),
        ("rustfs:s3", "theirs.csv"),
        ("minio:s3", "a%00b"),
        ("minio:s3", "a%0D%0Ab"),
    ] {
        let mut event = created(host.bucket(), key);
        event["Records"][0]["eventSource"] = json!(source);
        event["Records"][0]["s3"]["object"]["sequencer"] = json!("not hexadecimal");
        let told = Answer::of(webhook(&host, event.to_string()).bearer_auth(TOKEN)).await;
        assert_eq!(
            (told.status, &told.body["queued"]),
            (200, &json!(false)),
            "{source} {key}"
        );
    }
    assert_eq!(figures(&host).await, (0, 0));
}
