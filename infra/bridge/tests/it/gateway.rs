//! The functions at the paths of the wire.

use ports::free_port;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Bridge, Functions, Reply, http};

/// Answers with what it was asked, and fails where the path says so.
async fn start(more: &[&str]) -> (Functions, Bridge, String) {
    let functions = Functions::start(|name, event| {
        if event["rawPath"] == "/files/broken/status" {
            return Reply::Error;
        }
        let body = json!({"function": name, "body": event["body"]}).to_string();
        Reply::Json(json!({"statusCode": 418, "headers": {"x-told": name}, "body": body}))
    })
    .await;
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let options = [&["--gateway", "127.0.0.1:0"], more].concat();
    let bridge = Bridge::start((&nowhere, "none"), &functions.url, &options).await;
    let url = format!("http://{}", bridge.gateway.unwrap());
    (functions, bridge, url)
}

#[tokio::test]
async fn each_path_leads_to_its_function() {
    let (functions, _bridge, url) = start(&[]).await;
    for (method, path, function, key) in [
        (
            Method::POST,
            "/files/sign_upload",
            "sign-upload",
            "POST /files/sign_upload",
        ),
        (
            Method::POST,
            "/files/confirm",
            "confirm",
            "POST /files/confirm",
        ),
        (
            Method::GET,
            "/files/7/status",
            "status",
            "GET /files/{id}/status",
        ),
        (
            Method::GET,
            "/files/7/download-url",
            "download-url",
            "GET /files/{id}/download-url",
        ),
        (Method::GET, "/files?limit=1", "files", "GET /files"),
        (Method::DELETE, "/files/7", "files", "DELETE /files/{id}"),
        (
            Method::GET,
            "/health/storage",
            "health",
            "GET /health/storage",
        ),
        (Method::GET, "/openapi.json", "health", "GET /openapi.json"),
        (Method::GET, "/nowhere", "health", "$default"),
        (Method::PUT, "/files/confirm", "health", "$default"),
    ] {
        let request = http().request(method, format!("{url}{path}"));
        let answer = request.body("text").send().await.unwrap();
        assert_eq!(answer.status(), 418);
        assert_eq!(answer.headers()["x-told"], function);
        let told: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        assert_eq!(
            told,
            json!({"function": function, "body": "text"}),
            "{path}"
        );
        let seen = functions.seen();
        assert_eq!(seen.last().unwrap().1["routeKey"], key);
    }
}

#[tokio::test]
async fn a_function_that_fails_is_told_as_api_gateway_tells_it() {
    let (functions, _bridge, url) = start(&[]).await;
    let get = |path: &str| http().get(format!("{url}{path}")).send();
    let broken = get("/files/broken/status").await.unwrap();
    assert_eq!(broken.status(), 500);
    assert_eq!(
        broken.text().await.unwrap(),
        r#"{"message":"Internal Server Error"}"#
    );
    let long = http().post(format!("{url}/files/confirm"));
    let long = long.body(vec![b' '; 11_000_000]).send().await.unwrap();
    assert_eq!(long.status(), 413);
    drop(functions);
    let nowhere = format!("http://127.0.0.1:{}", free_port());
    let bridge = Bridge::start((&nowhere, "none"), &nowhere, &["--gateway", "127.0.0.1:0"]).await;
    let away = http().get(format!("http://{}/files", bridge.gateway.unwrap()));
    assert_eq!(away.send().await.unwrap().status(), 503);
}

#[tokio::test]
async fn a_page_of_a_named_origin_may_call() {
    let (functions, _bridge, url) = start(&["--origin", "http://page.example"]).await;
    let preflight = |origin: &'static str| {
        let request = http().request(Method::OPTIONS, format!("{url}/files/sign_upload"));
        request
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type",
            )
            .send()
    };
    let allowed = preflight("http://page.example").await.unwrap();
    assert!(allowed.status().is_success());
    assert_eq!(
        allowed.headers()["access-control-allow-origin"],
        "http://page.example"
    );
    let other = preflight("http://other.example").await.unwrap();
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    assert!(
        functions.seen().is_empty(),
        "a preflight is no call of a function"
    );
}
