//! The wire of consign: every request, answer and problem as a type, for those who serve and for those who call.
//!
//! What is sent is exact. What is read is lenient: a field that is missing has its default, one that is not known is passed
//! over, and a state that is not known is [`Status::Unknown`], so that a caller of one version understands a server of another.
//! Requests are an exception on the server's side, which reads them field by field to tell everything that is wrong at once.
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
pub use file::{File, IngestError, ListedFile, Listing, ProcessingStatus, Status};
pub use health::{Health, HealthError, HealthStatus, StorageBackend};
pub use pairs::Pairs;
pub use problem::{FieldError, PROBLEM_CODES, Problem, REQUEST_FIELD_CODES};
pub use sign::{Method, Multipart, SignUpload, SignedPart, SignedUpload, Strategy};
