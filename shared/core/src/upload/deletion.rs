//! How an upload ends and how an end is undone: deletion by the owner, by retention, by a removal in the bucket, and
//! by absence.

use crate::time::{Timestamp, saturating_add_secs};
use serde::{Deserialize, Serialize};

use super::{
    ABSENCE_CONFIRM_S, ABSENCE_PROBE_S, Change, Decision, EXPIRY_GRACE_S, Event, KEY_KEPT_S,
    LATE_PROBES_MAX, ObjectVersion, PARTS_PROBE_LAST_S, PROBE_FIRST_S, PROBE_LAST_S, Refusal,
    Upload, UploadState,
};
use crate::events::Sequencer;
use crate::policy::Strategy;

/// The longest pause between two probes for a lost object, in seconds.
const LOST_PROBE_LAST_S: u64 = 86_400;

/// How far the deletion of an upload has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletion {
    /// The objects are still at their original keys.
    Requested,
    /// The objects are under `deleted/`, or purged while an upload URL has not expired.
    Moved,
    /// Only the record is left.
    Purged,
}

/// Why an upload was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionReason {
    /// The owner deleted it.
    Owner,
    /// The policy's retention ended, or no confirm arrived in time.
    Retention,
    /// The store reported that the object was removed.
    ObjectRemoved,
    /// Two probes, far apart, found no object, and no removal was reported. Undone when the object is observed again.
    ObjectAbsent,
}

impl DeletionReason {
    /// Returns the reason as the logs spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Retention => "retention",
            Self::ObjectRemoved => "object_removed",
            Self::ObjectAbsent => "object_absent",
        }
    }
}

