//! An embedded S3 server: the S3 protocol with its signatures (`s3s`) over a local folder, on its own port, with an
//! event for every created or removed object.
//!
//! It provides the guarantees of S3 that consign relies on:
//!
//! - Objects are atomic, also after a crash. A body is written to a staging file, checked against its declared size and
//!   checksums, synced, and published by one rename together with its metadata.
//! - With `if-none-match: *`, one of two concurrent writers succeeds and the other gets 412.
//! - A request with an `x-amz-*` header that its signature does not cover is refused.
//! - Keys are bytes, not paths: `a` and `a/b` can both exist. Dot segments and control characters are refused.
//!
//! `s3s-fs`, the file store of `s3s`, is not used. It keeps the bytes and the etag of an object in separate files,
//! which a crash can leave inconsistent. It publishes before it checks, and names files by base64 of the key, which
//! file systems refuse beyond about 180 bytes.
//!
//! ```no_run
//! # async fn example(root: std::path::PathBuf, clock: fn() -> std::time::SystemTime) -> Result<(), Box<dyn
//! std::error::Error>> { use consign_embedded::{EmbeddedS3, Options};
//!
//! let options = Options {
//!     root,
//!     access_key: "consign".to_owned(),
//!     secret_key: "a secret".to_owned(),
//!     buckets: vec!["uploads".to_owned()],
//!     cors_origins: vec!["http://localhost:8080".to_owned()],
//!     abort_parts_after: std::time::Duration::from_secs(8 * 86_400),
//! };
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:9000").await?;
//! let events = |notification: String| async move {
//!     println!("{notification}");
//!     Ok(())
//! };
//! let running = EmbeddedS3::start(options, listener, events, clock)?;
//! running.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod blob;
mod change;
mod convert;
mod event;
mod form;
mod gate;
mod list;
mod read;
mod receive;
mod server;
mod service;
mod store;
mod uploads;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

pub use event::{EventError, ObjectEvents};
pub use server::{EmbeddedS3, Running};

/// Returns the current time, for events, `last-modified`, sequencers and forms. The signatures of URLs and headers are
/// checked against the clock of the system.
pub type Clock = dyn Fn() -> SystemTime + Send + Sync;

/// The options of the server.
#[derive(Clone)]
pub struct Options {
    /// The folder, created if it is missing. One process at a time may serve it.
    pub root: PathBuf,
    /// The only accepted access key.
    pub access_key: String,
    /// The secret key of the access key.
    pub secret_key: String,
    /// The buckets, created if they are missing. Other existing buckets stay.
    pub buckets: Vec<String>,
    /// Origins whose pages may send requests, such as `http://localhost:8080`; `*` allows any.
    pub cors_origins: Vec<String>,
    /// The age at which an incomplete multipart upload is aborted.
    pub abort_parts_after: Duration,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("root", &self.root)
            .field("access_key", &self.access_key)
            .field("buckets", &self.buckets)
            .field("cors_origins", &self.cors_origins)
            .field("abort_parts_after", &self.abort_parts_after)
            .finish_non_exhaustive()
    }
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The folder cannot be created, read or locked.
    #[error("the folder of the embedded store cannot be used")]
    Root(#[source] std::io::Error),
    /// Another process serves the folder.
    #[error("another process serves the folder of the embedded store")]
    InUse,
    /// The name is not a valid bucket name.
    #[error("not a name for a bucket: {0:?}")]
    Bucket(String),
    /// Not `scheme://host[:port]` or `*`.
    #[error("not an origin: {0:?}")]
    Origin(String),
    /// The listener cannot be used.
    #[error("the listener of the embedded store cannot be used")]
    Listener(#[source] std::io::Error),
}
