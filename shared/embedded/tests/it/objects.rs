//! Objects over their life: listing, copying, deleting, restarts.

use std::time::Duration;

use consign_embedded::{EmbeddedS3, StartError};
use reqwest::Method;

use crate::support::{Ask, Server, between, code, header, now, options};

async fn list(server: &Server, query: &[(&str, &str)]) -> String {
    let mut ask = Ask::new(Method::GET, "").query("list-type", "2");
    ask.path = "/uploads".to_owned();
    ask.query.extend(query);
    let listed = server.client.send(&ask, "").await;
    assert_eq!(listed.status(), 200);
    listed.text().await.unwrap()
}

fn all<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    text.split(&open)
        .skip(1)
        .filter_map(|rest| rest.split_once(&close))
        .map(|(found, _)| found)
        .collect()
}

#[tokio::test]
async fn a_listing_goes_by_prefix_delimiter_and_page() {
    let server = Server::start().await;
    for key in ["a", "a/b", "a/c/d", "a b+c/é", "b"] {
        assert_eq!(server.client.put(key, key.as_bytes()).await.status(), 200);
    }
    assert_eq!(
        all(&list(&server, &[]).await, "Key"),
        ["a", "a b+c/é", "a/b", "a/c/d", "b"]
    );
    assert_eq!(
        all(&list(&server, &[("prefix", "a/")]).await, "Key"),
        ["a/b", "a/c/d"]
    );
    let grouped = list(&server, &[("delimiter", "/")]).await;
    assert_eq!(all(&grouped, "Key"), ["a", "b"]);
    assert_eq!(
        all(&grouped, "CommonPrefixes"),
        ["<Prefix>a b+c/</Prefix>", "<Prefix>a/</Prefix>"]
    );
    assert!(
        list(&server, &[("encoding-type", "url")])
            .await
            .contains("<Key>a+b%2Bc/%C3%A9</Key>")
    );

    let (mut keys, mut token) = (Vec::new(), String::new());
    loop {
        let query = [("max-keys", "2"), ("continuation-token", token.as_str())];
        let page = list(
            &server,
            if token.is_empty() {
                &query[..1]
            } else {
                &query
            },
        )
        .await;
        keys.extend(all(&page, "Key").iter().map(|key| (*key).to_owned()));
        if between(&page, "<IsTruncated>", "</IsTruncated>") == "false" {
            break;
        }
        token = between(&page, "<NextContinuationToken>", "</NextContinuationToken>").to_owned();
    }
    assert_eq!(keys, ["a", "a b+c/é", "a/b", "a/c/d", "b"]);
}

#[tokio::test]
async fn a_key_and_keys_under_it_live_side_by_side() {
    let server = Server::start().await;
    for key in ["a", "a/b", "a/", "A"] {
        assert_eq!(server.client.put(key, key.as_bytes()).await.status(), 200);
    }
    for key in ["a", "a/b", "a/", "A"] {
        assert_eq!(server.client.get(key).await.text().await.unwrap(), key);
    }
}

#[tokio::test]
async fn event_keys_are_form_encoded() {
    let server = Server::start().await;
    server.client.put("a b/c+d=é", b"").await;
    let events = server.events();
    assert_eq!(events[0]["s3"]["object"]["key"], "a+b/c%2Bd%3D%C3%A9");
    assert_eq!(events[0]["s3"]["object"]["size"], 0);
}

#[tokio::test]
async fn deleting_tells_once_and_is_idempotent() {
    let server = Server::start().await;
    server.client.put("k", b"x").await;
    let delete = Ask::new(Method::DELETE, "k");
    assert_eq!(server.client.send(&delete, "").await.status(), 204);
    assert_eq!(server.client.send(&delete, "").await.status(), 204);
    assert_eq!(server.client.get("k").await.status(), 404);
    let events = server.events();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["eventName"], "ObjectRemoved:Delete");
    assert!(events[1]["s3"]["object"].get("size").is_none());
    assert!(
        events[0]["s3"]["object"]["sequencer"].as_str()
            < events[1]["s3"]["object"]["sequencer"].as_str()
    );
}

