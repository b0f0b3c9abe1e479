//! Connections: HTTP/1.1, cross-origin answers, the gate, then s3s.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use consign_listener::{InReserve, Limits, Linger, Pace, RequestBody};
use http::{HeaderName, HeaderValue, Method, Request, Response, header};
use s3s::auth::SimpleAuth;
use s3s::config::{S3Config, StaticConfigProvider};
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, s3_error};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Layer;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

use crate::change::Service;
use crate::event::ObjectEvents;
use crate::store::Store;
use crate::{Options, StartError, gate};

/// What the store's port allows. A connection in use has a socket and a file open.
const LIMITS: Limits = Limits {
    connections_max: 512,
    reserve: 32,
    head_bytes_max: 64 << 10,
    head: Duration::from_secs(30),
    idle: Duration::from_secs(90),
    // Who sends a body has shown a signature; slow links are welcome.
    body: Pace {
        pause: Duration::from_secs(60),
        grace: Duration::from_secs(120),
        bytes_per_s_min: 256,
    },
    write_stall: Duration::from_secs(60),
    linger: Linger {
        bytes_max: 256 << 20,
        time: Duration::from_secs(30),
    },
    shutdown: Duration::from_secs(10),
};
/// How long a browser may remember a preflight's answer.
const PREFLIGHT_AGE: Duration = Duration::from_secs(3600);
/// s3s holds the file of a form in memory, and reads it before it checks who is asking: this much and no more.
const FORM_FILE_BYTES_MAX: u64 = 64 << 20;

/// The embedded S3 server.
#[derive(Debug)]
pub struct EmbeddedS3;

/// A server that runs. Dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Running {
    local_addr: SocketAddr,
    stop: CancellationToken,
    changes: TaskTracker,
    accepting: tokio::task::JoinHandle<()>,
}

impl EmbeddedS3 {
    /// Serves `options.root` on `listener` until the returned handle is shut down or dropped. Must be called within a
    /// tokio runtime with its time and I/O enabled.
    ///
    /// # Errors
    ///
    /// Where the folder cannot be used or is served already, or a name or origin is not one.
    pub fn start(
        options: Options,
        listener: TcpListener,
        events: impl ObjectEvents,
        clock: impl Fn() -> SystemTime + Send + Sync + 'static,
    ) -> Result<Running, StartError> {
        if let Some(name) = options
            .buckets
            .iter()
            .find(|name| !s3s::path::check_bucket_name(name))
        {
            return Err(StartError::Bucket(name.clone()));
        }
        let cors = cors(&options.cors_origins)?;
        let local_addr = listener.local_addr().map_err(StartError::Listener)?;
        let first_request = clock()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_nanos();
        let store =
            Store::open(options.root, Box::new(clock), &options.buckets).map_err(|error| {
                if error.kind() == std::io::ErrorKind::WouldBlock {
                    StartError::InUse
                } else {
                    StartError::Root(error)
                }
            })?;
        let changes = TaskTracker::new();
        let service = Service {
            store: Arc::new(store),
            events: Arc::new(events),
            changes: changes.clone(),
        };
        let mut builder = S3ServiceBuilder::new(service);
        builder.set_auth(SimpleAuth::from_single(
            options.access_key,
            options.secret_key,
        ));
        let mut config = S3Config::default();
        config.post_object_max_file_size = FORM_FILE_BYTES_MAX;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        let s3 = builder.build();
        let requests = Arc::new(AtomicU64::new(
            u64::try_from(first_request).unwrap_or_default(),
        ));
        let service = cors.layer(tower::service_fn(move |request| {
            let (s3, number) = (s3.clone(), requests.fetch_add(1, Ordering::Relaxed));
            async move { answer(&s3, request, number).await }
        }));
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(consign_listener::serve(
            listener,
            service,
            LIMITS,
            stop.clone(),
        ));
        Ok(Running {
            local_addr,
            stop,
            changes,
            accepting,
        })
    }
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops listening, waits up to ten seconds for requests under way, then for every change already begun and its
    /// event, and returns.
    pub async fn shutdown(mut self) {
        self.stop.cancel();
        if let Err(error) = (&mut self.accepting).await {
            tracing::error!(%error, "the embedded store's listener failed");
        }
        self.changes.close();
        self.changes.wait().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// One request.
async fn answer(
    s3: &S3Service,
    request: Request<RequestBody>,
    number: u64,
) -> Result<Response<Body>, HttpError> {
    let (parts, body) = request.into_parts();
    let checked = match parts.extensions.get::<InReserve>() {
        Some(InReserve) => Err(s3_error!(SlowDown)),
        None => gate::check(&parts),
    };
    let mut response = match checked {
        Ok(()) => {
            s3.call(Request::from_parts(parts, Body::http_body_unsync(body)))
                .await?
        }
        Err(error) => error
            .to_http_response()
            .map_err(|error| HttpError::new(Box::new(error)))?,
    };
    if let Ok(id) = HeaderValue::try_from(format!("{number:016X}")) {
        response.headers_mut().insert("x-amz-request-id", id);
    }
    Ok(response)
}

/// What a page from another origin may do: what the contract's PUT, POST and GET URLs need.
fn cors(origins: &[String]) -> Result<CorsLayer, StartError> {
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let origin = |origin: &String| {
            HeaderValue::from_str(origin).map_err(|_| StartError::Origin(origin.clone()))
        };
        AllowOrigin::list(origins.iter().map(origin).collect::<Result<Vec<_>, _>>()?)
    };
    Ok(CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::PUT, Method::POST, Method::HEAD])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            header::ETAG,
            header::CONTENT_LENGTH,
            HeaderName::from_static("x-amz-checksum-sha256"),
            HeaderName::from_static("x-amz-request-id"),
        ])
        .max_age(PREFLIGHT_AGE))
}
