//! The queue messages as rows: push, receive, acknowledge, dead letter. Each function runs within a transaction.

use std::sync::{Mutex, PoisonError};

use consign_core::ids::UploadId;
use consign_core::ports::IngestJob;
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::Upload;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row as _};

use crate::row::{int, us};
use crate::statements;

/// The largest file of a small message, in bytes. Small messages have a lane of their own.
pub const SMALL_BYTES_MAX: u64 = 1 << 20;
/// The most dead letters that are kept.
pub const DEAD_LETTERS_MAX: u32 = 10_000;
pub use consign_core::operations::DEAD_LETTER_S;

/// A received message. If the queue delivers it again, the earlier delivery can no longer change it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// The id of the message. Later messages have greater ids.
    pub id: i64,
    /// The body as it was pushed.
    pub body: String,
    /// The number of deliveries, including this one, since the last acknowledgement.
    pub attempts: u32,
    /// The size of the file in bytes; 0 if unknown.
    pub size_bytes: u64,
    /// Whether the file is larger than [`SMALL_BYTES_MAX`].
    pub is_large: bool,
    /// Identifies this delivery.
    pub(crate) receipt: i64,
    /// How many pushes had joined the message at its delivery. A later push causes another delivery.
    pub(crate) pushes_joined: i64,
}

/// The in-memory state of the queue.
#[derive(Debug, Default)]
pub(crate) struct QueueCursor {
    /// The owner that was served last, for each lane.
    pub(crate) last: [String; LANES],
    /// The latest time that a consumer passed; `None` before the first call.
    pub(crate) latest_now: Option<Timestamp>,
}

/// The number of lanes: small and large.
pub(crate) const LANES: usize = 2;
/// A file moves back by one position in its owner's order for each of these bytes.
const PENALTY_BYTES: u64 = 1 << 20;
/// The largest penalty, in messages.
const PENALTY_MAX: u64 = 10_000;
/// How many messages become visible in one call.
const REVEALED_MAX: i64 = 256;

/// What the queue knows about the upload of a message.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageInfo {
    pub(crate) owner: String,
    /// Empty if the message does not belong to exactly one upload.
    pub(crate) upload_id: String,
    pub(crate) size_bytes: u64,
}

impl MessageInfo {
    pub(crate) fn of(upload: &Upload) -> Self {
        let seen = upload.observed.as_ref().map(|seen| seen.size_bytes);
        Self {
            owner: upload.owner.as_str().to_owned(),
            upload_id: upload.id.to_string(),
            size_bytes: seen.or(upload.size_bytes_declared).unwrap_or(0),
        }
    }

    /// Returns the same with the size that the store reported, if any.
    pub(crate) fn of_size(self, size_bytes: Option<u64>) -> Self {
        Self {
            size_bytes: size_bytes.unwrap_or(self.size_bytes),
            ..self
        }
    }

    fn lane(&self) -> i64 {
        i64::from(self.size_bytes > SMALL_BYTES_MAX)
    }

    fn penalty(&self) -> i64 {
        int((self.size_bytes / PENALTY_BYTES).min(PENALTY_MAX))
    }
}

/// One delivery of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery {
    id: i64,
    receipt: i64,
    pushes_joined: i64,
}

impl Delivery {
    pub(crate) fn of(message: &QueueMessage) -> Self {
        Self {
            id: message.id,
            receipt: message.receipt,
            pushes_joined: message.pushes_joined,
        }
    }
}

type DbResult<T> = Result<T, sqlx::Error>;

/// Finds the upload that owns this object.
pub(crate) async fn of_object(
    connection: &mut SqliteConnection,
    bucket: &str,
    key: &str,
) -> DbResult<Option<MessageInfo>> {
    let found = sqlx::query_as::<_, (String, String, Option<i64>)>(statements::OWNER_OF_OBJECT)
        .bind(bucket)
        .bind(key)
        .fetch_optional(connection)
        .await?;
    Ok(found.map(|(upload_id, owner, size_bytes)| MessageInfo {
        owner,
        upload_id,
        size_bytes: size_bytes.unwrap_or(0).unsigned_abs(),
    }))
}

