//! What ends a lease without an outcome, and what a message that comes again changes.

use super::{DEATHS_MAX, ENQUEUE_CHECK_S, REQUEUE_LAST_S, State, Step, Upload};
use crate::time::{Timestamp, saturating_add_secs};

impl Upload {
    /// Its holder gives it back, for a fault.
    pub(super) fn release(
        &self,
        token: &str,
        is_transient: bool,
        fault: &str,
        now: Timestamp,
    ) -> Step {
        self.held(token, now, |after| {
            after.lease = None;
            after.last_fault = Some(fault.to_owned());
            // A store that was away says nothing against the file.
            after.attempts = after.attempts.saturating_sub(u32::from(is_transient));
            after.due_at = Some(saturating_add_secs(now, ENQUEUE_CHECK_S));
        })
    }

    /// Its holder died. Its message is on the queue still; where that was lost, the sweep sends another.
    pub(super) fn holder_died(&self, token: &str, now: Timestamp) -> Step {
        let step = self.held(token, now, |after| {
            after.lease = None;
            after.deaths = after.deaths.saturating_add(1);
            let is_forgiven = after.deaths <= DEATHS_MAX;
            after.attempts = after.attempts.saturating_sub(u32::from(is_forgiven));
            after.due_at = Some(saturating_add_secs(now, ENQUEUE_CHECK_S));
        });
        match step {
            Step::Refused(_) => Step::Unchanged,
            step @ (Step::Change(_) | Step::Unchanged) => step,
        }
    }

    /// The sweep sends its message again.
    pub(super) fn requeued(&self, now: Timestamp) -> Step {
        match self.state {
            // Its holder is at work; the end of the lease is when to look again.
            State::Processing if self.is_held(now) => Step::Unchanged,
            State::Uploaded | State::Confirmed | State::Processing => {
                self.step(true, now, |after| {
                    after.looks = after.looks.saturating_add(1);
                    after.due_at = Some(saturating_add_secs(now, requeue_pause_s(after.looks)));
                })
            }
            State::Pending
            | State::Uploading
            | State::Expired
            | State::Ready
            | State::Failed
            | State::Deleted => Step::Unchanged,
        }
    }
}

/// The pause before a job is queued again, in seconds: it doubles to an hour, since a queue that is behind is helped by no
/// second message.
fn requeue_pause_s(times: u32) -> u64 {
    ENQUEUE_CHECK_S
        .saturating_mul(1 << times.saturating_sub(1).min(16))
        .min(REQUEUE_LAST_S)
}
