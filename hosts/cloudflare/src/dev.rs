//! What is at hand in development only, where `CONSIGN_DEV` is set: a token for the page, R2's notifications, which the local
//! runtime does not send, and how much memory is taken.

use bytes::Bytes;
use consign_core::auth::{NewToken, mint_hs256};
use consign_core::host::HasClock as _;
use consign_core::ports::Clock as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, ORIGIN};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use worker::Env;

use crate::host::{Host, variable};

/// Life of a development token, in seconds.
const TOKEN_LIFE_S: u32 = 24 * 3600;
/// Whose files a development token is for.
const OWNER: &str = "dev";

/// Answers under `/dev/` in development; `None` for any other request.
pub(crate) async fn handle(
    host: &Host,
    env: &Env,
    request: &Request<Bytes>,
) -> Option<Response<Bytes>> {
    let path = request.uri().path().strip_prefix("/dev/")?;
    variable(env, "CONSIGN_DEV")?;
    if !is_this_machine(request.headers()) {
        return None;
    }
    match (request.method(), path) {
        (&Method::GET, "session") => Some(session(host, env)),
        (&Method::GET, "memory") => Some(answer(
            StatusCode::OK,
            &serde_json::json!({"memory_bytes": consign_cloudflare::memory_bytes()}),
        )),
        (&Method::POST, "message") => Some(message(host, request.body()).await),
        _ => None,
    }
}

/// Another site's page reads nothing here: it comes with a foreign origin, or by a name that is not this machine's.
fn is_this_machine(headers: &HeaderMap) -> bool {
    let is_foreign = headers.contains_key(ORIGIN)
        || headers
            .get("sec-fetch-site")
            .is_some_and(|site| site != "same-origin" && site != "none");
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let is_local = host.is_some_and(|host| {
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        matches!(name, "localhost" | "127.0.0.1" | "[::1]")
    });
    is_local && !is_foreign
}

/// A token for the page.
fn session(host: &Host, env: &Env) -> Response<Bytes> {
    let auth = &host.rules.config.auth;
    let token = NewToken {
        issuer: &auth.issuer,
        audience: &auth.audience,
        owner: OWNER,
        tier: None,
        kid: None,
        issued_at: host.clock().now(),
        life_s: TOKEN_LIFE_S,
    };
    let secret = variable(env, "CONSIGN_DEV_SECRET").unwrap_or_default();
    match mint_hs256(secret.as_bytes(), &token) {
        Ok(token) => answer(
            StatusCode::OK,
            &serde_json::json!({"token": token, "store_origin": host.rules.public_endpoint}),
        ),
        Err(_) => answer(StatusCode::NOT_FOUND, &serde_json::json!({})),
    }
}

/// Puts a message on the ingest queue as it is: what R2 would.
async fn message(host: &Host, body: &Bytes) -> Response<Bytes> {
    let sent = host.queue.send_json(&String::from_utf8_lossy(body)).await;
    match sent {
        Ok(()) => answer(StatusCode::ACCEPTED, &serde_json::json!({})),
        Err(fault) => answer(
            StatusCode::BAD_GATEWAY,
            &serde_json::json!({"error": fault.to_string()}),
        ),
    }
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
