//! A ZIP archive with one table, pushed in pieces: entries as they stand, without the directory at the end.
//!
//! (<https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>)

use flate2::{Crc, Decompress, FlushDecompress, Status};

use crate::input::workbook;
use crate::refusal::Refusal;

const LOCAL_HEADER: [u8; 4] = *b"PK\x03\x04";
const LOCAL_HEADER_BYTES: usize = 30;
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";
/// What stands behind the last entry: the directory.
const DIRECTORY: [u8; 2] = *b"PK";
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Bits of the flags: encrypted; sizes follow the data.
const ENCRYPTED: u16 = 1;
const SIZES_FOLLOW: u16 = 1 << 3;
/// How much is unpacked at once.
const STEP_BYTES: usize = 64 * 1024;

/// Names by which documents of office programs begin.
const OFFICE: [&str; 6] = [
    "[Content_Types].xml",
    "_rels/",
    "docProps/",
    "xl/",
    "word/",
    "mimetype",
];

/// The entries of an archive, one after another.
pub(crate) struct Zip {
    source: Vec<u8>,
    at: usize,
    state: State,
    /// An entry with a table came.
    found: bool,
    ended: bool,
}

enum State {
    Header,
    Entry(Box<Entry>),
    /// A checksum and sizes behind an entry.
    Descriptor {
        crc: u32,
    },
    Directory,
    /// It is one of an office program, and read as a whole.
    Workbook,
}

struct Entry {
    /// `None` where it is stored as it is.
    inflate: Option<Decompress>,
    crc: Crc,
    crc_told: u32,
    sizes_follow: bool,
    /// Bytes that are still to come, of a stored entry.
    left: u64,
    /// Not a table: a folder, or what an operating system adds.
    ignored: bool,
}

impl Zip {
    pub(crate) fn new() -> Self {
        Self {
            source: Vec::new(),
            at: 0,
            state: State::Header,
            found: false,
            ended: false,
        }
    }

    /// Whether it is the archive of a workbook. Then nothing of it is unpacked here.
    pub(crate) fn is_workbook(&self) -> bool {
        matches!(self.state, State::Workbook)
    }

