//! The upload records in D1.

mod row;
mod statements;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use consign_core::ids::{ObjectRef, OwnerId, UploadId};
use consign_core::ports::{
    Due, DueLine, DueRange, Fault, Inserted, ListFilter, NewUpload, Page, RATE_WINDOW_S, Saved,
    UploadRepo,
};
use consign_core::time::{self, Timestamp};
use consign_core::upload::{Change, Upload};
use serde::de::DeserializeOwned;
use worker::send::IntoSendFuture as _;
use worker::wasm_bindgen::JsValue;
use worker::{D1Database, D1PreparedStatement, D1Result, Env};

use crate::fault::{fault, unreadable};
use row::{
    Account, DueRow, Found, Id, Identity, KnownKey, Record, int, maybe, number, text, us, values,
};

/// The upload records in D1. Clones share the database.
#[derive(Clone)]
pub struct D1Repo(Arc<D1Database>);

impl fmt::Debug for D1Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("D1Repo").finish_non_exhaustive()
    }
}

impl D1Repo {
    /// Opens the database of this binding.
    ///
    /// # Errors
    /// The Worker has no such binding.
    pub fn open(env: &Env, binding: &str) -> worker::Result<Self> {
        Ok(Self(Arc::new(env.d1(binding)?)))
    }

    fn statement(&self, sql: &str, values: &[JsValue]) -> worker::Result<D1PreparedStatement> {
        self.0.prepare(sql).bind(values)
    }

    /// Returns the rows of a statement.
    async fn rows<T: DeserializeOwned>(
        &self,
        operation: &'static str,
        sql: &str,
        values: &[JsValue],
    ) -> Result<Vec<T>, Fault> {
        let asking = async { self.statement(sql, values)?.all().await?.results() };
        asking.await.map_err(|error| fault(operation, error))
    }

    async fn record(
        &self,
        operation: &'static str,
        sql: &str,
        values: &[JsValue],
    ) -> Result<Option<Upload>, Fault> {
        let rows: Vec<Record> = self.rows(operation, sql, values).await?;
        let first = rows.first();
        first.map(|row| read(operation, &row.record)).transpose()
    }
}

/// Decodes the record of a row.
fn read(operation: &'static str, record: &str) -> Result<Upload, Fault> {
    serde_json::from_str(record).map_err(|error| unreadable(operation, error))
}

fn rows_of<T: DeserializeOwned>(results: &[D1Result], index: usize) -> worker::Result<Vec<T>> {
    results
        .get(index)
        .map_or_else(|| Ok(Vec::new()), D1Result::results)
}

/// Whether a statement of a batch returned a row.
fn has_row(results: &[D1Result], index: usize) -> worker::Result<bool> {
    Ok(!rows_of::<Id>(results, index)?.is_empty())
}

/// Returns the idempotency key of an insert, or null.
fn key_of(new: &NewUpload) -> JsValue {
    text(new.idempotency.as_ref().map(|key| key.key.as_str()))
}

/// Returns why nothing was inserted, in the order of the port.
fn why_not(
    new: &NewUpload,
    known: Option<&KnownKey>,
    account: &Account,
    rate_window: i64,
) -> Result<Inserted, Fault> {
    if let (Some(key), Some(known)) = (&new.idempotency, known) {
        return Ok(if known.body_sha256 == key.body_sha256 {
            Inserted::Replayed(Box::new(read("insert_pending", &known.record)?))
        } else {
            Inserted::KeyReused
        });
    }
    let allowance = &new.allowance;
    let same_window = i64::try_from(whole(account.rate_window)) == Ok(rate_window);
    let signed = if same_window {
        whole(account.signed_in_window)
    } else {
        0
    };
    let rate_max = allowance.sign_uploads_per_window;
    if rate_max.is_some_and(|max| signed >= max.into()) {
        return Ok(Inserted::RateLimited);
    }
    let used_bytes = whole(account.reserved_bytes);
    let wanted_bytes = used_bytes.saturating_add(new.upload.reserved_bytes);
    let quota_max = allowance.quota_bytes_max;
    if quota_max.is_some_and(|max| wanted_bytes > max) {
        return Ok(Inserted::QuotaExceeded { used_bytes });
    }
    let files = whole(account.files);
    if allowance.files_max.is_some_and(|max| files >= max) {
        return Ok(Inserted::FilesExceeded);
    }
    Ok(Inserted::ObjectKeyTaken)
}

