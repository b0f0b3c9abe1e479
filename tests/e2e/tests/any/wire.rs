//! Problem documents, tokens, limits, and what is served beside the functions.

use consign_core::time;
use e2e::{Answer, Host, Kind, POLICY};
use reqwest::Method;
use serde_json::json;

/// A problem document (RFC 9457) with the code given, and nothing that looks like an answer.
fn check_problem(answer: &Answer, status: u16, code: &str) {
    assert_eq!(
        (answer.status, answer.code()),
        (status, code),
        "{}",
        answer.text
    );
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.body["status"], status);
    assert_eq!(answer.body["type"], format!("urn:consign:problem:{code}"));
    assert!(answer.body["title"].is_string());
    assert_eq!(answer.body["request_id"], answer.header("x-request-id"));
    assert!(answer.header("x-request-id").len() >= 8);
}

#[tokio::test]
async fn every_bad_field_is_reported_at_once_by_name() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let bad = json!({"filename": "../a.csv", "content_type": "csv", "file_size_bytes": -1, "category": "nothing",
        "checksum_sha256": "00", "strategy": "pigeon", "collection_id": "a b", "labels": [], "metadata": 7, "extra": 1});
    let answer = user.post("/files/sign_upload", &bad).await;
    check_problem(&answer, 400, "validation_failed");
    let errors = answer.body["errors"].as_array().unwrap();
    let mut fields: Vec<&str> = errors
        .iter()
        .map(|error| error["field"].as_str().unwrap())
        .collect();
    fields.sort_unstable();
    let mut all: Vec<&str> = bad
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    all.sort_unstable();
    assert_eq!(fields, all);
    for error in errors {
        assert!(
            error["code"].is_string() && error["detail"].as_str().unwrap().len() > 5,
            "{error}"
        );
    }
}

#[tokio::test]
async fn what_the_policy_forbids_is_said_with_what_would_be_right() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    for (request, field, code, says) in [
        (
            json!({"filename": "a.exe", "content_type": "text/csv", "file_size_bytes": 1}),
            "filename",
            "extension_not_allowed",
            "csv",
        ),
        (
            json!({"filename": "a.png", "content_type": "text/csv", "file_size_bytes": 1}),
            "content_type",
            "content_type_not_allowed",
            "image/png",
        ),
        (
            json!({"filename": "a.png", "content_type": "image/png", "file_size_bytes": 1_000_001}),
            "file_size_bytes",
            "too_large",
            "1000000",
        ),
        (
            json!({"filename": "a.png", "content_type": "image/png", "file_size_bytes": 0}),
            "file_size_bytes",
            "too_small",
            "1",
        ),
        (
            json!({"filename": "a.json", "content_type": "application/json", "file_size_bytes": 1}),
            "labels.service",
            "required",
            "required",
        ),
        (
            json!({"filename": "a.csv", "strategy": "put", "content_type": "text/csv"}),
            "file_size_bytes",
            "required",
            "post",
        ),
    ] {
        let answer = user.post("/files/sign_upload", &request).await;
        check_problem(&answer, 400, "validation_failed");
        let error = &answer.body["errors"][0];
        assert_eq!(
            (&error["field"], &error["code"]),
            (&json!(field), &json!(code))
        );
        let detail = error["detail"].as_str().unwrap().to_lowercase();
        assert!(detail.contains(says), "{error}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_request_are_refused() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    for path in ["/files/sign_upload", "/files/confirm"] {
        for body in [
            "",
            "{",
            "[]",
            "7",
            "{\"filename\": \"a.csv\", \"filename\": \"b.csv\"}x",
        ] {
            let request = user
                .request(Method::POST, path)
                .header("content-type", "application/json");
            check_problem(&Answer::of(request.body(body)).await, 400, "bad_request");
        }
        let long = user
            .request(Method::POST, path)
            .header("content-type", "application/json");
        check_problem(
            &Answer::of(long.body(vec![b' '; 5 << 20])).await,
            413,
            "body_too_large",
        );
    }
}

