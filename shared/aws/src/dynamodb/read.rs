//! Listings and what is due. An index says where to look; the records are read by id, as they are now.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::KeysAndAttributes;
use consign_core::ids::{OwnerId, UploadId};
use consign_core::ports::{Fault, ListFilter, Page};
use consign_core::upload::{State, Upload};
use futures_util::future::try_join_all;
use jiff::Timestamp;

use super::DynamoRepo;
use super::item::{self, Item, number, text, us};
use super::table::{BY_DUE, BY_OWNER, DUE_SHARDS};
use super::transact::Tries;
use crate::fault::fault;

/// The most records that one request reads ("BatchGetItem": 100 items).
const BATCH_MAX: usize = 100;
/// Requests to the index for one page. A filter that lets almost nothing through ends a page early, with its cursor.
const ROUNDS_MAX: usize = 40;

impl DynamoRepo {
    /// A page from behind `from.0`, of at most `from.1` uploads.
    pub(super) async fn page(
        &self,
        owner: &OwnerId,
        filter: &ListFilter,
        from: (Option<UploadId>, usize),
    ) -> Result<Page, Fault> {
        let (mut cursor, limit) = from;
        let mut uploads = Vec::new();
        if limit == 0 {
            return Ok(Page {
                uploads,
                next: None,
            });
        }
        // One more than asked for tells whether there is a next page.
        let wanted = limit.saturating_add(1);
        for _ in 0..ROUNDS_MAX {
            let step = if *filter == ListFilter::default() {
                wanted - uploads.len()
            } else {
                BATCH_MAX
            };
            let found = self.indexed(owner, cursor, step.min(BATCH_MAX)).await?;
            let fitting = found.ids.iter().filter(|entry| may_pass(entry, filter));
            let ids: Vec<UploadId> = fitting.map(|entry| entry.id).collect();
            let records = self.records(&ids).await?;
            uploads.extend(records.into_iter().filter(|upload| passes(upload, filter)));
            if uploads.len() > limit {
                uploads.truncate(limit);
                let next = uploads.last().map(|upload: &Upload| upload.id);
                return Ok(Page { uploads, next });
            }
            if found.is_end {
                return Ok(Page {
                    uploads,
                    next: None,
                });
            }
            cursor = found.ids.last().map(|entry| entry.id).or(cursor);
        }
        Ok(Page {
            uploads,
            next: cursor,
        })
    }

    /// A stretch of an owner's index, newest first.
    async fn indexed(
        &self,
        owner: &OwnerId,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Indexed, Fault> {
        let mut call = self
            .client
            .query()
            .table_name(&self.table)
            .index_name(BY_OWNER.name)
            .scan_index_forward(false)
            .limit(rows(limit))
            .expression_attribute_names("#owner", BY_OWNER.partition.name)
            .expression_attribute_values(":owner", text(owner.as_str()));
        call = match after {
            None => call.key_condition_expression("#owner = :owner"),
            Some(after) => call
                .key_condition_expression("#owner = :owner AND id < :after")
                .expression_attribute_values(":after", text(after.to_string())),
        };
        let answer = call.send().await.map_err(|error| fault("list", &error))?;
        let is_end = answer.last_evaluated_key.is_none();
        let items = answer.items.unwrap_or_default();
        let ids = items.iter().map(entry).collect::<Result<_, _>>()?;
        Ok(Indexed { ids, is_end })
    }

    /// The records with these ids, in this order; those that are gone are left out.
    async fn records(&self, ids: &[UploadId]) -> Result<Vec<Upload>, Fault> {
        const OPERATION: &str = "list";
        let mut records = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(BATCH_MAX) {
            let mut keys: Vec<Item> = ids.iter().copied().map(item::record_key).collect();
            let mut tries = Tries::new(OPERATION);
            loop {
                let wanted = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| item::unreadable(OPERATION, error))?;
                let call = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, wanted);
                let mut answer = call
                    .send()
                    .await
                    .map_err(|error| fault(OPERATION, &error))?;
                let found = answer.responses.as_mut();
                for item in found
                    .and_then(|found| found.remove(&self.table))
                    .unwrap_or_default()
                {
                    let upload = item::read_record(OPERATION, &item)?;
                    records.insert(upload.id, upload);
                }
                // What was too much for one answer, or for the table just now.
                let left = answer.unprocessed_keys.as_mut();
                keys = match left.and_then(|left| left.remove(&self.table)) {
                    Some(left) if !left.keys.is_empty() => left.keys,
                    Some(_) | None => break,
                };
                tries.pause().await?;
            }
        }
        Ok(ids.iter().filter_map(|id| records.remove(id)).collect())
    }

    /// The ids that are due, of all shards together. One may be due no more: who works on it reads it first.
    pub(super) async fn due_ids(
        &self,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<UploadId>, Fault> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let shards = (0..DUE_SHARDS).map(|shard| self.due_in(shard, until, limit));
        let shards = try_join_all(shards).await?;
        let mut due: Vec<(i64, UploadId)> = shards.into_iter().flatten().collect();
        due.sort_unstable();
        Ok(due.into_iter().take(limit).map(|(_, id)| id).collect())
    }

    async fn due_in(
        &self,
        shard: u8,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(i64, UploadId)>, Fault> {
        const OPERATION: &str = "due";
        let mut due = Vec::new();
        let mut start = None;
        loop {
            let call = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(BY_DUE.name)
                .limit(rows(limit - due.len()))
                .key_condition_expression("due_shard = :shard AND due_at <= :until")
                .expression_attribute_values(":shard", number(shard))
                .expression_attribute_values(":until", number(us(until)))
                .set_exclusive_start_key(start);
            let answer = call
                .send()
                .await
                .map_err(|error| fault(OPERATION, &error))?;
            for item in answer.items.unwrap_or_default() {
                let at = item::get_number(&item, BY_DUE.sort.name).unwrap_or(i64::MIN);
                due.push((at, item::record_id(OPERATION, &item)?));
            }
            start = answer.last_evaluated_key;
            if start.is_none() || due.len() >= limit {
                return Ok(due);
            }
        }
    }
}

/// What the owner's index says of an upload.
struct Entry {
    id: UploadId,
    category: String,
    is_deleted: bool,
}

/// A stretch of the owner's index.
struct Indexed {
    ids: Vec<Entry>,
    is_end: bool,
}

fn entry(item: &Item) -> Result<Entry, Fault> {
    Ok(Entry {
        id: item::read_id("list", item, BY_OWNER.sort.name)?,
        category: item::get_text(item, "category")
            .unwrap_or_default()
            .to_owned(),
        is_deleted: item::get_text(item, "state") == Some(State::Deleted.as_str()),
    })
}

/// Whether the record is worth reading. The index may be late, so only what never changes again speaks against it: the
/// category, and that it is deleted.
fn may_pass(entry: &Entry, filter: &ListFilter) -> bool {
    let category = filter.category.as_ref();
    category.is_none_or(|category| *category == entry.category)
        && (!entry.is_deleted || filter.state == Some(State::Deleted))
}

fn passes(upload: &Upload, filter: &ListFilter) -> bool {
    let state_fits = match filter.state {
        Some(state) => upload.state == state,
        None => upload.state != State::Deleted,
    };
    let category = filter.category.as_ref();
    let collection_id = filter.collection_id.as_ref();
    state_fits
        && category.is_none_or(|category| *category == upload.category)
        && collection_id.is_none_or(|id| upload.collection_id.as_ref() == Some(id))
}

fn rows(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
