//! A database with as much unfinished work as asked for: one upload is made by the program itself, and what it left (record,
//! messages, object) is copied under other ids. So each build is given records of its own making.

use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use crate::host::Host;
use crate::sign::hex_sha256;
use crate::user::csv;

/// The layout of an object's file ends so.
const MAGIC: &[u8] = b"consign1";
/// How often an upload is tried until the process is killed before it began to work on it.
const TRIES: usize = 50;
/// The last hexadecimal digits of an id, which are counted up.
const COUNTED_DIGITS: usize = 12;

/// What one upload left.
#[derive(Debug, Clone)]
pub struct Pattern {
    id: String,
    object: Option<(String, Vec<u8>)>,
}

/// How many copies are made, and of what time.
#[derive(Debug, Clone, Copy)]
pub struct Seed {
    /// The number of the first, so that several seeds differ.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// How many seconds ago they were signed; their URLs lived for 15 minutes, and they are due since.
    pub signed_ago_s: Option<i64>,
}

/// What was kept of a seed.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The ids.
    pub ids: Vec<String>,
}

impl Pattern {
    /// A small CSV that reached the store, whose message nobody took yet. The host is killed for it, and does not run afterwards.
    pub async fn unfinished(host: &mut Host, owner: &str) -> Self {
        let content = csv(20);
        for _ in 0..TRIES {
            host.restart().await;
            let mut user = host.user(owner);
            let signed = user.sign_csv(content.len()).await;
            user.put(&signed, &content, &[]).await;
            host.kill();
            let (id, key) = (signed.file_id(), signed.key().to_owned());
            let upload = format!(
                "SELECT count(*) FROM uploads WHERE id = '{id}' AND status IN ('pending', 'uploaded')"
            );
            let message = format!("SELECT count(*) FROM messages WHERE instr(body, '{id}') > 0");
            if counted(host, &upload).await == 1 && counted(host, &message).await == 1 {
                let blob = std::fs::read(object_path(host, &key)).expect("the object is there");
                assert!(blob.ends_with(MAGIC), "the store has another layout now");
                let object = Some((key, blob));
                return Self { id, object };
            }
        }
        unreachable!("the host was never killed before it began to work on the file");
    }

    /// An upload that was signed and never sent.
    pub async fn signed(host: &Host, owner: &str) -> Self {
        let signed = host.user(owner).sign_csv(csv(20).len()).await;
        Self {
            id: signed.file_id(),
            object: None,
        }
    }

    /// The id of the upload itself.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Copies it, into the database and into the store's folder. The host may run.
    pub async fn copy(&self, host: &Host, seed: Seed) -> Kept {
        let numbers = seed.first + 1..=seed.first + seed.count;
        let ids: Vec<String> = numbers.map(|n| self.id_of(n)).collect();
        self.copy_object(host, &ids);
        let mut database = open(&host.database(), true).await;
        let mut all = database.begin().await.expect("a transaction begins");
        for (table, own) in [("uploads", "id"), ("messages", "body")] {
            self.copy_rows(&mut all, (table, own), seed).await;
        }
        if let Some(ago_s) = seed.signed_ago_s {
            self.make_older(&mut all, seed, ago_s).await;
        }
        // The process that took them is dead.
        let done = sqlx::query("UPDATE messages SET attempts = 0, available_at_us = 0")
            .execute(&mut *all)
            .await;
        done.expect("the messages wait");
        reserve(&mut all, seed.count).await;
        all.commit().await.expect("the copies are kept");
        Kept { ids }
    }

    /// What the ids of the copies begin with.
    fn prefix(&self) -> &str {
        &self.id[..self.id.len() - COUNTED_DIGITS]
    }

    /// The id of a copy.
    fn id_of(&self, number: usize) -> String {
        format!("{}{number:012x}", self.prefix())
    }

    fn copy_object(&self, host: &Host, ids: &[String]) {
        let Some((key, blob)) = &self.object else {
            return;
        };
        for id in ids {
            let bytes = replaced(blob, self.id.as_bytes(), id.as_bytes());
            let path = object_path(host, &key.replace(&self.id, id));
            std::fs::write(path, bytes).expect("there is room");
        }
    }