impl Upload {
    /// Returns whether the upload is deleted only because its object was absent. Observing the object again undoes
    /// that.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.state == UploadState::Deleted
            && self.deletion_reason == Some(DeletionReason::ObjectAbsent)
    }

    /// Returns when the bytes of a deleted upload are purged. `None` if it is not deleted, or if the record has no
    /// deletion time; `next_check_at` applies then.
    #[must_use]
    pub fn purge_at(&self) -> Option<Timestamp> {
        self.deleted_at
            .map(|at| saturating_add_secs(at, self.deleted_retention_s))
    }

    pub(super) fn apply_deleted(&self, event: &Event, now: Timestamp) -> Decision {
        match event {
            Event::Delete { reason } if self.is_lost() => self.decide(false, now, |after| {
                after.deletion_reason = Some(*reason);
                after.deletion = Some(Deletion::Requested);
                after.next_check_at = Some(now);
            }),
            Event::ObjectObserved { object }
            | Event::AcquireLease { object, .. }
            | Event::Confirmed { object, .. }
                if self.is_lost() =>
            {
                self.object_found_again(object, now)
            }
            Event::ObjectAbsent if self.is_lost() => self.still_lost(now),
            Event::ObjectAbsent => self.nothing_late(now),
            Event::DeletionMoved { kept_bytes } if self.is_deletion_due(now) => {
                self.decide(false, now, |after| {
                    after.probe_count = self.late_write_probes(now);
                    after.deletion = Some(Deletion::Moved);
                    after.deleted_at = after.deleted_at.or(Some(now));
                    after.reserved_bytes = kept_bytes.saturating_add(self.outstanding_bytes(now));
                    let purge_at = after.purge_at().unwrap_or(now);
                    let late = after.next_late_probe(now);
                    after.next_check_at = Some(late.map_or(purge_at, |late| late.min(purge_at)));
                })
            }
            Event::DeletionPurged if self.deletion != Some(Deletion::Purged) => self.purged(now),
            // Bytes that an unexpired URL let in after the deletion. The sweep removes them at once.
            Event::ObjectObserved { .. } | Event::AcquireLease { .. } if self.is_late(now) => self
                .decide(false, now, |after| {
                    after.deletion = Some(Deletion::Moved);
                    after.next_check_at = Some(now);
                }),
            Event::DeletionMoved { .. }
            | Event::DeletionPurged
            | Event::Delete { .. }
            | Event::PartsObserved { .. }
            | Event::LeaseHolderLost { .. }
            | Event::ProbeFailed { .. }
            | Event::Requeued
            | Event::OriginalRemoved
            | Event::ObjectRemoved { .. }
            | Event::ObjectObserved { .. } => Decision::Unchanged,
            Event::BeginReserved { .. }
            | Event::BeginFailed
            | Event::MultipartBegun { .. }
            | Event::UrlsReissued { .. }
            | Event::Confirmed { .. }
            | Event::AcquireLease { .. }
            | Event::RenewLease { .. }
            | Event::ReleaseLease { .. }
            | Event::Succeed { .. }
            | Event::Fail { .. } => Decision::Refused(Refusal::Deleted),
        }
    }

    /// Returns whether the object was written after the deletion and no check is due for it yet.
    fn is_late(&self, now: Timestamp) -> bool {
        match self.deletion {
            Some(Deletion::Moved | Deletion::Purged) => {
                self.next_check_at.is_none_or(|due| due > now)
            }
            Some(Deletion::Requested) | None => false,
        }
    }

    /// The object exists again. It becomes a new generation, since the file was promised to its owner.
    fn object_found_again(&self, object: &ObjectVersion, now: Timestamp) -> Decision {
        let mut after = self.with_version(object, now);
        after.state = UploadState::Confirmed;
        after.deletion = None;
        after.deletion_reason = None;
        after.deleted_at = None;
        super::machine::change(self, after, true, now)
    }

    /// Nothing is moved or purged before the retention ends. Until then, the pauses between probes grow.
    fn still_lost(&self, now: Timestamp) -> Decision {
        if self.deletion == Some(Deletion::Purged) {
            return Decision::Unchanged;
        }
        self.decide(false, now, |after| {
            after.probe_count = after.probe_count.saturating_add(1);
            after.next_check_at = after.next_lost_probe(now);
        })
    }

    fn next_lost_probe(&self, now: Timestamp) -> Option<Timestamp> {
        let pause_s = PROBE_LAST_S
            .saturating_mul(1 << self.probe_count.min(16))
            .min(LOST_PROBE_LAST_S);
        let purge_at = self.purge_at().unwrap_or(now);
        Some(saturating_add_secs(now, pause_s).min(purge_at.max(now)))
    }

    /// Records that all objects are purged. The bytes that an unexpired URL may still bring stay reserved, since a
    /// URL cannot be revoked. They are released when the URL expires.
    fn purged(&self, now: Timestamp) -> Decision {
        let outstanding = if self.is_lost() {
            0
        } else {
            self.outstanding_bytes(now)
        };
        self.decide(false, now, |after| {
            after.probe_count = self.late_write_probes(now);
            after.deletion = Some(if outstanding > 0 {
                Deletion::Moved
            } else {
                Deletion::Purged
            });
            after.deleted_at = after.deleted_at.or(Some(now));
            after.reserved_bytes = outstanding;
            // A lost object may be observed again and must not be removed.
            after.next_check_at = after.next_late_probe(now).filter(|_| !self.is_lost());
        })
    }

    /// Returns whether the sweep has to continue the deletion. It may have done so before.
    fn is_deletion_due(&self, now: Timestamp) -> bool {
        match self.deletion {
            Some(Deletion::Requested) | None => true,
            Some(Deletion::Moved) => self.next_check_at.is_none_or(|due| due <= now),
            Some(Deletion::Purged) => false,
        }
    }

    /// Records that late bytes were removed, or that there were none, after the purge.
    fn nothing_late(&self, now: Timestamp) -> Decision {
        if self.deletion != Some(Deletion::Purged) || self.next_check_at.is_none_or(|due| due > now)
        {
            return Decision::Unchanged;
        }
        self.decide(false, now, |after| {
            after.probe_count = self.late_write_probes(now);
            after.next_check_at = after.next_late_probe(now);
        })
    }

    /// Returns when the last URL has expired and all but the slowest writes that began in time have ended.
    fn urls_end_at(&self) -> Timestamp {
        saturating_add_secs(self.url_expires_at, EXPIRY_GRACE_S)
    }

    /// Returns the bytes that a URL may still bring after its object was removed. A URL for a part brings nothing
    /// once the parts are freed.
    fn outstanding_bytes(&self, now: Timestamp) -> u64 {
        let is_valid = self.strategy != Strategy::Multipart && now < self.urls_end_at();
        if is_valid { self.size_bytes_max } else { 0 }
    }

    fn late_write_probes(&self, now: Timestamp) -> u32 {
        let is_one = self.deletion != Some(Deletion::Requested) && now >= self.urls_end_at();
        self.probe_count.saturating_add(u32::from(is_one))
    }

    /// Returns when the sweep probes for objects that arrive after the deletion: once when the URL expires, then at
    /// growing intervals for as long as the object key is reserved. A write that began in time may take hours, and
    /// its event may be lost.
    fn next_late_probe(&self, now: Timestamp) -> Option<Timestamp> {
        let urls_end = self.urls_end_at();
        let last = saturating_add_secs(self.url_expires_at, KEY_KEPT_S);
        if now >= last {
            return None;
        }
        if now < urls_end {
            return Some(urls_end);
        }
        let pause_s = super::machine::object_probe_pause_s(PROBE_LAST_S, self.probe_count);
        Some(saturating_add_secs(now, pause_s).min(last))
    }

    pub(super) fn observe_absence(&self, now: Timestamp) -> Decision {
        match self.state {
            UploadState::Pending | UploadState::Uploading => {
                let end = self.unfinished_ends_at();
                let has_urls = now < saturating_add_secs(self.url_expires_at, EXPIRY_GRACE_S);
                let pause_max_s = if has_urls {
                    PROBE_LAST_S
                } else {
                    PARTS_PROBE_LAST_S
                };
                self.decide(false, now, |after| {
                    if now >= end {
                        after.state = UploadState::Expired;
                        after.reserved_bytes = 0;
                        after.probe_count = 0;
                        after.next_check_at = Some(saturating_add_secs(now, PROBE_LAST_S));
                    } else {
                        after.probe_count = after.probe_count.saturating_add(1);
                        let pause_s = if self.state == UploadState::Uploading {
                            super::machine::parts_probe_pause_s(after.probe_count, pause_max_s)
                        } else {
                            super::machine::object_probe_pause_s(PROBE_FIRST_S, after.probe_count)
                        };
                        after.next_check_at = Some(saturating_add_secs(now, pause_s).min(end));
                    }
                })
            }
            UploadState::Expired
                if self.removed_unobserved && self.probe_count + 1 >= LATE_PROBES_MAX =>
            {
                self.delete(DeletionReason::ObjectRemoved, now)
            }
            UploadState::Expired => self.decide(false, now, |after| {
                after.probe_count = after.probe_count.saturating_add(1);
                after.next_check_at = (after.probe_count < LATE_PROBES_MAX).then(|| {
                    saturating_add_secs(
                        now,
                        super::machine::object_probe_pause_s(PROBE_LAST_S, after.probe_count),
                    )
                });
            }),
            UploadState::Uploaded | UploadState::Confirmed => {
                self.absent(DeletionReason::ObjectAbsent, now)
            }
            UploadState::Processing if !self.is_held(now) => {
                self.absent(DeletionReason::ObjectAbsent, now)
            }
            // The outputs count, unless a removal was reported.
            UploadState::Ready | UploadState::Failed if self.absent_since.is_some() => {
                self.absent(DeletionReason::ObjectRemoved, now)
            }
            UploadState::Ready | UploadState::Failed => self.examined_at_rest(now),
            UploadState::Processing | UploadState::Deleted => Decision::Unchanged,
        }
    }

    /// The object was observed and is now absent. A single probe may have met a store that came back empty, so a
    /// deletion takes two probes, far apart. Probes in between delete nothing. They detect the return of the object
    /// within as much time again as it was absent.
    fn absent(&self, reason: DeletionReason, now: Timestamp) -> Decision {
        // A time in the future was recorded before the clock was set back.
        let since = self.absent_since.filter(|since| *since <= now);
        let Some(since) = since else {
            return self.decide(false, now, |after| {
                after.absent_since = Some(now);
                after.next_check_at = Some(saturating_add_secs(now, ABSENCE_PROBE_S));
            });
        };
        let last_probe = saturating_add_secs(since, ABSENCE_CONFIRM_S);
        if now >= last_probe {
            return self.delete(reason, now);
        }
        // A probe is scheduled already.
        if self
            .next_check_at
            .is_some_and(|due| now < due && due <= last_probe)
        {
            return Decision::Unchanged;
        }
        let missing_s =
            u64::try_from(now.signed_duration_since(since).num_seconds()).unwrap_or_default();
        let next_probe = saturating_add_secs(now, missing_s.max(ABSENCE_PROBE_S));
        self.decide(false, now, |after| {
            after.next_check_at = Some(next_probe.min(last_probe))
        })
    }

    pub(super) fn object_removed(&self, sequencer: Option<&Sequencer>, now: Timestamp) -> Decision {
        let observed = self
            .observed
            .as_ref()
            .and_then(|observed| observed.sequencer.as_ref());
        // The removal of an older version, or by a store whose sequencers restarted. Either way, no object exists
        // now.
        let is_older =
            matches!((sequencer, observed), (Some(removed), Some(observed)) if removed < observed);
        match self.state {
            // The removed object was never observed, and the URL may still bring the file. Bytes that arrive are
            // accepted (invariant 1). If none arrive before the last probe, the upload ends deleted.
            UploadState::Pending | UploadState::Uploading => self.record_removal(now),
            UploadState::Expired if self.next_check_at.is_some() => self.record_removal(now),
            // consign removes the original itself after the upload is ready. That removal ends nothing.
            UploadState::Ready if !self.keeps_original() => Decision::Unchanged,
            UploadState::Processing if is_older && self.is_held(now) => Decision::Unchanged,
            UploadState::Uploaded | UploadState::Confirmed | UploadState::Processing
                if is_older =>
            {
                self.absent(DeletionReason::ObjectAbsent, now)
            }
            UploadState::Ready | UploadState::Failed if is_older => {
                self.absent(DeletionReason::ObjectRemoved, now)
            }
            UploadState::Expired
            | UploadState::Uploaded
            | UploadState::Confirmed
            | UploadState::Processing
            | UploadState::Ready
            | UploadState::Failed => self.delete(DeletionReason::ObjectRemoved, now),
            UploadState::Deleted => Decision::Unchanged,
        }
    }

    fn record_removal(&self, now: Timestamp) -> Decision {
        if self.removed_unobserved {
            return Decision::Unchanged;
        }
        self.decide(false, now, |after| after.removed_unobserved = true)
    }

    pub(super) fn delete(&self, reason: DeletionReason, now: Timestamp) -> Decision {
        self.decide(false, now, |after| {
            after.state = UploadState::Deleted;
            after.lease = None;
            after.deletion = Some(Deletion::Requested);
            after.deletion_reason = Some(reason);
            after.deleted_at = Some(now);
            after.probe_count = 0;
            match reason {
                // The reservation is kept until the bucket was probed: there may be bytes that no event has reported
                // yet, and the URL may bring others after those are moved.
                DeletionReason::Owner | DeletionReason::Retention => {
                    if after.observed.is_some() {
                        let outstanding = self.outstanding_bytes(now);
                        after.reserved_bytes = after.reserved_bytes.saturating_add(outstanding);
                    }
                    after.next_check_at = Some(now);
                }
                DeletionReason::ObjectRemoved => {
                    after.reserved_bytes = self.outstanding_bytes(now);
                    after.next_check_at = Some(now);
                }
                DeletionReason::ObjectAbsent => {
                    after.reserved_bytes = 0;
                    after.next_check_at = after.next_lost_probe(now);
                }
            }
        })
    }
}

impl Change {
    /// Returns the change of the owner's number of files.
    #[must_use]
    pub fn files_moved(&self, before: &Upload) -> i64 {
        i64::from(self.after.counts_as_file()) - i64::from(before.counts_as_file())
    }
}
