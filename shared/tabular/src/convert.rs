//! The second pass: rows -> Parquet, row group by row group, and the profile.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use arrow_schema::{Field, Schema};

use crate::codec::Compressor;
use crate::column::Builder;
use crate::evidence::Evidence;
use crate::frame::{Frame, Header};
use crate::layout::Layout;
use crate::limits::{
    CHUNK_METADATA_BYTES, Limits, PAGE_METADATA_BYTES, PAGE_ROWS_MAX, ROW_GROUP_ROWS_MAX,
};
use crate::output::Output;
use crate::profile::{ColumnProfile, FoundDialect, Profile, RejectReason, Rejects};
use crate::reader::Reader;
use crate::refusal::Refusal;
use crate::row::{Cell, Row, values};
use crate::source::Source;
use crate::survey::Plan;
use crate::told::Told;

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
        let layout = &plan.layout;
        Ok(Self {
            source: Source::new(layout.limits, &layout.options),
            rows: layout.reader(),
            table: Table::new(layout, None)?,
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
        source.push(bytes, &mut |piece| {
            rows.push(piece, &mut |row| table.take(row))
        })
    }

    /// The next bytes of the Parquet file, to be written in this order; empty while none is complete. What is not
    /// taken is kept in memory: call it after each push.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        self.table.take_output()
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
        let fingerprint =
            source.finish(&mut |piece| rows.push(piece, &mut |row| table.take(row)))?;
        rows.finish(&mut |row| table.take(row))?;
        if fingerprint != plan.fingerprint || table.counts() != (plan.rows, plan.rejects) {
            return Err(Refusal::SourceChanged);
        }
        let passes = Passes {
            passes: 2,
            bytes: fingerprint.bytes,
        };
        conclude(&plan.layout, (&source, &rows), table, passes)
    }
}

/// How a source was read.
pub(crate) struct Passes {
    pub(crate) passes: u8,
    pub(crate) bytes: u64,
}

/// Ends the file and describes it.
pub(crate) fn conclude(
    layout: &Layout,
    (source, rows): (&Source, &Reader),
    mut table: Table,
    passes: Passes,
) -> Result<Converted, Refusal> {
    let (rows_out, total_line) = (table.rows, table.total_line);
    let rejects = std::mem::take(&mut table.rejects);
    let (header_rows, blank_lines) = (table.head.len(), table.blank_lines);
    let (tail, parquet_bytes, columns) = table.close()?;
    let (dialect, frame) = (layout.dialect, layout.frame);
    let profile = Profile {
        rows: rows_out,
        rejects: rejects.total,
        skipped_lines: frame.first_line - 1,
        blank_lines: rows.blank_lines() + blank_lines,
        bytes: passes.bytes,
        text_bytes: source.text_bytes(),
        parquet_bytes,
        passes: passes.passes,
        format: rows.format(),
        delimiter: char::from(dialect.delimiter.unwrap_or(b',')),
        header: frame.header != Header::None,
        dialect: FoundDialect {
            delimiter: dialect.delimiter.map(char::from),
            quote: dialect.quote.map(char::from),
            backslash: dialect.backslash,
            blanks_before_quote: dialect.blanks,
            merged_delimiters: dialect.runs,
            bare_quotes: dialect.bare_quotes,
            spaced_delimiters: dialect.spaced,
            header: frame.header,
            first_line: frame.first_line,
            header_rows,
            end_line: (frame.end_line < u64::MAX).then_some(frame.end_line),
        },
        total_line,
        hints: layout.options.hints.clone(),
        encoding: source.encoding(),
        compression: source.compression(),
        columns,
        codec: Compressor::CODEC,
    };
    Ok(Converted {
        profile,
        rejects,
        tail,
    })
}

/// The key of a field's metadata that has the unit of its values.
const UNIT: &str = "unit";
/// What the first filled cell of a row that sums up begins with, in lower case.
const TOTALS: [&str; 6] = ["total", "sum", "grand total", "summe", "gesamt", "subtotal"];

