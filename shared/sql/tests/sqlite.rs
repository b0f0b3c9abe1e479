//! What SQLite adds to the contract: durability, the queue, and readable columns.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what tests share may fail them"
)]

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use consign_core::ids::ETag;
use consign_core::ports::{
    Fault, FaultKind, IdempotencyKey, IngestJob, IngestQueue, Inserted, NewUpload, Saved,
    UploadRepo,
};
use consign_core::time::saturating_add_secs;
use consign_core::upload::{
    Change, Decision, Event, Failure, IngestOutcome, ObjectVersion, Upload,
};
use consign_sql::{DeadLetter, SqlRepo};
use consign_testkit::all_due;
use consign_testkit::sample::{self, start};
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use tempfile::TempDir;
use tokio::time::timeout;

async fn open(path: &Path) -> SqlRepo {
    SqlRepo::open(path).await.unwrap()
}

async fn fresh() -> (TempDir, PathBuf, SqlRepo) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("consign.db");
    let repo = open(&path).await;
    (folder, path, repo)
}

/// Opens the tables without the adapter.
async fn beside(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path);
    SqlitePool::connect_with(options).await.unwrap()
}

async fn insert(repo: &SqlRepo, upload: &Upload) {
    let new = sample::new(upload.clone());
    let inserted = repo.insert_pending(&new, start()).await;
    assert_eq!(inserted.unwrap(), Inserted::Created);
}

fn seen(upload: &Upload) -> Change {
    let object = ObjectVersion {
        etag: ETag::new("0123"),
        size_bytes: 90,
        version_id: None,
        sequencer: None,
    };
    match upload.apply(
        &Event::ObjectObserved { object },
        saturating_add_secs(start(), 5),
    ) {
        Decision::Change(change) => *change,
        step @ (Decision::Unchanged | Decision::Refused(_)) => {
            panic!("an observation changes a pending upload: {step:?}")
        }
    }
}

#[tokio::test]
async fn reported_success_survives_restart() {
    let (_folder, path, repo) = fresh().await;
    let upload = sample::upload("ada", 1);
    let new = NewUpload {
        idempotency: Some(IdempotencyKey {
            key: "k".to_owned(),
            body_sha256: "b".to_owned(),
            expires_at: saturating_add_secs(start(), 60),
        }),
        ..sample::new(upload.clone())
    };
    repo.insert_pending(&new, start()).await.unwrap();
    let change = seen(&upload);
    assert_eq!(repo.save(&upload, &change).await.unwrap(), Saved::Written);
    repo.queue().push("an event").await.unwrap();
    let held = repo.queue().receive(start(), 30, 1).await.unwrap();
    assert_eq!(held.len(), 1);
    // No close, as when the process is killed: nothing is left to write.
    std::mem::forget(repo);

    let repo = open(&path).await;
    let found = repo.find(upload.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&change.after));
    assert_eq!(repo.reserved_bytes(&upload.owner).await.unwrap(), 90);
    let replayed = repo.insert_pending(&new, start()).await.unwrap();
    assert_eq!(replayed, Inserted::Replayed(Box::new(change.after)));
    let queue = repo.queue();
    assert_eq!(queue.depth().await.unwrap(), 2);
    let again = queue
        .receive(saturating_add_secs(start(), 30), 30, 10)
        .await
        .unwrap();
    let attempts: Vec<u32> = again.iter().map(|message| message.attempts).collect();
    assert_eq!(attempts, [2, 1]);

    // The same after an orderly shutdown.
    repo.close().await;
    assert_eq!(repo.ping().await.unwrap_err().kind, FaultKind::Unreachable);
    let repo = open(&path).await;
    repo.ping().await.unwrap();
    assert!(repo.find(upload.id).await.unwrap().is_some());
}

