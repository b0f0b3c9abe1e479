//! `kill -9` of the whole runtime at random moments of uploads and ingests. Its queues live in its memory: whatever was on
//! them is lost, as an event that never came, and the sweep has to find it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use edge_tests::{User, Workerd, http};
use fastrand::Rng;
use serde_json::{Value, json};

const KILLS: usize = 10;
const UPLOADERS: u64 = 3;
/// After so many seconds every look that the kills made due is due, and every lease is over; the URLs still live.
const AHEAD_S: u64 = 300;

/// The rows of an upload that the store said it has, or none where it is no table.
type Arrived = BTreeMap<String, Option<usize>>;

/// What the uploaders and the test tell each other.
#[derive(Default)]
struct Course {
    is_over: AtomicBool,
    arrived: AtomicUsize,
}

/// Uploads until told to stop. Every request may die with the runtime; only what was answered counts.
async fn upload(user: Arc<User>, mut rng: Rng, course: Arc<Course>) -> Arrived {
    let mut arrived = Arrived::new();
    while !course.is_over.load(Ordering::Relaxed) {
        match one(&user, &mut rng).await {
            Some((file_id, rows)) => {
                arrived.insert(file_id, rows);
                course.arrived.fetch_add(1, Ordering::Relaxed);
            }
            None => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    arrived
}

async fn one(user: &User, rng: &mut Rng) -> Option<(String, Option<usize>)> {
    // One in eight is large enough that a kill meets its ingest at work.
    let rows = rng.usize(1..2_000) * if rng.u8(..) < 32 { 100 } else { 1 };
    let is_broken = rng.u8(..) < 25;
    let content = match is_broken {
        true => vec![0; rows],
        false => csv(rows),
    };
    let wanted = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len(),
        "strategy": "put"});
    let signed = user
        .try_call("POST", "/files/sign_upload", Some(wanted))
        .await?;
    let file_id = signed["file_id"].as_str().unwrap().to_owned();
    let status = user.try_put(&signed, content).await?;
    assert!(status == 200 || status >= 500, "the store: {status}");
    if status != 200 {
        return None;
    }
    if rng.bool() {
        // Whether it is heard or not: the bytes are there.
        let confirm = json!({"file_id": file_id});
        let _ = user.try_call("POST", "/files/confirm", Some(confirm)).await;
    }
    Some((file_id, (!is_broken).then_some(rows)))
}

fn csv(rows: usize) -> Vec<u8> {
    let rows = (0..rows).map(|row| format!("{row},{row}.5,\"name, {row}\"\n"));
    format!("id,amount,name\n{}", rows.collect::<String>()).into_bytes()
}

/// Invariants 1, 5 and 9.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_upload_whose_bytes_arrived_is_lost_to_kill_9() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let mut workerd = Workerd::consign();
    let user = Arc::new(User::of(&workerd, "ada"));
    let course = Arc::new(Course::default());
    let uploaders: Vec<_> = (0..UPLOADERS)
        .map(|_| tokio::spawn(upload(Arc::clone(&user), rng.fork(), Arc::clone(&course))))
        .collect();
    for kill in 1..=KILLS {
        // Between two kills something arrives, however slow it all is.
        let before = course.arrived.load(Ordering::Relaxed);
        while course.arrived.load(Ordering::Relaxed) == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(Duration::from_millis(rng.u64(0..300))).await;
        workerd.kill();
        if kill < KILLS {
            workerd.start_again();
        }
    }
    course.is_over.store(true, Ordering::Relaxed);
    let mut arrived = Arrived::new();
    for uploader in uploaders {
        arrived.extend(
            uploader
                .await
                .expect("an uploader that met nothing but death goes on"),
        );
    }
    println!("{KILLS} kills, {} uploads arrived", arrived.len());
    workerd.start_again_ahead(AHEAD_S);
    for (file_id, rows) in &arrived {
        let status = user.settle(&json!({"file_id": file_id})).await;
        match rows {
            Some(rows) => {
                assert_eq!(
                    (&status["status"], &status["row_count"]),
                    (&json!("ready"), &json!(rows)),
                    "{status}"
                );
                let parquet = parquet(&user, file_id).await;
                assert!(
                    parquet.starts_with(b"PAR1") && parquet.ends_with(b"PAR1"),
                    "{status}"
                );
            }
            None => assert_eq!(
                (&status["status"], &status["error"]["code"]),
                (&json!("failed"), &json!("content_mismatch")),
                "{status}"
            ),
        }
    }
    nothing_is_stuck(&user).await;
}

async fn parquet(user: &User, file_id: &str) -> Vec<u8> {
    let path = format!("/files/{file_id}/download-url?variant=parquet");
    let signed = user.call("GET", &path, None).await;
    let answer = http()
        .get(signed["url"].as_str().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.unwrap().to_vec()
}

/// What nobody heard of either ended or still waits for its bytes.
async fn nothing_is_stuck(user: &User) {
    let mut path = "/files?limit=500".to_owned();
    loop {
        let page = user.call("GET", &path, None).await;
        for file in page["files"].as_array().unwrap() {
            if file["status"] != "pending" {
                let status: Value = user.settle(file).await;
                assert!(status["processed_at"].is_string(), "{status}");
            }
        }
        match page["next_cursor"].as_str() {
            Some(cursor) => path = format!("/files?limit=500&cursor={cursor}"),
            None => break,
        }
    }
}
