//! Ingest within a Worker's limits.

use std::fmt::Write as _;

use edge_tests::{User, Workerd, http};
use serde_json::{Value, json};

/// What the Worker's memory must stay below, in bytes.
const MEMORY_BYTES_MAX: u64 = 64 << 20;
/// The file that it ingests meanwhile, in bytes at least.
const FILE_BYTES: usize = 200_000_000;

/// Rows of a whole number, a decimal and two texts, one of them quoted.
fn csv(bytes_min: usize) -> (Vec<u8>, u64) {
    let mut text = String::with_capacity(bytes_min + 100);
    text.push_str("id,amount,name,note\n");
    let mut rows = 0;
    while text.len() < bytes_min {
        writeln!(
            text,
            "{rows},{}.25,name-{},\"a note, of {}\"",
            rows % 9973,
            rows % 1009,
            rows % 17
        )
        .unwrap();
        rows += 1;
    }
    (text.into_bytes(), rows)
}

async fn memory_bytes(workerd: &Workerd) -> u64 {
    let url = format!("{}/dev/memory", workerd.url);
    let answer: Value = http().get(url).send().await.unwrap().json().await.unwrap();
    answer["memory_bytes"].as_u64().unwrap()
}

#[tokio::test]
async fn a_file_of_200_mb_takes_less_than_64_mb_of_memory() {
    let workerd = Workerd::consign();
    let user = User::of(&workerd, "ada");
    let (content, rows) = csv(FILE_BYTES);
    let signed = user.sign_as("big.csv", content.len(), "put").await;
    user.put(&signed, content).await;
    let status = user.settle(&signed).await;
    assert_eq!(
        (&status["status"], &status["row_count"]),
        (&json!("ready"), &json!(rows))
    );
    let taken = memory_bytes(&workerd).await;
    println!("{taken} bytes of memory for {FILE_BYTES} bytes of CSV");
    assert!(taken < MEMORY_BYTES_MAX, "{taken} bytes");
}

#[tokio::test]
async fn a_file_too_large_for_the_worker_fails_with_the_limit_and_is_kept() {
    let vars = json!({"vars": {"CONSIGN_DEV_SECRET": edge_tests::SECRET, "CONSIGN_INGEST_BYTES_MAX": "1000"}});
    let workerd = Workerd::start("CONSIGN_EDGE", edge_tests::POLICY, vars);
    let user = User::of(&workerd, "ada");
    let (content, _) = csv(2000);
    let signed = user.sign("large.csv", content.len()).await;
    user.put(&signed, content).await;
    let status = user.settle(&signed).await;
    assert_eq!(
        (&status["status"], &status["error"]["code"]),
        (&json!("failed"), &json!("too_large_to_process"))
    );
    assert_eq!(status["variants"], json!(["original"]));
    let small = user.sign("small.csv", 12).await;
    user.put(&small, b"a,b\n1,2\n3,4\n".to_vec()).await;
    assert_eq!(user.settle(&small).await["status"], "ready");
}

#[tokio::test]
async fn a_file_too_large_for_the_worker_goes_to_the_other_consumer_where_there_is_one() {
    let more = json!({
        "vars": {"CONSIGN_DEV_SECRET": edge_tests::SECRET, "CONSIGN_INGEST_BYTES_MAX": "1000"},
        "large": true,
    });
    let workerd = Workerd::start("CONSIGN_EDGE", edge_tests::POLICY, more);
    let user = User::of(&workerd, "ada");
    let (content, _) = csv(2000);
    let signed = user.sign("large.csv", content.len()).await;
    user.put(&signed, content).await;
    let passed_on = workerd.wait_for(&["passed_on"], std::time::Duration::from_secs(60));
    assert!(passed_on.contains("\"file_size\":"), "{passed_on}");
    let path = format!("/files/{}/status", signed["file_id"].as_str().unwrap());
    let status = user.call("GET", &path, None).await;
    assert_eq!(status["error"], Value::Null);
    assert_ne!(status["status"], "ready");
}
