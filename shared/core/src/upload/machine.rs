//! The transitions. Pure and total: every event in every state has an answer, and time is an argument.
//!
//! What the store holds is the truth: callers look (HEAD) before they report [`Event::Seen`], [`Event::Claim`] or
//! [`Event::Missing`], so a late, doubled or reordered notification is only a reason to look again.

use crate::time::{Timestamp, saturating_add_secs};

use super::{
    ABSENCE_CONFIRM_S, ATTEMPTS_MAX, Change, Claimed, ENQUEUE_CHECK_S, EXPIRY_GRACE_S, Event,
    Failure, LOOK_FAILED_S, LOOK_FIRST_S, LOOK_LAST_S, Lease, ObjectVersion, Outcome, OutputPlace,
    Refusal, State, Step, Upload,
};
use crate::policy::{Overwrite, Strategy};

impl Upload {
    /// What `event` at `now` makes of this upload.
    #[must_use]
    pub fn apply(&self, event: &Event, now: Timestamp) -> Step {
        if let Event::LookFailed { is_transient } = event {
            return self.look_failed(*is_transient, now);
        }
        if self.state == State::Deleted {
            return self.apply_deleted(event, now);
        }
        match event {
            Event::BeginClaimed { until } => self.claim_begin(*until, now),
            Event::BeginFailed => self.begin_failed(now),
            Event::MultipartBegun { upload_id } => self.begin_multipart(upload_id, now),
            Event::Resigned { url_expires_at } => self.resign(*url_expires_at, now),
            Event::Seen { object } => match self.see(object, now) {
                Some(after) => change(self, after, true, now),
                None => self.see_again(object, now),
            },
            Event::Confirmed {
                object,
                collection_id,
                claimed,
            } => self.confirm(object, collection_id.as_deref(), claimed, now),
            Event::Claim {
                object,
                lease,
                output,
            } => self.claim(object, (lease, output.as_ref()), now),
            Event::Renew { lease } => self.held(&lease.token, now, |after| {
                after.due_at = Some(lease.until);
                after.lease = Some(lease.clone());
            }),
            Event::Release {
                token,
                is_transient,
                fault,
            } => self.release(token, *is_transient, fault, now),
            Event::Succeed { token, outcome } => self.succeed(token, outcome, now),
            Event::Fail { token, failure } => {
                self.held(token, now, |after| after.fail(failure.clone(), now))
            }
            Event::Missing => self.miss(now),
            Event::PartsFound { count, size_bytes } => self.find_parts(*count, *size_bytes, now),
            Event::HolderDied { token } => self.holder_died(token, now),
            Event::Requeued => self.requeued(now),
            Event::OriginalRemoved => self.original_removed(now),
            Event::ObjectRemoved { sequencer } => self.object_removed(sequencer.as_ref(), now),
            Event::Delete { reason } => self.gone(*reason, now),
            Event::DeletionMoved { .. } | Event::DeletionPurged | Event::LookFailed { .. } => {
                Step::Refused(Refusal::OutOfPlace)
            }
        }
    }

    fn claim_begin(&self, until: Timestamp, now: Timestamp) -> Step {
        match (&self.multipart_upload_id, self.state) {
            (None, State::Pending) if self.in_parts.begin_until.is_some_and(|end| end > now) => {
                Step::Refused(Refusal::Beginning)
            }
            (None, State::Pending) => self.step(false, now, |after| {
                after.in_parts.begin_until = Some(until);
            }),
            _ => Step::Refused(Refusal::OutOfPlace),
        }
    }

    fn begin_failed(&self, now: Timestamp) -> Step {
        match (&self.multipart_upload_id, self.in_parts.begin_until) {
            (None, Some(_)) => self.step(false, now, |after| after.in_parts.begin_until = None),
            _ => Step::Unchanged,
        }
    }

    /// The sweep's look failed: it comes again after a pause that doubles each time, unless another came by meanwhile.
    fn look_failed(&self, is_transient: bool, now: Timestamp) -> Step {
        if self.due_at.is_none_or(|due| due > now) {
            return Step::Unchanged;
        }
        let (first_s, last_s) = LOOK_FAILED_S;
        let pause_s = first_s.saturating_mul(1 << self.look_failures.min(16));
        let failures = self.look_failures.saturating_add(u32::from(!is_transient));
        match self.step(false, now, |after| {
            after.due_at = Some(saturating_add_secs(now, pause_s.min(last_s)));
        }) {
            Step::Change(mut change) => {
                change.after.look_failures = failures;
                Step::Change(change)
            }
            step @ (Step::Unchanged | Step::Refused(_)) => step,
        }
    }

