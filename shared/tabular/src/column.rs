//! One column of the second pass: cells -> Arrow values and the column's profile.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float64Type, Int64Type, Time64MicrosecondType,
    TimestampMicrosecondType,
};

use crate::cell::{self, BooleanWords};
use crate::limits::TEXT_EXTREME_BYTES_MAX;
use crate::moment::{self, DateOrder};
use crate::number;
use crate::profile::{ColumnProfile, Scalar, Sum};
use crate::reading::{Decimal, Reading, UTC};
use crate::refusal::Refusal;
use crate::row::Cell;
use crate::survey::Column;

/// The smallest and largest value so far.
struct Extremes<T>(Option<(T, T)>);

impl<T: PartialOrd + Copy> Extremes<T> {
    fn take(&mut self, value: T) {
        // What is not equal to itself (not a number) has no place in an order.
        #[expect(clippy::eq_op, reason = "only NaN differs from itself")]
        if value != value {
            return;
        }
        match &mut self.0 {
            None => self.0 = Some((value, value)),
            Some((min, _)) if value < *min => *min = value,
            Some((_, max)) if value > *max => *max = value,
            Some(_) => {}
        }
    }
}

/// Values of a primitive type.
struct Primitives<T: ArrowPrimitiveType> {
    builder: PrimitiveBuilder<T>,
    extremes: Extremes<T::Native>,
}

impl<T: ArrowPrimitiveType> Primitives<T>
where
    T::Native: PartialOrd,
{
    fn new() -> Self {
        Self {
            builder: PrimitiveBuilder::with_capacity(0),
            extremes: Extremes(None),
        }
    }

    /// Of a type with parameters.
    fn of(reading: Reading) -> Self {
        let values = Self::new();
        Self {
            builder: values.builder.with_data_type(reading.data_type()),
            ..values
        }
    }

    fn take(&mut self, value: T::Native) {
        self.builder.append_value(value);
        self.extremes.take(value);
    }
}

/// A sum of doubles that keeps what rounding drops (Neumaier).
#[derive(Default)]
struct Compensated {
    sum: f64,
    dropped: f64,
}

impl Compensated {
    fn add(&mut self, value: f64) {
        let sum = self.sum + value;
        self.dropped += if self.sum.abs() >= value.abs() {
            (self.sum - sum) + value
        } else {
            (value - sum) + self.sum
        };
        self.sum = sum;
    }

    fn total(&self) -> f64 {
        self.sum + self.dropped
    }
}

enum Values {
    Boolean {
        words: BooleanWords,
        builder: BooleanBuilder,
        extremes: Extremes<bool>,
    },
    Int64 {
        values: Primitives<Int64Type>,
        sum: i128,
    },
    Decimal {
        decimal: Decimal,
        values: Primitives<Decimal128Type>,
        /// `None` once it is out of range.
        sum: Option<i128>,
    },
    Float64 {
        values: Primitives<Float64Type>,
        sum: Compensated,
    },
    Date {
        order: DateOrder,
        values: Primitives<Date32Type>,
    },
    Time(Primitives<Time64MicrosecondType>),
    Timestamp {
        order: DateOrder,
        values: Primitives<TimestampMicrosecondType>,
        utc: bool,
        offsets: u64,
    },
    Text {
        builder: StringBuilder,
        extremes: Option<(String, String)>,
    },
}

/// A column being converted.
pub(crate) struct Builder {
    column: Column,
    values: Values,
    count: u64,
    nulls: u64,
    null_tokens: u64,
    padded: u64,
}

impl Builder {
    pub(crate) fn new(column: Column) -> Self {
        let values = match column.reading {
            Reading::Boolean(words) => Values::Boolean {
                words,
                builder: BooleanBuilder::with_capacity(0),
                extremes: Extremes(None),
            },
            Reading::Int64 => Values::Int64 {
                values: Primitives::new(),
                sum: 0,
            },
            Reading::Decimal(decimal) => Values::Decimal {
                decimal,
                values: Primitives::of(column.reading),
                sum: Some(0),
            },
            Reading::Float64 => Values::Float64 {
                values: Primitives::new(),
                sum: Compensated::default(),
            },
            Reading::Date(order) => Values::Date {
                order,
                values: Primitives::new(),
            },
            Reading::Time => Values::Time(Primitives::new()),
            Reading::Timestamp { order, utc } => Values::Timestamp {
                order,
                values: Primitives::new(),
                utc,
                offsets: 0,
            },
            Reading::Text => Values::Text {
                builder: StringBuilder::with_capacity(0, 0),
                extremes: None,
            },
        };
        Self {
            column,
            values,
            count: 0,
            nulls: 0,
            null_tokens: 0,
            padded: 0,
        }
    }

