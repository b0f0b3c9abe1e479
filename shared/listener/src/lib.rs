//! HTTP/1.1 on a socket, with limits on what a stranger may take of it.
//!
//! A client that sends half a head, half a body, or nothing, or that reads no answer, is cut off in time. When there are
//! as many connections as may be, the one that has waited longest without a request makes room; where all are at work, a
//! few more are taken, for requests that the service answers all the same ([`InReserve`]). A request whose body was not
//! read is answered and its connection closed, so that what the client still sends is never taken for its next request
//! (RFC 9110, section 10.1.1). A shutdown ends, whatever clients do.

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

/// What a connection may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections open at once.
    pub connections_max: usize,
    /// Connections beyond these, each for one request that is marked [`InReserve`].
    pub reserve: usize,
    /// A request's head, in bytes.
    pub head_bytes_max: usize,
    /// From the first byte of a head to its last.
    pub head: Duration,
    /// Between two requests, and before the first.
    pub idle: Duration,
    /// How fast a body must come.
    pub body: Pace,
    /// How long a client may take nothing of an answer.
    pub write_stall: Duration,
    /// What is read away of a body that nobody wanted, so that its sender gets to the answer.
    pub linger: Linger,
    /// From the stop to the moment at which whatever is under way is cut off.
    pub shutdown: Duration,
}

/// How fast a body must come.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The longest pause.
    pub pause: Duration,
    /// Within this time any pace will do;
    pub grace: Duration,
    /// from then on it must have come at this pace throughout, in bytes a second.
    pub bytes_per_s_min: u64,
}

/// What is read away before a connection is closed.
#[derive(Debug, Clone, Copy)]
pub struct Linger {
    /// At most so many bytes,
    pub bytes_max: u64,
    /// and for no longer than this.
    pub time: Duration,
}

/// Marks a request that came while every connection was at work: only what must be answered at such a time should be.
#[derive(Debug, Clone, Copy)]
pub struct InReserve;

/// After a failed `accept`, so as not to spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until it is told to stop, then until every connection has ended, at most for `limits.shutdown`.
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
        // Heads have their time from the connection's own watch, which knows a head from a pause.
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
                // No file descriptors left, most likely: one that waits makes room.
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

/// Small answers go out at once: a head and a small body leave as two segments, and without TCP_NODELAY the second waits
/// for the delayed acknowledgement of the first, some 40 ms.
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
