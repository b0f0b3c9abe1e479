//! Bytes of text -> valid UTF-8 without its byte order mark. The encoding is decided by the content: nothing is replaced,
//! and what is none of the encodings read here is refused by name.

use memchr::{memchr, memchr_iter};

use crate::input::skip::Skip;
use crate::limits::{Charset, Encoding};
use crate::options::Options;
use crate::refusal::Refusal;

/// A piece of the text, and where it begins in the text: in bytes of UTF-8, with its mark and what is skipped.
#[derive(Clone, Copy)]
pub(crate) struct Piece<'a> {
    pub(crate) text: &'a str,
    pub(crate) offset: u64,
}

/// Where the text goes.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(Piece<'_>) -> Result<(), Refusal>;

/// Enough bytes to tell every byte order mark, and UTF-16 without one.
const HEAD_BYTES: usize = 64;
/// How many bytes, from the first that is not ASCII on, decide between UTF-8 and Windows-1252.
const WINDOW_BYTES: usize = 16 * 1024;
/// Stands for the five bytes that Windows-1252 leaves open.
const UNDEFINED: char = '\u{fffd}';
/// 0x80 to 0x9F of Windows-1252 (<https://encoding.spec.whatwg.org/#windows-1252>); the rest is as in Unicode. A table of
/// our own: a library for it brings half a megabyte of tables for encodings that are not read.
const CONTROLS: [char; 32] = [
    '€', UNDEFINED, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', UNDEFINED, 'Ž',
    UNDEFINED, UNDEFINED, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', UNDEFINED,
    'ž', 'Ÿ',
];

/// Whether bytes look like a western language in Windows-1252: letters with accents stand alone among plain ones, and
/// signs do not stand inside words. Other encodings of one or two bytes look otherwise, and are not guessed at.
fn is_western(bytes: &[u8]) -> bool {
    let is_high = |at: usize| bytes.get(at).is_some_and(|byte| !byte.is_ascii());
    let is_letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
    let (mut high, mut in_runs, mut signs_in_words) = (0_usize, 0_usize, 0_usize);
    for (at, byte) in bytes
        .iter()
        .enumerate()
        .filter(|(_, byte)| !byte.is_ascii())
    {
        let before = at.checked_sub(1);
        high += 1;
        in_runs += usize::from(is_high(at + 1) || before.is_some_and(is_high));
        let is_sign = (0xA1..=0xBF).contains(byte);
        signs_in_words +=
            usize::from(is_sign && is_letter(at + 1) && before.is_some_and(is_letter));
        if matches!(byte, 0x81 | 0x8D | 0x8F | 0x90 | 0x9D) {
            return false;
        }
    }
    in_runs * 2 <= high && signs_in_words * 10 <= high
}

/// UTF-16 without a mark: delimiters and line ends have a zero beside them, always on the same side. Other text has none.
fn without_mark(head: &[u8]) -> Option<Encoding> {
    let zeros = |from: usize| head.iter().skip(from).step_by(2).filter(|byte| **byte == 0);
    match (zeros(0).count(), zeros(1).count()) {
        (0, odd) if odd > 1 => Some(Encoding::Utf16Le),
        (even, 0) if even > 1 => Some(Encoding::Utf16Be),
        _ => None,
    }
}

/// Bytes of text -> valid UTF-8.
pub(crate) struct Text {
    bytes_max: u64,
    bytes: u64,
    charset: Option<Charset>,
    /// The encoding that binds.
    told: Option<Encoding>,
    lines: Skip,
    /// Bytes of the mark at the beginning of a text in UTF-8.
    mark_bytes: u64,
    emitted_bytes: u64,
    stage: Stage,
    /// Bytes that wait for the rest of a mark, of a character or of what decides the encoding: at most
    /// [`WINDOW_BYTES`].
    carry: Vec<u8>,
    feeds: u64,
    returns: u64,
}

/// How far the encoding is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Before a byte order mark.
    Start,
    /// ASCII so far, which is the same in all that may follow.
    Ascii,
    Known(Encoding),
}