impl UploadRepo for D1Repo {
    const HOLDS_QUEUE: bool = false;

    async fn insert_pending(&self, new: &NewUpload, now: Timestamp) -> Result<Inserted, Fault> {
        let inserting = async {
            let inserted = self.insert(new, now).await?;
            let is_taken = inserted == Inserted::ObjectKeyTaken;
            if is_taken && self.release_object_key(&new.upload.object, now).await? {
                return self.insert(new, now).await;
            }
            Ok(inserted)
        };
        inserting.into_send().await
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, Fault> {
        let values = [text(Some(&id.to_string()))];
        let finding = self.record("find", statements::FIND, &values);
        finding.into_send().await
    }

    async fn find_all(&self, ids: &[UploadId]) -> Result<Vec<Upload>, Fault> {
        const OPERATION: &str = "find_all";
        let values = [json(ids)];
        let asking = self.rows::<Found>(OPERATION, statements::FIND_ALL, &values);
        let rows = asking.into_send().await?;
        let mut found = HashMap::with_capacity(rows.len());
        for row in rows {
            found.insert(row.id, read(OPERATION, &row.record)?);
        }
        let in_order = ids.iter().filter_map(|id| found.remove(&id.to_string()));
        Ok(in_order.collect())
    }

    async fn find_by_object(&self, object: &ObjectRef) -> Result<Option<Upload>, Fault> {
        let values = [text(Some(&object.bucket)), text(Some(&object.key))];
        let finding = self.record("find_by_object", statements::FIND_BY_OBJECT, &values);
        finding.into_send().await
    }

    async fn save(&self, before: &Upload, change: &Change) -> Result<Saved, Fault> {
        self.write(before, &change.after).into_send().await
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
        let values = [
            text(Some(owner.as_str())),
            text(filter.state.map(|state| state.as_str())),
            text(filter.category.as_deref()),
            text(filter.collection_id.as_deref()),
            text(Some(&after.map_or_else(
                || ABOVE_EVERY_ID.to_owned(),
                |id| id.to_string(),
            ))),
            count(limit.saturating_add(1)),
        ];
        let listing = self.rows::<Record>("list", statements::LIST, &values);
        let rows = listing.into_send().await?;
        let page = rows.iter().take(limit);
        let uploads = page
            .map(|row| read("list", &row.record))
            .collect::<Result<Vec<_>, _>>()?;
        let last = uploads.last().map(|upload| upload.id);
        let next = last.filter(|_| rows.len() > limit);
        Ok(Page { uploads, next })
    }

    async fn due_lines(&self, _: Timestamp, limit: usize) -> Result<Vec<DueLine>, Fault> {
        let lines = 0..statements::LINES.min(limit);
        Ok(lines.map(|line| DueLine(line.to_string())).collect())
    }

    async fn due(&self, line: &DueLine, range: DueRange) -> Result<Vec<Due>, Fault> {
        const OPERATION: &str = "due";
        let after_id = range.after.map(|after| after.id.to_string());
        let values = [
            us(range.until),
            us(range.after.map_or(time::MIN, |after| after.at)),
            text(Some(after_id.as_deref().unwrap_or_default())),
            count(range.limit),
            count(
                line.0
                    .parse()
                    .map_err(|error| unreadable(OPERATION, error))?,
            ),
        ];
        let asking = self.rows::<DueRow>(OPERATION, statements::DUE, &values);
        let rows = asking.into_send().await?;
        let due = rows.iter().map(|row| {
            let id = UploadId::parse(&row.id).map_err(|error| unreadable(OPERATION, error))?;
            let at = i64::try_from(whole(row.due_at_us)).unwrap_or(i64::MAX);
            let at = time::from_micros(at).unwrap_or(time::MAX);
            Ok(Due { at, id })
        });
        due.collect()
    }

    async fn hold(&self, ids: &[UploadId], now: Timestamp, until: Timestamp) -> Result<(), Fault> {
        let values = [json(ids), us(now), us(until)];
        let holding = self.rows::<Id>("hold", statements::HOLD, &values);
        holding.into_send().await.map(drop)
    }

    async fn reserved_bytes(&self, owner: &OwnerId) -> Result<u64, Fault> {
        let values = [text(Some(owner.as_str()))];
        let asking = self.rows::<Account>("reserved_bytes", statements::ACCOUNT, &values);
        let rows = asking.into_send().await?;
        Ok(rows
            .first()
            .map_or(0, |account| whole(account.reserved_bytes)))
    }

    async fn bucket_identity(&self, bucket: &str) -> Result<Option<String>, Fault> {
        let values = [text(Some(bucket))];
        let asking = self.rows::<Identity>("bucket_identity", statements::BUCKET, &values);
        let rows = asking.into_send().await?;
        Ok(rows.into_iter().next().map(|row| row.identity))
    }

    async fn record_bucket(&self, bucket: &str, identity: &str) -> Result<String, Fault> {
        self.record_identity(bucket, identity).into_send().await
    }
}

/// Returns the ids as a JSON array, which a statement takes as one parameter.
fn json(ids: &[UploadId]) -> JsValue {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    text(Some(&format!("[{}]", ids.join(","))))
}

fn count(count: usize) -> JsValue {
    int(u64::try_from(count).unwrap_or(u64::MAX))
}

/// A whole number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the tables hold whole numbers that a double holds exactly, and none is negative"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}

impl D1Repo {
    /// Inserts in one batch, which writes only if all conditions hold. If one does not, a second batch reads the state
    /// and tries once more. The usual call therefore neither reads nor waits twice.
    async fn insert(&self, new: &NewUpload, now: Timestamp) -> Result<Inserted, Fault> {
        let rate_window = now.timestamp().div_euclid(RATE_WINDOW_S);
        let failed = |error| fault("insert_pending", error);
        let columns = values(&new.upload).map_err(|error| unreadable("insert_pending", error))?;
        let writes = self
            .writes(new, columns, now, rate_window)
            .map_err(failed)?;
        let written = self.0.batch(writes.clone()).await.map_err(failed)?;
        if has_row(&written, 0).map_err(failed)? {
            return Ok(Inserted::Created);
        }
        let mut batch = self.reads(new, now).map_err(failed)?.to_vec();
        batch.extend(writes);
        let results = self.0.batch(batch).await.map_err(failed)?;
        if has_row(&results, 2).map_err(failed)? {
            return Ok(Inserted::Created);
        }
        let known: Vec<KnownKey> = rows_of(&results, 0).map_err(failed)?;
        let accounts: Vec<Account> = rows_of(&results, 1).map_err(failed)?;
        let account = accounts.into_iter().next().unwrap_or_default();
        why_not(new, known.first(), &account, rate_window)
    }

