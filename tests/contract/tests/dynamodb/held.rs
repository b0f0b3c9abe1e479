//! Lines that were passed on, by one item each.

use consign_core::ports::{DueRange, DueRun, UploadRepo as _};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::Upload;
use consign_testkit::all_due;
use consign_testkit::sample::{self, id, start};

use crate::given::{Given, insert};

const UPLOADS: u32 = 6;

fn at(seconds: u64) -> Timestamp {
    saturating_add_secs(start(), seconds)
}

/// A table with uploads of one owner, due one second after another.
async fn given() -> Given {
    let given = Given::new().await;
    for number in 0..UPLOADS {
        let upload = Upload {
            next_check_at: Some(at(number.into())),
            ..sample::upload("ada", number)
        };
        insert(&given.repo, sample::new(upload)).await.unwrap();
    }
    given
}

/// Holds so many more of what is due now.
async fn hold(given: &Given, limit: usize, now: Timestamp, until: Timestamp) {
    let range = DueRange {
        until: now,
        after: None,
        limit,
    };
    let mut stretches = Vec::new();
    for line in given.repo.due_lines(now, 100).await.unwrap() {
        let due = given.repo.due(&line, range).await.unwrap();
        stretches.push(DueRun { line, due });
    }
    stretches.retain(|stretch| !stretch.due.is_empty());
    assert_eq!(stretches.len(), 1, "one owner, one line");
    let held = given.repo.hold_runs(&stretches, now, until);
    held.await.unwrap();
}

/// Else what is lost in the queue would wait for as long as others come behind it.
#[tokio::test]
async fn a_hold_that_moves_on_keeps_its_end() {
    let given = given().await;
    hold(&given, 2, at(10), at(910)).await;
    hold(&given, 2, at(70), at(970)).await;
    let due = all_due(&given.repo, at(909)).await.unwrap();
    assert_eq!(due, [4, 5].map(id));
    let due = all_due(&given.repo, at(910)).await.unwrap();
    assert_eq!(due.len(), UPLOADS as usize);
    hold(&given, 1, at(910), at(1810)).await;
    let due = all_due(&given.repo, at(1000)).await.unwrap();
    assert_eq!(due, [1, 2, 3, 4, 5].map(id));
}

/// It would last an hour longer otherwise.
#[tokio::test]
async fn a_clock_that_goes_back_behind_a_hold_ends_it() {
    let given = given().await;
    hold(&given, 2, at(4000), at(4900)).await;
    let due = all_due(&given.repo, at(400)).await.unwrap();
    assert_eq!(due.len(), UPLOADS as usize);
}

/// A write for each upload took half of what a sweep of 100,000 cost.
#[tokio::test]
async fn holding_a_line_writes_to_no_record() {
    let given = given().await;
    let key = format!("UPLOAD#{}", id(0));
    let before = given.item(&key).await;
    hold(&given, 4, at(10), at(910)).await;
    assert_eq!(given.item(&key).await, before);
}
