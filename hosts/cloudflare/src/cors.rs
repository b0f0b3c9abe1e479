//! Pages of other origins: those that the policy lists may call the functions.

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderValue, ORIGIN, VARY,
};
use http::{HeaderMap, Method, Request, Response};

/// Answers what a browser asks before it lets a page of another origin call; `None` for any other request.
pub(crate) fn preflight(origins: &[String], request: &Request<Bytes>) -> Option<Response<Bytes>> {
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(ORIGIN)
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !asks {
        return None;
    }
    let mut answer = allow(origins, request.headers(), Response::new(Bytes::new()));
    for (name, value) in [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET,POST,DELETE"),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization,content-type,idempotency-key,x-request-id",
        ),
        (ACCESS_CONTROL_MAX_AGE, "3600"),
    ] {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Some(answer)
}

/// Lets the page that asks read the answer, where its origin is listed.
pub(crate) fn allow(
    origins: &[String],
    asked: &HeaderMap,
    mut answer: Response<Bytes>,
) -> Response<Bytes> {
    let headers = answer.headers_mut();
    headers.append(VARY, HeaderValue::from_static("origin"));
    let listed = |origin: &&HeaderValue| {
        let origin = origin.as_bytes();
        origins.iter().any(|known| known.as_bytes() == origin)
    };
    let allowed = if origins.iter().any(|origin| origin == "*") {
        Some(HeaderValue::from_static("*"))
    } else {
        asked.get(ORIGIN).filter(listed).cloned()
    };
    if let Some(origin) = allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let exposed =
            HeaderValue::from_static("x-request-id,retry-after,ratelimit,ratelimit-policy");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(method: Method, origin: &str) -> Request<Bytes> {
        Request::builder()
            .method(method)
            .header(ORIGIN, origin)
            .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .body(Bytes::new())
            .unwrap()
    }

    #[test]
    fn only_listed_origins_are_let_in() {
        let origins = ["https://app.example.org".to_owned()];
        for (origin, let_in) in [
            ("https://app.example.org", true),
            ("https://app.example.org.evil", false),
        ] {
            let answer = preflight(&origins, &asking(Method::OPTIONS, origin)).unwrap();
            let allowed = answer.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(allowed.is_some_and(|allowed| allowed == origin), let_in);
        }
        assert!(preflight(&origins, &asking(Method::POST, "https://app.example.org")).is_none());
    }
}
