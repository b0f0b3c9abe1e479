//! One column on its way into the file: cells -> values that wait for their page, and the column's profile.

use parquet::errors::Result as Written;

use crate::layout::Column;
use crate::limits::TEXT_EXTREME_BYTES_MAX;
use crate::parsing::row::Cell;
use crate::profile::facts::{Facts, Room};
use crate::profile::findings::{Described, Findings};
use crate::profile::sample;
use crate::profile::{ColumnProfile, Scalar};
use crate::refusal::Refusal;
use crate::types::cell;
use crate::types::evidence::Evidence;
use crate::types::fast;
use crate::types::moment;
use crate::types::number::{self, NumberFormat};
use crate::types::reading::{Decimal, Reading};
use crate::types::told::Told;
use crate::writing::bounds::{self, Bound, Bounds};
use crate::writing::buffer::{Buffer, TextValues, Values};
use crate::writing::chunk::{Chunk, Scratch};
use crate::writing::output::INT64_DIGITS;
use consign_hints::DateOrder;

/// Which cells are read without a closer look.
#[derive(Clone, Copy)]
pub(super) enum Usual {
    Int64,
    /// With so many digits behind the point.
    Decimal(u8),
    Float64,
    Date,
    Timestamp,
    None,
}

impl Usual {
    fn of(reading: Reading, told: Told) -> Self {
        match reading {
            // `1.5` is no number then.
            Reading::Float64 if told.has_comma() => Self::None,
            Reading::Int64 => Self::Int64,
            Reading::Decimal(decimal)
                if decimal.precision <= INT64_DIGITS
                    && decimal.format == NumberFormat::Point
                    && decimal.unit.is_none() =>
            {
                Self::Decimal(decimal.scale)
            }
            Reading::Float64 => Self::Float64,
            Reading::Date(DateOrder::YearMonthDay) => Self::Date,
            Reading::Timestamp {
                order: DateOrder::YearMonthDay,
                utc: false,
            } => Self::Timestamp,
            Reading::Boolean(_) | Reading::Decimal(_) | Reading::Date(_) => Self::None,
            Reading::Time | Reading::Timestamp { .. } | Reading::Text => Self::None,
        }
    }
}

/// What became of a page that was written early.
#[derive(Clone, Copy, Default)]
pub(crate) struct Early {
    /// Bytes that waited.
    pub(crate) waiting: u64,
    /// Bytes of the page.
    pub(crate) written: u64,
}

/// Builds one column.
pub(crate) struct Builder {
    column: Column,
    pub(super) usual: Usual,
    pub(super) buffer: Buffer,
    /// What the cells allow, where the reading is a guess that they may break.
    pub(super) evidence: Option<Evidence>,
    pub(super) nulls: u64,
    null_tokens: u64,
    padded: u64,
    offsets: u64,
    /// What else the profile is to say, where there is one.
    facts: Option<Box<Facts>>,
    bounds: Option<Bounds>,
    /// What is written of it in this row group.
    chunk: Chunk,
    /// Bytes of its last page.
    page_bytes: u64,
}

impl Builder {
    /// Of one of several columns, whose dictionary may take so many bytes.
    pub(crate) fn new(column: Column, told: Told, dictionary_bytes_max: usize) -> Self {
        let values = match column.reading {
            Reading::Boolean(_) => Values::Bools(Vec::new()),
            Reading::Int64 | Reading::Date(_) => Values::Ints(Vec::new()),
            Reading::Time | Reading::Timestamp { .. } => Values::Ints(Vec::new()),
            Reading::Decimal(decimal) if decimal.precision <= INT64_DIGITS => {
                Values::Ints(Vec::new())
            }
            Reading::Decimal(_) => Values::Wides(Vec::new()),
            Reading::Float64 => Values::Floats(Vec::new()),
            Reading::Text => Values::Texts(TextValues::new(dictionary_bytes_max)),
        };
        Self {
            usual: Usual::of(column.reading, told),
            facts: None,
            column,
            buffer: Buffer::new(values),
            evidence: None,
            nulls: 0,
            null_tokens: 0,
            padded: 0,
            offsets: 0,
            bounds: None,
            chunk: Chunk::new(),
            page_bytes: 0,
        }
    }

