//! The ingest queue: a table of the same database, so that a record and its job are written together.

use std::sync::Arc;

use consign_core::ports::{Fault, IngestJob, IngestQueue};
use consign_core::upload::add_s;
use jiff::Timestamp;
use sqlx::sqlite::SqliteConnection;

use crate::fault::fault;
use crate::row::us;
use crate::{Database, statements};

/// A message in its consumer's hands. Once it was delivered again, this delivery of it can do nothing more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The queue's number for it; later messages have greater ones.
    pub id: i64,
    /// What was pushed.
    pub body: String,
    /// How often it was delivered, this time included.
    pub attempts: u32,
}

/// A message that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// The message as it was last delivered.
    pub message: Message,
    /// Why it was given up.
    pub reason: String,
    /// When it was given up, to the microsecond.
    pub died_at: Timestamp,
}

/// The ingest queue in SQLite: at least once, oldest first. Clones share their connections.
///
/// Store events and ingest jobs go on it alike; a body is any text. A consumer takes messages with
/// [`receive`](Self::receive) and ends each with [`ack`](Self::ack), [`retry`](Self::retry) or [`dead`](Self::dead).
/// One that dies in between has done nothing: its messages come again.
#[derive(Debug, Clone)]
pub struct SqlQueue(pub(crate) Arc<Database>);

impl SqlQueue {
    /// Puts a message on the queue, durably.
    ///
    /// # Errors
    /// The database's fault; after [`TimedOut`](consign_core::ports::FaultKind::TimedOut) or
    /// [`Unreachable`](consign_core::ports::FaultKind::Unreachable) it may be there all the same.
    pub async fn push(&self, body: &str) -> Result<(), Fault> {
        let body = body.to_owned();
        let pushing = self.0.writer.write("push", |tx| {
            Box::pin(async move {
                let pushing = sqlx::query(statements::PUSH).bind(body);
                Ok(pushing.execute(tx).await.map(drop)?)
            })
        });
        pushing.await?;
        self.0.pushed.notify_one();
        Ok(())
    }

    /// Waits until this process put a message on the queue since the last wait ended. A message of another process, or
    /// one whose time comes, wakes nobody: wait with a time limit.
    pub async fn pushed(&self) {
        self.0.pushed.notified().await;
    }

    /// Takes up to `limit` messages, oldest first, and hides them for `visibility_s` seconds.
    ///
    /// # Errors
    /// The database's fault.
    pub async fn receive(
        &self,
        now: Timestamp,
        visibility_s: u64,
        limit: usize,
    ) -> Result<Vec<Message>, Fault> {
        let receiving = self.0.writer.write("receive", move |tx| {
            let receiving = sqlx::query_as::<_, (i64, String, u32)>(statements::RECEIVE)
                .bind(us(now))
                .bind(us(add_s(now, visibility_s)))
                .bind(i64::try_from(limit).unwrap_or(i64::MAX));
            Box::pin(async move { Ok(receiving.fetch_all(tx).await?) })
        });
        let received = receiving.await?;
        let mut messages: Vec<Message> = received
            .into_iter()
            .map(|(id, body, attempts)| Message { id, body, attempts })
            .collect();
        // RETURNING promises no order.
        messages.sort_unstable_by_key(|message| message.id);
        Ok(messages)
    }

    /// Removes a message that is done with. Without effect where it was delivered again in between.
    ///
    /// # Errors
    /// The database's fault; the message comes again.
    pub async fn ack(&self, message: &Message) -> Result<(), Fault> {
        let acking = sqlx::query(statements::ACK)
            .bind(message.id)
            .bind(message.attempts);
        let acking = self.0.writer.write("ack", |tx| {
            Box::pin(async move { Ok(acking.execute(tx).await.map(drop)?) })
        });
        acking.await
    }

    /// Gives a message back, to come again `delay_s` seconds from `now`. Without effect where it was delivered again
    /// in between.
    ///
    /// # Errors
    /// The database's fault; the message comes again when its visibility ends.
    pub async fn retry(
        &self,
        message: &Message,
        now: Timestamp,
        delay_s: u64,
    ) -> Result<(), Fault> {
        let retrying = sqlx::query(statements::RETRY)
            .bind(message.id)
            .bind(message.attempts)
            .bind(us(add_s(now, delay_s)));
        let retrying = self.0.writer.write("retry", |tx| {
            Box::pin(async move { Ok(retrying.execute(tx).await.map(drop)?) })
        });
        retrying.await
    }

    /// Gives a message up: moves it to the dead letters with the reason. Without effect where it was delivered again
    /// in between.
    ///
    /// # Errors
    /// The database's fault; the message comes again.
    pub async fn dead(&self, message: &Message, reason: &str, now: Timestamp) -> Result<(), Fault> {
        let (delivery, reason) = ((message.id, message.attempts), reason.to_owned());
        let burying = self.0.writer.write("dead", move |tx| {
            Box::pin(async move { Ok(bury(tx, delivery, (&reason, now)).await?) })
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
                message: Message { id, body, attempts },
                reason,
                died_at: Timestamp::from_microsecond(died_at_us).unwrap_or(Timestamp::MAX),
            })
            .collect())
    }
}

async fn bury(
    tx: &mut SqliteConnection,
    (id, attempts): (i64, u32),
    (reason, now): (&str, Timestamp),
) -> Result<(), sqlx::Error> {
    sqlx::query(statements::BURY)
        .bind(id)
        .bind(attempts)
        .bind(reason)
        .bind(us(now))
        .execute(&mut *tx)
        .await?;
    sqlx::query(statements::ACK)
        .bind(id)
        .bind(attempts)
        .execute(&mut *tx)
        .await
        .map(drop)
}

impl IngestQueue for SqlQueue {
    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        self.push(&job.to_body()).await
    }
}