#[tokio::test]
async fn a_copy_keeps_bytes_etag_and_type() {
    let server = Server::start().await;
    let put = server
        .client
        .send(
            &Ask::new(Method::PUT, "from").header("content-type", "text/csv"),
            "a,b",
        )
        .await;
    let copy = Ask::new(Method::PUT, "deleted/to").header("x-amz-copy-source", "uploads/from");
    let copied = server.client.send(&copy, "").await;
    assert_eq!(copied.status(), 200);
    let get = server.client.get("deleted/to").await;
    assert_eq!(header(&get, "etag"), header(&put, "etag"));
    assert_eq!(header(&get, "content-type"), "text/csv");
    assert_eq!(get.text().await.unwrap(), "a,b");
    let missing = Ask::new(Method::PUT, "to").header("x-amz-copy-source", "uploads/none");
    assert_eq!(
        code(server.client.send(&missing, "").await).await,
        (404, "NoSuchKey".to_owned())
    );
}

#[tokio::test]
async fn what_was_put_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path()).await;
    let put = server
        .client
        .send(
            &Ask::new(Method::PUT, "k")
                .header("content-type", "text/csv")
                .header("x-amz-meta-a", "b"),
            "1",
        )
        .await;
    let e_tag = header(&put, "etag").to_owned();
    let before = server.events();
    server.running.shutdown().await;
    // As left by a crash during a PUT.
    std::fs::write(folder.path().join("staging/7"), "half").unwrap();

    let server = Server::start_in(folder.path()).await;
    assert_eq!(server.staged(), 0);
    let head = server.client.head("k").await;
    assert_eq!(header(&head, "etag"), e_tag);
    assert_eq!(
        (header(&head, "content-type"), header(&head, "x-amz-meta-a")),
        ("text/csv", "b")
    );
    server.client.put("k", b"2").await;
    let after = server.events();
    assert!(
        before[0]["s3"]["object"]["sequencer"].as_str()
            < after[0]["s3"]["object"]["sequencer"].as_str()
    );
}

#[tokio::test]
async fn the_sequencer_grows_though_the_clock_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut last = String::new();
    for hours in [3, 1, 2] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (sender, mut events) = tokio::sync::mpsc::unbounded_channel();
        let take = move |notification: String| {
            std::future::ready(sender.send(notification).map_err(Into::into))
        };
        let clock = move || now() + Duration::from_secs(3600 * hours);
        let running = EmbeddedS3::start(options(folder.path()), listener, take, clock).unwrap();
        let client = crate::support::Client::new(running.local_addr().port());
        for _ in 0..2 {
            assert_eq!(client.put("k", b"x").await.status(), 200);
            let event: serde_json::Value =
                serde_json::from_str(&events.recv().await.unwrap()).unwrap();
            let sequencer = event["Records"][0]["s3"]["object"]["sequencer"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(sequencer > last);
            last = sequencer;
        }
        running.shutdown().await;
    }
}

#[tokio::test]
async fn an_event_that_is_not_taken_does_not_fail_the_put() {
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refuse = |_| std::future::ready(Err("no".into()));
    let running = EmbeddedS3::start(options(folder.path()), listener, refuse, now).unwrap();
    let client = crate::support::Client::new(running.local_addr().port());
    assert_eq!(client.put("k", b"x").await.status(), 200);
    assert_eq!(client.get("k").await.text().await.unwrap(), "x");
}

