//! Tests of the conditions and the expiration of POST policies.

use super::hash::hex;
use super::signer::signing_key;
use super::tests::{REQUEST, SECRET_KEY, config, signer, time};
use super::tests_post::{TIME, evaluate};
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use consign_time as time;

/// Evaluates a form with these JSON conditions, in addition to those of the signature.
fn with_conditions(
    conditions: &str,
    fields: &[(&str, &str)],
    size_bytes: u64,
) -> Result<(), VerifyError> {
    let conditions: Vec<serde_json::Value> = serde_json::from_str(conditions).unwrap();
    let request = PostRequest {
        bucket: "bucket",
        key: "k",
        fields,
        conditions: &conditions,
        expires_s: 60,
    };
    let post = signer().post_policy(&request, time(TIME)).unwrap();
    let fields: Vec<_> = post
        .fields
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let form = PostForm {
        bucket: "bucket",
        fields: &fields,
        size_bytes,
    };
    verify_post(&form, |_| Some(SECRET_KEY.into()), time(TIME)).map(drop)
}

#[test]
fn conditions_hold_as_the_store_reads_them() {
    for (conditions, fields) in [
        ("[]", &[][..]),
        (r#"[["eq", "$ACL", "private"]]"#, &[("aCl", "private")]),
        (
            r#"[{"acl": "private", "x": "y"}]"#,
            &[("acl", "private"), ("x", "y")],
        ),
        (r#"[["starts-with", "$acl", ""]]"#, &[("acl", "anything")]),
        (
            r#"[["starts-with", "$Content-Type", "image/"]]"#,
            &[("content-type", "image/a, image/b,image/c")],
        ),
        (
            r#"[["content-length-range", "0", 5], ["content-length-range", 5, 9]]"#,
            &[],
        ),
        ("[]", &[("x-ignore-me", "1")]),
        (r#"[{"bucket": "bucket"}]"#, &[("bucket", "bucket")]),
    ] {
        assert_eq!(
            with_conditions(conditions, fields, 5),
            Ok(()),
            "{conditions}"
        );
    }
}

#[test]
fn conditions_that_do_not_hold_or_are_malformed_are_refused() {
    for (conditions, fields, why) in [
        (
            r#"[["eq", "$acl", "private"]]"#,
            &[("acl", "Private")][..],
            VerifyError::Condition,
        ),
        (
            r#"[["eq", "$acl", "private"]]"#,
            &[],
            VerifyError::Condition,
        ),
        (r#"[["eq", "$acl", ""]]"#, &[], VerifyError::Condition),
        (
            r#"[["starts-with", "$acl", ""]]"#,
            &[],
            VerifyError::Condition,
        ),
        (
            r#"[["starts-with", "$Content-Type", "image/"]]"#,
            &[("content-type", "image/a, text/b")],
            VerifyError::Condition,
        ),
        (
            r#"[["content-length-range", 0, 4]]"#,
            &[],
            VerifyError::Size,
        ),
        (
            r#"[["content-length-range", 6, 9]]"#,
            &[],
            VerifyError::Size,
        ),
        ("[]", &[("acl", "private")], VerifyError::Uncovered),
        ("[]", &[("bucket", "other")], VerifyError::Condition),
        (
            r#"[["content-length-range", 9, 6]]"#,
            &[],
            VerifyError::Policy,
        ),
        (
            r#"[["content-length-range", -1, 6]]"#,
            &[],
            VerifyError::Policy,
        ),
        (r#"[["content-length-range", 6]]"#, &[], VerifyError::Policy),
        (r#"[["eq", "acl", "private"]]"#, &[], VerifyError::Policy),
        (r#"[["eq", "$", "private"]]"#, &[], VerifyError::Policy),
        (
            r#"[["ends-with", "$acl", "private"]]"#,
            &[],
            VerifyError::Policy,
        ),
        (
            r#"[["starts-with", "$bucket", "b"]]"#,
            &[],
            VerifyError::Policy,
        ),
        (r#"[{"acl": 1}]"#, &[], VerifyError::Policy),
        ("[{}]", &[], VerifyError::Policy),
        ("[7]", &[], VerifyError::Policy),
    ] {
        assert_eq!(
            with_conditions(conditions, fields, 5),
            Err(why),
            "{conditions}"
        );
    }
}

/// Signs any text as a policy, with a form that has only the fields of the signature.
fn with_policy(policy: &str) -> Result<(), VerifyError> {
    let policy = STANDARD.encode(policy);
    let key = signing_key(SECRET_KEY, "20151229", "us-east-1");
    let signature = String::from_utf8(hex(&key.sign(policy.as_bytes())).to_vec()).unwrap();
    let fields = [
        ("key", "k"),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        (
            "x-amz-credential",
            "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
        ),
        ("x-amz-date", "20151229T000000Z"),
        ("policy", &policy),
        ("x-amz-signature", &signature),
    ];
    evaluate(&fields, 1, TIME).map(drop)
}

#[test]
fn policies_that_are_malformed_or_leave_fields_out_are_refused() {
    let rest = r#"["starts-with", "$key", ""], {"x-amz-algorithm": "AWS4-HMAC-SHA256"}, {"x-amz-date": "20151229T000000Z"},
        {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"}"#;
    let policy = |expiration: &str, bucket: &str| {
        format!(r#"{{"expiration": "{expiration}", "conditions": [{bucket}{rest}]}}"#)
    };
    let bucket = r#"{"bUcKeT": "sigv4examplebucket"}, "#;
    assert_eq!(with_policy(&policy("2015-12-29T01:00:00Z", bucket)), Ok(()));
    assert_eq!(
        with_policy(&policy("2015-12-29T01:00:00.000Z", bucket)),
        Ok(())
    );
    assert_eq!(
        with_policy(&policy("2015-12-29T01:00:00Z", "")),
        Err(VerifyError::Uncovered)
    );
    assert_eq!(
        with_policy(&policy("2015-12-29T00:00:00Z", bucket)),
        Err(VerifyError::Expired)
    );
    for expiration in [
        "",
        "2015-12-29 01:00:00Z",
        "2015-12-29T01:00:00+00:00",
        "2015-13-29T01:00:00Z",
        "tomorrow",
    ] {
        assert_eq!(
            with_policy(&policy(expiration, bucket)),
            Err(VerifyError::Policy),
            "{expiration}"
        );
    }
    for text in [
        "",
        "{}",
        "[]",
        r#"{"expiration": "2015-12-29T01:00:00Z"}"#,
        r#"{"conditions": []}"#,
        "\u{0}",
    ] {
        assert_eq!(with_policy(text), Err(VerifyError::Policy), "{text}");
    }
}

#[test]
fn forms_that_are_malformed_are_refused_before_their_policy_is_read() {
    let long = "x".repeat(21 * 1024);
    let (credential, date) = ("A/20151229/us-east-1/s3/aws4_request", "20151229T000000Z");
    for (fields, why) in [
        (&[("key", "")][..], VerifyError::Key),
        (&[("key", &long[..1025])], VerifyError::Key),
        (&[("key", &long)], VerifyError::FormTooLarge),
        (&[("key", "k"), ("KEY", "k")], VerifyError::Duplicate),
        (
            &[("key", "k"), ("x-amz-algorithm", "x")],
            VerifyError::Algorithm,
        ),
        (
            &[
                ("key", "k"),
                ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
                ("x-amz-date", "2015"),
                ("x-amz-credential", credential),
            ],
            VerifyError::Scope,
        ),
        (
            &[
                ("key", "k"),
                ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
                ("x-amz-date", date),
                ("x-amz-credential", credential),
                ("policy", "e30="),
                ("x-amz-signature", "0"),
            ],
            VerifyError::Signature,
        ),
    ] {
        assert_eq!(evaluate(fields, 1, TIME), Err(why));
    }
}

#[test]
fn a_form_ends_at_the_very_instant_that_it_names_and_a_url_just_after_it() {
    let signer = Signer::new(config(None, "us-east-1")).unwrap();
    let secret_of = |_: &str| Some(SECRET_KEY.into());
    for (signed_at, expires_s) in [
        ("2026-01-02T03:04:05Z", 1_u32),
        ("2026-01-02T03:04:05.999999Z", 60),
        ("2026-12-31T23:59:59Z", 1),
        ("2026-01-02T03:04:05Z", EXPIRES_S_MAX),
    ] {
        let signed_at = time(signed_at);
        let at = |millis: i64| {
            // Signatures name whole seconds.
            let second = time::from_secs(signed_at.timestamp()).unwrap();
            second + chrono::TimeDelta::milliseconds(i64::from(expires_s) * 1000 + millis)
        };
        let request = PostRequest {
            bucket: "bucket",
            key: "k",
            fields: &[],
            conditions: &[] as &[Condition<'_>],
            expires_s,
        };
        let post = signer.post_policy(&request, signed_at).unwrap();
        let fields: Vec<_> = post
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let form = |now| verify_post_fields("bucket", &fields, secret_of, now).map(drop);
        assert_eq!(form(at(-1)), Ok(()));
        for late in [0, 1, 999] {
            assert_eq!(form(at(late)), Err(VerifyError::Expired), "{late} ms");
        }
        let request = Request {
            expires_s,
            ..REQUEST
        };
        let url = signer.presign(&request, signed_at).unwrap();
        let sent = SentRequest {
            method: "GET",
            url: &url,
            headers: &[],
        };
        let url = |now| verify_url(&sent, secret_of, now).map(drop);
        assert_eq!((url(at(-1)), url(at(0))), (Ok(()), Ok(())));
        assert_eq!(url(at(1)), Err(VerifyError::Expired));
    }
}
