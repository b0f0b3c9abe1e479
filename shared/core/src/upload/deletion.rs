//! How an upload ends, and what of that is undone: deletions by its owner, by its retention, by somebody at the bucket,
//! and by absence.

use crate::time::{Timestamp, saturating_add_secs};
use serde::{Deserialize, Serialize};

use super::{
    ABSENCE_CONFIRM_S, ABSENCE_PROBE_S, Change, Decision, EXPIRY_GRACE_S, Event, KEY_KEPT_S,
    LATE_PROBES_MAX, ObjectVersion, PARTS_PROBE_LAST_S, PROBE_FIRST_S, PROBE_LAST_S, Refusal,
    Upload, UploadState,
};
use crate::events::Sequencer;
use crate::policy::Strategy;

/// The longest pause between two looks for an object that was lost, in seconds.
const LOST_LOOK_LAST_S: u64 = 86_400;

/// What is left to do for a deleted upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletion {
    /// Its objects are still where they were.
    Requested,
    /// Its objects are under `deleted/`, or purged while its URL lives.
    Moved,
    /// Nothing is left of it but this record.
    Purged,
}

/// Why an upload was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletionReason {
    /// Its owner asked for it.
    Owner,
    /// The policy's retention, or the time within which a confirm was awaited, is over.
    Retention,
    /// The store told that somebody removed the object.
    ObjectRemoved,
    /// The object was missing at two looks far apart, and nobody told of its removal. Undone when it is seen again.
    ObjectAbsent,
}

