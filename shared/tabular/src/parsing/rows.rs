//! Text -> rows of cells, pushed in pieces. RFC 4180 and its common variants ([`Dialect`]), with LF, CRLF and CR line
//! ends and any one-byte delimiter.
//!
//! A quote opens a quoted cell only as the first byte of a cell; elsewhere in an unquoted cell it is a letter. After
//! the closing quote only a delimiter or a line end may follow: a row where anything else does is marked as faulty. A
//! byte order mark at the beginning of a row belongs to no cell: files with one are often joined.

use memchr::{memchr, memchr2_iter};

use crate::held;
use crate::limits::Limits;
use crate::parsing::row::{Dialect, Row, Span};
use crate::refusal::Refusal;

const MARK: &[u8] = "\u{feff}".as_bytes();

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    RowStart,
    CellStart,
    Plain,
    Quoted,
    /// Behind a backslash in a quoted cell.
    Escaped,
    /// A quote inside a quoted cell: the end of the cell or half of a doubled quote.
    QuoteSeen,
    /// Blanks behind a closing quote, where the dialect passes over them.
    AfterQuote,
    /// Behind a closing quote with something after it.
    Junk,
}

/// The push parser. Memory: the longest row and one piece.
pub(crate) struct Rows {
    pub(crate) limits: Limits,
    pub(crate) dialect: Dialect,
    pub(crate) ends: [bool; 256],
    buffer: String,
    pub(crate) at: usize,
    pub(crate) row_start: usize,
    pub(crate) cell_start: usize,
    /// Where a cell ended behind which blanks follow; at its start, up to where blanks were seen.
    pub(crate) cell_end: usize,
    pub(crate) escaped: bool,
    pub(crate) state: State,
    pub(crate) skip_feed: bool,
    pub(crate) line: u64,
    /// Where in the text the buffer begins, or the piece that is read without one.
    pub(crate) offset: u64,
    pub(crate) row_line: u64,
    pub(crate) row_quoted: bool,
    pub(crate) faulty: bool,
    pub(crate) fields: usize,
    pub(crate) spans: Vec<Span>,
    blank_lines: u64,
    blank_from: u64,
    /// A row came.
    pub(crate) begun: bool,
    /// Every byte goes through the machine, in tests.
    is_slow: bool,
    /// The table has one column.
    is_lone: bool,
    /// Blank lines of a table of one column are rows without a value, unless nothing follows them.
    blank_rows: u64,
}

impl Rows {
    pub(crate) fn new(dialect: Dialect, limits: Limits) -> Self {
        let mut ends = [false; 256];
        for byte in [b'\n', b'\r'].into_iter().chain(dialect.delimiter) {
            ends[usize::from(byte)] = true;
        }
        Self {
            limits,
            dialect,
            ends,
            buffer: String::new(),
            at: 0,
            row_start: 0,
            cell_start: 0,
            cell_end: 0,
            escaped: false,
            state: State::RowStart,
            skip_feed: false,
            line: 1,
            offset: 0,
            row_line: 1,
            row_quoted: false,
            faulty: false,
            fields: 0,
            spans: Vec::new(),
            blank_lines: 0,
            blank_from: 0,
            begun: false,
            is_slow: false,
            is_lone: dialect.delimiter.is_none(),
            blank_rows: 0,
        }
    }

    /// Says where the text begins.
    pub(crate) fn start_at(&mut self, line: u64, offset: u64) {
        (self.line, self.offset) = (line, offset);
    }

    /// Counts blank lines from this one on: those above are no lines of the table.
    pub(crate) fn count_blank_from(&mut self, line: u64) {
        self.blank_from = line;
    }

    /// Says that no row has a delimiter, though the text may have one.
    pub(crate) fn have_one_column(&mut self) {
        self.is_lone = true;
    }

    /// Lines so far.
    pub(crate) fn lines(&self) -> u64 {
        self.line - 1
    }

    /// Empty lines seen so far; they are no rows.
    pub(crate) fn blank_lines(&self) -> u64 {
        self.blank_lines + self.blank_rows
    }

    /// Whether the text so far ends within a quoted cell.
    pub(crate) fn is_in_quotes(&self) -> bool {
        matches!(self.state, State::Quoted | State::Escaped)
    }

