//! CORS: pages of the origins in the policy may call the functions.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, Method, Request, Response};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Request headers that a page of another origin may send.
const ALLOWED: [&str; 4] = [
    "authorization",
    "content-type",
    "idempotency-key",
    "x-request-id",
];
/// Response headers that it may read.
const EXPOSED: [&str; 4] = [
    "x-request-id",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
];
/// How long a browser may cache the answer to its preflight request.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Builds the layer that lets pages of these origins call the functions. `*` means every origin.
pub fn layer(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(ALLOWED.map(HeaderName::from_static))
        .expose_headers(EXPOSED.map(HeaderName::from_static))
        .max_age(MAX_AGE)
}

/// Answers a request by `serve` with CORS headers, on a host without a router for [`layer`].
pub async fn answer<F: Future<Output = Response<Bytes>>>(
    origins: &[String],
    request: Request<Bytes>,
    mut serve: impl FnMut(Request<Bytes>) -> F,
) -> Response<Bytes> {
    let served = service_fn(|request| {
        let answer = serve(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    match layer(origins).layer(served).oneshot(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};

    use super::*;

    #[tokio::test]
    async fn only_listed_origins_are_allowed() {
        let origins = ["https://app.example.org".to_owned()];
        for (origin, is_let_in) in [
            ("https://app.example.org", true),
            ("https://app.example.org.evil", false),
        ] {
            for method in [Method::OPTIONS, Method::POST] {
                let request = Request::builder()
                    .method(method)
                    .header(ORIGIN, origin)
                    .header(ACCESS_CONTROL_REQUEST_METHOD, "POST")
                    .body(Bytes::new())
                    .unwrap();
                let serve = |_| async { Response::new(Bytes::new()) };
                let answer = answer(&origins, request, serve).await;
                let allowed = answer.headers().get(ACCESS_CONTROL_ALLOW_ORIGIN);
                assert_eq!(allowed.is_some_and(|allowed| allowed == origin), is_let_in);
            }
        }
    }
}
