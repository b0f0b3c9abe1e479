//! The functions and their store as a user meets them, whatever stands behind the base URL.

#![expect(
    clippy::expect_used,
    reason = "what a test's helper cannot do fails the test"
)]

mod cli;
mod files;
mod idempotency;
mod ingest;
mod ownership;
mod reconciliation;
mod refusals;
mod upload;
mod wire;

use parquet::file::reader::{FileReader as _, SerializedFileReader};

/// A Parquet file's rows, its columns, and the text of its first row.
fn read_parquet(bytes: Vec<u8>) -> (i64, Vec<String>, String) {
    let reader = SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("it is Parquet");
    let metadata = reader.metadata().file_metadata();
    let columns = metadata
        .schema_descr()
        .columns()
        .iter()
        .map(|column| column.name().to_owned());
    let first = reader.get_row_iter(None).expect("rows").next();
    (
        metadata.num_rows(),
        columns.collect(),
        first
            .map(|row| row.expect("a row").to_string())
            .unwrap_or_default(),
    )
}

/// Where the store takes no forms, whoever asks for one hears so.
async fn forms_are_refused(user: &e2e::User, category: &str) {
    let request =
        serde_json::json!({"filename": "a.csv", "strategy": "post", "category": category});
    let answer = user.post("/files/sign_upload", &request).await;
    assert_eq!(
        (answer.status, answer.code()),
        (400, "strategy_unsupported"),
        "{}",
        answer.text
    );
}

/// The SHA-256 of content, in base64.
fn sha256(content: &[u8]) -> String {
    use base64::Engine as _;
    use sha2::Digest as _;
    base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(content))
}
