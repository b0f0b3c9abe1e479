//! The wire of consign: every request, answer and problem as a type, for servers and clients.
//!
//! Writing is exact. Reading is lenient: a missing field has its default, an unknown one is ignored, and an unknown
//! status is [`Status::Unknown`]. A client of one version therefore understands a server of another. The server does
//! not read requests with these types: it reads them field by field, to report all errors together.
//!
//! ```
//! let request = consign_api::SignUpload {
//!     filename: "flights.csv".to_owned(),
//!     content_type: Some("text/csv".to_owned()),
//!     file_size_bytes: Some(1024),
//!     ..consign_api::SignUpload::default()
//! };
//! let body = serde_json::to_string(&request)?;
//! assert_eq!(body, r#"{"filename":"flights.csv","content_type":"text/csv","file_size_bytes":1024}"#);
//! # Ok::<(), serde_json::Error>(())
//! ```

mod confirm;
mod download;
mod file;
mod health;
#[cfg(feature = "schema")]
pub mod openapi;
mod pairs;
#[cfg(feature = "schema")]
mod patterns;
mod problem;
mod sign;

pub use confirm::{CompletedPart, Confirm, ConfirmMetadata, Confirmed};
pub use download::{Download, Variant};
pub use file::{File, FileError, ListedFile, Listing, ProcessingStatus, Status};
pub use health::{Health, HealthError, HealthStatus, StorageBackend};
pub use pairs::Pairs;
pub use problem::{FieldError, PROBLEM_CODES, Problem, REQUEST_FIELD_CODES};
pub use sign::{Method, Multipart, SignUpload, SignedPart, SignedUpload, Strategy};
