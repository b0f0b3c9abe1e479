//! The upload records and the ingest queue in one SQLite database.
//!
//! One connection writes, several read (write-ahead log). Every commit is synced to the disk before it is reported
//! (`synchronous = FULL`), so what was reported survives a restart and a power loss (invariant 9).

mod fault;
mod queue;
mod repo;
mod row;
mod statements;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use consign_core::ports::Fault;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{SqlSafeStr, Sqlite, Transaction};
use tokio::sync::Notify;

use fault::fault;

pub use queue::{DeadLetter, Message, SqlQueue};

/// How long a writer waits for another process's transaction, in seconds.
const BUSY_S: u64 = 5;
/// How long a call waits for a connection before it is throttled, in seconds.
const ACQUIRE_S: u64 = 10;
/// Connections that read at once.
const READERS_MAX: u32 = 4;

const _: () = assert!(
    BUSY_S < ACQUIRE_S,
    "who holds the connection gives up first"
);

/// The schema's history, oldest first: version, name, statements. What was released is never edited.
const MIGRATIONS: [(i64, &str, &str); 1] = [(
    1,
    "uploads",
    include_str!("../../../infra/migrations/sqlite/0001_uploads.sql"),
)];

#[derive(Debug)]
struct Database {
    writer: SqlitePool,
    readers: SqlitePool,
    pushed: Notify,
}

/// The upload records in SQLite. Clones share their connections.
#[derive(Debug, Clone)]
pub struct SqlRepo(Arc<Database>);

impl SqlRepo {
    /// Opens the database at `path`, makes it where it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// A fault of the operation `open`: the folder is missing or not ours, or the file is no database of consign.
    pub async fn open(path: &Path) -> Result<Self, Fault> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(BUSY_S))
            .synchronous(SqliteSynchronous::Full)
            // Without it macOS keeps what was synced in the drive's cache.
            .pragma("fullfsync", "1");
        let pool = || {
            SqlitePoolOptions::new()
                .acquire_timeout(Duration::from_secs(ACQUIRE_S))
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
        };
        let writing = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let opened = |error| fault("open", error);
        let writer = pool().max_connections(1).connect_with(writing);
        let writer = writer.await.map_err(opened)?;
        migrator()
            .run(&writer)
            .await
            .map_err(|e| opened(e.into()))?;
        let readers = pool().max_connections(READERS_MAX);
        let readers = readers.connect_with(options.read_only(true));
        Ok(Self(Arc::new(Database {
            writer,
            readers: readers.await.map_err(opened)?,
            pushed: Notify::new(),
        })))
    }

    /// The ingest queue, a table of the same database.
    #[must_use]
    pub fn queue(&self) -> SqlQueue {
        SqlQueue(Arc::clone(&self.0))
    }

    /// Asks the database for something.
    ///
    /// # Errors
    /// The fault that stands in the way.
    pub async fn ping(&self) -> Result<(), Fault> {
        let ping = sqlx::query(statements::PING).execute(&self.0.readers);
        ping.await.map(drop).map_err(|error| fault("ping", error))
    }

    /// Closes the connections once their work is done; later calls fail as unreachable.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }
}

impl Database {
    /// A transaction that has the right to write from its beginning, so that it never fails half way for want of it.
    async fn write(&self) -> Result<Transaction<'_, Sqlite>, sqlx::Error> {
        self.writer.begin_with("BEGIN IMMEDIATE").await
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, statements)| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, statements.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.to_vec())
}

#[cfg(test)]
mod tests {
    use consign_core::ports::{FaultKind, Inserted, UploadRepo};
    use consign_testkit::sample;

    use super::*;

    async fn fresh() -> (tempfile::TempDir, SqlRepo) {
        let folder = tempfile::TempDir::new().unwrap();
        let repo = SqlRepo::open(&folder.path().join("consign.db")).await;
        (folder, repo.unwrap())
    }

    #[tokio::test]
    async fn every_commit_is_logged_ahead_and_synced() {
        let (_folder, repo) = fresh().await;
        let mode = sqlx::query_scalar::<_, String>("PRAGMA journal_mode");
        assert_eq!(mode.fetch_one(&repo.0.writer).await.unwrap(), "wal");
        for (pragma, expected) in [("synchronous", 2), ("fullfsync", 1), ("foreign_keys", 1)] {
            let query = sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"));
            let found = sqlx::query_scalar::<_, i64>(query).fetch_one(&repo.0.writer);
            assert_eq!(found.await.unwrap(), expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn readers_cannot_write() {
        let (_folder, repo) = fresh().await;
        let write = sqlx::query("DELETE FROM uploads").execute(&repo.0.readers);
        let fault = fault("test", write.await.unwrap_err());
        assert_eq!(fault.kind, FaultKind::Denied);
    }

    #[tokio::test]
    async fn a_full_disk_is_told_apart_and_leaves_no_trace() {
        let (_folder, repo) = fresh().await;
        let bound = sqlx::query("PRAGMA max_page_count = 60").fetch_one(&repo.0.writer);
        bound.await.unwrap();
        let mut stored = 0;
        let fault = loop {
            let new = sample::new(sample::upload("ada", stored));
            match repo.insert_pending(&new, sample::start()).await {
                Ok(inserted) => assert_eq!(inserted, Inserted::Created),
                Err(fault) => break fault,
            }
            stored += 1;
        };
        assert_eq!(fault.kind, FaultKind::Full);
        assert!(stored > 10);
        let reserved = repo.reserved_bytes(&sample::owner("ada")).await.unwrap();
        assert_eq!(reserved, u64::from(stored) * 100);
        assert!(repo.find(sample::id(0)).await.unwrap().is_some());
        assert_eq!(repo.find(sample::id(stored)).await.unwrap(), None);
    }
}
