//! Listings and due uploads.

use consign_core::ids::{ObjectRef, UploadId};
use consign_core::ports::{DueLine, DueRange, DueRun, ListFilter, Page, Saved, UploadRepo};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::{Upload, UploadState};

use super::upload_repo::{change, create};
use crate::sample::{BUCKET, id, owner, start, upload};

async fn list<R: UploadRepo>(
    repo: &R,
    filter: &ListFilter,
    after: Option<UploadId>,
    limit: usize,
) -> Page {
    let page = repo.list(&owner("ada"), filter, after, limit).await;
    page.unwrap()
}

fn ids(uploads: &[Upload]) -> Vec<UploadId> {
    uploads.iter().map(|upload| upload.id).collect()
}

/// By ids, objects and owners.
pub async fn unknown_things_are_not_found<R: UploadRepo>(repo: &R) {
    create(repo, &[upload("ada", 1)]).await;
    assert_eq!(repo.find(id(2)).await.unwrap(), None);
    let object = ObjectRef::new(BUCKET, "nothing/here");
    assert_eq!(repo.find_by_object(&object).await.unwrap(), None);
    assert_eq!(repo.reserved_bytes(&owner("bob")).await.unwrap(), 0);
    let page = repo
        .list(&owner("bob"), &ListFilter::default(), None, 9)
        .await;
    let empty = Page {
        uploads: vec![],
        next: None,
    };
    assert_eq!(page.unwrap(), empty);
}

/// Complete records, each once, and no cursor after the last page.
pub async fn a_listing_is_newest_first_in_pages<R: UploadRepo>(repo: &R) {
    // Inserted out of order: the id determines the age.
    let uploads: Vec<Upload> = [3, 1, 6, 5, 2, 4].map(|n| upload("ada", n)).to_vec();
    create(repo, &uploads).await;
    let filter = ListFilter::default();
    let first = list(repo, &filter, None, 4).await;
    assert_eq!(ids(&first.uploads), [6, 5, 4, 3].map(id));
    assert_eq!(first.uploads[0], upload("ada", 6));
    let second = list(repo, &filter, first.next, 4).await;
    assert_eq!(ids(&second.uploads), [2, 1].map(id));
    assert_eq!(second.next, None);
    let all = list(repo, &filter, None, 6).await;
    assert_eq!((all.uploads.len(), all.next), (6, None));
}

/// New uploads are before the first page, so nothing is repeated or skipped.
pub async fn a_listing_is_stable_while_uploads_come_in<R: UploadRepo>(repo: &R) {
    let mut seen = Vec::new();
    create(repo, &[1, 2, 3, 4, 5].map(|n| upload("ada", n))).await;
    let mut next = None;
    for newer in 6..9 {
        let page = list(repo, &ListFilter::default(), next, 2).await;
        seen.extend(ids(&page.uploads));
        next = page.next;
        create(repo, &[upload("ada", newer)]).await;
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(id));
    assert_eq!(next, None);
}

/// By state, category and collection, alone and combined, also in pages.
pub async fn a_listing_filters<R: UploadRepo>(repo: &R) {
    for number in 0..12 {
        let mut new = upload("ada", number);
        new.category = ["dataset", "model"][usize::from(number % 2 == 0)].to_owned();
        new.collection_id = (number % 3 == 0).then(|| "spring".to_owned());
        create(repo, std::slice::from_ref(&new)).await;
        if number % 4 == 0 {
            let change = change(&new, |after| after.state = UploadState::Ready);
            repo.save(&new, &change).await.unwrap();
        }
    }
    let state = Some(UploadState::Ready);
    let category = Some("model".to_owned());
    let collection_id = Some("spring".to_owned());
    let only_state = ListFilter {
        state,
        ..ListFilter::default()
    };
    let page = list(repo, &only_state, None, 2).await;
    assert_eq!(ids(&page.uploads), [8, 4].map(id));
    let page = list(repo, &only_state, page.next, 2).await;
    assert_eq!((ids(&page.uploads), page.next), (vec![id(0)], None));
    let only_category = ListFilter {
        category: category.clone(),
        ..ListFilter::default()
    };
    let page = list(repo, &only_category, None, 50).await;
    assert_eq!(ids(&page.uploads), [10, 8, 6, 4, 2, 0].map(id));
    let only_collection = ListFilter {
        collection_id: collection_id.clone(),
        ..ListFilter::default()
    };
    let page = list(repo, &only_collection, None, 50).await;
    assert_eq!(ids(&page.uploads), [9, 6, 3, 0].map(id));
    let all_three = ListFilter {
        state,
        category,
        collection_id,
    };
    let page = list(repo, &all_three, None, 50).await;
    assert_eq!(ids(&page.uploads), [id(0)]);
}