    /// What came of the source.
    pub(crate) fn take_source(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.source)
    }

    /// Takes the next bytes of the source; `None` is its end.
    pub(crate) fn feed(&mut self, piece: Option<&[u8]>) {
        self.source.drain(..self.at);
        self.at = 0;
        match piece {
            Some(piece) => self.source.extend_from_slice(piece),
            None => self.ended = true,
        }
    }

    /// Unpacks some bytes behind `text`; `false` where more are needed first.
    pub(crate) fn step(&mut self, text: &mut Vec<u8>) -> Result<bool, Refusal> {
        let stepped = match &mut self.state {
            State::Header => self.header()?,
            State::Entry(_) => self.entry(text)?,
            State::Descriptor { crc } => {
                let crc = *crc;
                self.descriptor(crc)?
            }
            State::Directory => {
                self.at = self.source.len();
                return Ok(false);
            }
            State::Workbook => return Ok(false),
        };
        if !stepped && self.ended && !self.is_workbook() {
            return Err(Refusal::BadZip);
        }
        Ok(stepped)
    }

    fn header(&mut self) -> Result<bool, Refusal> {
        let rest = &self.source[self.at..];
        if rest.starts_with(&DIRECTORY)
            && rest.len() >= LOCAL_HEADER.len()
            && !rest.starts_with(&LOCAL_HEADER)
        {
            if !self.found {
                return Err(Refusal::NotText {
                    what: "it is a ZIP archive without a file in it",
                });
            }
            self.state = State::Directory;
            return Ok(true);
        }
        let Some(header) = rest.first_chunk::<LOCAL_HEADER_BYTES>() else {
            return Ok(false);
        };
        if !header.starts_with(&LOCAL_HEADER) {
            return Err(Refusal::BadZip);
        }
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let long = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        let (flags, method) = (short(6), short(8));
        let (name_bytes, extra_bytes) = (usize::from(short(26)), usize::from(short(28)));
        let length = LOCAL_HEADER_BYTES + name_bytes + extra_bytes;
        if rest.len() < length {
            return Ok(false);
        }
        let name =
            String::from_utf8_lossy(&rest[LOCAL_HEADER_BYTES..LOCAL_HEADER_BYTES + name_bytes]);
        if !self.found && OFFICE.iter().any(|office| name.starts_with(office)) {
            workbook::accept()?;
            self.state = State::Workbook;
            return Ok(false);
        }
        let ignored =
            name.ends_with('/') || name.starts_with("__MACOSX/") || name.ends_with(".DS_Store");
        if !ignored && std::mem::replace(&mut self.found, true) {
            return Err(Refusal::NotText {
                what: "it is a ZIP archive with several files; send each by itself",
            });
        }
        let sizes_follow = flags & SIZES_FOLLOW != 0;
        if flags & ENCRYPTED != 0 {
            return Err(Refusal::NotText {
                what: "it is a ZIP archive with a password",
            });
        }
        if !matches!(method, STORED | DEFLATED) || (method == STORED && sizes_follow) {
            return Err(Refusal::UnsupportedCompression {
                name: "an unusual method of ZIP",
            });
        }
        self.state = State::Entry(Box::new(Entry {
            inflate: (method == DEFLATED).then(|| Decompress::new(false)),
            crc: Crc::new(),
            crc_told: long(14),
            sizes_follow,
            left: u64::from(long(18)),
            ignored,
        }));
        self.at += length;
        Ok(true)
    }

    fn entry(&mut self, text: &mut Vec<u8>) -> Result<bool, Refusal> {
        let State::Entry(entry) = &mut self.state else {
            return Ok(false);
        };
        let rest = &self.source[self.at..];
        let mut output = Vec::with_capacity(STEP_BYTES);
        let (taken, is_over) = match &mut entry.inflate {
            None => {
                let most = usize::try_from(entry.left)
                    .unwrap_or(usize::MAX)
                    .min(STEP_BYTES);
                let taken = rest.len().min(most);
                output.extend_from_slice(&rest[..taken]);
                entry.left -= taken as u64;
                (taken, entry.left == 0)
            }
            Some(inflate) => {
                let before = inflate.total_in();
                let status = inflate.decompress_vec(rest, &mut output, FlushDecompress::None);
                let status = status.map_err(|_| Refusal::BadZip)?;
                let taken = usize::try_from(inflate.total_in() - before).unwrap_or(usize::MAX);
                (taken, status == Status::StreamEnd)
            }
        };
        self.at += taken;
        entry.crc.update(&output);
        if !entry.ignored {
            text.append(&mut output);
        }
        let progress = taken > 0 || !output.is_empty() || !text.is_empty() || is_over;
        if is_over {
            let crc = entry.crc.sum();
            let is_wrong = !entry.sizes_follow && crc != entry.crc_told;
            self.state = if entry.sizes_follow {
                State::Descriptor { crc }
            } else {
                State::Header
            };
            if is_wrong {
                return Err(Refusal::BadZip);
            }
        }
        Ok(progress)
    }

    /// Passes a descriptor: a signature or none, a checksum, and two sizes of 4 or 8 bytes. What follows it tells which.
    fn descriptor(&mut self, crc: u32) -> Result<bool, Refusal> {
        let rest = &self.source[self.at..];
        let signed = if rest.starts_with(&DESCRIPTOR) {
            DESCRIPTOR.len()
        } else {
            0
        };
        let next_at = |sizes: usize| signed + 4 + 2 * sizes;
        let Some(behind) = rest.get(..next_at(8) + DIRECTORY.len()) else {
            return Ok(false);
        };
        let is_next = |sizes: usize| behind[next_at(sizes)..].starts_with(&DIRECTORY);
        let sizes = [4, 8]
            .into_iter()
            .find(|sizes| is_next(*sizes))
            .ok_or(Refusal::BadZip)?;
        let told = behind[signed..]
            .first_chunk()
            .map(|bytes| u32::from_le_bytes(*bytes));
        if told != Some(crc) {
            return Err(Refusal::BadZip);
        }
        self.at += next_at(sizes);
        self.state = State::Header;
        Ok(true)
    }
}
