//! Ports in memory, fault modes, and the contract that every adapter passes.
//!
//! Tests of rules and handlers run on [`MemoryRepo`], [`MemoryStore`] and [`MemoryQueue`] under a [`ManualClock`];
//! [`Faulty`] wraps any adapter, these or a real one, so that its calls fail, or their caller dies, where a test wants
//! it. [`contract`] says what a port is, case by case.

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
pub use faults::{Faults, Harm, Moment, Verb, When};
pub use faulty::{Faulty, FaultyBody, FaultyWriter};
pub use queue::{DeadMessage, MemoryQueue, QueueMessage};
pub use repo::MemoryRepo;
pub use store::{ClientPut, MemoryBody, MemoryStore, MemoryWriter};

/// All that is due at an instant, the longest due first.
///
/// # Errors
/// The repository's fault.
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

/// A lock that a failed test elsewhere does not poison.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
