//! The upload records and the ingest queue, in one SQLite database.
//!
//! One connection writes and several read (write-ahead log). Every commit is synced to disk before it is reported
//! (`synchronous = FULL`), so a reported write survives a restart and a power loss (invariant 9). Concurrent writes
//! share a commit.

mod fault;
mod files;
mod messages;
mod queue;
mod repo;
mod row;
mod statements;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use consign_core::ids::UploadId;
use consign_core::ports::{Fault, FaultKind};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, SqlSafeStr};
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use fault::fault;
use messages::QueueCursor;
use writer::Writer;

pub use queue::{
    DEAD_LETTER_S, DEAD_LETTERS_MAX, DeadLetter, QueueMessage, Room, SMALL_BYTES_MAX, SqlQueue,
};

/// How long a writer waits for the transaction of another process, in seconds.
const BUSY_S: u64 = 5;
/// How long a call waits for a connection before it fails as throttled, in seconds.
const ACQUIRE_S: u64 = 10;
/// The number of concurrent read connections.
const READERS_MAX: u32 = 4;

/// The size of the health check's trial write, in bytes. One or two pages may still fit on a full disk, so it is
/// larger.
const TRIAL_BYTES: i64 = 64 << 10;

/// The migrations, oldest first: version, name, statements. A released migration is never edited.
const MIGRATIONS: [(i64, &str, &str); 5] = [
    (
        1,
        "uploads",
        include_str!("../../../infra/migrations/sqlite/0001_uploads.sql"),
    ),
    (
        2,
        "trial",
        include_str!("../../../infra/migrations/sqlite/0002_trial.sql"),
    ),
    (
        3,
        "queue",
        include_str!("../../../infra/migrations/sqlite/0003_queue.sql"),
    ),
    (
        4,
        "sweep",
        include_str!("../../../infra/migrations/sqlite/0004_sweep.sql"),
    ),
    (
        5,
        "files and buckets",
        include_str!("../../../infra/migrations/sqlite/0005_files_and_buckets.sql"),
    ),
];

#[derive(Debug)]
struct Database {
    writer: Writer,
    readers: SqlitePool,
    pushed: Notify,
    cursor: Mutex<QueueCursor>,
    /// The result of the integrity check if it found damage. Empty if the database is intact or not checked yet.
    damage: Arc<OnceLock<String>>,
    checking: AbortHandle,
}

impl Drop for Database {
    fn drop(&mut self) {
        self.checking.abort();
    }
}

/// The upload records in SQLite. Clones share the connections.
#[derive(Debug, Clone)]
pub struct SqlRepo(Arc<Database>);

impl SqlRepo {
    /// Opens the database at `path`, creates it if it is missing, and applies pending migrations.
    ///
    /// # Errors
    /// A fault of the operation `open` if the folder is missing or not writable, or if the file is not a consign
    /// database.
    pub async fn open(path: &Path) -> Result<Self, Fault> {
        // The permissions are set before the file has content.
        if let Err(error) = files::make_private(path) {
            tracing::warn!(operation = "open", %error, "others may read the database");
        }
        Self::open_by(Self::options(path)).await
    }

    fn options(path: &Path) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(BUSY_S))
            .synchronous(SqliteSynchronous::Full)
            // Without this, macOS keeps synced data in the cache of the drive.
            .pragma("fullfsync", "1")
    }

    async fn open_by(options: SqliteConnectOptions) -> Result<Self, Fault> {
        let writing = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal);
        let opened = |error| fault("open", error);
        let mut first = writing.connect().await.map_err(opened)?;
        let migrated = migrator().run(&mut first).await;
        migrated.map_err(|error| opened(error.into()))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(Duration::from_secs(ACQUIRE_S))
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.clone().read_only(true));
        let readers = readers.await.map_err(opened)?;
        let damage = Arc::default();
        let checking = tokio::spawn(check(options.clone().read_only(true), Arc::clone(&damage)));
        // Only the first connection creates the file. If the file is removed later, a write fails instead of starting
        // anew.
        let writer = Writer::start(first, options);
        let writer = writer.map_err(|error| Fault::new(FaultKind::Other, "open", error))?;
        Ok(Self(Arc::new(Database {
            readers,
            damage,
            checking: checking.abort_handle(),
            writer,
            pushed: Notify::new(),
            cursor: queue::cursor(),
        })))
    }

    /// Returns the ingest queue, which is a table of the same database.
    #[must_use]
    pub fn queue(&self) -> SqlQueue {
        SqlQueue(Arc::clone(&self.0))
    }

    /// Runs a query, and writes and syncs a row.
    ///
    /// # Errors
    /// The fault that other callers would get as well.
    pub async fn ping(&self) -> Result<(), Fault> {
        if let Some(damage) = self.0.damage.get() {
            return Err(Fault::new(FaultKind::Other, "quick_check", damage.clone()));
        }
        let ping = sqlx::query(statements::PING).execute(&self.0.readers);
        ping.await.map_err(|error| fault("ping", error))?;
        let trial = self.0.writer.write("ping", |tx| {
            Box::pin(async move {
                let trial = sqlx::query(statements::TRIAL_WRITE).bind(TRIAL_BYTES);
                trial.execute(&mut *tx).await?;
                let end = sqlx::query(statements::END_TRIAL_WRITE).execute(tx);
                Ok(end.await.map(drop)?)
            })
        });
        trial.await
    }

    /// Returns the uploads that have a lease, each with the token of the lease. At the start of the only process, these
    /// are the leases of the previous process.
    ///
    /// # Errors
    /// The fault of the database.
    pub async fn leases(&self) -> Result<Vec<(UploadId, String)>, Fault> {
        const OPERATION: &str = "leases";
        let rows = sqlx::query_as::<_, (String, String)>(statements::LEASES)
            .fetch_all(&self.0.readers)
            .await
            .map_err(|error| fault(OPERATION, error))?;
        let leases = rows.into_iter();
        leases
            .map(|(id, token)| Ok((row::read_id(OPERATION, &id)?, token)))
            .collect()
    }

    /// Closes the connections when their work is done. Later calls fail as unreachable.
    pub async fn close(&self) {
        self.0.checking.abort();
        self.0.readers.close().await;
        self.0.writer.close().await;
    }
}

/// Checks every page once, in the background, so that damage is reported before a read fails.
async fn check(options: SqliteConnectOptions, damage: Arc<OnceLock<String>>) {
    let checked = async {
        let mut connection = options.connect().await?;
        let check = sqlx::query_scalar::<_, String>(statements::QUICK_CHECK);
        check.fetch_one(&mut connection).await
    };
    match checked.await {
        Ok(verdict) if verdict == "ok" => {}
        Ok(verdict) => {
            tracing::error!(
                operation = "quick_check",
                verdict,
                "the database is damaged"
            );
            // The check runs once, so the cell is empty.
            let _ = damage.set(verdict);
        }
        Err(error) if fault::is_damage(&error) => {
            tracing::error!(operation = "quick_check", %error, "the database is damaged");
            let _ = damage.set(error.to_string());
        }
        Err(error) => {
            tracing::warn!(operation = "quick_check", %error, "the integrity check did not run");
        }
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
mod tests;
