//! The bucket's notifications: on the queue before they are acknowledged.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use consign_core::sigv4::Secret;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::queue::Queue;

/// The longest notification, in bytes: SQS takes no longer message.
const BODY_BYTES_MAX: usize = 256 << 10;

/// What requests are served from.
#[derive(Debug)]
struct Site {
    queue: Arc<Queue>,
    token: Secret,
}

/// `POST /events` for the store, and `GET /health` for whoever wants to know that this runs.
pub(crate) fn routes(queue: Arc<Queue>, token: Secret) -> Router {
    Router::new()
        .route("/events", post(take))
        // Where the one-process host takes them: a webhook set up for that is good for this.
        .route("/events/minio", post(take))
        .route("/health", get(|| async { answer(StatusCode::OK, "ok") }))
        .with_state(Arc::new(Site { queue, token }))
}

async fn take(State(site): State<Arc<Site>>, request: Request) -> Response {
    // 1. Whoever does not know the secret puts nothing on the queue (invariant 22).
    if !is_allowed(request.headers(), &site.token) {
        tracing::warn!("a notification came without the right token and was refused");
        return answer(StatusCode::UNAUTHORIZED, "the token is wrong");
    }
    // 2. What can never be a message is taken all the same: MinIO would send it again for ever, and nothing after it. The
    //    sweep finds the object.
    let body = match to_bytes(request.into_body(), BODY_BYTES_MAX).await {
        Ok(body) => body,
        Err(error) if is_too_long(&error) => {
            tracing::error!("a notification is too long for the queue and was forgotten");
            return answer(StatusCode::OK, "too long for the queue");
        }
        Err(_) => return answer(StatusCode::BAD_REQUEST, "the notification broke off"),
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    if text.is_empty() {
        return answer(StatusCode::OK, "nothing was reported");
    }
    // 3. The store forgets what is acknowledged, so the queue has it first (invariant 12).
    match site.queue.send(text).await {
        Ok(()) => answer(StatusCode::OK, "queued"),
        Err(error) => {
            tracing::warn!(
                error = format!("{error:#}"),
                "a notification stays with the store"
            );
            answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "the queue is away; send it again",
            )
        }
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let cause = std::error::Error::source(error);
    cause.is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>())
}

fn answer(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

fn is_allowed(headers: &HeaderMap, token: &Secret) -> bool {
    let given = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    given.is_some_and(|given| token.is(given))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_taken() {
        let mut headers = HeaderMap::new();
        let secret = Secret::from("secret");
        assert!(!is_allowed(&headers, &secret));
        for (given, is_taken) in [
            ("Bearer secret", true),
            ("Bearer secre", false),
            ("Bearer secret ", false),
            ("Bearer secrets", false),
            ("Bearer ", false),
            ("bearer secret", false),
            ("secret", false),
        ] {
            headers.insert(AUTHORIZATION, HeaderValue::from_static(given));
            assert_eq!(is_allowed(&headers, &secret), is_taken, "{given}");
        }
    }
}
