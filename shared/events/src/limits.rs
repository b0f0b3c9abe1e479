//! What a message may be. The limits of the services are below these.

/// The maximum length of a body, in bytes: the limit of a Lambda invocation. An SQS or SNS message has at most 1 MiB,
/// a message of a Queue 128 KiB.
pub const BODY_BYTES_MAX: usize = 6 * 1024 * 1024;
/// The maximum number of records of one list.
pub const RECORDS_MAX: usize = 1000;
/// The maximum length of an object key in any store, in UTF-8 bytes.
pub const KEY_BYTES_MAX: usize = 1024;
/// The maximum length of a bucket name, in bytes: 63 today, 255 in the oldest S3 buckets.
pub const BUCKET_BYTES_MAX: usize = 255;
/// The maximum length of an ETag or version id, in bytes: the limit of S3's version ids.
pub const TAG_BYTES_MAX: usize = 1024;

// A whole SQS batch of the largest messages that a standard consumer requests (10 × 256 KiB) fits.
const _: () = assert!(BODY_BYTES_MAX >= 10 * 256 * 1024);
