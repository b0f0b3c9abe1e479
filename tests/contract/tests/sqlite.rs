//! SQLite keeps the contract.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

use consign_core::ports::{Fault, IngestJob, IngestQueue, SweepJob};
use consign_core::time::Timestamp;
use consign_sql::{QueueMessage, SqlQueue, SqlRepo};
use consign_testkit::contract::{Consume, Delivery};
use tempfile::TempDir;

async fn open() -> (TempDir, SqlRepo) {
    let folder = TempDir::new().unwrap();
    let repo = SqlRepo::open(&folder.path().join("consign.db")).await;
    (folder, repo.unwrap())
}

mod repo {
    consign_testkit::upload_repo_contract!(super::open);
}

mod queue {
    use super::{Queue, open};

    async fn make() -> (tempfile::TempDir, Queue) {
        let (folder, repo) = open().await;
        (folder, Queue(repo.queue()))
    }

    consign_testkit::ingest_queue_contract!(make);
    consign_testkit::ingest_queue_clock_contract!(make);
}

/// The adapter's queue, as the contract asks.
struct Queue(SqlQueue);

#[derive(Clone)]
struct Held(QueueMessage);

impl Delivery for Held {
    fn body(&self) -> &str {
        &self.0.body
    }

    fn attempts(&self) -> u32 {
        self.0.attempts
    }
}

impl IngestQueue for Queue {
    async fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> Result<(), Fault> {
        self.0.send_sweep_jobs(jobs).await
    }

    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        self.0.send(job).await
    }
}

impl Consume for Queue {
    type Message = Held;

    async fn receive(
        &self,
        now: Timestamp,
        visibility_s: u64,
        limit: usize,
    ) -> Result<Vec<Held>, Fault> {
        let received = self.0.receive(now, visibility_s, limit).await?;
        Ok(received.into_iter().map(Held).collect())
    }

    async fn ack(&self, message: &Held) -> Result<(), Fault> {
        self.0.ack(&message.0).await
    }

    async fn retry(&self, message: &Held, now: Timestamp, delay_s: u64) -> Result<(), Fault> {
        self.0.retry(&message.0, now, delay_s).await
    }

    async fn dead(&self, message: &Held, reason: &str, now: Timestamp) -> Result<(), Fault> {
        self.0.dead(&message.0, reason, now).await
    }

    async fn depth(&self) -> Result<u64, Fault> {
        self.0.depth().await
    }

    async fn dead_letters(&self) -> Result<Vec<(String, String)>, Fault> {
        let letters = self.0.dead_letters(usize::MAX).await?;
        let pair = |letter: consign_sql::DeadLetter| (letter.body, letter.reason);
        Ok(letters.into_iter().map(pair).collect())
    }
}
