//! The types that columns have.

use serde::{Deserialize, Serialize};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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

impl ColumnType {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Boolean,
        Self::Int64,
        Self::Decimal,
        Self::Float64,
        Self::Date,
        Self::Time,
        Self::Timestamp,
        Self::TimestampUtc,
        Self::Text,
    ];

    /// Its name in a profile and in hints.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int64 => "int64",
            Self::Decimal => "decimal",
            Self::Float64 => "float64",
            Self::Date => "date",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::TimestampUtc => "timestamp_utc",
            Self::Text => "text",
        }
    }

    /// By this name.
    #[must_use]
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