#[tokio::test]
async fn the_job_of_a_change_is_written_with_it_or_not_at_all() {
    let (_folder, _, repo) = fresh().await;
    let queue = repo.queue();
    let upload = sample::upload("ada", 1);
    insert(&repo, &upload).await;
    assert_eq!(queue.depth().await.unwrap(), 0);
    let change = seen(&upload);
    assert!(change.enqueue);
    repo.save(&upload, &change).await.unwrap();
    assert_eq!(repo.save(&upload, &change).await.unwrap(), Saved::Conflict);
    let [message] = &queue.receive(start(), 30, 10).await.unwrap()[..] else {
        panic!("one job expected");
    };
    let job = IngestJob::from_body(message.body.as_bytes());
    assert_eq!(job, Some(IngestJob { ingest: upload.id }));
}

#[tokio::test]
async fn a_consumer_is_woken_by_what_this_process_pushes() {
    let (_folder, _, repo) = fresh().await;
    let queue = repo.queue();
    let soon = Duration::from_secs(10);
    let upload = sample::upload("ada", 1);
    insert(&repo, &upload).await;
    let idle = timeout(Duration::from_millis(20), queue.pushed()).await;
    assert!(idle.is_err(), "nothing was pushed");

    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { timeout(soon, queue.pushed()).await }
    });
    repo.save(&upload, &seen(&upload)).await.unwrap();
    assert!(waiting.await.unwrap().is_ok());
    // A push without a waiting consumer wakes the next one.
    queue.push("an event").await.unwrap();
    assert!(timeout(soon, queue.pushed()).await.is_ok());
    queue.send(IngestJob { ingest: upload.id }).await.unwrap();
    assert!(timeout(soon, queue.pushed()).await.is_ok());
    // The job joined the queued one.
    assert_eq!(queue.depth().await.unwrap(), 2);
}

#[tokio::test]
async fn dead_letters_keep_their_message_reason_and_time() {
    let (_folder, _, repo) = fresh().await;
    let queue = repo.queue();
    for body in ["first", "second"] {
        queue.push(body).await.unwrap();
    }
    let now = saturating_add_secs(start(), 1);
    for message in queue.receive(now, 30, 2).await.unwrap() {
        queue.dead(&message, "unreadable", now).await.unwrap();
    }
    let letters = queue.dead_letters(10).await.unwrap();
    let newest = DeadLetter {
        id: 2,
        body: "second".to_owned(),
        attempts: 1,
        reason: "unreadable".to_owned(),
        died_at: now,
    };
    assert_eq!(letters[0], newest);
    assert_eq!(queue.dead_letters(1).await.unwrap().len(), 1);
    // An id is never reused, so a late delivery cannot affect a newer message.
    queue.push("third").await.unwrap();
    assert_eq!(queue.receive(now, 30, 2).await.unwrap()[0].id, 3);
}

#[tokio::test]
async fn the_columns_follow_the_record() {
    let (_folder, path, repo) = fresh().await;
    let upload = sample::upload("ada", 1);
    insert(&repo, &upload).await;
    let pool = beside(&path).await;
    type Row = (
        String,
        String,
        Option<i64>,
        Option<i64>,
        Option<String>,
        i64,
        Option<i64>,
    );
    let row = async || {
        sqlx::query_as::<_, Row>(
            "SELECT owner, status, size_bytes, row_count, error, revision, processed_at_us FROM uploads",
        )
        .fetch_one(&pool)
        .await
        .unwrap()
    };
    let pending = (
        "ada".to_owned(),
        "pending".to_owned(),
        Some(100),
        None,
        None,
        0,
        None,
    );
    assert_eq!(row().await, pending);

    let mut change = seen(&upload);
    change.after.processed_at = Some(start());
    change.after.outcome = Some(IngestOutcome {
        etag: ETag::new("0123"),
        bucket: None,
        parquet_key: None,
        profile_key: None,
        rejects_key: None,
        rejects_parquet_key: None,
        row_count: Some(7),
        reject_count: None,
        columns: None,
        schema_difference: None,
    });
    change.after.failure = Some(Failure {
        code: "unreadable".to_owned(),
        detail: "line 3 has no end".to_owned(),
        etag: None,
    });
    repo.save(&upload, &change).await.unwrap();
    let (_, status, size_bytes, row_count, error, revision, processed_at_us) = row().await;
    assert_eq!(
        (status.as_str(), size_bytes, row_count),
        ("uploaded", Some(90), Some(7))
    );
    assert_eq!(error.as_deref(), Some("line 3 has no end"));
    assert_eq!(
        (revision, processed_at_us),
        (1, Some(start().timestamp_micros()))
    );
}

