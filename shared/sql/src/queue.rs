//! The ingest queue: a table of the same database, so that a record and its job are written together.

use std::sync::{Arc, Mutex, PoisonError};

use consign_core::events::{Decoded, EventSources, ObjectEvent};
use consign_core::ports::{Fault, IngestJob, IngestQueue, SweepJob};
use consign_core::time::{self, Timestamp, saturating_add_secs};

use crate::fault::fault;
use crate::messages::{self, MessageInfo, Turns};
use crate::row::us;
use crate::{Database, statements};

pub use crate::messages::{DEAD_LETTER_S, DEAD_LETTERS_MAX, QueueMessage, SMALL_BYTES_MAX};

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The number that it had.
    pub id: i64,
    /// What was pushed.
    pub body: String,
    /// How often it was delivered in vain.
    pub attempts: u32,
    /// Why it was given up.
    pub reason: String,
    /// When it was given up, to the microsecond.
    pub died_at: Timestamp,
}

/// How many messages a consumer has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Of files up to [`SMALL_BYTES_MAX`], or of unknown size.
    pub small: usize,
    /// Of larger ones.
    pub large: usize,
}

/// The ingest queue in SQLite: at least once, fair over owners, one message an upload. Clones share their connections.
///
/// Store events and ingest jobs go on it alike. A consumer takes messages with [`receive`](Self::receive) or
/// [`take`](Self::take) and ends each with [`ack`](Self::ack), [`retry`](Self::retry) or [`dead`](Self::dead). One that
/// dies in between has done nothing: its messages come again. What is pushed for an upload that is on the queue joins the
/// message there, and where that is in a consumer's hands, it comes again when the consumer is done with it.
#[derive(Debug, Clone)]
pub struct SqlQueue(pub(crate) Arc<Database>);

impl SqlQueue {
    /// Puts any text on the queue, durably. It is nobody's, and waits its turn among those.
    ///
    /// # Errors
    /// The database's fault; after [`TimedOut`](consign_core::ports::FaultKind::TimedOut) or
    /// [`Unreachable`](consign_core::ports::FaultKind::Unreachable) it may be there all the same.
    pub async fn push(&self, body: &str) -> Result<(), Fault> {
        self.put(body.to_owned(), Whose::Nobody, self.told()).await
    }

