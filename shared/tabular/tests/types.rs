//! Which type a column gets, and that no cell changes by it.

mod support;

use arrow_array::cast::AsArray as _;
use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMicrosecondType};
use consign_tabular::{Scalar, Sum};
use support::{convert, convert_with, text};

/// The type of a column that holds these cells, one per row.
fn type_of(cells: &[&str]) -> String {
    let outcome = convert(format!("id,x\n1,{}\n", cells.join("\n1,")));
    assert_eq!(outcome.profile.rows, cells.len() as u64);
    outcome.types()[1].clone()
}

#[test]
fn integers_are_digits_within_64_bits() {
    assert_eq!(
        type_of(&["0", "-1", "9223372036854775807", "-9223372036854775808"]),
        "int64"
    );
    assert_eq!(type_of(&["1", "9223372036854775808"]), "text");
    assert_eq!(type_of(&["1", "10000000000000000000"]), "text");
    for cell in [
        "007", "00", "-07", "+1", "1,000", "1_000", "0x10", "--1", "-", "１",
    ] {
        assert_eq!(type_of(&["1", &format!("\"{cell}\"")]), "text", "{cell}");
    }
}

#[test]
fn fractions_are_decimals_and_what_no_decimal_holds_is_a_double() {
    for cell in [
        "1.5",
        "-0.25",
        ".5",
        "5.",
        "-.5",
        "0.1",
        "0.0000",
        "0.30000000000000004",
        "0.1234567890123456789",
        "3.14159265358979323846",
        "9007199254740993",
    ] {
        assert_eq!(type_of(&["2.5", cell]), "decimal", "{cell}");
    }
    for cell in [
        "1e+05",
        "1.0E10",
        "-1.5e-7",
        "-0.0",
        "-0",
        "1e5",
        "12E3",
        "inf",
        "-Infinity",
        "NaN",
    ] {
        assert_eq!(type_of(&["2.5", cell]), "float64", "{cell}");
    }
    // Seventeen digits as programs print doubles; the exact value of a double; zeros at the end.
    for cell in [
        "2.2250738585072014e-308",
        "0.5000000000000000000000",
        "5e-324",
    ] {
        assert_eq!(type_of(&["2.5", cell]), "float64", "{cell}");
    }
    for cell in [
        "1e400", "-1e400", "1.0e-400", "01.5", "00.5", "+1.5", "1.5.5", "1.5e", "1e+", ".", "-.",
        "1,5", "0x1p3", "1.5f",
    ] {
        assert_eq!(type_of(&["2.5", &format!("\"{cell}\"")]), "text", "{cell}");
    }
}

#[test]
fn integers_beside_floats_stay_exact() {
    assert_eq!(type_of(&["1e+05", "9007199254740992"]), "float64");
    assert_eq!(type_of(&["1e+05", "9007199254740993"]), "text");
    assert_eq!(type_of(&["12E3", "7E4"]), "text");
    assert_eq!(type_of(&["1", "9007199254740993"]), "int64");
}

#[test]
fn a_number_without_a_type_in_common_is_text() {
    assert_eq!(type_of(&["1", "true"]), "text");
    assert_eq!(type_of(&["2013-01-01", "2013-01-01T05:00:00"]), "text");
    assert_eq!(type_of(&["1.5", "2013-01-01"]), "text");
}

#[test]
fn one_late_cell_decides() {
    let rows: String = (0..200_000).map(|row| format!("{row},{row}\n")).collect();
    let outcome = convert(format!("a,b\n{rows}007,1.5\n"));
    assert_eq!(outcome.types(), ["text", "decimal"]);
}

#[test]
fn booleans_are_three_spellings_of_two_words() {
    assert_eq!(
        type_of(&["true", "FALSE", "True", "false", "TRUE", "False"]),
        "boolean"
    );
    for cell in ["tRUE", "yes", "t", "1", "truee"] {
        assert_eq!(type_of(&["true", cell]), "text", "{cell}");
    }
}

