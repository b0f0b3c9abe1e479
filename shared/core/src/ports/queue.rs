//! The ingest queue.

use std::future::Future;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::ids::UploadId;

/// A message on the ingest queue: process this upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IngestJob {
    /// The upload to process.
    pub ingest: UploadId,
}

impl IngestJob {
    /// Returns the message body: `{"ingest":"<file_id>"}`.
    #[must_use]
    pub fn to_body(self) -> String {
        format!("{{\"ingest\":\"{}\"}}", self.ingest)
    }

    /// Parses a message body. Returns `None` if it is another message.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }
}

pub use crate::operations::HIDDEN_MAX_S;

/// The largest number of uploads in one [`SweepJob`].
pub const SWEEP_JOB_UPLOADS_MAX: usize = 50;

/// A message on the ingest queue: examine these uploads. A sweep that is short of time passes on the uploads that are
/// due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SweepJob {
    /// The uploads, at most [`SWEEP_JOB_UPLOADS_MAX`].
    #[serde(rename = "look")]
    pub uploads: Vec<UploadId>,
}

impl SweepJob {
    /// Returns the message body: `{"look":["<file_id>",…]}`.
    #[must_use]
    pub fn to_body(&self) -> String {
        let ids: Vec<String> = self.uploads.iter().map(|id| format!("\"{id}\"")).collect();
        format!("{{\"look\":[{}]}}", ids.join(","))
    }

    /// Parses a message body. Returns `None` if it is another message, or names too many uploads.
    #[must_use]
    pub fn from_body(body: &[u8]) -> Option<Self> {
        let job: Self = serde_json::from_slice(body).ok()?;
        (job.uploads.len() <= SWEEP_JOB_UPLOADS_MAX).then_some(job)
    }
}

/// Returns whether a message is one that only consign itself may send. Callers from outside must not put it on the
/// queue.
#[must_use]
pub fn is_own_message(body: &[u8]) -> bool {
    IngestJob::from_body(body).is_some() || serde_json::from_slice::<SweepJob>(body).is_ok()
}

/// The queue of `ingest-on-object-created`. It delivers messages at least once and in any order.
pub trait IngestQueue: Send + Sync {
    /// Sends a job.
    fn send(&self, job: IngestJob) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Sends sweep jobs, one message each. After a fault, some of them may have been sent.
    fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> impl Future<Output = Result<(), Fault>> + Send;
}
