//! The messages of the queue, as rows: pushed, taken in turn, ended. Each function is part of a transaction.

use std::sync::{Mutex, PoisonError};

use consign_core::ids::UploadId;
use consign_core::ports::IngestJob;
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::Upload;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{FromRow, Row as _};

use crate::row::{int, us};
use crate::statements;

/// The largest file of a small message, in bytes. Small ones have a lane of their own.
pub const SMALL_BYTES_MAX: u64 = 1 << 20;
/// The most dead letters that are kept.
pub const DEAD_LETTERS_MAX: u32 = 10_000;
pub use consign_core::operations::DEAD_LETTER_S;

/// A message in its consumer's hands. Once it was delivered again, this delivery of it can do nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// The queue's number for it; later messages have greater ones.
    pub id: i64,
    /// What was pushed.
    pub body: String,
    /// How often it was delivered in vain, this time included.
    pub attempts: u32,
    /// The size of its file, in bytes; 0 where nobody knows.
    pub size_bytes: u64,
    /// Whether its file is larger than [`SMALL_BYTES_MAX`].
    pub is_large: bool,
    /// Names this delivery.
    pub(crate) receipt: i64,
    /// What was known of its upload when it was delivered: news since then bring it again.
    pub(crate) news: i64,
}

/// What the queue remembers while the process lives.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    /// Whose turn it was last, in each lane.
    pub(crate) last: [String; LANES],
    /// The latest time that a consumer told; `None` before the first.
    pub(crate) told: Option<Timestamp>,
}

/// Small and large.
pub(crate) const LANES: usize = 2;
/// So many bytes of a large file are as one message more before it.
const PLACE_BYTES: u64 = 1 << 20;
/// The most messages that overtake a larger one.
const PLACES_MAX: u64 = 10_000;
/// How many messages whose time has come are revealed at once.
const REVEALED_MAX: i64 = 256;

/// What is known of a message's upload.
#[derive(Debug, Clone, Default)]
pub(crate) struct MessageInfo {
    pub(crate) owner: String,
    /// Empty where it is not of one upload.
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

    /// The same with the size that a store told of, where it did.
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
        int((self.size_bytes / PLACE_BYTES).min(PLACES_MAX))
    }
}

/// One delivery of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Delivery {
    id: i64,
    receipt: i64,
    news: i64,
}

impl Delivery {
    pub(crate) fn of(message: &QueueMessage) -> Self {
        Self {
            id: message.id,
            receipt: message.receipt,
            news: message.news,
        }
    }
}

type Done<T> = Result<T, sqlx::Error>;

/// The upload whose client puts this object.
pub(crate) async fn of_object(
    connection: &mut SqliteConnection,
    bucket: &str,
    key: &str,
) -> Done<Option<MessageInfo>> {
    let found = sqlx::query_as::<_, (String, String, Option<i64>)>(statements::WHOSE_OBJECT)
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

/// The upload of this id; nobody's where there is none.
pub(crate) async fn of_id(tx: &mut SqliteConnection, id: UploadId) -> Done<MessageInfo> {
    let upload_id = id.to_string();
    let found = sqlx::query_as::<_, (String, Option<i64>)>(statements::WHOSE_ID)
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

/// A message of its own.
pub(crate) async fn push(
    tx: &mut SqliteConnection,
    body: &str,
    known: &MessageInfo,
    now: Timestamp,
) -> Done<()> {
    put(tx, statements::PUSH, body, known, now).await.map(drop)
}

/// A job joins whatever is there of its upload: an event is as good a reason to look.
pub(crate) async fn push_job(
    tx: &mut SqliteConnection,
    job: IngestJob,
    known: &MessageInfo,
    now: Timestamp,
) -> Done<()> {
    let body = job.to_body();
    put(tx, statements::PUSH_JOB, &body, known, now)
        .await
        .map(drop)
}

/// An event takes the place of its upload's job, since it says more than that; beside another event it stands by
/// itself, since neither says what the other does.
pub(crate) async fn push_event(
    tx: &mut SqliteConnection,
    body: &str,
    known: &MessageInfo,
    now: Timestamp,
) -> Done<()> {
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
) -> Done<u64> {
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

/// Reveals the messages whose time has come. Where the clock went back since the last call, what is hidden is hidden
/// for as long as it was to be, and no longer.
pub(crate) async fn reveal(
    tx: &mut SqliteConnection,
    turns: &Mutex<Turns>,
    now: Timestamp,
) -> Done<()> {
    let told = turns.lock().unwrap_or_else(PoisonError::into_inner).told;
    if let Some(told) = told.filter(|told| *told > now) {
        let back_us = us(told).saturating_sub(us(now));
        tracing::warn!(operation = "receive", back_us, "the clock went back");
        let setting = sqlx::query(statements::SET_BACK).bind(back_us);
        setting.execute(&mut *tx).await?;
    }
    let revealing = sqlx::query(statements::REVEAL);
    let revealing = revealing.bind(us(now)).bind(REVEALED_MAX);
    revealing.execute(tx).await?;
    turns.lock().unwrap_or_else(PoisonError::into_inner).told = Some(now);
    Ok(())
}

/// Takes up to so many messages of each lane and of all together, an owner after the other.
pub(crate) async fn take(
    tx: &mut SqliteConnection,
    turns: &Mutex<Turns>,
    lanes: [usize; LANES],
    limit: usize,
    until: Timestamp,
) -> Done<Vec<QueueMessage>> {
    let mut last = {
        let turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.last.clone()
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
    turns.lock().unwrap_or_else(PoisonError::into_inner).last = last;
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
                news: row.try_get("news")?,
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
) -> Done<Option<Taken>> {
    let taking = sqlx::query_as::<_, Taken>(statement)
        .bind(us(until).max(1))
        .bind(lane)
        .bind(last);
    taking.fetch_optional(tx).await
}

/// Whether news brought it again.
pub(crate) async fn ack(tx: &mut SqliteConnection, delivery: Delivery) -> Done<bool> {
    let acking = sqlx::query(statements::ACK)
        .bind(delivery.id)
        .bind(delivery.receipt)
        .bind(delivery.news);
    if acking.execute(&mut *tx).await?.rows_affected() > 0 {
        return Ok(false);
    }
    let again = sqlx::query(statements::AGAIN)
        .bind(delivery.id)
        .bind(delivery.receipt);
    Ok(again.execute(tx).await?.rows_affected() > 0)
}

/// To the dead letters, which stay within their bounds.
pub(crate) async fn bury(
    tx: &mut SqliteConnection,
    delivery: Delivery,
    reason: &str,
    now: Timestamp,
) -> Done<()> {
    let burying = sqlx::query(statements::BURY)
        .bind(delivery.id)
        .bind(delivery.receipt)
        .bind(delivery.news)
        .bind(reason)
        .bind(us(now));
    let is_buried = burying.execute(&mut *tx).await?.rows_affected() > 0;
    ack(&mut *tx, delivery).await?;
    if is_buried {
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

/// How long a message that was pushed then has waited, in seconds.
pub(crate) fn waited_s(pushed_at_us: Option<i64>, now: Timestamp) -> u64 {
    // Where nobody said when, it counts as new.
    let pushed_at_us = pushed_at_us.filter(|at| *at > 0).unwrap_or(i64::MAX);
    let waited_us = us(now).saturating_sub(pushed_at_us).max(0);
    waited_us.unsigned_abs() / 1_000_000
}
