//! Multipart uploads.

use std::time::Duration;

use consign_embedded::{EmbeddedS3, Running};
use reqwest::Method;

use crate::support::{ABORT_PARTS_AFTER, Ask, Server, between, code, header, now, options, sha256};

const PART: usize = 5 << 20;

async fn create(server: &Server, key: &str) -> String {
    let ask = Ask::new(Method::POST, key)
        .query("uploads", "")
        .header("content-type", "text/csv");
    let created = server.client.send(&ask, "").await;
    assert_eq!(created.status(), 200);
    between(&created.text().await.unwrap(), "<UploadId>", "</UploadId>").to_owned()
}

async fn part(server: &Server, key: &str, id: &str, (number, body): (&str, Vec<u8>)) -> String {
    let length = body.len().to_string();
    let ask = Ask::new(Method::PUT, key)
        .query("partNumber", number)
        .query("uploadId", id)
        .header("content-length", &length);
    let sent = server.client.send(&ask, body).await;
    assert_eq!(sent.status(), 200);
    header(&sent, "etag").to_owned()
}

fn listed(parts: &[(&str, &str)]) -> String {
    let part = |(number, e_tag): &(&str, &str)| {
        format!("<Part><PartNumber>{number}</PartNumber><ETag>{e_tag}</ETag></Part>")
    };
    format!(
        "<CompleteMultipartUpload>{}</CompleteMultipartUpload>",
        parts.iter().map(part).collect::<String>()
    )
}

async fn complete(
    server: &Server,
    key: &str,
    id: &str,
    parts: &[(&str, &str)],
) -> reqwest::Response {
    server
        .client
        .send(
            &Ask::new(Method::POST, key)
                .query("uploadId", id)
                .header("if-none-match", "*"),
            listed(parts),
        )
        .await
}

#[tokio::test]
async fn parts_become_one_object() {
    let server = Server::start().await;
    let id = create(&server, "big").await;
    // Out of order, and one part twice: the later one counts.
    let second = part(&server, "big", &id, ("2", b"the end".to_vec())).await;
    part(&server, "big", &id, ("1", vec![b'x'; 10])).await;
    let first = part(&server, "big", &id, ("1", vec![b'a'; PART])).await;

    let list = Ask::new(Method::GET, "big").query("uploadId", &id);
    let text = server.client.send(&list, "").await.text().await.unwrap();
    assert!(text.find("<PartNumber>1<").unwrap() < text.find("<PartNumber>2<").unwrap());
    assert!(text.contains(&format!("<Size>{PART}</Size>")) && text.contains("<Size>7</Size>"));
    assert!(text.contains(first.trim_matches('"')));
    assert_eq!(server.client.get("big").await.status(), 404);
    assert!(server.events().is_empty());

    let done = complete(&server, "big", &id, &[("1", &first), ("2", &second)]).await;
    assert_eq!(done.status(), 200);
    let text = done.text().await.unwrap();
    let head = server.client.head("big").await;
    let e_tag = header(&head, "etag").trim_matches('"').to_owned();
    assert!(e_tag.ends_with("-2") && text.contains(&e_tag));
    assert_eq!(header(&head, "content-type"), "text/csv");
    let bytes = server.client.get("big").await.bytes().await.unwrap();
    assert_eq!(bytes.len(), PART + 7);
    assert_eq!(&bytes[PART..], b"the end");
    let events = server.events();
    assert_eq!(events.len(), 1);
    assert_eq!(
        events[0]["eventName"],
        "ObjectCreated:CompleteMultipartUpload"
    );
    assert_eq!(events[0]["s3"]["object"]["eTag"], e_tag);
    assert_eq!(
        code(server.client.send(&list, "").await).await,
        (404, "NoSuchUpload".to_owned())
    );
}

