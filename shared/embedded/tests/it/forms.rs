//! POST policies of forms.

use std::time::Duration;

use reqwest::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{BUCKET, Server, code, form, header, open_form, sha256};

async fn post(server: &Server, fields: &[(String, String)], file: &str) -> Response {
    let multipart = fields
        .iter()
        .fold(reqwest::multipart::Form::new(), |form, (name, value)| {
            form.text(name.clone(), value.clone())
        });
    let file = reqwest::multipart::Part::text(file.to_owned()).file_name("a.csv");
    let request = server
        .client
        .http
        .post(format!("http://127.0.0.1:{}/{BUCKET}", server.client.port));
    request
        .multipart(multipart.part("file", file))
        .send()
        .await
        .unwrap()
}

fn changed(fields: &[(String, String)], name: &str, value: &str) -> Vec<(String, String)> {
    let change = |(field, old): &(String, String)| {
        (
            field.clone(),
            if field == name {
                value.to_owned()
            } else {
                old.clone()
            },
        )
    };
    fields.iter().map(change).collect()
}

const CONDITIONS: &str =
    r#",["content-length-range",3,8],{"Content-Type":"text/csv"},{"success_action_status":"201"}"#;
const FIELDS: &[(&str, &str)] = &[
    ("Content-Type", "text/csv"),
    ("success_action_status", "201"),
];

#[tokio::test]
async fn a_form_puts_its_file_under_its_key() {
    let server = Server::start().await;
    let sent = post(
        &server,
        &form("forms/a.csv", 0, CONDITIONS, FIELDS),
        "a,b\n1,2",
    )
    .await;
    assert_eq!(sent.status(), 201);
    assert!(
        sent.text()
            .await
            .unwrap()
            .contains("<Key>forms/a.csv</Key>")
    );
    let get = server.client.get("forms/a.csv").await;
    assert_eq!(header(&get, "content-type"), "text/csv");
    assert_eq!(get.text().await.unwrap(), "a,b\n1,2");
    let events = server.events();
    assert_eq!(events[0]["eventName"], "ObjectCreated:Post");
    assert_eq!(events[0]["s3"]["object"]["size"], 7);
}

#[tokio::test]
async fn a_form_outside_its_policy_is_refused() {
    let server = Server::start().await;
    let fields = form("k", 0, CONDITIONS, FIELDS);
    assert_eq!(
        code(post(&server, &fields, "123456789").await).await,
        (400, "EntityTooLarge".to_owned())
    );
    assert_eq!(
        code(post(&server, &fields, "12").await).await,
        (400, "EntityTooSmall".to_owned())
    );
    for (name, value) in [
        ("key", "other"),
        ("Content-Type", "text/html"),
        ("x-amz-signature", "00"),
        ("policy", "e30="),
    ] {
        let refused = post(&server, &changed(&fields, name, value), "1234").await;
        assert!(refused.status().is_client_error(), "{name}");
    }
    assert_eq!(
        code(post(&server, &form("k", 61, CONDITIONS, FIELDS), "1234").await).await,
        (403, "AccessDenied".to_owned())
    );
    let unsigned: Vec<_> = fields
        .iter()
        .filter(|(name, _)| name != "x-amz-signature")
        .cloned()
        .collect();
    assert_eq!(post(&server, &unsigned, "1234").await.status(), 403);
    assert_eq!(server.client.get("k").await.status(), 404);
    assert!(server.events().is_empty());
}

const BOUNDARY: &str = "a-boundary";

/// Returns a form up to the start of its file, with a content length for this many more bytes.
fn begun(server: &Server, fields: &[(String, String)], more_bytes: u64) -> String {
    let mut body = String::new();
    for (name, value) in fields {
        body += &format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        );
    }
    body += &format!(
        "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.csv\"\r\n\r\n"
    );
    let length = body.len() as u64 + more_bytes;
    format!(
        "POST /{BUCKET} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-length: {length}\r\n\
         content-type: multipart/form-data; boundary={BOUNDARY}\r\n\r\n{body}",
        server.client.port
    )
}

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(("127.0.0.1", server.client.port))
        .await
        .unwrap()
}

/// Returns what the server sends until it closes the connection, which must not be delayed.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(10), read)
        .await
        .unwrap()
        .unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

fn without(fields: &[(String, String)], removed: &str) -> Vec<(String, String)> {
    let kept = fields.iter().filter(|(name, _)| name != removed);
    kept.cloned().collect()
}

#[tokio::test]
async fn nothing_of_a_file_is_read_before_its_policy_is_verified() {
    let server = Server::start().await;
    let good = form("k", 0, "", &[]);
    let only_key = vec![("key".to_owned(), "k".to_owned())];
    for fields in [
        only_key,
        without(&good, "policy"),
        without(&good, "x-amz-signature"),
        changed(&good, "x-amz-signature", &"0".repeat(64)),
        changed(&good, "key", "other"),
        form("k", 61, "", &[]),
        form("k", 0, "", &[("acl", "public-read")]),
    ] {
        let mut stream = connect(&server).await;
        let head = begun(&server, &fields, 4 << 30);
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&[b'x'; 1000]).await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
        server.wait_until_staged(0).await;
    }
}