/// Finds the upload by its id. Without one, the owner is empty.
pub(crate) async fn of_id(tx: &mut SqliteConnection, id: UploadId) -> DbResult<MessageInfo> {
    let upload_id = id.to_string();
    let found = sqlx::query_as::<_, (String, Option<i64>)>(statements::OWNER_OF_ID)
        .bind(&upload_id)
        .fetch_optional(tx)
        .await?;
    let (owner, size_bytes) = found.unwrap_or_default();
    Ok(MessageInfo {
        owner,
        upload_id,
        size_bytes: size_bytes.unwrap_or(0).unsigned_abs(),
    })
}

/// Pushes a message that joins no other.
pub(crate) async fn push(
    tx: &mut SqliteConnection,
    body: &str,
    known: &MessageInfo,
    now: Timestamp,
) -> DbResult<()> {
    put(tx, statements::PUSH, body, known, now).await.map(drop)
}

/// Pushes a job. It joins the message of its upload if there is one, since any message leads to a HEAD request.
pub(crate) async fn push_job(
    tx: &mut SqliteConnection,
    job: IngestJob,
    known: &MessageInfo,
    now: Timestamp,
) -> DbResult<()> {
    let body = job.to_body();
    put(tx, statements::PUSH_JOB, &body, known, now)
        .await
        .map(drop)
}

/// Pushes an event. It replaces a job of its upload, since it contains more. If another event is queued, it becomes a
/// message of its own, since their contents differ.
pub(crate) async fn push_event(
    tx: &mut SqliteConnection,
    body: &str,
    known: &MessageInfo,
    now: Timestamp,
) -> DbResult<()> {
    if put(&mut *tx, statements::PUSH_EVENT, body, known, now).await? == 0 {
        push(tx, body, known, now).await?;
    }
    Ok(())
}

async fn put(
    tx: &mut SqliteConnection,
    statement: &'static str,
    body: &str,
    known: &MessageInfo,
    now: Timestamp,
) -> DbResult<u64> {
    let put = sqlx::query(statement)
        .bind(body)
        .bind(&known.owner)
        .bind(int(known.size_bytes))
        .bind(known.lane())
        .bind(known.penalty())
        .bind(us(now).max(0))
        .bind(&known.upload_id);
    Ok(put.execute(tx).await?.rows_affected())
}

/// Makes messages visible that are due. If the clock went back since the last call, hidden messages keep their
/// remaining time.
pub(crate) async fn reveal(
    tx: &mut SqliteConnection,
    cursor: &Mutex<QueueCursor>,
    now: Timestamp,
) -> DbResult<()> {
    let latest_now = cursor
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .latest_now;
    if let Some(latest_now) = latest_now.filter(|latest_now| *latest_now > now) {
        let back_us = us(latest_now).saturating_sub(us(now));
        tracing::warn!(operation = "receive", back_us, "the clock went back");
        let setting = sqlx::query(statements::SET_BACK).bind(back_us);
        setting.execute(&mut *tx).await?;
    }
    let revealing = sqlx::query(statements::REVEAL);
    let revealing = revealing.bind(us(now)).bind(REVEALED_MAX);
    revealing.execute(tx).await?;
    cursor
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .latest_now = Some(now);
    Ok(())
}