#[test]
fn dates_are_real_days() {
    assert_eq!(type_of(&["2024-02-29", "0001-01-01", "9999-12-31"]), "date");
    for cell in [
        "2023-02-29",
        "1900-02-29",
        "0000-01-01",
        "2024-13-01",
        "2024-00-10",
        "2024-04-31",
        "2024-1-1",
        "20240101",
        "2024-01-0a",
    ] {
        assert_eq!(type_of(&["2024-02-29", cell]), "text", "{cell}");
    }
    let outcome = convert("d\n1970-01-01\n1969-12-31\n2000-03-01\n");
    let batch = &outcome.batches()[0];
    assert_eq!(
        batch.column(0).as_primitive::<Date32Type>().values(),
        &[0, -1, 11017]
    );
    assert_eq!(
        outcome.column("d").min,
        Some(Scalar::Text("1969-12-31".into()))
    );
    assert_eq!(
        outcome.column("d").max,
        Some(Scalar::Text("2000-03-01".into()))
    );
}

#[test]
fn timestamps_have_six_decimals_at_most() {
    for cell in [
        "2013-01-01 05:00",
        "2013-01-01T05:00:00.123456",
        "2013-01-01T23:59:59.1",
    ] {
        assert_eq!(
            type_of(&["2013-01-01T05:00:00", cell]),
            "timestamp",
            "{cell}"
        );
    }
    for cell in [
        "2013-01-01T05:00:00.1234567",
        "2013-01-01T24:00:00",
        "2013-01-01T05:60:00",
        "2013-01-01T05:00:60",
        "2013-01-01T05",
        "2013-01-01T05:00:00.",
        "2013-01-01t05:00:00",
        "2013-01-01T05:00.5",
        "2013-01-01T05:00:00 ÄB",
        "2013-01-01T05:00:00+2",
        "2013-01-01T05:00:00+99:00",
        "2013-01-01T05:00:00Z",
    ] {
        assert_eq!(type_of(&["2013-01-01T05:00:00", cell]), "text", "{cell}");
    }
}

#[test]
fn timestamps_with_a_zone_become_utc_and_say_so() {
    let outcome = convert(
        "t\n1970-01-01T00:00:00Z\n1970-01-01 02:00:00.5+02:00\n1969-12-31T19:00-0500\n1970-01-01T01:00+01\n",
    );
    assert_eq!(outcome.types(), ["timestamp_utc"]);
    let batch = &outcome.batches()[0];
    let micros = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    assert_eq!(micros.values(), &[0, 500_000, 0, 0]);
    assert_eq!(micros.timezone(), Some("UTC"));
    let column = outcome.column("t");
    assert_eq!(column.offsets, 3);
    assert_eq!(
        column.max,
        Some(Scalar::Text("1970-01-01T00:00:00.500000Z".into()))
    );
}

#[test]
fn empty_cells_are_null_in_every_type() {
    let outcome = convert("i,f,b,d,t,s\n1,1.5,true,2013-01-01,2013-01-01 00:00,x\n,,,,,\n");
    assert_eq!(
        outcome.types(),
        ["int64", "decimal", "boolean", "date", "timestamp", "text"]
    );
    for column in &outcome.profile.columns {
        assert_eq!(
            (column.nulls, column.null_tokens),
            (1, 0),
            "{}",
            column.name
        );
    }
}

#[test]
fn null_tokens_of_a_typed_column_are_null_and_counted() {
    let outcome =
        convert("i,s\n1,x\nNA,NA\nN/A,NULL\nnull,nan\nNone,None\n\"NA\",\n\"\",\"\"\n,y\n");
    let (numbers, texts) = (outcome.column("i"), outcome.column("s"));
    assert_eq!(outcome.types(), ["int64", "text"]);
    assert_eq!((numbers.nulls, numbers.null_tokens), (7, 6));
    assert_eq!((texts.nulls, texts.null_tokens), (1, 0));
    let batch = &outcome.batches()[0];
    let texts: Vec<Option<&str>> = batch.column(1).as_string::<i32>().iter().collect();
    let expected = ["x", "NA", "NULL", "nan", "None"].map(Some);
    assert_eq!(texts[..5], expected);
    assert_eq!(texts[5..], [None, Some(""), Some("y")]);
}

