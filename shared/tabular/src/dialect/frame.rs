//! Where in a file the table is: the lines above it, its header, and how many columns it has.

use serde::Serialize;

use crate::dialect::header::{Below, Sampled, are_names, has_value, is_header, kinds_of, named_by};
use crate::dialect::heads;
use crate::dialect::judge::PREAMBLE_ROWS_MAX;
use crate::dialect::stacked;
use crate::limits::Limits;
use crate::parsing::row::{Dialect, Row};
use crate::parsing::rows::Rows;
use crate::types::cell::Kinds;
use crate::types::words::says_nothing;
use consign_hints::Hints;

/// Rows of the sample that are looked at.
const ROWS_MAX: usize = 500;
/// Rows that end early, from which on they may be meant so.
const SHORT_MIN: usize = 5;
/// Rows of words that make names of the words above them, below a title.
const NAMED_MIN: usize = 5;
/// Rows above a table that may have more than one cell.
const TITLES_MAX: usize = 4;

/// What the first row of a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// How many fields rows have, least and most, that leave the last columns out.
    pub(crate) short: Option<(usize, usize)>,
    /// The line of the last row of the header, where it has several.
    pub(crate) header_end: u64,
    /// Where notes or another table begin, below the table.
    pub(crate) end_line: u64,
    /// A row that says the same as the header is one, where files were joined.
    pub(crate) repeats: bool,
    /// No row of the sample has a delimiter.
    pub(crate) is_lone: bool,
}

impl Frame {
    /// Of a text that is all table, and names its columns itself.
    pub(crate) const NONE: Self = Self {
        first_line: 1,
        header: Header::None,
        columns: 1,
        short: None,
        header_end: 0,
        end_line: u64::MAX,
        repeats: false,
        is_lone: false,
    };
}

/// What is known of a text before its frame.
pub(crate) struct Given<'a> {
    pub(crate) dialect: Dialect,
    /// The first line that may belong to the table.
    pub(crate) first_line: u64,
    pub(crate) limits: Limits,
    pub(crate) hints: &'a Hints,
}

/// Finds the frame.
pub(crate) fn find(sample: &str, whole: bool, given: &Given<'_>) -> Frame {
    let (first_line, hints) = (given.first_line, given.hints);
    let mut parser = Rows::new(given.dialect, given.limits);
    parser.start_at(hints.skip_rows.unwrap_or(0) + 1, 0);
    let mut rows: Vec<Sampled> = Vec::new();
    let mut first_is_faulty = None;
    let has_row = std::cell::Cell::new(false);
    let mut keep = |row: &Row<'_>| {
        if row.line >= first_line {
            has_row.set(true);
            first_is_faulty.get_or_insert(row.faulty);
        }
        if rows.len() < ROWS_MAX && row.line >= first_line && !row.faulty {
            rows.push(Sampled::of(row, &hints.null_values));
        }
        Ok(())
    };
    let read = parser.push(sample, &mut keep);
    let is_cut = !whole && !has_row.get();
    if read.is_ok() && (whole || rows_are_none(sample)) {
        let _ = parser.finish(&mut keep);
    }
    if first_is_faulty == Some(true) && hints.header != Some(false) {
        // Nothing to name the columns by: the survey refuses it.
        return Frame {
            first_line,
            header: Header::Row,
            columns: usual_width(&rows),
            ..Frame::NONE
        };
    }
    let frame = Frame {
        is_lone: !rows.is_empty() && rows.iter().all(|row| row.fields == 1),
        ..frame_of(&rows, whole, given)
    };
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

fn frame_of(rows: &[Sampled], whole: bool, given: &Given<'_>) -> Frame {
    let (table, others) = rows.split_at(stacked::end(rows, whole && rows.len() < ROWS_MAX));
    Frame {
        end_line: others.first().map_or(u64::MAX, |other| other.line),
        ..table_of(table, whole || !others.is_empty(), given)
    }
}

