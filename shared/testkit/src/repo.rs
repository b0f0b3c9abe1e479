//! In-memory upload records.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use consign_core::ids::{ObjectRef, OwnerId, UploadId};
use consign_core::ports::{
    Due, DueLine, DueRange, Fault, IdempotencyKey, IngestJob, Inserted, ListFilter, NewUpload,
    Page, RATE_WINDOW_S, Saved, UploadRepo,
};
use consign_core::time::Timestamp;
use consign_core::upload::{Change, Upload, UploadState};

use crate::{MemoryQueue, lock};

#[derive(Debug, Clone, Copy, Default)]
struct Account {
    reserved_bytes: u64,
    files: u64,
    window: i64,
    signed_in_window: u32,
}

#[derive(Debug, Default)]
struct Tables {
    uploads: BTreeMap<UploadId, Box<Upload>>,
    by_object: HashMap<ObjectRef, UploadId>,
    accounts: HashMap<OwnerId, Account>,
    keys: HashMap<(OwnerId, String), (IdempotencyKey, UploadId)>,
    /// The end of the hold of each held upload.
    held: HashMap<UploadId, Timestamp>,
    buckets: HashMap<String, String>,
}

/// Upload records in memory. Clones share the records.
///
/// With `HOLDS_QUEUE` it pushes the job of a change to its own queue, like the SQL adapter.
#[derive(Debug, Clone)]
pub struct MemoryRepo<const HOLDS_QUEUE: bool = false> {
    tables: Arc<Mutex<Tables>>,
    queue: MemoryQueue,
}

impl MemoryRepo<false> {
    /// Creates an empty repository without a queue.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tables: Arc::default(),
            queue: MemoryQueue::new(),
        }
    }
}

impl Default for MemoryRepo<false> {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryRepo<true> {
    /// Creates an empty repository that pushes jobs to `queue` in the same write.
    #[must_use]
    pub fn holding(queue: MemoryQueue) -> Self {
        Self {
            tables: Arc::default(),
            queue,
        }
    }
}

impl<const HOLDS_QUEUE: bool> MemoryRepo<HOLDS_QUEUE> {
    /// Returns every record, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Upload> {
        let tables = lock(&self.tables);
        tables
            .uploads
            .values()
            .map(|upload| (**upload).clone())
            .collect()
    }
}

impl<const HOLDS_QUEUE: bool> UploadRepo for MemoryRepo<HOLDS_QUEUE> {
    const HOLDS_QUEUE: bool = HOLDS_QUEUE;

