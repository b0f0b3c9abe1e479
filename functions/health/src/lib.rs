//! `GET /health/live`, `GET /health/storage` and `GET /openapi.json`.

use bytes::Bytes;
use consign_core::api::{self, HealthError, HealthStatus, StorageBackend};
use consign_core::health::{self, DETAILS_SCOPE, HealthCheck, StoreHealth};
use consign_core::host::{HasEndpoint, HasHealth, HasPolicy, HasProvider, HasStore};
use consign_core::ids::ObjectRef;
use consign_core::policy::{HEALTH_PREFIX, StoreProvider};
use consign_core::ports::{Clock, Fault, FaultKind, ObjectStore, Random, Read, ReadError};
use consign_core::problem::Problem;
use consign_core::routes::Target;
use consign_core::service::{Call, Service, json, retry_after};
use consign_core::time::Timestamp;
use futures_util::StreamExt as _;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};

/// The capabilities that this function uses.
pub trait Deps: Service + HasStore + HasPolicy + HasProvider + HasEndpoint + HasHealth {}

impl<T: Service + HasStore + HasPolicy + HasProvider + HasEndpoint + HasHealth> Deps for T {}

/// The OpenAPI 3.1 document.
pub const OPENAPI: &str = include_str!("openapi.json");

/// The number of objects that probes use in a bucket. An object that a killed process left is reused by another
/// probe.
const PROBES: usize = 16;
/// How often a probe is repeated if another host removed its object.
const PROBE_TRIES: usize = 3;

/// Answers the health and document routes. 404 for targets of other functions.
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

/// Answers 200 if every bucket works, otherwise 503. A token with the scope gets the details.
async fn storage<D: Deps>(deps: &D, request: &Request<Bytes>) -> Response<Bytes> {
    let mut call = Call::begin(deps, "health_storage", request);
    // 1. Get the last result, or probe in this call.
    let found = match deps.health().ask(call.now) {
        HealthCheck::Known(found) => Some(found),
        HealthCheck::NotYet => None,
        HealthCheck::MustProbe(ours) => {
            Some(ours.end(probe_all(deps, call.now).await, deps.clock().now()))
        }
    };
    // 2. Decide whether the caller gets the details. A caller without a valid token does not.
    let identity = call.identify(deps, request.headers()).ok();
    let has_scope = identity.is_some_and(|identity| {
        let mut scopes = identity.scopes.iter();
        scopes.any(|scope| scope == DETAILS_SCOPE)
    });
    let Some(found) = found else {
        let answer = json(StatusCode::SERVICE_UNAVAILABLE, &public_health(None));
        return call.finish(deps, Ok(retry_after(answer, PROBE_PAUSE_S)));
    };
    let code = match found.errors.is_empty() {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut public_health = public_health(Some(&found));
    if has_scope {
        public_health = with_details(deps, &found, public_health);
    }
    let answer = json(code, &public_health);
    call.finish(deps, Ok(answer))
}

/// After how many seconds the first probe may have ended.
const PROBE_PAUSE_S: u64 = 1;

/// Builds the part of the answer that every caller gets.
fn public_health(found: Option<&StoreHealth>) -> api::Health {
    let is_well = found.is_some_and(|found| found.errors.is_empty());
    api::Health {
        status: match is_well {
            true => HealthStatus::Ok,
            false => HealthStatus::Unavailable,
        },
        response_time_ms: found.map_or(0, |found| found.duration_ms),
        storage_backend: None,
        endpoint: None,
        public_endpoint: None,
        buckets_accessible: None,
        errors: None,
    }
}

/// Adds the details, which require the scope.
fn with_details<D: Deps>(deps: &D, found: &StoreHealth, health: api::Health) -> api::Health {
    let errors = found.errors.iter().map(|error| HealthError {
        bucket: error.bucket.clone(),
        code: error.code.to_owned(),
        operation: error.operation.to_owned(),
    });
    api::Health {
        storage_backend: Some(match deps.provider() {
            StoreProvider::S3 => StorageBackend::S3,
            StoreProvider::Minio => StorageBackend::Minio,
            StoreProvider::R2 => StorageBackend::R2,
            StoreProvider::Embedded => StorageBackend::Embedded,
        }),
        endpoint: Some(deps.storage_endpoint().to_owned()),
        public_endpoint: Some(deps.storage_public_endpoint().to_owned()),
        buckets_accessible: Some(found.accessible.clone()),
        errors: Some(errors.collect()),
        ..health
    }
}

/// Probes every bucket.
async fn probe_all<D: Deps>(deps: &D, began: Timestamp) -> StoreHealth {
    let (mut accessible, mut errors) = (Vec::new(), Vec::new());
    for bucket in deps.policy().buckets() {
        match probe(deps, bucket).await {
            Ok(()) => accessible.push(bucket.to_owned()),
            Err(fault) => {
                tracing::warn!(operation = "health_storage", bucket, %fault, "a bucket does not work");
                errors.push(health::BucketError {
                    bucket: bucket.to_owned(),
                    code: fault.kind.code(),
                    operation: fault.operation,
                });
            }
        }
    }
    let elapsed = deps
        .clock()
        .now()
        .signed_duration_since(began)
        .num_milliseconds();
    StoreHealth {
        accessible,
        errors,
        duration_ms: u64::try_from(elapsed).unwrap_or(0),
    }
}

/// Writes an object, reads it back and removes it. The number of objects is fixed, so a killed host leaves no
/// garbage. Two hosts may use the same object.
async fn probe<D: Deps>(deps: &D, bucket: &str) -> Result<(), Fault> {
    let store = deps.store();
    store.check_bucket(bucket).await?;
    let token = deps.random().token();
    let place = token.bytes().map(usize::from).sum::<usize>() % PROBES;
    let object = ObjectRef::new(bucket, format!("{HEALTH_PREFIX}{place}"));
    for _ in 0..PROBE_TRIES {
        let written = Bytes::from(token.clone());
        store.put(&object, "text/plain", written).await?;
        let read = read_all(store, &object).await;
        store.delete(&object).await?;
        match read? {
            // The bytes of another host have the same length.
            Some(read) if read.len() == token.len() => return Ok(()),
            Some(_) => break,
            None => {}
        }
    }
    let cause = "the bytes read differ from those written";
    Err(Fault::new(FaultKind::Other, "get", cause))
}

/// Reads a whole object. Returns `None` if it does not exist.
async fn read_all(store: &impl ObjectStore, object: &ObjectRef) -> Result<Option<Vec<u8>>, Fault> {
    let mut body = match store.get(object, &Read::default()).await {
        Ok(body) => body,
        Err(ReadError::Fault(fault)) => return Err(fault),
        Err(ReadError::NotFound | ReadError::Changed) => return Ok(None),
    };
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_document_matches_the_types() {
        // Compared as values, since the order of keys depends on a feature of serde_json that other packages of a
        // build may enable.
        let served: serde_json::Value = serde_json::from_str(super::OPENAPI).unwrap();
        assert!(
            served == consign_api::openapi::document(),
            "regenerate it: cargo run -p consign-api --features schema --example openapi > functions/health/src/openapi.json"
        );
    }
}
