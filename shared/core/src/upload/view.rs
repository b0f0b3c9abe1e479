//! What can be derived from a record.

use consign_api::Variant;

use super::{
    Deletion, EXPIRY_GRACE_S, IngestOutcome, KEY_KEPT_S, Output, UPLOAD_LIFE_MAX_S, Upload,
    UploadState,
};
use crate::ids::ETag;
use crate::policy::Overwrite;
use crate::time::{Timestamp, saturating_add_secs};

impl Upload {
    /// Returns when an upload that is ready or failed is deleted automatically: at the end of its retention, or
    /// earlier if the policy requires a confirm that did not arrive.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        let processed_at = self.processed_at?;
        let unconfirmed_s = self.unconfirmed_s.filter(|_| self.confirmed_at.is_none());
        [self.retention_s, unconfirmed_s]
            .into_iter()
            .flatten()
            .map(|seconds| saturating_add_secs(processed_at, seconds))
            .min()
    }

    /// Returns when an upload ends if its object does not arrive. A single PUT or form ends with its URL. A multipart
    /// upload ends when it has been inactive for its window and all of its URLs have expired, and at
    /// [`Upload::life_ends_at`] at the latest.
    #[must_use]
    pub fn unfinished_ends_at(&self) -> Timestamp {
        let urls_end = saturating_add_secs(self.url_expires_at, EXPIRY_GRACE_S);
        if self.multipart_upload_id.is_none() {
            return urls_end;
        }
        let active_at = self.multipart.active_at.unwrap_or(self.created_at);
        let life_ends = saturating_add_secs(self.life_ends_at(), EXPIRY_GRACE_S);
        saturating_add_secs(active_at, self.multipart.activity_s)
            .max(urls_end)
            .min(life_ends)
    }

    /// Returns when all URLs of a multipart upload have expired and none is signed again.
    #[must_use]
    pub fn life_ends_at(&self) -> Timestamp {
        saturating_add_secs(self.created_at, UPLOAD_LIFE_MAX_S)
    }

    /// Returns whether signing reopens an expired upload: none of its parts were freed, and its life has not ended.
    #[must_use]
    pub fn is_reopened_by_signing(&self, now: Timestamp) -> bool {
        self.state == UploadState::Expired
            && self.multipart_upload_id.is_none()
            && now < self.life_ends_at()
    }

    /// Returns the result of the version that became ready last. It is served while a newer version is being
    /// processed, and also if that fails.
    #[must_use]
    pub fn current_outcome(&self) -> Option<&IngestOutcome> {
        self.outcome
            .as_ref()
            .filter(|_| self.state != UploadState::Deleted)
    }

    /// Returns whether the original stays in the bucket after the upload is ready. An original with rejected rows always
    /// stays, since the Parquet file does not have them, unless an earlier build removed it.
    #[must_use]
    pub fn keeps_original(&self) -> bool {
        let rejects = self
            .outcome
            .as_ref()
            .and_then(|outcome| outcome.reject_count);
        let has_rejects = rejects.is_some_and(|count| count > 0);
        self.keep_original || (has_rejects && !self.original_removed)
    }

    /// Returns whether the original is still to be removed. Nothing is left of it where a version was written over it
    /// that is refused: the bytes of that version are not consign's to remove before the upload ends.
    #[must_use]
    pub fn has_original_to_remove(&self) -> bool {
        self.state == UploadState::Ready
            && !self.keeps_original()
            && !self.original_removed
            && self.conflict_etag.is_none()
    }

    /// Returns whether another version may replace the one that is ready.
    #[must_use]
    pub fn overwrite(&self) -> Overwrite {
        self.overwrite
            .unwrap_or_else(|| Overwrite::usual(self.strategy))
    }

    /// Returns whether the object in the bucket is the version that was reported to its owner. A version that was
    /// written over the ready one and refused is not, and neither is a version that is not accepted yet.
    #[must_use]
    pub fn is_original_there(&self) -> bool {
        let is_accepted = |observed: &super::ObjectVersion| {
            let ready = self.outcome.as_ref().map(|outcome| &outcome.etag);
            ready.is_none_or(|ready| *ready == observed.etag)
        };
        self.observed.as_ref().is_some_and(is_accepted)
            && self.conflict_etag.is_none()
            && !self.original_removed
            && self.state != UploadState::Deleted
    }

    /// Returns whether the upload counts as one of its owner's files: until its bytes are purged, and not if it
    /// expired unused.
    #[must_use]
    pub fn counts_as_file(&self) -> bool {
        self.state != UploadState::Expired && self.deletion != Some(Deletion::Purged)
    }

    /// Returns whether another upload may use the object key: the upload is purged, and no URL can bring bytes any
    /// more. A lost upload keeps its key, since it is restored when its object is observed again.
    #[must_use]
    pub fn releases_key(&self, now: Timestamp) -> bool {
        self.deletion == Some(Deletion::Purged)
            && self.next_check_at.is_none()
            && !self.is_lost()
            && saturating_add_secs(self.url_expires_at, KEY_KEPT_S) <= now
    }

    /// Returns whether a message about the recorded version can change nothing, so that no HEAD request is needed: the
    /// version is being processed or was, and the URL accepts only one object. A removal has an event of its own.
    #[must_use]
    pub fn is_settled(&self, now: Timestamp) -> bool {
        let is_taken = match self.state {
            UploadState::Processing => self.is_held(now),
            UploadState::Ready | UploadState::Failed => true,
            UploadState::Pending
            | UploadState::Uploading
            | UploadState::Expired
            | UploadState::Uploaded
            | UploadState::Confirmed
            | UploadState::Deleted => false,
        };
        is_taken && self.puts_once && self.absent_since.is_none() && self.conflict_etag.is_none()
    }

    /// Returns the variants that can be downloaded now.
    #[must_use]
    pub fn variants(&self) -> Vec<Variant> {
        let outcome = self.current_outcome();
        let written = Output::ALL
            .into_iter()
            .filter(|&output| outcome.is_some_and(|outcome| outcome.key(output).is_some()))
            .map(Output::variant);
        let original = self.is_original_there().then_some(Variant::Original);
        original.into_iter().chain(written).collect()
    }

    /// Returns the ETag of the ready version, or of the last observed one.
    #[must_use]
    pub fn etag(&self) -> Option<&ETag> {
        match &self.outcome {
            Some(outcome) if self.state == UploadState::Ready => Some(&outcome.etag),
            Some(_) | None => self.observed.as_ref().map(|observed| &observed.etag),
        }
    }
}