    /// Releases the object key from the upload that has it, if that upload no longer needs it. Returns whether it did.
    async fn release_object_key(&self, object: &ObjectRef, now: Timestamp) -> Result<bool, Fault> {
        let values = [text(Some(&object.bucket)), text(Some(&object.key))];
        let finding = self.record("insert_pending", statements::FIND_BY_OBJECT, &values);
        let Some(holder) = finding.await? else {
            return Ok(false);
        };
        if !holder.releases_key(now) {
            return Ok(false);
        }
        let values = [text(Some(&holder.id.to_string())), int(holder.revision)];
        let leaving = self.rows::<Id>("insert_pending", statements::RELEASE_OBJECT_KEY, &values);
        Ok(!leaving.await?.is_empty())
    }

    /// Returns the reads that decide the answer of an insert: the idempotency key and the owner's account.
    fn reads(&self, new: &NewUpload, now: Timestamp) -> worker::Result<[D1PreparedStatement; 2]> {
        let owner = text(Some(new.upload.owner.as_str()));
        let known = [owner.clone(), key_of(new), us(now)];
        Ok([
            self.statement(statements::KEY, &known)?,
            self.statement(statements::ACCOUNT, &[owner])?,
        ])
    }

    /// Returns the writes of an insert: the record first, then the rest.
    fn writes(
        &self,
        new: &NewUpload,
        mut columns: Vec<JsValue>,
        now: Timestamp,
        rate_window: i64,
    ) -> worker::Result<Vec<D1PreparedStatement>> {
        let NewUpload {
            upload,
            idempotency,
            allowance,
        } = new;
        let owner = text(Some(upload.owner.as_str()));
        columns.extend([
            key_of(new),
            number(rate_window),
            maybe(allowance.sign_uploads_per_window.map(|max| int(max.into()))),
            int(upload.reserved_bytes),
            maybe(allowance.quota_bytes_max.map(int)),
            us(now),
            maybe(allowance.files_max.map(int)),
        ]);
        let charge = [
            owner.clone(),
            int(upload.reserved_bytes),
            number(rate_window),
        ];
        let mut writes = vec![
            self.statement(statements::INSERT, &columns)?,
            self.statement(statements::CHARGE, &charge)?,
        ];
        if let Some(known) = idempotency {
            let values = [
                owner,
                key_of(new),
                text(Some(&upload.id.to_string())),
                text(Some(&known.body_sha256)),
                us(known.expires_at),
            ];
            writes.push(self.statement(statements::SET_KEY, &values)?);
            writes.push(self.statement(statements::FORGET_KEYS, &[us(now)])?);
        }
        Ok(writes)
    }

