//! File types: the content types of an extension, and the first bytes of such a file.

use std::borrow::Cow;

use thiserror::Error;

use super::known_types::{KNOWN, TABULAR};

/// The number of first bytes that decide the type of a file.
pub const SNIFFED_BYTES: usize = 512;

/// What a file of a type must start with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Magic {
    /// Anything.
    Any,
    /// Text: no NUL byte in the head, unless UTF-16 explains them.
    Text,
    /// One of these signatures.
    Signatures(Cow<'static, [Signature]>),
}

/// Bytes at offsets, all of which must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(pub Cow<'static, [(usize, Cow<'static, [u8]>)]>);

/// One extension that a category accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileType {
    /// The extension, in lower case without the leading dot. It may contain a dot, as `csv.gz`.
    pub ext: String,
    /// The accepted content types, the usual one first. Never empty.
    pub content_types: Vec<String>,
    /// What the file must start with.
    pub magic: Magic,
    /// Whether it is read as a table: delimited text or lines of JSON, also compressed.
    pub is_tabular: bool,
}

/// A file whose first bytes do not match its extension.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the file does not start like a .{ext} file{}", .found.map(|f| format!(": it looks like {f}")).unwrap_or_default())]
pub struct MagicMismatch {
    /// The extension of the upload.
    pub ext: String,
    /// The extension that the first bytes suggest, if any.
    pub found: Option<&'static str>,
}

/// Synonyms of a content type, as Android, Windows and older programs send them. A category that accepts one accepts
/// all.
static SYNONYMS: [&[&str]; 2] = [
    &[
        "text/csv",
        "application/csv",
        "text/x-csv",
        "application/x-csv",
        "text/comma-separated-values",
        "text/x-comma-separated-values",
    ],
    &[
        "text/tab-separated-values",
        "text/tsv",
        "text/x-tsv",
        "text/x-tab-separated-values",
    ],
];

fn are_synonyms(first: &str, second: &str) -> bool {
    SYNONYMS.iter().any(|names| {
        let has = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        has(first) && has(second)
    })
}

impl FileType {
    /// Returns the built-in type of an extension.
    pub fn known(ext: &str) -> Option<Self> {
        let (ext, content_types, magic) = KNOWN.iter().find(|(known, ..)| *known == ext)?;
        let content_types = content_types
            .iter()
            .map(|text| (*text).to_owned())
            .collect();
        Some(Self {
            ext: (*ext).to_owned(),
            content_types,
            magic: magic.clone(),
            is_tabular: TABULAR.contains(ext),
        })
    }

    /// Returns whether the text of such a table may write its cells and numbers in different ways. JSON and workbooks have
    /// one.
    pub fn has_notation(&self) -> bool {
        let first = self.ext.split('.').next().unwrap_or_default();
        !matches!(first, "json" | "jsonl" | "ndjson" | "xlsx")
    }

    /// Returns whether a file may be declared with this content type or a synonym of it. Parameters such as `charset`
    /// are ignored.
    pub fn accepts(&self, content_type: &str) -> bool {
        let essence = essence(content_type);
        self.content_types
            .iter()
            .any(|known| known.eq_ignore_ascii_case(essence) || are_synonyms(known, essence))
    }

    /// Returns the content type of a file that was declared without one.
    pub fn content_type(&self) -> &str {
        self.content_types
            .first()
            .map_or("application/octet-stream", String::as_str)
    }

    /// Checks a file's first [`HEAD_BYTES`] bytes, or the whole file if it is shorter.
    pub fn check_magic(&self, head: &[u8]) -> Result<(), MagicMismatch> {
        if self.magic.fits(head) {
            Ok(())
        } else {
            Err(MagicMismatch {
                ext: self.ext.clone(),
                found: sniff(head),
            })
        }
    }
}

