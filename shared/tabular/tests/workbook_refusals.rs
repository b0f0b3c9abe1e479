//! Workbooks of Excel that are damaged, too large, or none: each is refused by its name.
#![cfg(feature = "xlsx")]

mod support;

use std::io::Write as _;

use consign_tabular::{Limits, MEMORY_BYTES_MIN, Options, Refusal};
use support::workbook::{NO_STRINGS, Number, TYPES, Text, archive, sheet, workbook, workbook_with};
use support::{convert_chunks, limits, refusal};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

#[test]
fn workbooks_are_refused_by_name_where_the_caller_has_no_room_for_them() {
    let file = workbook(&[&[Text("a")], &[Number(1.0)]]);
    let mut limits = limits();
    limits.workbook_bytes_max = 0;
    let found = convert_chunks(&[&file], Options::default(), limits);
    assert_eq!(found.unwrap_err().code(), "not_text");
}

#[test]
fn a_table_of_texts_that_promises_more_than_it_has_is_refused() {
    for count in ["100000000000", "18446744073709551615"] {
        let strings = format!(
            r#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" uniqueCount="{count}"><si><t>a</t></si></sst>"#
        );
        let file = workbook_with(
            &[("Data", "", sheet(&[&[Text("a")], &[Number(1.0)]]))],
            &strings,
        );
        let found = support::convert_with(&file, Options::default());
        assert_eq!(found.unwrap_err().code(), "workbook_too_large");
    }
}

#[test]
fn cells_that_stand_in_one_place_or_beyond_the_sheet_are_refused() {
    for cells in [
        r#"<c r="A2"><v>1</v></c><c r="A2"><v>9</v></c>"#,
        r#"<c r="A2"><v>1</v></c><c r="ZZZZZ2"><v>9</v></c>"#,
        r#"<c r="A2000000"><v>1</v></c>"#,
    ] {
        let rows = format!(
            r#"<row r="1"><c r="A1" t="inlineStr"><is><t>v</t></is></c></row><row r="2">{cells}</row>"#
        );
        let file = workbook_with(&[("Data", "", rows)], NO_STRINGS);
        let found = support::convert_with(&file, Options::default());
        assert_eq!(found.unwrap_err().code(), "bad_workbook", "{cells}");
    }
}

#[test]
fn other_documents_and_damage_are_refused_by_name() {
    let said = |file: &[u8]| refusal(file).detail();
    let document = archive(&[
        ("[Content_Types].xml", TYPES),
        ("word/document.xml", "<w/>"),
    ]);
    assert!(said(&document).contains("no workbook"));
    let binary = archive(&[("[Content_Types].xml", TYPES), ("xl/workbook.bin", "x")]);
    assert!(said(&binary).contains("XLSB"));
    let open = archive(&[("mimetype", "application/x"), ("content.xml", "<w/>")]);
    assert!(said(&open).contains("OpenDocument"));
    let whole = workbook(&[&[Text("a"), Text("b")], &[Number(1.0), Number(2.0)]]);
    assert_eq!(refusal(&whole[..whole.len() - 30]), Refusal::BadZip);
    let rows = r#"<row r="2"><c r="A2"><v>1</v></c></row><row r="1"><c r="A1"><v>2</v></c></row>"#;
    let turned = workbook_with(&[("S", "", rows.to_owned())], NO_STRINGS);
    assert_eq!(refusal(&turned), Refusal::BadWorkbook);
    let cut = workbook_with(&[("S", "", "<row r=\"1\"><c".to_owned())], NO_STRINGS);
    assert_eq!(refusal(&cut), Refusal::BadWorkbook);
}

/// The refusal under the smallest budget.
fn refused(file: &[u8]) -> Refusal {
    let limits = Limits::for_memory(MEMORY_BYTES_MIN);
    convert_chunks(&[file], Options::default(), limits).expect_err("it is refused")
}

#[test]
fn a_workbook_that_is_too_large_is_refused_before_it_is_expanded() {
    let limits = Limits::for_memory(MEMORY_BYTES_MIN);
    // Stored, it is larger than its bound: known before its end.
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    writer.start_file("[Content_Types].xml", stored).unwrap();
    writer
        .write_all(&vec![b' '; limits.workbook_bytes_max + 1])
        .unwrap();
    let file = writer.finish().unwrap().into_inner();
    assert!(matches!(
        refused(&file),
        Refusal::WorkbookTooLarge { what: "it is", .. }
    ));
    // Expanded, larger than its bound.
    let blank = " ".repeat(1024);
    let long = format!("<row>{blank}</row>").repeat(70_000);
    let file = workbook_with(&[("S", "", long)], NO_STRINGS);
    assert!(file.len() < 1 << 20);
    assert!(matches!(
        refused(&file),
        Refusal::WorkbookTooLarge {
            what: "it expands to",
            ..
        }
    ));
    // Its texts alone take too much.
    let strings = format!("<sst>{}</sst>", "<si><t>x</t></si>".repeat(300_000));
    let file = workbook_with(&[("S", "", String::new())], &strings);
    assert!(matches!(refused(&file), Refusal::WorkbookTooLarge { .. }));
}

#[test]
fn what_a_sheet_would_hold_at_once_is_bounded() {
    let cell = format!(
        "<row r=\"1\"><c r=\"A1\"><v>{}</v></c></row>",
        "1".repeat(2 << 20)
    );
    let file = workbook_with(&[("S", "", cell)], NO_STRINGS);
    assert!(matches!(
        refused(&file),
        Refusal::WorkbookTooLarge {
            what: "a cell, a tag or a comment in it is",
            ..
        }
    ));
    let cell = format!("<row r=\"1\"><!--{}--></row>", "<>".repeat(1 << 20));
    let file = workbook_with(&[("S", "", cell)], NO_STRINGS);
    assert!(matches!(
        refused(&file),
        Refusal::WorkbookTooLarge {
            what: "a cell, a tag or a comment in it is",
            ..
        }
    ));
    // A few cells far apart are many empty ones.
    let rows: String = (1..60_000)
        .map(|row| {
            format!(
                "<row r=\"{row}\"><c r=\"A{row}\"><v>1</v></c><c r=\"KKK{row}\"><v>2</v></c></row>"
            )
        })
        .collect();
    let file = workbook_with(&[("S", "", rows)], NO_STRINGS);
    assert!(matches!(
        refused(&file),
        Refusal::WorkbookTooLarge {
            what: "the text of its sheet is",
            ..
        }
    ));
    let file = workbook_with(
        &[(
            "S",
            "",
            "<row r=\"1\"><c r=\"A1\"><v>1</v></c><c r=\"XFD1\"><v>2</v></c></row>".to_owned(),
        )],
        NO_STRINGS,
    );
    assert!(matches!(refused(&file), Refusal::TooManyColumns { .. }));
}

/// The directory may say less than there is.
#[test]
fn an_entry_that_is_larger_than_it_says_is_refused() {
    let rows = sheet(&[&[Text("a"), Text("b")], &[Number(1.0), Number(2.0)]]);
    let mut file = workbook_with(&[("S", "", rows)], NO_STRINGS);
    let name = b"xl/worksheets/sheet1.xml";
    let at = file
        .windows(name.len())
        .rposition(|bytes| bytes == name)
        .unwrap();
    // The size stands 22 bytes before the name in the directory.
    file[at - 22..at - 18].copy_from_slice(&10_u32.to_le_bytes());
    assert!(matches!(
        refusal(&file),
        Refusal::BadZip | Refusal::BadWorkbook
    ));
}