    /// The first identity that is recorded is kept, and every call returns it.
    async fn record_identity(&self, bucket: &str, identity: &str) -> Result<String, Fault> {
        let failed = |error| fault("record_bucket", error);
        let recording = [text(Some(bucket)), text(Some(identity))];
        let batch = vec![
            self.statement(statements::RECORD_BUCKET, &recording)
                .map_err(failed)?,
            self.statement(statements::BUCKET, &[text(Some(bucket))])
                .map_err(failed)?,
        ];
        let results = self.0.batch(batch).await.map_err(failed)?;
        let rows: Vec<Identity> = rows_of(&results, 1).map_err(failed)?;
        let recorded = rows.into_iter().next().map(|row| row.identity);
        recorded.ok_or_else(|| unreadable("record_bucket", "a bucket that was recorded is gone"))
    }

    /// Writes the record under its revision, and the quota.
    async fn write(&self, before: &Upload, after: &Upload) -> Result<Saved, Fault> {
        let failed = |error| fault("save", error);
        let mut columns = values(after).map_err(|error| unreadable("save", error))?;
        columns.push(int(before.revision));
        let saving = self.statement(statements::SAVE, &columns).map_err(failed)?;
        let mut batch = vec![saving];
        let files_moved = i64::from(after.counts_as_file()) - i64::from(before.counts_as_file());
        if after.reserved_bytes != before.reserved_bytes || files_moved != 0 {
            let signed = |bytes: u64| i64::try_from(bytes).unwrap_or(i64::MAX);
            let moved = signed(after.reserved_bytes).saturating_sub(signed(before.reserved_bytes));
            let values = [
                text(Some(after.owner.as_str())),
                number(moved),
                number(moved.max(0)),
                number(files_moved),
                number(files_moved.max(0)),
            ];
            batch.push(
                self.statement(statements::MOVE_QUOTA, &values)
                    .map_err(failed)?,
            );
        }
        let results = self.0.batch(batch).await.map_err(failed)?;
        let saved: Vec<Id> = rows_of(&results, 0).map_err(failed)?;
        Ok(if saved.is_empty() {
            Saved::Conflict
        } else {
            Saved::Written
        })
    }
}
