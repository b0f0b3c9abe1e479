//! A store whose clock is off.

#![cfg(feature = "s3")]
#![expect(
    clippy::unwrap_used,
    reason = "a test ends where its world is not as it should be"
)]

use consign_aws::{S3Options, S3Store};
use consign_core::ids::ObjectRef;
use consign_core::ports::ObjectStore as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Answers every request with 404 and a date far ahead, and reports when the request was signed.
async fn serve(listener: TcpListener, signed: mpsc::UnboundedSender<String>) {
    while let Ok((stream, _)) = listener.accept().await {
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(date) = line.to_ascii_lowercase().strip_prefix("x-amz-date: ") {
                signed.send(date.to_owned()).unwrap();
            }
            if line.is_empty() {
                let answer = "HTTP/1.1 404 Not Found\r\ndate: Fri, 01 Jan 2100 00:00:00 GMT\r\ncontent-length: 0\r\n\r\n";
                let stream = lines.get_mut();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    }
}

/// A server that caches its date sends the earlier one after the clock is set back, and refuses requests signed by it.
#[tokio::test]
async fn calls_are_signed_by_our_clock_whatever_date_a_store_answers_with() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, mut signed) = mpsc::unbounded_channel();
    let server = tokio::spawn(serve(listener, sender));
    let store = S3Store::new(&S3Options {
        endpoint: Some(format!("http://{address}")),
        region: "us-east-1".to_owned(),
        path_style: true,
        access_key: "key".to_owned(),
        secret_key: "secret".to_owned(),
        session_token: None,
    });
    for _ in 0..3 {
        let object = ObjectRef::new("bucket", "key");
        assert_eq!(store.head(&object).await.unwrap(), None);
        let date = signed.recv().await.unwrap();
        assert!(
            !date.starts_with("21") && !date.starts_with("2099"),
            "{date}"
        );
    }
    server.abort();
}
