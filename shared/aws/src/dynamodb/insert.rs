//! Inserts an upload with its quota, rate, idempotency key and object key.

use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::types::{Get, TransactGetItem};
use consign_core::ids::UploadId;
use consign_core::ports::{Allowance, Fault, IdempotencyKey, Inserted, NewUpload, RATE_WINDOW_S};
use consign_core::time::Timestamp;

use super::item::{self, Item, name, number, text, us};
use super::table::TTL;
use super::transact::{Batch, Move, Transacted, Tries, is_outcome_unknown, write_name};
use super::{DynamoRepo, rate_window};
use crate::fault::fault;

const OPERATION: &str = "insert_pending";

/// How long the count of a rate window is kept after its end, in seconds.
const RATE_KEPT_S: i64 = 3600;

/// The items that an insert writes, read at one instant.
struct Found {
    record: Option<Item>,
    object: Option<Item>,
    quota: Option<Item>,
    rate: Option<Item>,
    idempotency: Option<Item>,
}

/// Why an insert was refused.
enum Rejection {
    /// This result is final.
    Final(Inserted),
    /// The reason is gone; try again.
    Retry,
    /// Only this upload has the object key, and it has released it.
    KeyReleased(UploadId),
}

impl DynamoRepo {
    pub(super) async fn insert(&self, new: &NewUpload, now: Timestamp) -> Result<Inserted, Fault> {
        let write = write_name();
        let mut batch = self.insertion(new, now, &write, None)?;
        let mut tries = Tries::new(OPERATION);
        loop {
            match batch.commit().await {
                Ok(Transacted::Committed) => return Ok(Inserted::Created),
                Ok(Transacted::Contended) => {}
                Ok(Transacted::Refused(_)) => match self.rejection(new, now, &write).await? {
                    Rejection::Final(inserted) => return Ok(inserted),
                    Rejection::KeyReleased(holder) => {
                        batch = self.insertion(new, now, &write, Some(holder))?;
                    }
                    Rejection::Retry => {}
                },
                Err(fault) if is_outcome_unknown(&fault) => {
                    let id = new.upload.id;
                    return match self.is_written_by(OPERATION, id, &write).await {
                        Ok(true) => Ok(Inserted::Created),
                        Ok(false) | Err(_) => Err(fault),
                    };
                }
                Err(fault) => return Err(fault),
            }
            tries.pause().await?;
        }
    }

