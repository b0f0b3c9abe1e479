//! Tests of POST forms, against the documented example of AWS and our own verification.

use super::tests::{SECRET_KEY, config, signer, time};
use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(super) const TIME: &str = "2015-12-29T00:00:00Z";

/// AWS's example: *Browser-Based Upload using HTTP POST*. Its lines end in CRLF.
const POLICY: &str = r#"{ "expiration": "2015-12-30T12:00:00.000Z",
  "conditions": [
    {"bucket": "sigv4examplebucket"},
    ["starts-with", "$key", "user/user1/"],
    {"acl": "public-read"},
    {"success_action_redirect": "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html"},
    ["starts-with", "$Content-Type", "image/"],
    {"x-amz-meta-uuid": "14365123651274"},
    {"x-amz-server-side-encryption": "AES256"},
    ["starts-with", "$x-amz-meta-tag", ""],

    {"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"},
    {"x-amz-algorithm": "AWS4-HMAC-SHA256"},
    {"x-amz-date": "20151229T000000Z" }
  ]
}"#;

pub(super) fn evaluate(
    fields: &[(&str, &str)],
    size_bytes: u64,
    now: &str,
) -> Result<Verified, VerifyError> {
    let form = PostForm {
        bucket: "sigv4examplebucket",
        fields,
        size_bytes,
    };
    verify_post(&form, |_| Some(SECRET_KEY.into()), time(now))
}

#[test]
fn the_documented_form_is_accepted() {
    let policy = STANDARD.encode(POLICY.replace('\n', "\r\n"));
    let fields = [
        ("key", "user/user1/${filename}"),
        ("acl", "public-read"),
        (
            "success_action_redirect",
            "http://sigv4examplebucket.s3.amazonaws.com/successful_upload.html",
        ),
        ("Content-Type", "image/jpeg"),
        ("x-amz-meta-uuid", "14365123651274"),
        ("x-amz-server-side-encryption", "AES256"),
        (
            "X-Amz-Credential",
            "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
        ),
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Date", "20151229T000000Z"),
        ("x-amz-meta-tag", ""),
        ("Policy", &policy),
        (
            "X-Amz-Signature",
            "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
        ),
        ("file", ""),
        ("after-the-file", "is not read"),
    ];
    let good = evaluate(&fields, 1, TIME).unwrap();
    assert_eq!(good.expires_at, time("2015-12-30T12:00:00Z"));
    assert_eq!(
        evaluate(&fields, 1, "2015-12-30T12:00:00Z"),
        Err(VerifyError::Expired)
    );
    assert_eq!(
        evaluate(&fields, 1, "2015-12-28T23:00:00Z"),
        Err(VerifyError::NotYetValid)
    );
    assert_eq!(
        evaluate(&fields[..11], 1, TIME),
        Err(VerifyError::Missing("x-amz-signature"))
    );
    assert_eq!(
        evaluate(&fields[1..], 1, TIME),
        Err(VerifyError::Missing("key"))
    );
}

#[test]
fn a_form_reads_as_botocore_writes_it() {
    let request = PostRequest {
        bucket: "bucket",
        key: "k/é\u{1F600}",
        fields: &[("acl", "private"), ("x-amz-meta-a", "quote \" \u{7f}")],
        conditions: &[
            Condition::Exact {
                field: "acl",
                value: "private",
            },
            Condition::StartsWith {
                field: "x-amz-meta-a",
                prefix: "quote \" \u{7f}",
            },
            Condition::ContentLengthRange {
                size_bytes_min: 1,
                size_bytes_max: 10,
            },
        ],
        expires_s: 3600,
    };
    let mut config = config(None, "us-east-1");
    config.credentials.session_token = Some("TOK".into());
    let post = Signer::new(config)
        .unwrap()
        .post_policy(&request, time(TIME))
        .unwrap();
    assert_eq!(post.url, "https://bucket.s3.us-east-1.amazonaws.com/");
    let names: Vec<_> = post.fields.iter().map(|(name, _)| name.as_str()).collect();
    let wanted = "acl x-amz-meta-a key x-amz-algorithm x-amz-credential x-amz-date x-amz-security-token policy x-amz-signature";
    assert_eq!(names.join(" "), wanted);
    let policy = String::from_utf8(STANDARD.decode(&post.fields[7].1).unwrap()).unwrap();
    assert_eq!(
        policy,
        concat!(
            r#"{"expiration": "2015-12-29T01:00:00Z", "conditions": [{"acl": "private"}, "#,
            r#"["starts-with", "$x-amz-meta-a", "quote \" \u007f"], ["content-length-range", 1, 10], "#,
            r#"{"bucket": "bucket"}, {"key": "k/\u00e9\ud83d\ude00"}, {"x-amz-algorithm": "AWS4-HMAC-SHA256"}, "#,
            r#"{"x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request"}, "#,
            r#"{"x-amz-date": "20151229T000000Z"}, {"x-amz-security-token": "TOK"}]}"#
        )
    );
    let shown = format!("{post:?}");
    assert!(
        shown.contains("x-amz-signature")
            && !shown.contains(&post.fields[8].1)
            && !shown.contains("TOK")
    );
}

