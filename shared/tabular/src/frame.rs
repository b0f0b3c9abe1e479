//! Where in a file the table is: the lines above it, its header, and how many columns it has.

use serde::Serialize;

use crate::header::{Sampled, is_header, named_by};
use crate::judge::PREAMBLE_ROWS_MAX;
use crate::limits::Limits;
use crate::row::{Dialect, Row};
use crate::rows::Rows;

/// Rows of the sample that are looked at.
const ROWS_MAX: usize = 500;
/// Rows above a table that may have more than one cell.
const TITLES_MAX: usize = 4;

/// What the first row of a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Header {
    /// It names the columns.
    Row,
    /// It names the columns but the first, which names the rows (as R writes it).
    RowWithoutFirst,
    /// There is none: the first row is data.
    None,
}

/// The frame of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Rows that start before this line belong to no table.
    pub(crate) first_line: u64,
    pub(crate) header: Header,
    /// 0 where not even the first row ends within the sample: then as many as that row has.
    pub(crate) columns: usize,
    /// How many fields the rows have where the header names more columns than any row fills.
    pub(crate) short: Option<usize>,
}

impl Frame {
    /// Of a text that is all table, and names its columns itself.
    pub(crate) const NONE: Self = Self {
        first_line: 1,
        header: Header::None,
        columns: 1,
        short: None,
    };
}

/// Finds the frame. `header` is what the sender says of it; `skipped_bytes` of a directive are passed over.
pub(crate) fn find(
    sample: &str,
    whole: bool,
    (dialect, header): (Dialect, Option<bool>),
    (first_line, limits): (u64, Limits),
) -> Frame {
    let mut parser = Rows::new(dialect, limits);
    let mut rows: Vec<Sampled> = Vec::new();
    let mut first_is_faulty = None;
    let has_row = std::cell::Cell::new(false);
    let mut keep = |row: &Row<'_>| {
        if row.line >= first_line {
            has_row.set(true);
            first_is_faulty.get_or_insert(row.faulty);
        }
        if rows.len() < ROWS_MAX && row.line >= first_line && !row.faulty {
            rows.push(Sampled::of(row));
        }
        Ok(())
    };
    let read = parser.push(sample, &mut keep);
    let is_cut = !whole && !has_row.get();
    if read.is_ok() && (whole || rows_are_none(sample)) {
        let _ = parser.finish(&mut keep);
    }
    if first_is_faulty == Some(true) && header != Some(false) {
        // Nothing to name the columns by: the survey refuses it.
        return Frame {
            first_line,
            header: Header::Row,
            columns: usual_width(&rows),
            short: None,
        };
    }
    let frame = frame_of(&rows, whole, header, first_line);
    if is_cut {
        Frame {
            columns: 0,
            ..frame
        }
    } else {
        frame
    }
}

fn rows_are_none(sample: &str) -> bool {
    memchr::memchr2(b'\n', b'\r', sample.as_bytes()).is_none()
}

fn frame_of(rows: &[Sampled], whole: bool, told: Option<bool>, first_line: u64) -> Frame {
    let columns = usual_width(rows);
    let mut start = skip_preamble(rows, columns);
    for _ in 0..TITLES_MAX {
        start += usize::from(is_title(&rows[start..], columns));
    }
    let Some((first, body)) = rows[start..].split_first() else {
        return Frame {
            first_line,
            header: Header::Row,
            columns: 1,
            short: None,
        };
    };
    let frame = Frame {
        first_line: if start == 0 { first_line } else { first.line },
        header: Header::Row,
        columns,
        short: None,
    };
    // One field short: the rows have a name each, or end with a delimiter or with a blank.
    let is_short = first.fields + 1 == columns && columns > 1 && !body.is_empty();
    let full_rows = || body.iter().filter(|row| row.fields == columns);
    if is_short && told != Some(false) {
        let ends_empty = full_rows().all(Sampled::last_is_empty);
        let ends_blank = full_rows().all(Sampled::last_is_blank);
        let (header, columns) = match (ends_empty, ends_blank) {
            (true, _) => (Header::Row, columns - 1),
            (false, true) => (Header::Row, columns),
            (false, false) => (Header::RowWithoutFirst, columns),
        };
        // A first row that is as short as some rows of the body is no such header.
        if ends_empty || body.iter().all(|row| row.fields >= columns) {
            return Frame {
                header,
                columns,
                ..frame
            };
        }
    }
    let header = match told {
        Some(true) => Header::Row,
        Some(false) => Header::None,
        None if is_header(first, body) => Header::Row,
        None => Header::None,
    };
    if header == Header::None && !body.is_empty() {
        return Frame {
            header,
            columns: trailing(&rows[start..], columns, whole).unwrap_or(columns),
            ..frame
        };
    }
    // A delimiter that ends the header alone, or all rows and the header.
    let ends_alone = first.fields == columns + 1
        && first.ends_with_delimiter()
        && body.iter().all(|row| row.fields == columns);
    if ends_alone || body.is_empty() {
        let columns = if ends_alone { columns } else { first.fields };
        return Frame {
            header,
            columns: trailing(&rows[start..], columns, whole).unwrap_or(columns),
            ..frame
        };
    }
    // Rows that agree with each other, and not with the header: it leaves columns out, or names some that none fills.
    if first.fields != columns && columns > 1 && agree(body, columns) {
        return Frame {
            header,
            columns: columns.max(first.fields),
            short: (columns < first.fields).then_some(columns),
            ..frame
        };
    }
    Frame {
        header,
        columns: trailing(&rows[start..], first.fields, whole).unwrap_or(first.fields),
        ..frame
    }
}

