//! Confirm, download and list requests.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::request::code;
use crate::policy::{
    CONFIRM_BODY_BYTES_MAX, ConfirmRequest, ConfirmedPart, ContentDisposition, DownloadQuery,
    ListQuery, Sha256Digest, Variant,
};
use crate::problem::Problem;

fn confirm(body: &Value) -> Result<ConfirmRequest, Problem> {
    ConfirmRequest::parse(body.to_string().as_bytes())
}

fn wrong<T: std::fmt::Debug>(result: Result<T, Problem>) -> Vec<String> {
    result
        .unwrap_err()
        .errors
        .into_iter()
        .map(|error| format!("{} {}", error.field, error.detail))
        .collect()
}

#[test]
fn a_confirm_is_parsed() {
    let request = confirm(
        &json!({"file_id": "f1", "etag": "\"abc\"", "collection_id": "c",
        "parts": [{"part_number": 2, "etag": "b"}, {"part_number": 1, "etag": "\"a\""}],
        "metadata": {"columns": ["x"], "row_count": 3, "file_hash": "ab".repeat(32)}}),
    )
    .unwrap();
    assert_eq!(
        (request.file_id.as_str(), request.etag.as_deref()),
        ("f1", Some("abc"))
    );
    let part = |part_number, etag: &str| ConfirmedPart {
        part_number,
        etag: etag.to_owned(),
    };
    assert_eq!(request.parts, [part(1, "a"), part(2, "b")]);
    assert_eq!(request.collection_id.as_deref(), Some("c"));
    assert_eq!(request.metadata.columns, Some(vec!["x".to_owned()]));
    assert_eq!(request.metadata.row_count, Some(3));
    assert_eq!(request.metadata.file_hash, Some(Sha256Digest([0xab; 32])));
    let least = confirm(&json!({"file_id": "f1"})).unwrap();
    assert_eq!((least.etag, least.parts.len()), (None, 0));
}

/// As a compressing proxy between the client and the store writes it.
#[test]
fn a_weak_etag_is_read_as_the_store_wrote_it() {
    let request = confirm(&json!({"file_id": "f1", "etag": "W/\"e5ebd4c0\"",
        "parts": [{"part_number": 1, "etag": "W/\"ab-2\""}]}))
    .unwrap();
    assert_eq!(request.etag.as_deref(), Some("e5ebd4c0"));
    assert_eq!(request.parts[0].etag, "ab-2");
}

#[test]
fn a_confirm_reports_all_errors_together() {
    let found = wrong(confirm(
        &json!({"etag": "a\"b", "collection_id": "", "surprise": 1,
        "parts": [{"part_number": 0, "etag": ""}, {"part_number": 1}, {"part_number": 10_001, "etag": "x", "size": 3}],
        "metadata": {"columns": [1], "row_count": -1, "file_hash": "md5", "more": 1}}),
    ));
    for start in [
        "file_id is required",
        "etag must be an etag",
        "collection_id must be 1 to 64",
        "parts[0].part_number must be from 1 to 10000, not 0",
        "parts[0].etag must be 1 to 320 printable",
        "parts[1].etag is required",
        "parts[2].part_number must be from 1",
        "parts[2].size is unknown",
        "metadata.columns must be an array of strings, not an array",
        "metadata.row_count must be a non-negative integer",
        "metadata.file_hash must be a SHA-256",
        "metadata.more is unknown",
        "surprise is unknown",
    ] {
        assert!(
            found.iter().any(|line| line.starts_with(start)),
            "{start} is not in {found:#?}"
        );
    }
}

