//! Filters of a listing.

use serde::Serialize;

/// Filters of `GET /files`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct ListFiles {
    /// The most files of a page, up to 500.
    pub limit: u16,
    /// The cursor at which the page starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Only files in this state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Only files of this category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Only files of this collection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collection_id: Option<String>,
}
