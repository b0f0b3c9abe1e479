//! An in-memory ingest queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use consign_core::ports::{Fault, HIDDEN_MAX_S, IngestJob, IngestQueue, SweepJob};
use consign_core::time::{self, Timestamp, saturating_add_secs};

use crate::lock;

/// A received message. Only its latest delivery can acknowledge it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMessage {
    /// The id of the message.
    pub id: u64,
    /// The body as it was sent.
    pub body: String,
    /// The number of deliveries, including this one.
    pub attempts: u32,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadMessage {
    /// The body as it was sent.
    pub body: String,
    /// The reason.
    pub reason: String,
}

#[derive(Debug)]
struct Held {
    body: String,
    attempts: u32,
    available_at: Timestamp,
}

#[derive(Debug, Default)]
struct Lines {
    waiting: BTreeMap<u64, Held>,
    dead: Vec<DeadMessage>,
    sent: u64,
}

/// A queue with at-least-once delivery: a message that is not acknowledged in time is delivered again. Clones share the
/// queue.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue(Arc<Mutex<Lines>>);

impl MemoryQueue {
    /// Creates an empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Pushes any text, such as the event of a store.
    pub fn push(&self, body: impl Into<String>) {
        let mut lines = lock(&self.0);
        lines.sent += 1;
        let (id, held) = (
            lines.sent,
            Held {
                body: body.into(),
                attempts: 0,
                available_at: time::MIN,
            },
        );
        lines.waiting.insert(id, held);
    }

    /// Receives up to `limit` messages, oldest first, and hides them for `visibility_s` seconds.
    #[must_use]
    pub fn receive(&self, now: Timestamp, visibility_s: u64, limit: usize) -> Vec<QueueMessage> {
        let mut lines = lock(&self.0);
        let available = lines.waiting.iter_mut().filter(|(_, held)| {
            // Also messages that are hidden for longer than possible, since the clock was set back.
            held.available_at <= now || held.available_at > saturating_add_secs(now, HIDDEN_MAX_S)
        });
        available
            .take(limit)
            .map(|(&id, held)| {
                held.attempts += 1;
                held.available_at = saturating_add_secs(now, visibility_s);
                QueueMessage {
                    id,
                    body: held.body.clone(),
                    attempts: held.attempts,
                }
            })
            .collect()
    }

    /// Acknowledges a message. Does nothing if it was delivered again in between.
    pub fn ack(&self, message: &QueueMessage) {
        lock(&self.0).take(message);
    }

    /// Returns a message to the queue, to be delivered again `delay_s` seconds after `now`.
    pub fn retry(&self, message: &QueueMessage, now: Timestamp, delay_s: u64) {
        if let Some(held) = lock(&self.0).held(message) {
            held.available_at = saturating_add_secs(now, delay_s);
        }
    }

    /// Moves a message to the dead letters.
    pub fn dead(&self, message: &QueueMessage, reason: &str) {
        let mut lines = lock(&self.0);
        if let Some(held) = lines.take(message) {
            lines.dead.push(DeadMessage {
                body: held.body,
                reason: reason.to_owned(),
            });
        }
    }

    /// Returns the queued messages, including hidden ones.
    #[must_use]
    pub fn depth(&self) -> usize {
        lock(&self.0).waiting.len()
    }

    /// Returns the dead letters.
    #[must_use]
    pub fn dead_letters(&self) -> Vec<DeadMessage> {
        lock(&self.0).dead.clone()
    }
}

impl Lines {
    fn held(&mut self, message: &QueueMessage) -> Option<&mut Held> {
        let held = self.waiting.get_mut(&message.id)?;
        (held.attempts == message.attempts).then_some(held)
    }

    fn take(&mut self, message: &QueueMessage) -> Option<Held> {
        self.held(message)?;
        self.waiting.remove(&message.id)
    }
}

impl IngestQueue for MemoryQueue {
    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        self.push(job.to_body());
        Ok(())
    }

    async fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> Result<(), Fault> {
        for job in jobs {
            self.push(job.to_body());
        }
        Ok(())
    }
}
