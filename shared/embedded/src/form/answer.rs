//! The answer to a form whose file was stored.

use std::collections::BTreeMap;

use http::header::{CONTENT_TYPE, ETAG, LOCATION};
use http::{HeaderValue, Response, StatusCode};
use s3s::{Body, S3Error, S3Result};

use crate::blob::Meta;

/// Returns 204, or what the form asks for: 200, 201 with a document, or a redirect.
pub(super) fn success(
    bucket: &str,
    key: &str,
    meta: &Meta,
    fields: &BTreeMap<String, String>,
) -> S3Result<Response<Body>> {
    let path = format!("/{bucket}/{}", escape(key, is_plain_in_path));
    let e_tag = format!("\"{}\"", meta.e_tag);
    let mut response = Response::new(Body::empty());
    let mut location = HeaderValue::try_from(&path).map_err(S3Error::internal_error)?;
    let status = match redirect(bucket, key, &e_tag, fields) {
        Some(redirect) => {
            location = redirect;
            StatusCode::SEE_OTHER
        }
        None => match fields.get("success_action_status").map(String::as_str) {
            Some("200") => StatusCode::OK,
            Some("201") => {
                *response.body_mut() = document(bucket, key, &path, &e_tag).into();
                response
                    .headers_mut()
                    .insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
                StatusCode::CREATED
            }
            Some(_) | None => StatusCode::NO_CONTENT,
        },
    };
    *response.status_mut() = status;
    let e_tag = HeaderValue::try_from(e_tag).map_err(S3Error::internal_error)?;
    response.headers_mut().insert(ETAG, e_tag);
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

/// Returns the redirect of the form. Like S3, ignores an invalid address.
fn redirect(
    bucket: &str,
    key: &str,
    e_tag: &str,
    fields: &BTreeMap<String, String>,
) -> Option<HeaderValue> {
    let address = fields
        .get("success_action_redirect")
        .or_else(|| fields.get("redirect"))?;
    if !address.starts_with("https://") && !address.starts_with("http://") {
        return None;
    }
    let (address, fragment) = match address.split_once('#') {
        Some((address, fragment)) => (address, format!("#{fragment}")),
        None => (address.as_str(), String::new()),
    };
    let join = if address.contains('?') { '&' } else { '?' };
    let plain = |byte: u8| byte != b'/' && is_plain_in_path(byte);
    let address = format!(
        "{address}{join}bucket={bucket}&key={}&etag={}{fragment}",
        escape(key, plain),
        escape(e_tag, plain),
    );
    HeaderValue::try_from(address).ok()
}

/// Returns the XML document of S3's status 201.
fn document(bucket: &str, key: &str, location: &str, e_tag: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<PostResponse><Location>{}</Location><Bucket>{}</Bucket>\
         <Key>{}</Key><ETag>{}</ETag></PostResponse>",
        xml(location),
        xml(bucket),
        xml(key),
        xml(e_tag),
    )
}

/// Escapes XML text.
fn xml(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn is_plain_in_path(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte)
}

/// Percent-encodes all characters that are not plain.
fn escape(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            escaped.push(byte.into());
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
