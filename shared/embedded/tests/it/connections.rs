//! The state of a connection after an answer.

use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Ask, BUCKET, Server};

/// Longer than any answer takes, so that a connection that stays open fails the test.
const PATIENCE: Duration = Duration::from_secs(20);

async fn connect(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).await.unwrap()
}

/// Returns all bytes until the server closes the connection.
async fn rest(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .expect("the server leaves the connection open")
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

/// Returns the bytes up to `end`.
async fn until(stream: &mut TcpStream, end: &str) -> String {
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains(end) {
        let mut chunk = [0; 4096];
        let read = tokio::time::timeout(PATIENCE, stream.read(&mut chunk))
            .await
            .expect("nothing comes")
            .unwrap();
        assert!(
            read > 0,
            "closed after {}",
            String::from_utf8_lossy(&answer)
        );
        answer.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

/// Builds the request line and headers.
fn head(server: &Server, ask: &Ask<'_>, fields: &str) -> String {
    let url = server.client.url(ask);
    let query = url
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let signed: String = ask
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!(
        "{} {}{query} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{signed}{fields}\r\n",
        ask.method,
        url.path(),
        server.client.port
    )
}

/// Sends a refused request and then an invalid one: only the refusal may be answered.
async fn refused_alone(server: &Server, refused: &str, status: &str) {
    let mut stream = connect(server.client.port).await;
    stream.write_all(refused.as_bytes()).await.unwrap();
    let answer = until(&mut stream, "</Error>").await;
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status}")),
        "{answer}"
    );
    assert!(
        answer
            .to_ascii_lowercase()
            .contains("connection: close\r\n"),
        "{answer}"
    );
    let next = head(server, &Ask::new(Method::GET, "present"), "");
    // The server may have closed the connection already.
    let _ = stream.write_all(next.as_bytes()).await;
    assert_eq!(rest(&mut stream).await, "");
}

#[tokio::test]
async fn a_put_refused_while_it_awaits_continue_closes_its_connection() {
    let server = Server::start().await;
    server.client.put("present", b"x").await;
    let fields = "content-length: 4000\r\nexpect: 100-continue\r\n";
    // Without a signature.
    let unsigned = format!(
        "PUT /{BUCKET}/k HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{fields}\r\n",
        server.client.port
    );
    refused_alone(&server, &unsigned, "403").await;
    // Refused by the gate.
    let gated = head(
        &server,
        &Ask::new(Method::PUT, "k"),
        &format!("x-amz-acl: private\r\n{fields}"),
    );
    refused_alone(&server, &gated, "403").await;
    // Refused by a condition.
    let once = Ask::new(Method::PUT, "present").header("if-none-match", "*");
    refused_alone(&server, &head(&server, &once, fields), "412").await;
    // A part of an unknown upload, with another spelling of the header.
    let part = Ask::new(Method::PUT, "k")
        .query("partNumber", "1")
        .query("uploadId", "0123456789abcdef");
    let spelled = "content-length: 4000\r\nExpect: 100-Continue\r\n";
    refused_alone(&server, &head(&server, &part, spelled), "404").await;
    let elsewhere = Ask {
        path: "/elsewhere/k".to_owned(),
        ..Ask::new(Method::PUT, "k")
    };
    refused_alone(&server, &head(&server, &elsewhere, fields), "404").await;
}

#[tokio::test]
async fn a_body_that_follows_a_refusal_is_no_request() {
    let server = Server::start().await;
    server.client.put("present", b"x").await;
    // The body is itself a request. It is sent after the refusal was read, as by a proxy with a connection pool.
    let body = head(&server, &Ask::new(Method::DELETE, "present"), "");
    for expect in ["", "expect: 100-continue\r\n"] {
        let length = body.len() + 400_000;
        let refused = format!(
            "PUT /{BUCKET}/k HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-length: {length}\r\n{expect}\r\n",
            server.client.port
        );
        let mut stream = connect(server.client.port).await;
        stream.write_all(refused.as_bytes()).await.unwrap();
        let answer = until(&mut stream, "</Error>").await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        let _ = stream.write_all(body.as_bytes()).await;
        assert_eq!(rest(&mut stream).await, "");
        assert_eq!(server.client.get("present").await.status(), 200);
    }
}

#[tokio::test]
async fn a_refusal_does_not_wait_for_a_long_body_and_closes() {
    let server = Server::start().await;
    for length in [
        "content-length: 1000000000000",
        "transfer-encoding: chunked",
    ] {
        let refused = format!(
            "PUT /{BUCKET}/k HTTP/1.1\r\nhost: 127.0.0.1:{}\r\n{length}\r\n\r\n",
            server.client.port
        );
        refused_alone(&server, &refused, "403").await;
    }
}

#[tokio::test]
async fn an_accepted_put_gets_100_continue() {
    let server = Server::start().await;
    let fields = "content-length: 5\r\nexpect: 100-continue\r\n";
    let mut stream = connect(server.client.port).await;
    for key in ["a", "b"] {
        let put = head(&server, &Ask::new(Method::PUT, key), fields);
        stream.write_all(put.as_bytes()).await.unwrap();
        let interim = until(&mut stream, "\r\n\r\n").await;
        assert!(
            interim.starts_with("HTTP/1.1 100 Continue\r\n"),
            "{interim}"
        );
        stream.write_all(b"hello").await.unwrap();
        let answer = until(&mut stream, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    assert_eq!(server.client.get("b").await.text().await.unwrap(), "hello");
}