#[tokio::test]
async fn a_folder_is_served_once_at_a_time_and_bad_options_are_named() {
    let server = Server::start().await;
    let start = async |change: fn(&mut consign_embedded::Options), root: &std::path::Path| {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut options = options(root);
        change(&mut options);
        EmbeddedS3::start(options, listener, |_| std::future::ready(Ok(())), now)
    };
    assert!(matches!(
        start(|_| {}, &server.root).await,
        Err(StartError::InUse)
    ));
    let other = tempfile::tempdir().unwrap();
    assert!(matches!(
        start(
            |options| options.buckets.push("Not A Bucket".to_owned()),
            other.path()
        )
        .await,
        Err(StartError::Bucket(_))
    ));
    assert!(matches!(
        start(
            |options| options.cors_origins.push("a\nb".to_owned()),
            other.path()
        )
        .await,
        Err(StartError::Origin(_))
    ));
    assert!(!format!("{:?}", options(other.path())).contains(crate::support::SECRET_KEY));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_megabytes_stream_through() {
    const CHUNK: usize = 1 << 20;
    const CHUNKS: usize = 64;
    let server = Server::start().await;
    let length = (CHUNK * CHUNKS).to_string();
    let chunks = futures_util::stream::iter(
        (0..CHUNKS)
            .map(|number| Ok::<_, std::io::Error>(vec![u8::try_from(number).unwrap(); CHUNK])),
    );
    let ask = Ask::new(Method::PUT, "big").header("content-length", &length);
    let put = server
        .client
        .send(&ask, reqwest::Body::wrap_stream(chunks))
        .await;
    assert_eq!(put.status(), 200);
    let mut get = server.client.get("big").await;
    let mut at = 0;
    while let Some(chunk) = get.chunk().await.unwrap() {
        assert!(
            chunk
                .iter()
                .enumerate()
                .all(|(index, byte)| usize::from(*byte) == (at + index) / CHUNK)
        );
        at += chunk.len();
    }
    assert_eq!(at, CHUNK * CHUNKS);
}

#[tokio::test]
async fn the_last_event_of_a_key_is_of_its_last_change() {
    let server = std::sync::Arc::new(Server::start().await);
    for round in 0..10 {
        let changes = (0..16).map(|number| {
            let server = std::sync::Arc::clone(&server);
            tokio::spawn(async move {
                if number % 4 == 0 {
                    server.client.send(&Ask::new(Method::DELETE, "k"), "").await
                } else {
                    let body = format!("{round} {number}");
                    server.client.put("k", body.as_bytes()).await
                }
            })
        });
        for change in changes.collect::<Vec<_>>() {
            assert!(change.await.unwrap().status().is_success());
        }
        let events = server.events();
        let object = |event: &serde_json::Value| event["s3"]["object"].clone();
        let sequencer = |event: &serde_json::Value| object(event)["sequencer"].to_string();
        let mut sequencers: Vec<_> = events.iter().map(&sequencer).collect();
        sequencers.sort();
        sequencers.dedup();
        assert_eq!(sequencers.len(), events.len());
        let last = events.iter().max_by_key(|event| sequencer(event)).unwrap();
        let head = server.client.head("k").await;
        if last["eventName"] == "ObjectRemoved:Delete" {
            assert_eq!(head.status(), 404);
        } else {
            let e_tag = header(&head, "etag").trim_matches('"').to_owned();
            assert_eq!(object(last)["eTag"], e_tag);
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_on_the_machine_reads_objects() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("objects");
    // As created by an earlier build.
    std::fs::create_dir(&root).unwrap();
    std::fs::set_permissions(&root, PermissionsExt::from_mode(0o755)).unwrap();
    let server = Server::start_in(&root).await;
    server.client.put("k", b"x").await;
    let create = Ask::new(Method::POST, "parts").query("uploads", "");
    assert_eq!(server.client.send(&create, "").await.status(), 200);
    let mut folders = vec![root];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let (path, metadata) = (entry.path(), entry.metadata().unwrap());
            if metadata.is_dir() {
                folders.push(path);
            } else {
                files += 1;
                let mode = metadata.permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}", path.display());
            }
        }
    }
    assert_eq!(files, 3, "a lock, an object and an upload");
}
