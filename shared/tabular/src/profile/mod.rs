//! What a conversion reports beside the Parquet file.

pub(crate) mod counted;
pub(crate) mod distribution;
pub(crate) mod facts;
pub(crate) mod findings;
pub(crate) mod first_rows;
pub(crate) mod formula;
pub(crate) mod picks;
pub(crate) mod sample;
#[cfg(feature = "schema")]
pub(crate) mod schema;
pub(crate) mod summary;
pub(crate) mod sums;
pub(crate) mod value;
pub(crate) mod warned;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dialect::frame::{Frame, Header};
use crate::limits::{Compression, Encoding, REJECT_SAMPLE_BYTES_MAX, REJECTS_KEPT_MAX};
use crate::parsing::reader::Format;
use crate::parsing::row::Row;
use crate::profile::summary::{Distinct, FieldCount, Histogram, Longest, Quantiles, TopValue};
pub use crate::profile::value::{Scalar, Sum};
use crate::types::number::NumberFormat;
use crate::writing::codec::Codec;
use consign_hints::ColumnType;
use consign_hints::DateOrder;
use consign_hints::Hints;

/// The version of `profile.json`. It grows where a field changes its meaning or goes; new fields may come in any version.
pub const PROFILE_SCHEMA_VERSION: u32 = 1;

/// `profile.json`: what is in the file, column by column.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Profile {
    /// [`PROFILE_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Rows of the Parquet file.
    pub rows: u64,
    /// Lines of the source whose rows are not in it.
    pub rejects: u64,
    /// Lines of the source. Of delimited text they are the skipped lines, those of the header and of the rows, the rejected
    /// and the blank ones together.
    pub lines: u64,
    /// Lines of the header.
    pub header_lines: u64,
    /// Lines of the rows of the Parquet file.
    pub row_lines: u64,
    /// Lines above the table: comments, titles and notes.
    pub skipped_lines: u64,
    /// Empty lines below those, also of delimiters alone that are no row by their number; they are neither.
    pub blank_lines: u64,
    /// Bytes of the source, as stored.
    pub bytes: u64,
    /// Bytes of its text, once decompressed.
    pub text_bytes: u64,
    /// Bytes of the Parquet file.
    pub parquet_bytes: u64,
    /// How often the source was read: twice where a cell further down was not of the type that the beginning let expect, or
    /// where the caller surveys every source before it converts.
    pub passes: u8,
    /// What the text is.
    pub format: Format,
    /// What stands between two cells.
    pub delimiter: char,
    /// Whether the first row named the columns.
    pub header: bool,
    /// How the text is divided into cells, as it was found out.
    pub dialect: FoundDialect,
    /// What the sender said of the file.
    #[serde(skip_serializing_if = "Hints::is_empty")]
    pub hints: Hints,
    /// How the text was written.
    pub encoding: Encoding,
    /// The sheet of a workbook that was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// How the bytes were packed.
    pub compression: Compression,
    /// How the pages of the Parquet file are compressed.
    pub codec: Codec,
    /// How many rows of delimited text have so many fields, rejected ones included: what speaks for the dialect. The most frequent
    /// number comes first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows_by_fields: Vec<FieldCount>,
    /// Rejected lines by the reason; only reasons that there are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rejects_by_reason: BTreeMap<&'static str, u64>,
    /// The first [`FIRST_ROWS_MAX`](crate::FIRST_ROWS_MAX) rows of the Parquet file, with their cells as they are written in the
    /// source; null where a cell is empty. Cells are cut at [`FIRST_CELL_BYTES_MAX`](crate::FIRST_CELL_BYTES_MAX) bytes, and rows
    /// beyond 64 KiB are left out.
    pub first_rows: Vec<Vec<Option<String>>>,
    /// The line of a last row that sums up the others (`Total`, …). It is a row of the table all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_line: Option<u64>,
    /// In the order of the file.
    pub columns: Vec<ColumnProfile>,
}