    /// Appends a cell, and says how many letters of text are kept. A cell that the column's type does not hold was
    /// not there in the first pass.
    pub(crate) fn take(&mut self, cell: &Cell<'_>) -> Result<usize, Refusal> {
        if cell.is_absent() {
            self.append_null();
            return Ok(0);
        }
        if let Values::Text { builder, extremes } = &mut self.values {
            let value = cell.value();
            builder.append_value(&value);
            self.count += 1;
            take_extremes(extremes, &value);
            return Ok(value.len());
        }
        let trimmed = cell::trim(cell.raw);
        let is_nan = matches!(self.values, Values::Float64 { .. }) && number::is_nan(trimmed);
        if cell.raw.is_empty() || (cell::is_null_token(trimmed) && !is_nan) {
            self.null_tokens += 1;
            self.append_null();
            return Ok(0);
        }
        self.append_typed(trimmed).ok_or(Refusal::SourceChanged)?;
        self.count += u64::from(!is_nan);
        self.padded += u64::from(trimmed.len() != cell.raw.len());
        Ok(0)
    }

    /// The values since the last call.
    pub(crate) fn finish_array(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Boolean { builder, .. } => Arc::new(builder.finish()),
            Values::Int64 { values, .. } => Arc::new(values.builder.finish()),
            Values::Decimal { values, .. } => Arc::new(values.builder.finish()),
            Values::Float64 { values, .. } => Arc::new(values.builder.finish()),
            Values::Date { values, .. } => Arc::new(values.builder.finish()),
            Values::Time(values) => Arc::new(values.builder.finish()),
            Values::Timestamp {
                values, utc: false, ..
            } => Arc::new(values.builder.finish()),
            Values::Timestamp {
                values, utc: true, ..
            } => Arc::new(values.builder.finish().with_timezone(UTC)),
            Values::Text { builder, .. } => Arc::new(builder.finish()),
        }
    }

    pub(crate) fn finish(self) -> ColumnProfile {
        let some = self.count > 0;
        let (min, max) = self.extremes();
        let count = self.count as f64;
        let (sum, mean) = match &self.values {
            Values::Int64 { sum, .. } if some => (Some(Sum::Int(*sum)), Some(*sum as f64 / count)),
            Values::Float64 { sum, .. } if some => {
                (Some(Sum::Float(sum.total())), Some(sum.total() / count))
            }
            Values::Decimal { decimal, sum, .. } if some => {
                let text = sum.map(|sum| number::decimal_text(sum, decimal.scale));
                let mean = text
                    .as_deref()
                    .and_then(number::float64)
                    .map(|sum| sum / count);
                (text.map(Sum::Decimal), mean)
            }
            Values::Int64 { .. } | Values::Float64 { .. } | Values::Decimal { .. } => (None, None),
            Values::Boolean { .. } | Values::Date { .. } | Values::Time(_) => (None, None),
            Values::Timestamp { .. } | Values::Text { .. } => (None, None),
        };
        let offsets = match &self.values {
            Values::Timestamp { offsets, .. } => *offsets,
            Values::Int64 { .. } | Values::Float64 { .. } | Values::Decimal { .. } => 0,
            Values::Boolean { .. }
            | Values::Date { .. }
            | Values::Time(_)
            | Values::Text { .. } => 0,
        };
        let decimal = match self.column.reading {
            Reading::Decimal(decimal) => Some(decimal),
            Reading::Boolean(_) | Reading::Int64 | Reading::Float64 | Reading::Text => None,
            Reading::Date(_) | Reading::Time | Reading::Timestamp { .. } => None,
        };
        let date_order = match self.column.reading {
            Reading::Date(order) | Reading::Timestamp { order, .. } => Some(order),
            Reading::Boolean(_) | Reading::Int64 | Reading::Float64 | Reading::Text => None,
            Reading::Decimal(_) | Reading::Time => None,
        };
        ColumnProfile {
            name: self.column.name,
            original_name: self.column.original_name,
            kind: self.column.kind,
            precision: decimal.map(|decimal| decimal.precision),
            scale: decimal.map(|decimal| decimal.scale),
            number_format: decimal.map(|decimal| decimal.format),
            unit: decimal.and_then(|decimal| decimal.unit),
            date_order,
            nulls: self.nulls,
            null_tokens: self.null_tokens,
            padded: self.padded,
            offsets,
            min,
            max,
            sum,
            mean,
            warnings: self.column.warnings,
        }
    }

    fn append_null(&mut self) {
        self.nulls += 1;
        match &mut self.values {
            Values::Boolean { builder, .. } => builder.append_null(),
            Values::Int64 { values, .. } => values.builder.append_null(),
            Values::Decimal { values, .. } => values.builder.append_null(),
            Values::Float64 { values, .. } => values.builder.append_null(),
            Values::Date { values, .. } => values.builder.append_null(),
            Values::Time(values) => values.builder.append_null(),
            Values::Timestamp { values, .. } => values.builder.append_null(),
            Values::Text { builder, .. } => builder.append_null(),
        }
    }

    fn append_typed(&mut self, cell: &str) -> Option<()> {
        match &mut self.values {
            Values::Boolean {
                words,
                builder,
                extremes,
            } => {
                let value = words.read(cell)?;
                builder.append_value(value);
                extremes.take(value);
            }
            Values::Int64 { values, sum } => {
                let value = number::int64(cell)?;
                values.take(value);
                *sum += i128::from(value);
            }
            Values::Decimal {
                decimal,
                values,
                sum,
            } => {
                let number = match decimal.unit {
                    Some(_) => cell::split_unit(cell)?.0,
                    None => cell,
                };
                let value = number::decimal(number, decimal.format, decimal.scale)?;
                values.take(value);
                *sum = sum.and_then(|sum| sum.checked_add(value));
            }
            Values::Float64 { values, sum } => {
                let value = number::float64(cell.strip_prefix('+').unwrap_or(cell))?;
                values.take(value);
                // What is not a number has no part in sum and mean.
                if !value.is_nan() {
                    sum.add(value);
                }
            }
            Values::Date { order, values } => values.take(moment::date(cell.as_bytes(), *order)?),
            Values::Time(values) => values.take(moment::time(cell.as_bytes())?),
            Values::Timestamp {
                order,
                values,
                utc,
                offsets,
            } => {
                let moment = moment::timestamp(cell.as_bytes(), *order)?;
                if moment.offset_s.is_some() != *utc {
                    return None;
                }
                values.take(moment.micros);
                *offsets += u64::from(moment.offset_s.is_some_and(|offset_s| offset_s != 0));
            }
            Values::Text { builder, .. } => builder.append_value(cell),
        }
        Some(())
    }

    fn extremes(&self) -> (Option<Scalar>, Option<Scalar>) {
        match &self.values {
            Values::Boolean { extremes, .. } => pair(extremes.0, Scalar::Boolean),
            Values::Int64 { values, .. } => pair(values.extremes.0, Scalar::Int),
            Values::Float64 { values, .. } => pair(values.extremes.0, Scalar::Float),
            Values::Decimal {
                decimal, values, ..
            } => pair(values.extremes.0, |value| {
                Scalar::Text(number::decimal_text(value, decimal.scale))
            }),
            Values::Date { values, .. } => pair(values.extremes.0, |days| {
                Scalar::Text(moment::date_text(days))
            }),
            Values::Time(values) => pair(values.extremes.0, |micros| {
                Scalar::Text(moment::time_text(micros))
            }),
            Values::Timestamp { values, utc, .. } => pair(values.extremes.0, |micros| {
                Scalar::Text(moment::timestamp_text(micros, *utc))
            }),
            Values::Text { extremes, .. } => pair(extremes.clone(), Scalar::Text),
        }
    }
}

fn pair<T>(
    extremes: Option<(T, T)>,
    scalar: impl Fn(T) -> Scalar,
) -> (Option<Scalar>, Option<Scalar>) {
    extremes
        .map(|(min, max)| (scalar(min), scalar(max)))
        .unzip()
}

fn take_extremes(extremes: &mut Option<(String, String)>, value: &str) {
    let value = &value[..value.floor_char_boundary(TEXT_EXTREME_BYTES_MAX)];
    match extremes {
        None => *extremes = Some((value.to_owned(), value.to_owned())),
        Some((min, _)) if value < min.as_str() => value.clone_into(min),
        Some((_, max)) if value > max.as_str() => value.clone_into(max),
        Some(_) => {}
    }
}
