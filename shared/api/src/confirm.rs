//! `POST /files/confirm`.

use serde::{Deserialize, Serialize};

use crate::{ProcessingStatus, Status};

/// The body of `POST /files/confirm`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// What is no id of a file is unknown: 404.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 128), regex(pattern = "^[!-~]+$"))
    )]
    pub file_id: String,
    /// As the bucket answered, with or without quotes; held against the object.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::ETAG))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// Of a multipart upload, no number twice: each is held against the bucket. May be left out, since what the bucket holds
    /// is what counts.
    #[cfg_attr(feature = "schema", schemars(length(max = 10000)))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<CompletedPart>>,
    /// A collection to link the file to.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::COLLECTION_ID))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collection_id: Option<String>,
    /// What the client knows of the file. Shown until the ingest knows better; never relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ConfirmMetadata>,
}

/// A part that the store has taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CompletedPart {
    /// From 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10000)))]
    pub part_number: u32,
    /// As the bucket answered, with or without quotes.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::ETAG))
    )]
    pub etag: String,
}

/// What a client knows of its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmMetadata {
    /// At most 524288 bytes together. Their number is kept, and the names of the first hundred.
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = 20000), inner(length(max = 1024)))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// Rows of data.
    #[cfg_attr(
        feature = "schema",
        schemars(range(max = 9_223_372_036_854_775_807_u64))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_count: Option<u64>,
    /// SHA-256 of the whole file, base64 or hexadecimal.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::SHA256))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_hash: Option<String>,
}

/// The answer of `POST /files/confirm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Confirmed {
    /// The file.
    #[cfg_attr(feature = "schema", schemars(extend("format" = "uuid")))]
    pub file_id: String,
    /// Where it stands.
    pub status: Status,
    /// Where its ingest stands.
    #[serde(default)]
    pub processing_status: ProcessingStatus,
}
