//! Workbooks of Excel, made by code.

use std::io::Write as _;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An archive with these entries.
pub(crate) fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(crate) const TYPES: &str =
    r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
pub(crate) const RELS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
/// Formats by their numbers: 1 a day, 2 a day with a time, 3 a time, 4 hours beyond a day.
pub(crate) const STYLES: &str = r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="1"><numFmt numFmtId="164" formatCode="[h]:mm:ss"/></numFmts><cellXfs count="5"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="21"/><xf numFmtId="164"/></cellXfs></styleSheet>"#;

/// A workbook with these sheets: name, attributes, and the rows as XML.
pub(crate) fn workbook_with(sheets: &[(&str, &str, String)], strings: &str) -> Vec<u8> {
    let mut list = String::new();
    let mut rels = String::new();
    let mut entries = vec![("[Content_Types].xml".to_owned(), TYPES.to_owned())];
    entries.push(("_rels/.rels".to_owned(), RELS.to_owned()));
    for (at, (name, attributes, rows)) in sheets.iter().enumerate() {
        let number = at + 1;
        list +=
            &format!(r#"<sheet name="{name}" sheetId="{number}" {attributes} r:id="s{number}"/>"#);
        rels += &format!(
            r#"<Relationship Id="s{number}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet{number}.xml"/>"#
        );
        entries.push((
            format!("xl/worksheets/sheet{number}.xml"),
            format!(
                r#"<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>"#
            ),
        ));
    }
    entries.push((
        "xl/workbook.xml".to_owned(),
        format!(
            r#"<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>{list}</sheets></workbook>"#
        ),
    ));
    entries.push((
        "xl/_rels/workbook.xml.rels".to_owned(),
        format!(
            r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{rels}<Relationship Id="x" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/><Relationship Id="y" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/styles" Target="styles.xml"/></Relationships>"#
        ),
    ));
    entries.push(("xl/sharedStrings.xml".to_owned(), strings.to_owned()));
    entries.push(("xl/styles.xml".to_owned(), STYLES.to_owned()));
    let entries: Vec<(&str, &str)> = entries
        .iter()
        .map(|(name, content)| (name.as_str(), content.as_str()))
        .collect();
    archive(&entries)
}

pub(crate) const NO_STRINGS: &str =
    r#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>"#;

pub(crate) fn workbook(rows: &[&[Cell]]) -> Vec<u8> {
    workbook_with(&[("Data", "", sheet(rows))], NO_STRINGS)
}

#[derive(Clone, Copy)]
pub(crate) enum Cell {
    None,
    Text(&'static str),
    Number(f64),
    /// A number with a format of [`STYLES`].
    Styled(f64, u8),
    Bool(bool),
    Error(&'static str),
}

pub(crate) use Cell::{Bool, Error, Number, Styled, Text};

pub(crate) fn sheet(rows: &[&[Cell]]) -> String {
    let mut xml = String::new();
    for (row, cells) in (1..).zip(rows) {
        xml += &format!(r#"<row r="{row}">"#);
        for (column, cell) in ('A'..).zip(*cells) {
            let at = format!("{column}{row}");
            xml += &match cell {
                Cell::None => String::new(),
                Text(text) => format!(
                    r#"<c r="{at}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>"#
                ),
                Number(value) => format!(r#"<c r="{at}"><v>{value}</v></c>"#),
                Styled(value, style) => format!(r#"<c r="{at}" s="{style}"><v>{value}</v></c>"#),
                Bool(value) => format!(r#"<c r="{at}" t="b"><v>{}</v></c>"#, u8::from(*value)),
                Error(word) => format!(r#"<c r="{at}" t="e"><v>{word}</v></c>"#),
            };
        }
        xml += "</row>";
    }
    xml
}