    /// Builds the transaction. Each item has its condition. The object key may be taken from `holder`.
    fn insertion(
        &self,
        new: &NewUpload,
        now: Timestamp,
        write: &str,
        holder: Option<UploadId>,
    ) -> Result<Batch<'_>, Fault> {
        const IS_NEW: &str = "attribute_not_exists(pk)";
        let NewUpload {
            upload,
            idempotency,
            allowance,
        } = new;
        let owner = &upload.owner;
        let mut batch = Batch::new(self, OPERATION);
        let record = item::record_item(OPERATION, upload, write)?;
        batch.put(record, IS_NEW, vec![])?;
        let mut object = item::object_key(&upload.object);
        object.insert(name::UPLOAD_ID.to_owned(), text(upload.id.to_string()));
        match holder {
            None => batch.put(object, IS_NEW, vec![])?,
            Some(holder) => {
                let is_left = "attribute_not_exists(pk) OR upload_id = :holder";
                let values = vec![(":holder", text(holder.to_string()))];
                batch.put(object, is_left, values)?;
            }
        }
        batch.change(
            item::quota_key(owner),
            reservation(upload.reserved_bytes, allowance),
        )?;
        let window = rate_window(now);
        batch.change(
            item::rate_key(owner, window),
            count(window, allowance.sign_uploads_per_window),
        )?;
        if let Some(key) = idempotency {
            let mut item = item::idempotency_key(owner, &key.key);
            let forgotten_s = key.expires_at.timestamp().saturating_add(1);
            item.extend([
                (name::UPLOAD_ID.to_owned(), text(upload.id.to_string())),
                (name::BODY_SHA256.to_owned(), text(&key.body_sha256)),
                (name::UNTIL.to_owned(), number(us(key.expires_at))),
                (TTL.to_owned(), number(forgotten_s)),
            ]);
            let is_free = "attribute_not_exists(pk) OR until_us <= :now";
            batch.put(item, is_free, vec![(":now", number(us(now)))])?;
        }
        Ok(batch)
    }

    /// Finds the reason of a refused insert, in the order of the port.
    ///
    /// The cancelled transaction does not name it reliably: it may list only some of the conditions.
    async fn rejection(
        &self,
        new: &NewUpload,
        now: Timestamp,
        write: &str,
    ) -> Result<Rejection, Fault> {
        let NewUpload {
            upload,
            idempotency,
            allowance,
        } = new;
        let Some(found) = self.found(new, now).await? else {
            return Ok(Rejection::Retry);
        };
        let record = found.record.as_ref();
        if record.is_some_and(|item| item::get_text(item, name::WRITE) == Some(write)) {
            return Ok(Rejection::Final(Inserted::Created));
        }
        if let (Some(key), Some(known)) = (idempotency, &found.idempotency)
            && item::get_number(known, name::UNTIL).is_none_or(|until: i64| until > us(now))
        {
            return self.replayed(key, known).await.map(Rejection::Final);
        }
        let held = |item: &Option<Item>, name| -> u64 {
            let number = item.as_ref().and_then(|item| item::get_number(item, name));
            number.unwrap_or(0)
        };
        let signed = held(&found.rate, name::SIGNED);
        let signed_max = allowance.sign_uploads_per_window;
        if signed_max.is_some_and(|max| signed >= u64::from(max)) {
            return Ok(Rejection::Final(Inserted::RateLimited));
        }
        let used_bytes = held(&found.quota, name::RESERVED);
        let wanted = used_bytes.saturating_add(upload.reserved_bytes);
        if allowance.quota_bytes_max.is_some_and(|max| wanted > max) {
            return Ok(Rejection::Final(Inserted::QuotaExceeded { used_bytes }));
        }
        let files: i64 = found
            .quota
            .as_ref()
            .and_then(|item| item::get_number(item, name::FILES))
            .unwrap_or(0);
        let files = u64::try_from(files).unwrap_or(0);
        if allowance.files_max.is_some_and(|max| files >= max) {
            return Ok(Rejection::Final(Inserted::FilesExceeded));
        }
        if found.record.is_some() {
            return Ok(Rejection::Final(Inserted::ObjectKeyTaken));
        }
        let Some(object) = &found.object else {
            return Ok(Rejection::Retry);
        };
        let holder = item::read_id(OPERATION, object, name::UPLOAD_ID)?;
        let record = self.get_record(OPERATION, holder).await?;
        Ok(match record {
            Some(record) if !record.releases_key(now) => Rejection::Final(Inserted::ObjectKeyTaken),
            // A record that no longer exists was purged long ago.
            Some(_) | None => Rejection::KeyReleased(holder),
        })
    }

    async fn replayed(&self, key: &IdempotencyKey, known: &Item) -> Result<Inserted, Fault> {
        if item::get_text(known, name::BODY_SHA256) != Some(&key.body_sha256) {
            return Ok(Inserted::KeyReused);
        }
        let first = item::read_id(OPERATION, known, name::UPLOAD_ID)?;
        let first = self.get_record(OPERATION, first).await?;
        Ok(first.map_or(Inserted::KeyReused, |first| {
            Inserted::Replayed(Box::new(first))
        }))
    }

    /// Reads all items of an insert at one instant; `None` while another transaction writes one of them.
    async fn found(&self, new: &NewUpload, now: Timestamp) -> Result<Option<Found>, Fault> {
        let owner = &new.upload.owner;
        let mut keys = vec![
            item::record_key(new.upload.id),
            item::object_key(&new.upload.object),
            item::quota_key(owner),
            item::rate_key(owner, rate_window(now)),
        ];
        let idempotency = new.idempotency.as_ref();
        keys.extend(idempotency.map(|key| item::idempotency_key(owner, &key.key)));
        let gets = keys.into_iter().map(|key| {
            let get = Get::builder()
                .table_name(&self.table)
                .set_key(Some(key))
                .build()
                .map_err(|error| item::unreadable(OPERATION, error))?;
            Ok(TransactGetItem::builder().get(get).build())
        });
        let gets = gets.collect::<Result<Vec<_>, Fault>>()?;
        let call = self
            .client
            .transact_get_items()
            .set_transact_items(Some(gets));
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(TransactGetItemsError::is_transaction_canceled_exception) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(fault(OPERATION, &error)),
        };
        let mut items = answer
            .responses
            .unwrap_or_default()
            .into_iter()
            .map(|response| response.item);
        let mut next = || items.next().flatten();
        Ok(Some(Found {
            record: next(),
            object: next(),
            quota: next(),
            rate: next(),
            idempotency: next(),
        }))
    }
}

/// Reserves bytes and counts a file, if there is room for them.
fn reservation(bytes: u64, allowance: &Allowance) -> Move {
    let room = allowance.quota_bytes_max.map(|max| max.checked_sub(bytes));
    let (has_room, room) = match room {
        None => (None, None),
        Some(Some(room)) => (
            Some("(attribute_not_exists(reserved_bytes) OR reserved_bytes <= :room)"),
            Some(number(room)),
        ),
        // The upload alone exceeds the limit, so the condition must fail: no count is below zero.
        Some(None) => (Some("reserved_bytes < :room"), Some(number(0))),
    };
    let few_files = match allowance.files_max {
        None => None,
        // Records of an earlier version were not counted, so removing them may take the count below zero, but not below
        // this.
        Some(0) => Some("file_count < :few AND file_count > :few"),
        Some(_) => Some("(attribute_not_exists(file_count) OR file_count < :few)"),
    };
    let mut values = vec![(":bytes", number(bytes)), (":one", number(1))];
    values.extend(room.map(|room| (":room", room)));
    values.extend(allowance.files_max.map(|max| (":few", number(max))));
    let condition = match (has_room, few_files) {
        (Some(room), Some(few)) => Some(format!("{room} AND {few}")),
        (one, other) => one.or(other).map(str::to_owned),
    };
    Move {
        update: "ADD reserved_bytes :bytes, file_count :one",
        condition,
        values,
    }
}

/// Counts a signed upload, if the window has room for it.
fn count(window: i64, max: Option<u32>) -> Move {
    let condition = match max {
        None => None,
        // The condition must fail: no count is below zero, and a missing one compares as false.
        Some(0) => Some("signed < :max"),
        Some(_) => Some("attribute_not_exists(signed) OR signed < :max"),
    };
    let condition = condition.map(str::to_owned);
    let end_s = window.saturating_add(1).saturating_mul(RATE_WINDOW_S);
    let mut values = vec![
        (":one", number(1)),
        (":expires_at", number(end_s.saturating_add(RATE_KEPT_S))),
    ];
    values.extend(max.map(|max| (":max", number(max))));
    Move {
        update: "ADD signed :one SET expires_at = :expires_at",
        condition,
        values,
    }
}
