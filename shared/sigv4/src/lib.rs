//! AWS Signature Version 4 for S3: presigned URLs, POST policies, and their verification.
//!
//! A [`Signer`] is built once at start, and time is an argument of every call. A URL is written in one pass into one
//! buffer, which becomes the result, and its parts are hashed in place. The signer keeps the signing key of the day
//! with its HMAC states, and what all signatures of one second share, including the first block of the string to sign.
//! The output equals that of botocore byte for byte, except that headers with a meaning are never omitted: botocore
//! drops a
//! `content-type` of `application/x-www-form-urlencoded; charset=utf-8`, this crate signs it.
//!
//! ```
//! use chrono::DateTime;
//! use consign_sigv4::{Addressing, Credentials, Operation, Request, Signer, SignerConfig};
//!
//! let signer = Signer::new(SignerConfig {
//!     endpoint: None,
//!     region: "us-east-1",
//!     addressing: Addressing::Virtual,
//!     credentials: Credentials {
//!         access_key: "AKIDEXAMPLE".to_owned(),
//!         secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into(),
//!         session_token: None,
//!         expires_at: None,
//!     },
//! })?;
//! let request = Request {
//!     operation: Operation::GetObject,
//!     bucket: "examplebucket",
//!     key: "test.txt",
//!     headers: &[],
//!     query: &[],
//!     expires_s: 86_400,
//! };
//! let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(20_000);
//! let url = signer.presign(&request, now)?;
//!
//! assert!(url.starts_with("https://examplebucket.s3.us-east-1.amazonaws.com/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Specification: *Authenticating Requests: Using Query Parameters* and *Browser-Based Uploads Using POST* of the
//! Amazon S3 API reference.

mod endpoint;
mod error;
mod escape;
mod hash;
mod headers;
mod names;
mod post;
mod presign;
mod signer;
mod stamp;
mod verify;
mod verify_post;

pub use endpoint::Addressing;
pub use error::{PresignError, SetupError, VerifyError};
pub use headers::HEADERS_MAX;
pub use names::{KEY_BYTES_MAX, check_bucket, check_key};
pub use post::{Condition, PostRequest, SignedPost};
pub use presign::{Operation, PART_NUMBER_MAX, QUERY_MAX, Request};
pub use signer::{Credentials, EXPIRES_S_MAX, Secret, Signer, SignerConfig};
pub use verify::{SKEW_S_MAX, SentRequest, Verified, verify_url};
pub use verify_post::{FORM_BYTES_MAX, PostForm, VerifiedFields, verify_post, verify_post_fields};

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_post;
#[cfg(test)]
mod tests_post_policy;
