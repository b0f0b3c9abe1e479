//! How an upload ends, and what of that is undone: deletions by its owner, by its retention, by somebody at the bucket,
//! and by absence.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    ABSENCE_CONFIRM_S, Change, EXPIRY_GRACE_S, Event, LATE_LOOKS_MAX, LOOK_FIRST_S, LOOK_LAST_S,
    ObjectVersion, PARTS_LOOK_LAST_S, Refusal, State, Step, Upload, add_s,
};
use crate::events::Sequencer;

/// The longest pause between two looks for an object that was lost, in seconds.
const LOST_LOOK_LAST_S: u64 = 86_400;

/// What is left to do for a deleted upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deletion {
    /// Its objects are still where they were.
    Requested,
    /// Its objects are under `deleted/`.
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
        self.state == State::Deleted && self.deletion_reason == Some(DeletionReason::ObjectAbsent)
    }

    /// When the bytes of a deleted upload are purged. `None` where it is not deleted, or was before that was recorded:
    /// then `due_at` says.
    #[must_use]
    pub fn purge_at(&self) -> Option<Timestamp> {
        self.deleted_at
            .map(|at| add_s(at, self.deleted_retention_s))
    }

    pub(super) fn apply_deleted(&self, event: &Event, now: Timestamp) -> Step {
        match event {
            Event::Delete { reason } if self.is_lost() => self.step(false, now, |after| {
                after.deletion_reason = Some(*reason);
                after.deletion = Some(Deletion::Requested);
                after.due_at = Some(now);
            }),
            Event::Seen { object }
            | Event::Claim { object, .. }
            | Event::Confirmed { object, .. }
                if self.is_lost() =>
            {
                self.found_again(object, now)
            }
            Event::Missing if self.is_lost() => self.still_lost(now),
            Event::Missing => self.nothing_late(now),
            Event::DeletionMoved if self.deletion == Some(Deletion::Requested) => {
                self.step(false, now, |after| {
                    after.deletion = Some(Deletion::Moved);
                    after.deleted_at = after.deleted_at.or(Some(now));
                    after.due_at = after.next_late_look(now);
                })
            }
            Event::DeletionPurged if self.deletion != Some(Deletion::Purged) => {
                self.step(false, now, |after| {
                    after.deletion = Some(Deletion::Purged);
                    after.reserved_bytes = 0;
                    after.due_at = None;
                })
            }
            // Bytes that a URL still alive let in after the deletion: the sweep removes them at once.
            Event::Seen { .. } | Event::Claim { .. } if self.is_late(now) => {
                self.step(false, now, |after| {
                    after.deletion = Some(Deletion::Moved);
                    after.due_at = Some(now);
                })
            }
            Event::DeletionMoved
            | Event::DeletionPurged
            | Event::Delete { .. }
            | Event::PartsFound { .. }
            | Event::HolderDied { .. }
            | Event::LookFailed { .. }
            | Event::Requeued
            | Event::OriginalRemoved
            | Event::ObjectRemoved { .. }
            | Event::Seen { .. } => Step::Unchanged,
            Event::BeginClaimed { .. }
            | Event::BeginFailed
            | Event::MultipartBegun { .. }
            | Event::Resigned { .. }
            | Event::Confirmed { .. }
            | Event::Claim { .. }
            | Event::Renew { .. }
            | Event::Release { .. }
            | Event::Succeed { .. }
            | Event::Fail { .. } => Step::Refused(Refusal::Deleted),
        }
    }

    /// Whether what is there came after the deletion, and nobody knows of it yet.
    fn is_late(&self, now: Timestamp) -> bool {
        match self.deletion {
            Some(Deletion::Moved | Deletion::Purged) => self.due_at.is_none_or(|due| due > now),
            Some(Deletion::Requested) | None => false,
        }
    }

    /// Its object is there again: a new generation of a file that its owner was promised.
    fn found_again(&self, object: &ObjectVersion, now: Timestamp) -> Step {
        let mut after = self.with_version(object, now);
        after.state = State::Confirmed;
        after.deletion = None;
        after.deletion_reason = None;
        after.deleted_at = None;
        super::machine::change(self, after, true, now)
    }

    /// Nothing is moved or purged before its retention is over, and until then the sweep looks ever more rarely.
    fn still_lost(&self, now: Timestamp) -> Step {
        if self.deletion == Some(Deletion::Purged) {
            return Step::Unchanged;
        }
        self.step(false, now, |after| {
            after.looks = after.looks.saturating_add(1);
            after.due_at = after.next_lost_look(now);
        })
    }

    fn next_lost_look(&self, now: Timestamp) -> Option<Timestamp> {
        let pause_s = LOOK_LAST_S
            .saturating_mul(1 << self.looks.min(16))
            .min(LOST_LOOK_LAST_S);
        let purge_at = self.purge_at().unwrap_or(now);
        Some(add_s(now, pause_s).min(purge_at.max(now)))
    }

    /// Late bytes were removed, or none were there.
    fn nothing_late(&self, now: Timestamp) -> Step {
        if self.deletion != Some(Deletion::Moved) || self.due_at.is_none_or(|due| due > now) {
            return Step::Unchanged;
        }
        self.step(false, now, |after| after.due_at = after.next_late_look(now))
    }

    /// When the sweep comes by a deleted upload next: once more when its URL is dead, and when its bytes are to be purged.
    fn next_late_look(&self, now: Timestamp) -> Option<Timestamp> {
        let url_end = Some(add_s(self.url_expires_at, EXPIRY_GRACE_S)).filter(|end| *end > now);
        let purge_at = self.purge_at().unwrap_or(now);
        url_end.map_or(Some(purge_at), |end| Some(end.min(purge_at)))
    }

    pub(super) fn miss(&self, now: Timestamp) -> Step {
        match self.state {
            State::Pending | State::Uploading => {
                let end = self.unfinished_ends_at();
                let has_urls = now < add_s(self.url_expires_at, EXPIRY_GRACE_S);
                let pause_max_s = if has_urls {
                    LOOK_LAST_S
                } else {
                    PARTS_LOOK_LAST_S
                };
                self.step(false, now, |after| {
                    if now >= end {
                        after.state = State::Expired;
                        after.reserved_bytes = 0;
                        after.looks = 0;
                        after.due_at = Some(add_s(now, LOOK_LAST_S));
                    } else {
                        after.looks = after.looks.saturating_add(1);
                        let pause_s = if self.state == State::Uploading {
                            super::machine::look_pause_s(after.looks, pause_max_s)
                        } else {
                            super::machine::quadrupled_s(LOOK_FIRST_S, after.looks)
                        };
                        after.due_at = Some(add_s(now, pause_s).min(end));
                    }
                })
            }
            State::Expired if self.removed_unseen && self.looks + 1 >= LATE_LOOKS_MAX => {
                self.gone(DeletionReason::ObjectRemoved, now)
            }
            State::Expired => self.step(false, now, |after| {
                after.looks = after.looks.saturating_add(1);
                after.due_at = (after.looks < LATE_LOOKS_MAX)
                    .then(|| add_s(now, super::machine::quadrupled_s(LOOK_LAST_S, after.looks)));
            }),
            State::Uploaded | State::Confirmed => self.absent(DeletionReason::ObjectAbsent, now),
            State::Processing if !self.is_held(now) => {
                self.absent(DeletionReason::ObjectAbsent, now)
            }
            // Its outputs are what counts, unless somebody told of the removal.
            State::Ready | State::Failed if self.absent_since.is_some() => {
                self.absent(DeletionReason::ObjectRemoved, now)
            }
            State::Ready | State::Failed => self.rest(now),
            State::Processing | State::Deleted => Step::Unchanged,
        }
    }

    /// It was there and is not. One look may have met a store that came back empty, so it takes two, far apart.
    fn absent(&self, reason: DeletionReason, now: Timestamp) -> Step {
        // An instant that is yet to come was noted before the clock was set back.
        let since = self.absent_since.filter(|since| *since <= now);
        let Some(since) = since else {
            return self.step(false, now, |after| {
                after.absent_since = Some(now);
                after.due_at = Some(add_s(now, ABSENCE_CONFIRM_S));
            });
        };
        let second_look = add_s(since, ABSENCE_CONFIRM_S);
        if now >= second_look {
            return self.gone(reason, now);
        }
        if self.due_at == Some(second_look) {
            return Step::Unchanged;
        }
        self.step(false, now, |after| after.due_at = Some(second_look))
    }

    pub(super) fn object_removed(&self, sequencer: Option<&Sequencer>, now: Timestamp) -> Step {
        let seen = self.seen.as_ref().and_then(|seen| seen.sequencer.as_ref());
        // A removal of an older version, or of a store whose sequencers began anew: nothing is there now either way.
        let is_older = matches!((sequencer, seen), (Some(removed), Some(seen)) if removed < seen);
        match self.state {
            // Nobody here saw what was removed, and the URL may still bring the file: bytes that come are taken
            // (invariant 1). Where none come until we look no more, it ends deleted.
            State::Pending | State::Uploading => self.note_removal(now),
            State::Expired if self.due_at.is_some() => self.note_removal(now),
            // Ours to remove once ready: the deletion that we caused ends nothing.
            State::Ready if !self.keep_original => Step::Unchanged,
            State::Processing if is_older && self.is_held(now) => Step::Unchanged,
            State::Uploaded | State::Confirmed | State::Processing if is_older => {
                self.absent(DeletionReason::ObjectAbsent, now)
            }
            State::Ready | State::Failed if is_older => {
                self.absent(DeletionReason::ObjectRemoved, now)
            }
            State::Expired
            | State::Uploaded
            | State::Confirmed
            | State::Processing
            | State::Ready
            | State::Failed => self.gone(DeletionReason::ObjectRemoved, now),
            State::Deleted => Step::Unchanged,
        }
    }

    fn note_removal(&self, now: Timestamp) -> Step {
        if self.removed_unseen {
            return Step::Unchanged;
        }
        self.step(false, now, |after| after.removed_unseen = true)
    }

    pub(super) fn gone(&self, reason: DeletionReason, now: Timestamp) -> Step {
        self.step(false, now, |after| {
            after.state = State::Deleted;
            after.lease = None;
            after.deletion = Some(Deletion::Requested);
            after.deletion_reason = Some(reason);
            after.deleted_at = Some(now);
            after.looks = 0;
            match reason {
                // Its bytes are kept until they are purged, and count until then. Those that come later are not kept.
                DeletionReason::Owner | DeletionReason::Retention => {
                    if after.seen.is_none() {
                        after.reserved_bytes = 0;
                    }
                    after.due_at = Some(now);
                }
                DeletionReason::ObjectRemoved => {
                    after.reserved_bytes = 0;
                    after.due_at = Some(now);
                }
                DeletionReason::ObjectAbsent => {
                    after.reserved_bytes = 0;
                    after.due_at = after.next_lost_look(now);
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