    /// Takes a piece of text and hands every row that ends in it to `sink`.
    pub(crate) fn push<S>(&mut self, piece: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let mut piece = piece;
        if !self.buffer.is_empty() || self.state != State::RowStart {
            let end = memchr(b'\n', piece.as_bytes()).map_or(piece.len(), |at| at + 1);
            let (line, behind) = piece.split_at(end);
            self.feed(line, sink)?;
            piece = behind;
        }
        // Rows that are whole in the piece need not be copied.
        if self.buffer.is_empty() && self.state == State::RowStart {
            self.take_lines(piece, sink)?;
            piece = &piece[self.at..];
            self.offset += self.at as u64;
            (self.at, self.row_start) = (0, 0);
        }
        self.feed(piece, sink)
    }

    fn feed<S>(&mut self, piece: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        held::append(&mut self.buffer, piece, &self.limits);
        // Moved out for the scan, so that rows can borrow it while the state moves on.
        let mut buffer = std::mem::take(&mut self.buffer);
        let scanned = self.scan(&buffer, sink);
        buffer.drain(..self.row_start);
        self.offset += self.row_start as u64;
        self.at -= self.row_start;
        self.cell_start = self.cell_start.saturating_sub(self.row_start);
        self.cell_end = self.cell_end.saturating_sub(self.row_start);
        self.row_start = 0;
        held::release(&mut buffer);
        self.buffer = buffer;
        scanned?;
        self.check_length(self.buffer.len())
    }

    /// Ends the text: hands over a last row that has no line end.
    pub(crate) fn finish<S>(&mut self, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        match self.state {
            State::RowStart => return Ok(()),
            State::Quoted | State::Escaped => {
                return Err(Refusal::UnterminatedQuote {
                    line: self.row_line,
                });
            }
            State::CellStart if self.dialect.runs => {}
            State::CellStart => {
                self.cell_start = self.at;
                self.end_cell(self.at, false);
            }
            State::Plain => self.end_cell(self.at, false),
            State::QuoteSeen => {
                // The second of two bare quotes, of which the first is a letter.
                let waits = self.buffer.len() - self.at;
                self.end_cell(self.at + waits - 1, true);
                self.at += waits;
            }
            State::AfterQuote => self.end_cell(self.cell_end, true),
            State::Junk => self.end_cell(self.at, true),
        }
        let buffer = std::mem::take(&mut self.buffer);
        self.end_row(&buffer, sink)?;
        self.line += 1;
        Ok(())
    }

    /// The delimiter, where whole rows can be read at a stroke.
    pub(crate) fn usual_delimiter(&self) -> Option<u8> {
        let dialect = self.dialect;
        let is_usual = !dialect.backslash && !dialect.blanks && !dialect.runs && !self.is_slow;
        dialect.delimiter.filter(|_| is_usual && !self.is_lone)
    }

    #[inline(never)]
    pub(crate) fn start_row<S>(&mut self, bytes: &[u8], sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let byte = bytes[self.at];
        let after_return = std::mem::take(&mut self.skip_feed);
        if byte == b'\n' || byte == b'\r' {
            self.at += 1;
            self.row_start = self.at;
            if !(byte == b'\n' && after_return) {
                if self.is_lone && self.begun {
                    self.blank_rows += 1;
                } else {
                    self.blank_lines += u64::from(self.line >= self.blank_from);
                }
                self.line += 1;
                self.skip_feed = byte == b'\r';
            }
            return Ok(());
        }
        if bytes[self.at..].starts_with(MARK) {
            self.at += MARK.len();
            self.row_start = self.at;
            return Ok(());
        }
        for before in (1..=std::mem::take(&mut self.blank_rows)).rev() {
            sink(&Row {
                text: "",
                line: self.line - before,
                lines: 1,
                offset: self.offset + self.row_start as u64,
                fields: 1,
                faulty: false,
                repeats_key: false,
                literal: false,
                dialect: self.dialect,
                spans: &[Span {
                    start: 0,
                    end: 0,
                    quoted: false,
                    escaped: false,
                }],
                keys: &[],
            })?;
        }
        self.begun = true;
        self.row_line = self.line;
        self.cell_end = self.at;
        self.state = State::CellStart;
        Ok(())
    }

    pub(crate) fn end_cell(&mut self, end: usize, quoted: bool) {
        self.fields += 1;
        // One more than allowed is enough to tell that there are too many.
        if self.spans.len() <= self.limits.columns_max {
            let offset = |at: usize| u32::try_from(at - self.row_start).unwrap_or(u32::MAX);
            self.spans.push(Span {
                start: offset(self.cell_start),
                end: offset(end),
                quoted,
                escaped: self.escaped,
            });
        }
        self.escaped = false;
    }