/// Whether a row seems to sum up the others.
fn is_total(row: &Row<'_>) -> bool {
    let first = row.cells().find(|cell| !cell.raw.is_empty());
    first.is_some_and(|cell| {
        if !cell
            .raw
            .starts_with(|first: char| first.is_ascii_alphabetic())
        {
            return false;
        }
        let word = cell.raw.trim_end_matches([':', ' ']);
        word.len() <= 12 && TOTALS.iter().any(|total| word.eq_ignore_ascii_case(total))
    })
}

/// What becomes of the rows.
pub(crate) struct Table {
    limits: Limits,
    frame: Frame,
    /// Lines of the rows below the header.
    body: Range<u64>,
    /// The rows of the header.
    head: Vec<Vec<String>>,
    /// Columns whose types hints tell, and what these allow.
    typed: Vec<(usize, Evidence)>,
    nulls: BTreeSet<String>,
    metadata: Vec<(String, String)>,
    /// The line of the last row, where that sums up.
    total_line: Option<u64>,
    columns: Vec<Builder>,
    output: Output,
    /// Rows and bytes that wait for their pages.
    page_rows: usize,
    page_bytes: usize,
    /// Rows and bytes of the row group that are in pages.
    group_rows: usize,
    group_bytes: u64,
    /// Pages of a column.
    pages: u64,
    rows: u64,
    rejects: Rejects,
    /// Lines of delimiters alone that are no rows.
    blank_lines: u64,
}

impl Table {
    /// With what the columns allowed so far, where their types are a guess.
    pub(crate) fn new(layout: &Layout, evidence: Option<Vec<Evidence>>) -> Result<Self, Refusal> {
        let limits = layout.limits;
        let count = layout.columns.len();
        let bytes_max = limits.dictionary_bytes(count);
        let columns = layout.columns.iter().cloned();
        let told = Told::of(&layout.options.hints, layout.options.text);
        let mut columns: Vec<Builder> = columns
            .map(|column| Builder::new(column, told, bytes_max))
            .collect();
        for (column, evidence) in columns.iter_mut().zip(evidence.into_iter().flatten()) {
            column.check_by(evidence);
        }
        Ok(Self {
            limits,
            frame: layout.frame,
            body: 0..0,
            head: Vec::new(),
            typed: layout.typed.clone(),
            nulls: layout.options.hints.null_values.clone(),
            metadata: layout.options.metadata.clone(),
            total_line: None,
            output: Output::new(&schema(&columns), limits.dictionary_numbers(count))?,
            columns,
            page_rows: 0,
            page_bytes: 0,
            group_rows: 0,
            group_bytes: 0,
            pages: 0,
            rows: 0,
            rejects: Rejects::default(),
            blank_lines: 0,
        })
    }

