//! `kill -9` at random moments of many uploads: nothing whose bytes arrived is lost, and nothing comes twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use e2e::{Host, POLICY, Signed, User, csv};
use fastrand::Rng;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

const KILLS: usize = 30;
const UPLOADERS: u64 = 4;
/// A part's length in the suite's policy, in bytes.
const PART_BYTES: usize = 5 << 20;

/// What one uploader knows of one upload whose bytes the store said it has.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Arrived {
    /// Rows of a table.
    Table(usize),
    /// No table: it has to fail.
    Broken,
}

/// Uploads until told to stop. Every request may die with the host; only what was answered counts.
async fn upload(user: User, mut rng: Rng, stop: Arc<AtomicBool>) -> BTreeMap<String, Arrived> {
    let mut arrived = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        match one(&user, &mut rng).await {
            Some((file_id, what)) => {
                arrived.insert(file_id, what);
            }
            // The host is down.
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    arrived
}

async fn one(user: &User, rng: &mut Rng) -> Option<(String, Arrived)> {
    let is_multipart = rng.u8(..) < 12;
    let is_broken = rng.u8(..) < 25;
    let rows = rng.usize(1..4000);
    let content = match (is_multipart, is_broken) {
        (true, _) => csv(230_000 + rows),
        (false, true) => vec![0; rows],
        (false, false) => csv(rows),
    };
    let what = match (is_multipart, is_broken) {
        (true, _) => Arrived::Table(230_000 + rows),
        (false, true) => Arrived::Broken,
        (false, false) => Arrived::Table(rows),
    };
    let strategy = if is_multipart { "multipart" } else { "put" };
    let request = json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len(),
        "strategy": strategy});
    let signed = Signed(post(user, "/files/sign_upload", &request).await?);
    let file_id = signed.file_id();
    if is_multipart {
        assert!(content.len() > PART_BYTES);
        for (index, chunk) in content.chunks(PART_BYTES).enumerate() {
            put(user.part_request(&signed, index, chunk)).await?;
        }
        // Parts alone become an object when they are confirmed, or once their URLs have expired.
        post(user, "/files/confirm", &json!({"file_id": file_id})).await?;
        return Some((file_id, what));
    }
    put(user.put_request(&signed, &content)).await?;
    if rng.bool() {
        // Whether it is heard or not: the bytes are there.
        let _ = post(user, "/files/confirm", &json!({"file_id": file_id})).await;
    }
    Some((file_id, what))
}

/// The answer's body where the host lived long enough to answer well.
async fn post(user: &User, path: &str, body: &Value) -> Option<Value> {
    let request = user.request(reqwest::Method::POST, path).json(body);
    let answer = request.send().await.ok()?;
    let status = answer.status();
    let text = answer.text().await.ok()?;
    // 409: it changed in between. 503: the store died a moment before the rest did.
    assert!(
        status.is_success() || matches!(status.as_u16(), 409 | 500 | 503),
        "{path}: {status} {text}"
    );
    serde_json::from_str(&text)
        .ok()
        .filter(|_| status.is_success())
}

async fn put(request: RequestBuilder) -> Option<()> {
    let status = request.send().await.ok()?.status();
    assert!(
        status == 200 || status.is_server_error(),
        "the store: {status}"
    );
    (status == 200).then_some(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inv1_inv5_inv9_no_upload_is_lost_to_kill_9() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = Rng::with_seed(seed);
    let mut host = Host::start(POLICY).await;
    let user = host.user("ann");
    let stop = Arc::new(AtomicBool::new(false));
    let uploaders: Vec<_> = (0..UPLOADERS)
        .map(|_| tokio::spawn(upload(user.clone(), rng.fork(), Arc::clone(&stop))))
        .collect();
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(rng.u64(0..700))).await;
        host.strike().await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut arrived = BTreeMap::new();
    for uploader in uploaders {
        arrived.extend(
            uploader
                .await
                .expect("an uploader that met nothing but death goes on"),
        );
    }
    println!("{KILLS} kills, {} uploads arrived", arrived.len());
    assert!(arrived.len() > KILLS, "too few to tell");
    let store = host.store();
    for (file_id, what) in &arrived {
        let status = user.wait(file_id).await;
        match what {
            Arrived::Table(rows) => {
                assert_eq!(
                    (&status["status"], &status["row_count"]),
                    (&json!("ready"), &json!(rows)),
                    "{status}"
                );
                let version = |version: u32| format!("datasets/ann/{file_id}/v{version}.parquet");
                assert!(
                    store.get(host.bucket(), &version(1)).await.is_some(),
                    "{status}"
                );
                assert!(
                    store.get(host.bucket(), &version(2)).await.is_none(),
                    "{status}"
                );
            }
            Arrived::Broken => {
                assert_eq!(status["status"], "failed", "{status}");
                assert_eq!(status["error"]["code"], "content_mismatch", "{status}");
            }
        }
    }
    // What nobody heard of either ended or still waits for its bytes; nothing is stuck in between.
    let mut path = "/files?limit=500".to_owned();
    let mut listed = std::collections::BTreeSet::new();
    loop {
        let page = user.get(&path).await;
        for file in page.body["files"].as_array().expect("there are files") {
            let file_id = file["file_id"].as_str().expect("an id").to_owned();
            if !matches!(file["status"].as_str(), Some("pending" | "uploading")) {
                user.wait(&file_id).await;
            }
            assert!(listed.insert(file_id), "{file}");
        }
        match page.body["next_cursor"].as_str() {
            Some(cursor) => path = format!("/files?limit=500&cursor={cursor}"),
            None => break,
        }
    }
    assert!(arrived.keys().all(|file_id| listed.contains(file_id)));
}
