//! Whole rows of the usual dialects at a stroke. What is not usual, and a row that is cut by the end of a piece, is left to
//! the machine of [`Rows`], byte by byte, which is the twin that tests hold it against.

use memchr::memchr;

use crate::parsing::mask::Ends;
use crate::parsing::row::{Row, Span};
use crate::parsing::rows::{Rows, line_ends};
use crate::refusal::Refusal;

/// What stopped the reading of a row.
enum Stop {
    /// Its end, at this place.
    End(usize),
    /// It is cut, or unusual.
    Unusual,
}

impl Rows {
    /// Hands over rows from the beginning of one on, up to the first that is not usual.
    pub(crate) fn take_lines<S>(&mut self, buffer: &str, sink: &mut S) -> Result<(), Refusal>
    where
        S: FnMut(&Row<'_>) -> Result<(), Refusal>,
    {
        let Some(delimiter) = self.usual_delimiter() else {
            return Ok(());
        };
        let bytes = buffer.as_bytes();
        let mut ends = Ends::new(bytes, self.at, delimiter);
        let mut spans = std::mem::take(&mut self.spans);
        // Blank lines, and the first byte of a mark.
        while let Some(first) = bytes.get(self.at)
            && !matches!(first, b'\n' | b'\r' | 0xEF)
        {
            let start = self.at;
            spans.clear();
            let mut line = Line {
                bytes,
                start,
                quote: self.dialect.quote.map_or(256, u16::from),
                bare: self.dialect.bare_quotes,
                delimiter,
                spans_max: self.limits.columns_max.saturating_add(1),
                fields: 0,
                has_quotes: false,
            };
            let Stop::End(end) = line.read(&mut ends, &mut spans) else {
                break;
            };
            let text = &buffer[start..end];
            self.row_line = self.line;
            self.check_length(text.len())?;
            let inside = if line.has_quotes { line_ends(text) } else { 0 };
            self.begun = true;
            sink(&Row {
                text,
                line: self.line,
                lines: inside + 1,
                offset: self.offset + start as u64,
                fields: line.fields,
                faulty: false,
                repeats_key: false,
                literal: false,
                dialect: self.dialect,
                spans: &spans,
                keys: &[],
            })?;
            self.line += inside + 1;
            self.at = end + 1;
            self.skip_feed = bytes[end] == b'\r';
            if self.skip_feed && bytes.get(self.at) == Some(&b'\n') {
                self.skip_feed = false;
                self.at += 1;
                ends.skip_to(self.at);
            }
            self.row_start = self.at;
        }
        spans.clear();
        self.spans = spans;
        Ok(())
    }
}

struct Line<'a> {
    bytes: &'a [u8],
    start: usize,
    /// 256 where quotes are letters.
    quote: u16,
    bare: bool,
    delimiter: u8,
    spans_max: usize,
    fields: usize,
    has_quotes: bool,
}

impl Line<'_> {
    #[inline]
    fn read(&mut self, ends: &mut Ends<'_>, spans: &mut Vec<Span>) -> Stop {
        let mut cell = self.start;
        loop {
            let first = self.bytes.get(cell).copied();
            let is_quoted = first.is_some_and(|first| u16::from(first) == self.quote);
            let end = if is_quoted {
                match self.quoted(cell, spans) {
                    Some(end) => {
                        ends.skip_to(end + 1);
                        end
                    }
                    None => return Stop::Unusual,
                }
            } else {
                let Some(end) = ends.next() else {
                    return Stop::Unusual;
                };
                self.push(spans, (cell, end), (false, false));
                end
            };
            if self.bytes[end] != self.delimiter {
                return Stop::End(end);
            }
            cell = end + 1;
        }
    }

    /// A quoted cell; where it ends, the delimiter or line end behind it.
    #[inline]
    fn quoted(&mut self, cell: usize, spans: &mut Vec<Span>) -> Option<usize> {
        let quote = u8::try_from(self.quote).ok()?;
        let (mut from, mut escaped) = (cell + 1, false);
        loop {
            let close = from + memchr(quote, self.bytes.get(from..)?)?;
            let next = *self.bytes.get(close + 1)?;
            if next == self.delimiter || next == b'\n' || next == b'\r' {
                self.has_quotes = true;
                self.push(spans, (cell + 1, close), (true, escaped));
                return Some(close + 1);
            } else if next == quote {
                if self.bare {
                    // A bare quote at the end of a cell is left to the machine.
                    return None;
                }
                escaped = true;
                from = close + 2;
            } else {
                return None;
            }
        }
    }

    #[inline]
    fn push(
        &mut self,
        spans: &mut Vec<Span>,
        (start, end): (usize, usize),
        (quoted, escaped): (bool, bool),
    ) {
        self.fields += 1;
        // One more than allowed is enough to tell that there are too many.
        if spans.len() < self.spans_max {
            spans.push(Span {
                start: (start - self.start) as u32,
                end: (end - self.start) as u32,
                quoted,
                escaped,
            });
        }
    }
}