    /// What is written and not yet taken.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        self.output.take()
    }

    /// Rows, and rejected lines.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.rows, self.rejects.total)
    }

    /// Rows, and rejected lines that do not fit them.
    pub(crate) fn misfits(&self) -> (u64, u64) {
        let beside = self.rejects.repeated_header + self.rejects.below_table + self.rejects.comment;
        (self.rows, self.rejects.total - beside)
    }

    /// The first of these, in words.
    pub(crate) fn first_reject(&self) -> Option<String> {
        let mut rejects = self.rejects.first.iter();
        rejects
            .find(|reject| !reject.reason.is_beside())
            .map(|reject| reject.detail.clone())
    }

    pub(crate) fn take(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        if !self.body.contains(&row.line) && !self.reaches(row) {
            return Ok(());
        }
        let columns = self.columns.len();
        if let Some(reason) = RejectReason::of(row, columns, (&self.frame, &self.head)) {
            if row.is_void() && !reason.is_beside() {
                self.blank_lines += row.lines;
            } else {
                self.rejects.add(row, reason, (columns, None));
            }
            return Ok(());
        }
        if !self.typed.is_empty() && self.is_broken(row) {
            return Ok(());
        }
        if self.nulls.is_empty() {
            for (column, cell) in self.columns.iter_mut().zip(row.cells()) {
                self.page_bytes += column.take(&cell)?;
            }
        } else {
            self.take_with_nulls(row)?;
        }
        for column in self.columns.iter_mut().skip(row.fields) {
            column.take(&Cell::ABSENT)?;
        }
        self.rows += 1;
        self.total_line = is_total(row).then_some(row.line);
        self.page_rows += 1;
        if self.page_rows >= PAGE_ROWS_MAX || self.page_bytes >= self.limits.pages_bytes {
            self.write_pages()?;
            let is_full = self.group_bytes >= self.limits.row_group_bytes as u64;
            if is_full || self.group_rows >= ROW_GROUP_ROWS_MAX {
                self.finish_row_group()?;
            }
        }
        Ok(())
    }

    /// Rejects a row with a cell that is not of the type that hints tell of its column.
    fn is_broken(&mut self, row: &Row<'_>) -> bool {
        let breaks = |(at, evidence): &&(usize, Evidence)| {
            let cell = row.cell(*at);
            cell.is_some_and(|cell| !cell.is_one_of(&self.nulls) && evidence.breaks(&cell))
        };
        let Some((at, _)) = self.typed.iter().find(breaks) else {
            return false;
        };
        let column = self.columns[*at].column();
        let broken = Some((column.name.as_str(), column.kind));
        let table = (self.columns.len(), broken);
        self.rejects.add(row, RejectReason::WrongType, table);
        true
    }

    /// Takes the cells of a row, of which some stand for null by hints.
    fn take_with_nulls(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        for (column, cell) in self.columns.iter_mut().zip(row.cells()) {
            self.page_bytes += if cell.is_one_of(&self.nulls) {
                column.take_null_word()
            } else {
                column.take(&cell)?
            };
        }
        Ok(())
    }

    /// Whether a row is below the header, and not above it or a part of it.
    #[cold]
    fn reaches(&mut self, row: &Row<'_>) -> bool {
        if row.line < self.frame.first_line {
            return false;
        }
        let is_first = self.head.is_empty() && self.frame.header != Header::None;
        if is_first || row.line <= self.frame.header_end {
            self.head.push(values(row));
            return false;
        }
        self.body = row.line..self.frame.end_line;
        true
    }

    fn write_pages(&mut self) -> Result<(), Refusal> {
        for (at, column) in self.columns.iter_mut().enumerate() {
            self.group_bytes += column.write_page(at, &mut self.output)?;
        }
        self.group_rows += self.page_rows;
        self.pages += 1;
        (self.page_rows, self.page_bytes) = (0, 0);
        Ok(())
    }

    fn finish_row_group(&mut self) -> Result<(), Refusal> {
        let buffers = self.columns.iter_mut().map(Builder::buffer);
        self.output.finish_row_group(buffers, self.group_rows)?;
        (self.group_rows, self.group_bytes) = (0, 0);
        let columns = self.columns.len();
        let chunks = self.output.row_groups() as u64 * CHUNK_METADATA_BYTES;
        let described = (chunks + self.pages * PAGE_METADATA_BYTES) * columns as u64;
        if described > self.limits.metadata_bytes_max {
            let rows = self.rows;
            return Err(Refusal::TooLargeForMemory { columns, rows });
        }
        Ok(())
    }

    /// Ends the file: its last bytes, how many it has in all, and the profiles of its columns.
    fn close(mut self) -> Result<(Vec<u8>, u64, Vec<ColumnProfile>), Refusal> {
        if self.page_rows > 0 {
            self.write_pages()?;
        }
        if self.group_rows > 0 {
            self.finish_row_group()?;
        }
        self.columns.iter_mut().for_each(Builder::settle);
        let (tail, bytes) = self.output.close(&schema(&self.columns), &self.metadata)?;
        let profiles = self.columns.into_iter().map(Builder::finish).collect();
        Ok((tail, bytes, profiles))
    }
}

/// The schema of the file, with the units of columns in their metadata.
fn schema(columns: &[Builder]) -> Schema {
    let field = |builder: &Builder| {
        let column = builder.column();
        let field = Field::new(&column.name, column.reading.data_type(), true);
        let unit = column
            .reading
            .unit()
            .map(|unit| (UNIT.to_owned(), unit.to_owned()));
        field.with_metadata(unit.into_iter().collect::<HashMap<_, _>>())
    };
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}
