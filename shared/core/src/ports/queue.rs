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

/// The most uploads that one [`SweepJob`] names.
pub const SWEEP_JOB_UPLOADS_MAX: usize = 50;

/// A message of our own on the ingest queue: do what is due for these uploads. So a sweep whose time is short passes on
/// what it finds due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepJob {
    /// The uploads, at most [`SWEEP_JOB_UPLOADS_MAX`].
    #[serde(rename = "look")]
    pub uploads: Vec<UploadId>,
}

impl SweepJob {
    /// The message body: `{"look":["<file_id>",…]}`.
    #[must_use]
    pub fn to_body(&self) -> String {
        let ids: Vec<String> = self.uploads.iter().map(|id| format!("\"{id}\"")).collect();
        format!("{{\"look\":[{}]}}", ids.join(","))
    }

    /// Reads a message body; `None` where it is something else, or names more than it may.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        let job: Self = serde_json::from_slice(body).ok()?;
        (job.uploads.len() <= SWEEP_JOB_UPLOADS_MAX).then_some(job)
    }
}

/// Whether a message is one that we send ourselves. Nobody outside may put such a one on the queue.
#[must_use]
pub fn is_own_message(body: &[u8]) -> bool {
    IngestJob::from_body(body).is_some() || serde_json::from_slice::<SweepJob>(body).is_ok()
}

/// The queue that feeds `ingest-on-object-created`: at least once, in any order.
pub trait IngestQueue: Send + Sync {
    /// Sends a job.
    fn send(&self, job: IngestJob) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Sends look jobs, each as a message. After a fault some may be there all the same.
    fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> impl Future<Output = Result<(), Fault>> + Send;
}
