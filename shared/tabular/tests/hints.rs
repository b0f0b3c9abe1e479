//! What the sender says of a file binds: it is obeyed, or the file is refused by the name of the hint.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod support;

use consign_tabular::{Hints, Limits, MEMORY_BYTES_MIN, Options, Refusal, RejectReason};
use serde_json::{Value, json};
use support::{Outcome, convert, convert_chunks, convert_once, convert_with, limits, text};

fn told(hints: &Value) -> Options {
    Options {
        hints: Hints::from_json(hints).unwrap(),
        ..Options::default()
    }
}

fn with(source: impl AsRef<[u8]>, hints: &Value) -> Outcome {
    let outcome = convert_with(source.as_ref(), told(hints)).unwrap();
    let once = convert_once(&[source.as_ref()], told(hints), limits()).unwrap();
    if let Some(mut once) = once {
        once.profile.passes = outcome.profile.passes;
        assert_eq!(once, outcome, "one pass differs from two");
    }
    outcome
}

/// The hint that cannot be followed, and what is seen instead.
fn impossible(source: impl AsRef<[u8]>, hints: &Value) -> (&'static str, String) {
    let once = convert_once(&[source.as_ref()], told(hints), limits());
    match convert_with(source.as_ref(), told(hints)) {
        Err(Refusal::ImpossibleHint { hint, what }) => {
            // One pass may leave it to the survey.
            assert!(matches!(
                once,
                Ok(None) | Err(Refusal::ImpossibleHint { .. })
            ));
            (hint, what)
        }
        other => panic!("not refused for a hint: {other:?}"),
    }
}

fn sum(outcome: &Outcome, column: &str) -> Value {
    serde_json::to_value(outcome.column(column).sum.clone()).unwrap()
}

fn min(outcome: &Outcome, column: &str) -> Value {
    serde_json::to_value(outcome.column(column).min.clone()).unwrap()
}

#[test]
fn hints_are_shown_back_in_the_profile() {
    let hints = json!({"delimiter": ";", "header": true});
    let profile = serde_json::to_value(with("a;b\n1;2\n", &hints).profile).unwrap();
    assert_eq!(profile["hints"], hints);
    let profile = serde_json::to_value(convert("a;b\n1;2\n").profile).unwrap();
    assert_eq!(profile.get("hints"), None);
}

#[test]
fn a_delimiter_binds() {
    let outcome = with("a:b,c\n1:2,3\n", &json!({"delimiter": ":"}));
    assert_eq!(outcome.names(), ["a", "b,c"]);
    let (hint, what) = impossible("a;b\n1;2\n3;4\n", &json!({"delimiter": ","}));
    assert_eq!(hint, "delimiter");
    assert!(what.contains("';'"), "{what}");
    // One column is a table too.
    assert_eq!(with("a\n1\n", &json!({"delimiter": ","})).names(), ["a"]);
}

#[test]
fn an_encoding_binds() {
    let utf16: Vec<u8> = "n,ä\n1,ö\n"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let outcome = with(&utf16, &json!({"encoding": "utf-16le"}));
    assert_eq!(outcome.names(), ["n", "ä"]);
    // Would be taken for UTF-8 otherwise.
    let outcome = with("n,ä\n1,x\n", &json!({"encoding": "latin1"}));
    assert_eq!(outcome.names(), ["n", "Ã¤"]);
    // What Windows-1252 leaves open is what Latin-1 has there.
    let outcome = with(b"n,m\n1,\x81x\n", &json!({"encoding": "latin1"}));
    assert_eq!(min(&outcome, "m"), "\u{81}x");
    let (hint, what) = impossible(b"n,m\n1,\xe4\n", &json!({"encoding": "utf-8"}));
    assert_eq!(
        (hint, what.as_str()),
        ("encoding", "line 2 is not valid UTF-8")
    );
    let marked = b"\xef\xbb\xbfn,m\n1,2\n";
    assert_eq!(
        impossible(marked, &json!({"encoding": "utf-16le"})).0,
        "encoding"
    );
    assert_eq!(
        with(marked, &json!({"encoding": "utf-8"})).names(),
        ["n", "m"]
    );
}

#[test]
fn a_header_is_there_or_not_as_it_is_told() {
    assert_eq!(
        with("1,2\n3,4\n", &json!({"header": true})).names(),
        ["1", "2"]
    );
    assert_eq!(
        with("a,b\n3,4\n", &json!({"header": false})).profile.rows,
        2
    );
}

