use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn request(changes: &[(&str, Value)]) -> (Request<Bytes>, String, Option<Problem>) {
    let mut event = json!({
        "version": "2.0",
        "rawPath": "/files",
        "rawQueryString": "limit=2",
        "headers": { "host": "files.example.org", "authorization": "Bearer x" },
        "requestContext": { "stage": "$default", "http": { "method": "GET", "path": "/files" } },
        "body": "{}",
        "isBase64Encoded": false
    });
    for (pointer, value) in changes {
        *event.pointer_mut(pointer).unwrap() = value.clone();
    }
    let received = Received::from(read(&event.to_string()).unwrap());
    (received.request, received.path, received.unreadable)
}

#[test]
fn a_request_is_unchanged() {
    let (sent, path, unreadable) = request(&[]);
    assert_eq!(sent.method(), "GET");
    assert_eq!(
        (sent.uri().to_string(), &*path),
        ("/files?limit=2".to_owned(), "/files")
    );
    assert_eq!(sent.headers()["authorization"], "Bearer x");
    assert_eq!(sent.body(), "{}");
    assert!(unreadable.is_none());
    let base64 = [("/isBase64Encoded", json!(true)), ("/body", json!("e30="))];
    assert_eq!(request(&base64).0.body(), "{}");
}

#[test]
fn missing_fields_are_empty() {
    let absent = ["/rawPath", "/rawQueryString", "/headers", "/body"];
    let (sent, path, unreadable) = request(&absent.map(|pointer| (pointer, Value::Null)));
    assert_eq!((sent.uri().path(), &*path), ("/", ""));
    assert!(sent.headers().is_empty() && sent.body().is_empty() && unreadable.is_none());
    let least = read(r#"{"requestContext":{"http":{"method":"PUT"}}}"#).unwrap();
    assert_eq!(Received::from(least).request.method(), "PUT");
}

#[test]
fn an_invalid_uri_or_base64_is_a_problem() {
    for query in ["a b", "\0", "a=<>\\^`{}"] {
        let host = ("/headers/host", json!("[no:host "));
        let (sent, ..) = request(&[("/rawQueryString", json!(query)), host]);
        assert_eq!(sent.uri().path(), "/files", "{query}");
    }
    let (nowhere, path, _) = request(&[("/rawPath", json!("no path"))]);
    assert_eq!((nowhere.uri().path(), &*path), ("/", "no path"));
    let base64 = [("/isBase64Encoded", json!(true)), ("/body", json!("*"))];
    assert_eq!(request(&base64).2.unwrap().status.as_u16(), 400);
}

#[test]
fn an_invalid_header_is_dropped() {
    let headers = json!({"no header": "1", "x-odd": "a\nb", "X-Quoted": "\"é\"", "empty": ""});
    let (sent, ..) = request(&[("/headers", headers)]);
    assert_eq!(sent.headers().len(), 2);
    assert_eq!(sent.headers()["x-quoted"].as_bytes(), "\"é\"".as_bytes());
    assert_eq!(sent.headers()["empty"], "");
}

#[test]
fn an_event_of_another_kind_is_refused() {
    for event in [
        "{}",
        "[]",
        r#"{"requestContext":{}}"#,
        r#"{"requestContext":{"http":{"method":"A B"}}}"#,
    ] {
        assert!(read(event).is_err(), "{event}");
    }
}

#[test]
fn answers_are_text_if_possible() {
    let answer = |body: &'static [u8]| {
        let mut response = Response::new(Bytes::from_static(body));
        for (name, value) in [("vary", "origin"), ("etag", "\"1\""), ("vary", "accept")] {
            response
                .headers_mut()
                .append(name, HeaderValue::from_static(value));
        }
        let written = serde_json::to_string(&super::answer(response)).unwrap();
        serde_json::from_str::<Value>(&written).unwrap()
    };
    let headers = json!({"vary": "origin, accept", "etag": "\"1\""});
    for (body, shown, is_base64) in [
        (&b"{\"a\"}"[..], "{\"a\"}", false),
        (b"", "", false),
        (b"\xff", "/w==", true),
    ] {
        let expected = json!({"statusCode": 200, "headers": headers, "body": shown, "isBase64Encoded": is_base64, "cookies": [], "multiValueHeaders": {}});
        assert_eq!(answer(body), expected, "{shown}");
    }
}

proptest! {
    #[test]
    fn no_event_makes_it_panic(path: String, query: String, name: String, value: String, body: String, is_base64: bool) {
        let (sent, as_sent, unreadable) = request(&[
            ("/rawPath", json!(path)),
            ("/rawQueryString", json!(query)),
            ("/headers", json!({name: value})),
            ("/body", json!(body)),
            ("/isBase64Encoded", json!(is_base64)),
        ]);
        prop_assert_eq!(as_sent, path);
        prop_assert!(sent.headers().len() < 2);
        prop_assert!(is_base64 || unreadable.is_none() && sent.body() == body.as_bytes());
    }
}
