//! `POST /files/confirm`.

use serde::{Deserialize, Serialize};

use crate::{ProcessingStatus, Status};

/// The body of `POST /files/confirm`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Confirm {
    /// The file. A value that is not an id is answered as unknown: 404.
    #[cfg_attr(
        feature = "schema",
        schemars(length(min = 1, max = 128), regex(pattern = "^[!-~]+$"))
    )]
    pub file_id: String,
    /// The ETag as the bucket returned it, with or without quotes. Compared with the object.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::ETAG))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The parts of a multipart upload, without duplicate numbers. Each is compared with the bucket. Optional, since
    /// the parts in the bucket decide.
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
    /// What the client says about the file. Shown until ingest has measured it, and never relied on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<ConfirmMetadata>,
}

/// A part that the bucket has received.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CompletedPart {
    /// The number, from 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 10000)))]
    pub part_number: u32,
    /// The ETag as the bucket returned it, with or without quotes.
    #[cfg_attr(
        feature = "schema",
        schemars(regex(pattern = crate::patterns::ETAG))
    )]
    pub etag: String,
}

/// What a client says about its file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ConfirmMetadata {
    /// The names of the columns, at most 524288 bytes together. Their number and the first hundred names are stored.
    #[cfg_attr(
        feature = "schema",
        schemars(length(max = 20000), inner(length(max = 1024)))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<String>>,
    /// The number of data rows.
    #[cfg_attr(
        feature = "schema",
        schemars(range(max = 9_223_372_036_854_775_807_u64))
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row_count: Option<u64>,
    /// SHA-256 of the whole file, in base64 or hexadecimal.
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
    /// The status of the upload.
    pub status: Status,
    /// The status of its ingest.
    #[serde(default)]
    pub processing_status: ProcessingStatus,
}
