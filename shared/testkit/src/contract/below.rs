//! Faults below an adapter: a full disk, a disk that does not answer, a database that another process has locked. Each
//! is reported with its kind, leaves no partial write, and ends with its cause.

use std::collections::BTreeSet;

use consign_core::ports::{Fault, FaultKind, Inserted, ListFilter, UploadRepo};
use consign_core::upload::Upload;
use futures_util::future::join_all;

use crate::sample::{self, start};

/// The medium below an adapter, which a test can break. The adapter gets no notice.
pub trait Medium: Send + Sync {
    /// Makes writes fail with the returned kind, at the latest after many of them.
    fn fail(&self) -> impl Future<Output = FaultKind> + Send;
    /// Makes writes succeed again.
    fn mend(&self) -> impl Future<Output = ()> + Send;
}

/// More records than fit on a limited medium.
const MANY: u32 = 3000;
/// The number of concurrent callers.
const TOGETHER: u32 = 24;

async fn insert<R: UploadRepo>(repo: &R, number: u32) -> Result<(), Fault> {
    let new = sample::new(sample::upload("ada", number));
    let inserted = repo.insert_pending(&new, start()).await?;
    assert_eq!(inserted, Inserted::Created);
    Ok(())
}

/// Writes until a write fails. Returns the number of the first record that was not written.
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

/// Checks that the reservation equals the sum of the records.
async fn assert_adds_up<R: UploadRepo>(repo: &R) {
    let owner = sample::owner("ada");
    let uploads = all(repo).await;
    let sizes = uploads.iter().map(|upload| upload.reserved_bytes);
    let reserved = repo.reserved_bytes(&owner).await.unwrap();
    assert_eq!(reserved, sizes.sum::<u64>());
}

/// The failed record does not exist, in whole or in part.
pub async fn a_fault_below_is_reported_with_its_kind<R: UploadRepo, M: Medium>(
    repo: &R,
    medium: &M,
) {
    insert(repo, 0).await.unwrap();
    let kind = medium.fail().await;
    let (failed, fault) = until_it_fails(repo, 1).await;
    assert_eq!((fault.kind, fault.operation), (kind, "insert_pending"));
    medium.mend().await;
    assert!(repo.find(sample::id(failed - 1)).await.unwrap().is_some());
    assert_eq!(repo.find(sample::id(failed)).await.unwrap(), None);
    assert_adds_up(repo).await;
}

/// And all later calls.
pub async fn the_call_after_a_fault_below_succeeds<R: UploadRepo, M: Medium>(repo: &R, medium: &M) {
    medium.fail().await;
    let (failed, _) = until_it_fails(repo, 0).await;
    medium.mend().await;
    for number in failed..failed + TOGETHER {
        insert(repo, number).await.unwrap();
    }
    assert_adds_up(repo).await;
}

/// Calls during the fault do not prolong it.
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

/// A caller gets the result of its own write: exactly the acknowledged records exist.
pub async fn of_many_writers_each_gets_its_own_result<R: UploadRepo, M: Medium>(
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
