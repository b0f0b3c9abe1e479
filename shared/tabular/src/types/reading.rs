//! How the cells of a column are read: its type, and the notation that the column uses throughout.

use arrow_schema::{DataType, TimeUnit};

use crate::types::cell::BooleanWords;
use crate::types::number::NumberFormat;
use crate::writing::output::INT64_DIGITS;
use consign_hints::ColumnType;
use consign_hints::DateOrder;

/// The zone that moments with an offset are kept in.
pub(crate) const UTC: &str = "UTC";

/// A type with its notation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    Boolean(BooleanWords),
    Int64,
    Decimal(Decimal),
    Float64,
    Date(DateOrder),
    Time,
    Timestamp { order: DateOrder, utc: bool },
    Text,
}

/// Exact decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub(crate) format: NumberFormat,
    /// Digits in all.
    pub(crate) precision: u8,
    /// Digits behind the point.
    pub(crate) scale: u8,
    /// The sign that stands beside every number.
    pub(crate) unit: Option<&'static str>,
}

impl Reading {
    pub(crate) fn kind(self) -> ColumnType {
        match self {
            Self::Boolean(_) => ColumnType::Boolean,
            Self::Int64 => ColumnType::Int64,
            Self::Decimal(_) => ColumnType::Decimal,
            Self::Float64 => ColumnType::Float64,
            Self::Date(_) => ColumnType::Date,
            Self::Time => ColumnType::Time,
            Self::Timestamp { utc: false, .. } => ColumnType::Timestamp,
            Self::Timestamp { utc: true, .. } => ColumnType::TimestampUtc,
            Self::Text => ColumnType::Text,
        }
    }

    /// Whether values of both are kept alike: they are the same, but for the digits of decimals.
    pub(crate) fn is_kept_like(self, other: Self) -> bool {
        let (Self::Decimal(one), Self::Decimal(two)) = (self, other) else {
            return self == other;
        };
        let is_narrow = |decimal: Decimal| decimal.precision <= INT64_DIGITS;
        let same_digits = Decimal {
            precision: two.precision,
            ..one
        };
        same_digits == two && is_narrow(one) == is_narrow(two)
    }

    /// The sign beside every number.
    pub(crate) fn unit(self) -> Option<&'static str> {
        match self {
            Self::Decimal(decimal) => decimal.unit,
            Self::Boolean(_) | Self::Int64 | Self::Float64 | Self::Text => None,
            Self::Date(_) | Self::Time | Self::Timestamp { .. } => None,
        }
    }

    /// How the type is kept in Arrow, and by it in Parquet.
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Boolean(_) => DataType::Boolean,
            Self::Int64 => DataType::Int64,
            Self::Decimal(Decimal {
                precision, scale, ..
            }) => DataType::Decimal128(precision, i8::try_from(scale).unwrap_or(i8::MAX)),
            Self::Float64 => DataType::Float64,
            Self::Date(_) => DataType::Date32,
            Self::Time => DataType::Time64(TimeUnit::Microsecond),
            Self::Timestamp { utc: false, .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::Timestamp { utc: true, .. } => {
                DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into()))
            }
            Self::Text => DataType::Utf8,
        }
    }

    /// What a value takes in memory before it is encoded, in bytes; of text, without its letters.
    pub(crate) fn value_bytes(self) -> usize {
        match self {
            Self::Boolean(_) => 1,
            Self::Text => size_of::<u32>(),
            Self::Decimal(decimal) if decimal.precision > INT64_DIGITS => size_of::<i128>(),
            Self::Int64 | Self::Decimal(_) | Self::Float64 => size_of::<i64>(),
            Self::Date(_) | Self::Time | Self::Timestamp { .. } => size_of::<i64>(),
        }
    }
}
