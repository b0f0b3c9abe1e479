//! `GET /health/storage`.

use serde::{Deserialize, Serialize};

/// Whether the store works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Writing, reading and removing work in every bucket.
    Ok,
    /// They do not work in at least one bucket.
    Unavailable,
}

/// The kind of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum StorageBackend {
    /// Amazon S3.
    S3,
    /// MinIO, or another server with the S3 API.
    Minio,
    /// Cloudflare R2.
    R2,
    /// The embedded store.
    Embedded,
}

/// The health of the store. Every caller gets `status` and `response_time_ms`. The other fields require a token with
/// the scope `metrics`, where the function has the token keys. A result is reused for some seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Whether the store works.
    pub status: HealthStatus,
    /// The duration of the probe in milliseconds.
    #[serde(default)]
    pub response_time_ms: u64,
    /// The kind of store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_backend: Option<StorageBackend>,
    /// The endpoint that the functions use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The endpoint that clients use, which signed URLs name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_endpoint: Option<String>,
    /// The buckets that work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buckets_accessible: Option<Vec<String>>,
    /// The errors of the other buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<HealthError>>,
}

/// A bucket that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthError {
    /// The name of the bucket.
    pub bucket: String,
    /// The kind of the fault.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("enum" = ["timed_out", "unreachable", "throttled", "bad_credentials", "denied", "no_container", "full", "other"]))
    )]
    pub code: String,
    /// The operation that failed.
    pub operation: String,
}