#[tokio::test]
async fn fields_that_do_not_end_are_refused() {
    let server = Server::start().await;
    let length = "y".repeat(21 << 10);
    let long = [
        ("key".to_owned(), "k".to_owned()),
        ("x-ignore-a".to_owned(), length),
    ];
    let many: Vec<_> = (0..200).map(|n| (format!("f{n}"), String::new())).collect();
    let endless = [
        ("key".to_owned(), "k".to_owned()),
        ("a".to_owned(), "y".repeat(80 << 10)),
    ];
    for fields in [&long[..], &many, &endless] {
        let mut stream = connect(&server).await;
        let head = begun(&server, fields, 4 << 30);
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 40"), "{answer}");
    }
    // The head of a part has the same limit.
    let mut stream = connect(&server).await;
    let head = begun(&server, &[], 4 << 30);
    let head = head.replace("name=\"file\"", &"y".repeat(80 << 10));
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.contains("MaxPostPreDataLengthExceeded"), "{answer}");
}

#[tokio::test]
async fn fields_that_stop_coming_are_given_up() {
    let server = Server::start().await;
    let head = begun(&server, &form("k", 0, "", &[]), 1000);
    // Up to the middle of a field name.
    let head = &head[..head.find("x-amz-date").unwrap()];
    let mut stream = connect(&server).await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    tokio::time::timeout(Duration::from_secs(30), read)
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.contains("<Code>RequestTimeout</Code>"), "{answer}");
}

#[tokio::test]
async fn a_file_goes_to_disk_as_it_comes() {
    let server = Server::start().await;
    let fields = form("k", 0, r#",["content-length-range",1,104857600]"#, &[]);
    let end = format!("\r\n--{BOUNDARY}--\r\n");
    // More than a form could have if it were kept in memory.
    let size_bytes = 65_u64 << 20;
    let mut stream = connect(&server).await;
    let head = begun(&server, &fields, size_bytes + end.len() as u64);
    stream.write_all(head.as_bytes()).await.unwrap();
    // Looks like a boundary, but is none.
    let chunk = format!("\r\n--a-bound{}", "z".repeat((1 << 20) - 11));
    for _ in 0..size_bytes >> 20 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    let staged = || {
        let folder = std::fs::read_dir(server.root.join("staging")).unwrap();
        folder
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum::<u64>()
    };
    let mut polls = 0;
    while staged() < size_bytes - (1 << 20) {
        polls += 1;
        assert!(polls < 1000, "{} bytes are on disk", staged());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    stream.write_all(end.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 204");
    let get = server.client.get("k").await.bytes().await.unwrap();
    assert_eq!(get.len() as u64, size_bytes);
    assert!(get.chunks(1 << 20).all(|got| got == chunk.as_bytes()));
    server.wait_until_staged(0).await;
}

#[tokio::test]
async fn a_file_is_refused_at_the_first_byte_that_is_too_many() {
    let server = Server::start().await;
    let fields = form(
        "k",
        0,
        r#",["content-length-range",1,1000000],["content-length-range",1,300000]"#,
        &[],
    );
    let mut stream = connect(&server).await;
    let head = begun(&server, &fields, 4 << 30);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 300_001]).await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.contains("<Code>EntityTooLarge</Code>"), "{answer}");
    server.wait_until_staged(0).await;
    assert_eq!(server.client.get("k").await.status(), 404);
}

#[tokio::test]
async fn a_file_that_breaks_off_leaves_nothing() {
    let server = Server::start().await;
    let fields = form("k", 0, "", &[]);
    let mut stream = connect(&server).await;
    let head = begun(&server, &fields, 1 << 20);
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 500_000]).await.unwrap();
    server.wait_until_staged(1).await;
    drop(stream);
    server.wait_until_staged(0).await;
    // The delimiter after the file is missing, although the length of the form is right.
    let mut stream = connect(&server).await;
    let head =
        begun(&server, &fields, 4).replace("content-length", "connection: close\r\ncontent-length");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(b"1234").await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.contains("<Code>IncompleteBody</Code>"), "{answer}");
    server.wait_until_staged(0).await;
    assert_eq!(server.client.get("k").await.status(), 404);
    assert!(server.events().is_empty());
}

#[tokio::test]
async fn a_key_may_take_the_name_of_the_file_where_the_policy_lets_it() {
    let server = Server::start().await;
    let under = r#",["starts-with","$key","mine/"]"#;
    let sent = post(&server, &open_form("mine/${filename}", 0, under, &[]), "x").await;
    assert_eq!(sent.status(), 204);
    assert_eq!(header(&sent, "location"), "/uploads/mine/a.csv");
    assert!(!header(&sent, "etag").is_empty());
    assert_eq!(server.client.get("mine/a.csv").await.status(), 200);
    // The conditions apply to the key after replacement.
    let exact = r#",{"key":"a.csv"}"#;
    let sent = post(&server, &open_form("${filename}", 0, exact, &[]), "x").await;
    assert_eq!(sent.status(), 204);
    let elsewhere = post(&server, &open_form("${filename}", 0, under, &[]), "x").await;
    assert_eq!(code(elsewhere).await, (403, "AccessDenied".to_owned()));
}

