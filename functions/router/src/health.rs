//! `GET /health/live`, `GET /health/storage` and `GET /openapi.json`: what belongs to none of the functions.

use bytes::Bytes;
use consign_core::host::{HasEndpoint, HasPolicy, HasProvider, HasStore};
use consign_core::ids::ObjectRef;
use consign_core::ports::{Clock, Fault, FaultKind, ObjectStore, Random, Read, ReadError};
use consign_core::problem::Problem;
use consign_core::routes::Target;
use consign_core::service::{Call, Service, json};
use futures_util::StreamExt as _;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use serde::Serialize;

/// What this function needs.
pub trait Deps: Service + HasStore + HasPolicy + HasProvider + HasEndpoint {}

impl<T: Service + HasStore + HasPolicy + HasProvider + HasEndpoint> Deps for T {}

/// The contract, OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("openapi.json");

/// The prefix under which a probe is written; no key template may begin so, since owners come later in a key.
pub const PROBE_PREFIX: &str = "consign-health/";

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    storage_backend: &'a str,
    endpoint: &'a str,
    public_endpoint: &'a str,
    buckets_accessible: Vec<&'a str>,
    response_time_ms: u64,
    errors: Vec<Trouble<'a>>,
}

#[derive(Serialize)]
struct Trouble<'a> {
    bucket: &'a str,
    code: &'static str,
    operation: &'static str,
}

/// Answers what belongs to none of the functions; 404 for what belongs to one.
pub async fn handle<D: Deps>(deps: &D, target: Target, request: Request<Bytes>) -> Response<Bytes> {
    match target {
        Target::HealthLive => live(deps, &request),
        Target::HealthStorage => storage(deps, &request).await,
        Target::OpenApi => openapi(deps, &request),
        Target::SignUpload
        | Target::Confirm
        | Target::Status
        | Target::DownloadUrl
        | Target::List
        | Target::Delete => {
            Call::begin(deps, "unknown", &request).finish(deps, Err(Problem::not_found()))
        }
    }
}

fn live(deps: &impl Service, request: &Request<Bytes>) -> Response<Bytes> {
    let answer = json(StatusCode::OK, &serde_json::json!({"status": "ok"}));
    Call::begin(deps, "health_live", request).finish(deps, Ok(answer))
}

fn openapi(deps: &impl Service, request: &Request<Bytes>) -> Response<Bytes> {
    let mut answer = Response::new(Bytes::from_static(OPENAPI.as_bytes()));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Call::begin(deps, "openapi", request).finish(deps, Ok(answer))
}

/// Answers 200 where every bucket works, else 503 with what does not.
async fn storage<D: Deps>(deps: &D, request: &Request<Bytes>) -> Response<Bytes> {
    let call = Call::begin(deps, "health_storage", request);
    let mut accessible = Vec::new();
    let mut errors = Vec::new();
    for bucket in deps.policy().buckets() {
        match probe(deps, bucket).await {
            Ok(()) => accessible.push(bucket),
            Err(fault) => {
                tracing::warn!(operation = "health_storage", bucket, %fault, "a bucket does not work");
                errors.push(Trouble {
                    bucket,
                    code: fault.kind.code(),
                    operation: fault.operation,
                });
            }
        }
    }
    let (code, status) = match errors.is_empty() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
    };
    let elapsed = deps.clock().now().duration_since(call.now).as_millis();
    let answer = json(
        code,
        &Health {
            status,
            storage_backend: deps.provider().as_str(),
            endpoint: deps.storage_endpoint(),
            public_endpoint: deps.storage_public_endpoint(),
            buckets_accessible: accessible,
            response_time_ms: u64::try_from(elapsed).unwrap_or(0),
            errors,
        },
    );
    call.finish(deps, Ok(answer))
}

/// Writes an object, reads it back and removes it.
async fn probe<D: Deps>(deps: &D, bucket: &str) -> Result<(), Fault> {
    let store = deps.store();
    store.check_bucket(bucket).await?;
    let token = deps.random().token();
    let object = ObjectRef::new(bucket, format!("{PROBE_PREFIX}{token}"));
    let written = Bytes::from(token);
    store.put(&object, "text/plain", written.clone()).await?;
    let read = read_all(store, &object).await;
    store.delete(&object).await?;
    if read? == written {
        Ok(())
    } else {
        Err(Fault::new(
            FaultKind::Other,
            "get",
            "read other bytes than written",
        ))
    }
}

async fn read_all(store: &impl ObjectStore, object: &ObjectRef) -> Result<Vec<u8>, Fault> {
    let mut body = match store.get(object, &Read::default()).await {
        Ok(body) => body,
        Err(ReadError::Fault(fault)) => return Err(fault),
        Err(error @ (ReadError::NotFound | ReadError::Changed)) => {
            return Err(Fault::new(FaultKind::Other, "get", error));
        }
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}
