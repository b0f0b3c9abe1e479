//! The ingest queue: a table of the same database, so that a record and its job share a transaction.

use std::sync::{Arc, Mutex, PoisonError};

use consign_core::events::{Decoded, EventSources, ObjectEvent};
use consign_core::ports::{Fault, IngestJob, IngestQueue, SweepJob};
use consign_core::time::{self, Timestamp, saturating_add_secs};

use crate::fault::fault;
use crate::messages::{self, MessageInfo, QueueCursor};
use crate::row::us;
use crate::{Database, statements};

pub use crate::messages::{DEAD_LETTER_S, DEAD_LETTERS_MAX, QueueMessage, SMALL_BYTES_MAX};

/// A message that the queue gave up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The id of the message.
    pub id: i64,
    /// The body as it was pushed.
    pub body: String,
    /// The number of deliveries.
    pub attempts: u32,
    /// Why it was given up.
    pub reason: String,
    /// When it was given up, to the microsecond.
    pub died_at: Timestamp,
}

/// The number of messages that a consumer accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// For files up to [`SMALL_BYTES_MAX`], or of unknown size.
    pub small: usize,
    /// For larger files.
    pub large: usize,
}

/// The ingest queue in SQLite: at-least-once delivery, fair over owners, one message per upload. Clones share the
/// connections.
///
/// The queue carries store events and ingest jobs. A consumer receives messages with [`receive`](Self::receive) or
/// [`take`](Self::take) and ends each with [`ack`](Self::ack), [`retry`](Self::retry) or [`dead`](Self::dead). If the
/// consumer's process ends in between, its messages are delivered again. A push for an upload that is already queued
/// joins the queued message. If that message is being processed, it is delivered again afterwards.
#[derive(Debug, Clone)]
pub struct SqlQueue(pub(crate) Arc<Database>);

impl SqlQueue {
    /// Pushes any text, durably. The message has no owner and shares the turn of all messages without an owner.
    ///
    /// # Errors
    /// The fault of the database. After [`TimedOut`](consign_core::ports::FaultKind::TimedOut) or
    /// [`Unreachable`](consign_core::ports::FaultKind::Unreachable), the message may have been stored.
    pub async fn push(&self, body: &str) -> Result<(), Fault> {
        self.put(body.to_owned(), FairnessKey::Unowned, self.latest_now())
            .await
    }

