//! Bytes of the object -> text: unpacking, and the fingerprint.

use std::io::Write as _;

use flate2::write::GzDecoder;
use xxhash_rust::xxh3::Xxh3;

use crate::input::foreign::{self, GZIP, ZIP, ZSTD};
use crate::input::text::{Sink, Text};
use crate::input::workbook::{self, SheetReader};
use crate::input::zip::Zip;
use crate::input::zstd::Zstd;
use crate::limits::{
    Compression, EXPANSION_FREE_BYTES, Encoding, GZIP_PIECE_BYTES, Limits, PIECE_BYTES,
};
use crate::options::Options;
use crate::parsing::reader::Format;
use crate::refusal::Refusal;
use consign_hints::Hints;

/// Enough bytes to tell gzip and the formats that are refused by name.
const MAGIC_BYTES: usize = 6;

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
    Gzip(Box<Gzip>),
    Zstd(Box<Zstd>),
    Zip(Box<Zip>),
    /// Kept until it is whole: a workbook is read from its end.
    Workbook(Vec<u8>),
    /// The sheet of a workbook whose last byte came, until it is read.
    Sheet(Option<Box<SheetReader>>),
}

/// The members of a gzip file, one after another.
struct Gzip {
    decoder: GzDecoder<Vec<u8>>,
    /// The current member has no byte yet.
    is_fresh: bool,
    /// Behind the last member: zeros, with which tapes and block devices fill up.
    is_padding: bool,
}

impl Gzip {
    fn new() -> Self {
        Self {
            decoder: GzDecoder::new(Vec::new()),
            is_fresh: true,
            is_padding: false,
        }
    }

    /// Unpacks a piece behind `text`.
    fn push(&mut self, mut piece: &[u8], text: &mut Vec<u8>) -> std::io::Result<()> {
        while let Some(first) = piece.first() {
            self.is_padding |= self.is_fresh && *first == 0 && self.decoder.header().is_none();
            if self.is_padding {
                let is_zero = piece.iter().all(|byte| *byte == 0);
                return is_zero
                    .then_some(())
                    .ok_or_else(|| std::io::ErrorKind::InvalidData.into());
            }
            let taken = self.decoder.write(piece)?;
            text.append(self.decoder.get_mut());
            self.is_fresh = false;
            piece = &piece[taken..];
            // Nothing taken: the member has ended, and another one may begin.
            if taken == 0 {
                self.end_member(text)?;
            }
        }
        Ok(())
    }

    fn end_member(&mut self, text: &mut Vec<u8>) -> std::io::Result<()> {
        let ended = self.decoder.try_finish();
        text.append(self.decoder.get_mut());
        ended?;
        *self = Self::new();
        self.is_fresh = true;
        Ok(())
    }

    fn finish(&mut self, text: &mut Vec<u8>) -> std::io::Result<()> {
        if self.is_fresh || self.is_padding {
            Ok(())
        } else {
            self.end_member(text)
        }
    }
}

/// Turns pushed bytes into text. The sink is called with pieces of valid UTF-8, cut anywhere between characters.
pub(crate) struct Source {
    limits: Limits,
    packing: Packing,
    head: Vec<u8>,
    bytes: u64,
    /// None where the source is read once.
    hash: Option<Xxh3>,
    text: Text,
    hints: Hints,
    /// The sheet of a workbook that was read.
    sheet: Option<String>,
    /// The first bytes that were unpacked, until they tell what they are.
    inner: Option<Vec<u8>>,
}

impl Source {
    pub(crate) fn new(limits: Limits, options: &Options) -> Self {
        Self {
            limits,
            packing: Packing::Unknown,
            head: Vec::new(),
            bytes: 0,
            hash: Some(Xxh3::new()),
            text: Text::new(limits.text_bytes_max, options),
            hints: options.hints.clone(),
            sheet: None,
            inner: Some(Vec::new()),
        }
    }

