//! Bytes of the object -> valid UTF-8 text without its byte order mark: gzip, encoding, and the fingerprint.

use std::io::Write as _;

use flate2::write::MultiGzDecoder;
use memchr::{memchr, memchr_iter};
use xxhash_rust::xxh3::Xxh3;

use crate::limits::{
    Compression, EXPANSION_FREE_BYTES, Encoding, GZIP_PIECE_BYTES, Limits, PIECE_BYTES,
};
use crate::refusal::Refusal;

/// Enough bytes to tell gzip and the formats that are refused by name.
const MAGIC_BYTES: usize = 6;
/// Enough bytes to tell every byte order mark.
const MARK_BYTES: usize = 4;
const _: () = assert!(MARK_BYTES <= MAGIC_BYTES);

/// Beginnings of files that people send by mistake, none of which a table would have.
const FOREIGN: [(&[u8], Refusal); 8] = [
    (
        b"PK\x03\x04",
        Refusal::NotText {
            what: "it is a ZIP archive or an Excel workbook",
        },
    ),
    (
        b"PAR1\x15",
        Refusal::NotText {
            what: "it is a Parquet file",
        },
    ),
    (
        b"%PDF-",
        Refusal::NotText {
            what: "it is a PDF document",
        },
    ),
    (
        b"\xD0\xCF\x11\xE0",
        Refusal::NotText {
            what: "it is an old Office document",
        },
    ),
    (
        b"\x89PNG",
        Refusal::NotText {
            what: "it is an image",
        },
    ),
    (
        b"\x28\xB5\x2F\xFD",
        Refusal::UnsupportedCompression { name: "Zstandard" },
    ),
    (b"BZh91A", Refusal::UnsupportedCompression { name: "bzip2" }),
    (b"\xFD7zXZ", Refusal::UnsupportedCompression { name: "xz" }),
];

/// What both passes must have read: the same length and the same hash. It guards against an object that was
/// replaced between the passes, not against an attacker: pass 2 reads every cell anew, so a collision harms nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) bytes: u64,
    hash: u128,
}

enum Packing {
    Unknown,
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

/// Turns pushed bytes into text. The sink is called with pieces of valid UTF-8, cut anywhere between characters.
pub(crate) struct Source {
    limits: Limits,
    packing: Packing,
    head: Vec<u8>,
    bytes: u64,
    hash: Xxh3,
    text: Text,
}

/// Where the text goes.
pub(crate) type Sink<'a> = &'a mut dyn FnMut(&str) -> Result<(), Refusal>;

impl Source {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            packing: Packing::Unknown,
            head: Vec::new(),
            bytes: 0,
            hash: Xxh3::new(),
            text: Text::new(limits.text_bytes_max),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
        if !matches!(self.packing, Packing::Unknown) {
            return self.unpack(bytes, sink);
        }
        self.head.extend_from_slice(bytes);
        if self.head.len() < MAGIC_BYTES {
            return Ok(());
        }
        self.decide(sink)
    }

    pub(crate) fn finish(&mut self, sink: Sink<'_>) -> Result<Fingerprint, Refusal> {
        if matches!(self.packing, Packing::Unknown) {
            self.decide(sink)?;
        }
        if let Packing::Gzip(decoder) = &mut self.packing {
            let ended = decoder.try_finish();
            let text = std::mem::take(decoder.get_mut());
            self.text.push(&text, sink)?;
            ended.map_err(|_| Refusal::BadGzip {
                text_bytes: self.text.bytes,
            })?;
        }
        self.text.finish(sink)?;
        Ok(Fingerprint {
            bytes: self.bytes,
            hash: self.hash.digest128(),
        })
    }

    pub(crate) fn compression(&self) -> Compression {
        match self.packing {
            Packing::Gzip(_) => Compression::Gzip,
            Packing::Unknown | Packing::Plain => Compression::None,
        }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.text.encoding.unwrap_or(Encoding::Utf8)
    }

    pub(crate) fn text_bytes(&self) -> u64 {
        self.text.bytes
    }

