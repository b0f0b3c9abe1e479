//! `/events/minio`: what MinIO's webhook tells of its objects. An event is on the ingest queue, durably, before MinIO
//! hears of success (invariant 12): with a queue directory of its own it sends again whatever was answered otherwise.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use consign_core::events::{Decoded, EventError, ObjectEvent, Source};
use consign_core::policy::Policy;
use consign_core::ports::{Clock as _, is_own_message};
use consign_core::problem::Problem;
use consign_core::service::{Call, json};
use consign_core::sigv4::Secret;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use crate::site::Site;

/// Where MinIO sends its events.
pub(crate) const PATH: &str = "/events/minio";
/// The longest notification taken, in bytes. MinIO sends one record at a time, which is some kilobytes with the longest
/// key and all metadata.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Tells that events are taken here. MinIO only connects; people and `consign doctor` ask by HEAD or GET.
pub(crate) async fn reachable(State(site): State<Arc<Site>>, request: Request) -> Response {
    let call = Call::begin(
        &*site.host,
        "events_reachable",
        &request.map(|_| Bytes::new()),
    );
    let answer = json(StatusCode::OK, &serde_json::json!({"status": "ok"}));
    call.finish(&*site.host, Ok(answer)).map(Body::from)
}

/// Takes a notification.
pub(crate) async fn take(State(site): State<Arc<Site>>, request: Request) -> Response {
    let _in_flight = site.metrics.begin();
    let (parts, body) = request.into_parts();
    let request = http::Request::from_parts(parts, Bytes::new());
    let call = Call::begin(&*site.host, "events_minio", &request);
    let answer = accept(&site, request.headers(), body).await;
    let response = call.finish(&*site.host, answer);
    site.metrics.count(&response);
    response.map(Body::from)
}

async fn accept(
    site: &Site,
    headers: &HeaderMap,
    body: Body,
) -> Result<http::Response<Bytes>, Problem> {
    // 1. Only who knows the secret is heard (invariant 22); of nobody else a body is read.
    let is_known = site
        .event_token
        .as_ref()
        .is_some_and(|token| shows(headers, token));
    if !is_known {
        let detail = "the webhook's secret is missing or another: `Authorization: Bearer …`";
        return Err(Problem::unauthorized(None, detail));
    }
    let body = site.bodies.read(headers, body, BODY_BYTES_MAX).await?;
    let text = str::from_utf8(&body.bytes).map_err(|_| Problem::bad_request("is not UTF-8"))?;
    // 2. Durable first, then acknowledged.
    let is_asked = asks_for_something(&site.host.rules.policy, text)?;
    let now = site.host.system.now();
    let sources = site.host.rules.policy.event_sources();
    let is_taken = is_asked && site.host.queue.tell(sources, text, now).await?;
    Ok(json(
        StatusCode::OK,
        &serde_json::json!({"queued": is_taken}),
    ))
}

fn shows(headers: &HeaderMap, token: &Secret) -> bool {
    let given = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    given
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, given)| scheme.eq_ignore_ascii_case("bearer") && token.is(given))
}

/// Whether a notification is for the ingest. One that cannot be understood is: there it ends among the dead letters with
/// its reason, while MinIO would send it for ever and nothing after it.
fn asks_for_something(policy: &Policy, text: &str) -> Result<bool, Problem> {
    // Our own jobs come from ourselves alone.
    if is_own_message(text.as_bytes()) {
        return Err(Problem::bad_request("is no notification of a store"));
    }
    let sources = policy.event_sources();
    let decoded = sources.decode_from(Source::MinioWebhook, text.as_bytes());
    let records: Vec<ObjectEvent> = match decoded {
        Ok(Decoded::Ignore) => return Ok(false),
        Ok(Decoded::Ok(records)) => records,
        Ok(Decoded::Partial { .. }) => return Ok(true),
        Err(EventError::Empty | EventError::OtherSource) => {
            return Err(Problem::bad_request("is no notification of MinIO"));
        }
        Err(_) => return Ok(true),
    };
    // A bucket that is not ours changes nothing (invariant 22).
    let buckets = policy.buckets();
    Ok(records
        .iter()
        .any(|record| buckets.contains(record.bucket.as_str())))
}
