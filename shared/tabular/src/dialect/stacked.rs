//! What stands below the table that is read: another table, or notes. It is rejected as such.

use std::collections::HashSet;

use crate::dialect::header::{Below, Sampled, has_value, kinds_of, named_by};
use crate::types::cell::Kinds;

/// Rows of a table below its header that are needed to believe in it.
const BODY_MIN: usize = 2;

/// How many rows belong to the first table: all where nothing else is below it.
pub(crate) fn end(rows: &[Sampled], whole: bool) -> usize {
    let Some(begin) = (BODY_MIN + 1..rows.len()).find(|at| is_other(rows, *at)) else {
        let notes = rows.iter().rev().take_while(|row| whole && is_note(row));
        let begin = rows.len() - notes.count();
        let is_table = first_table(&rows[..begin]).is_some() && begin >= 2 * (rows.len() - begin);
        return if is_table { begin } else { rows.len() };
    };
    let titles = rows[1..begin]
        .iter()
        .rev()
        .take_while(|row| is_title(rows, row));
    begin - titles.count()
}

/// Whether a row is the title of another table.
fn is_title(rows: &[Sampled], row: &Sampled) -> bool {
    row.fields != rows[0].fields && row.filled() < 2
}

/// Whether a row is a line of words.
fn is_note(row: &Sampled) -> bool {
    let words = |cell: &String| cell.contains(' ') && cell.contains(char::is_alphabetic);
    row.fields == 1
        && row
            .cells
            .first()
            .is_none_or(|cell| cell.is_empty() || words(cell))
}

/// Whether a row names the columns of another table than the one above it.
fn is_other(rows: &[Sampled], at: usize) -> bool {
    let (above, below) = rows.split_at(at);
    let titles = above.iter().rev().take_while(|row| is_title(above, row));
    let above = &above[..at - titles.count()];
    let (header, rows) = (&below[0], &below[1..]);
    if header.fields < 2
        || header.filled() < 2
        || above.last().is_none_or(|row| row.fields == header.fields)
    {
        return false;
    }
    let alike = rows.iter().take_while(|row| row.fields == header.fields);
    let (body, rest) = rows.split_at(alike.count());
    let Some((first, table)) = first_table(above) else {
        return false;
    };
    let columns = table[0].fields;
    if body.len() < BODY_MIN || columns == header.fields {
        return false;
    }
    // A small table above a large one is rather what a program says of itself.
    if table.len() * 3 < below.len() {
        return false;
    }
    let names: HashSet<&String> = first.cells.iter().filter(|name| !name.is_empty()).collect();
    let shared = header
        .cells
        .iter()
        .filter(|name| names.contains(name))
        .count();
    let are_words = |row: &Sampled| row.cells.iter().all(|cell| kinds_of(cell) == Kinds::NONE);
    let is_alike =
        shared > 1 && shared * 2 >= header.filled() && are_words(header) && are_words(first);
    let is_named = || columns > 2 && named_by(first, table).1 && named_by(header, body).1;
    is_alike || is_named() && !goes_on(first, table, rest)
}

/// Whether the table goes on further down: what is between are rows of it with a delimiter too many or too few.
fn goes_on(first: &Sampled, table: &[Sampled], rest: &[Sampled]) -> bool {
    let Some(next) = rest.iter().find(|row| row.fields == table[0].fields) else {
        return false;
    };
    let below = Below::of(first, table);
    let is_alike = |(at, cell): (usize, &String)| {
        let kinds = below.kinds(at).filter(|_| has_value(cell));
        kinds.is_none_or(|kinds| kinds.and(kinds_of(cell)) != Kinds::NONE)
    };
    next.cells != first.cells && next.cells.iter().enumerate().all(is_alike)
}

/// The header and the rows of the table that ends here, where nearly all of them agree.
fn first_table(above: &[Sampled]) -> Option<(&Sampled, &[Sampled])> {
    let columns = above.last()?.fields;
    let first = above
        .iter()
        .position(|row| row.fields.abs_diff(columns) <= 1)?;
    let (header, table) = above[first..].split_first()?;
    let alike = table.iter().filter(|row| row.fields == columns).count();
    let is_table = columns > 1 && table.len() >= BODY_MIN && alike * 10 >= table.len() * 9;
    let full = table.iter().position(|row| row.fields == columns)?;
    is_table.then_some((header, &table[full..]))
}
