//! The second pass: rows -> Parquet, row group by row group, and the profile.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::dialect::frame::{Frame, Header};
use crate::input::source::Source;
use crate::layout::Layout;
use crate::parsing::reader::{Format, Reader};
use crate::parsing::row::{Cell, Row, values};
use crate::profile::first_rows::FirstRows;
use crate::profile::summary::FieldCount;
use crate::profile::{FoundDialect, PROFILE_SCHEMA_VERSION, Profile, RejectReason, Rejects};
use crate::refusal::Refusal;
use crate::survey::Plan;
use crate::types::evidence::Evidence;
use crate::types::told::Told;
use crate::writing::codec::Compressor;
use crate::writing::column::Builder;
use crate::writing::pages::Pages;
use crate::writing::rejected::Rejected;

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
    /// The end of the Parquet file of rejects: what [`Converter::take_rejects`] has not handed out. Empty where none was
    /// wanted ([`Options::rejects`](crate::Options::rejects)), or no row was rejected.
    pub rejects_tail: Vec<u8>,
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

    /// Does a part of what is left when the last byte was pushed, as [`OnePass::advance`](crate::OnePass::advance); `false` where
    /// [`finish`](Self::finish) may follow. Take the output after each call.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn advance(&mut self) -> Result<bool, Refusal> {
        let Self {
            source,
            rows,
            table,
            ..
        } = self;
        source.step(&mut |piece| rows.push(piece, &mut |row| table.take(row)))
    }

    /// The next bytes of the Parquet file, to be written in this order; empty while none is complete. What is not
    /// taken is kept in memory: call it after each push.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        self.table.take_output()
    }

    /// The next bytes of the Parquet file of rejects, likewise: its columns are `line`, `lines`, `offset`, `column`, `reason`
    /// and `text`.
    #[must_use]
    pub fn take_rejects(&mut self) -> Vec<u8> {
        self.table.take_rejects()
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
    let (rows_out, total_line) = (table.pages.rows, table.total_line);
    let rejects = std::mem::take(&mut table.rejects);
    let (header_rows, blank_lines) = (table.head.len(), table.blank_lines);
    let (header_lines, row_lines) = (table.head_lines, table.row_lines);
    let first_rows = std::mem::take(&mut table.first_rows).into_rows();
    let rows_by_fields = match rows.format() {
        Format::Delimited => std::mem::take(&mut table.fields).counts(),
        // Their rows have the cells that they have.
        Format::Json | Format::Workbook => Vec::new(),
    };
    let rejects_tail = table.rejected.map(Rejected::close).transpose()?;
    let closed = table.pages.close(&table.metadata)?;
    let (dialect, frame) = (layout.dialect, layout.frame);
    let profile = Profile {
        schema_version: PROFILE_SCHEMA_VERSION,
        rows: rows_out,
        rejects: rejects.total,
        lines: rows.lines(),
        header_lines,
        row_lines,
        skipped_lines: frame.first_line - 1,
        blank_lines: rows.blank_lines() + blank_lines,
        bytes: passes.bytes,
        text_bytes: source.text_bytes(),
        parquet_bytes: closed.bytes,
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
        rows_by_fields,
        rejects_by_reason: rejects.by_reason(),
        first_rows,
        total_line,
        hints: layout.options.hints.clone(),
        encoding: source.encoding(),
        sheet: source.sheet().map(str::to_owned),
        compression: source.compression(),
        columns: closed.columns,
        codec: Compressor::CODEC,
    };
    Ok(Converted {
        profile,
        rejects,
        tail: closed.tail,
        rejects_tail: rejects_tail.unwrap_or_default(),
    })
}

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
    pages: Pages,
    /// Lines of the header, and of the rows.
    head_lines: u64,
    row_lines: u64,
    rejects: Rejects,
    /// All of them, where they are wanted.
    rejected: Option<Rejected>,
    /// Lines of delimiters alone that are no rows.
    blank_lines: u64,
    first_rows: FirstRows,
    fields: Fields,
}

/// Other numbers of fields that are counted.
const FIELD_COUNTS_MAX: usize = 16;

/// How many rows have so many fields.
#[derive(Default)]
struct Fields {
    /// As many as most rows have, as it seems from the first one.
    usual: (usize, u64),
    others: BTreeMap<usize, u64>,
}

impl Fields {
    #[inline]
    fn add(&mut self, fields: usize) {
        if fields == self.usual.0 {
            self.usual.1 += 1;
        } else {
            self.add_other(fields);
        }
    }

    #[cold]
    fn add_other(&mut self, fields: usize) {
        if self.usual.1 == 0 {
            self.usual = (fields, 1);
        } else if self.others.len() < FIELD_COUNTS_MAX || self.others.contains_key(&fields) {
            *self.others.entry(fields).or_default() += 1;
        }
    }

