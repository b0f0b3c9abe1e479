//! Uploads whose object cannot be looked at, more of them than a run of the sweep takes: the others are not kept waiting.

use std::time::Duration;

use hostile::{Harm, csv, write_sql};

use crate::support::over_proxy;

const FAILING: usize = 230;
const GOOD: usize = 5;

async fn good_ones_are_found_beside(status: u16, code: &'static str) {
    let (host, _proxy, _store) =
        over_proxy(
            move |seen| match seen.method == "HEAD" && seen.target.contains("/mallory/") {
                true => Harm::Answer(status, code),
                false => Harm::None,
            },
        )
        .await;
    let (mut mallory, mut ann) = (host.user("mallory"), host.user("ann"));
    let content = csv(20);
    for _ in 0..FAILING {
        mallory.sign_csv(content.len()).await;
    }
    let mut good = Vec::new();
    for _ in 0..GOOD {
        good.push(ann.put_csv(&content).await);
    }
    // Nobody tells of these objects: only the sweep finds them, and those that fail are due before.
    let due = "UPDATE uploads SET due_at_us = CASE owner WHEN 'mallory' THEN 1000 ELSE 2000 END";
    assert_eq!(write_sql(&host, due).await, (FAILING + GOOD) as u64);
    for file_id in &good {
        let status = ann.wait(file_id, Duration::from_secs(100)).await;
        assert_eq!(status["status"], "ready", "{status}");
    }
}

#[tokio::test]
async fn uploads_that_may_not_be_looked_at_keep_nobody_waiting() {
    good_ones_are_found_beside(403, "AccessDenied").await;
}

#[tokio::test]
async fn uploads_whose_look_fails_in_the_store_keep_nobody_waiting() {
    good_ones_are_found_beside(500, "InternalError").await;
}