#[test]
fn a_column_of_null_tokens_alone_keeps_them_as_text() {
    let outcome = convert("a,b\nNA,\nNULL,\n");
    assert_eq!(outcome.types(), ["text", "text"]);
    assert_eq!(
        outcome.text_rows(),
        [["NA", ""], ["NULL", ""]].map(|row| row
            .map(|cell| Some(cell.to_owned()).filter(|cell| !cell.is_empty()))
            .to_vec())
    );
    assert_eq!(
        (outcome.column("b").nulls, &outcome.column("b").min),
        (2, &None)
    );
}

#[test]
fn what_is_not_a_number_stays_so_in_a_column_of_numbers() {
    let outcome = convert("f\n1.5\nNaN\n2.5\n");
    let batch = &outcome.batches()[0];
    let floats: Vec<Option<f64>> = batch
        .column(0)
        .as_primitive::<Float64Type>()
        .iter()
        .collect();
    assert_eq!((floats[0], floats[2]), (Some(1.5), Some(2.5)));
    assert!(floats[1].is_some_and(f64::is_nan));
    let column = outcome.column("f");
    assert_eq!(
        (&column.sum, column.mean),
        (&Some(Sum::Float(4.0)), Some(2.0))
    );
    assert_eq!(convert("d\n2024-01-01\nNaN\n").column("d").nulls, 1);
}

#[test]
fn blanks_around_values_are_dropped_and_counted_but_kept_in_text() {
    let outcome = convert("i, s\n 1, a\n2 ,b\n3,c\n");
    assert_eq!(outcome.names(), ["i", "s"]);
    assert_eq!(outcome.column("s").original_name.as_deref(), Some(" s"));
    assert_eq!(outcome.column("i").padded, 2);
    let batch = &outcome.batches()[0];
    assert_eq!(
        batch.column(0).as_primitive::<Int64Type>().values(),
        &[1, 2, 3]
    );
    assert_eq!(batch.column(1).as_string::<i32>().value(0), " a");
    assert_eq!(type_of(&["1", "  "]), "text");
}

#[test]
fn text_keeps_every_column_as_it_is() {
    let outcome = convert_with("a,b,c\n007,NA,\"\"\n1,true,\n", text()).unwrap();
    assert_eq!(outcome.types(), ["text", "text", "text"]);
    let cell = |cell: &str| Some(cell.to_owned());
    assert_eq!(
        outcome.text_rows(),
        [
            vec![cell("007"), cell("NA"), cell("")],
            vec![cell("1"), cell("true"), None]
        ]
    );
}

#[test]
fn sums_of_integers_are_exact_and_means_follow() {
    let outcome = convert("i,f\n9223372036854775807,1e+100\n9223372036854775807,1.0\n,-1e+100\n");
    let (integers, floats) = (outcome.column("i"), outcome.column("f"));
    assert_eq!(integers.sum, Some(Sum::Int(18_446_744_073_709_551_614)));
    assert_eq!(integers.mean, Some(9_223_372_036_854_775_807.0));
    assert_eq!(
        (floats.sum.clone(), floats.mean),
        (Some(Sum::Float(1.0)), Some(1.0 / 3.0))
    );
    let json = serde_json::to_string(integers).unwrap();
    assert!(json.contains("\"sum\":18446744073709551614"), "{json}");
}

#[test]
fn extremes_of_text_are_cut_between_characters() {
    let long = "ä".repeat(500);
    let outcome = convert(format!("s\n{long}\nb\n"));
    assert_eq!(outcome.column("s").min, Some(Scalar::Text("b".into())));
    assert_eq!(outcome.column("s").max, Some(Scalar::Text("ä".repeat(64))));
}
