//! A range of a file as a request body: exact length, constant memory, counted while it is sent.

use std::io::SeekFrom;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http_body::{Frame, SizeHint};
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};
use tokio_util::io::ReaderStream;

use super::ClientError;

/// The size of a chunk.
const CHUNK_BYTES: usize = 256 * 1024;

/// Counts sent bytes and notifies a callback. Clones share the count.
#[derive(Clone)]
pub struct Meter {
    sent_bytes: Arc<AtomicU64>,
    sink: Sink,
}

#[derive(Clone)]
enum Sink {
    Watch(Arc<dyn Fn(u64) + Send + Sync>),
    Parent(Arc<Meter>),
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Meter").field(&self.sent_bytes()).finish()
    }
}

impl Meter {
    /// Creates a meter at 0 that calls `watch` with the new count on every change.
    pub fn new(watch: impl Fn(u64) + Send + Sync + 'static) -> Self {
        Self {
            sent_bytes: Arc::default(),
            sink: Sink::Watch(Arc::new(watch)),
        }
    }

    /// Creates a meter at 0 whose bytes count here too: the share of one request.
    pub fn share(&self) -> Self {
        Self {
            sent_bytes: Arc::default(),
            sink: Sink::Parent(Arc::new(self.clone())),
        }
    }

    /// Returns the bytes so far.
    pub fn sent_bytes(&self) -> u64 {
        self.sent_bytes.load(Ordering::Relaxed)
    }

    /// Adds sent bytes.
    pub fn add(&self, bytes: u64) {
        let sent_bytes = self.sent_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        match &self.sink {
            Sink::Watch(watch) => watch(sent_bytes),
            Sink::Parent(parent) => parent.add(bytes),
        }
    }

    /// Subtracts bytes that have to be sent again.
    pub fn take_back(&self, bytes: u64) {
        let sent_bytes = self.sent_bytes.fetch_sub(bytes, Ordering::Relaxed) - bytes;
        match &self.sink {
            Sink::Watch(watch) => watch(sent_bytes),
            Sink::Parent(parent) => parent.take_back(bytes),
        }
    }
}

/// A range of a local file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stretch<'a> {
    pub(crate) path: &'a Path,
    pub(crate) offset_bytes: u64,
    pub(crate) length_bytes: u64,
    /// Counts the sent bytes.
    pub(crate) meter: &'a Meter,
}

impl Stretch<'_> {
    /// Returns the range of part `part_number` (from 1). All parts but the last have `part_bytes`.
    pub(crate) fn part(self, part_number: u32, part_bytes: u64) -> Self {
        let before_bytes = u64::from(part_number.saturating_sub(1)).saturating_mul(part_bytes);
        let length_bytes = part_bytes.min(self.length_bytes.saturating_sub(before_bytes));
        let offset_bytes = self.offset_bytes.saturating_add(before_bytes);
        Self {
            offset_bytes,
            length_bytes,
            ..self
        }
    }
}

/// The body.
pub(crate) struct FileBody {
    stream: ReaderStream<tokio::io::Take<tokio::fs::File>>,
    left_bytes: u64,
    meter: Meter,
}

impl FileBody {
    /// Opens the file. Each attempt reads from the start, so each opens it again.
    pub(crate) async fn open(stretch: Stretch<'_>) -> Result<Self, ClientError> {
        let Stretch {
            path,
            offset_bytes,
            length_bytes,
            meter,
        } = stretch;
        let mut file = tokio::fs::File::open(path)
            .await
            .map_err(ClientError::file(path))?;
        if offset_bytes > 0 {
            file.seek(SeekFrom::Start(offset_bytes))
                .await
                .map_err(ClientError::file(path))?;
        }
        let stream = ReaderStream::with_capacity(file.take(length_bytes), CHUNK_BYTES);
        Ok(Self {
            stream,
            left_bytes: length_bytes,
            meter: meter.clone(),
        })
    }
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let polled = Pin::new(&mut self.stream).poll_next(cx);
        polled.map(|next| match next {
            Some(Ok(chunk)) => {
                self.left_bytes = self.left_bytes.saturating_sub(chunk.len() as u64);
                self.meter.add(chunk.len() as u64);
                Some(Ok(Frame::data(chunk)))
            }
            Some(Err(error)) => Some(Err(error)),
            None if self.left_bytes > 0 => {
                self.left_bytes = 0;
                Some(Err(std::io::Error::new(
                    std::io::ErrorKind::UnexpectedEof,
                    "the file was truncated",
                )))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left_bytes == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left_bytes)
    }
}
