//! What a conversion reports beside the Parquet file.

use serde::Serialize;

use crate::limits::{Compression, Encoding, REJECT_SAMPLE_BYTES_MAX, REJECTS_KEPT_MAX};
use crate::rows::Row;
use crate::survey::ColumnType;

/// `profile.json`: what is in the file, column by column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Profile {
    /// Rows of the Parquet file.
    pub rows: u64,
    /// Rows of the source that are not in it.
    pub rejects: u64,
    /// Empty lines of the source; they are neither.
    pub blank_lines: u64,
    /// Bytes of the source, as stored.
    pub bytes: u64,
    /// Bytes of its text, once decompressed.
    pub text_bytes: u64,
    /// Bytes of the Parquet file.
    pub parquet_bytes: u64,
    /// What stands between two cells.
    pub delimiter: char,
    /// Whether the first row named the columns.
    pub header: bool,
    /// How the text was written.
    pub encoding: Encoding,
    /// How the bytes were packed.
    pub compression: Compression,
    /// In the order of the file.
    pub columns: Vec<ColumnProfile>,
}

/// One column of a [`Profile`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnProfile {
    /// The name in the Parquet file.
    pub name: String,
    /// The name in the header, where it was empty or repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_name: Option<String>,
    /// The type.
    #[serde(rename = "type")]
    pub kind: ColumnType,
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
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// A value in JSON: dates and timestamps as ISO 8601 text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// Of a boolean column.
    Boolean(bool),
    /// Of an integer column.
    Int(i64),
    /// Of a column of doubles.
    Float(f64),
    /// Of any other column.
    Text(String),
}

/// A sum in JSON: a number.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Sum {
    /// Exact.
    Int(i128),
    /// Compensated (Neumaier). Null in JSON where it overflows.
    Float(f64),
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
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The line where it starts, from 1.
    pub line: u64,
    /// Why.
    pub reason: RejectReason,
    /// Why, in words.
    pub detail: String,
    /// Its beginning, at most [`REJECT_SAMPLE_BYTES_MAX`] bytes.
    pub sample: String,
}

impl Reject {
    /// Why a row cannot be in a table of so many columns, if it cannot.
    pub(crate) fn of(row: &Row<'_>, columns: usize) -> Option<Self> {
        if row.fields == columns && !row.faulty {
            return None;
        }
        let (line, fields) = (row.line, row.fields);
        let plural = if fields == 1 { "field" } else { "fields" };
        let (reason, detail) = if row.faulty {
            let detail = format!(
                "Line {line}: something follows a closing quote; a quote inside a quoted cell is doubled."
            );
            (RejectReason::TextAfterQuote, detail)
        } else {
            let detail = format!(
                "The row in line {line} has {fields} {plural}, the first row has {columns}."
            );
            let few = fields < columns;
            (
                if few {
                    RejectReason::TooFewFields
                } else {
                    RejectReason::TooManyFields
                },
                detail,
            )
        };
        let end = row.text.floor_char_boundary(REJECT_SAMPLE_BYTES_MAX);
        Some(Self {
            line,
            reason,
            detail,
            sample: row.text[..end].to_owned(),
        })
    }
}

/// `rejects.json`: how many rows were rejected and why, with the first [`REJECTS_KEPT_MAX`] of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Rejects {
    /// All rejected rows.
    pub total: u64,
    /// Of these, rows with fewer fields than columns.
    pub too_few_fields: u64,
    /// Of these, rows with more fields than columns.
    pub too_many_fields: u64,
    /// Of these, rows where something follows a closing quote.
    pub text_after_quote: u64,
    /// The first ones.
    pub first: Vec<Reject>,
}

impl Rejects {
    pub(crate) fn add(&mut self, reject: Reject) {
        self.total += 1;
        *match reject.reason {
            RejectReason::TooFewFields => &mut self.too_few_fields,
            RejectReason::TooManyFields => &mut self.too_many_fields,
            RejectReason::TextAfterQuote => &mut self.text_after_quote,
        } += 1;
        if self.first.len() < REJECTS_KEPT_MAX {
            self.first.push(reject);
        }
    }
}
