//! Request bodies in memory. The memory of all of them together is limited.

use axum::body::Body;
use bytes::Bytes;
use consign_core::policy::SIGN_BODY_BYTES_MAX;
use consign_core::problem::Problem;
use consign_core::routes::BODY_BYTES_MAX;
use consign_listener::BodyTooSlow;
use futures_util::StreamExt as _;
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The number of bytes per permit.
const UNIT_BYTES: usize = 1 << 10;
/// Bodies up to this size, in bytes, use a separate memory limit, so that long ones do not delay them.
const SMALL_BYTES_MAX: usize = SIGN_BODY_BYTES_MAX;
/// The limit for all small bodies together, in bytes.
const ALL_SMALL_BYTES_MAX: usize = 16 << 20;
/// The limit for all other bodies together, in bytes.
const ALL_LARGE_BYTES_MAX: usize = 32 << 20;
const _: () = assert!(ALL_SMALL_BYTES_MAX >= SMALL_BYTES_MAX);
const _: () = assert!(ALL_LARGE_BYTES_MAX >= BODY_BYTES_MAX);

/// The memory for bodies.
#[derive(Debug)]
pub(crate) struct Bodies {
    small: Semaphore,
    large: Semaphore,
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It has more than this number of bytes.
    TooLong(usize),
    /// It did not arrive in time.
    TooSlow,
    /// The connection broke.
    Broken,
    /// There is no memory for it now.
    NoRoom,
}

/// A body in memory. Dropping it frees its memory.
#[derive(Debug)]
pub(crate) struct HeldBody<'a> {
    pub(crate) bytes: Bytes,
    _room: Option<SemaphorePermit<'a>>,
}

impl Bodies {
    pub(crate) fn new() -> Self {
        Self {
            small: Semaphore::new(ALL_SMALL_BYTES_MAX / UNIT_BYTES),
            large: Semaphore::new(ALL_LARGE_BYTES_MAX / UNIT_BYTES),
        }
    }

    /// Reads a body of at most `bytes_max` bytes. Reads nothing if that is 0.
    pub(crate) async fn read(
        &self,
        headers: &HeaderMap,
        body: Body,
        bytes_max: usize,
    ) -> Result<HeldBody<'_>, Unread> {
        if bytes_max == 0 {
            let bytes = Bytes::new();
            return Ok(HeldBody { bytes, _room: None });
        }
        let declared = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        if declared.is_some_and(|length: usize| length > bytes_max) {
            return Err(Unread::TooLong(bytes_max));
        }
        let room = self.room(declared.unwrap_or(bytes_max))?;
        let mut bytes = Vec::with_capacity(declared.unwrap_or(0));
        let mut chunks = body.into_data_stream();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|error| match is_too_slow(&error) {
                true => Unread::TooSlow,
                false => Unread::Broken,
            })?;
            if chunk.len() > bytes_max - bytes.len() {
                return Err(Unread::TooLong(bytes_max));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(HeldBody {
            bytes: bytes.into(),
            _room: Some(room),
        })
    }

    fn room(&self, bytes: usize) -> Result<SemaphorePermit<'_>, Unread> {
        let memory = if bytes <= SMALL_BYTES_MAX {
            &self.small
        } else {
            &self.large
        };
        let units = u32::try_from(bytes.div_ceil(UNIT_BYTES)).map_err(|_| Unread::NoRoom)?;
        memory.try_acquire_many(units).map_err(|_| Unread::NoRoom)
    }
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLong(bytes_max) => Self::body_too_large(bytes_max),
            Unread::TooSlow => Self::body_too_slow(),
            Unread::Broken => Self::bad_request("the body is incomplete"),
            Unread::NoRoom => Self::overloaded(),
        }
    }
}

fn is_too_slow(error: &axum::Error) -> bool {
    let mut error: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(cause) = error {
        if cause.is::<BodyTooSlow>() {
            return true;
        }
        error = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(
        bodies: &Bodies,
        length: usize,
        bytes_max: usize,
    ) -> Result<HeldBody<'_>, Unread> {
        let headers = HeaderMap::from_iter([(CONTENT_LENGTH, length.into())]);
        let body = Body::from(vec![0; length]);
        bodies.read(&headers, body, bytes_max).await
    }

    #[tokio::test]
    async fn long_bodies_have_limited_memory_and_short_ones_their_own() {
        let bodies = Bodies::new();
        let mut held = Vec::new();
        while let Ok(one) = read(&bodies, BODY_BYTES_MAX, BODY_BYTES_MAX).await {
            held.push(one);
        }
        assert_eq!(held.len(), ALL_LARGE_BYTES_MAX / BODY_BYTES_MAX);
        assert!(read(&bodies, 300, BODY_BYTES_MAX).await.is_ok());
        held.pop();
        assert!(read(&bodies, BODY_BYTES_MAX, BODY_BYTES_MAX).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_without_a_declared_length_is_read_to_the_limit() {
        let bodies = Bodies::new();
        let without = HeaderMap::new();
        let read = |length: usize| {
            let bodies = &bodies;
            let without = &without;
            async move {
                let body = Body::from(vec![0; length]);
                let held = bodies.read(without, body, 100).await;
                held.map(|held| held.bytes.len())
            }
        };
        assert_eq!(read(100).await, Ok(100));
        assert_eq!(read(101).await, Err(Unread::TooLong(100)));
    }

    #[tokio::test]
    async fn nothing_is_read_if_no_body_is_accepted() {
        let bodies = Bodies::new();
        let held = read(&bodies, 100, 0).await.unwrap();
        assert!(held.bytes.is_empty());
    }
}
