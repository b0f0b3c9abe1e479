//! The second pass: rows -> Parquet, row group by row group, and the profile.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{Field, Schema};

use crate::column::Builder;
use crate::frame::{Frame, Header};
use crate::limits::{Limits, ROW_GROUP_ROWS_MAX};
use crate::output::Output;
use crate::profile::{FoundDialect, Profile, Reject, Rejects};
use crate::reader::Reader;
use crate::reading::Reading;
use crate::refusal::Refusal;
use crate::row::{Cell, Row};
use crate::source::Source;
use crate::survey::{Column, Plan};

/// The second pass: push the same bytes again, take the output as it grows, then [`finish`](Converter::finish). The
/// output is a Parquet file only when `finish` succeeds: write it where nobody reads it before. After a refusal the
/// converter is of no more use.
pub struct Converter {
    plan: Plan,
    source: Source,
    rows: Reader,
    table: Table,
}

/// What a conversion leaves.
#[derive(Debug)]
pub struct Converted {
    /// For `profile.json`.
    pub profile: Profile,
    /// For `rejects.json`; worth writing where `total` is not zero.
    pub rejects: Rejects,
    /// The end of the Parquet file: what [`Converter::take_output`] has not handed out.
    pub tail: Vec<u8>,
}

impl Converter {
    /// A conversion by the plan of a survey of the same source.
    ///
    /// # Errors
    /// [`Refusal::TooLargeForMemory`] or [`Refusal::Internal`].
    pub fn new(plan: Plan) -> Result<Self, Refusal> {
        Ok(Self {
            source: Source::new(plan.limits, plan.options.charset),
            rows: match &plan.keys {
                Some(keys) => Reader::json(plan.limits, Some(keys)),
                None => Reader::delimited(plan.dialect, plan.limits),
            },
            table: Table::new(&plan)?,
            plan,
        })
    }

    /// Takes the next bytes of the source, cut as the caller likes.
    ///
    /// # Errors
    /// [`Refusal::SourceChanged`] where the bytes cannot be those of the survey, or any other [`Refusal`] that such
    /// bytes earn.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let Self {
            source,
            rows,
            table,
            ..
        } = self;
        source.push(bytes, &mut |text| {
            rows.push(text, &mut |row| table.take(row))
        })
    }

    /// The next bytes of the Parquet file, to be written in this order; empty while none is complete. What is not
    /// taken is kept in memory: call it after each push.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        self.table.output.take()
    }

    /// Ends the source and the Parquet file.
    ///
    /// # Errors
    /// [`Refusal::SourceChanged`] where the two passes read different bytes.
    pub fn finish(self) -> Result<Converted, Refusal> {
        let Self {
            plan,
            mut source,
            mut rows,
            mut table,
        } = self;
        let fingerprint = source.finish(&mut |text| rows.push(text, &mut |row| table.take(row)))?;
        rows.finish(&mut |row| table.take(row))?;
        if fingerprint != plan.fingerprint || table.counts() != (plan.rows, plan.rejects) {
            return Err(Refusal::SourceChanged);
        }
        let (tail, parquet_bytes) = table.close()?;
        let profile = Profile {
            rows: table.rows,
            rejects: table.rejects.total,
            skipped_lines: plan.frame.first_line - 1,
            blank_lines: rows.blank_lines(),
            bytes: fingerprint.bytes,
            text_bytes: source.text_bytes(),
            parquet_bytes,
            format: rows.format(),
            delimiter: char::from(plan.dialect.delimiter.unwrap_or(b',')),
            header: plan.frame.header != Header::None,
            dialect: FoundDialect {
                delimiter: plan.dialect.delimiter.map(char::from),
                quote: plan.dialect.quote.map(char::from),
                backslash: plan.dialect.backslash,
                blanks_before_quote: plan.dialect.blanks,
                merged_delimiters: plan.dialect.runs,
                header: plan.frame.header,
                first_line: plan.frame.first_line,
            },
            total_line: table.total_line,
            encoding: plan.encoding,
            compression: plan.compression,
            columns: table.columns.into_iter().map(Builder::finish).collect(),
        };
        Ok(Converted {
            profile,
            rejects: table.rejects,
            tail,
        })
    }
}

