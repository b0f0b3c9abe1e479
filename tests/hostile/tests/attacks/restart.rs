//! A restart with much unfinished work: nothing is queued twice, and the work begins at once.

use std::time::Duration;

use hostile::{Host, Pattern, Seed, counted};

const UNFINISHED: usize = 4_000;

#[tokio::test]
async fn a_restart_queues_nothing_twice_and_begins_at_once() {
    let mut host = Host::new(hostile::Options::default());
    let pattern = Pattern::unfinished(&mut host, "ann").await;
    let seed = Seed {
        first: 0,
        count: UNFINISHED,
        signed_ago_s: None,
    };
    pattern.copy(&host, seed).await;
    let before = counted(&host, "SELECT count(*) FROM messages").await;
    for _ in 0..2 {
        host.restart().await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        host.kill();
    }
    let queued = counted(&host, "SELECT count(*) FROM messages").await;
    let unfinished = "SELECT count(*) FROM uploads WHERE status NOT IN ('ready', 'failed', 'expired', 'deleted')";
    let unfinished = counted(&host, unfinished).await;
    println!("{before} messages, then {queued} for {unfinished} unfinished files");
    // A file whose last write was cut off may have its message once more.
    assert!(
        queued <= unfinished + 16,
        "{queued} messages for {unfinished} files"
    );
    assert!(
        unfinished < (UNFINISHED + 1) as i64,
        "not one file was ingested in 8 s"
    );
}
