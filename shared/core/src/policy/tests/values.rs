//! The single values of a sign-upload request.

use serde_json::{Value, json};

use super::request::{changed, check, note, one_wrong, table};
use crate::policy::{
    SIGN_BODY_BYTES_MAX, Sha256Digest, SignUploadRequest, StoreProvider, Strategy,
};

#[test]
fn labels_are_checked_one_by_one() {
    for (name, value, says) in [
        (
            "team",
            json!("sales"),
            "labels.team must be one of core, web",
        ),
        ("team", json!(1), "labels.team must be a string"),
        ("team", Value::Null, "labels.team is required"),
        (
            "ticket",
            json!("latest"),
            "labels.ticket must be a version such as",
        ),
        (
            "ticket",
            json!("1_0"),
            "labels.ticket must be a version such as",
        ),
        (
            "topic",
            json!("-x"),
            "labels.topic must be lower-case letters",
        ),
        (
            "word",
            json!("toolong"),
            "labels.word must be 1 to 5 characters long",
        ),
        (
            "word",
            json!(""),
            "labels.word must be 1 to 5 characters long",
        ),
        (
            "word",
            json!("a/b"),
            "labels.word must contain only letters, digits",
        ),
        (
            "word",
            json!(".."),
            "labels.word must contain only letters, digits",
        ),
        (
            "other",
            json!("x"),
            "labels.other is not a label of category `note`; known labels are team, ticket, topic, word",
        ),
    ] {
        let mut body = note();
        body["labels"][name] = value;
        let message = one_wrong(&body);
        assert!(message.starts_with(says), "{message}");
    }
    let mut body = note();
    body["labels"] =
        json!({"team": "web", "ticket": "v1.2", "topic": "a_b-1", "word": "A.=-_", "x": "y"});
    body["labels"].as_object_mut().unwrap().remove("x");
    assert_eq!(check(&body).unwrap().labels.len(), 4);
    let message = one_wrong(&changed(table(), "labels", json!({"a": "b"})));
    assert_eq!(
        message,
        "labels.a is not a label of category `table`; there are none"
    );
}

#[test]
fn metadata_is_bounded() {
    let nested = |depth: usize| (1..depth).fold(json!({}), |inner, _| json!({"a": inner}));
    assert!(check(&changed(table(), "metadata", nested(8))).is_ok());
    assert_eq!(
        one_wrong(&changed(table(), "metadata", nested(9))),
        "metadata must be nested at most 8 deep"
    );
    let long = one_wrong(&changed(
        table(),
        "metadata",
        json!({"a": "x".repeat(8 << 10)}),
    ));
    assert_eq!(long, "metadata must be at most 8192 bytes of JSON");
}

#[test]
fn checksums_are_read_in_base64_and_hexadecimal() {
    let digest: Sha256Digest = "AB".repeat(32).parse().unwrap();
    assert_eq!(digest.base64().parse::<Sha256Digest>(), Ok(digest));
    assert_eq!(
        format!("{digest:?}"),
        format!("Sha256Digest({})", digest.base64())
    );
    for bad in [
        "",
        "AAAA",
        &"g".repeat(64),
        &"é".repeat(32),
        &"A".repeat(44),
    ] {
        assert!(bad.parse::<Sha256Digest>().is_err(), "{bad}");
    }
}

#[test]
fn a_body_that_is_not_a_json_object_is_refused() {
    let code = |body: &[u8]| SignUploadRequest::parse(body).unwrap_err().code;
    for body in [
        b"".as_slice(),
        b"{",
        b"[]",
        b"3",
        b"null",
        b"\"a\"",
        b"true",
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":{\"b\":1,\"b\":1}}",
        b"\xff",
    ] {
        assert_eq!(
            code(body),
            "bad_request",
            "{}",
            String::from_utf8_lossy(body)
        );
    }
    assert_eq!(code(&vec![b' '; SIGN_BODY_BYTES_MAX + 1]), "body_too_large");
    let deep = format!("{{\"metadata\":{}{}}}", "[".repeat(20), "]".repeat(20));
    assert_eq!(code(deep.as_bytes()), "bad_request");
    let deepest = "[".repeat(30_000);
    assert_eq!(code(deepest.as_bytes()), "bad_request");
}

#[test]
fn the_names_of_strategies_and_stores_are_stable() {
    for strategy in [Strategy::Put, Strategy::Post, Strategy::Multipart] {
        assert_eq!(strategy.to_string().parse(), Ok(strategy));
        assert_eq!(serde_json::to_value(strategy).unwrap(), strategy.as_str());
    }
    for provider in [
        StoreProvider::S3,
        StoreProvider::Minio,
        StoreProvider::R2,
        StoreProvider::Embedded,
    ] {
        assert_eq!(provider.as_str().parse(), Ok(provider));
    }
}

#[test]
fn file_names_have_no_path() {
    for (name, says) in [
        ("", "filename must be 1 to 255 characters long"),
        ("../a.xlsx", "filename must be a name without a path"),
        ("C:\\a.xlsx", "filename must be a name without a path"),
        ("a\n.xlsx", "filename must not contain control characters"),
        (
            "a\u{202e}.xlsx",
            "filename must not contain control characters or marks",
        ),
        (
            &format!("{}.xlsx", "é".repeat(251)),
            "filename must be 1 to 255 characters long",
        ),
    ] {
        let message = one_wrong(&changed(table(), "filename", name.into()));
        assert!(message.starts_with(says), "{name:?}: {message}");
    }
    assert!(
        check(&changed(
            table(),
            "filename",
            format!("{}.xlsx", "é".repeat(250)).into()
        ))
        .is_ok()
    );
}
