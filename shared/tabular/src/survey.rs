//! The first pass: what the file is, and which type holds every cell of each column.

use std::collections::HashSet;

use serde::Serialize;

use crate::cell::{self, Kinds};
use crate::limits::{COLUMN_NAME_BYTES_MAX, Compression, Encoding, Limits, Options, SAMPLE_BYTES};
use crate::profile::Reject;
use crate::refusal::Refusal;
use crate::rows::{Cell, Row, Rows};
use crate::sniff;
use crate::source::{Fingerprint, Source};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// `true` or `false`.
    Boolean,
    /// 64-bit integer.
    Int64,
    /// Double.
    Float64,
    /// Day without a time.
    Date,
    /// Microseconds on an unnamed clock.
    Timestamp,
    /// Microseconds in UTC; every cell names its offset.
    TimestampUtc,
    /// Anything, as it is.
    Text,
}

/// A column as the survey found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name in the Parquet file, unlike any other.
    pub name: String,
    /// The name in the header, where it had to be changed.
    pub original_name: Option<String>,
    /// The type that holds every cell.
    pub kind: ColumnType,
}

/// What the first pass found out, and all that the second one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) options: Options,
    pub(crate) limits: Limits,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) delimiter: u8,
    pub(crate) compression: Compression,
    pub(crate) encoding: Encoding,
    pub(crate) columns: Vec<Column>,
    pub(crate) rows: u64,
    pub(crate) rejects: u64,
}

impl Plan {
    /// The columns, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Rows that will be converted.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that will be rejected.
    #[must_use]
    pub fn rejects(&self) -> u64 {
        self.rejects
    }

    /// Bytes of the source, as stored.
    #[must_use]
    pub fn source_bytes(&self) -> u64 {
        self.fingerprint.bytes
    }
}

/// The first pass: push the whole source, then [`finish`](Survey::finish). After a refusal it is of no more use.
pub struct Survey {
    source: Source,
    stage: Stage,
}

enum Stage {
    /// The delimiter is not known yet.
    Sampling {
        sample: String,
        options: Options,
        limits: Limits,
    },
    Reading(Box<Reading>),
}

struct Reading {
    options: Options,
    limits: Limits,
    delimiter: u8,
    rows: Rows,
    table: Table,
}

impl Survey {
    /// A survey of one source.
    #[must_use]
    pub fn new(options: Options, limits: Limits) -> Self {
        Self {
            source: Source::new(limits),
            stage: Stage::Sampling {
                sample: String::new(),
                options,
                limits,
            },
        }
    }

    /// Takes the next bytes of the source, of any length.
    ///
    /// # Errors
    /// A [`Refusal`] as soon as the file is known to be unreadable.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let stage = &mut self.stage;
        self.source.push(bytes, &mut |text| stage.push(text))
    }

    /// Ends the source.
    ///
    /// # Errors
    /// A [`Refusal`] where the file cannot be converted.
    pub fn finish(mut self) -> Result<Plan, Refusal> {
        let stage = &mut self.stage;
        let fingerprint = self.source.finish(&mut |text| stage.push(text))?;
        self.stage.read(true)?;
        let Stage::Reading(reading) = self.stage else {
            return Err(Refusal::EmptyFile);
        };
        let Reading {
            options,
            limits,
            delimiter,
            mut rows,
            mut table,
        } = *reading;
        rows.finish(&mut |row| table.take(row))?;
        let columns = table.columns()?;
        Ok(Plan {
            options,
            limits,
            fingerprint,
            delimiter,
            compression: self.source.compression(),
            encoding: self.source.encoding(),
            columns,
            rows: table.rows,
            rejects: table.rejects,
        })
    }
}

impl Stage {
    fn push(&mut self, text: &str) -> Result<(), Refusal> {
        match self {
            Self::Sampling { sample, .. } => {
                sample.push_str(text);
                if sample.len() < SAMPLE_BYTES {
                    Ok(())
                } else {
                    self.read(false)
                }
            }
            Self::Reading(reading) => {
                let Reading { rows, table, .. } = reading.as_mut();
                rows.push(text, &mut |row| table.take(row))
            }
        }
    }

    /// Decides the delimiter from the sample, of which exactly [`SAMPLE_BYTES`] count however the source was cut.
    fn read(&mut self, whole: bool) -> Result<(), Refusal> {
        let Self::Sampling {
            sample,
            options,
            limits,
        } = self
        else {
            return Ok(());
        };
        let (sample, options) = (std::mem::take(sample), std::mem::take(options));
        let judged = &sample[..sample.floor_char_boundary(SAMPLE_BYTES)];
        let delimiter = sniff::delimiter(judged, whole, *limits);
        *self = Self::Reading(Box::new(Reading {
            rows: Rows::new(delimiter, *limits),
            table: Table {
                header: options.header,
                text: options.text,
                columns_max: limits.columns_max,
                names: None,
                evidence: Vec::new(),
                rows: 0,
                rejects: 0,
                first_reject: None,
            },
            options,
            limits: *limits,
            delimiter,
        }));
        self.push(&sample)
    }
}

