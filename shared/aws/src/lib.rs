//! Adapters for AWS and S3-compatible services behind the ports of `consign-core`.
//!
//! Today: [`S3Store`], objects and multipart uploads on any server that speaks the S3 protocol.

mod fault;
mod s3;
mod writer;

pub use s3::{Body, S3Options, S3Store};
pub use writer::S3Writer;
