//! Headers of several rows: names of groups above names of columns, units below them, or a header that is there twice.

use std::cell::OnceCell;
use std::collections::HashSet;

use crate::dialect::header::{Below, Sampled, has_value, kinds_of};
use crate::types::cell::Kinds;
use crate::types::words::{are_units, says_nothing};

/// Rows of a header at most.
const ROWS_MAX: usize = 5;
/// Rows of the table that tell what its columns are.
const BODY_MIN: usize = 2;
/// Bytes of a word that may be a unit or the name of a column under a group.
const WORD_BYTES_MAX: usize = 160;

/// The first and the last row of the header, of which `start` is one.
pub(crate) fn extent(rows: &[Sampled], start: usize, columns: usize) -> (usize, usize) {
    for up in (0..ROWS_MAX.min(start + 1)).rev() {
        for down in (0..ROWS_MAX - up).rev() {
            let (from, last) = (start - up, start + down);
            if from < last && last + 1 < rows.len() && is_head(rows, (from, start, last), columns) {
                return (from, last);
            }
        }
    }
    (start, start)
}

fn is_head(rows: &[Sampled], (from, start, last): (usize, usize, usize), columns: usize) -> bool {
    let (head, body) = (&rows[from..=last], &rows[last + 1..]);
    let is_wide = |row: &Sampled| {
        let is_ended = row.fields == columns + 1 && row.last_is_empty();
        row.fields == columns || row.fields + 1 == columns || is_ended
    };
    if columns < 2
        || body.len() < BODY_MIN
        || head[0].filled() < 2
        || head[head.len() - 1].filled() == 0
    {
        return false;
    }
    let is_comment = |row: &Sampled| row.is_comment || row.is_remark();
    if !head.iter().all(is_wide) || rows[from..start].iter().any(is_comment) {
        return false;
    }
    let mut deep = 1;
    for at in 1..head.len() {
        let row = &head[at];
        // Spreadsheets leave a row between, which the next one has to explain.
        if row.filled() == 0 {
            continue;
        }
        let pair = Pair {
            above: &head[..at],
            row,
            body,
            is_known: from + at == start,
            below: OnceCell::new(),
        };
        if !pair.belongs(deep) {
            return false;
        }
        deep += 1;
    }
    deep > 1
}

/// A row, those of the header above it, and those of the table below the header.
struct Pair<'a> {
    above: &'a [Sampled],
    row: &'a Sampled,
    body: &'a [Sampled],
    /// The row names the columns in any case.
    is_known: bool,
    below: OnceCell<Below<'a>>,
}