impl Magic {
    fn fits(&self, head: &[u8]) -> bool {
        match self {
            Self::Any => true,
            Self::Text => is_text(head),
            Self::Signatures(signatures) => signatures.iter().any(|signature| signature.fits(head)),
        }
    }
}

impl Signature {
    /// Builds the signature of these bytes at the beginning.
    pub fn at_start(bytes: Vec<u8>) -> Self {
        Self(Cow::Owned(vec![(0, Cow::Owned(bytes))]))
    }

    fn fits(&self, head: &[u8]) -> bool {
        self.0.iter().all(|(offset, bytes)| {
            head.get(*offset..)
                .is_some_and(|rest| rest.starts_with(bytes))
        })
    }
}

/// Returns the extension that a file's first bytes suggest: `txt` for any text, and `zip` for Office files.
pub fn sniff(head: &[u8]) -> Option<&'static str> {
    let binary = KNOWN
        .iter()
        .find(|(.., magic)| matches!(magic, Magic::Signatures(_)) && magic.fits(head));
    match binary {
        Some((ext, ..)) => Some(ext),
        None => (!head.is_empty() && is_text(head)).then_some("txt"),
    }
}

fn is_text(head: &[u8]) -> bool {
    let utf16 = head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff");
    let head = head.get(..SNIFFED_BYTES).unwrap_or(head);
    utf16 || !head.contains(&0) || is_unmarked_utf16(head)
}

/// Returns whether the NUL bytes are those of UTF-16 without a byte order mark: only first bytes of the units have them, or
/// only second ones, and at least half of those, beside letters and blanks. A single NUL byte is not even one unit.
fn is_unmarked_utf16(head: &[u8]) -> bool {
    let is_written = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..);
    let (units, rest) = head.as_chunks::<2>();
    if units.is_empty() || !rest.is_empty() {
        return false;
    }
    let is_text = |zero: usize| {
        let zeros = units.iter().filter(|unit| unit[zero] == 0);
        2 * zeros.clone().count() >= units.len()
            && zeros.clone().all(|unit| is_written(unit[1 - zero]))
            && units.iter().all(|unit| unit[1 - zero] != 0)
    };
    is_text(0) || is_text(1)
}