    fn begin_multipart(&self, upload_id: &str, now: Timestamp) -> Step {
        match (&self.multipart_upload_id, self.state) {
            (Some(known), _) if known == upload_id => Step::Unchanged,
            (None, State::Pending) => self.step(false, now, |after| {
                after.state = State::Uploading;
                after.multipart_upload_id = Some(upload_id.to_owned());
                after.in_parts.begin_until = None;
                after.in_parts.active_at = Some(now);
            }),
            _ => Step::Refused(Refusal::OutOfPlace),
        }
    }

    fn resign(&self, url_expires_at: Timestamp, now: Timestamp) -> Step {
        match self.state {
            State::Pending | State::Uploading if url_expires_at > self.url_expires_at => {
                self.step(false, now, |after| {
                    after.url_expires_at = url_expires_at;
                    // Who signs is at work, also where one part takes longer than the window.
                    after.in_parts.active_at = Some(now);
                })
            }
            State::Pending | State::Uploading => Step::Unchanged,
            // Nothing of it came, so it begins again where it began: a generation further, as whatever goes back.
            State::Expired if self.is_reopened_by_signing(now) => self.step(false, now, |after| {
                after.state = State::Pending;
                after.generation = after.generation.saturating_add(1);
                after.url_expires_at = url_expires_at;
                after.reserved_bytes = after.size_bytes_max;
                after.removed_unseen = false;
                after.looks = 0;
                after.due_at = Some(saturating_add_secs(now, LOOK_FIRST_S));
            }),
            State::Expired
            | State::Uploaded
            | State::Confirmed
            | State::Processing
            | State::Ready
            | State::Failed
            | State::Deleted => Step::Refused(Refusal::OutOfPlace),
        }
    }

    /// The record with a version taken in that is new to it; `None` where it is known, or where nothing may follow what
    /// is ready.
    ///
    /// What a HEAD shows is there now, and so newer than what was seen, whatever its event's sequencer says: sequencers
    /// begin anew or stand still at some stores. Who looked before the last look was written down is found out by
    /// [`crate::transition`] (invariant 6).
    fn see(&self, object: &ObjectVersion, now: Timestamp) -> Option<Self> {
        let is_known = self
            .seen
            .as_ref()
            .is_some_and(|known| known.etag == object.etag);
        (!is_known && !self.refuses(object)).then(|| self.with_version(object, now))
    }

    /// Whether another version than the one that is ready is not to follow it.
    fn refuses(&self, object: &ObjectVersion) -> bool {
        let is_other = self
            .seen
            .as_ref()
            .is_some_and(|known| known.etag != object.etag);
        is_other && self.state == State::Ready && self.overwrite() == Overwrite::Refuse
    }

    /// The record with a version taken in.
    pub(super) fn with_version(&self, object: &ObjectVersion, now: Timestamp) -> Self {
        let mut after = self.clone();
        after.state = match self.state {
            State::Pending | State::Uploading | State::Expired | State::Uploaded => State::Uploaded,
            // Confirmed once is confirmed: a newer version starts its way from there.
            State::Confirmed
            | State::Processing
            | State::Ready
            | State::Failed
            | State::Deleted => State::Confirmed,
        };
        after.generation = self.generation.saturating_add(1);
        after.uploaded_at = after.uploaded_at.or(Some(now));
        after.reserved_bytes = object.size_bytes;
        after.seen = Some(object.clone());
        after.lease = None;
        after.attempts = 0;
        after.deaths = 0;
        after.last_fault = None;
        after.looks = 0;
        after.failure = None;
        after.processed_at = None;
        after.original_removed = false;
        after.removed_unseen = false;
        after.absent_since = None;
        after.conflict_etag = None;
        after.due_at = Some(saturating_add_secs(now, ENQUEUE_CHECK_S));
        after
    }

