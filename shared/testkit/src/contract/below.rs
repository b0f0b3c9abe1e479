//! Faults below an adapter: the disk is full, the disk does not answer, another holds the database. Each is told by its
//! kind, leaves no half, and is over when its cause is.

use std::collections::BTreeSet;

use consign_core::ports::{Fault, FaultKind, Inserted, ListFilter, UploadRepo};
use consign_core::upload::Upload;
use futures_util::future::join_all;

use crate::sample::{self, start};

/// What an adapter stands on, for a test to break. The adapter itself is not told.
pub trait Medium: Send + Sync {
    /// From now on writes fail, at the latest when there are many of them; of this kind.
    fn fail(&self) -> impl Future<Output = FaultKind> + Send;
    /// They fail no more.
    fn mend(&self) -> impl Future<Output = ()> + Send;
}

/// More records than fit where there is an end.
const MANY: u32 = 3000;
/// Callers at once.
const TOGETHER: u32 = 24;

async fn insert<R: UploadRepo>(repo: &R, number: u32) -> Result<(), Fault> {
    let new = sample::new(sample::upload("ada", number));
    let inserted = repo.insert_pending(&new, start()).await?;
    assert_eq!(inserted, Inserted::Created);
    Ok(())
}

/// Writes until it fails; the number of the first record that was not written.
async fn until_it_fails<R: UploadRepo>(repo: &R, from: u32) -> (u32, Fault) {
    for number in from..from + MANY {
        if let Err(fault) = insert(repo, number).await {
            return (number, fault);
        }
    }
    panic!("{MANY} writes succeed upon a medium that fails");
}

async fn all<R: UploadRepo>(repo: &R) -> Vec<Upload> {
    let (owner, any) = (sample::owner("ada"), ListFilter::default());
    let listed = repo.list(&owner, &any, None, usize::MAX).await;
    listed.unwrap().uploads
}

/// Counted in what it has reserved: never more nor less than its records.
async fn assert_adds_up<R: UploadRepo>(repo: &R) {
    let owner = sample::owner("ada");
    let uploads = all(repo).await;
    let sizes = uploads.iter().map(|upload| upload.reserved_bytes);
    let reserved = repo.reserved_bytes(&owner).await.unwrap();
    assert_eq!(reserved, sizes.sum::<u64>());
}

/// And what failed is not there, nor any part of it.
pub async fn a_fault_below_is_told_by_its_kind<R: UploadRepo, M: Medium>(repo: &R, medium: &M) {
    insert(repo, 0).await.unwrap();
    let kind = medium.fail().await;
    let (failed, fault) = until_it_fails(repo, 1).await;
    assert_eq!((fault.kind, fault.operation), (kind, "insert_pending"));
    medium.mend().await;
    assert!(repo.find(sample::id(failed - 1)).await.unwrap().is_some());
    assert_eq!(repo.find(sample::id(failed)).await.unwrap(), None);
    assert_adds_up(repo).await;
}

/// And all after it.
pub async fn the_call_after_a_fault_below_succeeds<R: UploadRepo, M: Medium>(repo: &R, medium: &M) {
    medium.fail().await;
    let (failed, _) = until_it_fails(repo, 0).await;
    medium.mend().await;
    for number in failed..failed + TOGETHER {
        insert(repo, number).await.unwrap();
    }
    assert_adds_up(repo).await;
}

/// However often it fails: calls while it lasts do not make it last longer.
pub async fn faults_below_that_repeat_are_survived<R: UploadRepo, M: Medium>(repo: &R, medium: &M) {
    let mut next = 0;
    for _ in 0..3 {
        let kind = medium.fail().await;
        let (failed, _) = until_it_fails(repo, next).await;
        for _ in 0..2 {
            let again = insert(repo, failed).await;
            assert!(again.is_err_and(|fault| fault.kind == kind));
        }
        medium.mend().await;
        insert(repo, failed).await.unwrap();
        next = failed + 1;
    }
    assert_adds_up(repo).await;
}

/// Each caller hears of its own write: what it was told is there is there, and nothing else.
pub async fn of_many_writers_each_learns_what_became_of_its_own<R: UploadRepo, M: Medium>(
    repo: &R,
    medium: &M,
) {
    medium.fail().await;
    let mut written = BTreeSet::new();
    let mut next = 0;
    let mut has_failed = false;
    while !has_failed {
        assert!(next < MANY, "writes succeed upon a medium that fails");
        let numbers = next..next + TOGETHER;
        let done = join_all(numbers.clone().map(|number| insert(repo, number))).await;
        has_failed = done.iter().any(Result::is_err);
        let whole = numbers.zip(done).filter(|(_, done)| done.is_ok());
        written.extend(whole.map(|(number, _)| sample::id(number)));
        next += TOGETHER;
    }
    medium.mend().await;
    let uploads = all(repo).await;
    assert_eq!(
        uploads
            .iter()
            .map(|upload| upload.id)
            .collect::<BTreeSet<_>>(),
        written
    );
    assert_adds_up(repo).await;
    insert(repo, next).await.unwrap();
}