#[test]
fn forms_that_break_the_rules_are_refused() {
    let with = |change: fn(&mut PostRequest<'_>)| {
        let mut request = PostRequest {
            bucket: "bucket",
            key: "key",
            fields: &[],
            conditions: &[],
            expires_s: 60,
        };
        change(&mut request);
        signer().post_policy(&request, time(TIME)).err()
    };
    assert_eq!(with(|_| ()), None);
    assert_eq!(
        with(|r| r.expires_s = 0),
        Some(PresignError::ExpiryOutOfRange)
    );
    assert_eq!(with(|r| r.bucket = "b"), Some(PresignError::BucketLength));
    assert_eq!(with(|r| r.key = "a/.."), Some(PresignError::KeyDotSegment));
    assert_eq!(
        with(|r| r.fields = &[("", "x")]),
        Some(PresignError::FieldName)
    );
    assert_eq!(
        with(|r| r.fields = &[("a", "x\r\ny")]),
        Some(PresignError::FieldValue)
    );
    assert_eq!(
        with(|r| r.fields = &[("Policy", "x")]),
        Some(PresignError::FieldReserved)
    );
    assert_eq!(
        with(|r| r.fields = &[("file", "x")]),
        Some(PresignError::FieldReserved)
    );
    assert_eq!(
        with(|r| r.fields = &[("a", "x"), ("A", "y")]),
        Some(PresignError::FieldDuplicate)
    );
}

/// Why a form with this key and these conditions is not the owner's alone.
fn not_owned(key: &str, conditions: &[Condition<'_>], owner: &str) -> Option<PresignError> {
    let request = PostRequest {
        bucket: "bucket",
        key,
        fields: &[],
        conditions,
        expires_s: 60,
    };
    request.owned_by(owner).err()
}

const OPEN: Option<PresignError> = Some(PresignError::KeyConditionOpen);

#[test]
fn no_key_of_a_form_leaves_its_owner() {
    assert_eq!(not_owned("up/o1/f", &[], "up/o1/"), None);
    for (key, owner) in [
        ("up/o2/f", "up/o1/"),
        ("up/o1/", "up/o1/"),
        ("up/o10/f", "up/o1"),
        ("f", ""),
        ("/f", "/"),
    ] {
        assert_eq!(not_owned(key, &[], owner), OPEN, "{key} of {owner}");
    }
    for key in [
        "${filename}",
        "up/${filename}",
        "up/o1${filename}",
        "up/o1/../o2/${filename}",
    ] {
        assert_eq!(not_owned(key, &[], "up/o1/"), OPEN, "{key}");
    }
}

#[test]
fn no_starts_with_is_empty_or_crosses_owners() {
    let under_o1 = |key: &str, conditions: &[Condition<'_>]| not_owned(key, conditions, "up/o1/");
    let on_key = |prefix| {
        [Condition::StartsWith {
            field: "Key",
            prefix,
        }]
    };
    assert_eq!(under_o1("up/o1/${filename}", &on_key("up/o1/")), None);
    assert_eq!(under_o1("up/o1/f", &on_key("up/o1/f")), None);
    for prefix in ["", "up/", "up/o1", "up/o2/"] {
        assert_eq!(under_o1("up/o1/f", &on_key(prefix)), OPEN, "{prefix}");
    }
    let other = [Condition::Exact {
        field: "key",
        value: "up/o2/f",
    }];
    assert_eq!(under_o1("up/o1/f", &other), OPEN);
    let empty = [Condition::StartsWith {
        field: "content-type",
        prefix: "",
    }];
    assert_eq!(under_o1("up/o1/f", &empty), OPEN);
    let range = |size_bytes_min, size_bytes_max| {
        [Condition::ContentLengthRange {
            size_bytes_min,
            size_bytes_max,
        }]
    };
    assert_eq!(
        under_o1("up/o1/f", &range(2, 1)),
        Some(PresignError::SizeRange)
    );
    assert_eq!(under_o1("up/o1/f", &range(1, 1)), None);
}