#[tokio::test]
async fn forgotten_keys_leave_the_table() {
    let (_folder, path, repo) = fresh().await;
    for number in 0..5 {
        let now = saturating_add_secs(start(), u64::from(number) * 100);
        let new = NewUpload {
            idempotency: Some(IdempotencyKey {
                key: format!("key {number}"),
                body_sha256: "b".to_owned(),
                expires_at: saturating_add_secs(now, 150),
            }),
            ..sample::new(sample::upload("ada", number))
        };
        repo.insert_pending(&new, now).await.unwrap();
    }
    let kept = sqlx::query_scalar::<_, String>("SELECT key FROM idempotency ORDER BY key")
        .fetch_all(&beside(&path).await)
        .await
        .unwrap();
    assert_eq!(kept, ["key 3", "key 4"]);
}

#[tokio::test]
async fn what_cannot_be_opened_says_why() {
    let folder = TempDir::new().unwrap();
    let missing = folder.path().join("no/such/folder/consign.db");
    let fault = SqlRepo::open(&missing).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.operation),
        (FaultKind::MissingResource, "open")
    );

    let text = folder.path().join("text.db");
    std::fs::write(
        &text,
        "this is no database, only a text of some length".repeat(99),
    )
    .unwrap();
    let fault = SqlRepo::open(&text).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Other);
}

#[tokio::test]
async fn a_database_held_by_another_writer_throttles() {
    let (_folder, path, repo) = fresh().await;
    let pool = beside(&path).await;
    let holder = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let upload = sample::upload("ada", 1);
    let new = sample::new(upload.clone());
    let fault = repo.insert_pending(&new, start()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Throttled);
    // Readers never wait for a writer.
    assert_eq!(repo.find(upload.id).await.unwrap(), None);
    holder.rollback().await.unwrap();
    insert(&repo, &upload).await;
}

#[tokio::test]
async fn a_call_given_up_half_way_has_no_half_effect() {
    let (_folder, _, repo) = fresh().await;
    for number in 0..60_u32 {
        let new = sample::new(sample::upload("ada", number));
        let limit = Duration::from_micros(u64::from(number) * 40);
        let _ = timeout(limit, repo.insert_pending(&new, start())).await;
    }
    // A call that was given up may still be in the writer, and be committed whole: this write comes after it.
    insert(&repo, &sample::upload("ada", 100)).await;
    let page = repo
        .list(&sample::owner("ada"), &Default::default(), None, 100)
        .await
        .unwrap();
    let reserved = repo.reserved_bytes(&sample::owner("ada")).await.unwrap();
    assert_eq!(reserved, 100 * page.uploads.len() as u64);
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_a_fault() {
    let (_folder, path, repo) = fresh().await;
    let upload = sample::upload("ada", 1);
    insert(&repo, &upload).await;
    let pool = beside(&path).await;
    let spoil = sqlx::query("UPDATE uploads SET record = '{}', due_at_us = 0");
    spoil.execute(&pool).await.unwrap();
    let fault = repo.find(upload.id).await.unwrap_err();
    assert_eq!((fault.kind, fault.operation), (FaultKind::Other, "find"));
    assert!(repo.find_by_object(&upload.object).await.is_err());
    let listed = repo.list(&upload.owner, &Default::default(), None, 1).await;
    assert!(listed.is_err());
    sqlx::query("UPDATE uploads SET id = 'x'")
        .execute(&pool)
        .await
        .unwrap();
    assert!(all_due(&repo, start()).await.is_err());
}

/// The operation that a fault names.
fn failed<T>(answer: Result<T, Fault>) -> &'static str {
    answer.map(drop).unwrap_err().operation
}