    fn decide(&mut self, sink: Sink<'_>) -> Result<(), Refusal> {
        let head = std::mem::take(&mut self.head);
        if let Some((_, refusal)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(refusal.clone());
        }
        self.packing = if head.starts_with(&[0x1F, 0x8B]) {
            Packing::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
        } else {
            Packing::Plain
        };
        self.unpack(&head, sink)
    }

    fn unpack(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        let Packing::Gzip(decoder) = &mut self.packing else {
            return bytes
                .chunks(PIECE_BYTES)
                .try_for_each(|piece| self.text.push(piece, sink));
        };
        for piece in bytes.chunks(GZIP_PIECE_BYTES) {
            let written = decoder.write_all(piece);
            let mut text = std::mem::take(decoder.get_mut());
            text.chunks(PIECE_BYTES)
                .try_for_each(|piece| self.text.push(piece, sink))?;
            written.map_err(|_| Refusal::BadGzip {
                text_bytes: self.text.bytes,
            })?;
            text.clear();
            *decoder.get_mut() = text;
            // The bytes of this chunk that come after the piece are counted too: the bound is not that fine.
            let allowed = self.bytes.saturating_mul(self.limits.expansion_max);
            if self.text.bytes > allowed.max(EXPANSION_FREE_BYTES) {
                return Err(Refusal::DecompressedTooLarge {
                    expansion_max: self.limits.expansion_max,
                });
            }
        }
        Ok(())
    }
}

/// Bytes of text -> valid UTF-8.
struct Text {
    bytes_max: u64,
    bytes: u64,
    encoding: Option<Encoding>,
    /// Bytes that wait for the rest of a mark or of a character: fewer than [`MARK_BYTES`].
    carry: Vec<u8>,
    feeds: u64,
    returns: u64,
}

impl Text {
    fn new(bytes_max: u64) -> Self {
        Self {
            bytes_max,
            bytes: 0,
            encoding: None,
            carry: Vec::new(),
            feeds: 0,
            returns: 0,
        }
    }

    fn push(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        self.bytes += bytes.len() as u64;
        if self.bytes > self.bytes_max {
            return Err(Refusal::TextTooLarge {
                limit_bytes: self.bytes_max,
            });
        }
        match self.encoding {
            Some(encoding) => self.decode(encoding, bytes, sink),
            None => {
                self.carry.extend_from_slice(bytes);
                if self.carry.len() < MARK_BYTES {
                    Ok(())
                } else {
                    self.decide(sink)
                }
            }
        }
    }

    fn finish(&mut self, sink: Sink<'_>) -> Result<(), Refusal> {
        if self.encoding.is_none() {
            self.decide(sink)?;
        }
        if self.carry.is_empty() {
            return Ok(());
        }
        Err(self.bad(self.encoding.unwrap_or(Encoding::Utf8)))
    }

    fn decide(&mut self, sink: Sink<'_>) -> Result<(), Refusal> {
        let head = std::mem::take(&mut self.carry);
        let (encoding, mark) = match head.as_slice() {
            [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, 3),
            [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => {
                return Err(Refusal::UnsupportedEncoding { name: "UTF-32" });
            }
            [0xFF, 0xFE, ..] => (Encoding::Utf16Le, 2),
            [0xFE, 0xFF, ..] => (Encoding::Utf16Be, 2),
            _ => (Encoding::Utf8, 0),
        };
        self.encoding = Some(encoding);
        self.decode(encoding, &head[mark..], sink)
    }

    fn decode(&mut self, encoding: Encoding, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        match encoding {
            Encoding::Utf8 => self.utf8(bytes, sink),
            Encoding::Utf16Le | Encoding::Utf16Be => self.utf16(encoding, bytes, sink),
        }
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
            Encoding::Utf16Le | Encoding::Utf8 => u16::from_le_bytes([pair[0], pair[1]]),
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
        self.returns += memchr_iter(b'\r', text.as_bytes()).count() as u64;
        if text.is_empty() { Ok(()) } else { sink(text) }
    }

    fn bad(&self, encoding: Encoding) -> Refusal {
        let ends = if self.feeds == 0 {
            self.returns
        } else {
            self.feeds
        };
        Refusal::BadEncoding {
            encoding,
            line: ends + 1,
        }
    }
}