/// Returns a content type without its parameters.
pub(super) fn essence(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Checks a content type by RFC 9110, section 8.3.1, on one line. It is returned unchanged, since it is signed.
pub(super) fn parse_content_type(text: &str) -> Result<&str, &'static str> {
    let token = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b))
    };
    let printable = text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    let shaped = essence(text)
        .split_once('/')
        .is_some_and(|(kind, sub)| token(kind) && token(sub));
    // Inner runs of spaces would be folded when signed but not when sent.
    if text.len() > 128 || !printable || !shaped || text.trim() != text || text.contains("  ") {
        return Err("must be a media type such as `text/csv`, at most 128 characters");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known(ext: &str) -> FileType {
        FileType::known(ext).unwrap()
    }

    #[test]
    fn every_known_type_has_a_content_type_and_occurs_once() {
        let mut names: Vec<_> = KNOWN.iter().map(|(ext, ..)| *ext).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KNOWN.len());
        for ext in names {
            let kind = known(ext);
            assert!(kind.accepts(kind.content_type()), "{ext}");
            assert!(
                kind.content_types
                    .iter()
                    .all(|text| parse_content_type(text).is_ok()),
                "{ext}"
            );
        }
        assert_eq!(FileType::known("exe"), None);
    }

    #[test]
    fn utf_16_without_a_mark_is_text_and_other_bytes_with_nul_are_not() {
        let utf16 = |to_bytes: fn(u16) -> [u8; 2]| {
            "id,größe\n1,2\n"
                .encode_utf16()
                .flat_map(to_bytes)
                .collect::<Vec<u8>>()
        };
        for head in [utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
            assert_eq!(known("csv").check_magic(&head), Ok(()));
        }
        for head in [&b"a,b\n1,\0\n"[..], b"\0\x01\x02\0\0\x05", b"a\0b\0\0"] {
            assert!(known("csv").check_magic(head).is_err(), "{head:?}");
        }
        for length in 1..=SNIFFED_BYTES {
            assert!(
                known("csv").check_magic(&vec![0; length]).is_err(),
                "{length}"
            );
        }
    }

    #[test]
    fn the_head_decides_what_a_file_is() {
        let cases: [(&str, &[u8]); 8] = [
            ("pdf", b"%PDF-1.7"),
            ("png", b"\x89PNG\r\n\x1a\nrest"),
            ("webp", b"RIFF\x00\x00\x00\x00WEBPVP8 "),
            ("wav", b"RIFF\x00\x00\x00\x00WAVEfmt "),
            ("m4a", b"\x00\x00\x00\x20ftypM4A "),
            ("zip", b"PK\x03\x04"),
            ("parquet", b"PAR1"),
            ("csv.gz", b"\x1f\x8b\x08"),
        ];
        for (ext, head) in cases {
            assert_eq!(known(ext).check_magic(head), Ok(()), "{ext}");
        }
        assert_eq!(sniff(b"RIFF\x00\x00\x00\x00WAVE"), Some("wav"));
        assert_eq!(sniff(b"a,b\n1,2\n"), Some("txt"));
        assert_eq!(sniff(b"\x00\x01"), None);
        assert_eq!(sniff(b""), None);
    }

    #[test]
    fn a_mismatch_names_the_found_type() {
        let error = known("csv").check_magic(b"PK\x03\x04\x00\x00").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file does not start like a .csv file: it looks like zip"
        );
        let error = known("png").check_magic(b"\x00\x00\x00").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the file does not start like a .png file"
        );
    }

    #[test]
    fn utf_16_text_is_text() {
        assert_eq!(known("csv").check_magic(b"\xff\xfea\x00,\x00b\x00"), Ok(()));
        assert_eq!(known("csv").check_magic(b"a\x00,\x00b\x00"), Ok(()));
        assert!(known("csv").check_magic(b"a\x00\x00\x00b\x00").is_err());
        assert_eq!(known("csv").check_magic(b""), Ok(()));
    }

    #[test]
    fn synonyms_of_a_type_are_accepted_with_it() {
        for name in [
            "text/comma-separated-values",
            "text/x-csv",
            "Application/X-CSV; charset=utf-8",
        ] {
            assert!(known("csv").accepts(name), "{name}");
            assert!(
                !known("tsv").accepts(name) && !known("pdf").accepts(name),
                "{name}"
            );
        }
        let own = FileType {
            content_types: vec!["text/csv".to_owned()],
            ..known("csv")
        };
        assert!(own.accepts("application/x-csv") && !own.accepts("text/plain"));
        assert!(known("tsv").accepts("text/x-tsv"));
    }

    #[test]
    fn content_types_match_by_essence() {
        assert!(known("csv").accepts("Text/CSV; charset=utf-8"));
        assert!(!known("csv").accepts("text/html"));
        for bad in [
            "",
            "csv",
            "text/",
            "/csv",
            "text/csv\n",
            " text/csv",
            "text/csv;  a=b",
            "te xt/csv",
            "text/ü",
        ] {
            assert!(parse_content_type(bad).is_err(), "{bad:?}");
        }
        assert!(parse_content_type(&format!("text/{}", "a".repeat(124))).is_err());
        assert_eq!(
            parse_content_type("text/csv; charset=utf-8"),
            Ok("text/csv; charset=utf-8")
        );
    }

    proptest! {
        #[test]
        fn no_head_makes_the_checks_panic(head: Vec<u8>) {
            sniff(&head);
            for (ext, ..) in KNOWN {
                let _ = known(ext).check_magic(&head);
            }
        }

        #[test]
        fn no_content_type_makes_the_parser_panic(text: String) {
            let _ = parse_content_type(&text);
        }
    }
}
