//! The page, as the local host serves it.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request, Response};

use crate::host::Host;

/// The page's files: path, media type, content.
const FILES: [(&str, &str, &str); 6] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../../../web/index.html"),
    ),
    (
        "/app.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../web/app.js"),
    ),
    (
        "/api.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../web/api.js"),
    ),
    (
        "/transfer.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../web/transfer.js"),
    ),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("../../../web/style.css"),
    ),
    (
        "/icon.svg",
        "image/svg+xml",
        include_str!("../../../web/icon.svg"),
    ),
];

/// A file of the page; `None` for any other request.
pub(crate) fn handle(host: &Host, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    if request.method() != Method::GET {
        return None;
    }
    let path = request.uri().path();
    let (_, media_type, content) = FILES.iter().find(|(known, ..)| *known == path)?;
    let mut response = Response::new(Bytes::from_static(content.as_bytes()));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, *media_type),
        (CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // The page loads nothing from elsewhere and talks to the functions and the store alone.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        origin_of(&host.rules.public_endpoint)
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    Some(response)
}

/// Scheme, host and port of a URL.
pub(crate) fn origin_of(url: &str) -> &str {
    let host_at = url.find("://").map_or(0, |at| at + 3);
    let end = url[host_at..].find('/').map(|at| host_at + at);
    &url[..end.unwrap_or(url.len())]
}

#[cfg(test)]
mod tests {
    use super::origin_of;

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin_of("http://a:1/b/c"), "http://a:1");
        assert_eq!(origin_of("https://a.example"), "https://a.example");
    }
}