    /// A look that shows the version that is known, or one that is refused.
    fn see_again(&self, object: &ObjectVersion, now: Timestamp) -> Step {
        let conflict = self.refuses(object).then(|| object.etag.clone());
        if conflict != self.conflict_etag {
            return self.step(false, now, |after| {
                after.conflict_etag = conflict;
                after.reserved_bytes = object.size_bytes;
                after.absent_since = None;
                after.due_at = after.rest_due_at(now);
            });
        }
        if self.absent_since.is_none() {
            return self.rest(now);
        }
        // It was away, and is back.
        let is_at_rest = matches!(self.state, State::Ready | State::Failed);
        self.step(!is_at_rest, now, |after| {
            after.absent_since = None;
            after.due_at = if is_at_rest {
                after.rest_due_at(now)
            } else {
                Some(saturating_add_secs(now, ENQUEUE_CHECK_S))
            };
        })
    }

    fn confirm(
        &self,
        object: &ObjectVersion,
        collection_id: Option<&str>,
        claimed: &Claimed,
        now: Timestamp,
    ) -> Step {
        let seen = self.see(object, now);
        let is_new = seen.is_some();
        let mut after = seen.unwrap_or_else(|| self.clone());
        let was_away = after.absent_since.take().is_some();
        match after.state {
            State::Pending | State::Uploading | State::Expired | State::Uploaded => {
                after.state = State::Confirmed;
            }
            State::Confirmed
            | State::Processing
            | State::Ready
            | State::Failed
            | State::Deleted => {}
        }
        if after.confirmed_at.is_none() {
            after.confirmed_at = Some(now);
            let is_at_rest = matches!(after.state, State::Ready | State::Failed);
            // A look that is due already is still to be taken.
            if is_at_rest && after.due_at.is_none_or(|due| due > now) {
                after.due_at = after.rest_due_at(now);
            }
        }
        if let Some(collection_id) = collection_id {
            after.collection_id = Some(collection_id.to_owned());
        }
        if *claimed != Claimed::default() {
            after.claimed = claimed.clone();
        }
        if after == *self {
            Step::Unchanged
        } else {
            change(self, after, is_new || was_away, now)
        }
    }