fn table_of(rows: &[Sampled], whole: bool, given: &Given<'_>) -> Frame {
    let (told, first_line) = (given.hints.header, given.first_line);
    let columns = usual_width(rows);
    // Who says how many lines to skip says where the table begins.
    let is_told = given.hints.skip_rows.is_some();
    let mut start = if is_told {
        0
    } else {
        skip_preamble(rows, columns, told == Some(false))
    };
    let extent = |start| match told {
        None => heads::extent(rows, start, columns),
        Some(_) => (start, start),
    };
    for _ in 0..if is_told { 0 } else { TITLES_MAX } {
        let is_row =
            told == Some(false) && rows.get(start).is_some_and(|row| row.fields == columns);
        let is_title = extent(start) == (start, start) && is_title(&rows[start..], columns);
        start += usize::from(is_title && !is_row);
    }
    let (from, last) = extent(start);
    let Some((first, body)) = rows.get(last..).and_then(<[_]>::split_first) else {
        return Frame {
            first_line,
            header: Header::Row,
            columns: 1,
            ..Frame::NONE
        };
    };
    let frame = Frame {
        first_line: if from == 0 {
            first_line
        } else {
            rows[from].line
        },
        header: Header::Row,
        columns,
        ..Frame::NONE
    };
    if from < last {
        return Frame {
            header_end: first.line,
            columns: trailing(&rows[from..], columns, whole).unwrap_or(columns),
            ..frame
        };
    }
    let short = (told != Some(false)).then(|| below_short(first, body, frame));
    if let Some(short) = short.flatten() {
        return short;
    }
    let header = match told {
        Some(true) => Header::Row,
        Some(false) => Header::None,
        None if is_header(first, body) || is_below_title(&rows[..from], first, body) => Header::Row,
        None => Header::None,
    };
    let (columns, short) = width(&rows[start..], columns, whole, header);
    Frame {
        header,
        columns,
        short,
        repeats: header == Header::Row && named_by(first, body).1,
        ..frame
    }
}

/// Whether a row names the columns below titles that say so.
fn is_below_title(above: &[Sampled], first: &Sampled, body: &[Sampled]) -> bool {
    let is_lone = |row: &Sampled| row.cells.iter().skip(1).all(String::is_empty);
    let is_table = !above.is_empty() && body.len() >= NAMED_MIN;
    is_table && above.iter().all(is_lone) && are_names(first, body)
}

/// A first row that is one field short: the rows have a name each, or end with a delimiter or with a blank.
fn below_short(first: &Sampled, body: &[Sampled], frame: Frame) -> Option<Frame> {
    let columns = frame.columns;
    if first.fields + 1 != columns || columns < 2 || body.is_empty() {
        return None;
    }
    let full_rows = || body.iter().filter(|row| row.fields == columns);
    let ends_empty = full_rows().all(Sampled::last_is_empty);
    let ends_blank = full_rows().all(Sampled::last_is_blank);
    let (header, width) = match (ends_empty, ends_blank) {
        (true, _) => (Header::Row, columns - 1),
        (false, true) => (Header::Row, columns),
        (false, false) => (Header::RowWithoutFirst, columns),
    };
    // A first row that is as short as some rows of the body is no such header.
    let is_header = ends_empty || body.iter().all(|row| row.fields >= columns);
    is_header.then_some(Frame {
        header,
        columns: width,
        ..frame
    })
}

/// How many columns the table has, and how many fields its rows have where the header names more.
fn width(
    rows: &[Sampled],
    columns: usize,
    whole: bool,
    header: Header,
) -> (usize, Option<(usize, usize)>) {
    let (first, body) = (&rows[0], &rows[1..]);
    let without_last = |columns| (trailing(rows, columns, whole).unwrap_or(columns), None);
    if header == Header::None && !body.is_empty() {
        return without_last(columns);
    }
    // A delimiter that ends the header alone, or all rows and the header.
    let ends_alone = first.fields == columns + 1
        && first.ends_with_delimiter()
        && body.iter().all(|row| row.fields == columns);
    if ends_alone || body.is_empty() {
        return without_last(if ends_alone { columns } else { first.fields });
    }
    // Rows that agree with each other, and not with the header: it leaves columns out, or names some that none fills.
    if first.fields != columns && columns > 1 && agree(body, columns) {
        let short = (columns < first.fields).then_some((columns, columns));
        return (columns.max(first.fields), short);
    }
    let (columns, _) = without_last(first.fields);
    (columns, ragged(first, body, columns))
}

/// How many fields rows have, least and most, that end where the last columns have no value: some programs leave out the
/// delimiters there. Numbers and days tell that the cells which are there stand below their names.
fn ragged(first: &Sampled, body: &[Sampled], columns: usize) -> Option<(usize, usize)> {
    let short = || {
        body.iter()
            .filter(|row| row.fields < columns && row.filled() > 0)
    };
    let named = first.cells.iter().rposition(|name| !name.is_empty())? + 1;
    let all_named = |least: usize| least >= named && named > 1;
    let least = short().map(|row| row.fields).min()?;
    if all_named(least) {
        return Some((named, columns - 1));
    }
    if short().count() < SHORT_MIN || short().count() * 10 < body.len() {
        return None;
    }
    let full = || body.iter().filter(|row| row.fields >= columns);
    let known = |at: &usize| kinds_at(full(), *at).is_some_and(|kinds| kinds != Kinds::NONE);
    let is_aligned = (0..least).all(|at| match (kinds_at(full(), at), kinds_at(short(), at)) {
        (Some(Kinds::NONE), Some(kinds)) => kinds == Kinds::NONE,
        (Some(full), Some(kinds)) => full.and(kinds) == full,
        (None, _) | (_, None) => true,
    });
    let known: Vec<usize> = (0..least).filter(known).collect();
    // A cell that is missing further to the left would show in the columns to the right.
    let is_told = known.len() < least && known.last().is_some_and(|last| last * 2 >= least);
    (is_aligned && is_told).then_some((least, columns - 1))
}