/// They are listed only by state.
pub async fn a_listing_shows_deleted_uploads_only_when_asked<R: UploadRepo>(repo: &R) {
    let gone = upload("ada", 1);
    create(repo, &[gone.clone(), upload("ada", 2)]).await;
    let change = change(&gone, |after| after.state = UploadState::Deleted);
    repo.save(&gone, &change).await.unwrap();
    let page = list(repo, &ListFilter::default(), None, 50).await;
    assert_eq!(ids(&page.uploads), [id(2)]);
    let deleted = ListFilter {
        state: Some(UploadState::Deleted),
        ..ListFilter::default()
    };
    let page = list(repo, &deleted, None, 50).await;
    assert_eq!(page.uploads, [change.after]);
}

/// Invariant 20: uploads of another owner are not listed, and a cursor does not reach them.
pub async fn a_listing_shows_one_owner<R: UploadRepo>(repo: &R) {
    let uploads = [("ada", 1), ("bob", 2), ("ada", 3), ("adam", 4)];
    create(repo, &uploads.map(|(name, n)| upload(name, n))).await;
    let filter = ListFilter::default();
    let page = list(repo, &filter, None, 1).await;
    assert_eq!(ids(&page.uploads), [id(3)]);
    let page = list(repo, &filter, page.next, 1).await;
    assert_eq!((ids(&page.uploads), page.next), (vec![id(1)], None));
}

/// Returns the uploads of every line that are due at an instant, the longest due first.
async fn all_due<R: UploadRepo>(repo: &R, until: Timestamp) -> Vec<UploadId> {
    crate::all_due(repo, until).await.unwrap()
}

fn due(name: &str, number: u32, after_s: Option<u64>) -> Upload {
    Upload {
        next_check_at: after_s.map(|s| saturating_add_secs(start(), s)),
        ..upload(name, number)
    }
}

/// Returns the only line with a due upload.
async fn line_of_one<R: UploadRepo>(repo: &R, range: DueRange) -> DueLine {
    let mut found = Vec::new();
    for line in repo.due_lines(range.until, 1000).await.unwrap() {
        if !repo.due(&line, range).await.unwrap().is_empty() {
            found.push(line);
        }
    }
    assert_eq!(found.len(), 1, "an owner's uploads stand in one line");
    found.remove(0)
}

/// Up to the given instant.
pub async fn due_uploads_come_longest_due_first<R: UploadRepo>(repo: &R) {
    let uploads = [
        due("ada", 1, Some(30)),
        due("ada", 2, Some(10)),
        due("ada", 3, None),
        due("ada", 4, Some(20)),
        due("ada", 5, Some(31)),
    ];
    create(repo, &uploads).await;
    let until = saturating_add_secs(start(), 30);
    assert_eq!(all_due(repo, until).await, [2, 4, 1].map(id));
    assert_eq!(all_due(repo, start()).await, []);
}

/// Up to the limit, after the given position, also if many are due at one instant.
pub async fn a_line_is_read_in_ranges<R: UploadRepo>(repo: &R) {
    let uploads: Vec<Upload> = (0..7)
        .map(|n| due("ada", n, Some(u64::from(n / 4))))
        .collect();
    create(repo, &uploads).await;
    let mut range = DueRange {
        until: saturating_add_secs(start(), 30),
        after: None,
        limit: 3,
    };
    let line = line_of_one(repo, range).await;
    let mut seen = Vec::new();
    for wanted in [3, 3, 1, 0] {
        let stretch = repo.due(&line, range).await.unwrap();
        assert_eq!(stretch.len(), wanted);
        range.after = stretch.last().copied().or(range.after);
        seen.extend(stretch);
    }
    let mut ids: Vec<UploadId> = seen.iter().map(|due| due.id).collect();
    assert!(seen.is_sorted_by_key(|due| due.at));
    ids.sort_unstable();
    assert_eq!(ids, [0, 1, 2, 3, 4, 5, 6].map(id));
    // A position that was passed stays passed after its upload has moved.
    range.after = seen.get(2).copied();
    let moved = change(&uploads[2], |after| after.next_check_at = None);
    repo.save(&uploads[2], &moved).await.unwrap();
    assert_eq!(repo.due(&line, range).await.unwrap(), seen[3..6]);
}

/// The backlog of one owner delays few others. A repository may distinguish owners approximately.
pub async fn a_backlog_of_one_owner_fills_no_other_line<R: UploadRepo>(repo: &R) {
    let backlog: Vec<Upload> = (0..40).map(|n| due("ada", n, Some(0))).collect();
    create(repo, &backlog).await;
    let others: Vec<Upload> = (100..120)
        .map(|n| due(&format!("owner-{n}"), n, Some(9)))
        .collect();
    create(repo, &others).await;
    let mut heads = Vec::new();
    let range = DueRange {
        until: saturating_add_secs(start(), 30),
        after: None,
        limit: 10,
    };
    for line in repo.due_lines(range.until, 1000).await.unwrap() {
        heads.extend(repo.due(&line, range).await.unwrap());
    }
    let of_others = heads.iter().filter(|due| due.id >= id(100)).count();
    assert!(of_others >= 10, "{of_others} of 20");
}

