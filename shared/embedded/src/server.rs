//! The server: HTTP/1.1 connections, CORS, the gate, then s3s.

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
use crate::form::{self, Keys};
use crate::store::Store;
use crate::{Options, StartError, gate};

/// The limits of the port. An active connection has a socket and a file open.
const LIMITS: Limits = Limits {
    connections_max: 512,
    reserve: 32,
    head_bytes_max: 64 << 10,
    head: Duration::from_secs(30),
    idle: Duration::from_secs(90),
    // The sender of a body has a valid signature, so slow links are allowed.
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
/// The memory that unauthenticated clients can use, in bytes: per connection a head, or the fields of a form and a
/// frame.
const _: () = assert!(
    (LIMITS.connections_max + LIMITS.reserve)
        * (LIMITS.head_bytes_max + form::BEFORE_FILE_BYTES_MAX)
        <= 64 << 20
);
/// How long a browser may cache a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_secs(3600);
/// The interval at which abandoned multipart uploads are removed.
const ABANDONED_INTERVAL: Duration = Duration::from_secs(3600);

/// The embedded S3 server.
#[derive(Debug)]
pub struct EmbeddedS3;

/// A running server. Dropping it stops it without waiting.
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
    /// The folder cannot be used or is already served, or a bucket name or origin is invalid.
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
        let stop = CancellationToken::new();
        changes.spawn(abort_abandoned(
            service.clone(),
            options.abort_parts_after,
            stop.clone(),
        ));
        let server = Server::new(service, options.access_key, options.secret_key);
        let requests = Arc::new(AtomicU64::new(
            u64::try_from(first_request).unwrap_or_default(),
        ));
        let service = cors.layer(tower::service_fn(move |request| {
            let (server, number) = (server.clone(), requests.fetch_add(1, Ordering::Relaxed));
            async move { server.answer(request, number).await }
        }));
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
    /// Returns the address of the listener.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops listening, waits up to ten seconds for requests in progress, then for every change that has begun and its
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

/// Answers requests. Clones share the state.
#[derive(Clone)]
struct Server {
    s3: S3Service,
    /// Handles forms. s3s would keep the file of a form in memory, and read it before it verifies the signature.
    service: Service,
    keys: Arc<Keys>,
}

impl Server {
    fn new(service: Service, access_key: String, secret_key: String) -> Self {
        let keys = Keys {
            access_key: access_key.clone(),
            secret_key: secret_key.clone().into(),
        };
        let mut builder = S3ServiceBuilder::new(service.clone());
        builder.set_auth(SimpleAuth::from_single(access_key, secret_key));
        let mut config = S3Config::default();
        config.post_object_max_file_size = 0;
        config.form_max_fields_size = 0;
        builder.set_config(Arc::new(StaticConfigProvider::new(Arc::new(config))));
        Self {
            s3: builder.build(),
            service,
            keys: Arc::new(keys),
        }
    }

    /// Answers one request.
    async fn answer(
        &self,
        request: Request<RequestBody>,
        number: u64,
    ) -> Result<Response<Body>, HttpError> {
        let (mut parts, body) = request.into_parts();
        let checked = match parts.extensions.get::<InReserve>() {
            Some(InReserve) => Err(s3_error!(SlowDown)),
            None => gate::check(&mut parts),
        };
        let answered = match checked {
            Ok(()) if form::is_form(&parts) => {
                form::post(&self.service, &self.keys, &parts, body).await
            }
            Ok(()) => {
                let body = Body::http_body_unsync(body);
                Ok(self.s3.call(Request::from_parts(parts, body)).await?)
            }
            Err(error) => Err(error),
        };
        let mut response = match answered {
            Ok(response) => response,
            Err(error) => error
                .to_http_response()
                .map_err(|error| HttpError::new(Box::new(error)))?,
        };
        if let Ok(id) = HeaderValue::try_from(format!("{number:016X}")) {
            response.headers_mut().insert("x-amz-request-id", id);
        }
        Ok(response)
    }
}

/// Aborts abandoned multipart uploads, at the start and at intervals, like the lifecycle rules of a bucket.
async fn abort_abandoned(service: Service, age: Duration, stop: CancellationToken) {
    loop {
        match service.blocking(move |store| store.abort_older(age)).await {
            Ok(0) => {}
            Ok(uploads) => tracing::info!(uploads, "abandoned multipart uploads were removed"),
            // The cause was logged already.
            Err(_) => tracing::warn!("abandoned multipart uploads could not be listed"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(ABANDONED_INTERVAL) => {}
        }
    }
}

/// Returns the CORS layer for the PUT, POST and GET URLs of the API.
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
            header::LOCATION,
            HeaderName::from_static("x-amz-checksum-sha256"),
            HeaderName::from_static("x-amz-request-id"),
        ])
        .max_age(PREFLIGHT_AGE))
}
