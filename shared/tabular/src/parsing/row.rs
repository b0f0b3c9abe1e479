//! One row of cells, however it was read.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::held;
use crate::parsing::unescape;

/// How a text is divided into cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dialect {
    /// What stands between two cells; `None` where a row is one cell.
    pub(crate) delimiter: Option<u8>,
    /// What a quoted cell begins and ends with; `None` where quotes are letters.
    pub(crate) quote: Option<u8>,
    /// A backslash in a quoted cell takes the meaning from the letter behind it.
    pub(crate) backslash: bool,
    /// Blanks between a delimiter and a quote are no part of the cell.
    pub(crate) blanks: bool,
    /// Delimiters in a row count as one, and make no cell at the ends of a row: columns are aligned with blanks.
    pub(crate) runs: bool,
    /// A quote in a quoted cell ends it only before a delimiter or a line end; elsewhere it is a letter.
    pub(crate) bare_quotes: bool,
    /// Blanks behind a delimiter are a part of it.
    pub(crate) spaced: bool,
    /// Quoted cells are texts, whatever they look like: it was made from cells that have types.
    pub(crate) typed: bool,
}

impl Dialect {
    /// RFC 4180 with this delimiter.
    pub(crate) fn of(delimiter: u8) -> Self {
        Self {
            delimiter: Some(delimiter),
            quote: Some(b'"'),
            backslash: false,
            blanks: false,
            runs: false,
            bare_quotes: false,
            spaced: false,
            typed: false,
        }
    }
}

/// A cell as a range of its row's text, quotes excluded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) quoted: bool,
    /// Holds doubled quotes or backslashes.
    pub(crate) escaped: bool,
}

impl Span {
    /// What a row has where it is short of a column.
    pub(crate) const ABSENT: Self = Self {
        start: 0,
        end: 0,
        quoted: false,
        escaped: false,
    };

    /// Empty and not quoted.
    #[inline]
    pub(crate) fn is_absent(&self) -> bool {
        self.start == self.end && !self.quoted
    }

    /// The cell there in a text. With `literal` quoted cells are texts, whatever they look like.
    #[inline]
    pub(crate) fn cell<'a>(&self, text: &'a str, dialect: Dialect, literal: bool) -> Cell<'a> {
        Cell {
            raw: &text[self.start as usize..self.end as usize],
            quoted: self.quoted,
            literal: literal && self.quoted,
            escaped: dialect.quote.filter(|_| self.escaped),
            backslash: dialect.backslash,
        }
    }
}

/// A cell: its text as written between delimiters or quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell<'a> {
    pub(crate) raw: &'a str,
    pub(crate) quoted: bool,
    /// A text of a format that has types of its own: no number is read into it.
    pub(crate) literal: bool,
    /// The quote that is doubled inside, or `None`.
    escaped: Option<u8>,
    backslash: bool,
}

