//! The S3 adapter at servers with ways of their own: each answers here as the real one was seen to answer.

use consign_aws::{S3Options, S3Store};
use consign_core::ids::ObjectRef;
use consign_core::policy::Encryption;
use consign_core::ports::{BeginMultipart as _, FaultKind, Multipart as _, ObjectStore as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Answers every request by its first line, until the test ends.
async fn server(answer: fn(&str) -> (u16, String)) -> S3Store {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, answer));
        }
    });
    S3Store::new(&S3Options {
        endpoint: Some(format!("http://{address}")),
        region: "us-east-1".to_owned(),
        path_style: true,
        access_key: "k".to_owned(),
        secret_key: "s".to_owned(),
        session_token: None,
    })
}

/// None of the requests has a body.
async fn serve(mut stream: TcpStream, answer: fn(&str) -> (u16, String)) {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut chunk).await {
        head.extend_from_slice(&chunk[..count]);
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let text = String::from_utf8_lossy(&head);
        let (status, body) = answer(text.lines().next().unwrap_or_default());
        let text = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/xml\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.write_all(text.as_bytes()).await.is_err() {
            return;
        }
        head.clear();
    }
}

fn part(number: u16, etag: &str, taken_at: &str) -> String {
    format!(
        "<Part><PartNumber>{number}</PartNumber><LastModified>{taken_at}</LastModified>\
         <ETag>&quot;{etag}&quot;</ETag><Size>5</Size></Part>"
    )
}

fn list(parts: &[String], next: Option<u16>) -> (u16, String) {
    let next = next.map_or_else(String::new, |next| {
        format!(
            "<IsTruncated>true</IsTruncated><NextPartNumberMarker>{next}</NextPartNumberMarker>"
        )
    });
    let body = format!(
        "<?xml version=\"1.0\"?><ListPartsResult>{next}{}</ListPartsResult>",
        parts.concat()
    );
    (200, body)
}

async fn etags(store: &S3Store) -> Vec<(u16, String)> {
    let object = ObjectRef::new("bucket", "in/a.csv");
    let parts = store.parts(&object, "id").await.unwrap().unwrap();
    let etags = parts.iter();
    etags
        .map(|part| (part.number, part.etag.to_string()))
        .collect()
}

fn owned(parts: &[(u16, &str)]) -> Vec<(u16, String)> {
    let parts = parts.iter();
    parts
        .map(|(number, etag)| (*number, (*etag).to_owned()))
        .collect()
}

/// As `SeaweedFS` does, which lists by the names of its files and so in no order of time.
#[tokio::test]
async fn a_part_that_is_listed_for_every_time_it_was_sent_counts_as_it_was_sent_last() {
    let store = server(|_| {
        let parts = [
            part(1, "one", "2026-11-28T10:00:00.000Z"),
            part(2, "last", "2026-11-28T10:00:07.000Z"),
            part(2, "first", "2026-11-28T10:00:03.000Z"),
        ];
        list(&parts, None)
    })
    .await;
    assert_eq!(etags(&store).await, owned(&[(1, "one"), (2, "last")]));
}

/// As `rclone serve s3` does: a page ends with the number of the part that the next one begins with.
#[tokio::test]
async fn pages_whose_markers_are_one_off_leave_no_part_out_and_name_none_twice() {
    let store = server(|line| {
        let at = "2026-11-28T10:00:00.000Z";
        let marker = line.split("part-number-marker=").nth(1);
        let marker = marker.and_then(|rest| rest.split(['&', ' ']).next()?.parse::<u16>().ok());
        let first = marker.unwrap_or(1);
        let parts: Vec<String> = (first..=5)
            .take(2)
            .map(|number| part(number, "e", at))
            .collect();
        list(&parts, (first + 2 <= 5).then_some(first + 2))
    })
    .await;
    let all: Vec<(u16, String)> = (1..=5).map(|number| (number, "e".to_owned())).collect();
    assert_eq!(etags(&store).await, all);
}

/// A begin that a busy server turned away is known to have made nothing, whatever its code.
#[tokio::test]
async fn a_begin_that_was_turned_away_is_told_from_one_whose_end_is_unknown() {
    for (answer, expected) in [
        (
            (|_| (503, error("SlowDown"))) as fn(&str) -> (u16, String),
            FaultKind::Throttled,
        ),
        (|_| (503, error("ServiceUnavailable")), FaultKind::Throttled),
        (|_| (500, error("InternalError")), FaultKind::Unreachable),
        (|_| (403, error("AccessDenied")), FaultKind::Denied),
    ] {
        let store = server(answer).await;
        let object = ObjectRef::new("bucket", "in/a.csv");
        let begun = store.begin(&object, "text/csv", &Encryption::None).await;
        let kind = begun.unwrap_err().kind;
        assert_eq!(kind, expected);
    }
}

fn error(code: &str) -> String {
    format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>m</Message></Error>")
}

/// What is wrong with a key says nothing of the others, though the breaker saw nothing else.
#[tokio::test]
async fn keys_that_answer_500_close_the_store_for_no_other() {
    let store = server(|line| {
        let status = if line.contains("/bad/") { 500 } else { 404 };
        (status, String::new())
    })
    .await;
    for number in 0..20 {
        let bad = ObjectRef::new("bucket", format!("bad/{number}"));
        assert!(store.head(&bad).await.is_err());
    }
    let good = ObjectRef::new("bucket", "good");
    assert_eq!(store.head(&good).await.unwrap(), None);
}

/// Where nobody listens, the calls after some are answered without a try.
#[tokio::test]
async fn where_nobody_listens_calls_end_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let store = S3Store::new(&S3Options {
        endpoint: Some(format!("http://{address}")),
        region: "us-east-1".to_owned(),
        path_style: true,
        access_key: "k".to_owned(),
        secret_key: "s".to_owned(),
        session_token: None,
    });
    let object = ObjectRef::new("bucket", "key");
    let mut causes = Vec::new();
    for _ in 0..6 {
        let fault = store.head(&object).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unreachable);
        causes.push(
            fault
                .source
                .map(|cause| cause.to_string())
                .unwrap_or_default(),
        );
    }
    assert!(!causes[0].contains("not called"), "{causes:?}");
    assert!(causes[5].contains("not called"), "{causes:?}");
}
