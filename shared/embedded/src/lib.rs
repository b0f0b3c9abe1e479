//! An embedded S3 server for the local host: the S3 protocol with its signatures (`s3s`) over a folder, on a port of
//! its own, telling of every object that comes or goes.
//!
//! It is held to what consign relies on in S3:
//!
//! - An object is there whole or not at all, whatever breaks: bodies are written aside, checked against their declared
//!   size and checksums, made durable, and published by one rename together with all that is known of them.
//! - `if-none-match: *` lets one of two simultaneous writers win and tells the other 412.
//! - A request with an `x-amz-*` header that its signature does not cover is refused.
//! - Keys are bytes, not paths: `a` and `a/b` live side by side; dot segments and control characters are refused.
//!
//! `s3s-fs`, the file store that comes with `s3s`, is not used: it keeps an object's bytes and its etag in files that a
//! crash can leave at odds, publishes before it has checked, and names files by base64 of the key, which no file system
//! takes beyond some 180 bytes.
//!
//! ```no_run
//! # async fn example(root: std::path::PathBuf, clock: fn() -> std::time::SystemTime) -> Result<(), Box<dyn std::error::Error>> {
//! use consign_embedded::{EmbeddedS3, Options};
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

/// Tells the time: for events, `last-modified`, sequencers and forms. The signatures of URLs and headers are checked against
/// the system's own clock.
pub type Clock = dyn Fn() -> SystemTime + Send + Sync;

/// How to run the server.
#[derive(Clone)]
pub struct Options {
    /// The folder, made where missing. One process at a time serves it.
    pub root: PathBuf,
    /// The one access key that is known.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// Buckets that exist; made where missing. Earlier ones stay.
    pub buckets: Vec<String>,
    /// Origins whose pages may send requests, such as `http://localhost:8080`; `*` is any.
    pub cors_origins: Vec<String>,
    /// How old an upload in parts may grow that nobody completes; then it is given up.
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

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The folder cannot be made, read or locked.
    #[error("the folder of the embedded store cannot be used")]
    Root(#[source] std::io::Error),
    /// Another process serves the folder.
    #[error("another process serves the folder of the embedded store")]
    InUse,
    /// S3 would not allow the name.
    #[error("not a name for a bucket: {0:?}")]
    Bucket(String),
    /// Not `scheme://host[:port]` or `*`.
    #[error("not an origin: {0:?}")]
    Origin(String),
    /// The listener is not usable.
    #[error("the listener of the embedded store cannot be used")]
    Listener(#[source] std::io::Error),
}
