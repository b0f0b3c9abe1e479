//! The page: its files and its security headers.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Response};

/// A file of the page.
#[derive(Debug)]
struct File {
    path: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const FILES: [File; 8] = [
    File {
        path: "/",
        media_type: "text/html; charset=utf-8",
        content: include_str!("../../../web/index.html"),
    },
    File {
        path: "/app.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../../../web/app.js"),
    },
    File {
        path: "/api.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../../../web/api.js"),
    },
    File {
        path: "/dom.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../../../web/dom.js"),
    },
    File {
        path: "/profile.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../../../web/profile.js"),
    },
    File {
        path: "/transfer.js",
        media_type: "text/javascript; charset=utf-8",
        content: include_str!("../../../web/transfer.js"),
    },
    File {
        path: "/style.css",
        media_type: "text/css; charset=utf-8",
        content: include_str!("../../../web/style.css"),
    },
    File {
        path: "/icon.svg",
        media_type: "image/svg+xml",
        content: include_str!("../../../web/icon.svg"),
    },
];

/// Returns a file of the page, or `None` for any other request. `store_url` is the URL of the store for browsers. The
/// page may connect to its origin.
#[must_use]
pub fn find(method: &Method, path: &str, store_url: &str) -> Option<Response<Bytes>> {
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    let file = FILES.iter().find(|file| is_read && file.path == path)?;
    let mut response = Response::new(Bytes::from_static(file.content.as_bytes()));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, file.media_type),
        (CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // The page loads nothing from other origins, and connects only to the functions and the store.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        origin_of(store_url)
    );
    // If the store's URL is not a valid header value, there is no policy, and the page is not served.
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::try_from(policy).ok()?);
    Some(response)
}

/// Returns scheme, host and port of a URL.
fn origin_of(url: &str) -> &str {
    let host_at = url.find("://").map_or(0, |at| at + 3);
    let end = url[host_at..].find('/').map(|at| host_at + at);
    &url[..end.unwrap_or(url.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_has_no_path() {
        assert_eq!(origin_of("http://a:1/b/c"), "http://a:1");
        assert_eq!(origin_of("https://a.example"), "https://a.example");
    }

    #[test]
    fn the_page_connects_only_to_the_store() {
        let page = find(&Method::GET, "/", "https://s.example/b").unwrap();
        let policy = page.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("connect-src 'self' https://s.example;"));
        assert!(find(&Method::POST, "/", "https://s.example").is_none());
        assert!(find(&Method::GET, "/other", "https://s.example").is_none());
    }
}
