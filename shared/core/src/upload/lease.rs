//! The lease of a generation: acquired, renewed, given back, lost, and queued again. [`Upload::apply`] commits its outcome.

use super::machine::change;
use super::{
    ATTEMPTS_MAX, Decision, ENQUEUE_CHECK_S, Failure, HOLDERS_LOST_MAX, LEASE_S, Lease,
    ObjectVersion, OutputPlace, REQUEUE_LAST_S, Refusal, Upload, UploadState,
};
use crate::time::{Timestamp, saturating_add_secs};

impl Upload {
    /// Returns whether an ingest holds an unexpired lease.
    #[must_use]
    pub fn is_held(&self, now: Timestamp) -> bool {
        // A lease that ends later than any lease acquired now was acquired before the clock was set back.
        let longest = saturating_add_secs(now, LEASE_S);
        self.lease
            .as_ref()
            .is_some_and(|lease| lease.until > now && lease.until <= longest)
    }

    /// An ingest asks for the lease of the version that it observed.
    pub(super) fn acquire_lease(
        &self,
        object: &ObjectVersion,
        lease: &Lease,
        output: Option<&OutputPlace>,
        now: Timestamp,
    ) -> Decision {
        if self.refuses(object) {
            return match self.observe_again(object, now) {
                Decision::Unchanged => Decision::Refused(Refusal::Processed),
                step @ (Decision::Change(_) | Decision::Refused(_)) => step,
            };
        }
        let mut after = self.observe(object, now).unwrap_or_else(|| self.clone());
        match after.state {
            UploadState::Ready | UploadState::Failed => {
                return Decision::Refused(Refusal::Processed);
            }
            UploadState::Processing => {
                if after.is_held(now) {
                    return Decision::Refused(Refusal::Leased);
                }
            }
            UploadState::Pending
            | UploadState::Uploading
            | UploadState::Expired
            | UploadState::Uploaded
            | UploadState::Confirmed
            | UploadState::Deleted => {}
        }
        if after.observed.as_ref().map(|observed| &observed.etag) != Some(&object.etag) {
            // The recorded version is newer than the one that the caller observed.
            return Decision::Refused(Refusal::LeaseLost);
        }
        if after.attempts >= ATTEMPTS_MAX {
            after.fail(
                Failure {
                    code: "attempts_exhausted".to_owned(),
                    detail: exhausted(after.last_fault.as_deref()),
                    etag: Some(object.etag.clone()),
                },
                now,
            );
            return change(self, after, false, now);
        }
        if let Some(failure) = output.and_then(|output| after.plan_outputs(output, object)) {
            after.fail(failure, now);
            return change(self, after, false, now);
        }
        after.absent_since = None;
        after.state = UploadState::Processing;
        after.attempts = after.attempts.saturating_add(1);
        after.lease = Some(lease.clone());
        after.next_check_at = Some(lease.until);
        change(self, after, false, now)
    }

    /// The holder is at work.
    pub(super) fn renew_lease(&self, lease: &Lease, now: Timestamp) -> Decision {
        self.with_lease(&lease.token, now, |after| {
            after.next_check_at = Some(lease.until);
            after.lease = Some(lease.clone());
        })
    }

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

    pub(super) fn with_lease(
        &self,
        token: &str,
        now: Timestamp,
        edit: impl FnOnce(&mut Self),
    ) -> Decision {
        match &self.lease {
            Some(lease) if self.state == UploadState::Processing && lease.token == token => {
                self.decide(false, now, edit)
            }
            Some(_) | None => Decision::Refused(Refusal::LeaseLost),
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

fn exhausted(last_fault: Option<&str>) -> String {
    let why = last_fault.map_or(String::new(), |fault| format!(" (last fault: {fault})"));
    format!(
        "Processing was tried {ATTEMPTS_MAX} times and did not finish{why}. The original is kept; try uploading it again."
    )
}