/// The most parts, with the longest etags that stores give: a body within every host's bounds.
#[tokio::test]
async fn a_confirm_of_ten_thousand_parts_is_read_to_its_end() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let signed = user
        .sign(
            &json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": 6 << 20,
            "strategy": "multipart"}),
        )
        .await;
    let etag = format!("\"{}\"", "e".repeat(320));
    let parts: Vec<_> = (1..=10_000)
        .map(|number| json!({"part_number": number, "etag": etag}))
        .collect();
    let body = json!({"file_id": signed.file_id(), "parts": parts});
    let answer = user.post("/files/confirm", &body).await;
    check_problem(&answer, 400, "validation_failed");
    let errors = answer.body["errors"].as_array();
    let missing = errors.expect("there are errors").iter();
    let missing = missing.filter(|error| error["code"] == "part_missing");
    assert_eq!(missing.count(), 10_000, "{}", &answer.text[..200]);
}

#[tokio::test]
async fn a_request_id_comes_back_where_it_is_one() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let ask = |id: &'static str| {
        Answer::of(
            user.request(Method::GET, "/files")
                .header("x-request-id", id),
        )
    };
    assert_eq!(
        ask("my-request-17").await.header("x-request-id"),
        "my-request-17"
    );
    for bad in ["short", "has blanks in it", "\"><script>alert(1)</script>"] {
        let given = ask(bad).await.header("x-request-id").to_owned();
        assert!(given != bad && given.len() >= 8, "{given}");
    }
    let unknown = user
        .request(Method::GET, "/nowhere")
        .header("x-request-id", "my-request-18");
    assert_eq!(
        Answer::of(unknown).await.body["request_id"],
        "my-request-18"
    );
}

#[tokio::test]
async fn inv21_a_call_needs_a_token_of_ours() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let long_ago = time::from_secs(1_700_000_000).unwrap();
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4iLCJhdWQiOiJjb25zaWduIiwiaXNzIjoiY29uc2lnbi1kZXYiLCJleHAiOjk5OTk5OTk5OTl9.";
    let good = host.token("ann", None);
    let tampered = format!(
        "{}{}",
        &good[..good.len() - 2],
        if good.ends_with("AA") { "BB" } else { "AA" }
    );
    let tokens = [
        unsigned.to_owned(),
        tampered,
        "x".to_owned(),
        host.token_from("ann", None, long_ago),
    ];
    for (method, path) in [
        (Method::POST, "/files/sign_upload"),
        (Method::POST, "/files/confirm"),
        (Method::GET, "/files"),
        (Method::GET, "/files/x/status"),
        (Method::GET, "/files/x/download-url"),
        (Method::DELETE, "/files/x"),
    ] {
        let none = Answer::of(user.bare(method.clone(), path)).await;
        check_problem(&none, 401, "unauthorized");
        assert_eq!(none.header("www-authenticate"), "Bearer realm=\"consign\"");
        for token in &tokens {
            let answer = Answer::of(user.bare(method.clone(), path).bearer_auth(token)).await;
            check_problem(&answer, 401, "unauthorized");
            assert!(
                answer
                    .header("www-authenticate")
                    .contains("error=\"invalid_token\"")
            );
            assert!(!answer.text.contains(token.as_str()) || token == "x");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_named() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    for path in ["/files/", "/nowhere", "/files/a/b/status", "/files/x"] {
        let answer = user.get(path).await;
        if path == "/files/x" {
            check_problem(&answer, 405, "method_not_allowed");
            assert_eq!(answer.header("allow"), "DELETE");
        } else {
            check_problem(&answer, 404, "not_found");
        }
    }
    let put = Answer::of(user.request(Method::PUT, "/files/sign_upload")).await;
    check_problem(&put, 405, "method_not_allowed");
    assert_eq!(put.header("allow"), "POST");
}

#[tokio::test]
async fn signing_too_often_is_429_with_when_to_come_again() {
    let host = Host::start(POLICY).await;
    let user = host.user_of_tier(&unique("often"), Some("slow"));
    let request = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": 10});
    // The minute may end in between: then the count starts anew, once.
    let mut limited = None;
    for _ in 0..7 {
        let answer = user.post("/files/sign_upload", &request).await;
        if answer.status != 201 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.unwrap();
    check_problem(&limited, 429, "rate_limited");
    let wait_s: u64 = limited.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait_s));
    assert_eq!(
        limited.header("ratelimit-policy"),
        "\"sign_uploads\";q=3;w=60"
    );
    assert_eq!(
        limited.header("ratelimit"),
        format!("\"sign_uploads\";r=0;t={wait_s}")
    );
    // Reading is not signing, and another owner is another count.
    assert_eq!(user.get("/files").await.status, 200);
    let other = host.user_of_tier(&unique("other"), Some("slow"));
    assert_eq!(other.post("/files/sign_upload", &request).await.status, 201);
}

