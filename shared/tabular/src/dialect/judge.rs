//! How well a text reads in a dialect.

use std::collections::BTreeMap;

use crate::dialect::header::is_remark;
use crate::limits::Limits;
use crate::parsing::row::{Dialect, Row, Span};
use crate::parsing::rows::Rows;
use crate::types::cell::{self, Kinds};

/// Rows under a rare delimiter that are needed to believe in it.
const RARE_ROWS_MIN: u64 = 3;
/// Lines of titles and notes that may stand above a table.
pub(crate) const PREAMBLE_ROWS_MAX: usize = 50;
/// Cells in apostrophes from which on these are quotes.
const WRAPPED_MIN: u64 = 3;

/// How a text looks when it is read in a dialect.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) dialect: Dialect,
    /// Fields of most rows.
    pub(crate) columns: usize,
    pub(crate) rows: u64,
    /// Lines from the first row of the table on.
    pub(crate) lines: u64,
    /// Lines of rows that the dialect reads without fault, and that have that many fields.
    pub(crate) readable: u64,
    /// The same without rows in which a delimiter seems to cut through a quoted cell.
    fitting: u64,
    /// Rows above the table, and of these the ones that are no comments.
    preamble: usize,
    notes: usize,
    /// The mean worth of a cell: 1 for a number or a date, less for text, least for text with other delimiters.
    pub(crate) worth: f64,
    /// The first row of the table has a number or a day.
    is_headless: bool,
    /// The first row has several fields, and another row has as many.
    pub(crate) agrees_with_first: bool,
    /// The first row has as many fields as the others.
    pub(crate) first_fits: bool,
    /// Each delimiter has a blank behind it, in several rows.
    pub(crate) is_spaced: bool,
}

/// What is remembered of a row.
struct Seen {
    fields: usize,
    trailing: usize,
    lines: u64,
    faulty: bool,
    cut: bool,
    is_comment: bool,
    wrapped: u64,
    half_wrapped: u64,
    /// A cell began with a quote that is a letter here, and did not end with one.
    half_quoted: bool,
    typed: usize,
    filled: usize,
    worth: f64,
    /// Delimiters with a blank behind them, unless there is one without that does not end the row.
    spaced: Option<usize>,
}

impl Seen {
    fn of(row: &Row<'_>, dialect: Dialect) -> Self {
        let mut seen = Self {
            fields: row.fields,
            trailing: 0,
            lines: row.lines,
            faulty: row.faulty,
            cut: false,
            is_comment: row.text.starts_with('#') || row.fields == 1 && is_remark(row.text),
            wrapped: 0,
            half_wrapped: 0,
            half_quoted: false,
            typed: 0,
            filled: 0,
            worth: 0.0,
            spaced: spaced(row),
        };
        for cell in row.cells() {
            if cell.raw.is_empty() {
                seen.trailing += usize::from(!cell.quoted);
                continue;
            }
            seen.trailing = 0;
            seen.filled += 1;
            if !cell.quoted {
                seen.look_for_quotes(cell.raw, dialect);
            }
            let trimmed = cell::trim(cell.raw);
            let is_typed = cell::kinds(trimmed) != Kinds::NONE
                || cell::split_unit(trimmed)
                    .is_some_and(|(number, _)| cell::kinds(number).is_number());
            seen.typed += usize::from(is_typed);
            let is_foreign = cell
                .raw
                .bytes()
                .any(|byte| b";\t|".contains(&byte) && dialect.delimiter != Some(byte));
            seen.worth += match (is_typed, cell.quoted) {
                (true, _) => 1.0,
                (false, true) => 0.6,
                (false, false) if is_foreign || cell.raw.starts_with(' ') => 0.2,
                (false, false) => 0.5,
            };
        }
        seen
    }