#[tokio::test]
async fn parts_that_do_not_add_up_are_refused() {
    let server = Server::start().await;
    let id = create(&server, "k").await;
    let small = part(&server, "k", &id, ("1", b"small".to_vec())).await;
    let last = part(&server, "k", &id, ("2", b"last".to_vec())).await;
    let refused =
        async |parts: &[(&str, &str)]| code(complete(&server, "k", &id, parts).await).await;
    assert_eq!(
        refused(&[("1", &small), ("2", &last)]).await,
        (400, "EntityTooSmall".to_owned())
    );
    assert_eq!(
        refused(&[("2", &last), ("1", &small)]).await,
        (400, "InvalidPartOrder".to_owned())
    );
    assert_eq!(
        refused(&[("1", &last)]).await,
        (400, "InvalidPart".to_owned())
    );
    assert_eq!(
        refused(&[("3", &last)]).await,
        (400, "InvalidPart".to_owned())
    );
    let wrong = sha256(b"other");
    let ask = Ask::new(Method::PUT, "k")
        .query("partNumber", "1")
        .query("uploadId", &id)
        .header("x-amz-checksum-sha256", &wrong);
    assert_eq!(
        code(server.client.send(&ask, "this").await).await,
        (400, "BadDigest".to_owned())
    );
    let ask = Ask::new(Method::PUT, "k")
        .query("partNumber", "10001")
        .query("uploadId", &id);
    assert_eq!(
        code(server.client.send(&ask, "this").await).await,
        (400, "InvalidArgument".to_owned())
    );
    // The upload of another key is not found, and a taken key is kept.
    assert_eq!(
        code(complete(&server, "other", &id, &[("1", &small)]).await).await,
        (404, "NoSuchUpload".to_owned())
    );
    server.client.put("k", b"first").await;
    assert_eq!(
        refused(&[("1", &small)]).await,
        (412, "PreconditionFailed".to_owned())
    );
    server.wait_until_staged(0).await;
}

#[tokio::test]
async fn an_aborted_upload_is_gone() {
    let server = Server::start().await;
    let id = create(&server, "k").await;
    let e_tag = part(&server, "k", &id, ("1", b"part".to_vec())).await;
    assert_eq!(
        server
            .client
            .send(&Ask::new(Method::DELETE, "k").query("uploadId", &id), "")
            .await
            .status(),
        204
    );
    assert_eq!(
        code(complete(&server, "k", &id, &[("1", &e_tag)]).await).await,
        (404, "NoSuchUpload".to_owned())
    );
    let ask = Ask::new(Method::PUT, "k")
        .query("partNumber", "1")
        .query("uploadId", &id);
    assert_eq!(
        code(server.client.send(&ask, "late").await).await,
        (404, "NoSuchUpload".to_owned())
    );
    assert_eq!(
        std::fs::read_dir(server.root.join("uploads/uploads"))
            .unwrap()
            .count(),
        0
    );
}

/// Serves a folder with a clock that is ahead.
async fn later(root: &std::path::Path, ahead: Duration) -> Running {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let take = |_| std::future::ready(Ok(()));
    EmbeddedS3::start(options(root), listener, take, move || now() + ahead).unwrap()
}

fn uploads(root: &std::path::Path) -> usize {
    std::fs::read_dir(root.join("uploads/uploads"))
        .unwrap()
        .count()
}

/// Whether this number of uploads is left after the cleanup at the start.
async fn left(root: &std::path::Path, wanted: usize) -> bool {
    for _ in 0..200 {
        if uploads(root) == wanted {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn an_incomplete_multipart_upload_is_removed_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path()).await;
    for key in ["a", "b"] {
        let id = create(&server, key).await;
        part(&server, key, &id, ("1", vec![b'x'; 1000])).await;
    }
    // Metadata that cannot be read, as after a fault of the disk.
    let damaged = create(&server, "c").await;
    let file = folder
        .path()
        .join("uploads/uploads")
        .join(damaged)
        .join("upload");
    std::fs::write(file, "not an upload").unwrap();
    server.running.shutdown().await;

    let young = later(folder.path(), ABORT_PARTS_AFTER - Duration::from_secs(3600)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    young.shutdown().await;
    assert_eq!(uploads(folder.path()), 3);
    let old = later(folder.path(), ABORT_PARTS_AFTER + Duration::from_secs(60)).await;
    assert!(left(folder.path(), 0).await);
    old.shutdown().await;
}
