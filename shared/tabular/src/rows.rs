//! Text -> rows of cells, pushed in pieces. RFC 4180, with LF, CRLF and CR line ends and any one-byte delimiter.
//!
//! A quote opens a quoted cell only as the first byte of a cell; elsewhere in an unquoted cell it is a letter. After
//! the closing quote only a delimiter or a line end may follow: a row where anything else does is marked as faulty.

use std::borrow::Cow;

use memchr::{memchr, memchr2_iter};

use crate::limits::Limits;
use crate::refusal::Refusal;

/// A cell as a range of its row's text, quotes excluded.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u32,
    end: u32,
    quoted: bool,
    /// Holds doubled quotes.
    escaped: bool,
}

/// A cell: its text as written between delimiters or quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cell<'a> {
    pub(crate) raw: &'a str,
    pub(crate) quoted: bool,
    escaped: bool,
}

impl<'a> Cell<'a> {
    /// The value: doubled quotes made single.
    pub(crate) fn value(&self) -> Cow<'a, str> {
        if self.escaped {
            Cow::Owned(self.raw.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// Empty and not quoted: null in a column of any type.
    pub(crate) fn is_absent(&self) -> bool {
        self.raw.is_empty() && !self.quoted
    }
}

/// One row. `fields` may exceed the number of cells kept.
pub(crate) struct Row<'a> {
    /// The text without its line end.
    pub(crate) text: &'a str,
    /// The line where it starts, from 1.
    pub(crate) line: u64,
    /// How many fields it has.
    pub(crate) fields: usize,
    /// Something follows a closing quote.
    pub(crate) faulty: bool,
    spans: &'a [Span],
}

impl<'a> Row<'a> {
    pub(crate) fn cells(&self) -> impl ExactSizeIterator<Item = Cell<'a>> + use<'a> {
        let text = self.text;
        self.spans.iter().map(move |span| Cell {
            raw: &text[span.start as usize..span.end as usize],
            quoted: span.quoted,
            escaped: span.escaped,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    RowStart,
    CellStart,
    Plain,
    Quoted,
    /// A quote inside a quoted cell: the end of the cell or half of a doubled quote.
    QuoteSeen,
    /// Behind a closing quote with something after it.
    Junk,
}

/// The push parser. Memory: the longest row and one piece.
pub(crate) struct Rows {
    limits: Limits,
    delimiter: u8,
    ends: [bool; 256],
    buffer: String,
    at: usize,
    row_start: usize,
    cell_start: usize,
    escaped: bool,
    state: State,
    skip_feed: bool,
    line: u64,
    row_line: u64,
    row_quoted: bool,
    faulty: bool,
    fields: usize,
    spans: Vec<Span>,
    blank_lines: u64,
}

impl Rows {
    pub(crate) fn new(delimiter: u8, limits: Limits) -> Self {
        let mut ends = [false; 256];
        for byte in [delimiter, b'\n', b'\r'] {
            ends[usize::from(byte)] = true;
        }
        Self {
            limits,
            delimiter,
            ends,
            buffer: String::new(),
            at: 0,
            row_start: 0,
            cell_start: 0,
            escaped: false,
            state: State::RowStart,
            skip_feed: false,
            line: 1,
            row_line: 1,
            row_quoted: false,
            faulty: false,
            fields: 0,
            spans: Vec::new(),
            blank_lines: 0,
        }
    }

    /// Empty lines seen so far; they are no rows.
    pub(crate) fn blank_lines(&self) -> u64 {
        self.blank_lines
    }

    /// Takes a piece of text and hands every row that ends in it to `sink`.
    pub(crate) fn push<S>(&mut self, piece: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        self.buffer.push_str(piece);
        // Moved out for the scan, so that rows can borrow it while the state moves on.
        let mut buffer = std::mem::take(&mut self.buffer);
        let scanned = self.scan(&buffer, sink);
        buffer.drain(..self.row_start);
        self.at -= self.row_start;
        self.cell_start = self.cell_start.saturating_sub(self.row_start);
        self.row_start = 0;
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
            State::Quoted => {
                return Err(Refusal::UnterminatedQuote {
                    line: self.row_line,
                });
            }
            State::CellStart => {
                self.cell_start = self.at;
                self.end_cell(self.at, false);
            }
            State::Plain => self.end_cell(self.at, false),
            State::QuoteSeen => self.end_cell(self.at - 1, true),
            State::Junk => self.end_cell(self.at, true),
        }
        let buffer = std::mem::take(&mut self.buffer);
        self.end_row(&buffer, sink)
    }

    fn scan<S>(&mut self, buffer: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let bytes = buffer.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match self.state {
                State::RowStart => self.start_row(byte),
                State::CellStart if byte == b'"' => {
                    self.at += 1;
                    self.cell_start = self.at;
                    self.row_quoted = true;
                    self.state = State::Quoted;
                }
                State::CellStart => {
                    self.cell_start = self.at;
                    self.state = State::Plain;
                }
                State::Plain | State::Junk => {
                    let rest = &bytes[self.at..];
                    let Some(length) = rest.iter().position(|byte| self.ends[usize::from(*byte)])
                    else {
                        self.at = bytes.len();
                        return Ok(());
                    };
                    self.at += length;
                    self.end_cell(self.at, self.state == State::Junk);
                    self.pass_end(buffer, rest[length], sink)?;
                }
                State::Quoted => {
                    let Some(length) = memchr(b'"', &bytes[self.at..]) else {
                        self.at = bytes.len();
                        return Ok(());
                    };
                    self.at += length + 1;
                    self.state = State::QuoteSeen;
                }
                State::QuoteSeen if byte == b'"' => {
                    self.escaped = true;
                    self.at += 1;
                    self.state = State::Quoted;
                }
                State::QuoteSeen if self.ends[usize::from(byte)] => {
                    self.end_cell(self.at - 1, true);
                    self.pass_end(buffer, byte, sink)?;
                }
                State::QuoteSeen => {
                    self.faulty = true;
                    self.state = State::Junk;
                }
            }
        }
        Ok(())
    }

    fn start_row(&mut self, byte: u8) {
        let after_return = std::mem::take(&mut self.skip_feed);
        if byte == b'\n' || byte == b'\r' {
            self.at += 1;
            self.row_start = self.at;
            if !(byte == b'\n' && after_return) {
                self.blank_lines += 1;
                self.line += 1;
                self.skip_feed = byte == b'\r';
            }
            return;
        }
        self.row_line = self.line;
        self.state = State::CellStart;
    }

    fn end_cell(&mut self, end: usize, quoted: bool) {
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
    fn pass_end<S>(&mut self, buffer: &str, byte: u8, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        if byte == self.delimiter {
            self.at += 1;
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

    fn end_row<S>(&mut self, buffer: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let text = &buffer[self.row_start..self.at];
        self.check_length(text.len())?;
        if std::mem::take(&mut self.row_quoted) {
            self.line += line_ends(text);
        }
        sink(&Row {
            text,
            line: self.row_line,
            fields: self.fields,
            faulty: self.faulty,
            spans: &self.spans,
        })?;
        self.fields = 0;
        self.faulty = false;
        self.spans.clear();
        Ok(())
    }

    fn check_length(&self, bytes: usize) -> Result<(), Refusal> {
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
fn line_ends(text: &str) -> u64 {
    let bytes = text.as_bytes();
    memchr2_iter(b'\n', b'\r', bytes)
        .filter(|&at| !(bytes[at] == b'\n' && at > 0 && bytes[at - 1] == b'\r'))
        .count() as u64
}