    fn claim(
        &self,
        object: &ObjectVersion,
        (lease, output): (&Lease, Option<&OutputPlace>),
        now: Timestamp,
    ) -> Step {
        if self.refuses(object) {
            return match self.see_again(object, now) {
                Step::Unchanged => Step::Refused(Refusal::Processed),
                step @ (Step::Change(_) | Step::Refused(_)) => step,
            };
        }
        let mut after = self.see(object, now).unwrap_or_else(|| self.clone());
        match after.state {
            State::Ready | State::Failed => return Step::Refused(Refusal::Processed),
            State::Processing => {
                if after.is_held(now) {
                    return Step::Refused(Refusal::Leased);
                }
            }
            State::Pending
            | State::Uploading
            | State::Expired
            | State::Uploaded
            | State::Confirmed
            | State::Deleted => {}
        }
        if after.seen.as_ref().map(|seen| &seen.etag) != Some(&object.etag) {
            // What was seen is newer than what the caller looked at.
            return Step::Refused(Refusal::LeaseLost);
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
        after.state = State::Processing;
        after.attempts = after.attempts.saturating_add(1);
        after.lease = Some(lease.clone());
        after.due_at = Some(lease.until);
        change(self, after, false, now)
    }

    fn succeed(&self, token: &str, outcome: &Outcome, now: Timestamp) -> Step {
        if self.seen.as_ref().map(|seen| &seen.etag) != Some(&outcome.etag) {
            return Step::Refused(Refusal::LeaseLost);
        }
        self.held(token, now, |after| {
            after.state = State::Ready;
            after.lease = None;
            after.failure = None;
            after.outcome = Some(outcome.clone());
            after.processed_at = Some(now);
            after.due_at = after.rest_due_at(now);
        })
    }

    /// Parts that came since the last look are what an upload lives by.
    fn find_parts(&self, count: u32, size_bytes: u64, now: Timestamp) -> Step {
        let mut after = self.clone();
        let known = &mut after.in_parts;
        if (known.count, known.size_bytes) != (count, size_bytes) {
            (known.count, known.size_bytes) = (count, size_bytes);
            known.active_at = Some(now);
        }
        after.miss(now)
    }

    fn original_removed(&self, now: Timestamp) -> Step {
        match self.state {
            State::Ready if !self.original_removed => self.step(false, now, |after| {
                after.original_removed = true;
                after.due_at = after.rest_due_at(now);
            }),
            State::Ready
            | State::Pending
            | State::Uploading
            | State::Expired
            | State::Uploaded
            | State::Confirmed
            | State::Processing
            | State::Failed
            | State::Deleted => Step::Unchanged,
        }
    }

    pub(super) fn held(&self, token: &str, now: Timestamp, edit: impl FnOnce(&mut Self)) -> Step {
        match &self.lease {
            Some(lease) if self.state == State::Processing && lease.token == token => {
                self.step(false, now, edit)
            }
            Some(_) | None => Step::Refused(Refusal::LeaseLost),
        }
    }

    pub(super) fn step(&self, enqueue: bool, now: Timestamp, edit: impl FnOnce(&mut Self)) -> Step {
        let mut after = self.clone();
        edit(&mut after);
        change(self, after, enqueue, now)
    }

    fn fail(&mut self, failure: Failure, now: Timestamp) {
        self.state = State::Failed;
        self.lease = None;
        self.failure = Some(failure);
        self.processed_at = Some(now);
        self.due_at = self.rest_due_at(now);
    }

    /// When the sweep comes by an upload that is ready or failed: now where its original is still to be removed; once
    /// more when its URL is dead and writes begun in time have ended, where a URL may have been used again and the event be
    /// lost (invariant 8); and at its end. Where a URL brings its object once, most need no look at all.
    fn rest_due_at(&self, now: Timestamp) -> Option<Timestamp> {
        if self.state == State::Ready && !self.keep_original && !self.original_removed {
            return Some(now);
        }
        let url_end = saturating_add_secs(self.url_expires_at, EXPIRY_GRACE_S);
        let processed_at = self.processed_at.unwrap_or(now);
        let last_look = url_end.max(saturating_add_secs(processed_at, LOOK_LAST_S));
        let absent = self
            .absent_since
            .map(|at| saturating_add_secs(at, ABSENCE_CONFIRM_S));
        // Its place is free again once we removed it; no URL for a part brings anything there.
        let is_free = self.original_removed && self.strategy == Strategy::Put;
        let last_look = Some(last_look).filter(|_| !self.puts_once || is_free);
        [last_look, absent]
            .into_iter()
            .flatten()
            .filter(|at| *at > now)
            .chain(self.ends_at())
            .min()
    }

    /// The sweep looked at an upload at rest and found nothing new.
    pub(super) fn rest(&self, now: Timestamp) -> Step {
        let is_at_rest = matches!(self.state, State::Ready | State::Failed);
        let due_at = self.rest_due_at(now);
        if is_at_rest
            && self.due_at.is_some_and(|due| due <= now)
            && due_at.is_none_or(|due| due > now)
        {
            self.step(false, now, |after| after.due_at = due_at)
        } else {
            Step::Unchanged
        }
    }
}

/// A write of `after` over `before`. Where the clock was set back, the record's time stands still rather than run back.
pub(super) fn change(before: &Upload, mut after: Upload, enqueue: bool, now: Timestamp) -> Step {
    after.revision = before.revision.saturating_add(1);
    after.updated_at = now.max(before.updated_at);
    after.look_failures = 0;
    Step::Change(Box::new(Change { after, enqueue }))
}

fn exhausted(last_fault: Option<&str>) -> String {
    let why = last_fault.map_or(String::new(), |fault| format!(" (the last time: {fault})"));
    format!(
        "Processing was tried {ATTEMPTS_MAX} times and did not finish{why}. The original is kept; try uploading it again."
    )
}

/// The pause before the next look for an object of which nobody told, in seconds. Whoever has neither events nor confirms
/// finds what arrived after four times as long as it took, and an upload of any life takes few looks: of the 15 minutes
/// that are usual, two, and one at the end.
pub(super) fn quadrupled_s(first_s: u64, looks: u32) -> u64 {
    first_s.saturating_mul(1 << (2 * looks.min(16)))
}

/// The pause before the next look at parts, in seconds: doubling from the first to the longest.
pub(super) fn look_pause_s(looks: u32, pause_max_s: u64) -> u64 {
    LOOK_FIRST_S
        .saturating_mul(1 << looks.min(16))
        .min(pause_max_s)
}
