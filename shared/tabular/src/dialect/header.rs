//! Which rows name columns, by what stands below them.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::parsing::row::Row;
use crate::types::cell::{self, Kinds};

/// Rows of fractions that make a name of a year above them.
const FRACTIONS_MIN: usize = 10;
/// Values of a column that tell what it is where the header comes again below it.
const VALUES_MIN: usize = 5;
/// Cells of a column whose values come again that make a name of one that does not.
const REPEATED_MIN: usize = 20;
/// Bytes of a cell that are looked at.
const CELL_BYTES_MAX: usize = 256;

/// What is kept of a row of the sample.
pub(crate) struct Sampled {
    pub(crate) line: u64,
    pub(crate) fields: usize,
    pub(crate) cells: Vec<String>,
    /// It begins as comments do. Cells of a sheet are no text that may have some.
    pub(crate) is_comment: bool,
    /// Whether the last cell is in quotes: then it is no blank that a delimiter leaves behind it.
    ends_quoted: bool,
}

impl Sampled {
    /// With those of its cells empty that stand for null.
    pub(crate) fn of(row: &Row<'_>, nulls: &BTreeSet<String>) -> Self {
        let cell = |raw: &str| {
            if nulls.contains(raw) {
                return String::new();
            }
            cell::trim(&raw[..raw.floor_char_boundary(CELL_BYTES_MAX)]).to_owned()
        };
        let cells: Vec<String> = row.cells().map(|found| cell(found.raw)).collect();
        Self {
            line: row.line,
            fields: row.fields,
            is_comment: !row.dialect.typed
                && cells.first().is_some_and(|cell| cell.starts_with('#')),
            cells,
            ends_quoted: row.cells().last().is_some_and(|found| found.quoted),
        }
    }

    pub(crate) fn filled(&self) -> usize {
        self.cells.iter().filter(|cell| !cell.is_empty()).count()
    }

    /// Whether it is a line of one field that begins as comments of programs do.
    pub(crate) fn is_remark(&self) -> bool {
        self.fields == 1 && self.cells.first().is_some_and(|cell| is_remark(cell))
    }

    pub(crate) fn last_is_empty(&self) -> bool {
        !self.ends_quoted && self.cells.last().is_none_or(String::is_empty)
    }

    /// As it is where a line end stands in quotes.
    pub(crate) fn last_is_blank(&self) -> bool {
        self.cells.last().is_none_or(|cell| cell.trim().is_empty())
    }

    /// Whether its cells are words that differ from one another.
    pub(crate) fn are_unlike_words(&self) -> bool {
        let mut words = HashSet::new();
        let mut cells = self.cells.iter().filter(|cell| !cell.is_empty());
        let are_unlike = cells.all(|cell| cell.contains(char::is_alphabetic) && words.insert(cell));
        are_unlike && words.len() > 1
    }

    /// Whether it has values, and none in its last field.
    pub(crate) fn ends_with_delimiter(&self) -> bool {
        self.last_is_empty() && self.filled() > 0
    }
}

/// Whether a line begins as comments of programs do.
pub(crate) fn is_remark(line: &str) -> bool {
    ["%", "//", "-- ", "!"]
        .iter()
        .any(|sign| line.starts_with(sign))
}