/// Receives up to `lanes` messages of each lane and `limit` in total, round-robin over the owners.
pub(crate) async fn take(
    tx: &mut SqliteConnection,
    cursor: &Mutex<QueueCursor>,
    lanes: [usize; LANES],
    limit: usize,
    until: Timestamp,
) -> DbResult<Vec<QueueMessage>> {
    let mut last = {
        let cursor = cursor.lock().unwrap_or_else(PoisonError::into_inner);
        cursor.last.clone()
    };
    let mut taken = Vec::new();
    for ((lane, room), last) in (0_i64..).zip(lanes).zip(&mut last) {
        for _ in 0..room.min(limit.saturating_sub(taken.len())) {
            let next = take_one(tx, statements::TAKE_NEXT, lane, last, until).await?;
            let found = match next {
                Some(found) => Some(found),
                None => take_one(tx, statements::TAKE_FIRST, lane, last, until).await?,
            };
            let Some(Taken { message, owner }) = found else {
                break;
            };
            *last = owner;
            taken.push(message);
        }
    }
    cursor.lock().unwrap_or_else(PoisonError::into_inner).last = last;
    Ok(taken)
}

struct Taken {
    message: QueueMessage,
    owner: String,
}

impl FromRow<'_, SqliteRow> for Taken {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            owner: row.try_get("owner")?,
            message: QueueMessage {
                id: row.try_get("id")?,
                body: row.try_get("body")?,
                attempts: row.try_get("attempts")?,
                size_bytes: row.try_get::<i64, _>("size_bytes")?.unsigned_abs(),
                is_large: row.try_get::<i64, _>("lane")? != 0,
                receipt: row.try_get("receipt")?,
                pushes_joined: row.try_get("news")?,
            },
        })
    }
}

async fn take_one(
    tx: &mut SqliteConnection,
    statement: &'static str,
    lane: i64,
    last: &str,
    until: Timestamp,
) -> DbResult<Option<Taken>> {
    let taking = sqlx::query_as::<_, Taken>(statement)
        .bind(us(until).max(1))
        .bind(lane)
        .bind(last);
    taking.fetch_optional(tx).await
}

/// Acknowledges a delivery. Returns whether a later push makes the message visible again.
pub(crate) async fn ack(tx: &mut SqliteConnection, delivery: Delivery) -> DbResult<bool> {
    let acking = sqlx::query(statements::ACK)
        .bind(delivery.id)
        .bind(delivery.receipt)
        .bind(delivery.pushes_joined);
    if acking.execute(&mut *tx).await?.rows_affected() > 0 {
        return Ok(false);
    }
    let again = sqlx::query(statements::REDELIVER)
        .bind(delivery.id)
        .bind(delivery.receipt);
    Ok(again.execute(tx).await?.rows_affected() > 0)
}

/// Moves a message to the dead letters and removes the oldest ones above the limit.
pub(crate) async fn dead_letter(
    tx: &mut SqliteConnection,
    delivery: Delivery,
    reason: &str,
    now: Timestamp,
) -> DbResult<()> {
    let moving = sqlx::query(statements::DEAD_LETTER)
        .bind(delivery.id)
        .bind(delivery.receipt)
        .bind(delivery.pushes_joined)
        .bind(reason)
        .bind(us(now));
    let is_moved = moving.execute(&mut *tx).await?.rows_affected() > 0;
    ack(&mut *tx, delivery).await?;
    if is_moved {
        let oldest = us(now).saturating_sub(us(saturating_add_secs(
            Timestamp::UNIX_EPOCH,
            DEAD_LETTER_S,
        )));
        sqlx::query(statements::FORGET_OLD_LETTERS)
            .bind(oldest)
            .execute(&mut *tx)
            .await?;
        sqlx::query(statements::FORGET_MANY_LETTERS)
            .bind(i64::from(DEAD_LETTERS_MAX))
            .execute(tx)
            .await?;
    }
    Ok(())
}

/// Returns how long a message has waited since its push, in seconds.
pub(crate) fn waited_s(pushed_at_us: Option<i64>, now: Timestamp) -> u64 {
    // A message without a push time counts as new.
    let pushed_at_us = pushed_at_us.filter(|at| *at > 0).unwrap_or(i64::MAX);
    let waited_us = us(now).saturating_sub(pushed_at_us).max(0);
    waited_us.unsigned_abs() / 1_000_000
}
