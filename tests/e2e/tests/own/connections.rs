//! Clients that hold on to connections of the functions.

use std::time::Duration;

use e2e::{Answer, OwnHost, POLICY, csv};
use reqwest::Method;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// More than the functions take at once.
const SILENT: usize = 2_300;
/// Open files that a process may have unless it asks for more.
const FILES_USUAL: u64 = 1024;
/// Longer than any limit of the functions for what these clients do.
const LIMIT: Duration = Duration::from_secs(30);

/// A connection on which this was sent.
async fn send(host: &OwnHost, text: &str) -> TcpStream {
    let address = host.base_url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

/// What comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(LIMIT, stream.read_to_end(&mut text)).await;
    // A reset ends it too.
    let _ = read.expect("the connection is closed");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn silent_connections_do_not_silence_the_functions() {
    // As a service manager starts it, with few open files unless it asks for more.
    let limit = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(FILES_USUAL),
        ..limit
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let host = OwnHost::spawn(POLICY).await;
    consign_listener::raise_open_files();
    let mut silent = Vec::new();
    for number in 0..SILENT {
        let half = if number % 2 == 0 {
            ""
        } else {
            "GET / HTTP/1.1\r\n"
        };
        silent.push(send(&host, half).await);
    }
    let user = host.user("ann");
    for path in ["/health/live", "/health/storage"] {
        let health = Answer::of(user.bare(Method::GET, path)).await;
        assert_eq!(health.status, 200, "{}", health.text);
    }
    let file_id = user.put_csv(&csv(10)).await;
    user.wait_ready(&file_id).await;
    drop(silent);
}

#[tokio::test]
async fn half_a_head_and_half_a_body_are_cut_off() {
    let host = OwnHost::spawn(POLICY).await;
    let mut head = send(&host, "GET /files HTTP/1.1\r\nhost: a\r\n").await;
    let token = host.token("ann", None);
    let begun = format!(
        "POST /files/confirm HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: 100\r\n\r\n{{"
    );
    let mut body = send(&host, &begun).await;
    let (head, body) = tokio::join!(rest(&mut head), rest(&mut body));
    assert_eq!(head, "");
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    assert!(body.contains("body_too_slow"), "{body}");
}

#[tokio::test]
async fn a_body_is_not_read_before_the_token_is_known() {
    let host = OwnHost::spawn(POLICY).await;
    for expect in ["", "expect: 100-continue\r\n"] {
        let head = format!(
            "POST /files/confirm HTTP/1.1\r\nhost: a\r\n{expect}content-length: 4000000\r\n\r\n"
        );
        let mut nobody = send(&host, &head).await;
        // What looks like another request may be the body that never came: it is not answered.
        nobody
            .write_all(b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n")
            .await
            .unwrap();
        let told = rest(&mut nobody).await;
        assert!(told.starts_with("HTTP/1.1 401"), "{told}");
        assert_eq!(told.matches("HTTP/1.1").count(), 1, "{told}");
    }
}

#[tokio::test]
async fn a_stop_ends_though_a_request_is_half_open() {
    let mut host = OwnHost::spawn(POLICY).await;
    let _half = send(&host, "GET /files HTTP/1.1\r\n").await;
    let token = host.token("ann", None);
    let begun = format!(
        "POST /files/confirm HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-length: 100\r\n\r\n{{"
    );
    let _body = send(&host, &begun).await;
    let has_ended = host.terminate(LIMIT).await;
    assert!(has_ended, "{}", host.log());
}
