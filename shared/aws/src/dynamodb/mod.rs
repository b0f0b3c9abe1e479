//! The upload records in one DynamoDB table. [`table`] defines its keys and indexes, `item` its items.
//!
//! A record, its owner's quota and rate, its idempotency key and its object key are separate items, written in one
//! transaction. Every write carries the name of its call, so that a write whose answer was lost can be told apart from
//! that of another writer. Decisions use consistent reads. An index only provides candidates.

mod insert;
mod item;
mod passed;
mod read;
mod save;
pub mod table;
mod transact;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Builder};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use consign_core::ids::{ObjectRef, OwnerId, UploadId};
use consign_core::ports::{
    Due, DueLine, DueRange, DueRun, Fault, Inserted, ListFilter, NewUpload, Page, RATE_WINDOW_S,
    Saved, UploadRepo,
};
use consign_core::time::Timestamp;
use consign_core::upload::{Change, Deletion, Upload};

use crate::breaker::Breaker;
use crate::client::{AwsOptions, Lazy, SMALL};
use crate::fault::fault;
use item::{Item, name};

/// The upload records in a DynamoDB table. Clones share the connections.
#[derive(Debug, Clone)]
pub struct DynamoRepo {
    client: Lazy<Client>,
    table: String,
}

impl DynamoRepo {
    /// Creates the adapter for this table. Connects on first use.
    #[must_use]
    pub fn new(options: &AwsOptions, table: impl Into<String>) -> Self {
        let client = options.client(&SMALL, |config| {
            let config = Builder::from(config)
                .behavior_version(BehaviorVersion::latest())
                .interceptor(Breaker::new());
            Client::from_conf(config.build())
        });
        let table = table.into();
        Self { client, table }
    }

    /// Creates the table with its indexes if it is missing, and waits until it is active.
    ///
    /// # Errors
    /// The fault of the store.
    pub async fn ensure_table(&self) -> Result<(), Fault> {
        table::ensure(&self.client, &self.table).await
    }

    /// Reads the item under this key, consistently.
    async fn get(&self, operation: &'static str, key: Item) -> Result<Option<Item>, Fault> {
        let answer = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key))
            .consistent_read(true)
            .send()
            .await;
        answer
            .map(|answer| answer.item)
            .map_err(|error| fault(operation, &error))
    }

    async fn get_record(
        &self,
        operation: &'static str,
        id: UploadId,
    ) -> Result<Option<Upload>, Fault> {
        let item = self.get(operation, item::record_key(id)).await?;
        item.map(|item| item::read_record(operation, &item))
            .transpose()
    }

    /// Whether the last write of the record is the call named `write`.
    async fn is_written_by(
        &self,
        operation: &'static str,
        id: UploadId,
        write: &str,
    ) -> Result<bool, Fault> {
        let item = self.get(operation, item::record_key(id)).await?;
        Ok(item.is_some_and(|item| item::get_text(&item, name::WRITE) == Some(write)))
    }
}

impl UploadRepo for DynamoRepo {
    const HOLDS_QUEUE: bool = false;

    async fn insert_pending(&self, new: &NewUpload, now: Timestamp) -> Result<Inserted, Fault> {
        self.insert(new, now).await
    }

    async fn find(&self, id: UploadId) -> Result<Option<Upload>, Fault> {
        self.get_record("find", id).await
    }

    async fn find_all(&self, ids: &[UploadId]) -> Result<Vec<Upload>, Fault> {
        self.records("find_all", ids).await
    }

    async fn find_by_object(&self, object: &ObjectRef) -> Result<Option<Upload>, Fault> {
        const OPERATION: &str = "find_by_object";
        // The usual key contains the id of its upload, so one read is enough.
        if let Some(id) = id_in(&object.key)
            && let Some(upload) = self.get_record(OPERATION, id).await?
            && upload.object == *object
            && upload.deletion != Some(Deletion::Purged)
        {
            return Ok(Some(upload));
        }
        let Some(holder) = self.get(OPERATION, item::object_key(object)).await? else {
            return Ok(None);
        };
        let id = item::read_id(OPERATION, &holder, name::UPLOAD_ID)?;
        self.get_record(OPERATION, id).await
    }

