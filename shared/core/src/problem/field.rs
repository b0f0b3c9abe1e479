//! Fields that are wrong.

use serde::Serialize;

/// Every [`FieldError::code`] of a request's field, as the OpenAPI document lists them.
pub const REQUEST_FIELD_CODES: [&str; 17] = [
    "required",
    "wrong_type",
    "invalid",
    "out_of_range",
    "unknown",
    "unknown_field",
    "extension_not_allowed",
    "content_type_not_allowed",
    "too_small",
    "too_large",
    "too_long",
    "too_many",
    "strategy_unsupported",
    "key_invalid",
    "part_missing",
    "part_mismatch",
    "parts_incomplete",
];

/// One field of a request or of the configuration that is wrong, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's path, such as `labels.service`.
    pub field: String,
    /// A stable name of what is wrong, such as `required`.
    pub code: &'static str,
    /// A sentence for a person that continues the field's name: "must be …".
    pub detail: String,
}
