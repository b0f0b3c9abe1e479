//! Problem documents as clients see them.

use super::*;

fn document(response: &Response<Bytes>) -> serde_json::Value {
    serde_json::from_slice(response.body()).unwrap()
}

#[test]
fn every_problem_is_an_rfc_9457_document() {
    let field = FieldError {
        field: "strategy".into(),
        code: "too_many".into(),
        detail: "must be `put`".into(),
    };
    let limit = RateLimit {
        name: "sign_uploads",
        quota: 10,
        window_s: 60,
        remaining: 0,
        reset_s: 7,
    };
    let all = [
        (400, Problem::bad_request("no JSON")),
        (400, Problem::validation_failed(vec![field.clone()])),
        (400, Problem::strategy_unsupported(field)),
        (401, Problem::unauthorized(None, "no token")),
        (403, Problem::forbidden("no")),
        (403, Problem::quota_exceeded("full")),
        (404, Problem::not_found()),
        (405, Problem::method_not_allowed("GET")),
        (409, Problem::idempotency_in_progress(7)),
        (409, Problem::object_key_taken()),
        (409, Problem::already_uploaded()),
        (409, Problem::object_missing()),
        (409, Problem::object_mismatch("5 bytes, not 6")),
        (409, Problem::upload_expired()),
        (409, Problem::not_ready("it is processing")),
        (409, Problem::conflict_retry()),
        (408, Problem::body_too_slow()),
        (413, Problem::body_too_large(10)),
        (415, Problem::unsupported_media_type()),
        (422, Problem::idempotency_key_reused()),
        (429, Problem::rate_limited(limit)),
        (500, Problem::internal()),
        (503, Problem::store_unavailable()),
        (503, Problem::storage_full()),
        (503, Problem::overloaded()),
    ];
    for (status, problem) in all {
        let code = problem.code;
        let response = problem.into_response("request-1");
        assert_eq!(response.status(), status);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[X_REQUEST_ID], "request-1");
        let body = document(&response);
        assert_eq!(body["type"], format!("urn:consign:problem:{code}"));
        assert_eq!(body["code"], code);
        assert_eq!(body["status"], status);
        assert_eq!(body["request_id"], "request-1");
        assert!(!body["title"].as_str().unwrap().is_empty());
        assert_eq!(status >= 500, body.get("detail").is_none(), "{code}");
    }
}

#[test]
fn the_number_of_field_errors_is_bounded() {
    let field = |number: u32| FieldError {
        field: format!("parts[{number}].etag"),
        code: "invalid".into(),
        detail: "must be an etag".into(),
    };
    let problem = Problem::validation_failed((0..30_000).map(field).collect());
    let body = document(&problem.into_response("request-1"));
    assert_eq!(body["errors"].as_array().unwrap().len(), 10_100);
    assert_eq!(body["detail"], "30000 fields are invalid; see errors");
}

#[test]
fn a_signing_error_is_not_the_callers_fault() {
    use crate::sigv4::PresignError;
    let expired = Problem::unsignable(PresignError::ExpiryOutOfRange).into_response("r");
    assert_eq!(
        (expired.status().as_u16(), &expired.headers()[RETRY_AFTER]),
        (503, &HeaderValue::from(2))
    );
    let other = Problem::unsignable(PresignError::KeyTooLong).into_response("r");
    assert_eq!(other.status(), 500);
}

#[test]
fn a_server_error_shows_only_the_request_id() {
    let mut problem = Problem::internal();
    problem.detail = "password=secret".into();
    problem.errors.push(FieldError {
        field: "secret".into(),
        code: "unknown".into(),
        detail: String::new(),
    });
    let response = problem.into_response("request-1");
    assert!(!String::from_utf8_lossy(response.body()).contains("secret"));
}

#[test]
fn statuses_have_their_headers() {
    let limit = RateLimit {
        name: "sign_uploads",
        quota: 10,
        window_s: 60,
        remaining: 0,
        reset_s: 7,
    };
    let limited = Problem::rate_limited(limit).into_response("r");
    assert_eq!(limited.headers()[RETRY_AFTER], "7");
    assert_eq!(limited.headers()["ratelimit"], "\"sign_uploads\";r=0;t=7");
    assert_eq!(
        limited.headers()["ratelimit-policy"],
        "\"sign_uploads\";q=10;w=60"
    );
    let missing = Problem::unauthorized(None, "no token").into_response("r");
    assert_eq!(
        missing.headers()[WWW_AUTHENTICATE],
        "Bearer realm=\"consign\""
    );
    let invalid = Problem::unauthorized(Some("invalid_token"), "expired").into_response("r");
    assert_eq!(
        invalid.headers()[WWW_AUTHENTICATE],
        "Bearer realm=\"consign\", error=\"invalid_token\""
    );
    assert_eq!(
        Problem::method_not_allowed("GET, DELETE")
            .into_response("r")
            .headers()[ALLOW],
        "GET, DELETE"
    );
}

#[test]
fn a_value_that_cannot_be_serialized_is_a_server_error() {
    let odd = std::collections::HashMap::from([((1, 2), 3)]);
    assert_eq!(json(StatusCode::OK, &odd, "bad\nid").status(), 500);
}

#[test]
fn only_a_plain_request_id_is_accepted() {
    let take = |value: &[u8]| {
        let headers =
            HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_bytes(value).unwrap())]);
        request_id(&headers, || "fresh".into())
    };
    assert_eq!(take(b"abc-DEF_123"), "abc-DEF_123");
    for bad in [
        b"short".as_slice(),
        b"has space 1",
        b"",
        b"caf\xc3\xa9-cafe",
        &[b'a'; 65],
    ] {
        assert_eq!(take(bad), "fresh");
    }
    assert_eq!(request_id(&HeaderMap::new(), || "fresh".into()), "fresh");
}

#[test]
fn a_refusal_is_a_401_with_its_challenge() {
    let challenge = |error: AuthError| {
        let response = Problem::from(error).into_response("request-1");
        assert_eq!(response.status(), 401);
        response.headers()[http::header::WWW_AUTHENTICATE]
            .to_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(challenge(AuthError::Missing), "Bearer realm=\"consign\"");
    assert!(challenge(AuthError::SeveralHeaders).contains("invalid_request"));
    assert!(challenge(AuthError::Expired).contains("invalid_token"));
}