/// Written with many spaces, and with quotes around each ETag as stores return them.
#[test]
fn ten_thousand_parts_with_the_longest_etags_fit_in_a_confirm() {
    let body = |etag: &str| {
        let part =
            |number: u32| format!(r#"{{ "part_number": {number:5}, "etag": "\"{etag}\"" }}"#);
        let parts: Vec<_> = (1..=10_000).map(part).collect();
        let columns = vec!["a column's name"; 20_000];
        json!({"file_id": "f", "metadata": {"columns": columns}, "parts": []})
            .to_string()
            .replace("[]", &format!("[{}]", parts.join(", ")))
    };
    // The lengths of a real part in R2, of S3, and the maximum.
    for length in [260, 32, 320] {
        let body = body(&"e".repeat(length));
        let confirmed = ConfirmRequest::parse(body.as_bytes()).unwrap();
        assert_eq!(confirmed.parts.len(), 10_000, "{} bytes", body.len());
        assert!(confirmed.parts.iter().all(|part| part.etag.len() == length));
    }
    let refused = wrong(ConfirmRequest::parse(body(&"e".repeat(321)).as_bytes()));
    assert_eq!(refused.len(), 10_000);
}

#[test]
fn a_confirm_is_bounded() {
    let part = |number: u32| json!({"part_number": number, "etag": "e"});
    let twice = wrong(confirm(
        &json!({"file_id": "f", "parts": [part(3), part(3)]}),
    ));
    assert_eq!(
        twice,
        ["parts must not have duplicates, but part 3 occurs twice"]
    );
    let many: Vec<_> = (0..10_001).map(part).collect();
    assert_eq!(
        wrong(confirm(&json!({"file_id": "f", "parts": many}))),
        ["parts must be at most 10000"]
    );
    let full: Vec<_> = (1..=10_000).map(part).collect();
    assert_eq!(
        confirm(&json!({"file_id": "f", "parts": full}))
            .unwrap()
            .parts
            .len(),
        10_000
    );
    let of_columns = |names: Vec<String>| {
        let result = confirm(&json!({"file_id": "f", "metadata": {"columns": names}}));
        let problem = result.unwrap_err();
        let error = &problem.errors[0];
        (error.field.clone(), code(error))
    };
    let field = "metadata.columns".to_owned();
    assert_eq!(
        of_columns(vec!["c".to_owned(); 20_001]),
        (field.clone(), "too_many")
    );
    assert_eq!(
        of_columns(vec!["c".repeat(1025)]),
        (field.clone(), "too_long")
    );
    assert_eq!(
        of_columns(vec!["c".repeat(1000); 3700]),
        (field, "too_long")
    );
    // Two bytes each, and a hundred times as much in memory.
    let values = format!(
        r#"{{"file_id": "f", "parts": [{}1]}}"#,
        "1,".repeat(1 << 20)
    );
    let problem = ConfirmRequest::parse(values.as_bytes()).unwrap_err();
    assert_eq!(problem.code, "bad_request");
    let columns = vec!["c"; 20_001];
    assert_eq!(
        wrong(confirm(
            &json!({"file_id": "f", "metadata": {"columns": columns}})
        ))
        .len(),
        1
    );
    assert_eq!(
        wrong(confirm(&json!({"file_id": "f", "parts": [1]}))),
        ["parts must be an array of objects, not an array"]
    );
    assert_eq!(
        ConfirmRequest::parse(&vec![b' '; CONFIRM_BODY_BYTES_MAX + 1])
            .unwrap_err()
            .code,
        "body_too_large"
    );
    assert_eq!(
        ConfirmRequest::parse(b"[]").unwrap_err().code,
        "bad_request"
    );
}

#[test]
fn a_download_has_defaults_and_bounds() {
    let query = DownloadQuery::parse("").unwrap();
    assert_eq!(
        (query.expiry_s, query.variant, query.disposition),
        (None, Variant::Original, ContentDisposition::Attachment)
    );
    let query = DownloadQuery::parse("expiry_sec=60&variant=parquet&disposition=inline").unwrap();
    assert_eq!(
        (query.expiry_s, query.variant, query.disposition),
        (Some(60), Variant::Parquet, ContentDisposition::Inline)
    );
    assert_eq!(
        DownloadQuery::parse("expiry_sec=86400&disposition=attachment")
            .unwrap()
            .expiry_s,
        Some(86_400)
    );
    for (query, says) in [
        (
            "expiry_sec=59",
            "expiry_sec must be from 60 to 86400, not 59",
        ),
        ("expiry_sec=86401", "expiry_sec must be from 60"),
        ("expiry_sec=%2B60", "expiry_sec must be an integer"),
        ("expiry_sec=", "expiry_sec must be an integer"),
        (
            "expiry_sec=99999999999999999999",
            "expiry_sec must be an integer",
        ),
        ("variant=pdf", "variant must be `original`"),
        (
            "disposition=form-data",
            "disposition must be `attachment` or `inline`",
        ),
        (
            "url=x",
            "url is unknown; known fields are expiry_sec, variant, disposition",
        ),
    ] {
        let found = wrong(DownloadQuery::parse(query));
        assert!(
            found.len() == 1 && found[0].starts_with(says),
            "{query}: {found:?}"
        );
    }
    assert_eq!(
        wrong(DownloadQuery::parse(
            "expiry_sec=1&variant=x&disposition=y&z=1"
        ))
        .len(),
        4
    );
    assert_eq!(
        DownloadQuery::parse("variant=original&variant=profile")
            .unwrap_err()
            .code,
        "bad_request"
    );
    for variant in [
        Variant::Original,
        Variant::Parquet,
        Variant::Profile,
        Variant::Rejects,
    ] {
        assert_eq!(variant.as_str().parse(), Ok(variant));
    }
}

#[test]
fn a_listing_has_defaults_and_bounds() {
    let query = ListQuery::parse("").unwrap();
    assert_eq!((query.limit, query.include_download_url), (100, false));
    let text =
        "limit=500&cursor=abc&status=ready&category=table&collection_id=c&include=download_url";
    let query = ListQuery::parse(text).unwrap();
    let expected = ListQuery {
        limit: 500,
        cursor: Some("abc".to_owned()),
        status: Some(consign_api::Status::Ready),
        category: Some("table".to_owned()),
        collection_id: Some("c".to_owned()),
        include_download_url: true,
    };
    assert_eq!(query, expected);
    for (query, says) in [
        ("limit=0", "limit must be from 1 to 500, not 0"),
        ("limit=501", "limit must be from 1 to 500"),
        ("limit=ten", "limit must be an integer"),
        ("cursor=", "cursor must be 1 to 512 printable"),
        ("status=done", "status must be one of pending, uploading"),
        ("category=A", "category must be the name of a category"),
        ("collection_id=a%20b", "collection_id must be 1 to 64"),
        ("include=all", "include must be `download_url`"),
        ("page=2", "page is unknown"),
    ] {
        let found = wrong(ListQuery::parse(query));
        assert!(
            found.len() == 1 && found[0].starts_with(says),
            "{query}: {found:?}"
        );
    }
    assert!(ListQuery::parse(&format!("cursor={}", "a".repeat(513))).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_the_parsers_panic(body: Vec<u8>, query: String) {
        let _ = ConfirmRequest::parse(&body);
        let _ = DownloadQuery::parse(&query);
        let _ = ListQuery::parse(&query);
    }
}