impl<'a> Cell<'a> {
    /// What a row has where it is short of a column.
    pub(crate) const ABSENT: Cell<'static> = Cell {
        raw: "",
        quoted: false,
        literal: false,
        escaped: None,
        backslash: false,
    };

    /// A text as it is.
    pub(crate) fn literal(text: &'a str) -> Self {
        Self {
            raw: text,
            quoted: true,
            literal: true,
            ..Self::ABSENT
        }
    }

    /// The value: doubled quotes made single, and escaped letters bare.
    pub(crate) fn value(&self) -> Cow<'a, str> {
        let Some(quote) = self.escaped.map(char::from) else {
            return Cow::Borrowed(self.raw);
        };
        let mut value = String::with_capacity(self.raw.len());
        let mut letters = self.raw.chars().peekable();
        while let Some(letter) = letters.next() {
            let next = letters.peek().copied();
            let is_doubled = letter == quote && next == Some(quote);
            // Of the letters behind a backslash only these two lose it: `\n` stays what it is.
            let is_escaped = self.backslash
                && letter == '\\'
                && matches!(next, Some(c) if c == quote || c == '\\');
            if is_doubled || is_escaped {
                value.extend(letters.next());
            } else {
                value.push(letter);
            }
        }
        Cow::Owned(value)
    }

    /// The value as it is written, where nothing in it is escaped.
    #[inline]
    pub(crate) fn as_written(&self) -> Option<&'a str> {
        self.escaped.is_none().then_some(self.raw)
    }

    /// Appends the value.
    #[inline]
    pub(crate) fn write(&self, into: &mut Vec<u8>) {
        let mut rest = self.raw.as_bytes();
        match self.escaped {
            Some(quote) if self.backslash => {
                while let Some(at) = memchr::memchr2(quote, b'\\', rest) {
                    let (letter, next) = (rest[at], rest.get(at + 1).copied());
                    let is_pair = match next {
                        Some(next) if next == quote => true,
                        Some(next) => letter == b'\\' && next == b'\\',
                        None => false,
                    };
                    into.extend_from_slice(&rest[..at]);
                    into.push(next.filter(|_| is_pair).unwrap_or(letter));
                    rest = &rest[at + 1 + usize::from(is_pair)..];
                }
                into.extend_from_slice(rest);
            }
            Some(quote) => {
                // Every quote inside is doubled.
                while let Some(at) = memchr::memchr(quote, rest) {
                    into.extend_from_slice(&rest[..=at]);
                    rest = rest.get(at + 2..).unwrap_or_default();
                }
                into.extend_from_slice(rest);
            }
            None => into.extend_from_slice(rest),
        }
    }

    /// Whether it is one of these words.
    pub(crate) fn is_one_of(&self, words: &BTreeSet<String>) -> bool {
        // An escaped letter takes two bytes: what is longer is none, and need not be copied.
        let may_be = |word: &String| word.len() >= self.raw.len() / 2;
        match self.as_written() {
            Some(value) => words.contains(value),
            None => words.iter().any(may_be) && words.contains(self.value().as_ref()),
        }
    }

    /// Nothing but blanks, and not quoted: what a delimiter that ends a row leaves behind it.
    fn is_blank(&self) -> bool {
        !self.quoted && self.raw.bytes().all(|byte| byte == b' ')
    }

    /// Empty and not quoted: null in a column of any type.
    pub(crate) fn is_absent(&self) -> bool {
        self.raw.is_empty() && !self.quoted
    }
}

/// The cells of a row.
pub(crate) fn values(row: &Row<'_>) -> Vec<String> {
    row.cells().map(|cell| cell.value().into_owned()).collect()
}

/// One row. `fields` may exceed the number of cells kept.
pub(crate) struct Row<'a> {
    /// The text without its line end.
    pub(crate) text: &'a str,
    /// The line where it starts, from 1.
    pub(crate) line: u64,
    /// Where it starts in the text, in bytes.
    pub(crate) offset: u64,
    /// How many lines it takes: more than one where a quoted cell holds line ends.
    pub(crate) lines: u64,
    /// How many fields it has.
    pub(crate) fields: usize,
    /// Something follows a closing quote.
    pub(crate) faulty: bool,
    /// It is an object that names a key twice.
    pub(crate) repeats_key: bool,
    /// Quoted cells are texts, whatever they look like.
    pub(crate) literal: bool,
    pub(crate) dialect: Dialect,
    pub(crate) spans: &'a [Span],
    /// The names of its cells, where each row has its own.
    pub(crate) keys: &'a [String],
}

/// Where a row is in the text.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub(crate) line: u64,
    pub(crate) lines: u64,
    pub(crate) offset: u64,
}