/// Whether the parts of a multipart upload make up the signed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PartsCheck {
    /// They do.
    Complete,
    /// They do not, for this reason.
    Wrong(String),
}

impl Upload {
    /// Compares the parts in the bucket with the signed size: numbered from 1 without a gap, each of the signed
    /// length except the last, and the declared size in total.
    #[must_use]
    pub fn check_parts(&self, parts: &[crate::ports::Part]) -> PartsCheck {
        let (Some(size_bytes), Some(part_size_bytes)) =
            (self.size_bytes_declared, self.part_size_bytes)
        else {
            return PartsCheck::Wrong("this is not a multipart upload".to_owned());
        };
        let count = size_bytes.div_ceil(part_size_bytes.max(1));
        for index in 0..count {
            let number = index + 1;
            let wanted_bytes = part_size_bytes.min(size_bytes - index * part_size_bytes);
            let part = usize::try_from(index)
                .ok()
                .and_then(|index| parts.get(index));
            match part {
                Some(part) if u64::from(part.number) != number => {
                    return PartsCheck::Wrong(format!("part {number} of {count} is missing"));
                }
                None => return PartsCheck::Wrong(format!("part {number} of {count} is missing")),
                Some(part) if part.size_bytes != wanted_bytes => {
                    return PartsCheck::Wrong(format!(
                        "part {number} has {} bytes and should have {wanted_bytes}",
                        part.size_bytes
                    ));
                }
                Some(_) => {}
            }
        }
        if u64::try_from(parts.len()).ok() == Some(count) {
            PartsCheck::Complete
        } else {
            PartsCheck::Wrong(format!(
                "there are {} parts and should be {count}",
                parts.len()
            ))
        }
    }

    /// Returns the user's file name without its extension.
    #[must_use]
    pub fn filename_stem(&self) -> &str {
        let ending = self.extension.len() + 1;
        let stem = self
            .filename
            .len()
            .checked_sub(ending)
            .and_then(|end| self.filename.get(..end));
        stem.filter(|stem| !stem.is_empty())
            .unwrap_or(&self.filename)
    }
}