    /// Copies the rows of a table that have the id in their column `own`; the copies have it replaced in all texts.
    async fn copy_rows(
        &self,
        database: &mut SqliteConnection,
        (table, own): (&str, &str),
        seed: Seed,
    ) {
        let columns = columns(database, table).await;
        let columns = columns
            .into_iter()
            .filter(|name| table == "uploads" || name != "id");
        let columns: Vec<String> = columns.collect();
        let values = columns.iter().map(|name| {
            format!("CASE typeof(t.{name}) WHEN 'text' THEN replace(t.{name}, ?1, ?2 || printf('%012x', n.i)) ELSE t.{name} END")
        });
        let values: Vec<String> = values.collect();
        let sql = format!(
            "WITH RECURSIVE n(i) AS (SELECT ?3 UNION ALL SELECT i + 1 FROM n WHERE i < ?4)
             INSERT INTO {table} ({}) SELECT {} FROM n, {table} t WHERE instr(t.{own}, ?1) > 0",
            columns.join(", "),
            values.join(", ")
        );
        let from = i64::try_from(seed.first + 1).expect("it fits");
        let to = i64::try_from(seed.first + seed.count).expect("it fits");
        let done = sqlx::query(AssertSqlSafe(sql))
            .bind(&self.id)
            .bind(self.prefix())
            .bind(from)
            .bind(to)
            .execute(database)
            .await;
        done.expect("the copies are written");
    }

    /// Moves all times of the copies back.
    async fn make_older(&self, database: &mut SqliteConnection, seed: Seed, ago_s: i64) {
        let prefix = self.prefix();
        let set = format!(
            "UPDATE uploads SET created_at_us = created_at_us - {ago_s}000000,
                due_at_us = created_at_us - {ago_s}000000 + 60000000,
                record = json_set(record,
                    '$.created_at', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-{ago_s} seconds'),
                    '$.updated_at', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-{ago_s} seconds'),
                    '$.url_expires_at', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-{ago_s} seconds', '+900 seconds'),
                    '$.due_at', strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-{ago_s} seconds', '+60 seconds'))
             WHERE substr(id, 1, {}) = ?1 AND id > ?2 AND id <= ?3",
            prefix.len()
        );
        let done = sqlx::query(AssertSqlSafe(set))
            .bind(prefix)
            .bind(self.id_of(seed.first))
            .bind(self.id_of(seed.first + seed.count))
            .execute(database)
            .await;
        done.expect("the copies are made older");
    }
}

/// What the copies have reserved is given back one day: the account has to hold it.
async fn reserve(database: &mut SqliteConnection, count: usize) {
    for name in columns(database, "owners").await {
        if ["reserved", "files", "uploads"]
            .iter()
            .any(|begin| name.starts_with(begin))
        {
            let sql = format!("UPDATE owners SET {name} = {name} + {name} * {count}");
            let done = sqlx::query(AssertSqlSafe(sql))
                .execute(&mut *database)
                .await;
            done.expect("the account holds the copies");
        }
    }
}

fn object_path(host: &Host, key: &str) -> PathBuf {
    host.objects().join(hex_sha256(key.as_bytes()))
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    assert_eq!(old.len(), new.len(), "lengths stand in the file");
    let mut copy = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = copy[at..].windows(old.len()).position(|part| part == old) {
        copy[at + found..at + found + new.len()].copy_from_slice(new);
        at += found + new.len();
    }
    copy
}

async fn columns(database: &mut SqliteConnection, table: &str) -> Vec<String> {
    let sql = format!("SELECT name FROM pragma_table_info('{table}')");
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(database).await;
    let rows = rows.expect("the table is there");
    rows.iter().map(|row| row.get(0)).collect()
}

/// A second connection beside the host's own; `is_quick` leaves the disk its time.
async fn open(path: &Path, is_quick: bool) -> SqliteConnection {
    let synchronous = match is_quick {
        true => SqliteSynchronous::Off,
        false => SqliteSynchronous::Full,
    };
    let options = SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(std::time::Duration::from_secs(60));
    let opened = SqliteConnection::connect_with(&options).await;
    opened.expect("the database opens")
}

/// The number that the statement selects in the host's database, whether the host runs or not.
pub async fn counted(host: &Host, sql: &str) -> i64 {
    let mut database = open(&host.database(), false).await;
    let row = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .fetch_one(&mut database)
        .await;
    let row = row.expect("the statement is right");
    drop(database.close().await);
    row.get(0)
}

/// Changes the host's database beside it.
pub async fn write_sql(host: &Host, sql: &str) -> u64 {
    let mut database = open(&host.database(), false).await;
    let done = sqlx::query(AssertSqlSafe(sql.to_owned()))
        .execute(&mut database)
        .await;
    let done = done.expect("the statement is right").rows_affected();
    drop(database.close().await);
    done
}
