//! The socket of a connection: notices the start of a head, times out stalled writes, and lingers before it closes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::watch::Watch;

/// A watched socket.
pub(crate) struct Watched {
    stream: TcpStream,
    watch: Arc<Watch>,
    stalled: Option<Pin<Box<Sleep>>>,
    lingering: Lingering,
}

enum Lingering {
    NotYet,
    /// Our side is closed. Up to this many bytes are still discarded, until the timer ends.
    For(u64, Pin<Box<Sleep>>),
    Done,
}

/// How many bytes are discarded at once.
const READ_AWAY_BYTES: usize = 16 << 10;

impl Watched {
    pub(crate) fn new(stream: TcpStream, watch: Arc<Watch>) -> Self {
        Self {
            stream,
            watch,
            stalled: None,
            lingering: Lingering::NotYet,
        }
    }

    /// Fails if a client does not read the answer for too long.
    fn unless_stalled<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.stalled = None;
            return polled;
        }
        let limit = self.watch.limits.write_stall;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Discards what the client still sends. If the socket were closed at once, the client would get a reset instead of
    /// the answer.
    fn linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut away = [0_u8; READ_AWAY_BYTES];
        while let Lingering::For(left, until) = &mut self.lingering {
            let mut away = ReadBuf::new(&mut away);
            let read = Pin::new(&mut self.stream).poll_read(cx, &mut away);
            let read_bytes = u64::try_from(away.filled().len()).unwrap_or(u64::MAX);
            match read {
                Poll::Ready(Ok(())) if (1..=*left).contains(&read_bytes) => *left -= read_bytes,
                Poll::Ready(Ok(()) | Err(_)) => self.lingering = Lingering::Done,
                Poll::Pending => {
                    ready!(until.as_mut().poll(cx));
                    self.lingering = Lingering::Done;
                }
            }
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.watch.bytes_arrived();
        }
        polled
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.unless_stalled(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.unless_stalled(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.lingering, Lingering::NotYet) {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            let linger = self.watch.limits.linger;
            self.lingering = if self.watch.has_unread_body() {
                let until = Box::pin(tokio::time::sleep(linger.time));
                Lingering::For(linger.bytes_max, until)
            } else {
                Lingering::Done
            };
        }
        ready!(self.linger(cx));
        Poll::Ready(Ok(()))
    }
}
