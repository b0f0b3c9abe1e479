//! The body of a request, with a minimum pace.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::{Instant, Sleep};

use crate::Pace;

/// The body of a request. Reading fails with [`BodyTooSlow`] if it arrives more slowly than the limits allow.
#[derive(Debug)]
pub struct RequestBody {
    incoming: Incoming,
    pace: Pace,
    /// Set when the body was read to its end.
    is_read: Arc<AtomicBool>,
    began: Option<Instant>,
    bytes: u64,
    until: Option<Pin<Box<Sleep>>>,
}

/// A body arrived more slowly than the limits allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the body comes too slowly")]
pub struct BodyTooSlow;

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, pace: Pace) -> (Self, Arc<AtomicBool>) {
        let is_read = Arc::new(AtomicBool::new(incoming.is_end_stream()));
        let body = Self {
            incoming,
            pace,
            is_read: Arc::clone(&is_read),
            began: None,
            bytes: 0,
            until: None,
        };
        (body, is_read)
    }

    /// Returns when the next bytes must have arrived.
    fn deadline(&mut self) -> Instant {
        let now = Instant::now();
        let began = *self.began.get_or_insert(now);
        let owed_s = self.bytes / self.pace.bytes_per_s_min.max(1);
        let total = began + self.pace.grace + Duration::from_secs(owed_s);
        total.min(now + self.pace.pause)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        // Each wait for a frame has its own deadline.
        if this.until.is_none() {
            let deadline = this.deadline();
            this.until = Some(Box::pin(tokio::time::sleep_until(deadline)));
        }
        let polled = Pin::new(&mut this.incoming).poll_frame(cx);
        if let (Poll::Pending, Some(until)) = (&polled, &mut this.until) {
            ready!(until.as_mut().poll(cx));
            return Poll::Ready(Some(Err(Box::new(BodyTooSlow))));
        }
        this.until = None;
        Poll::Ready(match ready!(polled) {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                this.bytes = this
                    .bytes
                    .saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                if this.incoming.is_end_stream() {
                    this.is_read.store(true, Ordering::Release);
                }
                Some(Ok(frame))
            }
            Some(Err(error)) => Some(Err(error.into())),
            None => {
                this.is_read.store(true, Ordering::Release);
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
