//! The HTTP server of the one process: the functions behind the routing table, the page, metrics, and the development
//! session.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use bytes::Bytes;
use consign_core::health::DETAILS_SCOPE;
use consign_core::ports::Clock as _;
use consign_core::problem::Problem;
use consign_core::service::{Call, admit};
use consign_host::{cors, dev, page};
use consign_listener::InReserve;
use http::header::{CONTENT_TYPE, HeaderValue};

use crate::events;
use crate::site::Site;

/// Builds the router of the address. `origins` are other sites whose pages may call the functions.
pub(crate) fn routes(site: Arc<Site>, origins: &[String]) -> Router {
    let mut routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/dev/session", get(session));
    if site.event_token.is_some() {
        let events = get(events::reachable).post(events::take);
        routes = routes.route(events::PATH, events.fallback(function));
    }
    let kept = middleware::from_fn_with_state(Arc::clone(&site), keep_for_health);
    routes
        .fallback(page_or_function)
        .with_state(site)
        .layer(kept)
        .layer(cors::layer(origins))
}

/// Answers only health while every connection is in use, and refuses other requests with `Retry-After`.
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

/// Answers with a file of the page, or by a function.
async fn page_or_function(State(site): State<Arc<Site>>, request: Request) -> Response {
    let path = request.uri().path();
    match page::find(request.method(), path, &site.store_url) {
        Some(file) => file.map(Body::from),
        None => function(State(site), request).await,
    }
}

/// Reads the body if the token is valid, converts types, and leaves the rest to the routing table.
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
        Ok(body) => {
            let request = request.map(|()| body.bytes.clone());
            router::handle(&*site.host, request).await
        }
        Err(unread) => {
            let call = Call::begin(&*site.host, "unread", &request);
            call.finish(&*site.host, Err(unread.into()))
        }
    }
}

/// Answers with the metrics. They name users: in development every caller on this machine may read them, otherwise a
/// token with the scope `metrics` is required.
async fn metrics(State(site): State<Arc<Site>>, request: Request) -> Response {
    let request = request.map(|_| Bytes::new());
    let mut call = Call::begin(&*site.host, "metrics", &request);
    let answer = if site.session.is_some() && dev::is_from_here(request.headers()) {
        Ok(())
    } else {
        match call.identify(&*site.host, request.headers()) {
            Ok(identity) if identity.scopes.iter().any(|scope| scope == DETAILS_SCOPE) => Ok(()),
            Ok(_) => Err(Problem::forbidden("the token lacks the scope `metrics`")),
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

/// Answers with a token for the page, only in development and on this machine.
async fn session(State(site): State<Arc<Site>>, request: Request) -> Response {
    let is_from_here = dev::is_from_here(request.headers());
    let session = site.session.as_ref().filter(|_| is_from_here);
    let now = site.host.system.now();
    let answer = session.map_or_else(dev::absent, |session| session.answer(now, &site.store_url));
    answer.map(Body::from)
}
