//! The types that columns have.

use serde::Serialize;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// `true` or `false`.
    Boolean,
    /// 64-bit integer.
    Int64,
    /// Exact decimal, with its precision and scale in the profile.
    Decimal,
    /// Double.
    Float64,
    /// Day without a time.
    Date,
    /// Microseconds since midnight.
    Time,
    /// Microseconds on an unnamed clock.
    Timestamp,
    /// Microseconds in UTC; every cell names its offset.
    TimestampUtc,
    /// Anything, as it is.
    Text,
}