    /// Takes the reading for a guess from cells that allow so much.
    pub(crate) fn check_by(&mut self, evidence: Evidence) {
        // What is text for good cannot be broken.
        self.evidence = Some(evidence).filter(|evidence| !evidence.is_text_for_good());
    }

    /// Whether the guess holds with another cell: every cell so far has the same reading, but for the digits of decimals,
    /// which are counted in the end.
    fn check(&mut self, cell: &Cell<'_>) -> Result<(), Refusal> {
        let Some(evidence) = &mut self.evidence else {
            return Ok(());
        };
        evidence.take(cell);
        if !evidence.reading().0.is_kept_like(self.column.reading) {
            return Err(Refusal::SourceChanged);
        }
        if evidence.is_text_for_good() {
            self.column.warnings = evidence.reading().1;
            self.evidence = None;
        }
        Ok(())
    }

    /// Ends a guess that held, once all is in pages.
    pub(crate) fn settle(&mut self) {
        let Some(evidence) = self.evidence.take() else {
            return;
        };
        let (reading, warnings) = evidence.reading();
        self.column.warnings = warnings;
        if let (Reading::Decimal(found), Reading::Decimal(kept)) =
            (reading, &mut self.column.reading)
        {
            kept.precision = found.precision;
            if let Some((Bound::Int(min), Bound::Int(max))) = self.bounds {
                let most = min.unsigned_abs().max(max.unsigned_abs());
                kept.precision = number::precision(most, kept.scale);
            }
        }
    }

    pub(crate) fn column(&self) -> &Column {
        &self.column
    }

    /// Finds out what a profile says.
    pub(crate) fn profile_by(&mut self, room: Room) {
        let facts = Facts::new(self.column.reading, &self.buffer.values, room);
        self.facts = Some(Box::new(facts));
    }

    /// What one row takes in the sample.
    pub(crate) fn sample_bytes(&self) -> usize {
        match self.buffer.values {
            Values::Bools(_) => 0,
            Values::Ints(_) | Values::Floats(_) => sample::NUMBER_BYTES,
            Values::Wides(_) => sample::WIDE_BYTES,
            Values::Texts(_) => sample::TEXT_BYTES,
        }
    }

    /// Appends a cell, and says how many bytes wait for it. A cell that the column's type does not hold was not there in the
    /// first pass.
    pub(crate) fn take(&mut self, cell: &Cell<'_>) -> Result<usize, Refusal> {
        if cell.is_absent() {
            self.append_null();
            return Ok(size_of::<u32>());
        }
        if !cell.literal && self.take_usual(cell.raw) {
            return Ok(size_of::<i64>());
        }
        if let (Values::Texts(values), None) = (&mut self.buffer.values, &self.evidence) {
            return Ok(values.push(cell));
        }
        self.take_closely(cell)
    }

    /// Appends null for a word that stands for it by hints.
    pub(crate) fn take_null_word(&mut self) -> usize {
        self.null_tokens += 1;
        self.append_null();
        size_of::<u32>()
    }

    /// Appends a cell that is not written as usual.
    #[cold]
    #[inline(never)]
    fn take_closely(&mut self, cell: &Cell<'_>) -> Result<usize, Refusal> {
        self.check(cell)?;
        if let Values::Texts(values) = &mut self.buffer.values {
            return Ok(values.push(cell));
        }
        let trimmed = cell::trim(cell.raw);
        let is_nan = matches!(self.buffer.values, Values::Floats(_)) && number::is_nan(trimmed);
        if cell.raw.is_empty() || (cell::is_null_token(trimmed) && !is_nan) {
            self.null_tokens += 1;
            self.append_null();
            return Ok(size_of::<u32>());
        }
        self.append_typed(trimmed).ok_or(Refusal::SourceChanged)?;
        self.padded += u64::from(trimmed.len() != cell.raw.len());
        Ok(self.column.reading.value_bytes())
    }

