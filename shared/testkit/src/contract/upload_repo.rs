//! Records: inserts, reads and conditional writes.

use consign_core::ids::ObjectRef;
use consign_core::ports::{Inserted, Saved, UploadRepo};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::{Change, Deletion, DeletionReason, KEY_KEPT_S, Upload, UploadState};
use futures_util::future::join_all;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::sample::{any_upload, id, new, owner, start, upload};

/// Returns the change that `edit` makes to `before`, with the next revision.
pub(super) fn change(before: &Upload, edit: impl FnOnce(&mut Upload)) -> Change {
    let mut after = before.clone();
    after.revision += 1;
    edit(&mut after);
    Change {
        after,
        enqueue: false,
    }
}

/// Inserts uploads without conflicts.
pub(super) async fn create<R: UploadRepo>(repo: &R, uploads: &[Upload]) {
    for upload in uploads {
        let inserted = repo.insert_pending(&new(upload.clone()), start()).await;
        assert_eq!(inserted.unwrap(), Inserted::Created);
    }
}

/// By its id and by its object.
pub async fn an_inserted_upload_is_found<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, &[first.clone(), upload("ada", 2)]).await;
    assert_eq!(repo.find(first.id).await.unwrap().as_ref(), Some(&first));
    let by_object = repo.find_by_object(&first.object).await.unwrap();
    assert_eq!(by_object, Some(first));
}

/// A read returns every field, after an insert and after a save.
pub async fn every_field_survives<R: UploadRepo>(repo: &R) {
    let mut runner = TestRunner::deterministic();
    let mut generate = || any_upload().new_tree(&mut runner).unwrap().current();
    for _ in 0..48 {
        let inserted = generate();
        create(repo, std::slice::from_ref(&inserted)).await;
        let found = repo.find(inserted.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&inserted));

        let change = Change {
            after: Upload {
                id: inserted.id,
                owner: inserted.owner.clone(),
                object: inserted.object.clone(),
                revision: 1,
                ..generate()
            },
            enqueue: false,
        };
        let saved = repo.save(&inserted, &change).await.unwrap();
        assert_eq!(saved, Saved::Written);
        let found = repo.find_by_object(&inserted.object).await.unwrap();
        assert_eq!(found, Some(change.after));
    }
}

/// The same key in another bucket is another object.
pub async fn an_object_key_is_taken_once<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let mut second = upload("bob", 2);
    second.object = first.object.clone();
    let inserted = repo.insert_pending(&new(second.clone()), start()).await;
    assert_eq!(inserted.unwrap(), Inserted::ObjectKeyTaken);
    assert_eq!(repo.find(second.id).await.unwrap(), None);
    let by_object = repo.find_by_object(&first.object).await.unwrap();
    assert_eq!(by_object, Some(first.clone()));

    second.object = ObjectRef::new("elsewhere", first.object.key);
    create(repo, &[second]).await;
}

/// A change of the record, the time of another insert, and whether that insert gets the object key.
type Step = (fn(&mut Upload), Timestamp, bool);

/// Not while it is only deleted, nor while a URL may bring bytes, nor if it was lost and may be observed again. The
/// record stays, under its id only.
pub async fn a_purged_upload_releases_its_object_key_long_after_its_urls_expired<R: UploadRepo>(
    repo: &R,
) {
    let mut first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let dead = saturating_add_secs(first.url_expires_at, KEY_KEPT_S);
    let before = saturating_add_secs(first.url_expires_at, KEY_KEPT_S - 1);
    let mut second = upload("bob", 2);
    second.object = first.object.clone();
    let steps: [Step; 7] = [
        (|_| {}, dead, false),
        (|after| after.state = UploadState::Deleted, dead, false),
        (
            |after| {
                after.deletion = Some(Deletion::Moved);
                after.deletion_reason = Some(DeletionReason::Owner);
            },
            dead,
            false,
        ),
        (
            |after| {
                after.deletion = Some(Deletion::Purged);
                after.reserved_bytes = 0;
            },
            dead,
            false,
        ),
        (
            |after| {
                after.next_check_at = None;
                after.deletion_reason = Some(DeletionReason::ObjectAbsent);
            },
            dead,
            false,
        ),
        (
            |after| after.deletion_reason = Some(DeletionReason::Retention),
            before,
            false,
        ),
        (|_| {}, dead, true),
    ];
    for (step, now, is_free) in steps {
        let change = change(&first, step);
        assert_eq!(repo.save(&first, &change).await.unwrap(), Saved::Written);
        first = change.after;
        let inserted = repo.insert_pending(&new(second.clone()), now).await;
        let expected = if is_free {
            Inserted::Created
        } else {
            Inserted::ObjectKeyTaken
        };
        assert_eq!(inserted.unwrap(), expected, "{first:?}");
        let holder = if is_free { &second } else { &first };
        let by_object = repo.find_by_object(&first.object).await.unwrap();
        assert_eq!(by_object.as_ref(), Some(holder));
        assert_eq!(repo.find(first.id).await.unwrap(), Some(first.clone()));
    }
    assert_eq!(repo.reserved_bytes(&owner("bob")).await.unwrap(), 100);

    // The record that released the key is still writable, and does not take it back.
    let change = change(&first, |after| after.metadata.clear());
    assert_eq!(repo.save(&first, &change).await.unwrap(), Saved::Written);
    let by_object = repo.find_by_object(&second.object).await.unwrap();
    assert_eq!(by_object, Some(second.clone()));
    let mut third = upload("eve", 3);
    third.object = second.object;
    let inserted = repo.insert_pending(&new(third), dead).await.unwrap();
    assert_eq!(inserted, Inserted::ObjectKeyTaken);
}

