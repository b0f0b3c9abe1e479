//! One column of the second pass: cells -> Arrow values and the column's profile.

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_array::builder::{BooleanBuilder, PrimitiveBuilder, StringBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Float64Type, Int64Type, TimestampMicrosecondType,
};
use arrow_schema::{DataType, TimeUnit};

use crate::cell;
use crate::limits::TEXT_EXTREME_BYTES_MAX;
use crate::profile::{ColumnProfile, Scalar, Sum};
use crate::refusal::Refusal;
use crate::rows::Cell;
use crate::survey::{Column, ColumnType};

const UTC: &str = "UTC";

/// How a type is kept in Arrow, and by it in Parquet.
pub(crate) fn data_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        ColumnType::TimestampUtc => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        ColumnType::Text => DataType::Utf8,
    }
}

/// What a value takes in memory before it is encoded, in bytes; of text, without its letters.
pub(crate) fn value_bytes(kind: ColumnType) -> usize {
    match kind {
        ColumnType::Boolean => 1,
        ColumnType::Date | ColumnType::Text => size_of::<i32>(),
        ColumnType::Int64 | ColumnType::Float64 => size_of::<i64>(),
        ColumnType::Timestamp | ColumnType::TimestampUtc => size_of::<i64>(),
    }
}

/// The smallest and largest value so far.
struct Extremes<T>(Option<(T, T)>);

impl<T: PartialOrd + Copy> Extremes<T> {
    fn take(&mut self, value: T) {
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
        builder: BooleanBuilder,
        extremes: Extremes<bool>,
    },
    Int64 {
        values: Primitives<Int64Type>,
        sum: i128,
    },
    Float64 {
        values: Primitives<Float64Type>,
        sum: Compensated,
    },
    Date(Primitives<Date32Type>),
    Timestamp {
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
        let timestamp = |utc| Values::Timestamp {
            values: Primitives::new(),
            utc,
            offsets: 0,
        };
        let values = match column.kind {
            ColumnType::Boolean => Values::Boolean {
                builder: BooleanBuilder::with_capacity(0),
                extremes: Extremes(None),
            },
            ColumnType::Int64 => Values::Int64 {
                values: Primitives::new(),
                sum: 0,
            },
            ColumnType::Float64 => Values::Float64 {
                values: Primitives::new(),
                sum: Compensated::default(),
            },
            ColumnType::Date => Values::Date(Primitives::new()),
            ColumnType::Timestamp => timestamp(false),
            ColumnType::TimestampUtc => timestamp(true),
            ColumnType::Text => Values::Text {
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
        if cell.raw.is_empty() || cell::is_null_token(trimmed) {
            self.null_tokens += 1;
            self.append_null();
            return Ok(0);
        }
        self.append_typed(trimmed).ok_or(Refusal::SourceChanged)?;
        self.count += 1;
        self.padded += u64::from(trimmed.len() != cell.raw.len());
        Ok(0)
    }

    /// The values since the last call.
    pub(crate) fn finish_array(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Boolean { builder, .. } => Arc::new(builder.finish()),
            Values::Int64 { values, .. } => Arc::new(values.builder.finish()),
            Values::Float64 { values, .. } => Arc::new(values.builder.finish()),
            Values::Date(values) => Arc::new(values.builder.finish()),
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
        let sum = match &self.values {
            Values::Int64 { sum, .. } if some => Some(Sum::Int(*sum)),
            Values::Float64 { sum, .. } if some => Some(Sum::Float(sum.total())),
            Values::Int64 { .. }
            | Values::Float64 { .. }
            | Values::Boolean { .. }
            | Values::Date(_) => None,
            Values::Timestamp { .. } | Values::Text { .. } => None,
        };
        let offsets = match &self.values {
            Values::Timestamp { offsets, .. } => *offsets,
            Values::Int64 { .. } | Values::Float64 { .. } | Values::Boolean { .. } => 0,
            Values::Date(_) | Values::Text { .. } => 0,
        };
        let count = self.count as f64;
        ColumnProfile {
            name: self.column.name,
            original_name: self.column.original_name,
            kind: self.column.kind,
            nulls: self.nulls,
            null_tokens: self.null_tokens,
            padded: self.padded,
            offsets,
            min,
            max,
            sum,
            mean: sum.map(|sum| match sum {
                Sum::Int(sum) => sum as f64 / count,
                Sum::Float(sum) => sum / count,
            }),
        }
    }

    fn append_null(&mut self) {
        self.nulls += 1;
        match &mut self.values {
            Values::Boolean { builder, .. } => builder.append_null(),
            Values::Int64 { values, .. } => values.builder.append_null(),
            Values::Float64 { values, .. } => values.builder.append_null(),
            Values::Date(values) => values.builder.append_null(),
            Values::Timestamp { values, .. } => values.builder.append_null(),
            Values::Text { builder, .. } => builder.append_null(),
        }
    }

    fn append_typed(&mut self, cell: &str) -> Option<()> {
        match &mut self.values {
            Values::Boolean { builder, extremes } => {
                let value = cell::boolean(cell)?;
                builder.append_value(value);
                extremes.take(value);
            }
            Values::Int64 { values, sum } => {
                let value = cell::int64(cell)?;
                values.take(value);
                *sum += i128::from(value);
            }
            Values::Float64 { values, sum } => {
                let value = cell::float64(cell)?;
                values.take(value);
                sum.add(value);
            }
            Values::Date(values) => values.take(cell::date(cell.as_bytes())?),
            Values::Timestamp {
                values,
                utc,
                offsets,
            } => {
                let moment = cell::timestamp(cell.as_bytes())?;
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
            Values::Date(values) => pair(values.extremes.0, |days| {
                Scalar::Text(cell::date_text(days))
            }),
            Values::Timestamp { values, utc, .. } => pair(values.extremes.0, |micros| {
                Scalar::Text(cell::timestamp_text(micros, *utc))
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
