//! Presigned PUT and GET: the signed properties are enforced.

use reqwest::Method;

use crate::support::{Ask, Server, code, header, sha256};

#[tokio::test]
async fn put_then_get_and_head_agree_on_bytes_etag_and_type() {
    let server = Server::start().await;
    let body = b"a,b\n1,2\n";
    let length = body.len().to_string();
    let digest = sha256(body);
    let ask = Ask::new(Method::PUT, "datasets/o/1/v1.csv")
        .header("content-type", "text/csv")
        .header("content-length", &length)
        .header("if-none-match", "*")
        .header("x-amz-checksum-sha256", &digest);
    let put = server.client.send(&ask, &body[..]).await;
    assert_eq!(put.status(), 200);
    let e_tag = header(&put, "etag").to_owned();
    assert_eq!(e_tag, "\"e5ebd4c02cefbe7955977c67ada242b7\"");
    assert_eq!(header(&put, "x-amz-checksum-sha256"), digest);
    assert!(!header(&put, "x-amz-request-id").is_empty());

    let head =
        Ask::new(Method::HEAD, "datasets/o/1/v1.csv").header("x-amz-checksum-mode", "ENABLED");
    let head = server.client.send(&head, "").await;
    assert_eq!(head.status(), 200);
    assert_eq!(header(&head, "etag"), e_tag);
    assert_eq!(header(&head, "content-type"), "text/csv");
    assert_eq!(header(&head, "content-length"), length);
    assert_eq!(header(&head, "x-amz-checksum-sha256"), digest);
    assert!(!header(&head, "last-modified").is_empty());

    let get = server.client.get("datasets/o/1/v1.csv").await;
    assert_eq!(
        (header(&get, "etag"), header(&get, "content-type")),
        (e_tag.as_str(), "text/csv")
    );
    assert_eq!(get.bytes().await.unwrap(), &body[..]);

    let events = server.events();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["eventSource"], "aws:s3");
    assert_eq!(events[0]["eventName"], "ObjectCreated:Put");
    assert_eq!(events[0]["s3"]["bucket"]["name"], "uploads");
    assert_eq!(events[0]["s3"]["object"]["key"], "datasets/o/1/v1.csv");
    assert_eq!(events[0]["s3"]["object"]["size"], body.len());
    assert_eq!(events[0]["s3"]["object"]["eTag"], e_tag.trim_matches('"'));
}

#[tokio::test]
async fn a_body_of_another_length_or_type_than_signed_is_refused() {
    let server = Server::start().await;
    let signed = Ask::new(Method::PUT, "k")
        .header("content-type", "text/csv")
        .header("content-length", "5");
    let url = server.client.url(&signed);
    for (body, content_type) in [
        ("123456", "text/csv"),
        ("1234", "text/csv"),
        ("12345", "text/html"),
    ] {
        let sent = server
            .client
            .http
            .put(url.clone())
            .header("content-type", content_type)
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(code(sent).await, (403, "SignatureDoesNotMatch".to_owned()));
    }
    // Without a length.
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("12345")]);
    let body = reqwest::Body::wrap_stream(chunks);
    let sent = server
        .client
        .http
        .put(url.clone())
        .header("content-type", "text/csv")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 403);
    assert_eq!(server.client.get("k").await.status(), 404);
    let sent = server
        .client
        .http
        .put(url)
        .header("content-type", "text/csv")
        .body("12345")
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(server.events().len(), 1);
}

#[tokio::test]
async fn a_put_without_a_length_is_refused() {
    let server = Server::start().await;
    let chunks = futures_util::stream::iter([Ok::<_, std::io::Error>("12345")]);
    let sent = server
        .client
        .send(
            &Ask::new(Method::PUT, "k"),
            reqwest::Body::wrap_stream(chunks),
        )
        .await;
    assert_eq!(code(sent).await, (411, "MissingContentLength".to_owned()));
}