    /// Appends a cell of a type with values that is written as usual.
    #[inline]
    fn take_usual(&mut self, cell: &str) -> bool {
        let bytes = cell.as_bytes();
        match (&mut self.buffer.values, self.usual) {
            (Values::Ints(values), Usual::Int64) => push(values, fast::int64(bytes)),
            (Values::Ints(values), Usual::Decimal(scale)) => {
                push(values, fast::decimal(bytes, scale))
            }
            (Values::Floats(values), Usual::Float64) => push(values, fast::float64(bytes)),
            (Values::Ints(values), Usual::Date) => {
                push(values, bytes.try_into().ok().and_then(fast::date))
            }
            (Values::Ints(values), Usual::Timestamp) => push(values, fast::timestamp(bytes)),
            (
                Values::Bools(_)
                | Values::Ints(_)
                | Values::Floats(_)
                | Values::Wides(_)
                | Values::Texts(_),
                _,
            ) => false,
        }
    }

    fn append_null(&mut self) {
        self.nulls += 1;
        self.buffer.push_null();
    }

    fn append_typed(&mut self, cell: &str) -> Option<()> {
        match (&mut self.buffer.values, self.column.reading) {
            (Values::Bools(values), Reading::Boolean(words)) => values.push(words.read(cell)?),
            (Values::Ints(values), Reading::Int64) => values.push(number::int64(cell)?),
            (Values::Ints(values), Reading::Decimal(decimal)) => {
                values.push(i64::try_from(read_decimal(cell, decimal)?).ok()?);
            }
            (Values::Wides(values), Reading::Decimal(decimal)) => {
                values.push(read_decimal(cell, decimal)?);
            }
            (Values::Floats(values), _) => {
                values.push(number::float64(cell.strip_prefix('+').unwrap_or(cell))?);
            }
            (Values::Ints(values), Reading::Date(order)) => {
                values.push(moment::date(cell.as_bytes(), order)?.into());
            }
            (Values::Ints(values), Reading::Time) => values.push(moment::time(cell.as_bytes())?),
            (Values::Ints(values), Reading::Timestamp { order, utc }) => {
                let moment = moment::timestamp(cell.as_bytes(), order)?;
                if moment.offset_s.is_some() != utc {
                    return None;
                }
                values.push(moment.micros);
                self.offsets += u64::from(moment.offset_s.is_some_and(|offset_s| offset_s != 0));
            }
            // Texts were taken as they are; the reading decides the values.
            (Values::Bools(_) | Values::Ints(_) | Values::Wides(_) | Values::Texts(_), _) => {
                return None;
            }
        }
        Some(())
    }

    /// Writes long texts that wait as a page, where they are as many as is worth one, before the other columns write theirs: so
    /// that neither memory nor one of two threads waits for them.
    pub(crate) fn write_early(
        &mut self,
        scratch: &mut Scratch,
        bytes_max: usize,
    ) -> Written<Early> {
        let waiting = self.buffer.plain_bytes();
        if waiting < bytes_max {
            return Ok(Early::default());
        }
        Ok(Early {
            waiting: waiting as u64,
            written: self.write_page(scratch)?,
        })
    }

    /// Writes what waits as a page, if anything does, and says how many bytes it takes.
    pub(crate) fn write_page(&mut self, scratch: &mut Scratch) -> Written<u64> {
        if self.buffer.rows() == 0 {
            return Ok(0);
        }
        let (bounds, nans) = bounds::of(&self.buffer);
        if let Some(facts) = &mut self.facts {
            facts.add(&self.buffer, bounds.as_ref());
        }
        if let Some(bounds) = bounds.clone() {
            bounds::join(&mut self.bounds, bounds);
        }
        let Self { chunk, buffer, .. } = self;
        self.page_bytes = chunk.write(buffer, (bounds, nans), scratch)?;
        Ok(self.page_bytes)
    }

