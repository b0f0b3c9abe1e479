//! Endpoints for development, where `CONSIGN_DEV` is set: a token for the page, R2's notifications, which the local
//! runtime does not send, and the memory use.

use bytes::Bytes;
use consign_core::ports::Clock as _;
use consign_host::dev::{is_from_here, private};
use http::{Method, Request, Response, StatusCode};

use crate::host::Host;

/// Answers requests under `/dev/` in development. Returns `None` for any other request.
pub(crate) async fn handle(host: &Host, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    let path = request.uri().path().strip_prefix("/dev/")?;
    let session = host.isolate.session.as_ref()?;
    if !is_from_here(request.headers()) {
        return None;
    }
    let now = host.ports.system.now();
    match (request.method(), path) {
        (&Method::GET, "session") => Some(session.answer(now, &host.ports.rules.public_endpoint)),
        (&Method::GET, "memory") => Some(private(
            StatusCode::OK,
            &serde_json::json!({"memory_bytes": consign_cloudflare::memory_bytes()}),
        )),
        (&Method::POST, "message") => Some(message(host, request.body()).await),
        _ => None,
    }
}

/// Puts a message on the ingest queue unchanged, in place of R2.
async fn message(host: &Host, body: &Bytes) -> Response<Bytes> {
    let sent = host
        .ports
        .queue
        .send_json(&String::from_utf8_lossy(body))
        .await;
    match sent {
        Ok(()) => private(StatusCode::ACCEPTED, &serde_json::json!({})),
        Err(fault) => private(
            StatusCode::BAD_GATEWAY,
            &serde_json::json!({"error": fault.to_string()}),
        ),
    }
}
