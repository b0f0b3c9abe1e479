//! Adapters for AWS and S3-compatible services behind the ports of `consign-core`.
//!
//! Each store is a feature of its own, so that a function links only what it talks to: `s3` has objects, multipart
//! uploads and the rules of buckets on any server that speaks the S3 protocol, `dynamodb` the upload records, `sqs` the ingest queue. All are
//! made from values that a host hands in, and connect when first used.

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
