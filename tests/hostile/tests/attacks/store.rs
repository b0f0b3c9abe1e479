//! What the embedded store takes of one who holds a URL, and what it keeps from others on the machine.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use hostile::{Client, Host, csv};

/// None of these is signed, and each would come back at the download.
const UNSIGNED: [(&str, &str); 5] = [
    ("content-encoding", "gzip"),
    ("cache-control", "public, max-age=31536000"),
    ("content-language", "xx"),
    ("expires", "Thu, 01 Jan 2099 00:00:00 GMT"),
    ("content-disposition", "inline"),
];

#[tokio::test]
async fn unsigned_headers_of_a_put_do_not_come_back() {
    let host = Host::start().await;
    let mut user = host.user("mallory");
    let content = csv(10);
    for (name, value) in UNSIGNED {
        let signed = user.sign_csv(content.len()).await;
        let sent = user.put(&signed, &content, &[(name, value)]).await;
        if sent.status != 200 {
            assert!((400..500).contains(&sent.status), "{name}: {}", sent.status);
            continue;
        }
        let status = user.wait(&signed.file_id(), Duration::from_secs(30)).await;
        assert_eq!(status["status"], "ready", "{status}");
        let answer = user.download(&signed.file_id()).await;
        assert_ne!(answer.header(name), value, "{name} came back");
    }
}

#[tokio::test]
async fn a_url_that_lives_too_long_is_refused() {
    let host = Host::start().await;
    let keys = host.store_keys();
    let place = (host.bucket(), "incoming/mallory/x.csv");
    for (expires_s, is_taken) in [(604_800, true), (604_801, false), (u64::MAX >> 1, false)] {
        let url = keys.presign("PUT", place, expires_s);
        let mut client = Client::default();
        let sent = client.send(("PUT", &url), &[], Bytes::from_static(b"a\n1\n"));
        let answer = sent.await.expect("the store answers");
        let expected = if is_taken { 200..300 } else { 400..500 };
        assert!(
            expected.contains(&answer.status),
            "{expires_s}: {} {}",
            answer.status,
            answer.text()
        );
    }
}

fn readable_by_others(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        if metadata.is_dir() {
            // Nobody passes a folder that is closed.
            if metadata.permissions().mode() & 0o077 != 0 {
                found.extend(readable_by_others(&entry.path()));
            }
        } else if metadata.permissions().mode() & 0o077 != 0 {
            found.push(entry.path().display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn database_and_objects_are_for_their_owner_alone() {
    let host = Host::start().await;
    let mut user = host.user("ann");
    let file_id = user.put_csv(&csv(10)).await;
    user.wait(&file_id, Duration::from_secs(30)).await;
    let mode = std::fs::metadata(host.data()).unwrap().permissions().mode();
    let open = match mode & 0o077 {
        0 => Vec::new(),
        _ => readable_by_others(&host.data()),
    };
    assert_eq!(open, Vec::<String>::new());
    for name in ["consign.db", "consign.db-wal"] {
        let path = host.data().join(name);
        let mode = std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}
