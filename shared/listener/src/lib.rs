//! An HTTP/1.1 listener with limits on what clients may use.
//!
//! A client that sends half a head, half a body or nothing, or that reads no answer, is disconnected after a timeout.
//! At the limit of connections, the one that has been idle longest is closed. If all are busy, a few more are accepted,
//! for requests that the service can still answer ([`InReserve`]). A request whose body was not read is answered and
//! its connection closed, so that the rest of the body is never parsed as the next request (RFC 9110, section 10.1.1).
//! A shutdown ends in bounded time, whatever clients do.

mod body;
mod connection;
mod files;
mod io;
mod open;
mod watch;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use hyper_util::rt::TokioTimer;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use body::{BodyTooSlow, RequestBody};
pub use files::raise_open_files;

use connection::Connection;
use open::{Admitted, Open};

/// The limits of a listener.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The most open connections.
    pub connections_max: usize,
    /// Additional connections, each for one request that is marked [`InReserve`].
    pub reserve: usize,
    /// The size of a request head, in bytes.
    pub head_bytes_max: usize,
    /// The time from the first byte of a head to its last.
    pub head: Duration,
    /// The idle time between two requests, and before the first.
    pub idle: Duration,
    /// The minimum pace of a body.
    pub body: Pace,
    /// How long a client may read nothing of an answer.
    pub write_stall: Duration,
    /// How much of an unread body is discarded, so that its sender gets to the answer.
    pub linger: Linger,
    /// The time from the stop to the moment at which open requests are aborted.
    pub shutdown: Duration,
}

/// The minimum pace of a body.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The longest pause.
    pub pause: Duration,
    /// Any pace is accepted within this time.
    pub grace: Duration,
    /// The minimum average pace after that, in bytes per second.
    pub bytes_per_s_min: u64,
}

/// What is discarded before a connection is closed.
#[derive(Debug, Clone, Copy)]
pub struct Linger {
    /// The most bytes.
    pub bytes_max: u64,
    /// The longest time.
    pub time: Duration,
}

/// Marks a request that arrived while every connection was busy. Answer only what is needed at such a time.
#[derive(Debug, Clone, Copy)]
pub struct InReserve;

/// The pause after a failed `accept`, to avoid a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop`, then until every connection has ended, at most for `limits.shutdown`.
pub async fn serve<S, B>(listener: TcpListener, service: S, limits: Limits, stop: CancellationToken)
where
    S: tower::Service<Request<RequestBody>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let limits = Arc::new(limits);
    let open = Arc::new(Open::new(limits.connections_max, limits.reserve));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        // The watch of the connection times heads, since it distinguishes a head from an idle connection.
        .header_read_timeout(None)
        .max_buf_size(limits.head_bytes_max);
    let (tasks, cut) = (TaskTracker::new(), CancellationToken::new());
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Most likely no file descriptors are left, so an idle connection is closed.
                tracing::warn!(%error, "a connection could not be accepted");
                open.close_longest_waiting();
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(admitted) = open.admit() else {
            continue;
        };
        prepare(&stream);
        let connection = Connection::new(admitted, Arc::clone(&limits));
        let served = connection.serve(&http, stream, service.clone(), stop.clone());
        let cut = cut.clone();
        tasks.spawn(async move {
            tokio::select! {
                biased;
                () = cut.cancelled() => {}
                () = served => {}
            }
        });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits.shutdown, tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(connections = tasks.len(), "cut off at shutdown");
        cut.cancel();
        tasks.wait().await;
    }
}

/// Sets TCP_NODELAY. A head and a small body leave as two segments; without it, the second waits for the delayed
/// acknowledgement of the first, some 40 ms.
fn prepare(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps small answers back");
    }
}

#[cfg(test)]
mod tests {
    use super::{TcpListener, TcpStream, prepare};

    #[tokio::test]
    async fn a_taken_connection_does_not_wait_for_acknowledgements() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let client = TcpStream::connect(listener.local_addr()?).await?;
        let (taken, _) = listener.accept().await?;
        prepare(&taken);
        assert!(taken.nodelay()?);
        drop(client);
        Ok(())
    }
}
