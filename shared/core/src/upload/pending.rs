//! The initial record of an upload.

use std::collections::BTreeMap;

use consign_hints::Hints;
use serde_json::Map;

use super::{ClientMetadata, MultipartProgress, PROBE_FIRST_S, Upload, UploadState};
use crate::ids::{ObjectRef, OwnerId, UploadId};
use crate::policy::Strategy;
use crate::time::{Timestamp, saturating_add_secs};

impl Upload {
    /// Builds a pending upload from its id, its owner and its object. The caller sets what the policy decided and
    /// what the client sent.
    #[must_use]
    pub fn pending(id: UploadId, owner: OwnerId, object: ObjectRef, now: Timestamp) -> Self {
        Self {
            id,
            owner,
            revision: 0,
            state: UploadState::Pending,
            generation: 0,
            filename: String::new(),
            category: String::new(),
            extension: String::new(),
            content_type: String::new(),
            size_bytes_declared: None,
            size_bytes_max: 0,
            checksum_sha256: None,
            object,
            strategy: Strategy::Put,
            part_size_bytes: None,
            multipart_upload_id: None,
            multipart: MultipartProgress::default(),
            keep_original: true,
            deleted_retention_s: 0,
            overwrite: None,
            retention_s: None,
            unconfirmed_s: None,
            collection_id: None,
            labels: BTreeMap::new(),
            metadata: Map::new(),
            hints: Hints::default(),
            client_metadata: ClientMetadata::default(),
            created_at: now,
            updated_at: now,
            url_expires_at: now,
            uploaded_at: None,
            confirmed_at: None,
            processed_at: None,
            observed: None,
            lease: None,
            attempts: 0,
            holders_lost: 0,
            outcome: None,
            failure: None,
            original_removed: false,
            removed_unobserved: false,
            absent_since: None,
            conflict_etag: None,
            outputs: Vec::new(),
            last_fault: None,
            deletion: None,
            deletion_reason: None,
            deleted_at: None,
            reserved_bytes: 0,
            next_check_at: Some(saturating_add_secs(now, PROBE_FIRST_S)),
            probe_count: 0,
            puts_once: false,
            probe_failures: 0,
        }
    }
}
