//! Tests of URLs, against the documented example of AWS and our own verification.

use super::*;
use consign_time::{self as time, Timestamp};
use proptest::prelude::*;

pub(super) const ACCESS_KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(super) const SECRET_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub(super) fn time(text: &str) -> Timestamp {
    time::parse(text).unwrap()
}

pub(super) fn config<'a>(endpoint: Option<&'a str>, region: &'a str) -> SignerConfig<'a> {
    SignerConfig {
        endpoint,
        region,
        addressing: Addressing::Virtual,
        credentials: Credentials {
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.into(),
            session_token: None,
            expires_at: None,
        },
    }
}

pub(super) fn signer() -> Signer {
    Signer::new(config(None, "us-east-1")).unwrap()
}

/// AWS's example: *Authenticating Requests: Using Query Parameters*.
pub(super) const REQUEST: Request<'static> = Request {
    operation: Operation::GetObject,
    bucket: "examplebucket",
    key: "test.txt",
    headers: &[],
    query: &[],
    expires_s: 86_400,
};
const TIME: &str = "2013-05-24T00:00:00Z";
const URL: &str = "https://examplebucket.s3.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z\
    &X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
    &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

fn refused(change: impl FnOnce(&mut Request<'_>)) -> PresignError {
    let mut request = REQUEST;
    change(&mut request);
    signer().presign(&request, time(TIME)).unwrap_err()
}

#[test]
fn the_documented_example_is_signed_to_the_byte() {
    let global = Signer::new(config(Some("https://s3.amazonaws.com"), "us-east-1")).unwrap();
    assert_eq!(global.presign(&REQUEST, time(TIME)).as_deref(), Ok(URL));
}

#[test]
fn every_region_of_aws_is_signed_for_by_its_own_name() {
    for region in ["us-east-1", "us-east-2", "eu-central-1", "ap-southeast-2"] {
        let host = format!("s3.{region}.amazonaws.com");
        let at = |addressing| {
            Signer::new(SignerConfig {
                addressing,
                ..config(None, region)
            })
            .unwrap()
        };
        let by_host = at(Addressing::Virtual)
            .presign(&REQUEST, time(TIME))
            .unwrap();
        assert!(by_host.starts_with(&format!("https://examplebucket.{host}/test.txt?")));
        let by_path = at(Addressing::Path).presign(&REQUEST, time(TIME)).unwrap();
        assert!(by_path.starts_with(&format!("https://{host}/examplebucket/test.txt?")));
        let named = Signer::new(config(Some(&format!("https://{host}")), region)).unwrap();
        assert_eq!(named.presign(&REQUEST, time(TIME)), Ok(by_host));
    }
}

#[test]
fn a_url_is_allocated_once_and_nearly_exactly() {
    let token = Credentials {
        session_token: Some("to/ken".into()),
        ..config(None, "us-east-1").credentials
    };
    let signer = Signer::new(SignerConfig {
        credentials: token,
        ..config(Some("http://h:1/p"), "us-east-1")
    })
    .unwrap();
    let request = Request {
        query: &[("é", "b c"), ("A", "~")],
        headers: &[("X-Custom+", "v")],
        key: "a b/ü",
        ..REQUEST
    };
    let url = signer.presign(&request, time(TIME)).unwrap();
    assert!(
        url.capacity() - url.len() < 16,
        "{} of {}",
        url.len(),
        url.capacity()
    );
}

#[test]
fn limits_of_the_service_are_refused_by_name() {
    assert_eq!(refused(|r| r.expires_s = 0), PresignError::ExpiryOutOfRange);
    assert_eq!(
        refused(|r| r.expires_s = 604_801),
        PresignError::ExpiryOutOfRange
    );
    assert_eq!(refused(|r| r.bucket = "No"), PresignError::BucketLength);
    assert_eq!(refused(|r| r.key = "../x"), PresignError::KeyDotSegment);
    assert_eq!(
        refused(|r| r.headers = &[("a b", "")]),
        PresignError::HeaderName
    );
    assert_eq!(refused(|r| r.query = &[("", "")]), PresignError::QueryName);
    assert_eq!(
        refused(|r| r.query = &[("a", "\n")]),
        PresignError::QueryControlByte
    );
    assert_eq!(
        refused(|r| r.query = &[("x-AMZ-date", "")]),
        PresignError::QueryReserved
    );
    assert_eq!(
        refused(|r| r.query = &[("a", ""), ("b", ""), ("a", "x")]),
        PresignError::QueryDuplicate
    );
    assert_eq!(
        refused(|r| r.query = &[("a", ""); QUERY_MAX + 1]),
        PresignError::QueryTooMany
    );
    assert_eq!(
        signer().presign(&REQUEST, time("1969-01-01T00:00:00Z")),
        Err(PresignError::TimeOutOfRange)
    );
}

#[test]
fn multipart_operations_need_their_parameters_and_others_refuse_them() {
    let part = |number| {
        refused(|r| {
            (r.operation, r.query) = (
                Operation::UploadPart,
                Box::leak(Box::new([("uploadId", "u"), ("partNumber", number)])),
            )
        })
    };
    for number in ["0", "10001", "-1", "+1", "01", "", "1.0", "99999999999"] {
        assert_eq!(part(number), PresignError::PartNumberOutOfRange, "{number}");
    }
    assert_eq!(
        refused(|r| (r.operation, r.query) = (Operation::UploadPart, &[("uploadId", "u")])),
        PresignError::PartNumberMissing
    );
    for operation in [
        Operation::CompleteMultipartUpload,
        Operation::AbortMultipartUpload,
        Operation::ListParts,
    ] {
        assert_eq!(
            refused(|r| r.operation = operation),
            PresignError::UploadIdMissing
        );
        assert_eq!(
            refused(|r| (r.operation, r.query) = (operation, &[("uploadId", "")])),
            PresignError::UploadIdMissing
        );
    }
    assert_eq!(
        refused(|r| r.query = &[("uploadId", "u")]),
        PresignError::UploadIdUnexpected
    );
    assert_eq!(
        refused(|r| r.query = &[("uploads", "")]),
        PresignError::UploadIdUnexpected
    );
    let create = Request {
        operation: Operation::CreateMultipartUpload,
        ..REQUEST
    };
    let url = signer().presign(&create, time(TIME)).unwrap();
    assert!(url.contains("/test.txt?uploads=&X-Amz-Algorithm="));
    assert_eq!(
        signer()
            .presign(
                &Request {
                    query: &[("uploads", "")],
                    ..create
                },
                time(TIME)
            )
            .unwrap(),
        url
    );
}

#[test]
fn an_expiry_is_clamped_to_the_credentials_own_life() {
    let with_end = |end: &str| {
        let credentials = Credentials {
            expires_at: Some(time(end)),
            ..config(None, "us-east-1").credentials
        };
        Signer::new(SignerConfig {
            credentials,
            ..config(None, "us-east-1")
        })
        .unwrap()
    };
    assert_eq!(signer().clamp_expiry_s(900, time(TIME)), 900);
    assert_eq!(signer().clamp_expiry_s(u32::MAX, time(TIME)), EXPIRES_S_MAX);
    assert_eq!(
        with_end("2013-05-24T00:10:00Z").clamp_expiry_s(900, time(TIME)),
        600
    );
    assert_eq!(
        with_end("2113-05-24T00:10:00Z").clamp_expiry_s(900, time(TIME)),
        900
    );
    assert_eq!(
        with_end("2013-05-23T00:00:00Z").clamp_expiry_s(900, time(TIME)),
        0
    );
}

#[test]
fn a_signer_is_not_built_from_nonsense() {
    let with = |change: fn(&mut SignerConfig<'_>)| {
        let mut config = config(None, "us-east-1");
        change(&mut config);
        Signer::new(config).err()
    };
    assert_eq!(with(|c| c.region = ""), Some(SetupError::Region));
    assert_eq!(with(|c| c.region = "a/b"), Some(SetupError::Region));
    assert_eq!(
        with(|c| c.endpoint = Some("minio:9000")),
        Some(SetupError::Endpoint)
    );
    assert_eq!(
        with(|c| c.credentials.access_key.clear()),
        Some(SetupError::AccessKey)
    );
    assert_eq!(
        with(|c| c.credentials.access_key = "a/b".into()),
        Some(SetupError::AccessKey)
    );
    assert_eq!(
        with(|c| c.credentials.secret_key = "".into()),
        Some(SetupError::SecretKey)
    );
    assert_eq!(
        with(|c| c.credentials.session_token = Some("".into())),
        Some(SetupError::SessionToken)
    );
    assert_eq!(
        with(|c| c.credentials.session_token = Some("a\nb".to_owned().into())),
        Some(SetupError::SessionToken)
    );
}

#[test]
fn debug_shows_no_secret() {
    let credentials = Credentials {
        session_token: Some("TOKEN".into()),
        ..config(None, "us-east-1").credentials
    };
    let text = format!("{credentials:?}");
    assert!(!text.contains(SECRET_KEY) && !text.contains("TOKEN") && text.contains("[hidden]"));
    let signer = Signer::new(SignerConfig {
        credentials,
        ..config(None, "us-east-1")
    })
    .unwrap();
    let text = format!("{signer:?}");
    assert!(
        !text.contains(SECRET_KEY) && !text.contains("TOKEN") && !text.contains(ACCESS_KEY),
        "{text}"
    );
}

fn verified(url: &str, headers: &[(&str, &str)], now: &str) -> Result<Verified, VerifyError> {
    let secret_of = |key: &str| (key == ACCESS_KEY).then(|| SECRET_KEY.into());
    verify_url(
        &SentRequest {
            method: "GET",
            url,
            headers,
        },
        secret_of,
        time(now),
    )
}

#[test]
fn the_documented_example_verifies_within_its_window() {
    let good = verified(URL, &[], TIME).unwrap();
    assert_eq!(
        (&*good.access_key, &*good.region, good.session_token),
        (ACCESS_KEY, "us-east-1", None)
    );
    assert_eq!(
        (good.expires_at, good.signed_headers),
        (time("2013-05-25T00:00:00Z"), vec!["host".to_owned()])
    );
    assert!(verified(URL, &[], "2013-05-25T00:00:00Z").is_ok());
    assert!(verified(URL, &[], "2013-05-23T23:45:00Z").is_ok());
    assert_eq!(
        verified(URL, &[], "2013-05-25T00:00:00.001Z"),
        Err(VerifyError::Expired)
    );
    assert_eq!(
        verified(URL, &[], "2013-05-23T23:44:59Z"),
        Err(VerifyError::NotYetValid)
    );
    let path = URL
        .strip_prefix("https://examplebucket.s3.amazonaws.com")
        .unwrap();
    assert!(verified(path, &[("Host", "examplebucket.s3.amazonaws.com")], TIME).is_ok());
    assert_eq!(
        verified(path, &[("Host", "other.s3.amazonaws.com")], TIME),
        Err(VerifyError::Signature)
    );
    assert_eq!(verified(path, &[], TIME), Err(VerifyError::HeaderMissing));
    assert!(verified(&URL.replace(".com/", ".com:443/"), &[], TIME).is_ok());
}

/// Text of the documented URL, what it becomes, and why the URL is then refused.
const CHANGES: [(&str, &str, VerifyError); 25] = [
    ("examplebucket", "otherbucket", VerifyError::Signature),
    ("test.txt", "test.txs", VerifyError::Signature),
    ("test.txt", "../test.txt", VerifyError::Url),
    ("test.txt", "%zz", VerifyError::Url),
    ("https://", "", VerifyError::Url),
    ("?", "", VerifyError::Url),
    ("86400", "86401", VerifyError::Signature),
    ("86400", "0", VerifyError::ExpiryOutOfRange),
    ("86400", "604801", VerifyError::ExpiryOutOfRange),
    ("86400", "x", VerifyError::ExpiryOutOfRange),
    ("us-east-1", "us-east-2", VerifyError::Signature),
    ("%2Fs3%2F", "%2Fsqs%2F", VerifyError::Scope),
    ("%2F20130524%2F", "%2F20130525%2F", VerifyError::Scope),
    (
        "Date=20130524T000000Z",
        "Date=20130524T000000",
        VerifyError::Date,
    ),
    (
        "AKIAIOSFODNN7EXAMPLE",
        "AKIB",
        VerifyError::UnknownAccessKey,
    ),
    ("HMAC-SHA256", "HMAC-SHA1", VerifyError::Algorithm),
    (
        "SignedHeaders=host",
        "SignedHeaders=",
        VerifyError::HeaderMissing,
    ),
    (
        "SignedHeaders=host",
        "SignedHeaders=host%3Bhost",
        VerifyError::HeaderMissing,
    ),
    (
        "SignedHeaders=host",
        "SignedHeaders=host%3Bx-a",
        VerifyError::HeaderMissing,
    ),
    ("404", "405", VerifyError::Signature),
    ("404", "40", VerifyError::Signature),
    ("aeeed", "AEEED", VerifyError::Signature),
    (
        "&X-Amz-Expires=86400",
        "",
        VerifyError::Missing("X-Amz-Expires"),
    ),
    (
        "X-Amz-Expires=86400",
        "X-Amz-Expires=86400&X-Amz-Expires=1",
        VerifyError::Duplicate,
    ),
    (
        "X-Amz-Expires=86400",
        "a=b&X-Amz-Expires=86400",
        VerifyError::Signature,
    ),
];

#[test]
fn anything_changed_in_a_url_is_refused() {
    let secret_of = |_: &str| Some(SECRET_KEY.into());
    let put = SentRequest {
        method: "PUT",
        url: URL,
        headers: &[],
    };
    assert_eq!(
        verify_url(&put, secret_of, time(TIME)),
        Err(VerifyError::Signature)
    );
    for (from, to, why) in CHANGES {
        assert_eq!(
            verified(&URL.replace(from, to), &[], TIME),
            Err(why),
            "{from} to {to}"
        );
    }
}

#[test]
fn an_unsigned_x_amz_header_is_refused_and_others_pass() {
    assert_eq!(
        verified(URL, &[("X-Amz-Copy-Source", "/b/k")], TIME),
        Err(VerifyError::HeaderUnsigned)
    );
    assert!(verified(URL, &[("Accept", "*/*")], TIME).is_ok());
    let host = ("host", "examplebucket.s3.amazonaws.com");
    assert_eq!(
        verified(URL, &[host, host], TIME),
        Err(VerifyError::Duplicate)
    );
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_one_change_breaks_it(
        key in "[a-zA-Z0-9/_.=~+ %é漢-]{1,40}",
        value in "[ -~]{0,20}",
        query in "[ -~é]{0,20}",
        token in proptest::option::of("[a-zA-Z0-9/+=]{1,60}"),
        path in proptest::bool::ANY,
        seconds in 0i64..4_000_000_000,
        expires_s in 1u32..=604_800,
    ) {
        prop_assume!(check_key(&key).is_ok());
        let mut config = config(Some("http://store.example:9000"), "eu-west-1");
        config.addressing = if path { Addressing::Path } else { Addressing::Virtual };
        config.credentials.session_token = token.as_deref().map(Secret::from);
        let request = Request {
            operation: Operation::PutObject,
            bucket: "bucket",
            key: &key,
            headers: &[("x-amz-meta-v", &value), ("Content-Length", "7")],
            query: &[("response-content-type", &query), ("A", "1")],
            expires_s,
        };
        let now = time::from_secs(seconds).unwrap();
        let url = Signer::new(config).unwrap().presign(&request, now).unwrap();
        let secret_of = |_: &str| Some(Secret::from(SECRET_KEY));
        let sent = SentRequest { method: "PUT", url: &url, headers: request.headers };
        let good = verify_url(&sent, secret_of, now).unwrap();
        prop_assert_eq!(good.session_token.as_ref().map(Secret::expose), token.as_deref());
        prop_assert_eq!(good.signed_headers, ["content-length", "host", "x-amz-meta-v"]);
        let longer = format!("{value}x");
        for headers in [&[("x-amz-meta-v", &*longer), ("content-length", "7")][..], &[("x-amz-meta-v", &value), ("content-length", "8")]] {
            prop_assert_eq!(verify_url(&SentRequest { headers, ..sent }, secret_of, now), Err(VerifyError::Signature));
        }
    }

    #[test]
    fn no_input_panics(a in "\\PC*", b in ".*", c in proptest::num::u32::ANY, seconds in -400_000_000_000i64..400_000_000_000) {
        let Some(now) = Timestamp::from_timestamp(seconds, 0) else { return Ok(()) };
        let request = Request { key: &a, headers: &[(&b, &a), ("a", &b)], query: &[(&a, &b)], expires_s: c, ..REQUEST };
        let _ = signer().presign(&request, now);
        let _ = signer().presign(&Request { expires_s: 1, headers: &[("a", &b)], query: &[("a", &b)], ..request }, now);
        let _ = signer().presign(&Request { bucket: &b, ..REQUEST }, now);
        let _ = verify_url(&SentRequest { method: &a, url: &b, headers: &[(&a, &b)] }, |_| None, now);
        let _ = verified(&format!("/{a}?{b}"), &[], TIME);
        let _ = Signer::new(config(Some(&b), "us-east-1"));
    }
}

#[test]
fn a_secret_is_itself_alone() {
    let secret = Secret::from("correct horse");
    assert!(secret.is("correct horse"));
    for other in [
        "",
        "correct hors",
        "correct horse ",
        "Correct horse",
        "battery",
    ] {
        assert!(!secret.is(other), "{other}");
    }
    assert!(!Secret::from("").is("x"));
}