/// How a text is divided into cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FoundDialect {
    /// What stands between two cells; `None` where each row is one cell.
    pub delimiter: Option<char>,
    /// What a quoted cell begins and ends with; `None` where quotes are letters.
    pub quote: Option<char>,
    /// Whether a backslash in a quoted cell takes the meaning from the letter behind it.
    pub backslash: bool,
    /// Whether blanks between a delimiter and a quote are no part of a cell.
    pub blanks_before_quote: bool,
    /// Whether delimiters in a row count as one: the columns are aligned with blanks.
    pub merged_delimiters: bool,
    /// Whether quotes in quoted cells are written as they are, and only one before a delimiter or a line end closes a cell.
    pub bare_quotes: bool,
    /// Whether blanks behind a delimiter are a part of it.
    pub spaced_delimiters: bool,
    /// What the first row of the table is.
    pub header: Header,
    /// The line where the table begins, from 1.
    pub first_line: u64,
    /// Rows that name the columns, from that line on.
    pub header_rows: usize,
    /// The line below the table where notes or another table begin, which are rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u64>,
}

/// What the owner of a column should know of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Warning {
    /// Every cell can be read with a decimal comma and with a comma between thousands: it stays text.
    AmbiguousNumbers,
    /// Every cell can be read with the day first and with the month first: it stays text.
    AmbiguousDates,
    /// A spreadsheet would run some of the texts ([`ColumnProfile::formula_cells`]).
    FormulaCells,
    /// Every row has a value of its own, which looks like an identifier: its mean and its distribution say nothing.
    LikelyIdentifier,
    /// Each text is a number, a date, a time or a boolean, but no notation holds all of them. Where the values are sampled, each
    /// of the sample is.
    MixedNotations,
    /// The name and each text hold the same number of another delimiter: the column seems to be several.
    SuspectedDelimiter,
}

/// One column of a [`Profile`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ColumnProfile {
    /// The name in the Parquet file.
    pub name: String,
    /// The name in the header, where it was empty or repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_name: Option<String>,
    /// The type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Digits in all, of a decimal column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub precision: Option<u8>,
    /// Digits behind the point, of a decimal column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<u8>,
    /// How the decimals were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_format: Option<NumberFormat>,
    /// The sign that stood beside every number, such as `€` or `%`. It is no part of the values: `5 %` is 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'static str>,
    /// How the dates were written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_order: Option<DateOrder>,
    /// Nulls, of whatever origin.
    pub nulls: u64,
    /// Nulls that were written as a word (`NA`, `NULL`, …) or as a quoted empty cell. Zero in a text column, where
    /// both stay text.
    pub null_tokens: u64,
    /// Values with blanks around them, which a typed column drops. Zero in a text column.
    pub padded: u64,
    /// Moments that were given with an offset other than UTC, and are kept as the same moment in UTC.
    #[serde(skip_serializing_if = "is_zero")]
    pub offsets: u64,
    /// The smallest value; of text, the first [`TEXT_EXTREME_BYTES_MAX`](crate::TEXT_EXTREME_BYTES_MAX) bytes, by
    /// code point. Null where there is no value.
    pub min: Option<Scalar>,
    /// The largest value, likewise.
    pub max: Option<Scalar>,
    /// The sum of a numeric column with a value: exact of integers, compensated of doubles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum: Option<Sum>,
    /// The mean of a numeric column with a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<f64>,
    /// The standard deviation (of a sample: by n - 1) of a numeric column with two values, where it is finite.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standard_deviation: Option<f64>,
    /// How many different values there are; `None` where the columns are so many that they are not counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinct: Option<Distinct>,
    /// How many rows `quantiles`, `histogram` and `top_values` are of, where these are a sample: one row of each so many, chosen by
    /// its number. `None` where they are exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled_rows: Option<u64>,
    /// Of a column of numbers, dates or times with a value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<Box<Quantiles>>,
    /// Likewise, where a value is finite. It counts all values or, with `sampled_rows`, those of the sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histogram: Option<Box<Histogram>>,
    /// The ten most frequent values, the smaller of two that come as often first. Of a sample, those that come in it at least
    /// twice, with their counts there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top_values: Vec<TopValue>,
    /// Values of a text column that are empty texts.
    #[serde(skip_serializing_if = "is_zero")]
    pub empty_texts: u64,
    /// The longest value of a text column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub longest: Option<Longest>,
    /// Values of a text column that a spreadsheet would run: `=` before what a formula begins with, `+`, `-` and `@` before a
    /// function or a program, `+` and `-` before a name, also behind tabs and line ends.
    #[serde(skip_serializing_if = "is_zero")]
    pub formula_cells: u64,
    /// What its owner should know of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
