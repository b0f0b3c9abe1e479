//! Implements the port of the upload records.

use std::collections::HashMap;

use consign_core::ids::{ObjectRef, OwnerId, UploadId};
use consign_core::ports::{
    Due, DueLine, DueRange, Fault, IngestJob, Inserted, ListFilter, NewUpload, Page, RATE_WINDOW_S,
    Saved, UploadRepo,
};
use consign_core::time::{self, Timestamp};
use consign_core::upload::{Change, Upload};
use sqlx::sqlite::SqliteConnection;

use crate::fault::{Broken, fault};
use crate::messages::{self, MessageInfo};
use crate::row::{bind, int, read, read_id, us};
use crate::{SqlRepo, statements};

impl UploadRepo for SqlRepo {
    const HOLDS_QUEUE: bool = true;

    async fn insert_pending(&self, new: &NewUpload, now: Timestamp) -> Result<Inserted, Fault> {
        let new = new.clone();
        let work = self.0.writer.write("insert_pending", move |tx| {
            Box::pin(async move { insert(tx, &new, now).await })
        });
        work.await
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, Fault> {
        let found = sqlx::query_scalar::<_, String>(statements::FIND)
            .bind(id.to_string())
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|error| fault("find", error))?;
        found.map(|record| read("find", &record)).transpose()
    }

    async fn find_all(&self, ids: &[UploadId]) -> Result<Vec<Upload>, Fault> {
        const OPERATION: &str = "find_all";
        let rows = sqlx::query_as::<_, (String, String)>(statements::FIND_ALL)
            .bind(json(ids))
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| fault(OPERATION, error))?;
        let mut found = HashMap::with_capacity(rows.len());
        for (id, record) in rows {
            found.insert(id, read(OPERATION, &record)?);
        }
        let in_order = ids.iter().filter_map(|id| found.remove(&id.to_string()));
        Ok(in_order.collect())
    }

    async fn find_by_object(&self, object: &ObjectRef) -> Result<Option<Upload>, Fault> {
        let found = sqlx::query_scalar::<_, String>(statements::FIND_BY_OBJECT)
            .bind(&object.bucket)
            .bind(&object.key)
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|error| fault("find_by_object", error))?;
        found
            .map(|record| read("find_by_object", &record))
            .transpose()
    }

    async fn save(&self, before: &Upload, change: &Change) -> Result<Saved, Fault> {
        let files_moved = change.files_moved(before);
        let (before, change) = (Before::of(before, files_moved), change.clone());
        let enqueues = change.enqueue;
        let saving = self.0.writer.write("save", move |tx| {
            Box::pin(async move { save(tx, before, &change).await })
        });
        if !saving.await? {
            return Ok(Saved::Conflict);
        }
        if enqueues {
            self.0.pushed.notify_one();
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
        /// Above every hexadecimal digit, and so above every id.
        const ABOVE_EVERY_ID: &str = "g";
        // One more row than asked for shows whether there is a next page.
        let records =
            sqlx::query_scalar::<_, String>(sqlx::AssertSqlSafe(statements::list(filter)))
                .bind(owner.as_str())
                .bind(filter.state.map(|state| state.as_str()))
                .bind(&filter.category)
                .bind(&filter.collection_id)
                .bind(after.map_or(ABOVE_EVERY_ID.to_owned(), |id| id.to_string()))
                .bind(rows(limit.saturating_add(1)))
                .fetch_all(&self.0.readers)
                .await
                .map_err(|error| fault("list", error))?;
        let page = records.iter().take(limit);
        let uploads = page
            .map(|record| read("list", record))
            .collect::<Result<Vec<_>, _>>()?;
        let last = uploads.last().map(|upload| upload.id);
        let next = last.filter(|_| records.len() > limit);
        Ok(Page { uploads, next })
    }

    async fn due_lines(&self, until: Timestamp, limit: usize) -> Result<Vec<DueLine>, Fault> {
        let owners = sqlx::query_scalar::<_, String>(statements::DUE_LINES)
            .bind(us(until))
            .bind(rows(limit))
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| fault("due_lines", error))?;
        Ok(owners.into_iter().map(DueLine).collect())
    }

    async fn due(&self, line: &DueLine, range: DueRange) -> Result<Vec<Due>, Fault> {
        const OPERATION: &str = "due";
        let (after_us, after_id) = range.after.map_or((i64::MIN, String::new()), |after| {
            (us(after.at), after.id.to_string())
        });
        let rows = sqlx::query_as::<_, (i64, String)>(statements::DUE)
            .bind(&line.0)
            .bind(us(range.until))
            .bind(after_us)
            .bind(after_id)
            .bind(rows(range.limit))
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| fault(OPERATION, error))?;
        let due = rows.iter().map(|(at, id)| {
            Ok(Due {
                at: time::from_micros(*at).unwrap_or(time::MIN),
                id: read_id(OPERATION, id)?,
            })
        });
        due.collect()
    }

    async fn hold(&self, ids: &[UploadId], now: Timestamp, until: Timestamp) -> Result<(), Fault> {
        let ids = json(ids);
        let holding = self.0.writer.write("hold", move |tx| {
            Box::pin(async move {
                let hold = sqlx::query(statements::HOLD).bind(ids);
                let held = hold.bind(us(now)).bind(us(until)).execute(tx);
                Ok(held.await.map(drop)?)
            })
        });
        holding.await
    }

    async fn reserved_bytes(&self, owner: &OwnerId) -> Result<u64, Fault> {
        let mut reader = self
            .0
            .readers
            .acquire()
            .await
            .map_err(|error| fault("reserved_bytes", error))?;
        let account = Account::of(&mut reader, owner)
            .await
            .map_err(|error| fault("reserved_bytes", error))?;
        Ok(account.reserved_bytes.unsigned_abs())
    }

    async fn backlog_s(&self, owner: &OwnerId, now: Timestamp) -> Result<u64, Fault> {
        let next = sqlx::query_scalar::<_, Option<i64>>(statements::NEXT_OF_OWNER)
            .bind(owner.as_str())
            .fetch_one(&self.0.readers)
            .await;
        let pushed_at_us = next.map_err(|error| fault("backlog_s", error))?;
        Ok(messages::waited_s(pushed_at_us, now))
    }

    async fn check(&self) -> Result<(), Fault> {
        self.ping().await
    }

    async fn bucket_identity(&self, bucket: &str) -> Result<Option<String>, Fault> {
        sqlx::query_scalar::<_, String>(statements::BUCKET)
            .bind(bucket)
            .fetch_optional(&self.0.readers)
            .await
            .map_err(|error| fault("bucket_identity", error))
    }

    async fn record_bucket(&self, bucket: &str, identity: &str) -> Result<String, Fault> {
        let (bucket, identity) = (bucket.to_owned(), identity.to_owned());
        let work = self.0.writer.write("record_bucket", move |tx| {
            Box::pin(async move {
                sqlx::query(statements::RECORD_BUCKET)
                    .bind(&bucket)
                    .bind(&identity)
                    .execute(&mut *tx)
                    .await?;
                let recorded = sqlx::query_scalar::<_, String>(statements::BUCKET).bind(&bucket);
                Ok(recorded.fetch_one(tx).await?)
            })
        });
        work.await
    }
}