/// What the cells of a column allow.
#[derive(Debug, Clone, Copy)]
struct Evidence(Kinds);

impl Evidence {
    fn take(&mut self, cell: &Cell<'_>) {
        if self.0 == Kinds::NONE || cell.raw.is_empty() {
            return;
        }
        let trimmed = cell::trim(cell.raw);
        let kinds = cell::kinds(trimmed);
        if kinds != Kinds::NONE || !cell::is_null_token(trimmed) {
            self.0 = self.0.and(kinds);
        }
    }

    fn kind(self) -> ColumnType {
        const PREFERENCE: [(Kinds, ColumnType); 6] = [
            (Kinds::INT64, ColumnType::Int64),
            (Kinds::FLOAT64, ColumnType::Float64),
            (Kinds::BOOLEAN, ColumnType::Boolean),
            (Kinds::DATE, ColumnType::Date),
            (Kinds::TIMESTAMP, ColumnType::Timestamp),
            (Kinds::TIMESTAMP_UTC, ColumnType::TimestampUtc),
        ];
        // A column without a single value says nothing: text, so that its null tokens stay what they are.
        if self.0 == Kinds::ALL {
            return ColumnType::Text;
        }
        PREFERENCE
            .iter()
            .find(|(kinds, _)| self.0.holds(*kinds))
            .map_or(ColumnType::Text, |(_, kind)| *kind)
    }
}

struct Table {
    header: bool,
    text: bool,
    columns_max: usize,
    names: Option<Vec<String>>,
    evidence: Vec<Evidence>,
    rows: u64,
    rejects: u64,
    first_reject: Option<String>,
}

impl Table {
    fn take(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        if self.names.is_none() {
            self.start(row)?;
            if self.header {
                return Ok(());
            }
        }
        if let Some(reject) = Reject::of(row, self.evidence.len()) {
            self.rejects += 1;
            self.first_reject.get_or_insert(reject.detail);
            return Ok(());
        }
        self.rows += 1;
        if !self.text {
            self.evidence
                .iter_mut()
                .zip(row.cells())
                .for_each(|(evidence, cell)| evidence.take(&cell));
        }
        Ok(())
    }

    fn start(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        let bad = |what| {
            Err(Refusal::BadHeader {
                line: row.line,
                what,
            })
        };
        if row.fields > self.columns_max {
            return Err(Refusal::TooManyColumns {
                columns: row.fields,
                limit: self.columns_max,
            });
        }
        if row.faulty {
            return bad("something follows a closing quote");
        }
        let names: Vec<String> = if self.header {
            row.cells().map(|cell| cell.value().into_owned()).collect()
        } else {
            vec![String::new(); row.fields]
        };
        if names.iter().any(|name| name.len() > COLUMN_NAME_BYTES_MAX) {
            return bad("a column name is longer than 1024 bytes");
        }
        let start = if self.text { Kinds::NONE } else { Kinds::ALL };
        self.evidence = vec![Evidence(start); names.len()];
        self.names = Some(names);
        Ok(())
    }

    fn columns(&mut self) -> Result<Vec<Column>, Refusal> {
        let Some(names) = self.names.take() else {
            return Err(Refusal::EmptyFile);
        };
        let all = self.rows + self.rejects;
        if self.rejects * 2 > all {
            return Err(Refusal::TooManyRejects {
                rejects: self.rejects,
                rows: all,
                first: self.first_reject.take().unwrap_or_default(),
            });
        }
        let header = self.header;
        Ok(unique(&names)
            .into_iter()
            .zip(names)
            .zip(&self.evidence)
            .map(|((name, original), evidence)| Column {
                original_name: (header && name != original).then_some(original),
                name,
                kind: evidence.kind(),
            })
            .collect())
    }
}

/// Names that differ from one another: an empty one becomes `column_N` by its place, a repeated one gets `_2`, `_3`, ….
fn unique(names: &[String]) -> Vec<String> {
    // Names that are unique as they stand keep standing, also where a changed one would have taken their place.
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut seen = HashSet::new();
    let mut next = std::collections::HashMap::<String, usize>::new();
    let mut name_of = |(at, name): (usize, &String)| {
        if !name.is_empty() && seen.insert(name.clone()) {
            return name.clone();
        }
        let base = if name.is_empty() {
            format!("column_{}", at + 1)
        } else {
            name.clone()
        };
        if name.is_empty() && taken.insert(base.clone()) {
            return base;
        }
        let number = next.entry(base.clone()).or_insert(1);
        loop {
            *number += 1;
            let candidate = format!("{base}_{number}");
            if taken.insert(candidate.clone()) {
                return candidate;
            }
        }
    };
    names.iter().enumerate().map(&mut name_of).collect()
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn names_are_made_unique_without_touching_those_that_are() {
        let names = ["a", "", "a", "a_2", "a", "column_2", ""].map(str::to_owned);
        assert_eq!(
            unique(&names),
            [
                "a",
                "column_2_2",
                "a_3",
                "a_2",
                "a_4",
                "column_2",
                "column_7"
            ]
        );
    }
}
