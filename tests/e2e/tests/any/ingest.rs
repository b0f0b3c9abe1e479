//! What becomes of what arrives: tables of several kinds, files that are no tables, and files that are broken.

use std::io::Write as _;
use std::time::Duration;

use e2e::{Host, POLICY, User, csv};
use serde_json::{Value, json};

use crate::{read_parquet, sha256};

/// Uploads a file by PUT and waits until it is at rest.
async fn upload(user: &User, (filename, content_type): (&str, &str), content: &[u8]) -> Value {
    let request = json!({"filename": filename, "content_type": content_type, "file_size_bytes": content.len()});
    let signed = user.sign(&request).await;
    assert_eq!(user.put(&signed, content).await, 200);
    user.wait(&signed.file_id()).await
}

fn id(status: &Value) -> &str {
    status["file_id"].as_str().expect("there is an id")
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

#[tokio::test]
async fn tab_separated_and_gzipped_tables_become_parquet() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let tsv = b"city\tpopulation\nVienna\t2014614\nGraz\t303270\n";
    let first = r#"{city: "Vienna", population: 2014614}"#;
    for (name, content_type, content) in [
        ("a.tsv", "text/tab-separated-values", tsv.to_vec()),
        ("a.tsv.gz", "application/gzip", gzip(tsv)),
    ] {
        let status = upload(&user, (name, content_type), &content).await;
        assert_eq!(
            (&status["status"], &status["row_count"]),
            (&json!("ready"), &json!(2)),
            "{status}"
        );
        let parquet = read_parquet(user.download(id(&status), "parquet").await);
        assert_eq!(
            parquet,
            (
                2,
                vec!["city".to_owned(), "population".to_owned()],
                first.to_owned()
            )
        );
        assert_eq!(user.download(id(&status), "original").await, content);
    }
    let status = upload(&user, ("a.csv.gz", "application/gzip"), &gzip(&csv(1000))).await;
    assert_eq!(status["row_count"], 1000);
}

#[tokio::test]
async fn inv26_rows_that_do_not_fit_are_counted_and_shown() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let mut content = csv(200);
    content.extend_from_slice(b"1,2.5,three,four\n5,6.5,last\n");
    let status = upload(&user, ("a.csv", "text/csv"), &content).await;
    assert_eq!(
        (&status["row_count"], &status["reject_count"]),
        (&json!(201), &json!(1)),
        "{status}"
    );
    assert_eq!(
        status["variants"],
        json!([
            "original",
            "parquet",
            "profile",
            "rejects",
            "rejects_parquet"
        ])
    );
    let rejects: Value =
        serde_json::from_slice(&user.download(id(&status), "rejects").await).unwrap();
    assert_eq!(rejects["total"], 1);
    assert!(rejects.to_string().contains("three"), "{rejects}");
    let (rows, names, first) = read_parquet(user.download(id(&status), "rejects_parquet").await);
    assert_eq!(rows, 1);
    assert_eq!(
        names,
        ["line", "lines", "offset", "column", "reason", "text"]
    );
    assert!(first.contains("1,2.5,three,four"), "{first}");
    assert_eq!(
        read_parquet(user.download(id(&status), "parquet").await).0,
        201
    );
}

#[tokio::test]
async fn hints_of_the_request_are_followed_and_shown() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = b"1;2,50\n2;-\n";
    let hints = json!({"delimiter": ";", "header": false, "decimal": ",", "null_values": ["-"], "columns": {"column_1": "text"}});
    let request = |hints: &Value| json!({"filename": "a.csv", "content_type": "text/csv", "file_size_bytes": content.len(), "hints": hints});
    let signed = user.sign(&request(&hints)).await;
    assert_eq!(user.put(&signed, content).await, 200);
    let status = user.wait(&signed.file_id()).await;
    assert_eq!(status["status"], "ready", "{status}");
    assert_eq!(status["hints"], hints);
    let (rows, _, first) = read_parquet(user.download(id(&status), "parquet").await);
    assert_eq!(
        (rows, first.as_str()),
        (2, r#"{column_1: "1", column_2: 2.50}"#)
    );
    // Another hint is refused before anything is signed.
    let refused = user
        .post(
            "/files/sign_upload",
            &request(&json!({"columns": {"id": "number"}})),
        )
        .await;
    assert_eq!((refused.status, refused.code()), (400, "validation_failed"));
    assert_eq!(refused.body["errors"][0]["field"], "hints.columns.id");
}