    /// Pushes a notification of a store, durably, as a message of its upload. Returns `false` and writes nothing if
    /// none of its objects belongs to an upload, such as our own outputs (invariants 22 and 27). A notification that
    /// cannot be decoded is pushed too, and becomes a dead letter with its reason.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub async fn tell(
        &self,
        sources: &EventSources,
        notification: &str,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let fairness_key = match sources.decode(notification.as_bytes()) {
            Ok(Decoded::Ignore) => return Ok(false),
            Ok(Decoded::Ok(records)) => match self.fairness_key(&records).await? {
                None => return Ok(false),
                Some(fairness_key) => fairness_key,
            },
            Ok(Decoded::Partial { .. }) | Err(_) => FairnessKey::Unowned,
        };
        self.put(notification.to_owned(), fairness_key, now).await?;
        Ok(true)
    }

    /// Returns the fairness key of the records; `None` if they belong to no upload.
    async fn fairness_key(&self, records: &[ObjectEvent]) -> Result<Option<FairnessKey>, Fault> {
        let mut reader = self.0.readers.acquire().await;
        let reader = reader.as_mut().map_err(|error| {
            // The pool returns the error by reference here.
            Fault::new(crate::fault::kind(error), "tell", error.to_string())
        })?;
        let mut found = Vec::new();
        for record in records {
            let known = messages::of_object(reader, &record.bucket, &record.key).await;
            if let Some(known) = known.map_err(|error| fault("tell", error))? {
                found.push(known.of_size(record.size_bytes));
            }
        }
        Ok(match (records.len(), found.pop()) {
            (_, None) => None,
            (1, Some(known)) => Some(FairnessKey::Upload(known)),
            (_, Some(last)) => {
                let largest = found.iter().map(|known| known.size_bytes).max();
                let size_bytes = last.size_bytes.max(largest.unwrap_or(0));
                Some(FairnessKey::Owner(MessageInfo { size_bytes, ..last }))
            }
        })
    }

    async fn put(
        &self,
        body: String,
        fairness_key: FairnessKey,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let pushing = self.0.writer.write("push", move |tx| {
            Box::pin(async move {
                match fairness_key {
                    FairnessKey::Unowned => {
                        messages::push(tx, &body, &MessageInfo::default(), now).await?
                    }
                    FairnessKey::Owner(known) => messages::push(tx, &body, &known, now).await?,
                    FairnessKey::Upload(known) => {
                        messages::push_event(tx, &body, &known, now).await?
                    }
                }
                Ok(())
            })
        });
        pushing.await?;
        self.0.pushed.notify_one();
        Ok(())
    }

    /// Returns the latest time that a consumer passed.
    fn latest_now(&self) -> Timestamp {
        let cursor = self.0.cursor.lock().unwrap_or_else(PoisonError::into_inner);
        cursor.latest_now.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Waits until this process has pushed a message since the last wait. Messages of other processes and messages that
    /// become due do not wake the caller, so combine this with a timeout.
    pub async fn pushed(&self) {
        self.0.pushed.notified().await;
    }

    /// Receives up to `limit` messages, those of small files first, and hides them for `visibility_s` seconds.
    ///
    /// # Errors
    /// The fault of the database.
    pub async fn receive(
        &self,
        now: Timestamp,
        visibility_s: u64,
        limit: usize,
    ) -> Result<Vec<QueueMessage>, Fault> {
        let room = Room {
            small: limit,
            large: limit,
        };
        self.deliver(now, visibility_s, room, limit).await
    }

    /// Receives as many messages as `room` allows and hides them for `visibility_s` seconds.
    ///
    /// # Errors
    /// The fault of the database.
    pub async fn take(
        &self,
        now: Timestamp,
        visibility_s: u64,
        room: Room,
    ) -> Result<Vec<QueueMessage>, Fault> {
        let limit = room.small.saturating_add(room.large);
        self.deliver(now, visibility_s, room, limit).await
    }

    async fn deliver(
        &self,
        now: Timestamp,
        visibility_s: u64,
        room: Room,
        limit: usize,
    ) -> Result<Vec<QueueMessage>, Fault> {
        let until = saturating_add_secs(now, visibility_s);
        let database = Arc::downgrade(&self.0);
        let receiving = self.0.writer.write("receive", move |tx| {
            Box::pin(async move {
                let Some(database) = database.upgrade() else {
                    return Ok(Vec::new());
                };
                messages::reveal(tx, &database.cursor, now).await?;
                let lanes = [room.small, room.large];
                Ok(messages::take(tx, &database.cursor, lanes, limit, until).await?)
            })
        });
        receiving.await
    }

    /// Makes every hidden message visible. Call this at the start of the only process: earlier consumers have ended.
    ///
    /// # Errors
    /// The fault of the database.
    pub async fn release_all(&self) -> Result<(), Fault> {
        let releasing = self.0.writer.write("release_all", |tx| {
            let releasing = sqlx::query(statements::RELEASE_ALL);
            Box::pin(async move { Ok(releasing.execute(tx).await.map(drop)?) })
        });
        releasing.await
    }

    /// Acknowledges a message and removes it. If a push joined it since the delivery, the message is delivered again
    /// instead. Does nothing if the message was delivered again in between.
    ///
    /// # Errors
    /// The fault of the database. The message is then delivered again.
    pub async fn ack(&self, message: &QueueMessage) -> Result<(), Fault> {
        let delivery = messages::Delivery::of(message);
        let acking = self.0.writer.write("ack", move |tx| {
            Box::pin(async move { Ok(messages::ack(tx, delivery).await?) })
        });
        let is_redelivered = acking.await?;
        if is_redelivered {
            self.0.pushed.notify_one();
        }
        Ok(())
    }

    /// Returns a message to the queue. It is delivered again `delay_s` seconds after `now`. Does nothing if the message
    /// was delivered again in between.
    ///
    /// # Errors
    /// The fault of the database. The message is then delivered again when its visibility timeout ends.
    pub async fn retry(
        &self,
        message: &QueueMessage,
        now: Timestamp,
        delay_s: u64,
    ) -> Result<(), Fault> {
        let (id, receipt) = (message.id, message.receipt);
        let until_us = match delay_s {
            0 => 0,
            _ => us(saturating_add_secs(now, delay_s)).max(1),
        };
        let retrying = self.0.writer.write("retry", move |tx| {
            let retrying = sqlx::query(statements::RETRY);
            let retrying = retrying.bind(id).bind(receipt).bind(until_us);
            Box::pin(async move { Ok(retrying.execute(tx).await.map(drop)?) })
        });
        retrying.await
    }

    /// Moves a message to the dead letters with the reason, and removes the oldest dead letters above the limit. If a
    /// push joined it since the delivery, the message is delivered again instead. Does nothing if the message was
    /// delivered again in between.
    ///
    /// # Errors
    /// The fault of the database. The message is then delivered again.
    pub async fn dead(
        &self,
        message: &QueueMessage,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (delivery, reason) = (messages::Delivery::of(message), reason.to_owned());
        let moving = self.0.writer.write("dead", move |tx| {
            Box::pin(async move { Ok(messages::dead_letter(tx, delivery, &reason, now).await?) })
        });
        moving.await
    }

    /// Returns the number of queued messages, including hidden ones.
    ///
    /// # Errors
    /// The fault of the database.
    pub async fn depth(&self) -> Result<u64, Fault> {
        let counted = sqlx::query_scalar::<_, i64>(statements::DEPTH)
            .fetch_one(&self.0.readers)
            .await;
        let count = counted.map_err(|error| fault("depth", error))?;
        Ok(count.unsigned_abs())
    }

    /// Returns the age of the oldest visible message, in seconds; 0 if there is none.
    ///
    /// # Errors
    /// The fault of the database.
    pub async fn lag_s(&self, now: Timestamp) -> Result<u64, Fault> {
        let oldest = sqlx::query_scalar::<_, i64>(statements::OLDEST)
            .fetch_optional(&self.0.readers)
            .await;
        let pushed_at_us = oldest.map_err(|error| fault("lag_s", error))?;
        Ok(messages::waited_s(pushed_at_us, now))
    }

    /// Returns the dead letters, newest first.
    ///
    /// # Errors
    /// The fault of the database.
    pub async fn dead_letters(&self, limit: usize) -> Result<Vec<DeadLetter>, Fault> {
        let letters =
            sqlx::query_as::<_, (i64, String, u32, String, i64)>(statements::DEAD_LETTERS)
                .bind(i64::try_from(limit).unwrap_or(i64::MAX))
                .fetch_all(&self.0.readers)
                .await
                .map_err(|error| fault("dead_letters", error))?;
        let letters = letters.into_iter();
        Ok(letters
            .map(|(id, body, attempts, reason, died_at_us)| DeadLetter {
                id,
                body,
                attempts,
                reason,
                died_at: time::from_micros(died_at_us).unwrap_or(time::MAX),
            })
            .collect())
    }
}

/// The key by which messages take cursor.
enum FairnessKey {
    Unowned,
    /// Several uploads of one owner.
    Owner(MessageInfo),
    Upload(MessageInfo),
}

impl IngestQueue for SqlQueue {
    async fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> Result<(), Fault> {
        for job in jobs {
            self.push(&job.to_body()).await?;
        }
        Ok(())
    }

    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        let now = self.latest_now();
        let sending = self.0.writer.write("push", move |tx| {
            Box::pin(async move {
                let known = messages::of_id(tx, job.ingest).await?;
                Ok(messages::push_job(tx, job, &known, now).await?)
            })
        });
        sending.await?;
        self.0.pushed.notify_one();
        Ok(())
    }
}

/// Returns an empty cursor.
pub(crate) fn cursor() -> Mutex<QueueCursor> {
    Mutex::default()
}
