//! The first pass: what the file is, and which type holds every cell of each column.

use crate::column_type::ColumnType;
use crate::evidence::Evidence;
use crate::frame::{self, Frame, Header};
use crate::heads;
use crate::json;
use crate::limits::{Limits, Options, SAMPLE_BYTES};
use crate::names::{shortened, unique};
use crate::profile::{Reject, RejectReason, Warning};
use crate::reader::Reader;
use crate::reading::Reading;
use crate::refusal::Refusal;
use crate::row::{Dialect, Row};
use crate::sniff;
use crate::source::{Fingerprint, Source};

/// A column as the survey found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The name in the Parquet file, unlike any other.
    pub name: String,
    /// The name in the header, where it had to be changed.
    pub original_name: Option<String>,
    /// The type that holds every cell.
    pub kind: ColumnType,
    /// How its cells are read.
    pub(crate) reading: Reading,
    /// What its owner should know of it.
    pub(crate) warnings: Vec<Warning>,
}

/// How a file is read: what the first pass found out, or what its beginning lets expect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) options: Options,
    pub(crate) limits: Limits,
    pub(crate) dialect: Dialect,
    pub(crate) frame: Frame,
    /// The keys of JSON, in the order of the columns.
    pub(crate) keys: Option<Vec<String>>,
    pub(crate) columns: Vec<Column>,
}

/// What the first pass found out, and all that the second one needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub(crate) layout: Layout,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) rows: u64,
    pub(crate) rejects: u64,
}

impl Plan {
    /// The columns, in the order of the file.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.layout.columns
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
    Reading(Box<Pass>),
}

/// All that reading rows needs.
struct Pass {
    options: Options,
    limits: Limits,
    dialect: Dialect,
    rows: Reader,
    table: Table,
}

impl Survey {
    /// A survey of one source.
    #[must_use]
    pub fn new(options: Options, limits: Limits) -> Self {
        Self {
            source: Source::new(limits, options.charset),
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
        let Stage::Reading(mut pass) = self.stage else {
            return Err(Refusal::EmptyFile);
        };
        pass.finish()?;
        let table = &mut pass.table;
        let misfits = table.rejects - table.beside;
        check_rejects(table.rows, misfits, table.first_reject.take())?;
        let (rows, rejects) = (table.rows, table.rejects);
        let (layout, _) = pass.layout()?.ok_or(Refusal::EmptyFile)?;
        Ok(Plan {
            layout,
            fingerprint,
            rows,
            rejects,
        })
    }
}

/// How a file seems to be read, by so much of its text, or by all of it; and what each column allows so far. `None` where
/// the beginning holds no row.
pub(crate) fn guess(
    text: &str,
    whole: bool,
    options: Options,
    limits: Limits,
) -> Result<Option<(Layout, Vec<Evidence>)>, Refusal> {
    let mut stage = Stage::Sampling {
        sample: String::new(),
        options,
        limits,
    };
    stage.push(text)?;
    if whole {
        stage.read(true)?;
    }
    let Stage::Reading(mut pass) = stage else {
        return Ok(None);
    };
    if whole {
        pass.finish()?;
    }
    pass.layout()
}

impl Pass {
    fn finish(&mut self) -> Result<(), Refusal> {
        let Self { rows, table, .. } = self;
        rows.finish(&mut |row| table.take(row))
    }

