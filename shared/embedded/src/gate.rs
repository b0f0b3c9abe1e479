//! What s3s lets through and S3 does not: checked on the bare request, before s3s sees it.

use http::request::Parts;
use http::{Method, header};
use s3s::{S3Result, s3_error};

/// Refuses any `x-amz-*` header that the signature does not cover (an unsigned `x-amz-copy-source` would turn a
/// presigned PUT into a copy of any object), version 2 signatures, and two signatures at once.
pub(crate) fn check(request: &Parts) -> S3Result<()> {
    let query = |wanted: &str| {
        let pairs = request
            .uri
            .query()
            .unwrap_or_default()
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        // Names may come encoded; s3s decodes them, so must we.
        pairs
            .map(|(name, value)| (decode(name), decode(value)))
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value)
    };
    let authorization = match request.headers.get(header::AUTHORIZATION) {
        Some(value) => Some(
            value
                .to_str()
                .map_err(|_| s3_error!(InvalidRequest, "invalid header: authorization"))?,
        ),
        None => None,
    };
    let version_2 = query("Signature").is_some()
        || authorization.is_some_and(|value| !value.starts_with("AWS4-HMAC-SHA256"));
    if version_2 {
        return Err(s3_error!(
            InvalidRequest,
            "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
        ));
    }
    let presigned = query("X-Amz-Signature").is_some();
    if presigned && authorization.is_some() {
        return Err(s3_error!(
            InvalidArgument,
            "Only one auth mechanism allowed"
        ));
    }
    let signed = match authorization {
        // The signature of a form covers its fields and no header at all.
        _ if is_form(request) => String::new(),
        _ if presigned => query("X-Amz-SignedHeaders").unwrap_or_default(),
        Some(value) => value
            .split([',', ' '])
            .find_map(|part| part.trim().strip_prefix("SignedHeaders="))
            .unwrap_or_default()
            .to_owned(),
        None => String::new(),
    };
    let unsigned = |name: &&str| {
        name.starts_with("x-amz-") && !signed.split(';').any(|signed| signed == *name)
    };
    match request
        .headers
        .keys()
        .map(header::HeaderName::as_str)
        .find(unsigned)
    {
        Some(name) => Err(s3_error!(
            AccessDenied,
            "There were headers present in the request which were not signed: {name}"
        )),
        None => Ok(()),
    }
}

/// Whether this is a browser's upload form.
fn is_form(request: &Parts) -> bool {
    let content_type = request
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    request.method == Method::POST
        && content_type
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
}

/// Percent-decodes a query's name or value.
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
