//! Listings and due uploads. An index provides candidates; the records are read by id, consistently.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use consign_core::ids::{OwnerId, UploadId};
use consign_core::ports::{Due, DueLine, DueRange, Fault, ListFilter, Page};
use consign_core::time::{self, Timestamp};
use consign_core::upload::{Upload, UploadState};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::DynamoRepo;
use super::item::{self, Item, number, text, us};
use super::table::{BY_DUE, BY_OWNER};
use super::transact::Tries;
use crate::fault::fault;

/// The most records that one request reads ("BatchGetItem": 100 items).
const BATCH_MAX: usize = 100;
/// The number of concurrent writes of holds.
const HOLDS_AT_ONCE: usize = 16;
/// The most index requests for one page. If a filter matches almost nothing, the page ends early, with its cursor.
const ROUNDS_MAX: usize = 40;

impl DynamoRepo {
    /// Returns a page of at most `from.1` uploads that starts after `from.0`.
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
        // One more than asked for shows whether there is a next page.
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
            let records = self.records("list", &ids).await?;
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

    /// Returns a range of an owner's index, newest first.
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

    /// Returns the records with these ids, in this order. Missing ones are left out.
    pub(super) async fn records(
        &self,
        operation: &'static str,
        ids: &[UploadId],
    ) -> Result<Vec<Upload>, Fault> {
        let mut records = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(BATCH_MAX) {
            let mut keys: Vec<Item> = ids.iter().copied().map(item::record_key).collect();
            let mut tries = Tries::new(operation);
            loop {
                let wanted = KeysAndAttributes::builder()
                    .set_keys(Some(keys))
                    .consistent_read(true)
                    .build()
                    .map_err(|error| item::unreadable(operation, error))?;
                let call = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, wanted);
                let mut answer = call
                    .send()
                    .await
                    .map_err(|error| fault(operation, &error))?;
                let found = answer.responses.as_mut();
                for item in found
                    .and_then(|found| found.remove(&self.table))
                    .unwrap_or_default()
                {
                    let upload = item::read_record(operation, &item)?;
                    records.insert(upload.id, upload);
                }
                // Keys that exceeded the size of an answer, or were throttled.
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

    /// Returns a range of a shard of the due index, from its start or after the held position.
    pub(super) async fn due_in(&self, line: &DueLine, range: DueRange) -> Result<Vec<Due>, Fault> {
        const OPERATION: &str = "due";
        let mut due: Vec<Due> = Vec::new();
        let Ok(shard) = line.0.parse::<u8>() else {
            return Ok(due);
        };
        let after = match range.after {
            Some(after) => Some(after),
            None => self.held_through(line, range.until).await?,
        };
        let mut start = after.map(|after| {
            let mut place = item::record_key(after.id);
            place.insert(BY_DUE.partition.name.to_owned(), number(shard));
            place.insert(BY_DUE.sort.name.to_owned(), number(us(after.at)));
            place
        });
        while due.len() < range.limit {
            let call = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(BY_DUE.name)
                .limit(rows(range.limit - due.len()))
                .key_condition_expression("due_shard = :shard AND due_at <= :until")
                .expression_attribute_values(":shard", number(shard))
                .expression_attribute_values(":until", number(us(range.until)))
                .set_exclusive_start_key(start);
            let answer = call
                .send()
                .await
                .map_err(|error| fault(OPERATION, &error))?;
            for item in answer.items.unwrap_or_default() {
                let at = item::get_number(&item, BY_DUE.sort.name).unwrap_or(i64::MIN);
                due.push(Due {
                    at: time::from_micros(at).unwrap_or(time::MIN),
                    id: item::record_id(OPERATION, &item)?,
                });
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(due)
    }

    /// Moves uploads that are due at the first instant to the second, in the index only. The record and its revision
    /// stay.
    pub(super) async fn hold_all(
        &self,
        ids: &[UploadId],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), Fault> {
        let ids = ids.iter().copied();
        stream::iter(ids.map(|id| self.hold_one(id, now, until)))
            .buffer_unordered(HOLDS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn hold_one(&self, id: UploadId, now: Timestamp, until: Timestamp) -> Result<(), Fault> {
        let held = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item::record_key(id)))
            .update_expression("SET due_at = :until")
            .condition_expression("due_at <= :now")
            .expression_attribute_values(":until", number(us(until)))
            .expression_attribute_values(":now", number(us(now)))
            .send()
            .await;
        match held {
            Ok(_) => Ok(()),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(fault("hold", &error)),
        }
    }
}

/// An upload in the owner's index.
struct Entry {
    id: UploadId,
    category: String,
    is_deleted: bool,
}

/// A range of the owner's index.
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
        is_deleted: item::get_text(item, item::STATE_IN_INDEX)
            == Some(item::state_in_index(UploadState::Deleted)),
    })
}

/// Whether the record is worth reading. The index may lag behind, so only what never changes again excludes a record:
/// the category, and the state deleted.
fn may_pass(entry: &Entry, filter: &ListFilter) -> bool {
    let category = filter.category.as_ref();
    category.is_none_or(|category| *category == entry.category)
        && (!entry.is_deleted || filter.state == Some(UploadState::Deleted))
}

fn passes(upload: &Upload, filter: &ListFilter) -> bool {
    let state_fits = match filter.state {
        Some(state) => upload.state == state,
        None => upload.state != UploadState::Deleted,
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