#[tokio::test]
async fn a_full_quota_is_403_and_a_deletion_gives_back_nothing_that_a_url_may_still_bring() {
    let host = Host::start(POLICY).await;
    let user = host.user_of_tier(&unique("full"), Some("small"));
    let request = |size: u64| json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": size});
    let first = user.sign(&request(600)).await;
    let second = user.post("/files/sign_upload", &request(600)).await;
    check_problem(&second, 403, "quota_exceeded");
    assert!(second.body["detail"].as_str().unwrap().contains("1000"));
    assert_eq!(
        user.post("/files/sign_upload", &request(400)).await.status,
        201
    );
    // Its URL lives on, and nobody can take it back.
    assert_eq!(user.delete(&first.file_id()).await.status, 204);
    let third = user.post("/files/sign_upload", &request(600)).await;
    check_problem(&third, 403, "quota_exceeded");
}

/// An owner that no run before has used.
fn unique(name: &str) -> String {
    format!("{name}-{}", fastrand::u64(..))
}

#[tokio::test]
async fn health_tells_of_the_store() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let health = Answer::of(user.bare(Method::GET, "/health/storage")).await;
    assert_eq!(
        (health.status, &health.body["status"]),
        (200, &json!("ok")),
        "{}",
        health.text
    );
    assert!(health.body["response_time_ms"].is_u64());
    // Where the store is, and what its buckets are called, is for operators.
    for detail in [
        "endpoint",
        "public_endpoint",
        "buckets_accessible",
        "errors",
        "storage_backend",
    ] {
        assert_eq!(health.body[detail], json!(null), "{}", health.text);
    }
    let any = user.get("/health/storage").await;
    assert_eq!(any.body["endpoint"], json!(null), "{}", any.text);
    if Kind::asked() != Kind::Lambda {
        let call = user
            .bare(Method::GET, "/health/storage")
            .bearer_auth(host.operator_token());
        let health = Answer::of(call).await;
        assert_eq!(
            health.body["buckets_accessible"],
            json!([host.bucket()]),
            "{}",
            health.text
        );
        assert_eq!(health.body["errors"], json!([]));
        assert!(health.body["endpoint"].is_string());
    }
    assert_eq!(
        Answer::of(user.bare(Method::GET, "/health/live"))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn the_contract_is_served() {
    let host = Host::start(POLICY).await;
    let contract = Answer::of(host.user("ann").bare(Method::GET, "/openapi.json")).await;
    assert_eq!(
        (contract.status, contract.header("content-type")),
        (200, "application/json")
    );
    assert!(
        contract.body["openapi"]
            .as_str()
            .unwrap()
            .starts_with("3.1")
    );
    assert!(contract.body["paths"]["/files/sign_upload"]["post"].is_object());
}

#[tokio::test]
async fn no_path_takes_events_from_outside() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let event = json!({"Records": [{"eventName": "ObjectCreated:Put"}]});
    for path in ["/events", "/ingest", "/files/ingest", "/hooks/minio", "/"] {
        let answer = user.post(path, &event).await;
        assert!(
            matches!(answer.status, 404 | 405),
            "{path}: {}",
            answer.status
        );
    }
}
