//! `/events/minio`: notifications of MinIO's webhook. An event is durable on the ingest queue before MinIO gets a
//! success (invariant 12). With a queue directory, MinIO repeats notifications that got another answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use bytes::Bytes;
use consign_core::events::{Decoded, Envelope, EventError, ObjectEvent};
use consign_core::policy::Policy;
use consign_core::ports::{Clock as _, is_own_message};
use consign_core::problem::Problem;
use consign_core::service::{Call, json};
use consign_core::sigv4::Secret;
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};

use crate::site::Site;

/// The path for MinIO's notifications.
pub(crate) const PATH: &str = "/events/minio";
/// The maximum length of a notification, in bytes. MinIO sends one record at a time, which has some kilobytes with
/// the longest key and all metadata.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Answers that events are accepted here. MinIO only connects; people and `consign doctor` send HEAD or GET.
pub(crate) async fn reachable(State(site): State<Arc<Site>>, request: Request) -> Response {
    let call = Call::begin(
        &*site.host,
        "events_reachable",
        &request.map(|_| Bytes::new()),
    );
    let answer = json(StatusCode::OK, &serde_json::json!({"status": "ok"}));
    call.finish(&*site.host, Ok(answer)).map(Body::from)
}

/// Handles a notification.
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
    // 1. Check the secret (invariant 22). Without it, the body is not read.
    let is_authenticated = site
        .event_token
        .as_ref()
        .is_some_and(|token| shows(headers, token));
    if !is_authenticated {
        let detail = "the webhook's secret is missing or wrong: `Authorization: Bearer …`";
        return Err(Problem::unauthorized(None, detail));
    }
    let body = site.bodies.read(headers, body, BODY_BYTES_MAX).await?;
    let text =
        str::from_utf8(&body.bytes).map_err(|_| Problem::bad_request("the body is not UTF-8"))?;
    // 2. Queue the notification durably, then acknowledge it.
    let is_for_ingest = is_for_ingest(&site.host.rules.policy, text)?;
    let now = site.host.system.now();
    let sources = site.host.rules.policy.event_sources();
    let is_taken = is_for_ingest && site.host.queue.tell(sources, text, now).await?;
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

/// Returns whether a notification is for the ingest. An invalid one is: it becomes a dead letter with its reason
/// there, while MinIO would send it again and again, and no later notification.
fn is_for_ingest(policy: &Policy, text: &str) -> Result<bool, Problem> {
    // Only consign itself may send its own jobs.
    if is_own_message(text.as_bytes()) {
        return Err(Problem::bad_request(
            "the body is not a notification of a store",
        ));
    }
    let sources = policy.event_sources();
    let decoded = sources.decode_from(Envelope::MinioWebhook, text.as_bytes());
    let records: Vec<ObjectEvent> = match decoded {
        Ok(Decoded::Ignore) => return Ok(false),
        Ok(Decoded::Ok(records)) => records,
        Ok(Decoded::Partial { .. }) => return Ok(true),
        Err(EventError::Empty | EventError::OtherSource) => {
            return Err(Problem::bad_request(
                "the body is not a notification of MinIO",
            ));
        }
        Err(_) => return Ok(true),
    };
    // A bucket that the policy does not name changes nothing (invariant 22).
    let buckets = policy.buckets();
    Ok(records
        .iter()
        .any(|record| buckets.contains(record.bucket.as_str())))
}