/// The key of a field's metadata that has the unit of its values.
const UNIT: &str = "unit";
/// What the first filled cell of a row that sums up begins with, in lower case.
const TOTALS: [&str; 6] = ["total", "sum", "grand total", "summe", "gesamt", "subtotal"];

/// Whether a row seems to sum up the others.
fn is_total(row: &Row<'_>) -> bool {
    let first = row.cells().find(|cell| !cell.raw.is_empty());
    first.is_some_and(|cell| {
        let word = cell.raw.trim_end_matches([':', ' ']);
        word.len() <= 12 && TOTALS.iter().any(|total| word.eq_ignore_ascii_case(total))
    })
}

struct Table {
    limits: Limits,
    frame: Frame,
    skip_header: bool,
    /// The line of the last row, where that sums up.
    total_line: Option<u64>,
    columns: Vec<Builder>,
    output: Output,
    /// What a row takes in the builders, its text apart.
    row_bytes: usize,
    /// Rows and bytes that wait in the builders.
    group_rows: usize,
    group_bytes: usize,
    rows: u64,
    rejects: Rejects,
}

impl Table {
    fn new(plan: &Plan) -> Result<Self, Refusal> {
        let field = |column: &Column| {
            let field = Field::new(&column.name, column.reading.data_type(), true);
            match column.reading {
                Reading::Decimal(decimal) => field.with_metadata(
                    decimal
                        .unit
                        .map(|unit| (UNIT.to_owned(), unit.to_owned()))
                        .into_iter()
                        .collect::<HashMap<String, String>>(),
                ),
                Reading::Boolean(_) | Reading::Int64 | Reading::Float64 | Reading::Text => field,
                Reading::Date(_) | Reading::Time | Reading::Timestamp { .. } => field,
            }
        };
        let schema = Schema::new(plan.columns.iter().map(field).collect::<Vec<_>>());
        Ok(Self {
            limits: plan.limits,
            frame: plan.frame,
            skip_header: plan.frame.header != Header::None,
            total_line: None,
            columns: plan.columns.iter().cloned().map(Builder::new).collect(),
            output: Output::new(&Arc::new(schema), &plan.options.metadata)?,
            row_bytes: plan
                .columns
                .iter()
                .map(|column| column.reading.value_bytes())
                .sum(),
            group_rows: 0,
            group_bytes: 0,
            rows: 0,
            rejects: Rejects::default(),
        })
    }

    fn counts(&self) -> (u64, u64) {
        (self.rows, self.rejects.total)
    }

    fn take(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        if row.line < self.frame.first_line || std::mem::take(&mut self.skip_header) {
            return Ok(());
        }
        if let Some(reject) = Reject::of(row, self.columns.len(), self.frame.short) {
            self.rejects.add(reject);
            return Ok(());
        }
        self.group_bytes += self.row_bytes;
        for (column, cell) in self.columns.iter_mut().zip(row.cells()) {
            self.group_bytes += column.take(&cell)?;
        }
        for column in self.columns.iter_mut().skip(row.fields) {
            column.take(&Cell::ABSENT)?;
        }
        self.rows += 1;
        self.total_line = is_total(row).then_some(row.line);
        self.group_rows += 1;
        let limits = &self.limits;
        if self.group_rows >= ROW_GROUP_ROWS_MAX || self.group_bytes >= limits.row_group_bytes {
            self.write_row_group()?;
        }
        Ok(())
    }

    fn write_row_group(&mut self) -> Result<(), Refusal> {
        self.output
            .write_row_group(self.columns.iter_mut().map(Builder::finish_array))?;
        (self.group_rows, self.group_bytes) = (0, 0);
        let columns = self.columns.len();
        if (self.output.row_groups() * columns) as u64 > self.limits.chunks_max {
            let rows = self.rows;
            return Err(Refusal::TooLargeForMemory { columns, rows });
        }
        Ok(())
    }

    /// Ends the file: its last bytes, and how many it has in all.
    fn close(&mut self) -> Result<(Vec<u8>, u64), Refusal> {
        if self.group_rows > 0 {
            self.write_row_group()?;
        }
        Ok(self.output.close()?)
    }
}