#[test]
fn without_a_header_wide_rows_that_begin_with_a_hash_are_rows() {
    let hints = json!({"header": false});
    let outcome = with("#1,x,2\n#2,y,3\nfour,z,4\n", &hints);
    assert_eq!(
        (outcome.profile.rows, outcome.profile.skipped_lines),
        (3, 0)
    );
    let outcome = with("#a,,\n#b,,1\nword,other,third\n1,2,3\n4,5,6\n", &hints);
    assert_eq!(
        (outcome.profile.rows, outcome.profile.skipped_lines),
        (5, 0)
    );
    assert_eq!(with("#1\n#2\nthree\n", &hints).profile.rows, 3);
    // Comments are not as wide as the table.
    let outcome = with("# of today\n1,x,2\n2,y,3\n", &hints);
    assert_eq!(
        (outcome.profile.rows, outcome.profile.skipped_lines),
        (2, 1)
    );
    let outcome = convert("#1,x,2\n#2,y,3\nfour,z,4\n");
    assert_eq!(outcome.profile.skipped_lines, 2);
}

#[test]
fn hints_on_the_notation_of_numbers_are_refused_for_json() {
    for file in [
        "{\"v\": 1.234}\n{\"v\": 2.345}\n",
        "[{\"v\": 1.234}, {\"v\": 2.345}]",
    ] {
        for (hint, value) in [("decimal", "."), ("decimal", ","), ("thousands", ".")] {
            let (found, what) = impossible(file, &json!({hint: value}));
            assert_eq!(found, hint);
            assert!(what.contains("JSON"), "{what}");
        }
        assert_eq!(
            with(file, &json!({"encoding": "utf-8"})).types(),
            ["decimal"]
        );
    }
}

#[test]
fn skipped_lines_are_not_looked_at() {
    let file = "a \"stray quote\r\nx;y;z\rsep=,\nid;n\n1;2\n3;4;5\n";
    let outcome = with(file, &json!({"skip_rows": 3}));
    assert_eq!(outcome.names(), ["id", "n"]);
    let profile = &outcome.profile;
    assert_eq!(
        (profile.rows, profile.rejects, profile.skipped_lines),
        (1, 1, 3)
    );
    let first = &outcome.rejects.first[0];
    let offset = file.find("3;4;5").unwrap() as u64;
    assert_eq!((first.line, first.offset), (6, offset));
    // The table begins there, whatever it looks like.
    let outcome = with(
        "x\nTitle,\na,b\n1,2\n",
        &json!({"skip_rows": 1, "header": true}),
    );
    assert_eq!(outcome.names(), ["Title", "column_2"]);
    assert_eq!(
        impossible("a\n1\n", &json!({"skip_rows": 9})).0,
        "skip_rows"
    );
    assert_eq!(
        impossible("a\n1\n", &json!({"skip_rows": 2})).0,
        "skip_rows"
    );
    let lines = "no json\n{\"a\": 1}\n{\"a\": 2}\n";
    assert_eq!(with(lines, &json!({"skip_rows": 1})).profile.rows, 2);
}

#[test]
fn places_in_the_text_count_marks_and_letters_in_bytes() {
    let file = "\u{feff}ä,b\n1,2\n3\n4,5\n\"x\n\",6\n7\n";
    let outcome = convert(file);
    let places: Vec<u64> = outcome
        .rejects
        .first
        .iter()
        .map(|reject| reject.offset)
        .collect();
    let expected = [
        file.find("3\n").unwrap() as u64,
        file.find("7\n").unwrap() as u64,
    ];
    assert_eq!(places, expected);
    for piece in 1..file.len() {
        let chunks: Vec<&[u8]> = file.as_bytes().chunks(piece).collect();
        let again = convert_chunks(&chunks, Options::default(), limits()).unwrap();
        assert_eq!(again, outcome);
    }
}

#[test]
fn a_decimal_sign_decides_what_is_read_in_two_ways() {
    let file = "v\n\"1,234\"\n\"5,678\"\n";
    assert_eq!(convert(file).types(), ["text"]);
    assert_eq!(sum(&with(file, &json!({"decimal": ","})), "v"), "6.912");
    assert_eq!(sum(&with(file, &json!({"decimal": "."})), "v"), "6912");
    assert_eq!(sum(&with(file, &json!({"thousands": ","})), "v"), "6912");
    assert_eq!(with(file, &json!({"thousands": ""})).types(), ["decimal"]);
    // A point is no decimal sign then.
    assert_eq!(
        with("v\n1.5\n2.5\n", &json!({"decimal": ","})).types(),
        ["text"]
    );
    assert_eq!(
        with("v\n1e5\n1.5\n", &json!({"decimal": ","})).types(),
        ["text"]
    );
    assert_eq!(
        sum(&with("v\n1.500\n2\n", &json!({"decimal": ","})), "v"),
        "1502"
    );
}

