//! Adapters for AWS and S3-compatible services behind the ports of `consign-core`.
//!
//! Each service is a separate feature, so that a function links only what it uses: `s3` has objects, multipart uploads
//! and bucket rules on any S3-compatible server, `dynamodb` the upload records, `sqs` the ingest queue. All are built
//! from values that a host passes, and connect on first use.

#[cfg(feature = "begin")]
mod begin;
#[cfg(any(feature = "dynamodb", feature = "s3", feature = "sqs"))]
mod breaker;
#[cfg(any(feature = "dynamodb", feature = "s3", feature = "sqs"))]
mod client;
#[cfg(any(feature = "dynamodb", feature = "s3", feature = "sqs"))]
mod fault;

#[cfg(feature = "s3")]
mod bucket;
#[cfg(feature = "s3")]
mod copy;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
#[cfg(feature = "s3")]
mod s3;
#[cfg(feature = "sqs")]
mod sqs;
#[cfg(feature = "s3")]
mod writer;

#[cfg(feature = "begin")]
pub use begin::PresignedBegin;
#[cfg(feature = "s3")]
pub use bucket::{Bucket, Cleaning, Mode, RuleState, SetupError};
#[cfg(any(feature = "dynamodb", feature = "s3", feature = "sqs"))]
pub use client::AwsOptions;
#[cfg(feature = "dynamodb")]
pub use dynamodb::DynamoRepo;
#[cfg(feature = "s3")]
pub use s3::{Body, S3Options, S3Store};
#[cfg(feature = "sqs")]
pub use sqs::{DeadLetters, SqsQueue};
#[cfg(feature = "s3")]
pub use writer::S3Writer;