/// Whether the first row names the columns: by the types of what is below it, else by what names look like.
pub(crate) fn is_header(first: &Sampled, body: &[Sampled]) -> bool {
    let kinds: Vec<Kinds> = first.cells.iter().map(|cell| kinds_of(cell)).collect();
    if body.is_empty() {
        // A row alone: names, unless a number or a day is among them.
        return kinds.iter().all(|kinds| *kinds == Kinds::NONE);
    }
    let below = Below::of(first, body);
    let mut typed_alike = 0;
    for (at, name) in first.cells.iter().enumerate() {
        let Some(below) = below.kinds(at) else {
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
    // Text alone.
    are_unlike(first, body.iter())
}

/// Whether a row below a title names the columns of words: the header may come again, above other parts of the table.
pub(crate) fn are_names(first: &Sampled, body: &[Sampled]) -> bool {
    let is_word =
        |cell: &&String| cell.contains(char::is_alphabetic) && kinds_of(cell) == Kinds::NONE;
    let words = first.cells.iter().filter(is_word).count();
    let begins = first.cells.first().is_some_and(|cell| !cell.is_empty());
    let is_again = |row: &&Sampled| row.cells.first() == first.cells.first();
    words > 2
        && words == first.filled()
        && begins
        && are_unlike(first, body.iter().filter(|row| !is_again(row)))
}

/// Whether names differ from one another and do not come again below them.
fn are_unlike<'a>(first: &Sampled, body: impl Iterator<Item = &'a Sampled> + Clone) -> bool {
    let mut names = HashSet::new();
    let are_unlike = first
        .cells
        .iter()
        .all(|name| name.is_empty() || names.insert(name.to_lowercase()));
    if !are_unlike {
        return false;
    }
    let comes_again = |(at, name): (usize, &String)| {
        let mut cells = body.clone().filter_map(|row| row.cells.get(at));
        !name.is_empty() && cells.any(|cell| cell == name)
    };
    let named = first.cells.iter().enumerate();
    let again = named.clone().filter(|name| comes_again(*name)).count();
    // A word may be a value as well: `ID` is a country. Then others have to be names the more.
    let is_no_value = |(at, name): &(usize, &String)| {
        let column = body.clone().filter_map(|row| row.cells.get(*at));
        !name.is_empty() && !comes_again((*at, name)) && all_come_again(column)
    };
    let is_some_value =
        || again * 3 <= first.filled() && named.filter(is_no_value).count() >= again;
    again == 0 || is_some_value()
}

/// Whether each value of a column is there several times, so that a single one is rather no value of it.
fn all_come_again<'a>(column: impl Iterator<Item = &'a String>) -> bool {
    let mut counts = HashMap::new();
    column
        .filter(|cell| !cell.is_empty())
        .for_each(|cell| *counts.entry(cell).or_insert(0) += 1);
    let values: usize = counts.values().sum();
    values >= REPEATED_MIN && counts.values().all(|count| *count > 1)
}

/// How many columns are of something else than words, and whether there are some and a word stands above each.
pub(crate) fn named_by(first: &Sampled, body: &[Sampled]) -> (usize, bool) {
    let below = Below::of(first, body);
    let (mut typed, mut named) = (0, 0);
    for (at, name) in first.cells.iter().enumerate() {
        if let Some(below) = below.kinds(at) {
            typed += 1;
            named += usize::from(has_value(name) && below.and(kinds_of(name)) == Kinds::NONE);
        }
    }
    (typed, typed > 0 && named == typed)
}

/// The rows below one that may name their columns.
pub(crate) struct Below<'a> {
    rows: Vec<&'a Sampled>,
    /// The header comes again among them, where files were joined.
    is_joined: bool,
}

impl<'a> Below<'a> {
    pub(crate) fn of(first: &Sampled, body: &'a [Sampled]) -> Self {
        let may_come = first.fields > 1 && first.are_unlike_words();
        let comes_again = |row: &&Sampled| may_come && first.cells == row.cells;
        let rows: Vec<&Sampled> = body.iter().filter(|row| !comes_again(row)).collect();
        Self {
            is_joined: rows.len() < body.len(),
            rows,
        }
    }

    /// What the values of a column are, where it has some and they are something else than words.
    pub(crate) fn kinds(&self, at: usize) -> Option<Kinds> {
        let cells = self.rows.iter().filter_map(|row| row.cells.get(at));
        let mut values = 0;
        let kinds = cells.filter(|cell| has_value(cell)).map(|cell| {
            values += 1;
            kinds_of(cell)
        });
        let below = kinds.reduce(Kinds::and)?;
        let is_told = !self.is_joined || values >= VALUES_MIN;
        (is_told && below != Kinds::NONE).then_some(below)
    }
}

pub(crate) fn has_value(cell: &str) -> bool {
    !cell.is_empty() && !cell::is_null_token(cell)
}

pub(crate) fn kinds_of(cell: &str) -> Kinds {
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
