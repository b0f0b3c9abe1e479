//! `consign serve`: the functions, an embedded S3, the ingest consumer and the page, in one process.

mod args;
mod bodies;
mod consumer;
mod environment;
mod events;
mod host;
mod http;
mod limits;
mod listen;
mod log;
mod metrics;
mod policy;
mod private;
mod running;
mod s3;
mod serve;
mod site;
mod store;
mod welcome;

pub use args::{LogFormat, ServeArgs};
pub use environment::ServeEnvironment;
pub use policy::policy_text;
pub use running::Running;
pub use s3::{Access, S3, S3Args};
pub use serve::{serve, start};

/// The file with a token in development, under the data folder.
pub const TOKEN_FILE: &str = "token";
/// The file with the secret of development tokens.
pub const DEV_SECRET_FILE: &str = "dev-secret";
