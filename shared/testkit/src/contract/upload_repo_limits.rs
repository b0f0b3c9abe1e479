//! Idempotency keys, quotas and rates: checked and written atomically with the insert.

use consign_core::ports::{
    Allowance, IdempotencyKey, Inserted, NewUpload, RATE_WINDOW_S, UploadRepo,
};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::{Deletion, Upload, UploadState};
use futures_util::future::join_all;

use super::upload_repo::{change, create};
use crate::sample::{id, new, owner, start, upload};

const WINDOW_S: u64 = RATE_WINDOW_S.unsigned_abs();

fn keyed(upload: Upload, key: &str, body: &str) -> NewUpload {
    let idempotency = Some(IdempotencyKey {
        key: key.to_owned(),
        body_sha256: body.to_owned(),
        expires_at: saturating_add_secs(start(), 3600),
    });
    NewUpload {
        idempotency,
        ..new(upload)
    }
}

fn limited(upload: Upload, quota: Option<u64>, rate: Option<u32>) -> NewUpload {
    let allowance = Allowance {
        quota_bytes_max: quota,
        sign_uploads_per_window: rate,
        files_max: None,
    };
    NewUpload {
        allowance,
        ..new(upload)
    }
}

async fn insert<R: UploadRepo>(repo: &R, new: &NewUpload, now: Timestamp) -> Inserted {
    repo.insert_pending(new, now).await.unwrap()
}

/// Invariant 10: one effect, however often it is repeated.
pub async fn the_same_key_and_body_replays<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    let made = insert(repo, &keyed(first.clone(), "k", "b"), start()).await;
    assert_eq!(made, Inserted::Created);
    for number in 2..5 {
        let again = keyed(upload("ada", number), "k", "b");
        let replayed = insert(repo, &again, saturating_add_secs(start(), 3599)).await;
        assert_eq!(replayed, Inserted::Replayed(Box::new(first.clone())));
        assert_eq!(repo.find(id(number)).await.unwrap(), None);
    }
    assert_eq!(repo.reserved_bytes(&owner("ada")).await.unwrap(), 100);
}

/// Not as it was at the first use of the key.
pub async fn a_replay_shows_the_upload_as_it_is_now<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    insert(repo, &keyed(first.clone(), "k", "b"), start()).await;
    let change = change(&first, |after| after.state = UploadState::Uploaded);
    repo.save(&first, &change).await.unwrap();
    let replayed = insert(repo, &keyed(upload("ada", 2), "k", "b"), start()).await;
    assert_eq!(replayed, Inserted::Replayed(Box::new(change.after)));
}

/// The key stays bound to the first body.
pub async fn a_key_with_another_body_is_refused<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    insert(repo, &keyed(first.clone(), "k", "b"), start()).await;
    let reused = insert(repo, &keyed(upload("ada", 2), "k", "other"), start()).await;
    assert_eq!(reused, Inserted::KeyReused);
    let replayed = insert(repo, &keyed(upload("ada", 3), "k", "b"), start()).await;
    assert_eq!(replayed, Inserted::Replayed(Box::new(first)));
}

/// The key of one owner does not affect another.
pub async fn keys_are_per_owner<R: UploadRepo>(repo: &R) {
    for (name, number) in [("bob", 1), ("ada", 2), ("adam", 3), ("cy", 4)] {
        let made = insert(repo, &keyed(upload(name, number), "k", name), start()).await;
        assert_eq!(made, Inserted::Created, "{name}");
    }
}

/// From the instant of its expiry. The second use is then the stored one.
pub async fn an_expired_key_is_free_again<R: UploadRepo>(repo: &R) {
    let end = saturating_add_secs(start(), 3600);
    insert(repo, &keyed(upload("ada", 1), "k", "b"), start()).await;
    insert(repo, &keyed(upload("ada", 2), "another", "b"), start()).await;
    let mut second = keyed(upload("ada", 3), "k", "other");
    if let Some(key) = &mut second.idempotency {
        key.expires_at = saturating_add_secs(end, 3600);
    }
    assert_eq!(insert(repo, &second, end).await, Inserted::Created);
    let again = keyed(upload("ada", 4), "k", "other");
    let replayed = insert(repo, &again, end).await;
    assert_eq!(replayed, Inserted::Replayed(Box::new(second.upload)));
}

