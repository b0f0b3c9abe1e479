//! Where in a file the table is: the lines above it, its header, and how many columns it has.

use std::collections::HashSet;

use serde::Serialize;

use crate::cell::{self, Kinds};
use crate::limits::Limits;
use crate::row::{Dialect, Row};
use crate::rows::Rows;
use crate::sniff::PREAMBLE_ROWS_MAX;

/// Rows of the sample that are looked at.
const ROWS_MAX: usize = 500;
/// Bytes of a cell that are looked at.
const CELL_BYTES_MAX: usize = 256;

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
}

impl Frame {
    /// Of a text that is all table, and names its columns itself.
    pub(crate) const NONE: Self = Self {
        first_line: 1,
        header: Header::None,
        columns: 1,
    };
}

/// What is kept of a row of the sample.
struct Sampled {
    line: u64,
    fields: usize,
    cells: Vec<String>,
}

impl Sampled {
    fn of(row: &Row<'_>) -> Self {
        let cell =
            |raw: &str| cell::trim(&raw[..raw.floor_char_boundary(CELL_BYTES_MAX)]).to_owned();
        Self {
            line: row.line,
            fields: row.fields,
            cells: row.cells().map(|found| cell(found.raw)).collect(),
        }
    }

    fn filled(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.is_empty()).count()
    }

    fn is_comment(&self) -> bool {
        self.cells.first().is_some_and(|cell| cell.starts_with('#'))
    }

    fn last_is_empty(&self) -> bool {
        self.cells.last().is_none_or(String::is_empty)
    }
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
    // A title that is one field short of the table, above a row that names the columns.
    if let [title, header, body @ ..] = &rows[start..]
        && title.fields + 1 == columns
        && header.fields == columns
        && !body.is_empty()
        && is_header(header, body)
        && kinds_differ(header, body)
    {
        start += 1;
    }
    let Some((first, body)) = rows[start..].split_first() else {
        return Frame {
            first_line,
            header: Header::Row,
            columns: 1,
        };
    };
    let line = if start == 0 { first_line } else { first.line };
    // One field short: the rows have a name each, or end with a delimiter.
    let is_short = first.fields + 1 == columns && columns > 1 && !body.is_empty();
    let full_rows = || body.iter().filter(|row| row.fields == columns);
    if is_short && told != Some(false) {
        let ends_empty = full_rows().all(Sampled::last_is_empty);
        let (header, columns) = if ends_empty {
            (Header::Row, columns - 1)
        } else {
            (Header::RowWithoutFirst, columns)
        };
        // A first row that is as short as some rows of the body is no such header.
        if ends_empty || body.iter().all(|row| row.fields >= columns) {
            return Frame {
                first_line: line,
                header,
                columns,
            };
        }
    }
    let header = match told {
        Some(true) => Header::Row,
        Some(false) => Header::None,
        None if is_header(first, body) => Header::Row,
        None => Header::None,
    };
    let mut columns = if body.is_empty() || header == Header::Row {
        first.fields
    } else {
        columns
    };
    // Delimiters that end every row, the header too, make no column; where later rows are not known yet, they may.
    let is_trailing =
        columns > 1 && first.fields == columns && first.last_is_empty() && first.filled() > 0;
    let is_empty = |row: &Sampled| row.cells.get(columns - 1).is_none_or(String::is_empty);
    if whole && is_trailing && rows[start..].iter().all(is_empty) {
        columns -= 1;
    } else if is_trailing && header == Header::Row {
        // A delimiter that ends the header alone.
        if !body.is_empty() && body.iter().all(|row| row.fields == columns - 1) {
            columns -= 1;
        }
    }
    Frame {
        first_line: line,
        header,
        columns,
    }
}

/// How many fields most rows have.
fn usual_width(rows: &[Sampled]) -> usize {
    let mut widths = std::collections::BTreeMap::new();
    for row in rows {
        *widths.entry(row.fields).or_insert(0_usize) += 1;
    }
    // A first row alone has the say where no two rows agree.
    let most = widths.iter().max_by_key(|(width, rows)| (**rows, **width));
    match (most, rows.first()) {
        (Some((_, 1)), Some(first)) => first.fields,
        (Some((width, _)), _) => *width,
        (None, _) => 1,
    }
}

