//! The machine of [`Rows`], byte by byte: what begins, goes on and ends with each of them.

use memchr::{memchr, memchr2};

use crate::parsing::row::Row;
use crate::parsing::rows::{Rows, State};
use crate::refusal::Refusal;

/// Whether the next byte can be looked at, or has to come first.
type GoesOn = bool;

impl Rows {
    // Kept out of the way of whole rows, which are read at a stroke.
    #[inline(never)]
    pub(crate) fn scan<S>(&mut self, buffer: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let bytes = buffer.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            let goes_on = match self.state {
                State::RowStart => {
                    self.take_lines(buffer, sink)?;
                    if self.at < bytes.len() {
                        self.start_row(bytes, sink)?;
                    }
                    true
                }
                State::CellStart => self.begin_cell(buffer, byte, sink)?,
                State::Plain | State::Junk => self.pass_plain(buffer, sink)?,
                State::Quoted => self.pass_quoted(bytes),
                State::Escaped => {
                    self.escaped = true;
                    self.at += 1;
                    self.state = State::Quoted;
                    true
                }
                State::QuoteSeen => self.pass_quote(buffer, byte, sink)?,
                State::AfterQuote => self.pass_behind_quote(buffer, byte, sink)?,
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    fn begin_cell<S>(&mut self, buffer: &str, byte: u8, sink: &mut S) -> Result<GoesOn, Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let dialect = self.dialect;
        if dialect.quote == Some(byte) {
            self.open_quote(self.at);
        } else if dialect.blanks && byte == b' ' {
            return Ok(self.begin_behind_blanks(buffer.as_bytes()));
        } else if dialect.runs && dialect.delimiter == Some(byte) {
            self.at += 1;
        } else if dialect.runs && matches!(byte, b'\n' | b'\r') {
            self.pass_end(buffer, byte, sink)?;
        } else {
            self.cell_start = self.at;
            self.state = State::Plain;
        }
        Ok(true)
    }

    fn begin_behind_blanks(&mut self, bytes: &[u8]) -> GoesOn {
        // What follows the blanks decides, and may not be here yet. Those that were seen are not looked at again.
        let seen = self.cell_end - self.at;
        let rest = &bytes[self.at..];
        let Some(others) = rest[seen..].iter().position(|byte| *byte != b' ') else {
            self.cell_end = bytes.len();
            return false;
        };
        let blanks = seen + others;
        if self.dialect.quote == Some(rest[blanks]) {
            self.open_quote(self.at + blanks);
            return true;
        }
        if self.dialect.spaced && self.fields > 0 {
            self.at += blanks;
        }
        self.cell_start = self.at;
        self.state = State::Plain;
        true
    }

    fn open_quote(&mut self, at: usize) {
        self.at = at + 1;
        self.cell_start = self.at;
        self.row_quoted = true;
        self.state = State::Quoted;
    }

    fn pass_plain<S>(&mut self, buffer: &str, sink: &mut S) -> Result<GoesOn, Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let bytes = buffer.as_bytes();
        let rest = &bytes[self.at..];
        let Some(length) = rest.iter().position(|byte| self.ends[usize::from(*byte)]) else {
            self.at = bytes.len();
            return Ok(false);
        };
        self.at += length;
        self.end_cell(self.at, self.state == State::Junk);
        self.pass_end(buffer, bytes[self.at], sink)?;
        Ok(true)
    }

    fn pass_quoted(&mut self, bytes: &[u8]) -> GoesOn {
        let quote = self.dialect.quote.unwrap_or(b'"');
        let rest = &bytes[self.at..];
        let found = if self.dialect.backslash {
            memchr2(quote, b'\\', rest)
        } else {
            memchr(quote, rest)
        };
        let Some(length) = found else {
            self.at = bytes.len();
            return false;
        };
        self.at += length + 1;
        self.state = if rest[length] == quote {
            State::QuoteSeen
        } else {
            State::Escaped
        };
        true
    }

    fn pass_quote<S>(&mut self, buffer: &str, byte: u8, sink: &mut S) -> Result<GoesOn, Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        if self.dialect.quote == Some(byte) {
            let next = buffer.as_bytes().get(self.at + 1);
            match next {
                None if self.dialect.bare_quotes => return Ok(false),
                // A bare quote at the end of a cell.
                Some(next) if self.dialect.bare_quotes && self.ends[usize::from(*next)] => {
                    self.end_cell(self.at, true);
                    self.at += 1;
                    self.pass_end(buffer, *next, sink)?;
                }
                _ => {
                    self.escaped = true;
                    self.at += 1;
                    self.state = State::Quoted;
                }
            }
        } else if self.ends[usize::from(byte)] {
            self.end_cell(self.at - 1, true);
            self.pass_end(buffer, byte, sink)?;
        } else if self.dialect.blanks && byte == b' ' {
            self.cell_end = self.at - 1;
            self.state = State::AfterQuote;
        } else {
            self.close_with_letters();
        }
        Ok(true)
    }

    fn pass_behind_quote<S>(
        &mut self,
        buffer: &str,
        byte: u8,
        sink: &mut S,
    ) -> Result<GoesOn, Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        if byte == b' ' {
            self.at += 1;
        } else if self.ends[usize::from(byte)] {
            self.end_cell(self.cell_end, true);
            self.pass_end(buffer, byte, sink)?;
        } else {
            self.close_with_letters();
        }
        Ok(true)
    }

    /// Something follows a quote in a quoted cell.
    fn close_with_letters(&mut self) {
        if self.dialect.bare_quotes {
            self.state = State::Quoted;
        } else {
            self.faulty = true;
            self.state = State::Junk;
        }
    }
}
