//! What the profile says of the values of a column, beside its extremes and its sum.

use serde::Serialize;

use crate::profile::Scalar;

/// Bins of a histogram.
pub const HISTOGRAM_BINS: usize = 20;
/// The most frequent values of a column that are kept.
pub const TOP_VALUES_MAX: usize = 10;
/// The longest of these in bytes; longer texts are shown with their beginning.
pub const TOP_VALUE_BYTES_MAX: usize = 64;
/// Rows of a sample at most.
pub const SAMPLE_ROWS_MAX: u32 = 8192;

/// How many different values a column has.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Distinct {
    /// Different values, nulls excluded.
    pub count: u64,
    /// Whether they were counted. Else it is an estimate.
    pub exact: bool,
    /// The relative standard error of an estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relative_error: Option<f64>,
}

/// Values below which so many hundredths of all are: each is a value of the column, the smallest that at least so many do not
/// exceed. Nulls and `NaN` have no part in them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Quantiles {
    /// One hundredth.
    pub p01: Scalar,
    /// Five hundredths.
    pub p05: Scalar,
    /// A quarter.
    pub p25: Scalar,
    /// The median.
    pub p50: Scalar,
    /// Three quarters.
    pub p75: Scalar,
    /// All but five hundredths.
    pub p95: Scalar,
    /// All but one hundredth.
    pub p99: Scalar,
}

/// How the values are spread: counts of values in bins of the same width, each with its lower edge and without its upper one; the
/// last has both. Where all values are equal, they are in the first one.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Histogram {
    /// Where the first bin begins.
    pub from: Scalar,
    /// Where the last one ends.
    pub to: Scalar,
    /// Values in each of [`HISTOGRAM_BINS`].
    pub counts: Vec<u64>,
    /// Values that are no finite number, which are in none.
    #[serde(skip_serializing_if = "crate::profile::is_zero")]
    pub not_finite: u64,
}

/// A value that comes often.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TopValue {
    /// The value; a text is cut at [`TOP_VALUE_BYTES_MAX`] bytes. What JSON has no number for is the text `NaN`, `inf` or `-inf`.
    pub value: Scalar,
    /// How often it comes.
    pub count: u64,
}

/// The longest text of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Longest {
    /// Its bytes, as UTF-8.
    pub bytes: u64,
    /// Its first [`TEXT_EXTREME_BYTES_MAX`](crate::TEXT_EXTREME_BYTES_MAX) bytes.
    pub text: String,
}

/// How many rows have so many fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FieldCount {
    /// Fields.
    pub fields: usize,
    /// Rows.
    pub rows: u64,
}
