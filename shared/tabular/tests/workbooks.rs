//! Workbooks of Excel: the cells of a sheet are read as they are.
#![cfg(feature = "xlsx")]
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use consign_tabular::{Compression, Ended, Format, Hints, OnePass, Options, Refusal, Step};
use serde_json::{Value, json};
use support::workbook::{
    Bool, Cell, Error, NO_STRINGS, Number, Styled, Text, sheet, workbook, workbook_with,
};
use support::{Outcome, convert, convert_chunks, convert_once, convert_with, limits, refusal};

fn told(hints: &Value) -> Options {
    Options {
        hints: Hints::from_json(hints).unwrap(),
        ..Options::default()
    }
}

fn min(outcome: &Outcome, column: &str) -> Value {
    serde_json::to_value(outcome.column(column).min.clone()).unwrap()
}

/// A sheet with a column of each type.
fn of_each_type() -> Vec<u8> {
    workbook(&[
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
    ])
}

#[test]
fn cells_have_the_types_that_the_sheet_gives_them() {
    let file = of_each_type();
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
fn a_sheet_is_read_part_by_part_or_at_once_alike() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let texts: Vec<String> = (0..60_000).map(|row| format!("text {row}")).collect();
    let strings: String = texts
        .iter()
        .map(|text| format!("<si><t>{text}</t></si>"))
        .collect();
    let rows: String = (0..60_000)
        .map(|row| format!("<row><c t=\"s\"><v>{row}</v></c><c><v>{row}</v></c></row>"))
        .collect();
    let file = workbook_with(&[("Data", "", rows)], &format!("<sst>{strings}</sst>"));
    let at_once = convert_once(&[&file], Options::default(), limits());
    let at_once = at_once.unwrap().unwrap();
    let mut pass = is_send(OnePass::new(Options::default(), limits()));
    assert_eq!(pass.push(&file).unwrap(), Step::Taken);
    let (mut parts, mut parquet) = (0, pass.take_output());
    while let Some(step) = pass.advance().unwrap() {
        assert_eq!(step, Step::Taken);
        parts += 1;
        parquet.extend(pass.take_output());
    }
    assert_eq!(pass.advance().unwrap(), None);
    let Ended::Converted(converted) = pass.finish().unwrap() else {
        unreachable!("the guess holds");
    };
    parquet.extend(converted.tail);
    assert!(parts > 10, "{parts}");
    assert_eq!(converted.profile, at_once.profile);
    assert_eq!(parquet, at_once.parquet);
    // What is no workbook has nothing left.
    let mut pass = OnePass::new(Options::default(), limits());
    assert_eq!(pass.push(b"a,b\n1,2\n").unwrap(), Step::Taken);
    assert_eq!(pass.advance().unwrap(), None);
}

#[test]
fn rows_of_a_sheet_are_skipped_whatever_their_cells_hold() {
    let file = workbook(&[
        &[Text("a \"title\"\nof\nlines")],
        &[Text("more"), Text("more")],
        &[Text("id"), Text("n")],
        &[Number(1.0), Number(2.0)],
    ]);
    let outcome = convert_with(&file, told(&json!({"skip_rows": 2}))).unwrap();
    assert_eq!(outcome.names(), ["id", "n"]);
    assert_eq!(
        (outcome.profile.rows, outcome.profile.skipped_lines),
        (1, 2)
    );
    let refused = convert_with(&file, told(&json!({"skip_rows": 4}))).unwrap_err();
    assert!(matches!(
        refused,
        Refusal::ImpossibleHint {
            hint: "skip_rows",
            ..
        }
    ));
}

#[test]
fn hints_on_how_text_is_written_are_refused_for_a_sheet() {
    let file = workbook(&[&[Text("id"), Text("v")], &[Number(1.0), Number(1.234)]]);
    for (hint, value) in [
        ("encoding", "windows-1252"),
        ("delimiter", ";"),
        ("decimal", ","),
        ("thousands", "."),
    ] {
        let hints = json!({hint: value});
        let refused = convert_with(&file, told(&hints)).unwrap_err();
        assert_eq!(refused.code(), "impossible_hint");
        let detail = refused.detail();
        assert!(
            detail.contains(hint) && detail.contains("workbook"),
            "{detail}"
        );
        let once = convert_once(&[&file], told(&hints), limits());
        assert_eq!(once.unwrap_err(), refused);
    }
}

#[test]
fn blank_cells_of_a_sheet_of_one_column_are_nulls() {
    let none = Cell::None;
    let file = workbook(&[
        &[],
        &[none, Text("a, \"b\"")],
        &[none, Number(1.0)],
        &[],
        &[],
        &[none, Number(4.0)],
        &[],
    ]);
    let outcome = convert(&file);
    assert_eq!(columns_of(&outcome), [owned(("a, \"b\"", "int64"))]);
    let column = outcome.column("a, \"b\"");
    assert_eq!((outcome.profile.rows, column.nulls), (4, 2));
    // Where there are several columns, a row without a value is none.
    let file = workbook(&[&[Text("a"), Text("b")], &[], &[Number(1.0), Number(2.0)]]);
    let profile = convert(&file).profile;
    assert_eq!((profile.rows, profile.blank_lines), (1, 1));
}

#[test]
fn cells_that_begin_with_a_hash_are_no_comments() {
    let table = |hash: &[[Cell; 2]]| {
        let rows: Vec<&[Cell]> = hash.iter().map(<[Cell; 2]>::as_slice).collect();
        convert(workbook(&rows))
    };
    let outcome = table(&[
        [Text("#tag"), Text("n")],
        [Text("#red"), Number(1.0)],
        [Text("blue"), Number(2.0)],
        [Text("#green"), Number(3.0)],
    ]);
    assert_eq!(
        columns_of(&outcome),
        [("#tag", "text"), ("n", "int64")].map(owned)
    );
    assert_eq!(
        (outcome.profile.rows, outcome.profile.skipped_lines),
        (3, 0)
    );
    let outcome = table(&[
        [Text("#1"), Text("x")],
        [Text("#2"), Text("x")],
        [Text("three"), Text("x")],
    ]);
    assert_eq!(
        (outcome.profile.rows, outcome.profile.skipped_lines),
        (3, 0)
    );
}

#[test]
fn whole_numbers_have_all_their_digits() {
    let values = [1e15, 4e15, -4e15, 9_007_199_254_740_992.0, 9.1e18];
    let rows: Vec<[Cell; 2]> = values.map(|value| [Number(value), Number(1.0)]).into();
    let mut all: Vec<&[Cell]> = vec![&[Text("v"), Text("w")]];
    all.extend(rows.iter().map(<[Cell; 2]>::as_slice));
    let outcome = convert(workbook(&all));
    assert_eq!(outcome.types(), ["int64", "int64"]);
    assert_eq!(min(&outcome, "v"), -4_000_000_000_000_000_i64);
    let outcome = convert_with(workbook(&all), support::text()).unwrap();
    assert_eq!(
        outcome.text_rows()[1][0].as_deref(),
        Some("4000000000000000")
    );
    // No integer of 64 bits holds it.
    let outcome = convert(workbook(&[
        &[Text("v"), Text("w")],
        &[Number(1e19), Number(1.0)],
    ]));
    assert_eq!(outcome.types(), ["float64", "int64"]);
}
