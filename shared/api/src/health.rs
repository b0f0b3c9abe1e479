//! `GET /health/storage`.

use serde::{Deserialize, Serialize};

/// Whether the store works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// Every bucket takes, gives and removes.
    Ok,
    /// One does not.
    Unavailable,
}

/// The kind of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum StorageBackend {
    /// Amazon S3.
    S3,
    /// MinIO, or another server of the S3 protocol.
    Minio,
    /// Cloudflare R2.
    R2,
    /// The embedded store.
    Embedded,
}

/// Anybody is told `status` and `response_time_ms`; a token with the scope `metrics` is told the rest, where the function
/// knows the tokens' keys. What was found is told for some seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Health {
    /// Whether the store works.
    pub status: HealthStatus,
    /// How long the look took that found this.
    #[serde(default)]
    pub response_time_ms: u64,
    /// The kind of store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_backend: Option<StorageBackend>,
    /// As the functions reach it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// As clients reach it: what signed URLs name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_endpoint: Option<String>,
    /// Buckets that work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buckets_accessible: Option<Vec<String>>,
    /// What does not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<HealthError>>,
}

/// A bucket that does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct HealthError {
    /// Its name.
    pub bucket: String,
    /// The kind of the fault.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("enum" = ["timed_out", "unreachable", "throttled", "bad_credentials", "denied", "no_container", "full", "other"]))
    )]
    pub code: String,
    /// The step that failed.
    pub operation: String,
}