    /// Of a source that is read once, and compared with nothing.
    pub(crate) fn read_once(limits: Limits, options: &Options) -> Self {
        Self {
            hash: None,
            ..Self::new(limits, options)
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        self.bytes += bytes.len() as u64;
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
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
        if let Packing::Gzip(gzip) = &mut self.packing {
            let mut text = Vec::new();
            let ended = gzip.finish(&mut text);
            let pushed = self.push_unpacked(&text, sink);
            ended.map_err(|_| self.bad_gzip())?;
            pushed?;
        }
        self.unpack_blocks(None, sink)?;
        while self.step(sink)? {}
        if self.hints.sheet.is_some() && !self.is_workbook() {
            return Err(Refusal::ImpossibleHint {
                hint: "sheet",
                what: "the file is no workbook".to_owned(),
            });
        }
        self.text.finish(sink)?;
        Ok(Fingerprint {
            bytes: self.bytes,
            hash: self.hash.as_ref().map_or(0, Xxh3::digest128),
        })
    }

    /// Reads some more of a workbook whose last byte was pushed; `false` where nothing is left, or it is none.
    pub(crate) fn step(&mut self, sink: Sink<'_>) -> Result<bool, Refusal> {
        match &mut self.packing {
            Packing::Workbook(bytes) => {
                let mut bytes = std::mem::take(bytes);
                if bytes.len() < bytes.capacity() / 2 {
                    bytes.shrink_to_fit();
                }
                let sheet = SheetReader::open(bytes, &self.hints, &self.limits)?;
                self.sheet = Some(sheet.name().to_owned());
                self.packing = Packing::Sheet(Some(Box::new(sheet)));
                self.text.begin_generated();
                Ok(true)
            }
            Packing::Sheet(None) => Ok(false),
            Packing::Sheet(Some(sheet)) => {
                let mut text = String::new();
                let is_more = sheet.next(&mut text)?;
                if !is_more {
                    self.packing = Packing::Sheet(None);
                }
                for piece in text.as_bytes().chunks(PIECE_BYTES) {
                    self.text.push(piece, sink)?;
                }
                self.check_expansion()?;
                self.check_sheet()?;
                Ok(is_more)
            }
            Packing::Unknown
            | Packing::Plain
            | Packing::Gzip(_)
            | Packing::Zstd(_)
            | Packing::Zip(_) => Ok(false),
        }
    }

    pub(crate) fn compression(&self) -> Compression {
        match self.packing {
            Packing::Gzip(_) => Compression::Gzip,
            Packing::Zstd(_) => Compression::Zstd,
            Packing::Zip(_) | Packing::Workbook(_) | Packing::Sheet(_) => Compression::Zip,
            Packing::Unknown | Packing::Plain => Compression::None,
        }
    }

    /// Whether cells of a workbook come once it has ended.
    pub(crate) fn is_workbook(&self) -> bool {
        matches!(self.packing, Packing::Workbook(_) | Packing::Sheet(_))
    }

    /// The sheet of the workbook that was read.
    pub(crate) fn sheet(&self) -> Option<&str> {
        self.sheet.as_deref()
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.text.encoding()
    }

    pub(crate) fn text_bytes(&self) -> u64 {
        self.text.bytes()
    }

    fn decide(&mut self, sink: Sink<'_>) -> Result<(), Refusal> {
        let head = std::mem::take(&mut self.head);
        foreign::check_bytes(&head)?;
        self.packing = if head.starts_with(&GZIP) {
            Packing::Gzip(Box::new(Gzip::new()))
        } else if ZSTD.iter().any(|magic| head.starts_with(magic)) {
            Packing::Zstd(Box::new(Zstd::new()))
        } else if head.starts_with(&ZIP) {
            Packing::Zip(Box::new(Zip::new()))
        } else {
            Packing::Plain
        };
        self.unpack(&head, sink)
    }

    /// Unpacks zstd and ZIP, step by step; `None` is the end of the source.
    fn unpack_blocks(&mut self, bytes: Option<&[u8]>, sink: Sink<'_>) -> Result<(), Refusal> {
        let pieces = bytes.map_or(vec![None], |bytes| {
            bytes.chunks(PIECE_BYTES).map(Some).collect()
        });
        let mut text = Vec::new();
        for piece in pieces {
            match &mut self.packing {
                Packing::Zstd(zstd) => zstd.feed(piece),
                Packing::Zip(zip) => zip.feed(piece),
                Packing::Workbook(bytes) => {
                    let limit = self.limits.workbook_bytes_max;
                    let piece = piece.unwrap_or_default();
                    if bytes.len() + piece.len() <= limit {
                        bytes.extend_from_slice(piece);
                    }
                    self.check_workbook()?;
                    continue;
                }
                Packing::Unknown | Packing::Plain | Packing::Gzip(_) | Packing::Sheet(_) => {
                    return Ok(());
                }
            }
            loop {
                let stepped = match &mut self.packing {
                    Packing::Zstd(zstd) => zstd.step(&mut text).map_err(|_| Refusal::BadZstd)?,
                    Packing::Zip(zip) => zip.step(&mut text)?,
                    Packing::Unknown | Packing::Plain => false,
                    Packing::Gzip(_) | Packing::Workbook(_) | Packing::Sheet(_) => false,
                };
                self.push_unpacked(&text, sink)?;
                text.clear();
                self.check_expansion()?;
                if !stepped {
                    break;
                }
            }
            self.keep_workbook()?;
        }
        Ok(())
    }

    /// Keeps an archive from here on where it turned out to be one of a workbook.
    fn keep_workbook(&mut self) -> Result<(), Refusal> {
        if let Packing::Zip(zip) = &mut self.packing
            && zip.is_workbook()
        {
            Format::Workbook.check_hints(&self.hints)?;
            let mut bytes = zip.take_source();
            self.check_workbook()?;
            // All at once: what grows is there twice for a moment.
            bytes.reserve_exact(self.limits.workbook_bytes_max.saturating_sub(bytes.len()));
            self.packing = Packing::Workbook(bytes);
        }
        Ok(())
    }

    fn check_workbook(&self) -> Result<(), Refusal> {
        let limit = self.limits.workbook_bytes_max as u64;
        if limit == 0 {
            return Err(workbook::unread());
        }
        if self.bytes > limit {
            return Err(Refusal::WorkbookTooLarge {
                what: "it is",
                limit_bytes: limit,
            });
        }
        Ok(())
    }

    /// Refuses a sheet with more text than its cells are in bytes: a text of the table of texts may be in many cells.
    fn check_sheet(&self) -> Result<(), Refusal> {
        let limit_bytes = self.limits.workbook_expanded_bytes_max;
        if self.text.bytes() > limit_bytes {
            return Err(Refusal::WorkbookTooLarge {
                what: "the text of its sheet is",
                limit_bytes,
            });
        }
        Ok(())
    }

    /// Passes on what was unpacked. What is packed once more, or another kind of file, is refused by name.
    fn push_unpacked(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        if let Some(inner) = &mut self.inner {
            let missing = MAGIC_BYTES.saturating_sub(inner.len()).min(bytes.len());
            inner.extend_from_slice(&bytes[..missing]);
            if inner.len() >= MAGIC_BYTES {
                foreign::check_bytes(inner)?;
                foreign::check_packed_again(inner)?;
                self.inner = None;
            }
        }
        bytes
            .chunks(PIECE_BYTES)
            .try_for_each(|piece| self.text.push(piece, sink))
    }

    /// Refuses a source that grows without reason. The bytes of a chunk that are not unpacked yet are counted too: the
    /// bound is not that fine.
    fn check_expansion(&self) -> Result<(), Refusal> {
        let allowed = self.bytes.saturating_mul(self.limits.expansion_max);
        if self.text.bytes() > allowed.max(EXPANSION_FREE_BYTES) {
            return Err(Refusal::DecompressedTooLarge {
                expansion_max: self.limits.expansion_max,
            });
        }
        Ok(())
    }

    fn unpack(&mut self, bytes: &[u8], sink: Sink<'_>) -> Result<(), Refusal> {
        let is_plain = matches!(self.packing, Packing::Unknown | Packing::Plain);
        if !is_plain && !matches!(self.packing, Packing::Gzip(_)) {
            return self.unpack_blocks(Some(bytes), sink);
        }
        if is_plain {
            return bytes
                .chunks(PIECE_BYTES)
                .try_for_each(|piece| self.text.push(piece, sink));
        }
        let mut text = Vec::new();
        let mut pieces = bytes.chunks(GZIP_PIECE_BYTES);
        while let Some(piece) = pieces.next() {
            let Packing::Gzip(gzip) = &mut self.packing else {
                return Ok(());
            };
            let written = gzip.push(piece, &mut text);
            let pushed = self.push_unpacked(&text, sink);
            written.map_err(|_| self.bad_gzip())?;
            text.clear();
            if let Err(refusal) = pushed {
                return Err(self.damage_behind(pieces).unwrap_or(refusal));
            }
            self.check_expansion()?;
        }
        Ok(())
    }

    /// Whether the data turn out to be damaged behind text that is refused, as far as they are there: then that text says nothing
    /// of the file.
    fn damage_behind<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>) -> Option<Refusal> {
        let Packing::Gzip(gzip) = &mut self.packing else {
            return None;
        };
        let mut text = Vec::new();
        for piece in pieces {
            text.clear();
            if gzip.push(piece, &mut text).is_err() {
                return Some(self.bad_gzip());
            }
        }
        // The checksum, where the end is there.
        match gzip.finish(&mut text) {
            Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                Some(self.bad_gzip())
            }
            Err(_) | Ok(()) => None,
        }
    }

    fn bad_gzip(&self) -> Refusal {
        Refusal::BadGzip {
            text_bytes: self.text.bytes(),
        }
    }
}