    /// Puts a store's notification on the queue, durably, as its upload's; `false`, and nothing is written, where it is
    /// of objects that are no upload's, such as our own outputs (invariants 22 and 27). One that cannot be understood is
    /// put there, to end among the dead letters with its reason.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub async fn tell(
        &self,
        sources: &EventSources,
        notification: &str,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        let whose = match sources.decode(notification.as_bytes()) {
            Ok(Decoded::Ignore) => return Ok(false),
            Ok(Decoded::Ok(records)) => match self.whose(&records).await? {
                None => return Ok(false),
                Some(whose) => whose,
            },
            Ok(Decoded::Partial { .. }) | Err(_) => Whose::Nobody,
        };
        self.put(notification.to_owned(), whose, now).await?;
        Ok(true)
    }

    /// Whose upload the records are of; `None` where of nobody's.
    async fn whose(&self, records: &[ObjectEvent]) -> Result<Option<Whose>, Fault> {
        let mut reader = self.0.readers.acquire().await;
        let reader = reader.as_mut().map_err(|error| {
            // The pool's error is not to be had by value from here.
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
            (1, Some(known)) => Some(Whose::Upload(known)),
            (_, Some(last)) => {
                let largest = found.iter().map(|known| known.size_bytes).max();
                let size_bytes = last.size_bytes.max(largest.unwrap_or(0));
                Some(Whose::Owner(MessageInfo { size_bytes, ..last }))
            }
        })
    }

    async fn put(&self, body: String, whose: Whose, now: Timestamp) -> Result<(), Fault> {
        let pushing = self.0.writer.write("push", move |tx| {
            Box::pin(async move {
                match whose {
                    Whose::Nobody => {
                        messages::push(tx, &body, &MessageInfo::default(), now).await?
                    }
                    Whose::Owner(known) => messages::push(tx, &body, &known, now).await?,
                    Whose::Upload(known) => messages::push_event(tx, &body, &known, now).await?,
                }
                Ok(())
            })
        });
        pushing.await?;
        self.0.pushed.notify_one();
        Ok(())
    }

    /// The latest time that a consumer told.
    fn told(&self) -> Timestamp {
        let turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.told.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Waits until this process put a message on the queue since the last wait ended. A message of another process, or
    /// one whose time comes, wakes nobody: wait with a time limit.
    pub async fn pushed(&self) {
        self.0.pushed.notified().await;
    }

    /// Takes up to `limit` messages in turn, of small files first, and hides them for `visibility_s` seconds.
    ///
    /// # Errors
    /// The database's fault.
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

    /// Takes as many messages as there is room for, in turn, and hides them for `visibility_s` seconds.
    ///
    /// # Errors
    /// The database's fault.
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
                messages::reveal(tx, &database.turns, now).await?;
                let lanes = [room.small, room.large];
                Ok(messages::take(tx, &database.turns, lanes, limit, until).await?)
            })
        });
        receiving.await
    }

    /// Makes every hidden message visible. For the start of the only process: whoever held them is dead.
    ///
    /// # Errors
    /// The database's fault.
    pub async fn release_all(&self) -> Result<(), Fault> {
        let releasing = self.0.writer.write("release_all", |tx| {
            let releasing = sqlx::query(statements::RELEASE_ALL);
            Box::pin(async move { Ok(releasing.execute(tx).await.map(drop)?) })
        });
        releasing.await
    }

    /// Removes a message that is done with; with news of its upload since the delivery, it comes again instead. Without
    /// effect where it was delivered again in between.
    ///
    /// # Errors
    /// The database's fault; the message comes again.
    pub async fn ack(&self, message: &QueueMessage) -> Result<(), Fault> {
        let delivery = messages::Delivery::of(message);
        let acking = self.0.writer.write("ack", move |tx| {
            Box::pin(async move { Ok(messages::ack(tx, delivery).await?) })
        });
        let is_news = acking.await?;
        if is_news {
            self.0.pushed.notify_one();
        }
        Ok(())
    }

    /// Gives a message back, to come again `delay_s` seconds from `now`. Without effect where it was delivered again
    /// in between.
    ///
    /// # Errors
    /// The database's fault; the message comes again when its visibility ends.
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

    /// Gives a message up: moves it to the dead letters with the reason, of which the oldest go. With news of its upload
    /// since the delivery, it comes again instead. Without effect where it was delivered again in between.
    ///
    /// # Errors
    /// The database's fault; the message comes again.
    pub async fn dead(
        &self,
        message: &QueueMessage,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), Fault> {
        let (delivery, reason) = (messages::Delivery::of(message), reason.to_owned());
        let burying = self.0.writer.write("dead", move |tx| {
            Box::pin(async move { Ok(messages::bury(tx, delivery, &reason, now).await?) })
        });
        burying.await
    }

    /// How many messages are not done with, hidden ones included.
    ///
    /// # Errors
    /// The database's fault.
    pub async fn depth(&self) -> Result<u64, Fault> {
        let counted = sqlx::query_scalar::<_, i64>(statements::DEPTH)
            .fetch_one(&self.0.readers)
            .await;
        let count = counted.map_err(|error| fault("depth", error))?;
        Ok(count.unsigned_abs())
    }

    /// How long the message that waits longest has waited, in seconds; 0 where none waits.
    ///
    /// # Errors
    /// The database's fault.
    pub async fn lag_s(&self, now: Timestamp) -> Result<u64, Fault> {
        let oldest = sqlx::query_scalar::<_, i64>(statements::OLDEST)
            .fetch_optional(&self.0.readers)
            .await;
        let pushed_at_us = oldest.map_err(|error| fault("lag_s", error))?;
        Ok(messages::waited_s(pushed_at_us, now))
    }

    /// The messages given up, newest first.
    ///
    /// # Errors
    /// The database's fault.
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

/// Whose turn a message waits for.
enum Whose {
    Nobody,
    /// Of one owner, about several of its uploads.
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
        let now = self.told();
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

/// A new memory.
pub(crate) fn turns() -> Mutex<Turns> {
    Mutex::default()
}