/// Returns the ids as a JSON array, which a statement takes as one parameter.
fn json(ids: &[UploadId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!("[{}]", ids.join(","))
}

fn rows(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What an owner has reserved, and signed in the current rate window.
#[derive(Default)]
struct Account {
    /// Never negative.
    reserved_bytes: i64,
    /// Never negative.
    files: i64,
    rate_window: i64,
    signed_in_window: i64,
}

impl Account {
    async fn of(connection: &mut SqliteConnection, owner: &OwnerId) -> Result<Self, sqlx::Error> {
        let found = sqlx::query_as::<_, (i64, i64, i64, i64)>(statements::ACCOUNT)
            .bind(owner.as_str())
            .fetch_optional(connection)
            .await?;
        Ok(
            found.map_or_else(Self::default, |(reserved, rate_window, signed, files)| {
                Self {
                    reserved_bytes: reserved.max(0),
                    files: files.max(0),
                    rate_window,
                    signed_in_window: signed,
                }
            }),
        )
    }

    async fn write(
        &self,
        connection: &mut SqliteConnection,
        owner: &OwnerId,
    ) -> Result<(), sqlx::Error> {
        sqlx::query(statements::SET_ACCOUNT)
            .bind(owner.as_str())
            .bind(self.reserved_bytes)
            .bind(self.rate_window)
            .bind(self.signed_in_window)
            .bind(self.files)
            .execute(connection)
            .await
            .map(drop)
    }
}

/// Does all steps of an insert. If one is refused, nothing is written.
async fn insert(
    tx: &mut SqliteConnection,
    new: &NewUpload,
    now: Timestamp,
) -> Result<Inserted, Broken> {
    let NewUpload {
        upload,
        idempotency,
        allowance,
    } = new;
    let owner = &upload.owner;

    // 1. The idempotency key.
    if let Some(key) = idempotency {
        let known = sqlx::query_as::<_, (String, String)>(statements::KEY)
            .bind(owner.as_str())
            .bind(&key.key)
            .bind(us(now))
            .fetch_optional(&mut *tx)
            .await?;
        if let Some((body_sha256, record)) = known {
            return Ok(if body_sha256 == key.body_sha256 {
                Inserted::Replayed(serde_json::from_str(&record)?)
            } else {
                Inserted::KeyReused
            });
        }
    }

    // 2. Rate and quota.
    let mut account = Account::of(tx, owner).await?;
    let rate_window = now.timestamp().div_euclid(RATE_WINDOW_S);
    if account.rate_window != rate_window {
        (account.rate_window, account.signed_in_window) = (rate_window, 0);
    }
    let rate_max = allowance.sign_uploads_per_window.map(i64::from);
    if rate_max.is_some_and(|max| account.signed_in_window >= max) {
        return Ok(Inserted::RateLimited);
    }
    account.signed_in_window = account.signed_in_window.saturating_add(1);
    let used_bytes = account.reserved_bytes;
    account.reserved_bytes = used_bytes.saturating_add(int(upload.reserved_bytes));
    let quota_max = allowance.quota_bytes_max.map(int);
    if quota_max.is_some_and(|max| account.reserved_bytes > max) {
        let used_bytes = used_bytes.unsigned_abs();
        return Ok(Inserted::QuotaExceeded { used_bytes });
    }
    let files_max = allowance.files_max.map(int);
    if files_max.is_some_and(|max| account.files >= max) {
        return Ok(Inserted::FilesExceeded);
    }
    account.files = account
        .files
        .saturating_add(i64::from(upload.counts_as_file()));

    // 3. The record, if its object key is free.
    let mut is_inserted = insert_record(tx, upload).await?;
    if !is_inserted && release_object_key(tx, &upload.object, now).await? {
        is_inserted = insert_record(tx, upload).await?;
    }
    if !is_inserted {
        return Ok(Inserted::ObjectKeyTaken);
    }

    // 4. The account and the idempotency key.
    account.write(tx, owner).await?;
    if let Some(key) = idempotency {
        sqlx::query(statements::FORGET_KEYS)
            .bind(us(now))
            .execute(&mut *tx)
            .await?;
        sqlx::query(statements::SET_KEY)
            .bind(owner.as_str())
            .bind(&key.key)
            .bind(upload.id.to_string())
            .bind(&key.body_sha256)
            .bind(us(key.expires_at))
            .execute(&mut *tx)
            .await?;
    }
    Ok(Inserted::Created)
}

async fn insert_record(tx: &mut SqliteConnection, upload: &Upload) -> Result<bool, Broken> {
    let inserting = bind(statements::INSERT, upload)?;
    Ok(inserting.execute(tx).await?.rows_affected() == 1)
}

/// Releases the object key from the upload that has it, if that upload no longer needs it. Returns whether it did.
async fn release_object_key(
    tx: &mut SqliteConnection,
    object: &ObjectRef,
    now: Timestamp,
) -> Result<bool, Broken> {
    let found = sqlx::query_scalar::<_, String>(statements::FIND_BY_OBJECT)
        .bind(&object.bucket)
        .bind(&object.key)
        .fetch_optional(&mut *tx)
        .await?;
    let Some(record) = found else {
        return Ok(false);
    };
    let holder: Upload = serde_json::from_str(&record)?;
    if !holder.releases_key(now) {
        return Ok(false);
    }
    let releasing = sqlx::query(statements::RELEASE_OBJECT_KEY)
        .bind(holder.id.to_string())
        .bind(int(holder.revision));
    Ok(releasing.execute(tx).await?.rows_affected() == 1)
}

/// The fields of the stored record that a write needs.
#[derive(Clone, Copy)]
struct Before {
    revision: u64,
    reserved_bytes: u64,
    /// By how much the change adjusts the number of files of the owner.
    files_moved: i64,
}

impl Before {
    fn of(upload: &Upload, files_moved: i64) -> Self {
        Self {
            revision: upload.revision,
            reserved_bytes: upload.reserved_bytes,
            files_moved,
        }
    }
}

/// Writes the record, the quota and the job. Returns `false` and writes nothing if the revision has changed.
async fn save(tx: &mut SqliteConnection, before: Before, change: &Change) -> Result<bool, Broken> {
    let after = &change.after;
    let saving = bind(statements::SAVE, after)?.bind(int(before.revision));
    if saving.execute(&mut *tx).await?.rows_affected() == 0 {
        return Ok(false);
    }
    if after.reserved_bytes != before.reserved_bytes || before.files_moved != 0 {
        let mut account = Account::of(tx, &after.owner).await?;
        account.files = account.files.saturating_add(before.files_moved).max(0);
        account.reserved_bytes = account
            .reserved_bytes
            .saturating_add(int(after.reserved_bytes))
            .saturating_sub(int(before.reserved_bytes))
            .max(0);
        account.write(tx, &after.owner).await?;
    }
    if change.enqueue {
        let job = IngestJob { ingest: after.id };
        messages::push_job(tx, job, &MessageInfo::of(after), after.updated_at).await?;
    }
    Ok(true)
}
