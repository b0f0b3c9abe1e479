//! The transitions. Pure and total: every event in every state has a decision, and time is an argument.
//!
//! The store is the source of truth. Callers send a HEAD request before they report [`Event::ObjectObserved`],
//! [`Event::AcquireLease`] or [`Event::ObjectAbsent`]. A late, repeated or reordered notification therefore only
//! causes another HEAD request.

use crate::time::{Timestamp, saturating_add_secs};

use super::{
    ABSENCE_CONFIRM_S, Change, ClientMetadata, Decision, ENQUEUE_CHECK_S, EXPIRY_GRACE_S, Event,
    Failure, IngestOutcome, ObjectVersion, PROBE_FAILED_S, PROBE_FIRST_S, PROBE_LAST_S, Refusal,
    SKEW_S, Upload, UploadState,
};
use crate::policy::{Overwrite, Strategy};

impl Upload {
    /// Applies `event` at `now` and returns the decision.
    #[must_use]
    pub fn apply(&self, event: &Event, now: Timestamp) -> Decision {
        if let Event::ProbeFailed { is_transient } = event {
            return self.probe_failed(*is_transient, now);
        }
        if self.state == UploadState::Deleted {
            return self.apply_deleted(event, now);
        }
        match event {
            Event::BeginReserved { until } => self.reserve_begin(*until, now),
            Event::BeginFailed => self.begin_failed(now),
            Event::MultipartBegun { upload_id } => self.begin_multipart(upload_id, now),
            Event::UrlsReissued { url_expires_at } => self.reissue_urls(*url_expires_at, now),
            Event::ObjectObserved { object } => match self.observe(object, now) {
                Some(after) => change(self, after, true, now),
                None => self.observe_again(object, now),
            },
            Event::Confirmed {
                object,
                collection_id,
                metadata,
            } => self.confirm(object, collection_id.as_deref(), metadata, now),
            Event::AcquireLease {
                object,
                lease,
                output,
            } => self.acquire_lease(object, lease, output.as_ref(), now),
            Event::RenewLease { lease } => self.renew_lease(lease, now),
            Event::ReleaseLease {
                token,
                is_transient,
                fault,
            } => self.release(token, *is_transient, fault, now),
            Event::Succeed { token, outcome } => self.succeed(token, outcome, now),
            Event::Fail { token, failure } => {
                self.with_lease(token, now, |after| after.fail(failure.clone(), now))
            }
            Event::ObjectAbsent => self.observe_absence(now),
            Event::PartsObserved { count, size_bytes } => {
                self.observe_parts(*count, *size_bytes, now)
            }
            Event::LeaseHolderLost { token } => self.lease_holder_lost(token, now),
            Event::Requeued => self.requeued(now),
            Event::OriginalRemoved => self.original_removed(now),
            Event::ObjectRemoved { sequencer } => self.object_removed(sequencer.as_ref(), now),
            Event::Delete { reason } => self.delete(*reason, now),
            Event::DeletionMoved { .. } | Event::DeletionPurged | Event::ProbeFailed { .. } => {
                Decision::Refused(Refusal::OutOfPlace)
            }
        }
    }

    fn reserve_begin(&self, until: Timestamp, now: Timestamp) -> Decision {
        match (&self.multipart_upload_id, self.state) {
            (None, UploadState::Pending)
                if self.multipart.begin_until.is_some_and(|end| end > now) =>
            {
                Decision::Refused(Refusal::Beginning)
            }
            (None, UploadState::Pending) => self.decide(false, now, |after| {
                after.multipart.begin_until = Some(until);
            }),
            _ => Decision::Refused(Refusal::OutOfPlace),
        }
    }

    fn begin_failed(&self, now: Timestamp) -> Decision {
        match (&self.multipart_upload_id, self.multipart.begin_until) {
            (None, Some(_)) => self.decide(false, now, |after| after.multipart.begin_until = None),
            _ => Decision::Unchanged,
        }
    }