    async fn save(&self, before: &Upload, change: &Change) -> Result<Saved, Fault> {
        self.save_change(before, &change.after).await
    }

    async fn list(
        &self,
        owner: &OwnerId,
        filter: &ListFilter,
        after: Option<UploadId>,
        limit: usize,
    ) -> Result<Page, Fault> {
        self.page(owner, filter, (after, limit)).await
    }

    /// One line per shard. The index has no list of owners, but all uploads of an owner are in one shard.
    async fn due_lines(&self, _: Timestamp, limit: usize) -> Result<Vec<DueLine>, Fault> {
        let shards = (0..table::DUE_SHARDS).take(limit);
        Ok(shards.map(|shard| DueLine(shard.to_string())).collect())
    }

    async fn due(&self, line: &DueLine, range: DueRange) -> Result<Vec<Due>, Fault> {
        self.due_in(line, range).await
    }

    async fn hold(&self, ids: &[UploadId], now: Timestamp, until: Timestamp) -> Result<(), Fault> {
        self.hold_all(ids, now, until).await
    }

    async fn hold_runs(
        &self,
        stretches: &[DueRun],
        now: Timestamp,
        until: Timestamp,
    ) -> Result<(), Fault> {
        self.hold_lines(stretches, now, until).await
    }

    async fn reserved_bytes(&self, owner: &OwnerId) -> Result<u64, Fault> {
        let quota = self.get("reserved_bytes", item::quota_key(owner)).await?;
        let reserved = quota.and_then(|item| item::get_number(&item, name::RESERVED));
        Ok(reserved.unwrap_or(0))
    }

    async fn bucket_identity(&self, bucket: &str) -> Result<Option<String>, Fault> {
        let found = self
            .get("bucket_identity", item::bucket_key(bucket))
            .await?;
        let identity = found
            .as_ref()
            .and_then(|item| item::get_text(item, name::IDENTITY));
        Ok(identity.map(str::to_owned))
    }

    async fn record_bucket(&self, bucket: &str, identity: &str) -> Result<String, Fault> {
        const OPERATION: &str = "record_bucket";
        let mut new = item::bucket_key(bucket);
        new.insert(name::IDENTITY.to_owned(), item::text(identity));
        let call = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(new))
            .condition_expression("attribute_not_exists(pk)");
        match call.send().await {
            Ok(_) => return Ok(identity.to_owned()),
            // Recorded before, possibly by this call, whose first answer was lost.
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(PutItemError::is_conditional_check_failed_exception) => {}
            Err(error) => return Err(fault(OPERATION, &error)),
        }
        let recorded = self.bucket_identity(bucket).await?;
        recorded.ok_or_else(|| item::unreadable(OPERATION, "a bucket that was recorded is gone"))
    }
}

/// Returns the last upload id in an object key.
fn id_in(key: &str) -> Option<UploadId> {
    let mut parts = key.rsplit(['/', '.', '_', '=']);
    parts.find_map(|part| UploadId::parse(part).ok())
}

/// Returns the rate window of an instant.
fn rate_window(now: Timestamp) -> i64 {
    now.timestamp().div_euclid(RATE_WINDOW_S)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_an_upload_is_found_in_its_key() {
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        let other = "01890a5d-ac96-774b-bcce-b302099a8058";
        for key in [
            format!("uploads/alice/{id}.csv.gz"),
            format!("uploads/{other}/{id}.csv"),
            format!("year=2026/{id}/v1_original.csv"),
        ] {
            assert_eq!(id_in(&key), UploadId::parse(id).ok(), "{key}");
        }
        assert_eq!(id_in("uploads/alice/birds.csv"), None);
    }
}