    fn look_for_quotes(&mut self, raw: &str, dialect: Dialect) {
        self.cut |= dialect.quote == Some(b'"') && raw.contains('"');
        let trimmed = raw.trim_matches(' ');
        if dialect.quote != Some(b'"') {
            // `"a` and `b"` are the halves of one quoted cell.
            self.faulty |= self.half_quoted && trimmed.ends_with('"') && !trimmed.starts_with('"');
            self.half_quoted |= trimmed.starts_with('"') && !trimmed[1..].ends_with('"');
        }
        let other = [b'"', b'\''].into_iter().find(|quote| {
            trimmed.as_bytes().first() == Some(quote)
                && (dialect.quote != Some(*quote) || raw.starts_with(' '))
        });
        if let Some(quote) = other {
            let is_wrapped = trimmed.len() > 1 && trimmed.ends_with(char::from(quote));
            // Quotes that are letters to this dialect: apostrophes need more evidence, words begin with them too.
            if quote == b'"' {
                self.faulty |= is_wrapped;
            } else if is_wrapped {
                self.wrapped += 1;
            } else {
                self.half_wrapped += 1;
            }
        }
    }

    fn fits(&self, columns: usize) -> bool {
        self.fields == columns || (self.fields > columns && self.fields - self.trailing <= columns)
    }
}

/// How many delimiters of a row have a blank behind them, unless there is one without that does not end the row.
fn spaced(row: &Row<'_>) -> Option<usize> {
    let bytes = row.text.as_bytes();
    let is_behind_blank = |span: &Span| {
        let start = span.start as usize;
        match span.quoted {
            true => start >= 2 && bytes[start - 2] == b' ',
            false => bytes.get(start) == Some(&b' '),
        }
    };
    let count = row
        .spans
        .iter()
        .skip(1)
        .filter(|span| is_behind_blank(span))
        .count();
    let ends_row = row
        .spans
        .last()
        .is_some_and(|span| span.start as usize == bytes.len());
    let others = row.spans.len().saturating_sub(1 + count);
    (others <= usize::from(ends_row)).then_some(count)
}

/// How many columns most lines have, and how many rows stand above the first that is about as wide.
fn table_of(seen: &[Seen]) -> (usize, usize) {
    let mut widths = BTreeMap::new();
    for row in seen.iter().filter(|row| !row.faulty) {
        *widths.entry(row.fields).or_insert(0_u64) += row.lines;
    }
    let most = widths
        .iter()
        .max_by_key(|(width, lines)| (**lines, **width));
    let columns = most.map_or(1, |(width, _)| *width);
    let ends_empty = seen.iter().skip(1).all(|row| row.trailing > 0);
    // With a line end in quotes and a field for each column it is no comment.
    let is_row = |row: &Seen| row.lines > 1 && row.fields == columns;
    let first = seen.iter().position(|row| {
        (!row.is_comment || is_row(row))
            && row.fields + 1 >= columns
            && (row.fields > 1 || columns == 1 || ends_empty)
    });
    let preamble = first.filter(|first| *first <= PREAMBLE_ROWS_MAX);
    (columns, preamble.unwrap_or(0))
}

/// Whether a header is one short of rows that all end empty: their last delimiter ends the row.
fn ends_below(table: &[&Seen], columns: usize) -> bool {
    let mut full = table.iter().skip(1).filter(|row| row.fields == columns);
    let is_short = |header: &&Seen| header.fields + 1 == columns;
    table.first().is_some_and(is_short) && full.all(|row| row.trailing > 0)
}