impl Pair<'_> {
    /// Whether the row belongs to a header that has `deep` rows above it.
    fn belongs(&self, deep: usize) -> bool {
        let words = self.row.cells.iter().filter(|cell| !cell.is_empty());
        let are_words = words.clone().all(|cell| {
            has_value(cell) && kinds_of(cell) == Kinds::NONE && cell.len() <= WORD_BYTES_MAX
        });
        let has_letters =
            words.clone().filter(|cell| is_wordy(cell)).count() * 2 >= self.row.filled();
        // Values that are missing are no names, though one of them may be the name of a group's last part.
        let is_void = words.filter(|cell| says_nothing(cell)).count() * 2 >= self.row.filled();
        if !are_words || !has_letters || is_void {
            return false;
        }
        self.is_again() || self.is_under_groups() || self.is_part(deep) || self.are_units()
    }

    /// The header again.
    fn is_again(&self) -> bool {
        let above = &self.above[self.above.len() - 1];
        let (typed, named) = self.typed();
        above.cells == self.row.cells && self.row.are_unlike_words() && typed > 0 && named == typed
    }

    /// Names of all columns under names of some groups of them.
    fn is_under_groups(&self) -> bool {
        let groups = &self.above[0];
        let names = &self.row.cells;
        let is_left_out = self.is_empty_above(0);
        let mut seen = HashSet::new();
        let mut some = names.iter().filter(|name| !name.is_empty());
        let come_again = some.any(|name| !seen.insert(name));
        let fills_gap = (1..names.len()).any(|at| self.is_empty_above(at) && !names[at].is_empty());
        let (typed, named) = self.typed();
        (is_left_out || come_again)
            && fills_gap
            && groups.filled() < self.row.filled()
            && named == typed
            && (typed > 0 && self.words_are_apart() || self.is_known && come_again)
    }

    /// Names of some columns under names that stand for several; the first column has its name already.
    fn is_part(&self, deep: usize) -> bool {
        let is_first_left_out = self.cell(0).is_empty() && !self.is_empty_above(0);
        if !is_first_left_out || !self.words_are_apart() {
            return false;
        }
        let (_, named) = self.typed();
        let fills = |at: usize| self.is_empty_above(at) && !self.cell(at).is_empty();
        let filled = (1..self.row.cells.len()).filter(|at| fills(*at)).count();
        // A group has one more column at least: a word below any other name is a value.
        let begins = |at: usize| at + 1 < self.row.cells.len() && self.is_empty_above(at + 1);
        let is_in_group = |at: usize| self.cell(at).is_empty() || fills(at) || begins(at);
        let are_in_groups = || (0..self.row.cells.len()).all(is_in_group);
        named > 0 && (deep > 1 || filled > 0 && self.row.filled() > 1 && are_in_groups())
    }

    /// Units under names: a word above each column, and no column of words.
    fn are_units(&self) -> bool {
        let above = &self.above[self.above.len() - 1];
        let are_named = |at: usize| above.cells.get(at).is_some_and(|cell| has_value(cell));
        let used = (0..self.row.cells.len().max(above.cells.len())).filter(|at| {
            let mut below = self.body.iter().filter_map(|row| row.cells.get(*at));
            !self.cell(*at).is_empty() || below.any(|cell| has_value(cell))
        });
        let used: Vec<usize> = used.collect();
        let below = self.below.get_or_init(|| Below::of(self.row, self.body));
        let is_typed = |at: &usize| below.kinds(*at).is_some();
        let are_words = above.cells.iter().all(|cell| kinds_of(cell) == Kinds::NONE);
        used.len() > 1
            && are_words
            && self.row.filled() * 2 > used.len()
            && are_units(self.row.cells.iter().filter(|cell| !cell.is_empty()))
            && used.iter().all(|at| are_named(*at) && is_typed(at))
    }

    /// Whether most of a column are numbers or days: others say that there is none, or belong to notes below the table.
    fn is_typed(&self, at: usize) -> bool {
        let cells = self.body.iter().filter_map(|row| row.cells.get(at));
        let values = cells.filter(|cell| has_value(cell) && cell.contains(char::is_alphanumeric));
        let (typed, all) = values.fold((0, 0), |(typed, all), cell| {
            (typed + usize::from(kinds_of(cell) != Kinds::NONE), all + 1)
        });
        typed > 0 && typed * 10 >= all * 7
    }

    fn cell(&self, at: usize) -> &str {
        self.row.cells.get(at).map_or("", String::as_str)
    }

    /// Whether no row above has a name at this place.
    fn is_empty_above(&self, at: usize) -> bool {
        let mut cells = self.above.iter().map(|row| row.cells.get(at));
        cells.all(|cell| cell.is_none_or(String::is_empty))
    }

    /// Columns of numbers or days, and those of them that have a word in the row.
    fn typed(&self) -> (usize, usize) {
        let places = 0..self.row.cells.len();
        let typed = places.filter(|at| self.is_typed(*at));
        typed.fold((0, 0), |(typed, named), at| {
            (typed + 1, named + usize::from(!self.cell(at).is_empty()))
        })
    }

    /// Whether the words stand above numbers or days, or where nothing above them is a name.
    fn words_are_apart(&self) -> bool {
        (0..self.row.cells.len()).all(|at| {
            self.cell(at).is_empty()
                || self.is_empty_above(at)
                || self.is_typed(at)
                || self
                    .body
                    .iter()
                    .all(|row| row.cells.get(at).is_none_or(String::is_empty))
        })
    }
}

/// Whether a cell may be a name or a unit: it has a letter or a sign of one.
fn is_wordy(cell: &str) -> bool {
    cell.contains(|letter: char| letter.is_alphabetic() || "%°$€£#".contains(letter))
}

/// The names of the columns from the rows of a header: names of groups hold for the columns to their right that have a name
/// further down.
pub(crate) fn joined(head: &[Vec<String>], columns: usize) -> Vec<String> {
    let cell = |row: usize, at: usize| head[row].get(at).map_or("", |cell| cell.trim());
    let mut names = vec![String::new(); columns];
    for row in 0..head.len() {
        let mut group = "";
        for (at, name) in names.iter_mut().enumerate() {
            let begins = (0..row).any(|above| !cell(above, at).is_empty());
            if begins || !cell(row, at).is_empty() {
                group = cell(row, at);
            }
            let has_part = (row + 1..head.len()).any(|below| !cell(below, at).is_empty());
            let part = if cell(row, at).is_empty() && !has_part {
                ""
            } else {
                group
            };
            if !part.is_empty() && !is_last_part(name, part) {
                if !name.is_empty() {
                    name.push(' ');
                }
                name.push_str(part);
            }
        }
    }
    names
}

/// Whether the name ends with this part already: the header stands there twice.
fn is_last_part(name: &str, part: &str) -> bool {
    let before = name.strip_suffix(part);
    before.is_some_and(|before| before.is_empty() || before.ends_with(' '))
}

#[cfg(test)]
mod tests {
    use super::joined;

    fn names(head: &[&str]) -> Vec<String> {
        let head: Vec<Vec<String>> = head
            .iter()
            .map(|row| row.split(',').map(str::to_owned).collect())
            .collect();
        joined(&head, head[0].len())
    }

    #[test]
    fn groups_hold_as_far_as_they_have_parts() {
        assert_eq!(
            names(&["who,travel,,,other", ",air,rail,,"]),
            ["who", "travel air", "travel rail", "", "other"]
        );
        assert_eq!(
            names(&["a,,b,", "x,,,", "1,2,3,4"]),
            ["a x 1", "a x 2", "b 3", "b 4"]
        );
        assert_eq!(names(&["id,v", "id,v"]), ["id", "v"]);
        assert_eq!(names(&["m,m", "mm,v"]), ["m mm", "m v"]);
    }
}
