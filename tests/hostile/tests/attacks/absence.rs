//! A store that comes back empty for a few seconds: an unmounted disk, a wrong endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hostile::{Harm, Host, counted, csv};

use crate::support::over_proxy;

const AWAY: Duration = Duration::from_secs(4);
/// What the store is like: files are there and cannot be read, files are not there, all is well.
const READS_FAIL: usize = 0;
const IS_ANOTHER: usize = 1;
const IS_ITSELF: usize = 2;
const MISSES_FILES: usize = 3;
/// How soon a file goes on that was missed for a moment.
const SOON: Duration = Duration::from_secs(30);
const FILES: usize = 4;

async fn all_become_ready(host: &Host, files: &[String]) {
    let mut user = host.user("ann");
    for file_id in files {
        let status = user.wait(file_id, SOON).await;
        assert_eq!(status["status"], "ready", "{status}");
    }
}

/// Files of so many rows that were sent and confirmed together, and wait for their turn.
async fn confirmed(host: &Host, rows: usize) -> Vec<String> {
    let mut user = host.user("ann");
    let content = csv(rows);
    let mut files = Vec::new();
    for _ in 0..FILES {
        files.push(user.put_csv(&content).await);
    }
    for file_id in &files {
        let answer = user.confirm(file_id).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    files
}

/// Killed while it works on them, and started over an empty bucket.
#[tokio::test]
async fn acknowledged_files_survive_a_store_that_starts_empty() {
    let mut host = Host::start().await;
    let files = confirmed(&host, 40_000).await;
    host.kill();
    let objects = host.objects();
    let aside = objects.with_extension("aside");
    std::fs::rename(&objects, &aside).unwrap();
    std::fs::create_dir(&objects).unwrap();
    host.spawn();
    tokio::time::sleep(AWAY).await;
    std::fs::rename(&objects, objects.with_extension("empty")).unwrap();
    std::fs::rename(&aside, &objects).unwrap();
    // It may have refused to start so; then whoever supervises it starts it again.
    if !host.is_running() {
        host.restart().await;
    }
    let mut user = host.user("ann");
    for file_id in &files {
        let status = user.status(file_id).await;
        assert_ne!(status["status"], "deleted", "{status}");
        println!("{} when it is back", status["status"]);
    }
    all_become_ready(&host, &files).await;
    // The empty one was not taken for the one that is known: there a deletion would find nothing, and here do nothing.
    let path = format!("/files/{}", files[0]);
    assert_eq!(user.call(("DELETE", &path), None).await.status, 204);
    let moved = "SELECT count(*) FROM uploads WHERE json_extract(record, '$.deletion') = 'moved'";
    wait_until_counted(&host, moved, 1).await;
}

/// Waits until the statement selects that many.
async fn wait_until_counted(host: &Host, sql: &str, wanted: i64) {
    for _ in 0..SOON.as_secs() {
        if counted(host, sql).await == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(counted(host, sql).await, wanted);
}

/// The bucket is the one that is known, and for some seconds shows none of its files: each is missed, and its message is done
/// with.
#[tokio::test]
async fn files_that_are_missed_for_some_seconds_are_ready_soon_after() {
    let mode = Arc::new(AtomicUsize::new(READS_FAIL));
    let now = Arc::clone(&mode);
    let (host, _proxy, _store) = over_proxy(move |seen| {
        let is_file = seen.target.contains("/incoming/");
        match now.load(Ordering::Relaxed) {
            READS_FAIL if is_file && seen.method == "GET" => Harm::Answer(503, "SlowDown"),
            MISSES_FILES if is_file && (seen.method == "GET" || seen.method == "HEAD") => {
                Harm::Answer(404, "NoSuchKey")
            }
            _ => Harm::None,
        }
    })
    .await;
    let files = confirmed(&host, 20).await;
    mode.store(MISSES_FILES, Ordering::Relaxed);
    let missed =
        "SELECT count(*) FROM uploads WHERE json_extract(record, '$.absent_since') IS NOT NULL";
    wait_until_counted(&host, missed, FILES as i64).await;
    mode.store(IS_ITSELF, Ordering::Relaxed);
    all_become_ready(&host, &files).await;
}

/// A store that for a while is another one knows none of them.
#[tokio::test]
async fn confirmed_files_survive_a_store_that_is_another_for_a_while() {
    let mode = Arc::new(AtomicUsize::new(READS_FAIL));
    let now = Arc::clone(&mode);
    let (host, _proxy, _store) = over_proxy(move |seen| {
        let is_read = seen.method == "GET" || seen.method == "HEAD";
        match now.load(Ordering::Relaxed) {
            READS_FAIL if seen.method == "GET" && seen.target.contains("/incoming/") => {
                Harm::Answer(503, "SlowDown")
            }
            IS_ANOTHER if is_read => Harm::Answer(404, "NoSuchKey"),
            _ => Harm::None,
        }
    })
    .await;
    let files = confirmed(&host, 20).await;
    mode.store(IS_ANOTHER, Ordering::Relaxed);
    // Each is tried again meanwhile.
    tokio::time::sleep(3 * AWAY).await;
    mode.store(IS_ITSELF, Ordering::Relaxed);
    all_become_ready(&host, &files).await;
}
