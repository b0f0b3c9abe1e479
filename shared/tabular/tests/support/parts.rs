//! Workbooks of which each part may be another, and very long.

use std::io::Write as _;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::workbook::{NO_STRINGS, RELS, STYLES, TYPES};

const MIB: usize = 1024 * 1024;

pub(crate) const STRINGS: &str = "xl/sharedStrings.xml";
pub(crate) const FORMATS: &str = "xl/styles.xml";
pub(crate) const THEME: &str = "xl/theme/theme1.xml";
pub(crate) const MAIN: &str = "xl/workbook.xml";
pub(crate) const RELATIONS: &str = "xl/_rels/workbook.xml.rels";
pub(crate) const ROOTS: &str = "_rels/.rels";
pub(crate) const SHEET: &str = "xl/worksheets/sheet1.xml";
/// Every part that the reader reads of each workbook.
pub(crate) const READ: [&str; 7] = [ROOTS, STRINGS, THEME, FORMATS, RELATIONS, MAIN, SHEET];

pub(crate) const SMALL: &str = r#"<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>a</t></is></c></row><row r="2"><c r="A2"><v>1</v></c></row></sheetData></worksheet>"#;
pub(crate) const ONE_SHEET: &str =
    r#"<workbook xmlns:r="r"><sheets><sheet name="S" sheetId="1" r:id="s1"/></sheets></workbook>"#;
pub(crate) const ONE_RELATION: &str = r#"<Relationships><Relationship Id="s1" Type="/worksheet" Target="worksheets/sheet1.xml"/></Relationships>"#;

/// Content of a part: what comes first, a piece so many times, and what comes last.
#[derive(Clone)]
pub(crate) struct Content {
    first: String,
    piece: String,
    times: usize,
    last: String,
}

impl Content {
    pub(crate) fn whole(text: &str) -> Self {
        Self::repeated(text, "", 0, "")
    }

    pub(crate) fn repeated(first: &str, piece: &str, times: usize, last: &str) -> Self {
        Self {
            first: first.to_owned(),
            piece: piece.to_owned(),
            times,
            last: last.to_owned(),
        }
    }
}

/// A workbook of one small sheet with these parts instead, or beside.
pub(crate) fn workbook(others: &[(&str, Content)]) -> Vec<u8> {
    let usual = [
        ("[Content_Types].xml", TYPES),
        (ROOTS, RELS),
        (MAIN, ONE_SHEET),
        (RELATIONS, ONE_RELATION),
        (STRINGS, NO_STRINGS),
        (FORMATS, STYLES),
        (THEME, "<theme/>"),
        (SHEET, SMALL),
    ];
    let is_other = |name: &str| others.iter().any(|(other, _)| *other == name);
    let usual = usual.into_iter().filter(|(name, _)| !is_other(name));
    let usual = usual.map(|(name, text)| (name, Content::whole(text)));
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in usual.chain(others.iter().cloned()) {
        writer.start_file(name, options).unwrap();
        writer.write_all(content.first.as_bytes()).unwrap();
        let at_once = (MIB / content.piece.len().max(1)).clamp(1, content.times.max(1));
        let pieces = content.piece.repeat(at_once);
        for _ in 0..content.times / at_once {
            writer.write_all(pieces.as_bytes()).unwrap();
        }
        writer.write_all(content.last.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) fn rows(count: usize, mut cells: impl FnMut(usize) -> String) -> Content {
    let rows: String = (0..count)
        .map(|row| format!("<row>{}</row>", cells(row)))
        .collect();
    Content::whole(&format!(
        "<worksheet><sheetData>{rows}</sheetData></worksheet>"
    ))
}