/// Without an idempotency key, the taken object key refuses the second insert.
pub async fn an_insert_repeated_after_a_lost_answer_has_one_effect<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let again = repo.insert_pending(&new(first), start()).await.unwrap();
    assert_eq!(again, Inserted::ObjectKeyTaken);
    assert_eq!(repo.reserved_bytes(&owner("ada")).await.unwrap(), 100);
}

/// The next read returns the saved record.
pub async fn a_save_moves_the_record<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let change = change(&first, |after| after.state = UploadState::Uploaded);
    let saved = repo.save(&first, &change).await.unwrap();
    assert_eq!(saved, Saved::Written);
    let found = repo.find(first.id).await.unwrap();
    assert_eq!(found, Some(change.after));
}

/// Neither the record nor the quota changes.
pub async fn a_stale_revision_conflicts_and_writes_nothing<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let winner = change(&first, |after| after.state = UploadState::Uploaded);
    repo.save(&first, &winner).await.unwrap();
    let loser = change(&first, |after| {
        after.state = UploadState::Expired;
        after.reserved_bytes = 0;
    });
    let saved = repo.save(&first, &loser).await.unwrap();
    assert_eq!(saved, Saved::Conflict);
    let found = repo.find(first.id).await.unwrap();
    assert_eq!(found, Some(winner.after));
    assert_eq!(repo.reserved_bytes(&first.owner).await.unwrap(), 100);
}

/// It creates nothing.
pub async fn a_save_of_an_unknown_upload_conflicts<R: UploadRepo>(repo: &R) {
    let unknown = upload("ada", 1);
    let change = change(&unknown, |after| after.reserved_bytes = 500);
    let saved = repo.save(&unknown, &change).await.unwrap();
    assert_eq!(saved, Saved::Conflict);
    assert_eq!(repo.find(id(1)).await.unwrap(), None);
    assert_eq!(repo.reserved_bytes(&unknown.owner).await.unwrap(), 0);
}

/// The writer whose answer was lost gets a conflict. Nothing is counted twice.
pub async fn a_save_repeated_after_a_lost_answer_conflicts<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let change = change(&first, |after| after.reserved_bytes = 70);
    repo.save(&first, &change).await.unwrap();
    let again = repo.save(&first, &change).await.unwrap();
    assert_eq!(again, Saved::Conflict);
    assert_eq!(repo.reserved_bytes(&first.owner).await.unwrap(), 70);
}

/// Fifty concurrent saves of the same revision.
pub async fn of_fifty_savers_one_wins<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let changes: Vec<Change> = (0..50)
        .map(|attempts| change(&first, |after| after.attempts = attempts))
        .collect();
    let saves = changes.iter().map(|change| repo.save(&first, change));
    let saved = join_all(saves).await.into_iter().map(Result::unwrap);
    let mut winners = saved
        .zip(changes)
        .filter(|(saved, _)| *saved == Saved::Written)
        .map(|(_, change)| change.after);
    let winner = winners.next();
    assert!(winner.is_some(), "one must win");
    assert_eq!(winners.next(), None, "one alone may win");
    assert_eq!(repo.find(first.id).await.unwrap(), winner);
}

/// No increment is lost.
pub async fn savers_that_read_again_all_succeed<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    join_all((0..20).map(|_| async {
        loop {
            let before = repo.find(first.id).await.unwrap().unwrap();
            let change = change(&before, |after| after.probe_count += 1);
            if repo.save(&before, &change).await.unwrap() == Saved::Written {
                break;
            }
        }
    }))
    .await;
    let found = repo.find(first.id).await.unwrap().unwrap();
    assert_eq!((found.probe_count, found.revision), (20, 20));
}