/// What all values of a column are, where it has some.
fn kinds_at<'a>(rows: impl Iterator<Item = &'a Sampled>, at: usize) -> Option<Kinds> {
    let cells = rows.filter_map(|row| row.cells.get(at));
    let values = cells.filter(|cell| has_value(cell));
    values.map(|cell| kinds_of(cell)).reduce(Kinds::and)
}

/// Delimiters that end every row, the header too, make no column: how many there are without them. Where later rows are not
/// known yet, they may.
fn trailing(rows: &[Sampled], columns: usize, whole: bool) -> Option<usize> {
    let first = rows.first()?;
    let is_empty = |row: &Sampled| match row.cells.get(columns - 1) {
        Some(_) if row.cells.len() == columns => row.last_is_empty(),
        Some(cell) => cell.is_empty(),
        None => true,
    };
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
    // Else it is the first row of a table whose values are missing.
    let void = header.cells.iter().filter(|cell| says_nothing(cell));
    let are_named = are_named && void.count() * 2 < header.filled();
    if title.fields + 1 == columns {
        are_named && is_header(header, body)
    } else if title.fields == columns {
        // Names of groups of columns.
        let inside = title.cells.get(1..columns.saturating_sub(1));
        let has_gap = inside.is_some_and(|cells| cells.iter().any(String::is_empty));
        let is_word = |cell: &String| {
            cell.is_empty() || cell.contains(char::is_alphabetic) && kinds_of(cell) == Kinds::NONE
        };
        let are_words = header.cells.iter().all(is_word);
        // A name that is missing makes no title of the others.
        let is_left_out = title.cells[0].is_empty() && typed * 2 >= header.filled();
        let gaps = || (0..columns).filter(|at| title.cells[*at].is_empty());
        let below = Below::of(header, body);
        let leaves_out = header.filled() == columns
            && gaps().count() > 1
            && gaps().any(|at| below.kinds(at).is_some());
        let is_apart = is_left_out || leaves_out || !header.are_unlike_words();
        are_named && has_gap && are_words && is_apart && title.filled() < header.filled()
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

/// How many rows stand above the table: comments, titles and notes. Where it is told that no row names the columns, those that
/// are as wide as the table are rows of it: nothing else would be left of them.
fn skip_preamble(rows: &[Sampled], columns: usize, is_nameless: bool) -> usize {
    let most = rows.len().min(PREAMBLE_ROWS_MAX);
    let comments = rows[..most]
        .iter()
        .take_while(|row| !(is_nameless && row.fields == columns))
        .take_while(|row| row.is_comment || columns > 1 && row.is_remark())
        .count();
    // Where each row begins so, it is what the rows are about: colours, channels, places in a list.
    let mut start = if comments == rows.len() { 0 } else { comments };
    // `#id,name` names columns where nothing else does.
    if comments > 0 && comments < rows.len() {
        let (last, rest) = (&rows[comments - 1], &rows[comments..]);
        let is_row = !is_header(&rest[0], &rest[1..]) || names_words(last, rest);
        if columns > 1 && last.fields == columns && is_header(last, rest) && is_row {
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
            if is_nameless && above.iter().any(|row| row.fields == columns) {
                return start;
            }
            let is_bare = |row: &Sampled| row.fields + 1 < columns || row.filled() < 2;
            // A few rows may have some cells, as names of groups of columns do.
            let are_titles = above.iter().all(is_bare)
                || above.len() <= TITLES_MAX && above.iter().all(|row| row.filled() * 2 < used);
            // Sparse rows above are data unless a header follows them.
            let (names, body) = (&rows[found], &rows[found + 1..]);
            let header_follows = is_header(names, body) || is_below_title(above, names, body);
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

/// Whether a row whose first letter is a hash names columns of words, `#tag,note`, and is no comment: it has a name for each.
fn names_words(first: &Sampled, rest: &[Sampled]) -> bool {
    let is_name = |cell: &String| !cell.is_empty() && cell.split(' ').count() <= 2;
    let name = first.cells[0].trim_start_matches('#');
    let is_named = name.starts_with(char::is_alphabetic) && first.cells.iter().all(is_name);
    is_named && first.are_unlike_words() && named_by(&rest[0], &rest[1..]).0 == 0
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
