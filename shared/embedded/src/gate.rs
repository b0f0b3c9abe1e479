//! Checks that S3 makes and s3s does not, on the request before s3s gets it.

use consign_core::sigv4::EXPIRES_S_MAX;
use http::request::Parts;
use http::{Method, header};
use s3s::{S3Result, s3_error};

use crate::form::is_form;

/// Headers of an upload that a download returns. They must be signed, so that the signer decides on them.
const KEPT_HEADERS: [header::HeaderName; 4] = [
    header::CONTENT_DISPOSITION,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::EXPIRES,
];

/// Refuses `x-amz-*` headers that the signature does not cover (an unsigned `x-amz-copy-source` would turn a presigned
/// PUT into a copy of any object), version 2 signatures, two signatures at once, and presigned URLs that are valid for
/// more than seven days. A presigned upload with unsigned headers that a download would return is refused as well. The
/// exception is
/// `cache-control`, which browsers add themselves: it is removed.
pub(crate) fn check(request: &mut Parts) -> S3Result<()> {
    let authorization = authorization(request)?;
    let presigned = query(request, "X-Amz-Signature").is_some();
    check_mechanism(request, authorization.as_deref(), presigned)?;
    let signed = signed_headers(request, authorization.as_deref(), presigned);
    let is_signed = |name: &str| signed.split(';').any(|signed| signed == name);
    let is_upload = presigned && matches!(request.method, Method::PUT | Method::POST);
    let unsigned = |name: &&header::HeaderName| {
        (name.as_str().starts_with("x-amz-") || (is_upload && KEPT_HEADERS.contains(name)))
            && !is_signed(name.as_str())
    };
    if let Some(name) = request.headers.keys().find(unsigned) {
        return Err(s3_error!(
            AccessDenied,
            "There were headers present in the request which were not signed: {name}"
        ));
    }
    if is_upload && !is_signed(header::CACHE_CONTROL.as_str()) {
        request.headers.remove(header::CACHE_CONTROL);
    }
    Ok(())
}

fn authorization(request: &Parts) -> S3Result<Option<String>> {
    let value = request.headers.get(header::AUTHORIZATION);
    let text = value.map(|value| value.to_str().map(str::to_owned));
    text.transpose()
        .map_err(|_| s3_error!(InvalidRequest, "invalid header: authorization"))
}

/// Accepts one signature, of version 4, and no URL that is valid for more than seven days.
fn check_mechanism(request: &Parts, authorization: Option<&str>, presigned: bool) -> S3Result<()> {
    let version_2 = query(request, "Signature").is_some()
        || authorization.is_some_and(|value| !value.starts_with("AWS4-HMAC-SHA256"));
    if version_2 {
        return Err(s3_error!(
            InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        ));
    }
    if presigned && authorization.is_some() {
        return Err(s3_error!(
            InvalidArgument,
            "Only one auth mechanism allowed"
        ));
    }
    let expires_s = query(request, "X-Amz-Expires").and_then(|value| value.parse::<u32>().ok());
    if presigned && !expires_s.is_some_and(|life_s| (1..=EXPIRES_S_MAX).contains(&life_s)) {
        return Err(s3_error!(
            AuthorizationQueryParametersError,
            "X-Amz-Expires must be between 1 and 604800 seconds."
        ));
    }
    Ok(())
}

/// Returns the names of the signed headers, separated by semicolons.
fn signed_headers(request: &Parts, authorization: Option<&str>, presigned: bool) -> String {
    match authorization {
        // The signature of a form covers its fields and no header.
        _ if is_form(request) => String::new(),
        _ if presigned => query(request, "X-Amz-SignedHeaders").unwrap_or_default(),
        Some(value) => value
            .split([',', ' '])
            .find_map(|part| part.trim().strip_prefix("SignedHeaders="))
            .unwrap_or_default()
            .to_owned(),
        None => String::new(),
    }
}

/// Returns a query parameter. Names may be encoded; they are decoded as s3s does.
fn query(request: &Parts, wanted: &str) -> Option<String> {
    let pairs = request.uri.query().unwrap_or_default().split('&');
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .find(|(name, _)| name == wanted)
        .map(|(_, value)| value)
}

/// Percent-decodes a name or value of a query.
fn decode(text: &str) -> String {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                decoded.push(b' ');
                rest = tail;
            }
            _ => {
                decoded.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
