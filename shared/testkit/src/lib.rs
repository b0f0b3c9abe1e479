//! In-memory ports, planned faults, and the contract of every adapter.
//!
//! Tests of rules and handlers use [`MemoryRepo`], [`MemoryStore`] and [`MemoryQueue`] with a [`ManualClock`].
//! [`Faulty`] wraps any adapter, in memory or real, so that its calls fail, or the process of its caller ends, as the
//! test plans. [`contract`] defines each port, case by case.

mod ambient;
pub mod contract;
mod faults;
mod faulty;
mod queue;
mod repo;
pub mod sample;
mod store;

use std::sync::{Mutex, MutexGuard, PoisonError};

use consign_core::ids::UploadId;
use consign_core::ports::{DueRange, Fault, UploadRepo};
use consign_core::time::Timestamp;

pub use ambient::{ManualClock, SeededRandom};
pub use faults::{Faults, Harm, Interposer, Moment, Verb, When};
pub use faulty::{Faulty, FaultyBody, FaultyWriter};
pub use queue::{DeadMessage, MemoryQueue, QueueMessage};
pub use repo::MemoryRepo;
pub use store::{ClientPut, MemoryBody, MemoryStore, MemoryWriter};

/// Returns all uploads that are due at an instant, the longest due first.
///
/// # Errors
/// The fault of the repository.
pub async fn all_due<R: UploadRepo>(repo: &R, until: Timestamp) -> Result<Vec<UploadId>, Fault> {
    let range = DueRange {
        until,
        after: None,
        limit: usize::MAX,
    };
    let mut all = Vec::new();
    for line in repo.due_lines(until, usize::MAX).await? {
        all.extend(repo.due(&line, range).await?);
    }
    all.sort_unstable();
    Ok(all.into_iter().map(|due| due.id).collect())
}

/// Locks a mutex, also after a panic of another test.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