/// By id, in the given order. Missing ones are left out.
pub async fn uploads_are_found_together<R: UploadRepo>(repo: &R) {
    create(
        repo,
        &[upload("ada", 1), upload("bob", 2), upload("ada", 3)],
    )
    .await;
    let found = repo.find_all(&[3, 9, 2].map(id)).await.unwrap();
    assert_eq!(found, [upload("ada", 3), upload("bob", 2)]);
    assert_eq!(repo.find_all(&[]).await.unwrap(), []);
    let many: Vec<UploadId> = (0..150).map(id).collect();
    assert_eq!(repo.find_all(&many).await.unwrap().len(), 3);
}

/// Until the given instant, or the next save. The record does not change.
pub async fn what_is_held_is_not_due<R: UploadRepo>(repo: &R) {
    let uploads = [
        due("ada", 1, Some(0)),
        due("ada", 2, Some(0)),
        due("bob", 3, Some(20)),
        due("bob", 4, None),
    ];
    create(repo, &uploads).await;
    let now = saturating_add_secs(start(), 10);
    let all = [1, 2, 3, 4, 9].map(id);
    repo.hold(&all, now, saturating_add_secs(start(), 100))
        .await
        .unwrap();
    // An upload that was not due is not held, and one that is never due does not become due.
    assert_eq!(
        all_due(repo, saturating_add_secs(start(), 50)).await,
        [id(3)]
    );
    assert_eq!(
        all_due(repo, saturating_add_secs(start(), 100)).await.len(),
        3
    );
    assert_eq!(repo.find(id(1)).await.unwrap(), Some(uploads[0].clone()));
    let saved = change(&uploads[0], |after| {
        after.next_check_at = Some(saturating_add_secs(start(), 30))
    });
    let saved = repo.save(&uploads[0], &saved).await.unwrap();
    assert_eq!(saved, Saved::Written);
    assert_eq!(
        all_due(repo, saturating_add_secs(start(), 50)).await,
        [3, 1].map(id)
    );
    repo.hold(&[], now, now).await.unwrap();
}

/// Range by range. The uploads behind them are due meanwhile. Each is due again when its hold ends at the latest.
pub async fn ranges_that_are_held_leave_their_lines<R: UploadRepo>(repo: &R) {
    let uploads = [1, 2, 3, 4].map(|number| due("ada", number, Some(number.into())));
    create(repo, &uploads).await;
    create(repo, &[due("bob", 9, Some(5))]).await;
    let now = saturating_add_secs(start(), 10);
    let first = heads(repo, now, 2).await;
    let held = DueRun::ids(&first);
    assert!(held.contains(&id(1)) && held.contains(&id(2)), "{held:?}");
    repo.hold_runs(&first, now, saturating_add_secs(start(), 100))
        .await
        .unwrap();
    // A hold does not delay an upload beyond its own end.
    let second = heads(repo, saturating_add_secs(now, 1), 1).await;
    assert!(DueRun::ids(&second).contains(&id(3)), "{second:?}");
    let until = saturating_add_secs(start(), 200);
    repo.hold_runs(&second, saturating_add_secs(now, 1), until)
        .await
        .unwrap();
    let left = all_due(repo, saturating_add_secs(start(), 50)).await;
    assert!(
        left.contains(&id(4)) && !left.contains(&id(3)) && !left.contains(&id(1)),
        "{left:?}"
    );
    // The record does not change, and a save restores its own position.
    assert_eq!(repo.find(id(2)).await.unwrap(), Some(uploads[1].clone()));
    let saved = change(&uploads[1], |after| {
        after.next_check_at = Some(saturating_add_secs(start(), 30))
    });
    let saved = repo.save(&uploads[1], &saved).await.unwrap();
    assert_eq!(saved, Saved::Written);
    assert!(
        all_due(repo, saturating_add_secs(start(), 50))
            .await
            .contains(&id(2))
    );
    assert!(
        all_due(repo, saturating_add_secs(start(), 100))
            .await
            .contains(&id(1))
    );
    assert_eq!(all_due(repo, until).await.len(), 5);
    repo.hold_runs(&[], now, until).await.unwrap();
}

/// Returns the first uploads of all lines, up to `limit` each.
async fn heads<R: UploadRepo>(repo: &R, until: Timestamp, limit: usize) -> Vec<DueRun> {
    let range = DueRange {
        until,
        after: None,
        limit,
    };
    let mut heads = Vec::new();
    for line in repo.due_lines(until, 1000).await.unwrap() {
        let due = repo.due(&line, range).await.unwrap();
        heads.push(DueRun { line, due });
    }
    heads
}

/// A processed upload is no longer due.
pub async fn due_follows_every_save<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let until = saturating_add_secs(start(), 1000);
    let later = change(&first, |after| {
        after.next_check_at = Some(saturating_add_secs(until, 1))
    });
    repo.save(&first, &later).await.unwrap();
    assert_eq!(all_due(repo, until).await, []);
    let sooner = change(&later.after, |after| after.next_check_at = Some(start()));
    repo.save(&later.after, &sooner).await.unwrap();
    assert_eq!(all_due(repo, until).await, [id(1)]);
    let never = change(&sooner.after, |after| after.next_check_at = None);
    repo.save(&sooner.after, &never).await.unwrap();
    assert_eq!(all_due(repo, until).await, []);
}