/// The others replay it.
pub async fn of_fifty_inserts_with_one_key_one_creates<R: UploadRepo>(repo: &R) {
    let inserts: Vec<NewUpload> = (0..50)
        .map(|number| keyed(upload("ada", number), "k", "b"))
        .collect();
    let inserted = join_all(inserts.iter().map(|new| insert(repo, new, start()))).await;
    let is_created = |inserted: &&Inserted| **inserted == Inserted::Created;
    assert_eq!(inserted.iter().filter(is_created).count(), 1);
    let listed = repo
        .list(&owner("ada"), &Default::default(), None, 50)
        .await;
    let [created] = &listed.unwrap().uploads[..] else {
        panic!("one upload must be there");
    };
    let replayed = Inserted::Replayed(Box::new(created.clone()));
    assert_eq!(inserted.iter().filter(|i| **i == replayed).count(), 49);
}

/// An exact fit is accepted, one byte more is refused.
pub async fn the_quota_holds_to_the_byte<R: UploadRepo>(repo: &R) {
    let now = start();
    let first = insert(repo, &limited(upload("ada", 1), Some(100), None), now).await;
    assert_eq!(first, Inserted::Created);
    let over = insert(repo, &limited(upload("ada", 2), Some(199), None), now).await;
    assert_eq!(over, Inserted::QuotaExceeded { used_bytes: 100 });
    let fits = insert(repo, &limited(upload("ada", 2), Some(200), None), now).await;
    assert_eq!(fits, Inserted::Created);
    assert_eq!(repo.reserved_bytes(&owner("ada")).await.unwrap(), 200);
}

/// No two of them use the same room.
pub async fn fifty_inserts_at_once_stay_within_the_quota<R: UploadRepo>(repo: &R) {
    let inserts: Vec<NewUpload> = (0..50)
        .map(|number| limited(upload("ada", number), Some(1050), None))
        .collect();
    let inserted = join_all(inserts.iter().map(|new| insert(repo, new, start()))).await;
    let is_created = |inserted: &&Inserted| **inserted == Inserted::Created;
    assert_eq!(inserted.iter().filter(is_created).count(), 10);
    assert_eq!(repo.reserved_bytes(&owner("ada")).await.unwrap(), 1000);
}

/// Up and down, with the record.
pub async fn a_save_moves_the_quota<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let more = change(&first, |after| after.reserved_bytes = 250);
    repo.save(&first, &more).await.unwrap();
    assert_eq!(repo.reserved_bytes(&first.owner).await.unwrap(), 250);
    let refund = change(&more.after, |after| after.reserved_bytes = 0);
    repo.save(&more.after, &refund).await.unwrap();
    assert_eq!(repo.reserved_bytes(&first.owner).await.unwrap(), 0);
    let next = limited(upload("ada", 2), Some(100), None);
    assert_eq!(insert(repo, &next, start()).await, Inserted::Created);
}

/// Not even if a caller releases more than it reserved.
pub async fn a_quota_never_goes_below_zero<R: UploadRepo>(repo: &R) {
    let first = upload("ada", 1);
    create(repo, std::slice::from_ref(&first)).await;
    let mut forged = first.clone();
    forged.reserved_bytes = 5000;
    let refund = change(&first, |after| after.reserved_bytes = 0);
    repo.save(&forged, &refund).await.unwrap();
    assert_eq!(repo.reserved_bytes(&first.owner).await.unwrap(), 0);
    create(repo, &[upload("ada", 2)]).await;
    assert_eq!(repo.reserved_bytes(&first.owner).await.unwrap(), 100);
}