pub(crate) fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// Why a row was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Fewer fields than columns.
    TooFewFields,
    /// More fields than columns.
    TooManyFields,
    /// Something follows a closing quote.
    TextAfterQuote,
    /// An object that is no valid JSON.
    BadJson,
    /// An object that names a key twice.
    DuplicateKey,
    /// The header again, as in files that were joined.
    RepeatedHeader,
    /// A row of what stands below the table that is read: notes, or another table.
    BelowTable,
    /// A comment (`#`) among the rows.
    Comment,
    /// A cell that is not of the type that hints tell of its column.
    WrongType,
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The line where it starts, from 1.
    pub line: u64,
    /// How many lines it takes.
    pub lines: u64,
    /// Where it starts, in bytes of the text as UTF-8, once decompressed.
    pub offset: u64,
    /// The column whose type does not hold its cell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Why.
    pub reason: RejectReason,
    /// Why, in words.
    pub detail: String,
    /// Its beginning, at most [`REJECT_SAMPLE_BYTES_MAX`] bytes.
    pub sample: String,
}

impl Reject {
    /// A row that is rejected from a table of so many columns; or for its cell in a column of this name, which is not of this
    /// type.
    pub(crate) fn of(
        row: &Row<'_>,
        reason: RejectReason,
        (columns, column): (usize, Option<(&str, ColumnType)>),
    ) -> Self {
        let (line, fields) = (row.line, row.fields);
        let plural = if fields == 1 { "field" } else { "fields" };
        let detail = match reason {
            RejectReason::BadJson => format!("The object in line {line} is no valid JSON."),
            RejectReason::DuplicateKey => {
                format!("The object in line {line} has a key twice; either value may be meant.")
            }
            RejectReason::Comment => format!("Line {line} is a comment."),
            RejectReason::RepeatedHeader => format!("Line {line} names the columns again."),
            RejectReason::WrongType => {
                let (name, kind) = column.unwrap_or(("", ColumnType::Text));
                // What has such zeros is rather a code than a number.
                let rule = if kind == ColumnType::Int64 {
                    ": digits without leading zeros, within 64 bits"
                } else {
                    ""
                };
                let kind = kind.name();
                format!("The row in line {line} has a value in {name} that is no {kind}{rule}.")
            }
            RejectReason::BelowTable => format!("Line {line} is below the table."),
            RejectReason::TextAfterQuote => format!(
                "Line {line}: something follows a closing quote; a quote inside a quoted cell is doubled."
            ),
            RejectReason::TooFewFields | RejectReason::TooManyFields => {
                format!("The row in line {line} has {fields} {plural}, the table has {columns}.")
            }
        };
        let end = row.text.floor_char_boundary(REJECT_SAMPLE_BYTES_MAX);
        Self {
            line,
            lines: row.lines,
            offset: row.offset,
            column: column.map(|(name, _)| name.to_owned()),
            reason,
            detail,
            sample: row.text[..end].to_owned(),
        }
    }
}

impl RejectReason {
    const ALL: [Self; 8] = [
        Self::TooFewFields,
        Self::TooManyFields,
        Self::TextAfterQuote,
        Self::BadJson,
        Self::RepeatedHeader,
        Self::BelowTable,
        Self::Comment,
        Self::WrongType,
    ];

