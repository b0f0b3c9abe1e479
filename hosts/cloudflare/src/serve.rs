//! The functions behind the routing table.

use bytes::Bytes;
use consign_core::problem::Problem;
use consign_core::routes::{BODY_BYTES_MAX, Target, find};
use consign_core::service::Call;
use consign_host::cors;
use futures_util::StreamExt as _;
use http::{Request, Response};
use worker::{Body, Headers};

use crate::dev;
use crate::host::{Host, Ports};

/// How many bytes of a body that is too long are read and dropped. A sender whose connection is closed while it sends
/// gets a reset instead of the answer.
const BODY_READ_BYTES_MAX: usize = 8 * BODY_BYTES_MAX;

/// Reads a body. Returns `None` if it is too long or incomplete.
pub(crate) async fn read(mut body: Body) -> Option<Bytes> {
    let mut bytes = Vec::new();
    let mut size_bytes: usize = 0;
    while let Some(chunk) = body.next().await {
        let chunk = chunk.ok()?;
        size_bytes = size_bytes.saturating_add(chunk.len());
        if size_bytes > BODY_READ_BYTES_MAX {
            return None;
        }
        if size_bytes <= BODY_BYTES_MAX {
            bytes.extend_from_slice(&chunk);
        }
    }
    (size_bytes <= BODY_BYTES_MAX).then(|| bytes.into())
}

/// Answers a request whose body was too long.
pub(crate) async fn too_large(host: &Host, request: Request<Bytes>) -> Response<Bytes> {
    cors::answer(&host.isolate.origins, request, async |request| {
        let call = Call::begin(&host.ports, "unread", &request);
        call.finish(&host.ports, Err(Problem::body_too_large(BODY_BYTES_MAX)))
    })
    .await
}

/// Answers a request.
pub(crate) async fn handle(host: &Host, request: Request<Bytes>) -> Response<Bytes> {
    cors::answer(&host.isolate.origins, request, async |request| {
        if let Some(answer) = dev::handle(host, &request).await {
            return answer;
        }
        #[cfg(feature = "page")]
        if let Some(answer) = page(&host.ports.rules, &request) {
            return answer;
        }
        route(&host.ports, request).await
    })
    .await
}

#[cfg(feature = "page")]
fn page(rules: &consign_host::Rules, request: &Request<Bytes>) -> Option<Response<Bytes>> {
    let path = request.uri().path();
    consign_host::page::find(request.method(), path, &rules.public_endpoint)
}

/// Calls the function of the route, if this Worker mounts it.
async fn route(host: &Ports, request: Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path().to_owned();
    // The types are explicit for a Worker that mounts no function with an id.
    let (target, id): (Target, &str) = match find(request.method(), &path) {
        Ok(found) => found,
        Err(problem) => return refuse(host, &request, problem),
    };
    match target {
        #[cfg(feature = "sign-upload")]
        Target::SignUpload => sign_upload::handle(host, request).await,
        #[cfg(feature = "confirm")]
        Target::Confirm => confirm::handle(host, request).await,
        #[cfg(feature = "status")]
        Target::Status => status::handle(host, request, id).await,
        #[cfg(feature = "download-url")]
        Target::DownloadUrl => download_url::handle(host, request, id).await,
        #[cfg(feature = "files")]
        Target::List => files::list(host, request).await,
        #[cfg(feature = "files")]
        Target::Delete => files::delete(host, request, id).await,
        #[cfg(feature = "health")]
        Target::HealthLive | Target::HealthStorage | Target::OpenApi => {
            health::handle(host, target, request).await
        }
        #[allow(
            unreachable_patterns,
            clippy::wildcard_enum_match_arm,
            reason = "with all functions mounted nothing is left"
        )]
        _ => {
            let _: &str = id;
            refuse(host, &request, Problem::not_found())
        }
    }
}

fn refuse(host: &Ports, request: &Request<Bytes>, problem: Problem) -> Response<Bytes> {
    Call::begin(host, "unknown", request).finish(host, Err(problem))
}

/// Converts an answer to the runtime's type, as a whole with its length.
pub(crate) fn to_worker(answer: Response<Bytes>) -> worker::Result<worker::Response> {
    let (parts, bytes) = answer.into_parts();
    let response = worker::Response::builder()
        .with_status(parts.status.as_u16())
        .with_headers(Headers::from(&parts.headers));
    Ok(if bytes.is_empty() {
        response.empty()
    } else {
        response.fixed(bytes.into())
    })
}
