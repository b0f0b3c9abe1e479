//! The queue of the ingest.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::ids::UploadId;

/// A message of our own on the ingest queue: process this upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestJob {
    /// The upload to process.
    pub ingest: UploadId,
}

impl IngestJob {
    /// The message body: `{"ingest":"<file_id>"}`.
    #[must_use]
    pub fn to_body(self) -> String {
        format!("{{\"ingest\":\"{}\"}}", self.ingest)
    }

    /// Reads a message body; `None` where it is something else.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

pub use crate::operations::HIDDEN_MAX_S;

/// The most uploads that one [`LookJob`] names.
pub const LOOKS_MAX: usize = 50;

/// A message of our own on the ingest queue: do what is due for these uploads. So a sweep whose time is short passes on
/// what it finds due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookJob {
    /// The uploads, at most [`LOOKS_MAX`].
    pub look: Vec<UploadId>,
}

impl LookJob {
    /// The message body: `{"look":["<file_id>",…]}`.
    #[must_use]
    pub fn to_body(&self) -> String {
        let ids: Vec<String> = self.look.iter().map(|id| format!("\"{id}\"")).collect();
        format!("{{\"look\":[{}]}}", ids.join(","))
    }

    /// Reads a message body; `None` where it is something else, or names more than it may.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        let job: Self = serde_json::from_slice(body).ok()?;
        (job.look.len() <= LOOKS_MAX).then_some(job)
    }
}

/// Whether a message is one that we send ourselves. Nobody outside may put such a one on the queue.
#[must_use]
pub fn is_own_message(body: &[u8]) -> bool {
    IngestJob::from_body(body).is_some() || serde_json::from_slice::<LookJob>(body).is_ok()
}

/// The queue that feeds `ingest-on-object-created`: at least once, in any order.
pub trait IngestQueue: Send + Sync {
    /// Sends a job.
    fn send(&self, job: IngestJob) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Sends look jobs, each as a message. After a fault some may be there all the same.
    fn send_looks(&self, jobs: &[LookJob]) -> impl Future<Output = Result<(), Fault>> + Send;
}