/// How many rows stand above the table: comments, titles and notes.
fn skip_preamble(rows: &[Sampled], columns: usize) -> usize {
    let most = rows.len().min(PREAMBLE_ROWS_MAX);
    let comments = rows[..most]
        .iter()
        .take_while(|row| row.is_comment())
        .count();
    let mut start = comments;
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
    // The table begins where a row is about as full as the table is wide; before it stand rows with hardly a cell.
    let is_full = |row: &Sampled| {
        row.fields + 1 >= columns
            && row.filled() * 2 >= columns
            && row.filled() > usize::from(columns > 2)
    };
    let found = rows[start..most]
        .iter()
        .position(is_full)
        .map(|at| start + at);
    match found {
        Some(found) if found > start => {
            let above = &rows[start..found];
            let is_title =
                |row: &Sampled| row.fields + 1 < columns || row.filled() < 2 || row.fields == 1;
            // Sparse rows above are data unless a header follows them.
            let header_follows = is_header(&rows[found], &rows[found + 1..]);
            if above.iter().all(is_title)
                && (header_follows || above.iter().all(|row| row.fields < columns))
            {
                found
            } else {
                start
            }
        }
        Some(_) | None => start.min(rows.len().saturating_sub(1)),
    }
}

/// Whether the first row names the columns: by the types of what is below it, else by what names look like.
fn is_header(first: &Sampled, body: &[Sampled]) -> bool {
    let kinds: Vec<Kinds> = first.cells.iter().map(|cell| kinds_of(cell)).collect();
    if body.is_empty() {
        // A row alone: names, unless a number or a day is among them.
        return kinds.iter().all(|kinds| *kinds == Kinds::NONE);
    }
    let mut typed_alike = 0;
    for (at, name) in first.cells.iter().enumerate() {
        let mut below = Kinds::ALL;
        let mut values = 0;
        for cell in body.iter().filter_map(|row| row.cells.get(at)) {
            if cell.is_empty() || cell::is_null_token(cell) {
                continue;
            }
            values += 1;
            below = below.and(kinds_of(cell));
        }
        if values == 0 || below == Kinds::NONE {
            continue;
        }
        // A word above numbers or days names them.
        if !name.is_empty() && !cell::is_null_token(name) && below.and(kinds[at]) == Kinds::NONE {
            return true;
        }
        if !name.is_empty() && kinds[at] != Kinds::NONE {
            typed_alike += 1;
        }
    }
    if typed_alike > 0 {
        return are_years(&first.cells, typed_alike);
    }
    // Text alone: names differ from one another and do not come again below them.
    let mut names = HashSet::new();
    let are_unlike = first
        .cells
        .iter()
        .all(|name| name.is_empty() || names.insert(name.to_lowercase()));
    let comes_again = |(at, name): (usize, &String)| {
        let mut cells = body.iter().filter_map(|row| row.cells.get(at));
        !name.is_empty() && cells.any(|cell| cell == name)
    };
    are_unlike && !first.cells.iter().enumerate().any(comes_again)
}

/// Whether a row of words stands above a column of something else.
fn kinds_differ(first: &Sampled, body: &[Sampled]) -> bool {
    first.cells.iter().enumerate().any(|(at, name)| {
        let below = body
            .iter()
            .filter_map(|row| row.cells.get(at))
            .filter(|cell| !cell.is_empty());
        let below = below.fold(Kinds::ALL, |kinds, cell| kinds.and(kinds_of(cell)));
        !name.is_empty()
            && kinds_of(name) == Kinds::NONE
            && below != Kinds::ALL
            && below != Kinds::NONE
    })
}

fn kinds_of(cell: &str) -> Kinds {
    match cell::split_unit(cell) {
        Some((number, _)) => cell::kinds(number).and(Kinds::DECIMALS),
        None => cell::kinds(cell),
    }
}

/// Years in a row beside names, as tables have them that grow to the right.
fn are_years(cells: &[String], typed: usize) -> bool {
    let year = |cell: &String| {
        cell.parse::<u16>()
            .ok()
            .filter(|year| (1800..=2200).contains(year))
    };
    let years: Vec<u16> = cells.iter().filter_map(year).collect();
    let steps = years.windows(2).all(|pair| pair[0].abs_diff(pair[1]) == 1);
    years.len() > 1 && years.len() == typed && steps && cells.len() > years.len()
}
