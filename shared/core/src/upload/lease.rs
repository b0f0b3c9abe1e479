//! Events that end a lease without an outcome, and requeuing.

use super::{Decision, ENQUEUE_CHECK_S, HOLDERS_LOST_MAX, REQUEUE_LAST_S, Upload, UploadState};
use crate::time::{Timestamp, saturating_add_secs};

impl Upload {
    /// The holder gives the lease back because of a fault.
    pub(super) fn release(
        &self,
        token: &str,
        is_transient: bool,
        fault: &str,
        now: Timestamp,
    ) -> Decision {
        self.with_lease(token, now, |after| {
            after.lease = None;
            after.last_fault = Some(fault.to_owned());
            // An unavailable store is no evidence against the file.
            after.attempts = after.attempts.saturating_sub(u32::from(is_transient));
            after.next_check_at = Some(saturating_add_secs(now, ENQUEUE_CHECK_S));
        })
    }

    /// The holder's process ended. Its message is still on the queue. If the message was lost, the sweep sends
    /// another.
    pub(super) fn lease_holder_lost(&self, token: &str, now: Timestamp) -> Decision {
        let step = self.with_lease(token, now, |after| {
            after.lease = None;
            after.holders_lost = after.holders_lost.saturating_add(1);
            let is_forgiven = after.holders_lost <= HOLDERS_LOST_MAX;
            after.attempts = after.attempts.saturating_sub(u32::from(is_forgiven));
            after.next_check_at = Some(saturating_add_secs(now, ENQUEUE_CHECK_S));
        });
        match step {
            Decision::Refused(_) => Decision::Unchanged,
            step @ (Decision::Change(_) | Decision::Unchanged) => step,
        }
    }

    /// The sweep sends the message again.
    pub(super) fn requeued(&self, now: Timestamp) -> Decision {
        match self.state {
            // The holder is at work. The next check is at the end of the lease.
            UploadState::Processing if self.is_held(now) => Decision::Unchanged,
            UploadState::Uploaded | UploadState::Confirmed | UploadState::Processing => self
                .decide(true, now, |after| {
                    after.probe_count = after.probe_count.saturating_add(1);
                    after.next_check_at =
                        Some(saturating_add_secs(now, requeue_pause_s(after.probe_count)));
                }),
            UploadState::Pending
            | UploadState::Uploading
            | UploadState::Expired
            | UploadState::Ready
            | UploadState::Failed
            | UploadState::Deleted => Decision::Unchanged,
        }
    }
}

/// Returns the pause before a job is queued again, in seconds. It doubles up to an hour, since a second message does
/// not help a queue that is behind.
fn requeue_pause_s(times: u32) -> u64 {
    ENQUEUE_CHECK_S
        .saturating_mul(1 << times.saturating_sub(1).min(16))
        .min(REQUEUE_LAST_S)
}