impl<'a> Row<'a> {
    /// The cell at this place.
    pub(crate) fn cell(&self, at: usize) -> Option<Cell<'a>> {
        let here = Row {
            spans: self.spans.get(at..=at)?,
            ..*self
        };
        here.cells().next()
    }

    pub(crate) fn cells(&self) -> impl ExactSizeIterator<Item = Cell<'a>> + use<'a> {
        let (text, dialect) = (self.text, self.dialect);
        let literal = self.literal || dialect.typed;
        let spans = self.spans.iter();
        spans.map(move |span| span.cell(text, dialect, literal))
    }

    /// Whether the row is of a format with types of its own.
    pub(crate) fn is_literal(&self) -> bool {
        self.literal
    }

    /// Whether these are its cells.
    #[inline]
    pub(crate) fn says(&self, cells: &[String]) -> bool {
        // Nearly all rows begin otherwise.
        let may_be = self
            .spans
            .first()
            .zip(cells.first())
            .is_some_and(|(span, cell)| {
                span.escaped || (span.end - span.start) as usize == cell.len()
            });
        let is_same = |(own, cell): (Cell<'_>, &String)| own.value() == cell.as_str();
        may_be && self.spans.len() == cells.len() && self.cells().zip(cells).all(is_same)
    }

    /// Whether it is of delimiters and blanks alone.
    pub(crate) fn is_void(&self) -> bool {
        let is_known = self.fields > 0 && self.fields == self.spans.len();
        is_known && !self.literal && self.cells().all(|cell| cell.is_blank())
    }

    /// Whether the row fits a table of so many columns: it has as many fields, or as many as rows have that are all short of
    /// the header, or more that are all empty.
    pub(crate) fn fits(&self, columns: usize, short: Option<(usize, usize)>) -> bool {
        let is_wide = self.fields > columns && self.fields == self.spans.len();
        self.fields == columns
            || short.is_some_and(|(least, most)| (least..=most).contains(&self.fields))
            || (is_wide && self.cells().skip(columns).all(|cell| cell.is_blank()))
    }
}

/// Rows that are put together from values, of formats other than delimited text.
#[derive(Default)]
pub(crate) struct RowBuilder {
    text: String,
    spans: Vec<Span>,
}

impl RowBuilder {
    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    /// Makes room for so many bytes of text, and no more.
    pub(crate) fn expect(&mut self, bytes: usize) {
        self.text.reserve_exact(bytes);
    }

    /// Gives the room of a long row back.
    pub(crate) fn release(&mut self) {
        self.text.clear();
        held::release(&mut self.text);
    }

    /// Appends a value; `None` is null.
    pub(crate) fn push(&mut self, value: Option<&str>, quoted: bool) {
        let start = self.text.len();
        self.text.push_str(value.unwrap_or_default());
        self.end_value(start, quoted && value.is_some());
    }

    /// Appends a string of JSON, in its quotes; `false` where it is none.
    pub(crate) fn push_json(&mut self, string: &str) -> bool {
        let start = self.text.len();
        let is_text = unescape::append(&mut self.text, string);
        self.end_value(start, true);
        is_text
    }

    fn end_value(&mut self, start: usize, quoted: bool) {
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        self.spans.push(Span {
            start: offset(start),
            end: offset(self.text.len()),
            quoted,
            escaped: false,
        });
    }

    /// The row of the values since [`clear`](Self::clear).
    pub(crate) fn row<'a>(&'a self, place: Place, keys: &'a [String]) -> Row<'a> {
        Row {
            text: &self.text,
            line: place.line,
            lines: place.lines,
            offset: place.offset,
            fields: self.spans.len(),
            faulty: false,
            repeats_key: false,
            literal: true,
            dialect: Dialect::of(b','),
            spans: &self.spans,
            keys,
        }
    }

    /// A row that cannot be read, as it stands in the source.
    pub(crate) fn faulty(text: &str, place: Place) -> Row<'_> {
        Row {
            text,
            line: place.line,
            lines: place.lines,
            offset: place.offset,
            fields: 0,
            faulty: true,
            repeats_key: false,
            literal: true,
            dialect: Dialect::of(b','),
            spans: &[],
            keys: &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Cell;

    proptest! {
        #[test]
        fn what_is_written_is_the_value(raw in "([a\u{e9}\\\\]|\"\"){0,20}", backslash in any::<bool>()) {
            let cell = Cell {
                raw: &raw,
                quoted: true,
                literal: false,
                escaped: Some(b'"'),
                backslash,
            };
            let mut written = Vec::new();
            cell.write(&mut written);
            prop_assert_eq!(String::from_utf8(written), Ok(cell.value().into_owned()));
        }
    }
}
