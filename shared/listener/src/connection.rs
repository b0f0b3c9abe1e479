//! Serves one connection.

use std::error::Error;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONNECTION, HeaderValue};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::io::Watched;
use crate::watch::{Busy, Watch};
use crate::{Admitted, InReserve, Limits, RequestBody};

/// An accepted connection.
pub(crate) struct Connection(Arc<Watch>);

impl Connection {
    pub(crate) fn new(admitted: Admitted, limits: Arc<Limits>) -> Self {
        Self(Arc::new(Watch::new(admitted, limits)))
    }

    /// Answers the requests until one side closes the connection or a timeout ends it.
    pub(crate) fn serve<S, B>(
        self,
        http: &http1::Builder,
        stream: TcpStream,
        service: S,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send + use<S, B>
    where
        S: tower::Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<Box<dyn Error + Send + Sync>>,
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let Self(watch) = self;
        let io = TokioIo::new(Watched::new(stream, Arc::clone(&watch)));
        let answering = Arc::clone(&watch);
        let service =
            service_fn(move |request| answer(service.clone(), request, Arc::clone(&answering)));
        let connection = http.serve_connection(io, service);
        async move {
            let mut connection = pin!(connection);
            let mut is_stopping = false;
            loop {
                tokio::select! {
                    ended = connection.as_mut() => {
                        if let Err(error) = ended {
                            tracing::debug!(%error, "a connection ended early");
                        }
                        return;
                    }
                    () = watch.admitted.closed.cancelled() => return,
                    () = watch.overdue() => return,
                    () = stop.cancelled(), if !is_stopping => {
                        is_stopping = true;
                        connection.as_mut().graceful_shutdown();
                    }
                }
            }
        }
    }
}

/// Answers one request.
async fn answer<S, B>(
    service: S,
    request: Request<Incoming>,
    watch: Arc<Watch>,
) -> Result<Response<TrackedBody<B>>, S::Error>
where
    S: tower::Service<Request<RequestBody>, Response = Response<B>>,
{
    let is_reserved = watch.admitted.is_reserved;
    let busy = Busy::begin(watch);
    let (mut parts, incoming) = request.into_parts();
    if is_reserved {
        parts.extensions.insert(InReserve);
    }
    let (body, is_read) = RequestBody::new(incoming, busy.0.limits.body);
    let response = service.oneshot(Request::from_parts(parts, body)).await?;
    let (mut parts, body) = response.into_parts();
    // An unread rest of the body must not be parsed as the next request. It may also never arrive, if it was not asked
    // for.
    let is_read = is_read.load(Ordering::Acquire);
    if !is_read {
        busy.0.has_unread_body.store(true, Ordering::Release);
    }
    if is_reserved || !is_read {
        let close = HeaderValue::from_static("close");
        parts.headers.insert(CONNECTION, close);
    }
    let body = TrackedBody {
        body: Box::pin(body),
        _busy: busy,
    };
    Ok(Response::from_parts(parts, body))
}

/// The body of an answer. The request is in progress until it is dropped.
struct TrackedBody<B> {
    body: Pin<Box<B>>,
    _busy: Busy,
}

impl<B: Body> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.body.as_mut().poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