impl DeletionReason {
    /// The reason as the logs spell it.
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
    /// Whether it is deleted only because its object was missing: bytes that are seen again undo that.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.state == UploadState::Deleted
            && self.deletion_reason == Some(DeletionReason::ObjectAbsent)
    }

    /// When the bytes of a deleted upload are purged. `None` where it is not deleted, or was before that was recorded:
    /// then `next_check_at` says.
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
                self.found_again(object, now)
            }
            Event::ObjectAbsent if self.is_lost() => self.still_lost(now),
            Event::ObjectAbsent => self.nothing_late(now),
            Event::DeletionMoved { kept_bytes } if self.is_deletion_due(now) => {
                self.decide(false, now, |after| {
                    after.probe_count = self.late_write_probes(now);
                    after.deletion = Some(Deletion::Moved);
                    after.deleted_at = after.deleted_at.or(Some(now));
                    after.reserved_bytes = kept_bytes.saturating_add(self.bytes_to_come(now));
                    let purge_at = after.purge_at().unwrap_or(now);
                    let late = after.next_late_probe(now);
                    after.next_check_at = Some(late.map_or(purge_at, |late| late.min(purge_at)));
                })
            }
            Event::DeletionPurged if self.deletion != Some(Deletion::Purged) => self.purged(now),
            // Bytes that a URL still alive let in after the deletion: the sweep removes them at once.
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

    /// Whether what is there came after the deletion, and nobody knows of it yet.
    fn is_late(&self, now: Timestamp) -> bool {
        match self.deletion {
            Some(Deletion::Moved | Deletion::Purged) => {
                self.next_check_at.is_none_or(|due| due > now)
            }
            Some(Deletion::Requested) | None => false,
        }
    }

    /// Its object is there again: a new generation of a file that its owner was promised.
    fn found_again(&self, object: &ObjectVersion, now: Timestamp) -> Decision {
        let mut after = self.with_version(object, now);
        after.state = UploadState::Confirmed;
        after.deletion = None;
        after.deletion_reason = None;
        after.deleted_at = None;
        super::machine::change(self, after, true, now)
    }

    /// Nothing is moved or purged before its retention is over, and until then the sweep looks ever more rarely.
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
            .min(LOST_LOOK_LAST_S);
        let purge_at = self.purge_at().unwrap_or(now);
        Some(saturating_add_secs(now, pause_s).min(purge_at.max(now)))
    }

    /// Nothing of it is left. What its URL may bring yet counts on, since nobody can take a URL back: it ends when that does.
    fn purged(&self, now: Timestamp) -> Decision {
        let to_come = if self.is_lost() {
            0
        } else {
            self.bytes_to_come(now)
        };
        self.decide(false, now, |after| {
            after.probe_count = self.late_write_probes(now);
            after.deletion = Some(if to_come > 0 {
                Deletion::Moved
            } else {
                Deletion::Purged
            });
            after.deleted_at = after.deleted_at.or(Some(now));
            after.reserved_bytes = to_come;
            // What was lost may be found again, and is not to be removed.
            after.next_check_at = after.next_late_probe(now).filter(|_| !self.is_lost());
        })
    }

    /// Whether the sweep is to go on with it: it may have been here before.
    fn is_deletion_due(&self, now: Timestamp) -> bool {
        match self.deletion {
            Some(Deletion::Requested) | None => true,
            Some(Deletion::Moved) => self.next_check_at.is_none_or(|due| due <= now),
            Some(Deletion::Purged) => false,
        }
    }

    /// Late bytes were removed, or none were there, after the last of it was purged.
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

    /// When the last URL of its object is dead, and what began in time has ended but for the slowest.
    fn urls_end_at(&self) -> Timestamp {
        saturating_add_secs(self.url_expires_at, EXPIRY_GRACE_S)
    }

    /// What a URL may still bring once its object is removed. One for a part brings nothing when the parts are freed.
    fn bytes_to_come(&self, now: Timestamp) -> u64 {
        let is_alive = self.strategy != Strategy::Multipart && now < self.urls_end_at();
        if is_alive { self.size_bytes_max } else { 0 }
    }

    fn late_write_probes(&self, now: Timestamp) -> u32 {
        let is_one = self.deletion != Some(Deletion::Requested) && now >= self.urls_end_at();
        self.probe_count.saturating_add(u32::from(is_one))
    }

    /// When the sweep looks for what came after the deletion: when its URL is dead, and then ever more rarely for as long as
    /// the name of its object is kept, since a write that began in time may go on for hours and its event be lost.
    fn next_late_probe(&self, now: Timestamp) -> Option<Timestamp> {
        let urls_end = self.urls_end_at();
        let last = saturating_add_secs(self.url_expires_at, KEY_KEPT_S);
        if now >= last {
            return None;
        }
        if now < urls_end {
            return Some(urls_end);
        }
        let pause_s = super::machine::quadrupled_s(PROBE_LAST_S, self.probe_count);
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
                            super::machine::probe_pause_s(after.probe_count, pause_max_s)
                        } else {
                            super::machine::quadrupled_s(PROBE_FIRST_S, after.probe_count)
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
                        super::machine::quadrupled_s(PROBE_LAST_S, after.probe_count),
                    )
                });
            }),
            UploadState::Uploaded | UploadState::Confirmed => {
                self.absent(DeletionReason::ObjectAbsent, now)
            }
            UploadState::Processing if !self.is_held(now) => {
                self.absent(DeletionReason::ObjectAbsent, now)
            }
            // Its outputs are what counts, unless somebody told of the removal.
            UploadState::Ready | UploadState::Failed if self.absent_since.is_some() => {
                self.absent(DeletionReason::ObjectRemoved, now)
            }
            UploadState::Ready | UploadState::Failed => self.rest(now),
            UploadState::Processing | UploadState::Deleted => Decision::Unchanged,
        }
    }

    /// It was there and is not. One look may have met a store that came back empty, so it takes two, far apart. Looks in
    /// between end nothing; they find what is there again after as long as it was away.
    fn absent(&self, reason: DeletionReason, now: Timestamp) -> Decision {
        // An instant that is yet to come was noted before the clock was set back.
        let since = self.absent_since.filter(|since| *since <= now);
        let Some(since) = since else {
            return self.decide(false, now, |after| {
                after.absent_since = Some(now);
                after.next_check_at = Some(saturating_add_secs(now, ABSENCE_PROBE_S));
            });
        };
        let last_look = saturating_add_secs(since, ABSENCE_CONFIRM_S);
        if now >= last_look {
            return self.delete(reason, now);
        }
        // A look is to come as it is.
        if self
            .next_check_at
            .is_some_and(|due| now < due && due <= last_look)
        {
            return Decision::Unchanged;
        }
        let missing_s =
            u64::try_from(now.signed_duration_since(since).num_seconds()).unwrap_or_default();
        let next_look = saturating_add_secs(now, missing_s.max(ABSENCE_PROBE_S));
        self.decide(false, now, |after| {
            after.next_check_at = Some(next_look.min(last_look))
        })
    }

    pub(super) fn object_removed(&self, sequencer: Option<&Sequencer>, now: Timestamp) -> Decision {
        let seen = self
            .observed
            .as_ref()
            .and_then(|seen| seen.sequencer.as_ref());
        // A removal of an older version, or of a store whose sequencers began anew: nothing is there now either way.
        let is_older = matches!((sequencer, seen), (Some(removed), Some(seen)) if removed < seen);
        match self.state {
            // Nobody here saw what was removed, and the URL may still bring the file: bytes that come are taken
            // (invariant 1). Where none come until we look no more, it ends deleted.
            UploadState::Pending | UploadState::Uploading => self.note_removal(now),
            UploadState::Expired if self.next_check_at.is_some() => self.note_removal(now),
            // Ours to remove once ready: the deletion that we caused ends nothing.
            UploadState::Ready if !self.keep_original => Decision::Unchanged,
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

    fn note_removal(&self, now: Timestamp) -> Decision {
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
                // Nothing is given back before the bucket was looked at: bytes of which nobody told yet may be there, and
                // its URL may bring others when those are moved.
                DeletionReason::Owner | DeletionReason::Retention => {
                    if after.observed.is_some() {
                        let to_come = self.bytes_to_come(now);
                        after.reserved_bytes = after.reserved_bytes.saturating_add(to_come);
                    }
                    after.next_check_at = Some(now);
                }
                DeletionReason::ObjectRemoved => {
                    after.reserved_bytes = self.bytes_to_come(now);
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
    /// Whether the owner's number of files moves with it, and whereto.
    #[must_use]
    pub fn files_moved(&self, before: &Upload) -> i64 {
        i64::from(self.after.counts_as_file()) - i64::from(before.counts_as_file())
    }
}