    /// Bytes of the last page.
    pub(crate) fn page_bytes(&self) -> u64 {
        self.page_bytes
    }

    /// What a row group is ended with.
    pub(crate) fn chunk(&mut self) -> (&mut Chunk, &mut Buffer) {
        (&mut self.chunk, &mut self.buffer)
    }

    /// Begins a row group.
    pub(crate) fn begin_row_group(&mut self) {
        if let Some(facts) = &mut self.facts {
            facts.begin_row_group();
        }
    }

    /// The values that wait.
    pub(crate) fn buffer(&mut self) -> &mut Buffer {
        &mut self.buffer
    }

    /// The profile, once all is in pages.
    pub(crate) fn finish(self) -> ColumnProfile {
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
        let (min, max) = self.extremes();
        let facts = self.facts.as_ref();
        let totals = facts.map(|facts| facts.sums.totals(decimal));
        let totals = totals.unwrap_or_default();
        let findings = self.findings();
        let mut warnings = self.column.warnings;
        warnings.extend(findings.warnings);
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
            offsets: self.offsets,
            min,
            max,
            sum: totals.sum,
            mean: totals.mean,
            standard_deviation: totals.deviation,
            distinct: findings.distinct,
            sampled_rows: findings.sampled_rows,
            quantiles: findings.quantiles.map(Box::new),
            histogram: findings.histogram.map(Box::new),
            top_values: findings.top_values,
            empty_texts: findings.empty_texts,
            longest: findings.longest,
            formula_cells: findings.formula_cells,
            warnings,
        }
    }

    fn findings(&self) -> Findings {
        let Some(facts) = &self.facts else {
            return Findings::default();
        };
        facts.findings(&Described {
            column: &self.column,
            nulls: self.nulls,
            bounds: self.bounds.as_ref(),
            shown: &|bound| self.scalar(bound),
        })
    }

    fn extremes(&self) -> (Option<Scalar>, Option<Scalar>) {
        let scalar = |bound: &Bound| self.scalar(bound);
        let bounds = self.bounds.as_ref();
        bounds.map(|(min, max)| (scalar(min), scalar(max))).unzip()
    }

    fn scalar(&self, bound: &Bound) -> Scalar {
        match (bound, self.column.reading) {
            (Bound::Bool(value), _) => Scalar::Boolean(*value),
            (Bound::Float(value), _) => Scalar::Float(*value),
            (Bound::Int(value), Reading::Decimal(decimal)) => {
                Scalar::Text(number::decimal_text((*value).into(), decimal.scale))
            }
            (Bound::Wide(value), Reading::Decimal(decimal)) => {
                Scalar::Text(number::decimal_text(*value, decimal.scale))
            }
            (Bound::Int(days), Reading::Date(_)) => {
                let days = i32::try_from(*days).unwrap_or(i32::MAX);
                Scalar::Text(moment::date_text(days))
            }
            (Bound::Int(micros), Reading::Time) => Scalar::Text(moment::time_text(*micros)),
            (Bound::Int(micros), Reading::Timestamp { utc, .. }) => {
                Scalar::Text(moment::timestamp_text(*micros, utc))
            }
            (Bound::Int(value), _) => Scalar::Int(*value),
            (Bound::Wide(value), _) => Scalar::Text(value.to_string()),
            (Bound::Text(text), _) => {
                let end = text.floor_char_boundary(TEXT_EXTREME_BYTES_MAX);
                Scalar::Text(text[..end].to_owned())
            }
        }
    }
}

/// Appends a value where there is one.
#[inline]
fn push<T>(values: &mut Vec<T>, value: Option<T>) -> bool {
    match value {
        Some(value) => {
            values.push(value);
            true
        }
        None => false,
    }
}

fn read_decimal(cell: &str, decimal: Decimal) -> Option<i128> {
    let number = match decimal.unit {
        Some(_) => cell::split_unit(cell)?.0,
        None => cell,
    };
    number::decimal(number, decimal.format, decimal.scale)
}