/// The bytes of one owner do not count for another.
pub async fn quotas_are_per_owner<R: UploadRepo>(repo: &R) {
    for (name, number) in [("ada", 1), ("bob", 2)] {
        let new = limited(upload(name, number), Some(100), None);
        assert_eq!(insert(repo, &new, start()).await, Inserted::Created);
        assert_eq!(repo.reserved_bytes(&owner(name)).await.unwrap(), 100);
    }
}

/// Full until the last second of a window, and free from the first of the next.
pub async fn the_rate_holds_in_each_window<R: UploadRepo>(repo: &R) {
    let new = |number| limited(upload("ada", number), None, Some(2));
    let last_s = saturating_add_secs(start(), WINDOW_S - 1);
    let next = saturating_add_secs(start(), WINDOW_S);
    assert_eq!(insert(repo, &new(1), start()).await, Inserted::Created);
    assert_eq!(insert(repo, &new(2), start()).await, Inserted::Created);
    assert_eq!(insert(repo, &new(3), last_s).await, Inserted::RateLimited);
    assert_eq!(insert(repo, &new(3), next).await, Inserted::Created);
    assert_eq!(insert(repo, &new(4), next).await, Inserted::Created);
    assert_eq!(insert(repo, &new(5), next).await, Inserted::RateLimited);
}

/// The rate of one owner does not affect another.
pub async fn rates_are_per_owner<R: UploadRepo>(repo: &R) {
    for (name, number) in [("ada", 1), ("bob", 2)] {
        let new = limited(upload(name, number), None, Some(1));
        assert_eq!(insert(repo, &new, start()).await, Inserted::Created);
    }
}

/// No idempotency key, record, reservation or rate count.
pub async fn a_refused_insert_leaves_no_trace<R: UploadRepo>(repo: &R) {
    let now = start();
    create(repo, &[upload("bob", 1)]).await;
    let mut taken = keyed(upload("ada", 2), "k", "taken");
    taken.upload.object = upload("bob", 1).object;
    assert_eq!(insert(repo, &taken, now).await, Inserted::ObjectKeyTaken);
    let mut over = keyed(upload("ada", 2), "k", "over");
    over.allowance.quota_bytes_max = Some(99);
    let refused = insert(repo, &over, now).await;
    assert_eq!(refused, Inserted::QuotaExceeded { used_bytes: 0 });
    let mut hasty = keyed(upload("ada", 2), "k", "hasty");
    hasty.allowance.sign_uploads_per_window = Some(0);
    assert_eq!(insert(repo, &hasty, now).await, Inserted::RateLimited);
    let mut many = keyed(upload("ada", 2), "k", "many");
    many.allowance.files_max = Some(0);
    assert_eq!(insert(repo, &many, now).await, Inserted::FilesExceeded);

    assert_eq!(repo.find(id(2)).await.unwrap(), None);
    assert_eq!(repo.reserved_bytes(&owner("ada")).await.unwrap(), 0);
    let mut good = keyed(upload("ada", 2), "k", "good");
    good.allowance = Allowance {
        quota_bytes_max: Some(100),
        sign_uploads_per_window: Some(1),
        files_max: Some(1),
    };
    assert_eq!(insert(repo, &good, now).await, Inserted::Created);
}

