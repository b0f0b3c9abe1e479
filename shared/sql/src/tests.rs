use std::path::PathBuf;

use consign_core::ports::{FaultKind, Inserted, ListFilter, UploadRepo};
use consign_testkit::contract::below::Medium;
use consign_testkit::sample;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use tempfile::TempDir;
use tokio::sync::Mutex;

use super::*;

async fn fresh() -> (TempDir, SqlRepo) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consign.db");
    let options = SqlRepo::options(&path).busy_timeout(Duration::from_millis(100));
    (folder, SqlRepo::open_by(options).await.unwrap())
}

/// Returns a `PRAGMA` of the writable connection.
async fn pragma(repo: &SqlRepo, pragma: String) -> String {
    let asking = repo.0.writer.write("pragma", move |tx| {
        Box::pin(async move {
            let query = sqlx::AssertSqlSafe(format!("PRAGMA {pragma}"));
            let row = sqlx::query(query).fetch_one(tx).await?;
            Ok(sqlx::Row::try_get_unchecked::<String, _>(&row, 0)?)
        })
    });
    asking.await.unwrap()
}

#[tokio::test]
async fn every_commit_is_logged_ahead_and_synced() {
    let (_folder, repo) = fresh().await;
    assert_eq!(pragma(&repo, "journal_mode".to_owned()).await, "wal");
    for (name, expected) in [
        ("synchronous", "2"),
        ("fullfsync", "1"),
        ("foreign_keys", "1"),
    ] {
        assert_eq!(pragma(&repo, name.to_owned()).await, expected, "{name}");
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
async fn writes_at_once_share_a_commit() {
    const TOGETHER: u32 = 100;
    let (folder, repo) = fresh().await;
    let path = folder.path().join("consign.db");
    let mut beside = SqliteConnection::connect(path.to_str().unwrap())
        .await
        .unwrap();
    // Counts the commits of other connections, from the first read on.
    let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version");
    let first_version: i64 = version.fetch_one(&mut beside).await.unwrap();
    let inserts = (0..TOGETHER).map(|number| {
        let repo = repo.clone();
        async move {
            let new = sample::new(sample::upload("ada", number));
            repo.insert_pending(&new, sample::start()).await.unwrap()
        }
    });
    let frames = async || {
        let wal = folder.path().join("consign.db-wal");
        std::fs::metadata(wal).unwrap().len() / 4096
    };
    let before = frames().await;
    let inserted = futures_util::future::join_all(inserts).await;
    assert!(
        inserted
            .iter()
            .all(|inserted| *inserted == Inserted::Created)
    );
    let written = frames().await - before;
    // Separate commits would write the pages of the tables and indexes each time, six or more.
    assert!(written < u64::from(TOGETHER) * 3, "{written} pages");
    let version = sqlx::query_scalar::<_, i64>("PRAGMA data_version");
    assert_ne!(version.fetch_one(&mut beside).await.unwrap(), first_version);
}

#[tokio::test]
async fn a_failed_operation_undoes_itself_alone() {
    let (_folder, repo) = fresh().await;
    let writer = &repo.0.writer;
    let push = |body: &'static str, then: &'static str| {
        writer.write("test", move |tx| {
            Box::pin(async move {
                messages::push(tx, body, &messages::MessageInfo::default(), sample::start())
                    .await?;
                Ok(sqlx::query(then).execute(tx).await.map(drop)?)
            })
        })
    };
    let done = tokio::join!(
        push("first", "SELECT 1"),
        push("second", "INSERT INTO owners (owner) VALUES (NULL)"),
        push("third", "SELECT 1"),
    );
    assert!(done.0.is_ok() && done.1.is_err() && done.2.is_ok());
    let received = repo.queue().receive(sample::start(), 30, 10).await.unwrap();
    let bodies: Vec<_> = received
        .iter()
        .map(|message| message.body.as_str())
        .collect();
    assert_eq!(bodies, ["first", "third"]);
}

#[tokio::test]
async fn health_reports_when_nothing_can_be_written() {
    let (_folder, repo) = fresh().await;
    let pages: String = pragma(&repo, "page_count".to_owned()).await;
    pragma(&repo, format!("max_page_count = {pages}")).await;
    let fault = repo.ping().await.unwrap_err();
    assert_eq!((fault.kind, fault.operation), (FaultKind::Full, "ping"));
    pragma(&repo, "max_page_count = 1000000".to_owned()).await;
    for _ in 0..3 {
        repo.ping().await.unwrap();
    }
    let left = sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM trial");
    assert_eq!(left.fetch_one(&repo.0.readers).await.unwrap(), 1);
}

async fn plan(repo: &SqlRepo, query: &str) -> String {
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
    let plan = sqlx::query_as::<_, (i64, i64, i64, String)>(explain);
    let plan = plan.fetch_all(&repo.0.readers).await.unwrap();
    plan.into_iter().map(|step| step.3 + "\n").collect()
}

#[tokio::test]
async fn every_listing_is_read_from_an_index_that_begins_with_its_filter() {
    let (_folder, repo) = fresh().await;
    let states = [None, Some(consign_core::upload::UploadState::Ready)];
    let texts = [None, Some("x".to_owned())];
    for state in states {
        for category in &texts {
            for collection_id in &texts {
                let filter = ListFilter {
                    state,
                    category: category.clone(),
                    collection_id: collection_id.clone(),
                };
                let plan = plan(&repo, &statements::list(&filter)).await;
                let index = match (&filter.collection_id, &filter.category, filter.state) {
                    (None, None, None) => "uploads_alive (owner=? AND id<?)",
                    (None, None, Some(_)) => "uploads_of_status (owner=? AND status=? AND id<?)",
                    (None, Some(_), None) => {
                        "uploads_of_category (owner=? AND category=? AND id<?)"
                    }
                    (Some(_), None, None) => {
                        "uploads_of_collection (owner=? AND collection_id=? AND id<?)"
                    }
                    // Any of the indexes will do: the other filters are in the index as well.
                    (Some(_), Some(_), _) | (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
                        "=? AND id<?)"
                    }
                };
                assert!(
                    plan.contains(index) && !plan.contains("TEMP B-TREE"),
                    "{filter:?}: {plan}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_sweep_and_the_queue_read_what_they_take_and_nothing_else() {
    let (_folder, repo) = fresh().await;
    let cases = [
        (statements::DUE, "uploads_due"),
        (
            statements::TAKE_NEXT,
            "messages_in_turn (lane=? AND owner>?)",
        ),
        (
            statements::TAKE_FIRST,
            "messages_in_turn (lane=? AND owner<?)",
        ),
        (statements::REVEAL, "messages_hidden"),
        (statements::OLDEST, "messages_by_age"),
        (statements::FORGET_OLD_LETTERS, "dead_letters_by_age"),
    ];
    for (statement, index) in cases {
        let plan = plan(&repo, statement).await;
        assert!(
            plan.contains(index) && !plan.contains("TEMP B-TREE"),
            "{statement}: {plan}"
        );
    }
}

/// The size of the full disk, in pages.
const PAGES_MAX: u32 = 100;

/// A disk that is full until `mend`.
struct FullDisk(
    PathBuf,
    #[expect(dead_code, reason = "held, to be removed at the end")] TempDir,
);

impl FullDisk {
    async fn beside(&self, statement: &'static str) {
        let mut beside = SqliteConnection::connect(self.0.to_str().unwrap())
            .await
            .unwrap();
        sqlx::raw_sql(statement).execute(&mut beside).await.unwrap();
        beside.close().await.unwrap();
    }
}

impl Medium for FullDisk {
    async fn fail(&self) -> FaultKind {
        self.beside(
            "CREATE TABLE IF NOT EXISTS ballast (bytes BLOB); INSERT INTO ballast VALUES (zeroblob(2000000))",
        )
        .await;
        FaultKind::Full
    }

    async fn mend(&self) {
        self.beside("DELETE FROM ballast").await;
    }
}

mod full_disk {
    use super::{FullDisk, PAGES_MAX, SqlRepo, TempDir};

    async fn make() -> (FullDisk, SqlRepo) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("consign.db");
        let options = SqlRepo::options(&path).pragma("max_page_count", PAGES_MAX.to_string());
        let repo = SqlRepo::open_by(options).await.unwrap();
        (FullDisk(path, folder), repo)
    }

    consign_testkit::below_contract!(make);
}

/// Another process within a transaction.
struct OtherWriter {
    folder: TempDir,
    other: Mutex<Option<SqliteConnection>>,
}

impl OtherWriter {
    fn path(&self) -> PathBuf {
        self.folder.path().join("consign.db")
    }
}

impl Medium for OtherWriter {
    async fn fail(&self) -> FaultKind {
        let path = self.path();
        let mut other = SqliteConnection::connect(path.to_str().unwrap())
            .await
            .unwrap();
        let begin = sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await;
        begin.unwrap();
        *self.other.lock().await = Some(other);
        FaultKind::Throttled
    }

    async fn mend(&self) {
        if let Some(other) = self.other.lock().await.take() {
            other.close().await.unwrap();
        }
    }
}

mod other_writer {
    async fn make() -> (super::OtherWriter, super::SqlRepo) {
        let (folder, repo) = super::fresh().await;
        let other = super::OtherWriter {
            folder,
            other: super::Mutex::new(None),
        };
        (other, repo)
    }

    consign_testkit::below_contract!(make);
}