#[test]
fn a_sign_between_thousands_binds() {
    let file = "v\n1 234.50\n7\n";
    assert_eq!(convert(file).types(), ["text"]);
    let hints = json!({"decimal": ".", "thousands": " "});
    let outcome = with(file, &hints);
    assert_eq!(sum(&outcome, "v"), "1241.50");
    assert_eq!(with("v\n\"1,234.50\"\n", &hints).types(), ["text"]);
    assert_eq!(
        with("v\n1'234.5\n", &json!({"thousands": "'"})).types(),
        ["decimal"]
    );
}

#[test]
fn a_date_order_decides_what_is_read_in_two_ways() {
    let file = "d\n03/04/2024\n05/06/2024\n";
    assert_eq!(convert(file).types(), ["text"]);
    assert_eq!(
        min(&with(file, &json!({"date_order": "dmy"})), "d"),
        "2024-04-03"
    );
    assert_eq!(
        min(&with(file, &json!({"date_order": "mdy"})), "d"),
        "2024-03-04"
    );
    assert_eq!(with(file, &json!({"date_order": "ymd"})).types(), ["text"]);
    assert_eq!(
        with("d\n2024-01-31\n", &json!({"date_order": "mdy"})).types(),
        ["date"]
    );
    assert_eq!(
        with("d\n31/01/2024\n", &json!({"date_order": "mdy"})).types(),
        ["text"]
    );
}

#[test]
fn null_values_are_null_in_every_column() {
    let hints = json!({"null_values": ["-", "no data"]});
    let outcome = with("id,name\n1,-\n-,Ada\nno data,\"no data\"\nNA,NA\n", &hints);
    assert_eq!(outcome.types(), ["int64", "text"]);
    let nulls = |name: &str| (outcome.column(name).nulls, outcome.column(name).null_tokens);
    assert_eq!(nulls("id"), (3, 3));
    // What is no null by itself stays text there.
    assert_eq!(nulls("name"), (2, 2));
    let outcome = with(
        "{\"a\": \"-\", \"b\": 1}\n{\"a\": \"2024-01-01\", \"b\": 2}\n",
        &hints,
    );
    assert_eq!(outcome.types(), ["date", "int64"]);
}

#[test]
fn a_row_that_breaks_a_type_is_a_reject_with_its_column() {
    let mut file = "id,when,name\n".to_owned();
    for id in 0..40 {
        file += &format!("{id},2024-01-01,n\n");
    }
    file += "x7,2024-01-02,n\n41,soon,n\n42,,\nNA,2024-01-03,n\n";
    let hints = json!({"columns": {"id": "int64", "when": "date", "name": "text"}});
    let outcome = with(&file, &hints);
    assert_eq!(outcome.types(), ["int64", "date", "text"]);
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (42, 2));
    assert_eq!(outcome.rejects.wrong_type, 2);
    let first: Vec<_> = outcome.rejects.first.iter().collect();
    assert_eq!(first[0].reason, RejectReason::WrongType);
    assert_eq!(first[0].column.as_deref(), Some("id"));
    assert!(
        first[0].detail.contains("id that is no int64"),
        "{}",
        first[0].detail
    );
    assert_eq!(first[1].column.as_deref(), Some("when"));
    // Without the hint the type gives way, not the row.
    assert_eq!(convert(&file).types(), ["text", "text", "text"]);
}

#[test]
fn every_type_can_be_told() {
    let cases = [
        ("boolean", "yes", "maybe"),
        ("int64", "12", "1.5"),
        ("decimal", "1.50", "x"),
        ("float64", "1.5e300", "0.12345678901234567890123"),
        ("date", "31.12.2024", "2024"),
        ("time", "17:08", "25:00"),
        ("timestamp", "2024-01-01 10:00", "2024-01-01"),
        ("timestamp_utc", "2024-01-01T10:00Z", "2024-01-01T10:00"),
    ];
    for (kind, good, bad) in cases {
        let file = format!("v,w\n{good},1\n,2\n{good},3\n{bad},4\n");
        let outcome = with(&file, &json!({"columns": {"v": kind}}));
        assert_eq!(outcome.types()[0], kind);
        assert_eq!(
            (outcome.profile.rows, outcome.profile.rejects),
            (3, 1),
            "{kind}"
        );
        // Of a column without a value too.
        let outcome = with("v,w\n,1\n,2\n", &json!({"columns": {"v": kind}}));
        assert_eq!(outcome.types()[0], kind);
    }
    let file = "v,w\n007,1\n12,2\n";
    assert_eq!(
        with(file, &json!({"columns": {"v": "text"}})).types()[0],
        "text"
    );
}