    async fn insert_pending(&self, new: &NewUpload, now: Timestamp) -> Result<Inserted, Fault> {
        Ok(lock(&self.tables).insert(new, now))
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, Fault> {
        Ok(lock(&self.tables)
            .uploads
            .get(&id)
            .map(|upload| (**upload).clone()))
    }

    async fn find_all(&self, ids: &[UploadId]) -> Result<Vec<Upload>, Fault> {
        let tables = lock(&self.tables);
        let found = ids.iter().filter_map(|id| tables.uploads.get(id));
        Ok(found.map(|upload| (**upload).clone()).collect())
    }

    async fn find_by_object(&self, object: &ObjectRef) -> Result<Option<Upload>, Fault> {
        let tables = lock(&self.tables);
        let id = tables.by_object.get(object);
        Ok(id
            .and_then(|id| tables.uploads.get(id))
            .map(|upload| (**upload).clone()))
    }

    async fn save(&self, before: &Upload, change: &Change) -> Result<Saved, Fault> {
        let mut tables = lock(&self.tables);
        let after = &change.after;
        match tables.uploads.get_mut(&before.id) {
            Some(record) if record.revision == before.revision => **record = after.clone(),
            Some(_) | None => return Ok(Saved::Conflict),
        }
        tables.held.remove(&before.id);
        let account = tables.accounts.entry(after.owner.clone()).or_default();
        account.reserved_bytes = account
            .reserved_bytes
            .saturating_add(after.reserved_bytes)
            .saturating_sub(before.reserved_bytes);
        account.files = account
            .files
            .saturating_add_signed(change.files_moved(before));
        if HOLDS_QUEUE && change.enqueue {
            self.queue.push(IngestJob { ingest: after.id }.to_body());
        }
        Ok(Saved::Written)
    }

    async fn list(
        &self,
        owner: &OwnerId,
        filter: &ListFilter,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Page, Fault> {
        let tables = lock(&self.tables);
        let mut found = tables
            .uploads
            .values()
            .rev()
            .filter(|upload| after.is_none_or(|after| upload.id < after))
            .filter(|upload| upload.owner == *owner && passes(upload, filter));
        let uploads: Vec<Upload> = found
            .by_ref()
            .take(limit)
            .map(|upload| (**upload).clone())
            .collect();
        let last = uploads.last().map(|upload| upload.id);
        let next = found.next().and(last);
        Ok(Page { uploads, next })
    }

    async fn due_lines(&self, until: Timestamp, limit: usize) -> Result<Vec<DueLine>, Fault> {
        let tables = lock(&self.tables);
        let mut heads: BTreeMap<&OwnerId, Due> = BTreeMap::new();
        for (owner, due) in tables.due(until) {
            let head = heads.entry(owner).or_insert(due);
            *head = due.min(*head);
        }
        let mut lines: Vec<(Due, &OwnerId)> = heads.into_iter().map(|(o, due)| (due, o)).collect();
        lines.sort_unstable();
        let owners = lines.into_iter().take(limit).map(|(_, owner)| owner);
        Ok(owners.map(|owner| DueLine(owner.to_string())).collect())
    }

    async fn due(&self, line: &DueLine, range: DueRange) -> Result<Vec<Due>, Fault> {
        let tables = lock(&self.tables);
        let in_line = tables.due(range.until);
        let mut due: Vec<Due> = in_line
            .filter(|(owner, due)| owner.as_str() == line.0 && Some(*due) > range.after)
            .map(|(_, due)| due)
            .collect();
        due.sort_unstable();
        due.truncate(range.limit);
        Ok(due)
    }

    async fn hold(&self, ids: &[UploadId], now: Timestamp, until: Timestamp) -> Result<(), Fault> {
        let mut tables = lock(&self.tables);
        let due: Vec<UploadId> = tables.due(now).map(|(_, due)| due.id).collect();
        let held = ids.iter().filter(|id| due.contains(id));
        tables.held.extend(held.map(|id| (*id, until)));
        Ok(())
    }

    async fn reserved_bytes(&self, owner: &OwnerId) -> Result<u64, Fault> {
        let tables = lock(&self.tables);
        let account = tables.accounts.get(owner).copied().unwrap_or_default();
        Ok(account.reserved_bytes)
    }

    async fn bucket_identity(&self, bucket: &str) -> Result<Option<String>, Fault> {
        Ok(lock(&self.tables).buckets.get(bucket).cloned())
    }

    async fn record_bucket(&self, bucket: &str, identity: &str) -> Result<String, Fault> {
        let mut tables = lock(&self.tables);
        let recorded = tables.buckets.entry(bucket.to_owned());
        Ok(recorded.or_insert_with(|| identity.to_owned()).clone())
    }
}

fn passes(upload: &Upload, filter: &ListFilter) -> bool {
    let wants = |wanted: &Option<String>, found: Option<&str>| {
        wanted.as_deref().is_none_or(|wanted| found == Some(wanted))
    };
    let state_fits = match filter.state {
        Some(state) => upload.state == state,
        None => upload.state != UploadState::Deleted,
    };
    state_fits
        && wants(&filter.category, Some(&upload.category))
        && wants(&filter.collection_id, upload.collection_id.as_deref())
}

impl Tables {
    /// Returns the due uploads at `until`.
    fn due(&self, until: Timestamp) -> impl Iterator<Item = (&OwnerId, Due)> {
        self.uploads.values().filter_map(move |upload| {
            let at = self
                .held
                .get(&upload.id)
                .copied()
                .or(upload.next_check_at)?;
            (at <= until).then_some((&upload.owner, Due { at, id: upload.id }))
        })
    }

    fn insert(&mut self, new: &NewUpload, now: Timestamp) -> Inserted {
        let NewUpload {
            upload,
            idempotency,
            allowance,
        } = new;
        let slot = idempotency
            .as_ref()
            .map(|key| (upload.owner.clone(), key.key.clone()));
        if let (Some(key), Some(slot)) = (idempotency, &slot)
            && let Some((known, id)) = self.keys.get(slot)
            && known.expires_at > now
        {
            return match self.uploads.get(id) {
                Some(first) if known.body_sha256 == key.body_sha256 => {
                    Inserted::Replayed(first.clone())
                }
                Some(_) | None => Inserted::KeyReused,
            };
        }

        let mut account = self
            .accounts
            .get(&upload.owner)
            .copied()
            .unwrap_or_default();
        let window = now.timestamp().div_euclid(RATE_WINDOW_S);
        if account.window != window {
            (account.window, account.signed_in_window) = (window, 0);
        }
        let rate_max = allowance.sign_uploads_per_window;
        if rate_max.is_some_and(|max| account.signed_in_window >= max) {
            return Inserted::RateLimited;
        }
        let used_bytes = account.reserved_bytes;
        account.signed_in_window = account.signed_in_window.saturating_add(1);
        account.reserved_bytes = used_bytes.saturating_add(upload.reserved_bytes);
        let quota_max = allowance.quota_bytes_max;
        if quota_max.is_some_and(|max| account.reserved_bytes > max) {
            return Inserted::QuotaExceeded { used_bytes };
        }
        if allowance.files_max.is_some_and(|max| account.files >= max) {
            return Inserted::FilesExceeded;
        }
        account.files = account
            .files
            .saturating_add(u64::from(upload.counts_as_file()));
        let holder = self.by_object.get(&upload.object);
        let holder = holder.and_then(|id| self.uploads.get(id));
        let is_taken = holder.is_some_and(|holder| !holder.releases_key(now));
        if is_taken || self.uploads.contains_key(&upload.id) {
            return Inserted::ObjectKeyTaken;
        }

        self.accounts.insert(upload.owner.clone(), account);
        self.by_object.insert(upload.object.clone(), upload.id);
        self.uploads.insert(upload.id, Box::new(upload.clone()));
        if let (Some(key), Some(slot)) = (idempotency, slot) {
            self.keys.insert(slot, (key.clone(), upload.id));
        }
        Inserted::Created
    }
}