#[tokio::test]
async fn every_field_counts_once_and_is_covered() {
    let server = Server::start().await;
    let ignored = [("x-ignore-note", "anything")];
    assert_eq!(
        post(&server, &form("k", 0, "", &ignored), "x")
            .await
            .status(),
        204
    );
    let uncovered = [("Cache-Control", "no-store")];
    let refused = post(&server, &form("k", 0, "", &uncovered), "x").await;
    assert_eq!(code(refused).await, (403, "AccessDenied".to_owned()));
    let twice = [("Key", "k")];
    let refused = post(&server, &form("k", 0, "", &twice), "x").await;
    assert_eq!(code(refused).await, (400, "InvalidArgument".to_owned()));
    let covered = r#",{"cache-control":"no-store"},["starts-with","$x-amz-meta-a",""]"#;
    let fields = [("Cache-Control", "no-store"), ("x-amz-meta-a", "b")];
    assert_eq!(
        post(&server, &form("k", 0, covered, &fields), "x")
            .await
            .status(),
        204
    );
    let head = server.client.head("k").await;
    assert_eq!(
        (
            header(&head, "cache-control"),
            header(&head, "x-amz-meta-a")
        ),
        ("no-store", "b")
    );
}

#[tokio::test]
async fn a_form_has_one_file_and_fields_after_it_do_not_count() {
    let server = Server::start().await;
    let url = format!("http://127.0.0.1:{}/{BUCKET}", server.client.port);
    let fields = form("k", 0, "", &[])
        .into_iter()
        .fold(reqwest::multipart::Form::new(), |form, (name, value)| {
            form.text(name, value)
        });
    let sent = server
        .client
        .http
        .post(&url)
        .multipart(fields)
        .send()
        .await
        .unwrap();
    assert_eq!(
        code(sent).await,
        (400, "IncorrectNumberOfFilesInPostRequest".to_owned())
    );
    let fields = form("k", 0, "", &[])
        .into_iter()
        .fold(reqwest::multipart::Form::new(), |form, (name, value)| {
            form.text(name, value)
        });
    let fields = fields
        .text("file", "x")
        .text("key", "other")
        .text("acl", "public-read");
    let sent = server
        .client
        .http
        .post(&url)
        .multipart(fields)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 204);
    assert_eq!(server.client.get("k").await.text().await.unwrap(), "x");
}

#[tokio::test]
async fn a_form_is_answered_as_it_asks() {
    let server = Server::start().await;
    for (status, answered) in [("200", 200), ("201", 201), ("204", 204), ("302", 204)] {
        let conditions = format!(r#",{{"success_action_status":"{status}"}}"#);
        let fields = [("success_action_status", status)];
        let sent = post(&server, &form("k", 0, &conditions, &fields), "x").await;
        assert_eq!(sent.status(), answered);
    }
    let conditions = r#",["starts-with","$success_action_redirect",""]"#;
    let to = |address: &'static str| {
        form(
            "a b",
            0,
            conditions,
            &[("success_action_redirect", address)],
        )
    };
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let client = client.build().unwrap();
    let send = async |fields: Vec<(String, String)>| {
        let form = fields
            .into_iter()
            .fold(reqwest::multipart::Form::new(), |form, (name, value)| {
                form.text(name, value)
            });
        let url = format!("http://127.0.0.1:{}/{BUCKET}", server.client.port);
        client
            .post(url)
            .multipart(form.text("file", "x"))
            .send()
            .await
            .unwrap()
    };
    let sent = send(to("https://page.example/done?a=1#end")).await;
    assert_eq!(sent.status(), 303);
    assert_eq!(
        header(&sent, "location"),
        "https://page.example/done?a=1&bucket=uploads&key=a%20b&etag=%229dd4e461268c8034f5c8564e155c67a6%22#end"
    );
    assert_eq!(send(to("javascript:alert(1)")).await.status(), 204);
}

#[tokio::test]
async fn a_form_of_another_checksum_than_it_says_is_refused() {
    let server = Server::start().await;
    let digest = sha256(b"1234");
    let conditions = format!(r#",{{"x-amz-checksum-sha256":"{digest}"}}"#);
    let fields = form("k", 0, &conditions, &[("x-amz-checksum-sha256", &digest)]);
    assert_eq!(
        code(post(&server, &fields, "1235").await).await,
        (400, "BadDigest".to_owned())
    );
    assert_eq!(server.client.get("k").await.status(), 404);
    assert_eq!(post(&server, &fields, "1234").await.status(), 204);
}
