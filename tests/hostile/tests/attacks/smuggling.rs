//! A refusal that comes before `100 Continue`: what follows on the connection is a request, never the body of the refused one.

use std::time::Duration;

use hostile::{Host, Raw};

const LIMIT: Duration = Duration::from_secs(5);

/// Sends a head that is refused and waits for a body, then another request in place of that body. It must be answered, or the
/// connection must be closed: eaten it must not be.
async fn next_is_not_eaten(base_url: &str, refused: &str) {
    let mut raw = Raw::connect(base_url).await.unwrap();
    // As long as what follows: eaten, it would fit.
    let next = "GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n";
    let head = refused.replace("{length}", &next.len().to_string());
    raw.write(head.as_bytes()).await;
    let answer = raw.answer(LIMIT).await.expect("it is refused");
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let says_closed = answer.to_lowercase().contains("connection: close");
    if raw.write(next.as_bytes()).await
        && let Some(second) = raw.answer(LIMIT).await
    {
        assert!(
            !says_closed,
            "it goes on after it said that it closes: {second}"
        );
        assert!(second.starts_with("HTTP/1.1 "), "{second}");
    } else {
        assert!(
            raw.ends_within(Duration::from_millis(500)).await,
            "the next request was eaten"
        );
    }
}

#[tokio::test]
async fn a_refused_put_closes_its_connection() {
    let host = Host::start().await;
    let put = "PUT /files/incoming/x.csv HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {length}\r\n\r\n";
    next_is_not_eaten(&host.store_url, put).await;
}

#[tokio::test]
async fn a_put_whose_url_is_over_closes_its_connection() {
    let host = Host::start().await;
    let url = host
        .store_keys()
        .presign("PUT", (host.bucket(), "incoming/x.csv"), 60);
    let path = url.trim_start_matches(&host.store_url);
    let authority = host.store_url.trim_start_matches("http://");
    // One digit of the signature is another.
    let (path, last) = path.split_at(path.len() - 1);
    let last = if last == "0" { "1" } else { "0" };
    let put = format!(
        "PUT {path}{last} HTTP/1.1\r\nhost: {authority}\r\nexpect: 100-continue\r\ncontent-length: {{length}}\r\n\r\n"
    );
    next_is_not_eaten(&host.store_url, &put).await;
}

#[tokio::test]
async fn a_refused_call_closes_its_connection() {
    let host = Host::start().await;
    let call = "POST /files/sign_upload HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {length}\r\n\r\n";
    next_is_not_eaten(&host.base_url, call).await;
}
