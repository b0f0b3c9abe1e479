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