#[tokio::test]
async fn a_url_works_once_with_if_none_match() {
    let server = Server::start().await;
    let ask = Ask::new(Method::PUT, "once").header("if-none-match", "*");
    assert_eq!(server.client.send(&ask, "first").await.status(), 200);
    assert_eq!(
        code(server.client.send(&ask, "second").await).await,
        (412, "PreconditionFailed".to_owned())
    );
    // Leaving out the signed header does not help.
    let without = server
        .client
        .http
        .put(server.client.url(&ask))
        .body("third")
        .send()
        .await
        .unwrap();
    assert_eq!(without.status(), 403);
    assert_eq!(
        server.client.get("once").await.text().await.unwrap(),
        "first"
    );
    assert_eq!(server.events().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_simultaneous_first_writes_one_wins() {
    let server = Server::start().await;
    for round in 0..10 {
        let key = format!("race/{round}");
        let ask = Ask::new(Method::PUT, &key).header("if-none-match", "*");
        let bodies: Vec<_> = (0..8).map(|writer| vec![b'a' + writer; 100_000]).collect();
        let sent = futures_util::future::join_all(
            bodies
                .iter()
                .map(|body| server.client.send(&ask, body.clone())),
        )
        .await;
        let winners: Vec<_> = sent
            .iter()
            .enumerate()
            .filter(|(_, sent)| sent.status() == 200)
            .map(|(index, _)| index)
            .collect();
        assert_eq!(winners.len(), 1);
        assert!(
            sent.iter()
                .all(|sent| sent.status() == 200 || sent.status() == 412)
        );
        assert_eq!(
            server.client.get(&key).await.bytes().await.unwrap(),
            bodies[winners[0]]
        );
        assert_eq!(server.events().len(), 1);
    }
    server.wait_until_staged(0).await;
}

#[tokio::test]
async fn a_body_of_another_checksum_leaves_the_key_free_and_tells_nothing() {
    let server = Server::start().await;
    let digest = sha256(b"right");
    let ask = Ask::new(Method::PUT, "k")
        .header("if-none-match", "*")
        .header("x-amz-checksum-sha256", &digest);
    assert_eq!(
        code(server.client.send(&ask, "wrong").await).await,
        (400, "BadDigest".to_owned())
    );
    assert_eq!(
        code(server.client.get("k").await).await,
        (404, "NoSuchKey".to_owned())
    );
    assert!(server.events().is_empty());
    server.wait_until_staged(0).await;
    assert_eq!(server.client.send(&ask, "right").await.status(), 200);
}

#[tokio::test]
async fn a_url_past_its_life_is_refused() {
    let server = Server::start().await;
    let ask = Ask::new(Method::PUT, "k").issued_s_ago(301);
    assert_eq!(
        code(server.client.send(&ask, "x").await).await,
        (403, "AccessDenied".to_owned())
    );
    assert_eq!(
        server
            .client
            .send(&ask.issued_s_ago(-60), "x")
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn a_download_takes_its_name_and_type_from_the_url() {
    let server = Server::start().await;
    server.client.put("k", b"<html>").await;
    let disposition = "attachment; filename=\"na me.csv\"; filename*=UTF-8''na%20me.csv";
    let ask = Ask::new(Method::GET, "k")
        .query("response-content-disposition", disposition)
        .query("response-content-type", "application/octet-stream");
    let get = server.client.send(&ask, "").await;
    assert_eq!(get.status(), 200);
    assert_eq!(header(&get, "content-disposition"), disposition);
    assert_eq!(header(&get, "content-type"), "application/octet-stream");
    // Removing or changing them breaks the signature.
    let url = server
        .client
        .url(&ask)
        .to_string()
        .replace("octet-stream", "xhtml");
    assert_eq!(
        server.client.http.get(url).send().await.unwrap().status(),
        403
    );
}

#[tokio::test]
async fn ranges_and_conditions_of_reads_hold() {
    let server = Server::start().await;
    let put = server.client.put("k", b"0123456789").await;
    let e_tag = header(&put, "etag").to_owned();
    for (range, content_range, text) in [
        ("bytes=2-4", "bytes 2-4/10", "234"),
        ("bytes=7-", "bytes 7-9/10", "789"),
        ("bytes=-1", "bytes 9-9/10", "9"),
        ("bytes=8-99", "bytes 8-9/10", "89"),
    ] {
        let get = server
            .client
            .ask(&Ask::new(Method::GET, "k"))
            .header("range", range)
            .send()
            .await
            .unwrap();
        assert_eq!(
            (get.status().as_u16(), header(&get, "content-range")),
            (206, content_range)
        );
        assert_eq!(get.text().await.unwrap(), text);
    }
    let read = async |name, value: &str| {
        server
            .client
            .ask(&Ask::new(Method::GET, "k"))
            .header(name, value)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(read("range", "bytes=10-").await, 416);
    assert_eq!(read("if-match", &e_tag).await, 200);
    assert_eq!(read("if-match", "\"other\"").await, 412);
    assert_eq!(read("if-none-match", &e_tag).await, 304);
}

#[tokio::test]
async fn a_url_of_more_than_seven_days_is_refused() {
    let server = Server::start().await;
    server.client.put("k", b"x").await;
    let good_for = |expires_s| Ask {
        expires_s,
        ..Ask::new(Method::GET, "k")
    };
    assert_eq!(
        server.client.send(&good_for(604_800), "").await.status(),
        200
    );
    for expires_s in [604_801, 4_294_967_295, 4_294_967_296, 0] {
        assert_eq!(
            code(server.client.send(&good_for(expires_s), "").await).await,
            (400, "AuthorizationQueryParametersError".to_owned()),
            "{expires_s}"
        );
    }
    // The same for the URL of an upload, and for an expiry that is not a number.
    let put = Ask {
        expires_s: 604_801,
        ..Ask::new(Method::PUT, "k")
    };
    assert_eq!(server.client.send(&put, "y").await.status(), 400);
    let url = server.client.url(&Ask::new(Method::GET, "k")).to_string();
    for life in ["-300", "+300", "3e2", ""] {
        let url = url.replace("X-Amz-Expires=300", &format!("X-Amz-Expires={life}"));
        assert!(
            server
                .client
                .http
                .get(url)
                .send()
                .await
                .unwrap()
                .status()
                .is_client_error(),
            "{life}"
        );
    }
    assert_eq!(server.client.get("k").await.text().await.unwrap(), "x");
}

#[tokio::test]
async fn a_header_that_a_download_gives_back_is_signed_or_not_taken() {
    let server = Server::start().await;
    let kept = [
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("content-disposition", "inline"),
        ("expires", "Fri, 01 Jan 2100 00:00:00 GMT"),
    ];
    let create = Ask::new(Method::POST, "k").query("uploads", "");
    for (name, value) in kept {
        for ask in [&Ask::new(Method::PUT, "k"), &create] {
            let slipped = server.client.ask(ask).header(name, value);
            let sent = slipped.body("").send().await.unwrap();
            assert_eq!(code(sent).await, (403, "AccessDenied".to_owned()), "{name}");
        }
    }
    assert_eq!(server.client.get("k").await.status(), 404);
    // Browsers add this header themselves, so it is ignored.
    let put = server.client.ask(&Ask::new(Method::PUT, "k"));
    let put = put.header("cache-control", "public, max-age=31536000");
    assert_eq!(put.body("x").send().await.unwrap().status(), 200);
    let head = server.client.head("k").await;
    assert_eq!(header(&head, "cache-control"), "");
    // Signed headers are stored.
    let mut signed = Ask::new(Method::PUT, "k").header("cache-control", "no-store");
    signed.headers.extend(kept);
    assert_eq!(server.client.send(&signed, "x").await.status(), 200);
    let head = server.client.head("k").await;
    for (name, value) in kept {
        assert_eq!(header(&head, name), value);
    }
    assert_eq!(header(&head, "cache-control"), "no-store");
}