/// Purged and unused uploads no longer count. Deleted ones count until they are purged.
pub async fn the_number_of_files_holds_until_they_are_purged<R: UploadRepo>(repo: &R) {
    let few = |number| {
        let mut new = new(upload("ada", number));
        new.allowance.files_max = Some(2);
        new
    };
    let first = upload("ada", 1);
    assert_eq!(insert(repo, &few(1), start()).await, Inserted::Created);
    assert_eq!(insert(repo, &few(2), start()).await, Inserted::Created);
    assert_eq!(
        insert(repo, &few(3), start()).await,
        Inserted::FilesExceeded
    );
    let deleted = change(&first, |after| {
        after.state = UploadState::Deleted;
        after.deletion = Some(Deletion::Moved);
    });
    repo.save(&first, &deleted).await.unwrap();
    assert_eq!(
        insert(repo, &few(3), start()).await,
        Inserted::FilesExceeded
    );
    let purged = change(&deleted.after, |after| {
        after.deletion = Some(Deletion::Purged);
        after.reserved_bytes = 0;
    });
    repo.save(&deleted.after, &purged).await.unwrap();
    assert_eq!(insert(repo, &few(3), start()).await, Inserted::Created);
    // A file that arrives late counts again.
    let second = upload("ada", 2);
    let expired = change(&second, |after| after.state = UploadState::Expired);
    repo.save(&second, &expired).await.unwrap();
    let late = change(&expired.after, |after| after.state = UploadState::Uploaded);
    repo.save(&expired.after, &late).await.unwrap();
    assert_eq!(
        insert(repo, &few(4), start()).await,
        Inserted::FilesExceeded
    );
    let others = few(5);
    let others = NewUpload {
        upload: upload("bob", 5),
        ..others
    };
    assert_eq!(insert(repo, &others, start()).await, Inserted::Created);
}

/// No two of them use the same room.
pub async fn fifty_inserts_at_once_stay_within_the_number_of_files<R: UploadRepo>(repo: &R) {
    let inserts: Vec<NewUpload> = (0..50)
        .map(|number| {
            let mut new = new(upload("ada", number));
            new.allowance.files_max = Some(10);
            new
        })
        .collect();
    let inserted = join_all(inserts.iter().map(|new| insert(repo, new, start()))).await;
    let is_created = |inserted: &&Inserted| **inserted == Inserted::Created;
    assert_eq!(inserted.iter().filter(is_created).count(), 10);
}

/// Permanently, and for each bucket separately.
pub async fn a_bucket_is_recorded_once<R: UploadRepo>(repo: &R) {
    assert_eq!(repo.bucket_identity("files").await.unwrap(), None);
    assert_eq!(repo.record_bucket("files", "one").await.unwrap(), "one");
    assert_eq!(repo.record_bucket("files", "two").await.unwrap(), "one");
    let known = repo.bucket_identity("files").await.unwrap();
    assert_eq!(known.as_deref(), Some("one"));
    assert_eq!(repo.bucket_identity("elsewhere").await.unwrap(), None);
    assert_eq!(repo.record_bucket("elsewhere", "two").await.unwrap(), "two");
}

/// All of them return the one that was recorded.
pub async fn of_ten_who_record_a_bucket_one_wins<R: UploadRepo>(repo: &R) {
    let identities: Vec<String> = (0..10).map(|number| format!("identity-{number}")).collect();
    let recording = identities.iter().map(|id| repo.record_bucket("files", id));
    let recorded = join_all(recording).await;
    let known = repo.bucket_identity("files").await.unwrap().unwrap();
    for identity in recorded {
        assert_eq!(identity.unwrap(), known);
    }
}

/// The order is: idempotency key, rate, quota, number of files, object key.
pub async fn limits_are_checked_in_order<R: UploadRepo>(repo: &R) {
    let first = keyed(upload("ada", 1), "k", "b");
    insert(repo, &first, start()).await;
    let mut next = limited(upload("ada", 2), Some(0), Some(0));
    next.upload.object = first.upload.object.clone();
    next.idempotency = first.idempotency.clone();
    let replayed = insert(repo, &next, start()).await;
    assert_eq!(replayed, Inserted::Replayed(Box::new(first.upload)));
    next.idempotency = None;
    let refused = insert(repo, &next, start()).await;
    assert_eq!(refused, Inserted::RateLimited);
    next.allowance.sign_uploads_per_window = None;
    let refused = insert(repo, &next, start()).await;
    assert_eq!(refused, Inserted::QuotaExceeded { used_bytes: 100 });
    next.allowance.quota_bytes_max = None;
    next.allowance.files_max = Some(1);
    let refused = insert(repo, &next, start()).await;
    assert_eq!(refused, Inserted::FilesExceeded);
    next.allowance.files_max = None;
    let refused = insert(repo, &next, start()).await;
    assert_eq!(refused, Inserted::ObjectKeyTaken);
}