    /// Passes the delimiter or line end that closed a cell.
    pub(crate) fn pass_end<S>(
        &mut self,
        buffer: &str,
        byte: u8,
        sink: &mut S,
    ) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        if self.dialect.delimiter == Some(byte) {
            self.at += 1;
            self.cell_end = self.at;
            self.state = State::CellStart;
            return Ok(());
        }
        self.end_row(buffer, sink)?;
        self.at += 1;
        self.row_start = self.at;
        self.skip_feed = byte == b'\r';
        self.line += 1;
        self.state = State::RowStart;
        Ok(())
    }

    #[inline(never)]
    fn end_row<S>(&mut self, buffer: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let text = &buffer[self.row_start..self.at];
        self.check_length(text.len())?;
        if self.fields == 0 {
            // Nothing but delimiters that make no cell.
            self.blank_lines += u64::from(self.row_line >= self.blank_from);
            return Ok(());
        }
        let inside = if std::mem::take(&mut self.row_quoted) {
            line_ends(text)
        } else {
            0
        };
        self.line += inside;
        sink(&Row {
            text,
            line: self.row_line,
            lines: inside + 1,
            offset: self.offset + self.row_start as u64,
            fields: self.fields,
            faulty: self.faulty,
            repeats_key: false,
            literal: false,
            dialect: self.dialect,
            spans: &self.spans,
            keys: &[],
        })?;
        self.fields = 0;
        self.faulty = false;
        self.spans.clear();
        Ok(())
    }

    pub(crate) fn check_length(&self, bytes: usize) -> Result<(), Refusal> {
        if bytes > self.limits.row_bytes_max {
            let limit_bytes = self.limits.row_bytes_max;
            return Err(Refusal::RowTooLong {
                line: self.row_line,
                limit_bytes,
            });
        }
        Ok(())
    }
}

/// Line ends inside a text, CRLF counting once.
pub(crate) fn line_ends(text: &str) -> u64 {
    let bytes = text.as_bytes();
    memchr2_iter(b'\n', b'\r', bytes)
        .filter(|&at| !(bytes[at] == b'\n' && at > 0 && bytes[at - 1] == b'\r'))
        .count() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::MEMORY_BYTES_MIN;

    /// A row as the sink sees it.
    #[derive(Debug, PartialEq)]
    struct Seen {
        text: String,
        line: u64,
        lines: u64,
        fields: usize,
        faulty: bool,
        cells: Vec<(String, bool)>,
    }

    fn read(text: &str, piece: usize, dialect: Dialect, is_slow: bool) -> (Vec<Seen>, u64, bool) {
        let mut limits = Limits::for_memory(MEMORY_BYTES_MIN);
        limits.columns_max = 5;
        let mut rows = Rows::new(dialect, limits);
        rows.is_slow = is_slow;
        let mut seen = Vec::new();
        let mut sink = |row: &Row<'_>| {
            let cells = row.cells();
            seen.push(Seen {
                text: row.text.to_owned(),
                line: row.line,
                lines: row.lines,
                fields: row.fields,
                faulty: row.faulty,
                cells: cells
                    .map(|cell| (cell.value().into_owned(), cell.quoted))
                    .collect(),
            });
            Ok(())
        };
        let mut rest = text;
        while !rest.is_empty() {
            let (first, behind) = rest.split_at(rest.ceil_char_boundary(piece));
            rows.push(first, &mut sink).unwrap();
            rest = behind;
        }
        let ended = rows.finish(&mut sink).is_ok();
        (seen, rows.blank_lines(), ended)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn rows_read_at_a_stroke_are_those_of_the_machine(
            text in prop_oneof![
                "[a1,;\"\n\r\t \u{feff}é]{0,200}",
                "([a-z]{0,9}[,\n]|\"[a-z,\n]{0,9}\"[,\n]|\r\n|\"\"\"a\"\",\"\n){0,60}",
            ],
            piece in 1_usize..150,
            delimiter in prop_oneof![Just(b','), Just(b';'), Just(b'\t')],
            (bare_quotes, spaced) in any::<(bool, bool)>(),
        ) {
            let usual = Dialect::of(delimiter);
            let dialect = Dialect { bare_quotes, spaced, blanks: spaced, ..usual };
            let slow = read(&text, 1, dialect, true);
            prop_assert_eq!(read(&text, piece, dialect, false), slow);
        }
    }
}