impl Text {
    pub(crate) fn new(bytes_max: u64, options: &Options) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            charset: options.charset,
            told: options.hints.encoding,
            lines: Skip::new(options.hints.skip_rows.unwrap_or(0)),
            mark_bytes: 0,
            emitted_bytes: 0,
            stage: Stage::Start,
            carry: Vec::new(),
            feeds: 0,
            returns: 0,
        }
    }

    /// Says that what comes is made from cells: UTF-8, without a mark, and without the rows that are skipped. A cell may have
    /// several lines.
    pub(crate) fn begin_generated(&mut self) {
        self.lines = Skip::new(0);
        self.stage = Stage::Known(Encoding::Utf8);
        self.told = None;
    }

    /// Bytes taken so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn encoding(&self) -> Encoding {
        match self.stage {
            Stage::Known(encoding) => encoding,
            Stage::Start | Stage::Ascii => Encoding::Utf8,
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(Refusal::TextTooLarge {
                limit_bytes: self.bytes_max,
            });
        }
        match self.stage {
            Stage::Known(encoding) => self.decode(encoding, bytes, sink),
            Stage::Ascii => self.ascii(bytes, sink),
            Stage::Start => {
                self.carry.extend_from_slice(bytes);
                if self.carry.len() < HEAD_BYTES {
                    Ok(())
                } else {
                    self.start(sink)
                }
            }
        }
    }

    pub(crate) fn finish(&mut self, sink: Sink<'_>) -> Result<(), Refusal> {
        if self.stage == Stage::Start {
            self.start(sink)?;
        }
        if self.stage == Stage::Ascii && !self.carry.is_empty() {
            self.choose(sink)?;
        }
        if !self.carry.is_empty() {
            return Err(self.bad(self.encoding()));
        }
        // A last line without an end is one too.
        if self.lines.left() > 1 {
            return Err(Refusal::ImpossibleHint {
                hint: "skip_rows",
                what: "the file has fewer lines".to_owned(),
            });
        }
        Ok(())
    }

    /// Looks for a byte order mark, or for the zeros of UTF-16 without one.
    fn start(&mut self, sink: Sink<'_>) -> Result<(), Refusal> {
        let head = std::mem::take(&mut self.carry);
        let (marked, mut mark) = match head.as_slice() {
            [0xEF, 0xBB, 0xBF, ..] => (Some(Encoding::Utf8), 3),
            [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
                return Err(Refusal::UnsupportedEncoding { name: "UTF-32" });
            }
            [0xFF, 0xFE, ..] => (Some(Encoding::Utf16Le), 2),
            [0xFE, 0xFF, ..] => (Some(Encoding::Utf16Be), 2),
            _ => (None, 0),
        };
        let encoding = match (self.told, marked) {
            (Some(told), Some(marked)) if told != marked => {
                return Err(Refusal::ImpossibleHint {
                    hint: "encoding",
                    what: format!("the file begins with the mark of {marked}"),
                });
            }
            (Some(_), _) => self.told,
            (None, Some(_)) => marked,
            (None, None) => without_mark(&head[..head.len().min(HEAD_BYTES)]),
        };
        // Files that were marked twice.
        while encoding == Some(Encoding::Utf8) && head[mark..].starts_with(&[0xEF, 0xBB, 0xBF]) {
            mark += 3;
        }
        if encoding == Some(Encoding::Utf8) {
            self.mark_bytes = mark as u64;
        }
        let body = &head[mark..];
        match encoding {
            Some(encoding) => {
                self.stage = Stage::Known(encoding);
                self.decode(encoding, body, sink)
            }
            None => {
                self.stage = Stage::Ascii;
                self.ascii(body, sink)
            }
        }
    }

    /// Passes ASCII on; from the first other byte on, a window of bytes is awaited that tells the encoding.
    fn ascii(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        let mut rest = bytes;
        if self.carry.is_empty() {
            let length = if bytes.is_ascii() {
                bytes.len()
            } else {
                let other = bytes.iter().position(|byte| !byte.is_ascii());
                other.unwrap_or(bytes.len())
            };
            let (plain, other) = bytes.split_at(length);
            self.emit(std::str::from_utf8(plain).unwrap_or_default(), sink)?;
            rest = other;
        }
        let room = WINDOW_BYTES - self.carry.len();
        let (window, behind) = rest.split_at(room.min(rest.len()));
        self.carry.extend_from_slice(window);
        if self.carry.len() < WINDOW_BYTES {
            return Ok(());
        }
        self.choose(sink)?;
        self.decode(self.encoding(), behind, sink)
    }

    /// Decides between UTF-8 and Windows-1252 by the first bytes that are not ASCII.
    fn choose(&mut self, sink: Sink<'_>) -> Result<(), Refusal> {
        let window = std::mem::take(&mut self.carry);
        let is_utf8 = match std::str::from_utf8(&window) {
            Ok(_) => true,
            // Cut by the end of the window, not of the text.
            Err(error) => error.error_len().is_none() && window.len() == WINDOW_BYTES,
        };
        let encoding = match self.charset {
            _ if is_utf8 => Encoding::Utf8,
            Some(Charset::Windows1252) => Encoding::Windows1252,
            Some(Charset::Utf8) => Encoding::Utf8,
            None if is_western(&window) => Encoding::Windows1252,
            None => Encoding::Utf8,
        };
        self.stage = Stage::Known(encoding);
        self.decode(encoding, &window, sink)
    }

    fn decode(&mut self, encoding: Encoding, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        match encoding {
            Encoding::Utf8 => self.utf8(bytes, sink),
            Encoding::Utf16Le | Encoding::Utf16Be => self.utf16(encoding, bytes, sink),
            Encoding::Windows1252 => self.windows1252(bytes, sink),
        }
    }

    fn windows1252(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
        for byte in bytes {
            let letter = match byte {
                0x80..=0x9F => CONTROLS[usize::from(byte - 0x80)],
                _ => char::from(*byte),
            };
            if letter != UNDEFINED {
                text.push(letter);
            } else if self.charset.is_none() && self.told.is_none() {
                self.emit(&text, sink)?;
                return Err(self.bad(Encoding::Windows1252));
            } else {
                // As the Encoding standard has it where the encoding is known: the control of the same number.
                text.push(char::from(*byte));
            }
        }
        self.emit(&text, sink)
    }

    fn utf8(&mut self, mut bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        // A character cut by the end of the last chunk is completed byte by byte.
        while !self.carry.is_empty() {
            let Some((first, rest)) = bytes.split_first() else {
                return Ok(());
            };
            self.carry.push(*first);
            bytes = rest;
            let whole = std::mem::take(&mut self.carry);
            match std::str::from_utf8(&whole) {
                Ok(text) => self.emit(text, sink)?,
                Err(error) if error.error_len().is_none() => self.carry = whole,
                Err(_) => return Err(self.bad(Encoding::Utf8)),
            }
        }
        // The faster check does not say what is wrong.
        if let Ok(text) = simdutf8::basic::from_utf8(bytes) {
            return self.emit(text, sink);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => self.emit(text, sink),
            Err(error) => {
                let (valid, rest) = bytes.split_at(error.valid_up_to());
                self.emit(std::str::from_utf8(valid).unwrap_or_default(), sink)?;
                if error.error_len().is_some() {
                    return Err(self.bad(Encoding::Utf8));
                }
                self.carry.extend_from_slice(rest);
                Ok(())
            }
        }
    }

    fn utf16(&mut self, encoding: Encoding, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        let unit = |pair: &[u8]| match encoding {
            Encoding::Utf16Be => u16::from_be_bytes([pair[0], pair[1]]),
            Encoding::Utf16Le | Encoding::Utf8 | Encoding::Windows1252 => {
                u16::from_le_bytes([pair[0], pair[1]])
            }
        };
        let mut whole = std::mem::take(&mut self.carry);
        whole.extend_from_slice(bytes);
        let mut end = whole.len() - whole.len() % 2;
        // A high surrogate waits for its partner.
        if end >= 2 && (0xD800..0xDC00).contains(&unit(&whole[end - 2..end])) {
            end -= 2;
        }
        let units = whole[..end].chunks_exact(2).map(unit);
        let mut text = String::with_capacity(end);
        for decoded in char::decode_utf16(units) {
            let Ok(character) = decoded else {
                self.emit(&text, sink)?;
                return Err(self.bad(encoding));
            };
            text.push(character);
        }
        self.carry.extend_from_slice(&whole[end..]);
        self.emit(&text, sink)
    }

    fn emit(&mut self, text: &str, sink: Sink<'_>) -> Result<(), Refusal> {
        if memchr(0, text.as_bytes()).is_some() {
            return Err(Refusal::NotText {
                what: "it contains NUL bytes, as binary files do",
            });
        }
        self.feeds += memchr_iter(b'\n', text.as_bytes()).count() as u64;
        // They count where there are no line feeds alone.
        if self.feeds == 0 {
            self.returns += memchr_iter(b'\r', text.as_bytes()).count() as u64;
        }
        let offset = self.mark_bytes + self.emitted_bytes;
        self.emitted_bytes += text.len() as u64;
        let behind = self.lines.pass(text);
        if behind.is_empty() {
            return Ok(());
        }
        sink(Piece {
            text: behind,
            offset: offset + (text.len() - behind.len()) as u64,
        })
    }

    fn bad(&self, encoding: Encoding) -> Refusal {
        let ends = if self.feeds == 0 {
            self.returns
        } else {
            self.feeds
        };
        let line = ends + 1;
        if self.told.is_some() {
            return Refusal::ImpossibleHint {
                hint: "encoding",
                what: format!("line {line} is not valid {encoding}"),
            };
        }
        Refusal::BadEncoding { encoding, line }
    }
}
