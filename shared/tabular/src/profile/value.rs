//! Values and sums of a profile.

use serde::Serialize;

/// A value in JSON: decimals as text, dates, times and timestamps as ISO 8601 text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Scalar {
    /// Of a boolean column.
    Boolean(bool),
    /// Of an integer column.
    Int(i64),
    /// Of a column of doubles.
    Float(f64),
    /// Of any other column.
    Text(String),
}

/// A sum in JSON: a number.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum Sum {
    /// Exact.
    Int(i128),
    /// Exact, as text: a decimal of JSON is a double to most readers.
    Decimal(String),
    /// Compensated (Neumaier). Null in JSON where it overflows.
    Float(f64),
}