    /// The probe failed. It is repeated after a pause that doubles each time, unless another probe succeeded
    /// meanwhile.
    fn probe_failed(&self, is_transient: bool, now: Timestamp) -> Decision {
        if self.next_check_at.is_none_or(|due| due > now) {
            return Decision::Unchanged;
        }
        let (first_s, last_s) = PROBE_FAILED_S;
        let pause_s = first_s.saturating_mul(1 << self.probe_failures.min(16));
        let failures = self.probe_failures.saturating_add(u32::from(!is_transient));
        match self.decide(false, now, |after| {
            after.next_check_at = Some(saturating_add_secs(now, pause_s.min(last_s)));
        }) {
            Decision::Change(mut change) => {
                change.after.probe_failures = failures;
                Decision::Change(change)
            }
            step @ (Decision::Unchanged | Decision::Refused(_)) => step,
        }
    }

    fn begin_multipart(&self, upload_id: &str, now: Timestamp) -> Decision {
        match (&self.multipart_upload_id, self.state) {
            (Some(known), _) if known == upload_id => Decision::Unchanged,
            (None, UploadState::Pending) => self.decide(false, now, |after| {
                after.state = UploadState::Uploading;
                after.multipart_upload_id = Some(upload_id.to_owned());
                after.multipart.begin_until = None;
                after.multipart.active_at = Some(now);
            }),
            _ => Decision::Refused(Refusal::OutOfPlace),
        }
    }

    fn reissue_urls(&self, url_expires_at: Timestamp, now: Timestamp) -> Decision {
        match self.state {
            UploadState::Pending | UploadState::Uploading
                if url_expires_at > self.url_expires_at =>
            {
                self.decide(false, now, |after| {
                    after.url_expires_at = url_expires_at;
                    // A client that asks for URLs is active, also if a single part takes longer than the activity
                    // window.
                    after.multipart.active_at = Some(now);
                })
            }
            UploadState::Pending | UploadState::Uploading => Decision::Unchanged,
            // No bytes arrived, so the upload starts again as pending. The generation increases, as for every
            // backward step.
            UploadState::Expired if self.is_reopened_by_signing(now) => {
                self.decide(false, now, |after| {
                    after.state = UploadState::Pending;
                    after.generation = after.generation.saturating_add(1);
                    after.url_expires_at = url_expires_at;
                    after.reserved_bytes = after.size_bytes_max;
                    after.removed_unobserved = false;
                    after.probe_count = 0;
                    after.next_check_at = Some(saturating_add_secs(now, PROBE_FIRST_S));
                })
            }
            UploadState::Expired
            | UploadState::Uploaded
            | UploadState::Confirmed
            | UploadState::Processing
            | UploadState::Ready
            | UploadState::Failed
            | UploadState::Deleted => Decision::Refused(Refusal::OutOfPlace),
        }
    }

    /// Returns the record with a new version, or `None` if the version is known or must not replace what is ready.
    ///
    /// A HEAD request shows the present object, which is newer than the recorded one whatever the sequencer of its
    /// event: at some stores sequencers restart or do not increase. [`crate::transition`] rejects an observation that
    /// is older than the recorded one (invariant 6).
    pub(super) fn observe(&self, object: &ObjectVersion, now: Timestamp) -> Option<Self> {
        let is_known = self
            .observed
            .as_ref()
            .is_some_and(|known| known.etag == object.etag);
        (!is_known && !self.refuses(object)).then(|| self.with_version(object, now))
    }

    /// Returns whether `object` is another version that must not replace the one that is ready.
    pub(super) fn refuses(&self, object: &ObjectVersion) -> bool {
        let is_other = self
            .observed
            .as_ref()
            .is_some_and(|known| known.etag != object.etag);
        is_other && self.state == UploadState::Ready && self.overwrite() == Overwrite::Refuse
    }

