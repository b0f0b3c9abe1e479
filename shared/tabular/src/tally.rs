//! What the first pass counts: the rows, those that do not fit, and what the cells of each column allow.

use std::collections::BTreeSet;

use crate::dialect::frame::{Frame, Header};
use crate::dialect::heads;
use crate::dialect::names::{shortened, unique};
use crate::layout::Column;
use crate::limits::Limits;
use crate::options::Options;
use crate::parsing::row::{Row, values};
use crate::profile::{Reject, RejectReason, Warning};
use crate::refusal::Refusal;
use crate::types::evidence::Evidence;
use crate::types::told::Told;
use consign_hints::ColumnType;
use consign_hints::Hints;

pub(crate) struct Tally {
    pub(crate) frame: Frame,
    hints: Hints,
    told: Told,
    columns_max: usize,
    /// The rows of the header; one without a cell where there is none.
    head: Vec<Vec<String>>,
    pub(crate) evidence: Vec<Evidence>,
    /// Columns whose types hints tell, and the names of these.
    typed: Vec<usize>,
    bound: BTreeSet<String>,
    /// The names are compared with the hints.
    is_bound: bool,
    pub(crate) rows: u64,
    /// Lines of these rows.
    pub(crate) row_lines: u64,
    pub(crate) rejects: u64,
    /// Of these, lines that say nothing against the others.
    pub(crate) beside: u64,
    pub(crate) first_reject: Option<String>,
}

impl Tally {
    pub(crate) fn new(frame: Frame, options: &Options, limits: Limits) -> Self {
        Self {
            frame,
            hints: options.hints.clone(),
            told: Told::of(&options.hints, options.text),
            columns_max: limits.columns_max,
            head: Vec::new(),
            evidence: Vec::new(),
            typed: Vec::new(),
            bound: BTreeSet::new(),
            is_bound: false,
            rows: 0,
            row_lines: 0,
            rejects: 0,
            beside: 0,
            first_reject: None,
        }
    }

    pub(crate) fn take(&mut self, row: &Row<'_>) -> Result<(), Refusal> {
        if row.line < self.frame.first_line {
            return Ok(());
        }
        if row.is_literal() {
            // Keys make columns as they come; rows before have no value there.
            if row.fields > self.evidence.len() {
                self.bind(row.keys);
            }
        } else if self.head.is_empty() {
            self.start(row)?;
            if self.frame.header != Header::None {
                return Ok(());
            }
        } else if row.line <= self.frame.header_end {
            self.head.push(values(row));
            return Ok(());
        }
        if !self.is_bound && !row.is_literal() {
            self.bind(&self.names());
        }
        let columns = self.evidence.len();
        if let Some(reason) = RejectReason::of(row, columns, (&self.frame, &self.head)) {
            if row.is_void() && !reason.is_beside() {
                return Ok(());
            }
            self.rejects += row.lines;
            if reason.is_beside() {
                self.beside += row.lines;
            } else {
                self.keep_first(row, reason, None);
            }
            return Ok(());
        }
        if let Some(at) = self.breaking(row) {
            self.rejects += row.lines;
            self.keep_first(row, RejectReason::WrongType, Some(at));
            return Ok(());
        }
        self.rows += 1;
        self.row_lines += row.lines;
        if self.told.kind == Some(ColumnType::Text) && self.typed.is_empty() {
            return Ok(());
        }
        if self.hints.null_values.is_empty() {
            for (evidence, cell) in self.evidence.iter_mut().zip(row.cells()) {
                evidence.take(&cell);
            }
        } else {
            for (evidence, cell) in self.evidence.iter_mut().zip(row.cells()) {
                if !cell.is_one_of(&self.hints.null_values) {
                    evidence.take(&cell);
                }
            }
        }
        Ok(())
    }

    /// The first column whose type, as hints tell it, does not hold its cell.
    fn breaking(&self, row: &Row<'_>) -> Option<usize> {
        if self.typed.is_empty() {
            return None;
        }
        let nulls = &self.hints.null_values;
        let cells = self.typed.iter().filter_map(|at| {
            let cell = row.cell(*at)?;
            Some((*at, cell))
        });
        let mut breaking =
            cells.filter(|(at, cell)| !cell.is_one_of(nulls) && self.evidence[*at].breaks(cell));
        breaking.next().map(|(at, _)| at)
    }