    /// Its name in the files of rejects.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::TooFewFields => "too_few_fields",
            Self::TooManyFields => "too_many_fields",
            Self::TextAfterQuote => "text_after_quote",
            Self::BadJson => "bad_json",
            Self::DuplicateKey => "duplicate_key",
            Self::RepeatedHeader => "repeated_header",
            Self::BelowTable => "below_table",
            Self::Comment => "comment",
            Self::WrongType => "wrong_type",
        }
    }

    /// Why a row cannot be in a table of so many columns, if it cannot.
    #[inline]
    pub(crate) fn of(
        row: &Row<'_>,
        columns: usize,
        (frame, head): (&Frame, &[Vec<String>]),
    ) -> Option<Self> {
        if row.line >= frame.end_line {
            return Some(Self::BelowTable);
        }
        if !row.faulty && row.fits(columns, frame.short) {
            let is_header = frame.repeats && head.last().is_some_and(|head| row.says(head));
            return is_header.then_some(Self::RepeatedHeader);
        }
        Some(if row.repeats_key {
            Self::DuplicateKey
        } else if row.is_literal() {
            Self::BadJson
        } else if !row.dialect.typed && row.text.starts_with('#') {
            Self::Comment
        } else if row.faulty {
            Self::TextAfterQuote
        } else if row.fields < columns {
            Self::TooFewFields
        } else {
            Self::TooManyFields
        })
    }
}

impl RejectReason {
    /// Whether it says nothing against the table that is read.
    pub(crate) fn is_beside(self) -> bool {
        matches!(
            self,
            Self::RepeatedHeader | Self::BelowTable | Self::Comment
        )
    }
}

/// `rejects.json`: how many lines were rejected and why, with the first [`REJECTS_KEPT_MAX`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rejects {
    /// All lines of rejected rows.
    pub total: u64,
    /// Of these, lines of rows with fewer fields than columns.
    pub too_few_fields: u64,
    /// Of these, lines of rows with more fields than columns.
    pub too_many_fields: u64,
    /// Of these, lines of rows where something follows a closing quote.
    pub text_after_quote: u64,
    /// Of these, lines of objects that are no valid JSON.
    pub bad_json: u64,
    /// Of these, lines of objects that name a key twice.
    pub duplicate_key: u64,
    /// Of these, lines that name the columns again. They do not count where a file is refused for its rejects.
    pub repeated_header: u64,
    /// Of these, lines below the table. They do not count either.
    pub below_table: u64,
    /// Of these, comments among the rows. They do not count either.
    pub comment: u64,
    /// Of these, lines of rows with a cell that is not of the type that hints tell.
    pub wrong_type: u64,
    /// The first ones.
    pub first: Vec<Reject>,
}

impl Rejects {
    /// How many lines were rejected for each reason that there is.
    pub(crate) fn by_reason(&self) -> BTreeMap<&'static str, u64> {
        let counts = RejectReason::ALL.map(|reason| (reason.name(), self.of(reason)));
        counts.into_iter().filter(|(_, lines)| *lines > 0).collect()
    }

    fn of(&self, reason: RejectReason) -> u64 {
        match reason {
            RejectReason::TooFewFields => self.too_few_fields,
            RejectReason::TooManyFields => self.too_many_fields,
            RejectReason::TextAfterQuote => self.text_after_quote,
            RejectReason::BadJson => self.bad_json,
            RejectReason::RepeatedHeader => self.repeated_header,
            RejectReason::BelowTable => self.below_table,
            RejectReason::Comment => self.comment,
            RejectReason::WrongType => self.wrong_type,
            RejectReason::DuplicateKey => self.duplicate_key,
        }
    }

    /// Counts a row, and keeps it where it is one of the first.
    pub(crate) fn add(
        &mut self,
        row: &Row<'_>,
        reason: RejectReason,
        table: (usize, Option<(&str, ColumnType)>),
    ) {
        let lines = row.lines;
        self.total += lines;
        *match reason {
            RejectReason::TooFewFields => &mut self.too_few_fields,
            RejectReason::TooManyFields => &mut self.too_many_fields,
            RejectReason::TextAfterQuote => &mut self.text_after_quote,
            RejectReason::BadJson => &mut self.bad_json,
            RejectReason::DuplicateKey => &mut self.duplicate_key,
            RejectReason::RepeatedHeader => &mut self.repeated_header,
            RejectReason::BelowTable => &mut self.below_table,
            RejectReason::Comment => &mut self.comment,
            RejectReason::WrongType => &mut self.wrong_type,
        } += lines;
        if self.first.len() < REJECTS_KEPT_MAX {
            self.first.push(Reject::of(row, reason, table));
        }
    }
}