    /// Returns the record with a new version.
    pub(super) fn with_version(&self, object: &ObjectVersion, now: Timestamp) -> Self {
        let mut after = self.clone();
        after.state = match self.state {
            UploadState::Pending
            | UploadState::Uploading
            | UploadState::Expired
            | UploadState::Uploaded => UploadState::Uploaded,
            // A confirm applies to later versions too: they start as confirmed.
            UploadState::Confirmed
            | UploadState::Processing
            | UploadState::Ready
            | UploadState::Failed
            | UploadState::Deleted => UploadState::Confirmed,
        };
        after.generation = self.generation.saturating_add(1);
        after.uploaded_at = after.uploaded_at.or(Some(now));
        after.reserved_bytes = object.size_bytes;
        after.observed = Some(object.clone());
        after.lease = None;
        after.attempts = 0;
        after.holders_lost = 0;
        after.last_fault = None;
        after.probe_count = 0;
        after.failure = None;
        after.processed_at = None;
        after.original_removed = false;
        after.removed_unobserved = false;
        after.absent_since = None;
        after.conflict_etag = None;
        after.next_check_at = Some(saturating_add_secs(now, ENQUEUE_CHECK_S));
        after
    }

    /// An observation of the known version, or of a version that is refused.
    pub(super) fn observe_again(&self, object: &ObjectVersion, now: Timestamp) -> Decision {
        let conflict = self.refuses(object).then(|| object.etag.clone());
        if conflict != self.conflict_etag {
            return self.decide(false, now, |after| {
                after.conflict_etag = conflict;
                after.reserved_bytes = object.size_bytes;
                after.absent_since = None;
                after.next_check_at = after.next_check_at_rest(now);
            });
        }
        if self.absent_since.is_none() {
            return self.examined_at_rest(now);
        }
        // The object was absent and exists again.
        let is_at_rest = matches!(self.state, UploadState::Ready | UploadState::Failed);
        self.decide(!is_at_rest, now, |after| {
            after.absent_since = None;
            after.next_check_at = if is_at_rest {
                after.next_check_at_rest(now)
            } else {
                Some(saturating_add_secs(now, ENQUEUE_CHECK_S))
            };
        })
    }

    fn confirm(
        &self,
        object: &ObjectVersion,
        collection_id: Option<&str>,
        metadata: &ClientMetadata,
        now: Timestamp,
    ) -> Decision {
        let observed = self.observe(object, now);
        let is_new = observed.is_some();
        let mut after = observed.unwrap_or_else(|| self.clone());
        let was_away = after.absent_since.take().is_some();
        match after.state {
            UploadState::Pending
            | UploadState::Uploading
            | UploadState::Expired
            | UploadState::Uploaded => {
                after.state = UploadState::Confirmed;
            }
            UploadState::Confirmed
            | UploadState::Processing
            | UploadState::Ready
            | UploadState::Failed
            | UploadState::Deleted => {}
        }
        if after.confirmed_at.is_none() {
            after.confirmed_at = Some(now);
            let is_at_rest = matches!(after.state, UploadState::Ready | UploadState::Failed);
            // A check that is due already must still happen.
            if is_at_rest && after.next_check_at.is_none_or(|due| due > now) {
                after.next_check_at = after.next_check_at_rest(now);
            }
        }
        if let Some(collection_id) = collection_id {
            after.collection_id = Some(collection_id.to_owned());
        }
        if *metadata != ClientMetadata::default() {
            after.client_metadata = metadata.clone();
        }
        if after == *self {
            Decision::Unchanged
        } else {
            change(self, after, is_new || was_away, now)
        }
    }

    fn succeed(&self, token: &str, outcome: &IngestOutcome, now: Timestamp) -> Decision {
        if self.observed.as_ref().map(|observed| &observed.etag) != Some(&outcome.etag) {
            return Decision::Refused(Refusal::LeaseLost);
        }
        self.with_lease(token, now, |after| {
            after.state = UploadState::Ready;
            after.lease = None;
            after.absent_since = None;
            after.failure = None;
            after.outcome = Some(outcome.clone());
            after.processed_at = Some(now);
            after.next_check_at = after.next_check_at_rest(now);
        })
    }

    /// Parts that arrived since the last probe keep the upload alive.
    fn observe_parts(&self, count: u32, size_bytes: u64, now: Timestamp) -> Decision {
        let mut after = self.clone();
        let known = &mut after.multipart;
        if (known.count, known.size_bytes) != (count, size_bytes) {
            (known.count, known.size_bytes) = (count, size_bytes);
            known.active_at = Some(now);
        }
        after.observe_absence(now)
    }

