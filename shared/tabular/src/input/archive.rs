//! The archive of a workbook: its directory, looked at before anything is read from it, and its parts by their paths.

use std::collections::HashMap;
use std::io::Cursor;

use ::zip::ZipArchive;
use ::zip::read::ZipFile;
use ::zip::result::ZipError;
use bytes::Bytes;
use memchr::memmem;

use crate::input::room::Room;
use crate::refusal::Refusal;

/// The record at the end of an archive; the same of a large archive; what is said of each entry.
const END: [u8; 4] = *b"PK\x05\x06";
const LARGE_END: [u8; 4] = *b"PK\x06\x06";
const HEADER: [u8; 4] = *b"PK\x01\x02";
/// Where in these records the numbers of two disks are, how many entries there are, and how long what follows a header is.
const END_DISKS_AT: usize = 4;
const END_COUNT_AT: usize = 10;
const LARGE_END_DISKS_AT: usize = 16;
const LARGE_END_COUNT_AT: usize = 32;
const HEADER_LENGTHS_AT: usize = 28;
/// The most entries of an archive.
const ENTRIES_MAX: u64 = 10_000;
/// What an entry takes in memory beside its name, and how often its name is kept: here and by the reader of workbooks.
const ENTRY_BYTES: u64 = 1024;
const NAME_COPIES: u64 = 8;

type Source = Cursor<Bytes>;

pub(crate) struct Archive {
    zip: ZipArchive<Source>,
    /// Names by their plain form, as the reader of workbooks looks for them.
    names: HashMap<String, String>,
}

impl Archive {
    /// Refuses what is no workbook, or one with too many parts.
    pub(crate) fn open(bytes: &Bytes, room: &mut Room) -> Result<Self, Refusal> {
        check_directory(bytes, room)?;
        let zip = ZipArchive::new(Cursor::new(bytes.clone())).map_err(|_| Refusal::BadZip)?;
        check_kind(&zip)?;
        let mut names = HashMap::with_capacity(zip.len());
        for name in zip.file_names() {
            let name = name.map_err(|_| Refusal::BadZip)?;
            let plain = name.replace('\\', "/").to_ascii_lowercase();
            names.insert(plain, name.to_string());
        }
        Ok(Self { zip, names })
    }

    /// The part that the reader of workbooks opens by this path.
    pub(crate) fn part(&mut self, path: &str) -> Result<Option<ZipFile<'_, Source>>, Refusal> {
        let name = self.names.get(&path.to_ascii_lowercase());
        match self.zip.by_name(name.map_or(path, String::as_str)) {
            Ok(part) => Ok(Some(part)),
            Err(ZipError::FileNotFound) => Ok(None),
            Err(ZipError::UnsupportedArchive(_)) => Err(Refusal::UnsupportedCompression {
                name: "an unusual method of ZIP, or encrypted",
            }),
            Err(_) => Err(Refusal::BadZip),
        }
    }
}

/// Refuses an archive that says to have too many entries, and counts what its entries take. The library makes room for as many
/// as any record of an end says that there are, so all of them are looked at. Bytes that look like one by chance are none:
/// their numbers do not agree.
fn check_directory(bytes: &[u8], room: &mut Room) -> Result<(), Refusal> {
    for at in memmem::find_iter(bytes, &END) {
        let end = &bytes[at..];
        let are_disks_same = number::<2>(end, END_DISKS_AT) == number::<2>(end, END_DISKS_AT + 2);
        if are_disks_same && number::<2>(end, END_COUNT_AT) > ENTRIES_MAX {
            return Err(Refusal::BadZip);
        }
    }
    for at in memmem::find_iter(bytes, &LARGE_END) {
        let end = &bytes[at..];
        let disks_at = LARGE_END_DISKS_AT;
        let are_disks_same = number::<4>(end, disks_at) == number::<4>(end, disks_at + 4);
        if are_disks_same && number::<8>(end, LARGE_END_COUNT_AT) > ENTRIES_MAX {
            return Err(Refusal::BadZip);
        }
    }
    for (count, at) in (1..).zip(memmem::find_iter(bytes, &HEADER)) {
        if count > ENTRIES_MAX {
            return Err(Refusal::BadZip);
        }
        let header = &bytes[at..];
        let lengths = [0, 2, 4].map(|behind| number::<2>(header, HEADER_LENGTHS_AT + behind));
        let text: u64 = lengths.iter().sum();
        room.take(ENTRY_BYTES + text * NAME_COPIES)?;
    }
    Ok(())
}

/// A number of so many bytes; 0 where the record is cut off.
fn number<const BYTES: usize>(record: &[u8], at: usize) -> u64 {
    let bytes = record.get(at..at + BYTES).unwrap_or_default();
    let digits = bytes.iter().rev();
    digits.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn check_kind(archive: &ZipArchive<Source>) -> Result<(), Refusal> {
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