#[tokio::test]
async fn missing_tables_fail_every_call_by_name() {
    let (_folder, path, repo) = fresh().await;
    let upload = sample::upload("ada", 1);
    insert(&repo, &upload).await;
    let queue = repo.queue();
    queue.push("x").await.unwrap();
    let [message] = &queue.receive(start(), 30, 1).await.unwrap()[..] else {
        panic!("one message expected");
    };
    let pool = beside(&path).await;
    for table in [
        "dead_letters",
        "messages",
        "idempotency",
        "owners",
        "uploads",
    ] {
        let drop = sqlx::AssertSqlSafe(format!("DROP TABLE {table}"));
        sqlx::query(drop).execute(&pool).await.unwrap();
    }
    let now = start();
    let new = sample::new(sample::upload("ada", 2));
    let operations = [
        failed(repo.find(upload.id).await),
        failed(repo.find_by_object(&upload.object).await),
        failed(repo.insert_pending(&new, now).await),
        failed(repo.save(&upload, &seen(&upload)).await),
        failed(repo.list(&upload.owner, &Default::default(), None, 1).await),
        failed(all_due(&repo, now).await),
        failed(repo.reserved_bytes(&upload.owner).await),
        failed(repo.ping().await),
        failed(queue.push("x").await),
        failed(queue.receive(now, 1, 1).await),
        failed(queue.ack(message).await),
        failed(queue.retry(message, now, 1).await),
        failed(queue.dead(message, "x", now).await),
        failed(queue.depth().await),
        failed(queue.dead_letters(1).await),
    ];
    let expected = [
        "find",
        "find_by_object",
        "insert_pending",
        "save",
        "list",
        "due_lines",
        "reserved_bytes",
        "ping",
        "push",
        "receive",
        "ack",
        "retry",
        "dead",
        "depth",
        "dead_letters",
    ];
    assert_eq!(operations, expected);
}

#[tokio::test]
async fn health_reports_a_damaged_page() {
    let (_folder, path, repo) = fresh().await;
    for number in 0..200 {
        insert(&repo, &sample::upload("ada", number)).await;
    }
    repo.ping().await.unwrap();
    repo.close().await;
    // Damages a page in the middle, with its records.
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    file.seek(SeekFrom::Start(pages / 2 * 4096)).unwrap();
    file.write_all(&[0xa5; 4096]).unwrap();
    drop(file);

    let repo = open(&path).await;
    let soon = timeout(Duration::from_secs(20), async {
        loop {
            match repo.ping().await {
                Ok(()) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(fault) => return fault,
            }
        }
    });
    let fault = soon.await.unwrap();
    assert_eq!(
        (fault.kind, fault.operation),
        (FaultKind::Other, "quick_check")
    );
}

#[cfg(unix)]
#[tokio::test]
async fn the_database_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path, repo) = fresh().await;
    insert(&repo, &sample::upload("ada", 1)).await;
    let modes = || {
        ["", "-wal", "-shm"].map(|suffix| {
            let mut name = path.clone().into_os_string();
            name.push(suffix);
            std::fs::metadata(name).unwrap().permissions().mode() & 0o777
        })
    };
    assert_eq!(modes(), [0o600; 3]);
    // The permissions that an earlier build left open are removed.
    repo.close().await;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let repo = open(&path).await;
    insert(&repo, &sample::upload("ada", 2)).await;
    assert_eq!(modes(), [0o600; 3]);
}