    fn original_removed(&self, now: Timestamp) -> Decision {
        match self.state {
            UploadState::Ready if !self.original_removed => self.decide(false, now, |after| {
                after.original_removed = true;
                after.next_check_at = after.next_check_at_rest(now);
            }),
            UploadState::Ready
            | UploadState::Pending
            | UploadState::Uploading
            | UploadState::Expired
            | UploadState::Uploaded
            | UploadState::Confirmed
            | UploadState::Processing
            | UploadState::Failed
            | UploadState::Deleted => Decision::Unchanged,
        }
    }

    pub(super) fn decide(
        &self,
        enqueue: bool,
        now: Timestamp,
        edit: impl FnOnce(&mut Self),
    ) -> Decision {
        let mut after = self.clone();
        edit(&mut after);
        change(self, after, enqueue, now)
    }

    /// Ends the generation without a result. Like a commit to ready, it ends an absence that a probe reported: the
    /// version was observed or read since. At rest an absence follows a removal alone.
    pub(super) fn fail(&mut self, failure: Failure, now: Timestamp) {
        self.state = UploadState::Failed;
        self.lease = None;
        self.absent_since = None;
        self.failure = Some(failure);
        self.processed_at = Some(now);
        self.next_check_at = self.next_check_at_rest(now);
    }

    /// Returns the next check of an upload that is ready or failed: now if its original is still to be removed; once
    /// more when its URL has expired by the store's clock too and writes that began in time have ended, since the URL may
    /// have been used again and the event lost (invariant 8); and at its end. Most uploads whose URL accepts only one
    /// object need no check.
    fn next_check_at_rest(&self, now: Timestamp) -> Option<Timestamp> {
        if self.has_original_to_remove() {
            return Some(now);
        }
        let url_end = saturating_add_secs(self.url_expires_at, SKEW_S + EXPIRY_GRACE_S);
        let processed_at = self.processed_at.unwrap_or(now);
        let last_probe = url_end.max(saturating_add_secs(processed_at, PROBE_LAST_S));
        let absent = self
            .absent_since
            .map(|at| saturating_add_secs(at, ABSENCE_CONFIRM_S));
        // The key is free again after consign removed the object. A URL for a part cannot fill it.
        let is_free = self.original_removed && self.strategy == Strategy::Put;
        let last_probe = Some(last_probe).filter(|_| !self.puts_once || is_free);
        [last_probe, absent]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .chain(self.ends_at())
            .min()
    }

    /// The sweep examined an upload that is ready or failed and found nothing new.
    pub(super) fn examined_at_rest(&self, now: Timestamp) -> Decision {
        let is_at_rest = matches!(self.state, UploadState::Ready | UploadState::Failed);
        let due_at = self.next_check_at_rest(now);
        if is_at_rest
            && self.next_check_at.is_some_and(|due| due <= now)
            && due_at.is_none_or(|due| due > now)
        {
            self.decide(false, now, |after| after.next_check_at = due_at)
        } else {
            Decision::Unchanged
        }
    }
}

/// Returns a write of `after` over `before`. If the clock was set back, `updated_at` does not decrease.
pub(super) fn change(
    before: &Upload,
    mut after: Upload,
    enqueue: bool,
    now: Timestamp,
) -> Decision {
    after.revision = before.revision.saturating_add(1);
    after.updated_at = now.max(before.updated_at);
    after.probe_failures = 0;
    Decision::Change(Box::new(Change { after, enqueue }))
}

/// Returns the pause before the next probe for an object that no event reported, in seconds: exponential backoff by a
/// factor of 4. So the object is found at most four times as long after the signing as it arrived, by few probes: two
/// within the usual 15 minutes, and one at the end.
pub(super) fn object_probe_pause_s(first_s: u64, probes: u32) -> u64 {
    first_s.saturating_mul(1 << (2 * probes.min(16)))
}

/// Returns the pause before the next probe for parts, in seconds. It doubles from the shortest to the longest.
pub(super) fn parts_probe_pause_s(probes: u32, pause_max_s: u64) -> u64 {
    PROBE_FIRST_S
        .saturating_mul(1 << probes.min(16))
        .min(pause_max_s)
}
