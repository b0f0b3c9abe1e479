//! Workbooks of Excel: the cells of a sheet are read as they are, and what is too large or damaged is refused by its name.
#![cfg(feature = "xlsx")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Write as _;

use consign_tabular::{Compression, Format, Hints, Limits, MEMORY_BYTES_MIN, Options, Refusal};
use serde_json::{Value, json};
use support::{Outcome, convert, convert_chunks, convert_once, convert_with, limits, refusal};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An archive with these entries.
fn archive(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content.as_bytes()).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

const TYPES: &str =
    r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
const RELS: &str = r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>"#;
/// Formats by their numbers: 1 a day, 2 a day with a time, 3 a time, 4 hours beyond a day.
const STYLES: &str = r#"<styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><numFmts count="1"><numFmt numFmtId="164" formatCode="[h]:mm:ss"/></numFmts><cellXfs count="5"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="22"/><xf numFmtId="21"/><xf numFmtId="164"/></cellXfs></styleSheet>"#;

/// A workbook with these sheets: name, attributes, and the rows as XML.
fn workbook_with(sheets: &[(&str, &str, String)], strings: &str) -> Vec<u8> {
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

const NO_STRINGS: &str =
    r#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>"#;

fn workbook(rows: &[&[Cell]]) -> Vec<u8> {
    workbook_with(&[("Data", "", sheet(rows))], NO_STRINGS)
}

#[derive(Clone, Copy)]
enum Cell {
    None,
    Text(&'static str),
    Number(f64),
    /// A number with a format of [`STYLES`].
    Styled(f64, u8),
    Bool(bool),
    Error(&'static str),
}

use Cell::{Bool, Error, Number, Styled, Text};

fn sheet(rows: &[&[Cell]]) -> String {
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

fn told(hints: &Value) -> Options {
    Options {
        hints: Hints::from_json(hints).unwrap(),
        ..Options::default()
    }
}

fn min(outcome: &Outcome, column: &str) -> Value {
    serde_json::to_value(outcome.column(column).min.clone()).unwrap()
}

#[test]
fn cells_have_the_types_that_the_sheet_gives_them() {
    let file = workbook(&[
        &[
            "id", "code", "price", "day", "seen", "at", "for", "ok", "text",
        ]
        .map(Text),
        &[
            Number(1.0),
            Text("007"),
            Number(0.1),
            Styled(45_292.0, 1),
            Styled(45_292.5, 2),
            Styled(0.75, 3),
            Styled(0.5, 4),
            Bool(true),
            Text("12"),
        ],
        &[
            Number(2.0),
            Text("a \"b\",\nc"),
            Number(1234.25),
            Styled(45_293.0, 1),
            Styled(45_293.0, 2),
            Styled(0.25, 3),
            Cell::None,
            Bool(false),
            Text("13"),
        ],
        &[
            Number(3.0),
            Text("x"),
            Error("#N/A"),
            Cell::None,
            Cell::None,
            Cell::None,
            Cell::None,
            Cell::None,
            Text("14"),
        ],
    ]);
    let outcome = convert(&file);
    assert_eq!(
        outcome.types(),
        [
            "int64",
            "text",
            "decimal",
            "date",
            "timestamp",
            "time",
            "time",
            "boolean",
            "text"
        ]
    );
    let profile = &outcome.profile;
    assert_eq!((profile.rows, profile.rejects), (3, 0));
    assert_eq!(
        (profile.format, profile.compression),
        (Format::Workbook, Compression::Zip)
    );
    assert_eq!(profile.sheet.as_deref(), Some("Data"));
    assert_eq!(min(&outcome, "day"), "2024-01-01");
    assert_eq!(min(&outcome, "seen"), "2024-01-01T12:00:00");
    assert_eq!(min(&outcome, "at"), "06:00:00");
    assert_eq!(outcome.column("price").nulls, 1);
    // In one pass and in any pieces the same.
    let once = convert_once(&[&file], Options::default(), limits())
        .unwrap()
        .unwrap();
    assert_eq!(once.parquet, outcome.parquet);
    for piece in [1, 7, 1000] {
        let chunks: Vec<&[u8]> = file.chunks(piece).collect();
        assert_eq!(
            convert_chunks(&chunks, Options::default(), limits()).unwrap(),
            outcome
        );
    }
}

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
        assert_eq!(found.unwrap_err().code(), "bad_workbook");
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
fn a_day_that_no_calendar_has_becomes_no_other_day() {
    let days = |serials: &[f64]| {
        let cells: Vec<[Cell; 2]> = serials
            .iter()
            .map(|serial| [Text("a"), Styled(*serial, 1)])
            .collect();
        let mut rows: Vec<&[Cell]> = vec![&[Text("name"), Text("day")]];
        rows.extend(cells.iter().map(<[Cell; 2]>::as_slice));
        convert(workbook(&rows))
    };
    let around = days(&[59.0, 61.0]);
    assert_eq!(around.types(), ["text", "date"]);
    assert_eq!(min(&around, "day"), "1900-02-28");
    // 29 February 1900 for Excel.
    assert_eq!(days(&[59.0, 60.0, 61.0]).types(), ["text", "text"]);
}

#[test]
fn titles_gaps_and_empty_columns_are_no_part_of_the_table() {
    let none = Cell::None;
    let file = workbook(&[
        &[none, Text("Sales of the year")],
        &[],
        &[none, Text("city"), Text("sold"), Text("rank")],
        &[none, Text("Rome"), Number(5.0), Number(1.0)],
        &[],
        &[none, Text("Bern"), Number(7.5), Number(2.0)],
        &[none, none, none],
    ]);
    let outcome = convert(&file);
    assert_eq!(outcome.names(), ["city", "sold", "rank"]);
    let profile = &outcome.profile;
    assert_eq!(
        (profile.rows, profile.skipped_lines, profile.blank_lines),
        (2, 2, 1)
    );
}

#[test]
fn numbers_keep_every_digit_that_the_sheet_has() {
    let values = [
        0.1,
        1e300,
        5e-324,
        123_456_789_012_345.0,
        9_007_199_254_740_993.0,
        -2.5,
    ];
    let rows: Vec<[Cell; 2]> = values
        .iter()
        .map(|value| [Number(*value), Number(1.0)])
        .collect();
    let mut all: Vec<&[Cell]> = vec![&[Text("v"), Text("w")]];
    all.extend(rows.iter().map(<[Cell; 2]>::as_slice));
    let outcome = convert(workbook(&all));
    assert_eq!(outcome.types(), ["float64", "int64"]);
    let batch = &outcome.batches()[0];
    let read = batch
        .column(0)
        .as_any()
        .downcast_ref::<arrow_array::Float64Array>()
        .unwrap();
    assert_eq!(read.values().as_ref(), values.as_slice());
}

#[test]
fn the_first_sheet_that_is_shown_and_has_data_is_read_or_the_one_that_is_told() {
    let table = |word: &'static str| sheet(&[&[Text(word), Text("n")], &[Text("x"), Number(1.0)]]);
    let file = workbook_with(
        &[
            ("Secret", r#"state="hidden""#, table("hidden")),
            ("Empty", "", String::new()),
            ("First", "", table("first")),
            ("Second", "", table("second")),
        ],
        NO_STRINGS,
    );
    assert_eq!(convert(&file).names(), ["first", "n"]);
    for (name, word) in [("Second", "second"), ("Secret", "hidden")] {
        let outcome = convert_with(&file, told(&json!({"sheet": name}))).unwrap();
        assert_eq!(outcome.names()[0], word);
        assert_eq!(outcome.profile.sheet.as_deref(), Some(name));
    }
    let missing = convert_with(&file, told(&json!({"sheet": "Third"})));
    assert!(matches!(
        missing,
        Err(Refusal::ImpossibleHint { hint: "sheet", .. })
    ));
    let csv = convert_with("a,b\n1,2\n", told(&json!({"sheet": "Data"})));
    assert!(matches!(
        csv,
        Err(Refusal::ImpossibleHint { hint: "sheet", .. })
    ));
    assert_eq!(refusal(workbook(&[])), Refusal::EmptyFile);
}

#[test]
fn hints_hold_for_a_sheet_too() {
    let file = workbook(&[
        &[Text("about"), Text("this")],
        &[Text("id"), Text("n")],
        &[Text("12"), Text("-")],
        &[Text("13"), Number(4.0)],
        &[Text("x"), Number(5.0)],
    ]);
    let hints = json!({
        "skip_rows": 1, "header": true, "null_values": ["-"], "columns": {"id": "int64"},
        "encoding": "windows-1252",
    });
    let outcome = convert_with(&file, told(&hints)).unwrap();
    assert_eq!(
        columns_of(&outcome),
        [("id", "int64"), ("n", "int64")].map(owned)
    );
    assert_eq!((outcome.profile.rows, outcome.rejects.wrong_type), (2, 1));
}

fn owned((name, kind): (&str, &str)) -> (String, String) {
    (name.to_owned(), kind.to_owned())
}

fn columns_of(outcome: &Outcome) -> Vec<(String, String)> {
    support::columns(outcome)
}

#[test]
fn texts_of_the_table_of_texts_are_read() {
    let strings = r#"<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>name</t></si><si><r><t>rich</t></r><r><t xml:space="preserve"> ärger</t></r></si></sst>"#;
    let rows = r#"<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>n</t></is></c></row><row r="2"><c r="A2" t="s"><v>1</v></c><c r="B2"><v>1</v></c></row>"#;
    let outcome = convert(workbook_with(&[("S", "", rows.to_owned())], strings));
    assert_eq!(outcome.names(), ["name", "n"]);
    assert_eq!(min(&outcome, "name"), "rich ärger");
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

#[test]
fn a_workbook_that_is_too_large_is_refused_before_it_is_expanded() {
    let limits = Limits::for_memory(MEMORY_BYTES_MIN);
    let refused = |file: &[u8]| {
        convert_chunks(&[file], Options::default(), limits).expect_err("it is refused")
    };
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
    // One cell that would be held at once.
    let cell = format!(
        "<row r=\"1\"><c r=\"A1\"><v>{}</v></c></row>",
        "1".repeat(2 << 20)
    );
    let file = workbook_with(&[("S", "", cell)], NO_STRINGS);
    assert!(matches!(
        refused(&file),
        Refusal::WorkbookTooLarge {
            what: "a cell of it is",
            ..
        }
    ));
    let cell = format!("<row r=\"1\"><!--{}--></row>", "<>".repeat(1 << 20));
    let file = workbook_with(&[("S", "", cell)], NO_STRINGS);
    assert!(matches!(
        refused(&file),
        Refusal::WorkbookTooLarge {
            what: "a cell of it is",
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
        Refusal::DecompressedTooLarge { .. }
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
