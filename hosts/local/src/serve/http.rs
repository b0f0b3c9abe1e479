//! The HTTP side of the one process: the functions by their table, the page, metrics, and the development session.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use consign_core::problem::Problem;
use consign_core::service::{Call, admit};
use consign_core::sigv4::Secret;
use consign_listener::InReserve;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::bodies::Bodies;
use super::dev::{Session, is_from_here};
use super::events;
use super::host::Host;
use super::metrics::Metrics;

/// What requests are served from.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) host: Arc<Host>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) bodies: Bodies,
    /// In development, what mints tokens for the page.
    pub(crate) session: Option<Session>,
    /// The store as browsers see it; the page may talk to it.
    pub(crate) store_origin: String,
    /// What a store's webhook must show; without one, no path takes events.
    pub(crate) event_token: Option<Secret>,
}

/// The scope of a token that may read the figures.
const METRICS_SCOPE: &str = "metrics";

/// The page's files: path, media type, content.
const PAGE: [(&str, &str, &str); 6] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("../../../../web/index.html"),
    ),
    (
        "/app.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../../web/app.js"),
    ),
    (
        "/api.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../../web/api.js"),
    ),
    (
        "/transfer.js",
        "text/javascript; charset=utf-8",
        include_str!("../../../../web/transfer.js"),
    ),
    (
        "/style.css",
        "text/css; charset=utf-8",
        include_str!("../../../../web/style.css"),
    ),
    (
        "/icon.svg",
        "image/svg+xml",
        include_str!("../../../../web/icon.svg"),
    ),
];

/// All that is served on the one address. `origins` are other sites whose pages may call the functions.
pub(crate) fn routes(site: Arc<Site>, origins: &[String]) -> Router {
    let mut routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/dev/session", get(session));
    if site.event_token.is_some() {
        let events = get(events::reachable).post(events::take);
        routes = routes.route(events::PATH, events.fallback(function));
    }
    for (path, media_type, content) in PAGE {
        let page =
            move |State(site): State<Arc<Site>>| async move { page(&site, media_type, content) };
        routes = routes.route(path, get(page));
    }
    let kept = middleware::from_fn_with_state(Arc::clone(&site), keep_for_health);
    routes
        .fallback(function)
        .with_state(site)
        .layer(kept)
        .layer(cors(origins))
}

fn cors(origins: &[String]) -> CorsLayer {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| origin.parse().ok()))
    };
    let headers = [
        "authorization",
        "content-type",
        "idempotency-key",
        "x-request-id",
    ];
    let exposed = [
        "x-request-id",
        "retry-after",
        "ratelimit",
        "ratelimit-policy",
    ];
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers(headers.map(HeaderName::from_static))
        .expose_headers(exposed.map(HeaderName::from_static))
        .max_age(std::time::Duration::from_secs(3600))
}

/// While every connection is at work, health is answered and everybody else is told to come again.
async fn keep_for_health(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let is_kept = request.extensions().get::<InReserve>().is_some();
    if !is_kept || request.uri().path().starts_with("/health/") {
        return next.run(request).await;
    }
    let call = Call::begin(&*site.host, "unread", &request);
    let answer = call.finish(&*site.host, Err(Problem::overloaded()));
    site.metrics.count(&answer);
    answer.map(Body::from)
}

/// Reads the body where the token is good, converts types, and leaves the rest to the table of routes.
async fn function(State(site): State<Arc<Site>>, request: Request) -> Response {
    let _in_flight = site.metrics.begin();
    let (parts, body) = request.into_parts();
    let request = Request::from_parts(parts, ());
    let answer = match admit(&*site.host, &request) {
        Ok(bytes_max) => answer(&site, request, body, bytes_max).await,
        Err(refusal) => *refusal,
    };
    site.metrics.count(&answer);
    answer.map(Body::from)
}

async fn answer(
    site: &Site,
    request: Request<()>,
    body: Body,
    bytes_max: usize,
) -> http::Response<Bytes> {
    match site.bodies.read(request.headers(), body, bytes_max).await {
        Ok(held) => {
            let request = request.map(|()| held.bytes.clone());
            router::handle(&*site.host, request).await
        }
        Err(unread) => {
            let call = Call::begin(&*site.host, "unread", &request);
            call.finish(&*site.host, Err(unread.into()))
        }
    }
}

fn page(site: &Site, media_type: &'static str, content: &'static str) -> Response {
    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    harden(headers, &site.store_origin);
    response
}

/// The page loads nothing from elsewhere and talks to the functions and the store alone.
fn harden(headers: &mut HeaderMap, store_origin: &str) {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' {store_origin}; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
}

/// Figures name users: in development anybody on this machine reads them, else a token with the scope `metrics` does.
async fn metrics(State(site): State<Arc<Site>>, request: Request) -> Response {
    let request = request.map(|_| Bytes::new());
    let mut call = Call::begin(&*site.host, "metrics", &request);
    let answer = if site.session.is_some() && is_from_here(request.headers()) {
        Ok(())
    } else {
        match call.identify(&*site.host, request.headers()) {
            Ok(identity) if identity.scopes.iter().any(|scope| scope == METRICS_SCOPE) => Ok(()),
            Ok(_) => Err(Problem::forbidden("the token has no scope `metrics`")),
            Err(problem) => Err(problem),
        }
    };
    let queue = &site.host.queue;
    let depth = queue.depth().await.unwrap_or(0);
    let lag_s = queue.lag_s(call.now).await.unwrap_or(0);
    let answer = answer.map(|()| {
        let mut response = Response::new(Bytes::from(site.metrics.text(depth, lag_s)));
        let text = HeaderValue::from_static("text/plain; version=0.0.4");
        response.headers_mut().insert(CONTENT_TYPE, text);
        response
    });
    call.finish(&*site.host, answer).map(Body::from)
}

/// A token for the page, in development only, and on this machine only.
async fn session(State(site): State<Arc<Site>>, request: Request) -> Response {
    let token = site
        .session
        .as_ref()
        .filter(|_| is_from_here(request.headers()))
        .and_then(|session| session.token(&site.host.clock).ok());
    let mut response = match token {
        Some(token) => {
            let body = serde_json::json!({"token": token, "store_origin": site.store_origin});
            Response::new(Body::from(body.to_string()))
        }
        None => {
            let mut response = Response::new(Body::from("{}"));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
