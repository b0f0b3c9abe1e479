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
/// Rows of fractions that make a name of a year above them.
const FRACTIONS_MIN: usize = 10;
/// Rows above a table that may have more than one cell.
const TITLES_MAX: usize = 4;
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

    /// As it is where a line end stands in quotes.
    fn last_is_blank(&self) -> bool {
        self.cells.last().is_none_or(|cell| cell.trim().is_empty())
    }

    /// Whether it has values, and none in its last field.
    fn ends_with_delimiter(&self) -> bool {
        self.last_is_empty() && self.filled() > 0
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

/// Whether the first row names the columns: by the types of what is below it, else by what names look like.
fn is_header(first: &Sampled, body: &[Sampled]) -> bool {
    let kinds: Vec<Kinds> = first.cells.iter().map(|cell| kinds_of(cell)).collect();
    if body.is_empty() {
        // A row alone: names, unless a number or a day is among them.
        return kinds.iter().all(|kinds| *kinds == Kinds::NONE);
    }
    let mut typed_alike = 0;
    for (at, name) in first.cells.iter().enumerate() {
        let Some(below) = kinds_below(body, at) else {
            continue;
        };
        // A word above numbers or days names them.
        if has_value(name) && below.and(kinds[at]) == Kinds::NONE {
            return true;
        }
        if !name.is_empty() && kinds[at] != Kinds::NONE {
            typed_alike += 1;
        }
    }
    if typed_alike > 0 {
        return are_numbers_in_a_row(first, body, typed_alike);
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

/// How many columns are of something else than words, and whether there are some and a word stands above each.
fn named_by(first: &Sampled, body: &[Sampled]) -> (usize, bool) {
    let (mut typed, mut named) = (0, 0);
    for (at, name) in first.cells.iter().enumerate() {
        if let Some(below) = kinds_below(body, at) {
            typed += 1;
            named += usize::from(has_value(name) && below.and(kinds_of(name)) == Kinds::NONE);
        }
    }
    (typed, typed > 0 && named == typed)
}

/// What the values of a column are, where it has some and they are something else than words.
fn kinds_below(body: &[Sampled], at: usize) -> Option<Kinds> {
    let cells = body.iter().filter_map(|row| row.cells.get(at));
    let values = cells.filter(|cell| has_value(cell));
    let below = values.map(|cell| kinds_of(cell)).reduce(Kinds::and)?;
    (below != Kinds::NONE).then_some(below)
}

fn has_value(cell: &str) -> bool {
    !cell.is_empty() && !cell::is_null_token(cell)
}

fn kinds_of(cell: &str) -> Kinds {
    match cell::split_unit(cell) {
        Some((number, _)) => cell::kinds(number).and(Kinds::DECIMALS),
        None => cell::kinds(cell),
    }
}

/// Whether numbers beside words are names: years in a row or rising, many numbers in a row, as tables have them that grow
/// to the right, or one year above many fractions.
fn are_numbers_in_a_row(first: &Sampled, body: &[Sampled], typed: usize) -> bool {
    let number = |cell: &str| cell.parse::<u16>().ok();
    let is_year = |number: &u16| (1800..=2200).contains(number);
    let named: Vec<(usize, u16)> = first
        .cells
        .iter()
        .enumerate()
        .filter_map(|(at, cell)| Some((at, number(cell)?)))
        .collect();
    let numbers: Vec<u16> = named.iter().map(|(_, number)| *number).collect();
    if numbers.len() < typed || numbers.len() == first.cells.len() {
        return false;
    }
    let below = || {
        let places = named.iter().map(|(at, _)| *at);
        let cells = places.flat_map(|at| body.iter().filter_map(move |row| row.cells.get(at)));
        cells.filter(|cell| has_value(cell))
    };
    let fractions = below().filter(|cell| cell.parse::<i64>().is_err()).count();
    let are_years = numbers.iter().all(is_year);
    let years_below = below().all(|cell| number(cell).is_some_and(|number| is_year(&number)));
    let rising = numbers.is_sorted_by(|a, b| a < b) || numbers.is_sorted_by(|a, b| a > b);
    let steps = numbers
        .windows(2)
        .all(|pair| pair[0].abs_diff(pair[1]) == 1);
    match numbers.as_slice() {
        // A whole number above a few fractions may be one of them.
        [_] => are_years && body.len() >= FRACTIONS_MIN && fractions == below().count(),
        [_, _] => steps && are_years && !years_below,
        [0 | 1, _, _, _, _, _, ..] if steps => fractions * 2 > below().count(),
        _ => are_years && rising && !years_below,
    }
}