/// The upload failed with this code and a sentence that says so, and the original can still be had.
async fn check_failed(user: &User, status: &Value, code: &str, says: &str, content: &[u8]) {
    assert_eq!(status["status"], "failed", "{status}");
    assert_eq!(status["error"]["code"], code, "{status}");
    let detail = status["error"]["detail"]
        .as_str()
        .expect("there is a reason");
    assert!(detail.contains(says), "{detail}");
    assert_eq!(status["variants"], json!(["original"]));
    assert_eq!(user.download(id(status), "original").await, content);
    let parquet = user
        .get(&format!(
            "/files/{}/download-url?variant=parquet",
            id(status)
        ))
        .await;
    assert_eq!((parquet.status, parquet.code()), (409, "not_ready"));
    // To confirm it changes nothing.
    assert_eq!(user.confirm(id(status)).await.body["status"], "failed");
}

#[tokio::test]
async fn inv25_files_that_cannot_be_read_fail_with_a_reason_and_are_kept() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let mut broken = gzip(&csv(20_000));
    let middle = broken.len() / 2;
    broken[middle..middle + 8].fill(0xff);
    let mut short = gzip(&csv(20_000));
    short.truncate(middle);
    let mut binary_later = csv(5000);
    binary_later.extend_from_slice(b"\x00\xff\xfe\x00");
    for (name, content_type, content, code, says) in [
        (
            "a.csv",
            "text/csv",
            b"PK\x03\x04\x00\x00\x00".to_vec(),
            "content_mismatch",
            "looks like zip",
        ),
        (
            "a.csv",
            "text/csv",
            vec![0; 4096],
            "content_mismatch",
            ".csv",
        ),
        (
            "a.csv",
            "text/csv",
            b"\xcf\xf0\xe8\xe2\xe5\xf2,1\n\xec\xe8\xf0,2\n".to_vec(),
            "not_utf8",
            "UTF-8",
        ),
        (
            "a.csv",
            "text/csv",
            format!("a,b\n{}\"never closed,1\n", "\"x, y\",1\n".repeat(20)).into_bytes(),
            "unterminated_quote",
            "quote",
        ),
        ("a.csv.gz", "application/gzip", broken, "bad_gzip", "gzip"),
        ("a.csv.gz", "application/gzip", short, "bad_gzip", "gzip"),
        (
            "a.csv.gz",
            "application/gzip",
            csv(3),
            "content_mismatch",
            "looks like txt",
        ),
        ("a.csv", "text/csv", binary_later, "not_text", "text"),
        ("a.csv", "text/csv", b"\n".to_vec(), "empty_file", "no"),
        (
            "a.png",
            "image/png",
            b"I am a text".to_vec(),
            "content_mismatch",
            "looks like txt",
        ),
    ] {
        let status = upload(&user, (name, content_type), &content).await;
        check_failed(&user, &status, code, says, &content).await;
    }
}

#[tokio::test]
async fn a_file_that_is_what_it_says_is_verified() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = b"\x89PNG\r\n\x1a\nand so on";
    let request = json!({"filename": "a.png", "content_type": "image/png", "file_size_bytes": content.len(),
        "checksum_sha256": sha256(content)});
    let signed = user.sign(&request).await;
    assert_eq!(user.put(&signed, content).await, 200);
    let status = user.wait_ready(&signed.file_id()).await;
    assert_eq!(
        (&status["category"], &status["row_count"]),
        (&json!("image"), &Value::Null)
    );
    assert_eq!(status["variants"], json!(["original"]));
    assert_eq!(user.download(&signed.file_id(), "original").await, content);
}

#[tokio::test]
async fn a_passing_original_goes_once_its_parquet_is_there() {
    let host = Host::start(POLICY).await;
    let user = host.user("ann");
    let content = csv(10);
    let signed = user.sign(&json!({"filename": "a.txt", "content_type": "text/plain", "file_size_bytes": content.len()})).await;
    assert_eq!(user.put(&signed, &content).await, 200);
    let status = user.wait_ready(&signed.file_id()).await;
    assert_eq!(status["row_count"], 10);
    for _ in 0..100 {
        if host
            .store()
            .get(host.bucket(), signed.key())
            .await
            .is_none()
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(host.store().get(host.bucket(), signed.key()).await, None);
    assert_eq!(
        user.status(&signed.file_id()).await["variants"],
        json!(["parquet", "profile"])
    );
    assert_eq!(
        read_parquet(user.download(&signed.file_id(), "parquet").await).0,
        10
    );
    // Its key is free, and its URL lives: what comes late overwrites nothing that counts.
    let late = user.put(&signed, &content).await;
    assert!(late == 200 || late == 412);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(user.wait_ready(&signed.file_id()).await["row_count"], 10);
}