impl Judged {
    pub(crate) fn of(text: &str, whole: bool, dialect: Dialect, limits: Limits) -> Self {
        let mut rows = Rows::new(dialect, limits);
        let mut seen = Vec::new();
        let mut look = |row: &Row<'_>| {
            seen.push(Seen::of(row, dialect));
            Ok(())
        };
        // A row that is too long or an open quote ends the count; the survey will name it.
        let read = rows.push(text, &mut look);
        let is_one_line = memchr::memchr2(b'\n', b'\r', text.as_bytes()).is_none();
        // The last row of a sample is cut anywhere: it counts only where nothing else does.
        let ended = read.and_then(|()| {
            if whole || is_one_line {
                rows.finish(&mut look)
            } else {
                Ok(())
            }
        });
        let all_lines = text.lines().filter(|line| !line.is_empty()).count() as u64;
        let mut judged = Self::sum(dialect, &seen, ended.is_err().then_some(all_lines));
        // A quoted cell that goes on behind the sample says nothing against its dialect.
        if ended.is_ok() && rows.is_in_quotes() {
            let read: u64 = seen.iter().map(|row| row.lines).sum();
            let open = all_lines.saturating_sub(read);
            judged.lines += open;
            judged.readable += open;
            judged.fitting += open;
        }
        judged
    }

    fn sum(dialect: Dialect, seen: &[Seen], all_lines: Option<u64>) -> Self {
        let (columns, preamble) = table_of(seen);
        let is_comment = |row: &&Seen| row.is_comment && row.fields != columns;
        let table = seen[preamble.min(seen.len())..].iter();
        let table: Vec<&Seen> = table.filter(|row| !is_comment(row)).collect();
        let columns = columns - usize::from(ends_below(&table, columns));
        let is_short = |at: usize, row: &Seen| at == 0 && row.fields + 1 == columns && columns > 2;
        let is_long =
            |at: usize, row: &Seen| at == 0 && row.fields == columns + 1 && row.trailing > 0;
        let fits = |(at, row): &(usize, &&Seen)| {
            !row.faulty && (row.fits(columns) || is_short(*at, row) || is_long(*at, row))
        };
        let wrapped: u64 = table.iter().map(|row| row.wrapped).sum();
        let is_apostrophe = wrapped >= WRAPPED_MIN && table.iter().all(|row| row.half_wrapped == 0);
        let good: Vec<&Seen> = table
            .iter()
            .enumerate()
            .filter(fits)
            .map(|(_, row)| *row)
            .collect();
        let readable = good.iter().filter(|row| !is_apostrophe || row.wrapped == 0);
        let (filled, worth) = good.iter().skip(1).fold((0, 0.0), |(filled, worth), row| {
            (filled + row.filled, worth + row.worth)
        });
        let typed_first = table.first().map_or(0, |row| row.typed);
        Self {
            dialect,
            columns,
            rows: table.len() as u64,
            lines: all_lines.unwrap_or_else(|| table.iter().map(|row| row.lines).sum()),
            readable: readable.map(|row| row.lines).sum(),
            fitting: good
                .iter()
                .filter(|row| !row.cut)
                .map(|row| row.lines)
                .sum(),
            preamble,
            notes: seen[..preamble]
                .iter()
                .filter(|row| !row.is_comment)
                .count(),
            worth: if filled == 0 {
                0.5
            } else {
                worth / filled as f64
            },
            is_headless: typed_first > 0,
            is_spaced: good.iter().all(|row| row.spaced.is_some())
                && good.iter().filter(|row| row.spaced > Some(0)).count() > 1,
            first_fits: table.first().is_some_and(|first| first.fields == columns),
            agrees_with_first: table.split_first().is_some_and(|(first, rest)| {
                first.fields > 1
                    && rest
                        .iter()
                        .any(|row| row.fields == first.fields && !row.faulty)
            }),
        }
    }

    /// How far the rows agree, from 0 to 1.
    fn fit(&self) -> f64 {
        if self.lines == 0 {
            0.0
        } else {
            self.fitting.max(1) as f64 / self.lines as f64
        }
    }

    pub(crate) fn is_table(&self) -> bool {
        self.columns > 1 && self.readable * 2 > self.lines
    }

    pub(crate) fn is_rare_table(&self) -> bool {
        self.columns > 1
            && self.readable * 10 >= self.lines * 9
            && self.rows >= RARE_ROWS_MIN
            && self.preamble == 0
    }

    /// Agreement of the rows, then the worth of the cells, then the number of columns.
    pub(crate) fn score(&self) -> f64 {
        let columns = 1.0 - 0.5 / self.columns as f64;
        // The more stands above a table, the less it is one.
        let above = self.notes as f64;
        let preamble = (1.0 - 0.02 * above.min(5.0)) * (1.0 - above / (above + self.rows as f64));
        // Notes above a table that then has no header: rather is the delimiter no delimiter.
        let headless = if self.preamble > 0 && self.is_headless {
            0.6
        } else {
            1.0
        };
        // Nearly everything can be read so.
        let bare = if self.dialect.bare_quotes { 0.9 } else { 1.0 };
        self.fit() * columns * preamble * headless * bare * (0.6 + 0.4 * self.worth)
    }
}