/// Delimiters that end every row, the header too, make no column: how many there are without them. Where later rows are not
/// known yet, they may.
fn trailing(rows: &[Sampled], columns: usize, whole: bool) -> Option<usize> {
    let first = rows.first()?;
    let is_empty = |row: &Sampled| row.cells.get(columns - 1).is_none_or(String::is_empty);
    let all = columns > 1 && first.fields == columns && first.ends_with_delimiter();
    (all && whole && rows.iter().all(is_empty)).then(|| columns - 1)
}

/// Whether nearly all rows have so many fields.
fn agree(rows: &[Sampled], columns: usize) -> bool {
    let alike = rows.iter().filter(|row| row.fields == columns).count();
    alike * 10 >= rows.len() * 9
}

/// Whether the first row is a title, and the second one names the columns. A header may have a blank corner, end with a
/// delimiter, or stand above units; so it takes more than a word in each place to make a title of it.
fn is_title(rows: &[Sampled], columns: usize) -> bool {
    let [title, header, body @ ..] = rows else {
        return false;
    };
    if header.fields != columns || body.is_empty() || !agree(body, columns) {
        return false;
    }
    let (typed, are_named) = named_by(header, body);
    if title.fields + 1 == columns {
        are_named && is_header(header, body)
    } else if title.fields == columns {
        // Names of groups of columns.
        let inside = title.cells.get(1..columns.saturating_sub(1));
        let has_gap = inside.is_some_and(|cells| cells.iter().any(String::is_empty));
        are_named && has_gap && title.filled() < header.filled()
    } else {
        are_named && typed == columns
    }
}

/// How many fields most rows have, the first one apart: it may be a title, or a header of its own width.
fn usual_width(rows: &[Sampled]) -> usize {
    let Some((first, body)) = rows.split_first() else {
        return 1;
    };
    // A row alone proves nothing but that a delimiter or a blank ends it.
    if let [only] = body {
        let is_ended = only.fields == first.fields + 1 && only.last_is_blank();
        return if is_ended { only.fields } else { first.fields };
    }
    let mut widths = std::collections::BTreeMap::new();
    for row in body {
        *widths.entry(row.fields).or_insert(0_usize) += 1;
    }
    // The first row has the say where others are as many.
    let most = widths
        .into_iter()
        .max_by_key(|(width, rows)| (*rows, *width == first.fields, *width));
    most.map_or(first.fields, |(width, _)| width)
}

/// How many rows stand above the table: comments, titles and notes.
fn skip_preamble(rows: &[Sampled], columns: usize) -> usize {
    let most = rows.len().min(PREAMBLE_ROWS_MAX);
    let comments = rows[..most]
        .iter()
        .take_while(|row| row.is_comment())
        .count();
    // Where each row begins so, it is what the rows are about: colours, channels, places in a list.
    let mut start = if comments == rows.len() { 0 } else { comments };
    // `#id,name` names columns where nothing else does.
    if comments > 0 && comments < rows.len() {
        let (last, rest) = (&rows[comments - 1], &rows[comments..]);
        if columns > 1
            && last.fields == columns
            && is_header(last, rest)
            && !is_header(&rest[0], &rest[1..])
        {
            start -= 1;
        }
    }
    if columns < 2 {
        return if start < rows.len() { start } else { 0 };
    }
    let used = used_columns(rows, columns);
    // The table begins where a row is about as full as the table is wide; before it stand rows with hardly a cell.
    let is_full = |at: &usize| {
        let row = &rows[*at];
        let is_apart = rows.get(at + 1).is_some_and(|next| next.filled() == 0);
        row.fields + 1 >= columns
            && row.filled() * 2 >= used
            && row.filled() > usize::from(columns > 2 || is_apart)
    };
    let found = (start..most).find(is_full);
    match found {
        Some(found) if found > start => {
            let above = &rows[start..found];
            let is_bare = |row: &Sampled| row.fields + 1 < columns || row.filled() < 2;
            // A few rows may have some cells, as names of groups of columns do.
            let are_titles = above.iter().all(is_bare)
                || above.len() <= TITLES_MAX && above.iter().all(|row| row.filled() * 2 < used);
            // Sparse rows above are data unless a header follows them.
            let header_follows = is_header(&rows[found], &rows[found + 1..]);
            let are_short = || above.iter().all(|row| row.fields < columns);
            let names_some = |row: &Sampled| row.fields > 1 && named_by(row, &rows[found..]).1;
            if !are_titles || !(header_follows || are_short()) {
                start
            } else if !header_follows && above.last().is_some_and(names_some) {
                found - 1
            } else {
                found
            }
        }
        Some(_) | None => start.min(rows.len().saturating_sub(1)),
    }
}

/// How many columns have values in more than a few rows: delimiters at the end of every row make a table no wider.
fn used_columns(rows: &[Sampled], columns: usize) -> usize {
    let rows: Vec<&Sampled> = rows.iter().filter(|row| row.filled() > 1).collect();
    let has_cell =
        |row: &Sampled, at: usize| row.cells.get(at).is_some_and(|cell| !cell.is_empty());
    let filled = |at: usize| rows.iter().filter(|row| has_cell(row, at)).count();
    (0..columns)
        .filter(|at| filled(*at) * 10 >= rows.len())
        .count()
}
