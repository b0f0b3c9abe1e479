//! Patterns that several requests use.

/// SHA-256, in base64 or hexadecimal.
pub(crate) const SHA256: &str = "^([0-9A-Fa-f]{64}|[A-Za-z0-9+/]{43}=)$";
/// An id of the caller's own system.
pub(crate) const COLLECTION_ID: &str = "^[A-Za-z0-9_-]{1,64}$";
/// An entity tag, with or without quotes.
pub(crate) const ETAG: &str = r##"^("[!#-~]{1,320}"|[!#-~]{1,320})$"##;
