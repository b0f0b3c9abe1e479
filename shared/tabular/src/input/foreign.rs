//! Files of other kinds that people send by the name of a table.

use crate::refusal::Refusal;

/// Beginnings of files that people send by mistake, none of which a table would have.
const FOREIGN: [(&[u8], Refusal); 7] = [
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
            what: "it is an old document of Office (.xls, .doc), or one with a password; save the sheet as CSV or XLSX",
        },
    ),
    (
        b"Obj\x01",
        Refusal::NotText {
            what: "it is an Avro file",
        },
    ),
    (
        b"\x89PNG",
        Refusal::NotText {
            what: "it is an image",
        },
    ),
    (b"BZh91A", Refusal::UnsupportedCompression { name: "bzip2" }),
    (b"\xFD7zXZ", Refusal::UnsupportedCompression { name: "xz" }),
];

/// How gzip, ZIP and zstd begin, the last with text or with something else first.
pub(crate) const GZIP: [u8; 2] = [0x1F, 0x8B];
pub(crate) const ZIP: [u8; 4] = *b"PK\x03\x04";
pub(crate) const ZSTD: [[u8; 4]; 2] = [*b"\x28\xB5\x2F\xFD", *b"\x50\x2A\x4D\x18"];

/// Refuses files that begin as no table does.
pub(crate) fn check_bytes(head: &[u8]) -> Result<(), Refusal> {
    let mut foreign = FOREIGN.iter().filter(|(magic, _)| head.starts_with(magic));
    foreign
        .next()
        .map_or(Ok(()), |(_, refusal)| Err(refusal.clone()))
}

/// Refuses what comes out of an archive and is one itself.
pub(crate) fn check_packed_again(head: &[u8]) -> Result<(), Refusal> {
    let is_zstd = ZSTD.iter().any(|magic| head.starts_with(magic));
    if is_zstd || head.starts_with(&GZIP) || head.starts_with(&ZIP) {
        return Err(Refusal::NotText {
            what: "it is packed twice; send what is inside",
        });
    }
    Ok(())
}

/// Texts of other kinds that people send by the name of a table.
pub(crate) fn check_text(sample: &str) -> Result<(), Refusal> {
    let text = sample.trim_start();
    let begins = |word: &str| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let is_tag = text.starts_with('<')
        && text[1..].starts_with(|letter: char| {
            letter.is_ascii_alphabetic() || letter == '!' || letter == '?'
        })
        && text
            .lines()
            .next()
            .is_some_and(|line| line.contains('>') && !line.contains([',', ';', '\t']));
    if begins("<!doctype html") || begins("<html") {
        return Err(Refusal::NotText {
            what: "it is a page of HTML; perhaps an error page was saved",
        });
    }
    if begins("<?xml") || is_tag {
        return Err(Refusal::NotText { what: "it is XML" });
    }
    if begins("%!PS") || begins("{\\rtf") {
        return Err(Refusal::NotText {
            what: "it is a formatted document",
        });
    }
    Ok(())
}