#[test]
fn leading_zeros_are_rejected_where_an_integer_is_told() {
    let hints = json!({"columns": {"code": "int64"}});
    let outcome = with("code,n\n7,1\n007,2\n8,3\n9,4\n", &hints);
    assert_eq!((outcome.profile.rows, outcome.rejects.wrong_type), (3, 1));
    let detail = &outcome.rejects.first[0].detail;
    assert!(detail.contains("without leading zeros"), "{detail}");
    // Untold, they are text.
    assert_eq!(convert("code,n\n7,1\n007,2\n").types()[0], "text");
}

#[test]
fn of_cells_that_exclude_each_other_the_first_ones_stay() {
    let file = "v;w\n1,5;1\n2,5;2\n3.5;3\n4,5 €;4\n4;5\n";
    let outcome = with(file, &json!({"columns": {"v": "decimal"}}));
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (3, 2));
    assert_eq!(sum(&outcome, "v"), "8.0");
    let digits = "9".repeat(30);
    let file = format!("v,w\n{digits},1\n0.123456789012,2\n1.5,3\n");
    let outcome = with(file, &json!({"columns": {"v": "decimal"}}));
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (2, 1));
}

#[test]
fn a_hint_on_a_column_that_is_not_there_is_refused() {
    let (hint, what) = impossible("a,b\n1,2\n", &json!({"columns": {"c": "int64"}}));
    assert_eq!((hint, what.as_str()), ("columns", "no column is named c"));
    let lines = "{\"a\": 1}\n{\"a\": 2, \"b\": 3}\n";
    assert_eq!(
        impossible(lines, &json!({"columns": {"c": "int64"}})).0,
        "columns"
    );
    assert_eq!(
        with(lines, &json!({"columns": {"b": "decimal"}})).types(),
        ["int64", "decimal"]
    );
    // A text of JSON is a number where a hint says so.
    let lines = "{\"a\": \"12\"}\n{\"a\": 13}\n";
    assert_eq!(convert(lines).types(), ["text"]);
    assert_eq!(
        with(lines, &json!({"columns": {"a": "int64"}})).types(),
        ["int64"]
    );
}

#[test]
fn a_type_that_leaves_the_notation_open_is_refused() {
    let file = "v;w\n1,234;1\n5,678;2\n";
    let columns = json!({"columns": {"v": "decimal"}});
    let (hint, what) = impossible(file, &columns);
    assert_eq!(hint, "columns");
    assert!(what.contains("say which by decimal"), "{what}");
    let both = json!({"columns": {"v": "decimal"}, "decimal": ","});
    assert_eq!(sum(&with(file, &both), "v"), "6.912");
    let (_, what) = impossible("d,w\n03/04/2024,1\n", &json!({"columns": {"d": "date"}}));
    assert!(what.contains("say which by date_order"), "{what}");
}

#[test]
fn hints_hold_far_behind_the_beginning() {
    let mut limits = Limits::for_memory(MEMORY_BYTES_MIN);
    limits.guess_bytes = consign_tabular::SAMPLE_BYTES;
    let mut file = "id,v\n".to_owned();
    for id in 0..60_000 {
        file += &format!("{id},1.5\n");
    }
    file += "x,2\n60001,-\n60002,2.5\n";
    let hints = json!({"columns": {"id": "int64"}, "null_values": ["-"]});
    let once = convert_once(&[file.as_bytes()], told(&hints), limits).unwrap();
    let mut once = once.expect("the guess holds");
    let twice = convert_chunks(&[file.as_bytes()], told(&hints), limits).unwrap();
    once.profile.passes = 2;
    assert_eq!(once, twice);
    assert_eq!((twice.profile.rows, twice.rejects.wrong_type), (60_002, 1));
    assert_eq!(twice.column("v").nulls, 1);
}

#[test]
fn with_text_alone_a_told_type_holds() {
    let hints = Hints::from_json(&json!({"columns": {"a": "int64"}})).unwrap();
    let outcome = convert_with("a,b\n1,2\n", Options { hints, ..text() }).unwrap();
    assert_eq!(outcome.types(), ["int64", "text"]);
}
