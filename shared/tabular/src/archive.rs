//! What is in the archive of a workbook, looked at before it is read: its kind, and that it is not larger than it says, nor than
//! memory has room for.

use std::io::{Cursor, Read};

use ::zip::ZipArchive;
use ::zip::result::ZipError;

use crate::limits::{Limits, PIECE_BYTES};
use crate::refusal::Refusal;

/// The most entries of an archive.
const ENTRIES_MAX: u16 = 10_000;
/// The record at the end of an archive, and where in it the number of entries is.
const END: [u8; 4] = *b"PK\x05\x06";
const END_BYTES: usize = 22;
const END_ENTRIES_AT: usize = 10;
/// The longest comment behind the record.
const COMMENT_BYTES_MAX: usize = 65_535;
/// The longest part of XML without a tag, in bytes: a cell has 32,767 letters at most.
const RUN_BYTES_MAX: usize = 1 << 20;
/// What a text of the table of texts takes beside its letters is less than its tags.
const STRINGS_COST: u64 = 2;
/// What is not read: pictures, and what printers and other programs left.
const MEDIA: [&str; 11] = [
    ".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".bmp", ".tif", ".tiff", ".bin", ".ole",
];
/// The attribute by which the reader of workbooks makes room for texts, before it has read one.
const UNIQUE_COUNT: &[u8] = b"uniqueCount";
/// Formats take many times what their tags take.
const STYLES_COST: u64 = 16;

/// Refuses what is no workbook, or one that is too large.
pub(crate) fn check(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    if entries(bytes).is_none_or(|entries| entries > ENTRIES_MAX) {
        return Err(Refusal::BadZip);
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|_| Refusal::BadZip)?;
    check_kind(&archive)?;
    let mut left = limits.workbook_expanded_bytes_max;
    let mut held = bytes.len() as u64;
    let too_large = |what, limit_bytes| Refusal::WorkbookTooLarge { what, limit_bytes };
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).map_err(|error| {
            if matches!(error, ZipError::UnsupportedArchive(_)) {
                Refusal::UnsupportedCompression {
                    name: "an unusual method of ZIP, or encrypted",
                }
            } else {
                Refusal::BadZip
            }
        })?;
        let name = entry.name().map_err(|_| Refusal::BadZip)?;
        let name = name.to_ascii_lowercase();
        if MEDIA.iter().any(|end| name.ends_with(end)) {
            continue;
        }
        let told = entry.size();
        if told > left {
            let limit = limits.workbook_expanded_bytes_max;
            return Err(too_large("it expands to", limit));
        }
        held += told * cost(&name);
        if held > limits.workbook_bytes_max as u64 {
            let limit = limits.workbook_bytes_max as u64;
            return Err(too_large("its texts and formats take", limit));
        }
        left -= told;
        check_entry(&mut entry, told)?;
        if name.ends_with("sharedstrings.xml") {
            drop(entry);
            check_texts(&mut archive, at, told)?;
        }
    }
    Ok(())
}

/// Refuses a table of texts that says to have more of them than it has room for: the reader believes it, and makes room.
fn check_texts(
    archive: &mut ZipArchive<Cursor<&[u8]>>,
    at: usize,
    told: u64,
) -> Result<(), Refusal> {
    let entry = archive.by_index(at).map_err(|_| Refusal::BadZip)?;
    let mut xml = Vec::new();
    entry
        .take(told)
        .read_to_end(&mut xml)
        .map_err(|_| Refusal::BadZip)?;
    // A text takes five bytes at least: `<si/>`.
    let is_believable = |rest: &[u8]| {
        let digits = rest.iter().skip_while(|byte| !byte.is_ascii_digit());
        let digits: Vec<u8> = digits.copied().take_while(u8::is_ascii_digit).collect();
        let count: Option<u64> = std::str::from_utf8(&digits)
            .ok()
            .and_then(|text| text.parse().ok());
        count.is_some_and(|count| count <= told / 5)
    };
    let is_plain = memchr::memmem::find_iter(&xml, UNIQUE_COUNT)
        .all(|found| is_believable(&xml[found + UNIQUE_COUNT.len()..]));
    if is_plain {
        Ok(())
    } else {
        Err(Refusal::BadWorkbook)
    }
}

/// How many times its size an entry takes in memory: some are kept, of others a piece.
fn cost(name: &str) -> u64 {
    if name.ends_with("sharedstrings.xml") {
        STRINGS_COST
    } else if name.ends_with("styles.xml") {
        STYLES_COST
    } else {
        u64::from(name.ends_with("workbook.xml") || name.ends_with(".rels"))
    }
}

/// How many entries the archive says that it has.
fn entries(bytes: &[u8]) -> Option<u16> {
    let from = bytes.len().saturating_sub(END_BYTES + COMMENT_BYTES_MAX);
    let at = from + memchr::memmem::rfind(&bytes[from..], &END)?;
    let count = bytes[at..].get(END_ENTRIES_AT..END_ENTRIES_AT + 2)?;
    Some(u16::from_le_bytes([count[0], count[1]]))
}

fn check_kind(archive: &ZipArchive<Cursor<&[u8]>>) -> Result<(), Refusal> {
    let has = |end: &str| {
        archive
            .file_names()
            .any(|name| name.is_ok_and(|name| name.ends_with(end)))
    };
    let what = if has("workbook.xml") {
        return Ok(());
    } else if has("workbook.bin") {
        "it is a binary workbook (XLSB); save it as XLSX or the sheet as CSV"
    } else if has("content.xml") {
        "it is an OpenDocument file; save the sheet as CSV or XLSX"
    } else {
        "it is a document of an office program, and no workbook"
    };
    Err(Refusal::NotText { what })
}

/// Expands an entry without keeping it: it has as many bytes as the directory says, and no part that has to be held at once is
/// long.
fn check_entry(entry: &mut impl Read, told: u64) -> Result<(), Refusal> {
    let mut piece = vec![0; PIECE_BYTES];
    let (mut bytes, mut run) = (0_u64, 0_usize);
    // `<!` begins what may hold tags and is read as one.
    let (mut before, mut is_apart) = ([0_u8; 2], false);
    loop {
        let length = entry.read(&mut piece).map_err(|_| Refusal::BadZip)?;
        if length == 0 {
            return Ok(());
        }
        bytes += length as u64;
        if bytes > told {
            return Err(Refusal::BadZip);
        }
        for byte in &piece[..length] {
            run += 1;
            match byte {
                b'!' if before[1] == b'<' => is_apart = true,
                b'>' if is_apart => {
                    is_apart = before != *b"]]" && before != *b"--";
                }
                b'<' | b'>' if !is_apart => run = 0,
                _ => {}
            }
            before = [before[1], *byte];
            if run > RUN_BYTES_MAX {
                return Err(Refusal::WorkbookTooLarge {
                    what: "a cell of it is",
                    limit_bytes: RUN_BYTES_MAX as u64,
                });
            }
        }
    }
}