    fn keep_first(&mut self, row: &Row<'_>, reason: RejectReason, column: Option<usize>) {
        if self.first_reject.is_none() {
            let kind = column.and_then(|at| self.evidence[at].told().kind);
            let column = kind.map(|kind| (self.name(column.unwrap_or(0), row.keys), kind));
            let column = column.as_ref().map(|(name, kind)| (name.as_str(), *kind));
            let reject = Reject::of(row, reason, (self.evidence.len(), column));
            self.first_reject = Some(reject.detail);
        }
    }

    fn name(&self, at: usize, keys: &[String]) -> String {
        let names = if keys.is_empty() {
            self.names()
        } else {
            keys.to_vec()
        };
        made(&names).swap_remove(at)
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
        self.evidence = vec![Evidence::new(self.told); columns];
        self.head.push(names);
        Ok(())
    }

    /// Tells the columns that came what hints say of their types.
    fn bind(&mut self, names: &[String]) {
        self.is_bound = true;
        let before = if self.head.is_empty() {
            self.evidence.len()
        } else {
            0
        };
        self.evidence.resize(
            names.len().max(self.evidence.len()),
            Evidence::new(self.told),
        );
        if self.hints.columns.is_empty() {
            return;
        }
        for (at, name) in made(names).into_iter().enumerate().skip(before) {
            if let Some(kind) = self.hints.columns.get(&name) {
                self.evidence[at] = Evidence::new(self.told.with(Some(*kind)));
                self.typed.push(at);
                self.bound.insert(name);
            }
        }
    }

    /// The names in the header, one for each column.
    fn names(&self) -> Vec<String> {
        let columns = self.evidence.len();
        match self.head.as_slice() {
            [only] => {
                let mut names = only.clone();
                names.resize(columns, String::new());
                names
            }
            head => heads::joined(head, columns),
        }
    }

    /// Columns whose types hints tell, and what these allow.
    pub(crate) fn typed(&self) -> Vec<(usize, Evidence)> {
        let typed = self.typed.iter();
        typed.map(|at| (*at, self.evidence[*at].clone())).collect()
    }

    /// The columns, where there are any.
    pub(crate) fn columns(&mut self, keys: Option<&[String]>) -> Option<Vec<Column>> {
        let names = keys.map_or_else(|| self.names(), <[String]>::to_vec);
        if names.is_empty() {
            return None;
        }
        if !self.is_bound {
            self.bind(&names);
        }
        let header = keys.is_some() || self.frame.header != Header::None;
        let columns = made(&names)
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

    /// Refuses hints on columns that are not there, and types that their cells leave open.
    pub(crate) fn follow_hints(&self, columns: &[Column]) -> Result<(), Refusal> {
        let impossible = |what| {
            Err(Refusal::ImpossibleHint {
                hint: "columns",
                what,
            })
        };
        let mut told = self.hints.columns.keys();
        if let Some(name) = told.find(|name| !self.bound.contains(*name)) {
            return impossible(format!("no column is named {name}"));
        }
        for column in self.typed.iter().map(|at| &columns[*at]) {
            let name = &column.name;
            match column.warnings.first() {
                Some(Warning::AmbiguousNumbers) => {
                    return impossible(format!(
                        "each number of {name} is read with a decimal comma and with a comma between thousands; say which by decimal"
                    ));
                }
                Some(Warning::AmbiguousDates) => {
                    return impossible(format!(
                        "each date of {name} is read with the day first and with the month first; say which by date_order"
                    ));
                }
                Some(
                    Warning::FormulaCells
                    | Warning::LikelyIdentifier
                    | Warning::MixedNotations
                    | Warning::SuspectedDelimiter,
                )
                | None => {}
            }
        }
        Ok(())
    }
}

/// The names of columns in the Parquet file.
fn made(names: &[String]) -> Vec<String> {
    let trimmed: Vec<&str> = names.iter().map(|name| name.trim()).collect();
    unique(&trimmed)
}

/// Refuses a file of which too many lines are rejected, beside those of its rows.
pub(crate) fn check_rejects(
    options: &Options,
    (row_lines, rejects): (u64, u64),
    first: Option<String>,
) -> Result<(), Refusal> {
    let all = row_lines + rejects;
    if !options.is_exceeded(rejects, all) {
        return Ok(());
    }
    Err(Refusal::TooManyRejects {
        rejects,
        rows: all,
        first: first.unwrap_or_default(),
    })
}