    /// The most frequent number first.
    fn counts(self) -> Vec<FieldCount> {
        let all = self.others.into_iter().chain([self.usual]);
        let mut all: Vec<FieldCount> = all
            .filter(|(_, rows)| *rows > 0)
            .map(|(fields, rows)| FieldCount { fields, rows })
            .collect();
        all.sort_by_key(|count| (Reverse(count.rows), count.fields));
        all
    }
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
        let nulls = &layout.options.hints.null_values;
        let mut pages = Pages::new(columns, limits)?
            .profiled()
            .with_nulls(nulls.clone());
        if layout.options.two_threads {
            pages = pages.with_helper()?;
        }
        Ok(Self {
            frame: layout.frame,
            body: 0..0,
            head: Vec::new(),
            typed: layout.typed.clone(),
            nulls: nulls.clone(),
            metadata: layout.options.metadata.clone(),
            total_line: None,
            pages,
            head_lines: 0,
            row_lines: 0,
            rejects: Rejects::default(),
            rejected: layout.options.rejects.then(|| Rejected::new(limits)),
            blank_lines: 0,
            first_rows: FirstRows::default(),
            fields: Fields::default(),
        })
    }

    /// Lets the columns take what waits, so that a guess is broken that is.
    pub(crate) fn settle(&mut self) -> Result<(), Refusal> {
        self.pages.take_batch()
    }

    /// What is written and not yet taken.
    pub(crate) fn take_output(&mut self) -> Vec<u8> {
        self.pages.take_output()
    }

    /// The same of the file of rejects.
    pub(crate) fn take_rejects(&mut self) -> Vec<u8> {
        let rejected = self.rejected.as_mut();
        rejected.map(Rejected::take_output).unwrap_or_default()
    }

    /// Rows, and rejected lines.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.pages.rows, self.rejects.total)
    }

    /// Lines of rows, and rejected lines that do not fit them.
    pub(crate) fn misfits(&self) -> (u64, u64) {
        let beside = self.rejects.repeated_header + self.rejects.below_table + self.rejects.comment;
        (self.row_lines, self.rejects.total - beside)
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
        let columns = self.pages.width();
        let is_long = self.pages.is_long(row.text.len());
        if is_long {
            self.pages.make_room(row.text.len())?;
        }
        if let Some(reason) = RejectReason::of(row, columns, (&self.frame, &self.head)) {
            if row.is_void() && !reason.is_beside() {
                self.blank_lines += row.lines;
                return Ok(());
            }
            if !reason.is_beside() {
                self.fields.add(row.fields);
            }
            return self.reject(row, reason, None);
        }
        self.fields.add(row.fields);
        if !self.typed.is_empty()
            && let Some(at) = self.breaking(row)
        {
            return self.reject(row, RejectReason::WrongType, Some(at));
        }
        if !self.first_rows.is_full() {
            self.first_rows.add(row, columns);
        }
        self.row_lines += row.lines;
        self.total_line = is_total(row).then_some(row.line);
        if is_long {
            self.take_long(row)
        } else {
            self.pages.add(row)
        }
    }

    /// Takes a row that gets room of its own.
    #[cold]
    fn take_long(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        self.pages.expect(row)?;
        let (pages, nulls) = (&mut self.pages, &self.nulls);
        for (column, cell) in pages.columns.iter_mut().zip(row.cells()) {
            let bytes = if cell.is_one_of(nulls) {
                column.take_null_word()
            } else {
                column.take(&cell)?
            };
            pages.page_bytes += bytes as u64;
        }
        for column in pages.columns.iter_mut().skip(row.fields) {
            column.take(&Cell::ABSENT)?;
        }
        pages.end_row()
    }

    /// Counts a rejected row, and keeps it: for its cell in this column, where it is for one.
    #[cold]
    fn reject(
        &mut self,
        row: &Row<'_>,
        reason: RejectReason,
        at: Option<usize>,
    ) -> Result<(), Refusal> {
        if at.is_some() {
            // The columns may be elsewhere.
            self.settle()?;
        }
        let column = at.map(|at| self.pages.columns[at].column());
        let name = column.map(|column| column.name.as_str());
        if let Some(rejected) = &mut self.rejected {
            rejected.add(row, reason, name)?;
        }
        let broken = column.map(|column| (column.name.as_str(), column.kind));
        let table = (self.pages.width(), broken);
        self.rejects.add(row, reason, table);
        Ok(())
    }

    /// The first column whose type, as hints tell it, does not hold its cell.
    fn breaking(&self, row: &Row<'_>) -> Option<usize> {
        let breaks = |(at, evidence): &&(usize, Evidence)| {
            let cell = row.cell(*at);
            cell.is_some_and(|cell| !cell.is_one_of(&self.nulls) && evidence.breaks(&cell))
        };
        self.typed.iter().find(breaks).map(|(at, _)| *at)
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
            self.head_lines += row.lines;
            return false;
        }
        self.body = row.line..self.frame.end_line;
        true
    }
}
