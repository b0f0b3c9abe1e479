//! A store that comes back empty for a few seconds: an unmounted disk, a wrong endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hostile::{Harm, Host, csv};

use crate::support::over_proxy;

const AWAY: Duration = Duration::from_secs(4);
/// What the store is like: files are there and cannot be read, files are not there, all is well.
const READS_FAIL: usize = 0;
const IS_ANOTHER: usize = 1;
const IS_ITSELF: usize = 2;
/// What was begun while the store was empty is begun again once its lease is over.
const LEASE: Duration = Duration::from_secs(150);
const FILES: usize = 4;

async fn all_become_ready(host: &Host, files: &[String]) {
    let mut user = host.user("ann");
    for file_id in files {
        let status = user.wait(file_id, LEASE).await;
        assert_eq!(status["status"], "ready", "{status}");
    }
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
    let mut user = host.user("ann");
    let content = csv(20);
    let mut files = Vec::new();
    for _ in 0..FILES {
        let file_id = user.put_csv(&content).await;
        let answer = user.confirm(&file_id).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        files.push(file_id);
    }
    mode.store(IS_ANOTHER, Ordering::Relaxed);
    // Each is tried again meanwhile.
    tokio::time::sleep(3 * AWAY).await;
    mode.store(IS_ITSELF, Ordering::Relaxed);
    all_become_ready(&host, &files).await;
}