    fn layout(self) -> Result<Option<(Layout, Vec<Evidence>)>, Refusal> {
        let mut table = self.table;
        let keys = self.rows.keys().map(<[String]>::to_vec);
        let Some(columns) = table.columns(keys.as_deref()) else {
            return Ok(None);
        };
        let layout = Layout {
            options: self.options,
            limits: self.limits,
            dialect: self.dialect,
            frame: table.frame,
            keys,
            columns,
        };
        Ok(Some((layout, table.evidence)))
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
                let Pass { rows, table, .. } = reading.as_mut();
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
        foreign_text(judged)?;
        let is_json = options.delimiter.is_none() && json::begins(judged);
        let (told, first_line) = match sniff::directive(judged) {
            Some((delimiter, _)) => (Some(delimiter), 2),
            None => (None, 1),
        };
        let body = sniff::directive(judged).map_or(judged, |(_, bytes)| &judged[bytes..]);
        let dialect = if is_json {
            Dialect::of(b',')
        } else {
            sniff::dialect(body, whole, options.delimiter.or(told), *limits)
        };
        let frame = if is_json {
            Frame::NONE
        } else {
            frame::find(
                judged,
                whole,
                (dialect, options.header),
                (first_line, *limits),
            )
        };
        *self = Self::Reading(Box::new(Pass {
            rows: if is_json {
                Reader::json(*limits, None)
            } else {
                Reader::delimited(dialect, *limits)
            },
            table: Table {
                frame,
                text: options.text,
                columns_max: limits.columns_max,
                head: Vec::new(),
                evidence: Vec::new(),
                rows: 0,
                rejects: 0,
                beside: 0,
                first_reject: None,
            },
            options,
            limits: *limits,
            dialect,
        }));
        self.push(&sample)
    }
}

/// Texts of other kinds that people send by the name of a table.
fn foreign_text(sample: &str) -> Result<(), Refusal> {
    let text = sample.trim_start();
    let begins = |word: &str| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let is_tag = text.starts_with('<')
        && text[1..].starts_with(|letter: char| {
            letter.is_ascii_alphabetic() || letter == '!' || letter == '?'
        })
        && text
            .lines()
            .next()
            .is_some_and(|line| line.contains('>') && !line.contains([',', ';', '\t']));
    if begins("<!doctype html") || begins("<html") {
        return Err(Refusal::NotText {
            what: "it is a page of HTML; perhaps an error page was saved",
        });
    }
    if begins("<?xml") || is_tag {
        return Err(Refusal::NotText { what: "it is XML" });
    }
    if begins("%!PS") || begins("{\\rtf") {
        return Err(Refusal::NotText {
            what: "it is a formatted document",
        });
    }
    Ok(())
}

struct Table {
    frame: Frame,
    text: bool,
    columns_max: usize,
    /// The rows of the header; one without a cell where there is none.
    head: Vec<Vec<String>>,
    evidence: Vec<Evidence>,
    rows: u64,
    rejects: u64,
    /// Of these, lines that say nothing against the others.
    beside: u64,
    first_reject: Option<String>,
}

/// The cells of a row.
pub(crate) fn values(row: &Row<'_>) -> Vec<String> {
    row.cells().map(|cell| cell.value().into_owned()).collect()
}

impl Table {
    fn take(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        if row.line < self.frame.first_line {
            return Ok(());
        }
        if row.is_literal() {
            // Keys make columns as they come; rows before have no value there.
            let columns = self.evidence.len().max(row.fields);
            self.evidence.resize(columns, Evidence::new(self.text));
        } else if self.head.is_empty() {
            self.start(row)?;
            if self.frame.header != Header::None {
                return Ok(());
            }
        } else if row.line <= self.frame.header_end {
            self.head.push(values(row));
            return Ok(());
        }
        let columns = self.evidence.len();
        if let Some(reason) = RejectReason::of(row, columns, (&self.frame, &self.head)) {
            if row.is_void() && !reason.is_beside() {
                return Ok(());
            }
            self.rejects += row.lines;
            if reason.is_beside() {
                self.beside += row.lines;
                return Ok(());
            }
            let detail = || Reject::of(row, reason, columns).detail;
            self.first_reject.get_or_insert_with(detail);
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
        if row.fields.max(self.frame.columns) > self.columns_max {
            return Err(Refusal::TooManyColumns {
                columns: row.fields,
                limit: self.columns_max,
            });
        }
        if row.faulty && self.frame.header != Header::None {
            return Err(Refusal::BadHeader {
                line: row.line,
                what: "something follows a closing quote",
            });
        }
        let columns = match self.frame.columns {
            0 => row.fields,
            columns => columns,
        };
        let mut names = match self.frame.header {
            Header::Row | Header::RowWithoutFirst => values(row),
            Header::None => Vec::new(),
        };
        if self.frame.header == Header::RowWithoutFirst {
            names.insert(0, String::new());
        }
        self.evidence = vec![Evidence::new(self.text); columns];
        self.head.push(names);
        Ok(())
    }

    /// The columns, where there are any.
    fn columns(&mut self, keys: Option<&[String]>) -> Option<Vec<Column>> {
        let columns = self.evidence.len();
        let names = match (keys, self.head.as_mut_slice()) {
            (Some(keys), _) => keys.to_vec(),
            (None, [only]) => {
                only.resize(columns, String::new());
                std::mem::take(only)
            }
            (None, head) => heads::joined(head, columns),
        };
        if names.is_empty() {
            return None;
        }
        let header = keys.is_some() || self.frame.header != Header::None;
        let trimmed: Vec<&str> = names.iter().map(|name| name.trim()).collect();
        let columns = unique(&trimmed)
            .into_iter()
            .zip(&names)
            .zip(&self.evidence)
            .map(|((name, original), evidence)| {
                let (reading, warnings) = evidence.reading();
                Column {
                    original_name: (header && name != *original)
                        .then(|| shortened(original, names.len()).to_owned()),
                    name,
                    kind: reading.kind(),
                    reading,
                    warnings,
                }
            })
            .collect();
        Some(columns)
    }
}

/// Refuses a file of which too much is rejected.
pub(crate) fn check_rejects(rows: u64, rejects: u64, first: Option<String>) -> Result<(), Refusal> {
    let all = rows + rejects;
    if too_many(rejects, all) {
        return Err(Refusal::TooManyRejects {
            rejects,
            rows: all,
            first: first.unwrap_or_default(),
        });
    }
    Ok(())
}

/// Whether so many lines cannot be read that the file is not what it seems: over half, or over a tenth where these are
/// more than a few.
fn too_many(rejects: u64, all: u64) -> bool {
    rejects * 2 > all || (rejects >= REJECTS_FEW && rejects * 10 > all)
}

/// Rejected lines of which even a small file may have a larger share.
const REJECTS_FEW: u64 = 10;
