//! Problem documents (RFC 9457).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// Every [`Problem::code`].
pub const PROBLEM_CODES: [&str; 23] = [
    "bad_request",
    "validation_failed",
    "strategy_unsupported",
    "unauthorized",
    "quota_exceeded",
    "not_found",
    "method_not_allowed",
    "idempotency_in_progress",
    "object_key_taken",
    "already_uploaded",
    "object_missing",
    "object_mismatch",
    "upload_expired",
    "not_ready",
    "conflict",
    "body_too_large",
    "body_too_slow",
    "idempotency_key_reused",
    "rate_limited",
    "internal",
    "store_unavailable",
    "storage_full",
    "overloaded",
];

/// Every [`FieldError::code`] of a request's field.
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

/// A problem document (RFC 9457). A 5xx answer has neither `detail` nor `errors`.
///
/// Reading is lenient, since a proxy may send other answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Problem {
    /// `urn:consign:problem:` and the code.
    #[cfg_attr(
        feature = "schema",
        schemars(url, extend("examples" = ["urn:consign:problem:validation_failed"]))
    )]
    #[serde(rename = "type")]
    pub kind: String,
    /// A short title for people.
    pub title: Cow<'static, str>,
    /// The HTTP status.
    pub status: u16,
    /// The stable code for programs.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = PROBLEM_CODES)))]
    pub code: Cow<'static, str>,
    /// What happened and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request id, for support requests to the operator.
    pub request_id: String,
    /// All invalid fields of the request.
    #[cfg_attr(feature = "schema", schemars(length(min = 1, max = 10100)))]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

/// An invalid field of a request or of the configuration, and what is valid.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct FieldError {
    /// The path of the field.
    #[cfg_attr(feature = "schema", schemars(extend("examples" = ["labels.service"])))]
    pub field: String,
    /// The stable code of the error.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = REQUEST_FIELD_CODES)))]
    pub code: Cow<'static, str>,
    /// Continues the field's name: "must be …".
    pub detail: String,
}
