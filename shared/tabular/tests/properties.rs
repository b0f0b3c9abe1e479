//! What holds for any file: chunks do not matter, no row is lost, no cell changes, nothing panics.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use consign_tabular::{Converter, Hints, Limits, MEMORY_BYTES_MIN, Options};
use proptest::prelude::*;
use support::{Outcome, convert_chunks, convert_with, gzip, limits, text};

fn comma_and_header() -> Hints {
    Hints {
        delimiter: Some(','),
        header: Some(true),
        ..Hints::default()
    }
}

/// A cell of any kind, as written into a file that quotes what has to be quoted.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => any::<i64>().prop_map(|value| value.to_string()),
        2 => any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(|value| value.to_string()),
        1 => Just(String::new()),
        1 => prop_oneof![Just("NA"), Just("007"), Just("true"), Just("2013-01-01"), Just("\"")].prop_map(str::to_owned),
        2 => "[a-z äö𝄞,;\"\n\r\t]{0,12}",
    ]
}

fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    (2_usize..6).prop_flat_map(|columns| {
        prop::collection::vec(prop::collection::vec(cell(), columns), 1..40)
    })
}

fn csv_of(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header: Vec<String> = (0..rows[0].len())
        .map(|column| format!("c{column}"))
        .collect();
    writer.write_record(&header).unwrap();
    rows.iter()
        .for_each(|row| writer.write_record(row).unwrap());
    writer.into_inner().unwrap()
}

/// Cuts `source` at these places, given in thousandths of its length.
fn cut<'a>(source: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = places
        .iter()
        .map(|place| source.len() * place / 1000)
        .collect();
    places.sort_unstable();
    let mut chunks = Vec::new();
    let mut from = 0;
    for to in places.into_iter().chain([source.len()]) {
        chunks.push(&source[from..to]);
        from = to;
    }
    chunks
}

/// What the csv crate reads from a file that the delimiter of `outcome` separates.
fn read_by_csv_crate(file: &[u8], outcome: &Outcome) -> Vec<Vec<String>> {
    // A delimiter that no text holds stands for none.
    let delimiter = outcome.profile.dialect.delimiter.unwrap_or('\0');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(u8::try_from(delimiter).unwrap())
        .flexible(true)
        .from_reader(file);
    let width = outcome.profile.columns.len();
    let rows = reader.records().map(|record| {
        record
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect::<Vec<String>>()
    });
    rows.filter(|row| row.len() == width).collect()
}

proptest! {
    #[test]
    fn any_split_of_the_input_gives_the_same_output(
        rows in rows(), places in prop::collection::vec(0_usize..1000, 0..20), zipped: bool, mark: bool,
    ) {
        let mut file = csv_of(&rows);
        if mark {
            file.splice(0..0, *b"\xEF\xBB\xBF");
        }
        let file = if zipped { gzip(&file) } else { file };
        let whole = convert_with(&file, Options::default());
        prop_assert_eq!(convert_chunks(&cut(&file, &places), Options::default(), limits()), whole.clone());
        let bytewise: Vec<&[u8]> = file.chunks(1).collect();
        prop_assert_eq!(convert_chunks(&bytewise, Options::default(), limits()), whole);
    }

    #[test]
    fn no_cell_changes_that_the_csv_crate_reads(rows in rows()) {
        let file = csv_of(&rows);
        // Found out, the dialect may be another for rows as wild as these.
        let told = Options { hints: comma_and_header(), ..text() };
        let outcome = convert_with(&file, told).unwrap();
        prop_assume!(outcome.profile.dialect.quote == Some('"') && !outcome.profile.dialect.backslash);
        prop_assume!(!outcome.profile.dialect.blanks_before_quote);
        let cells: Vec<Vec<String>> = outcome
            .text_rows()
            .into_iter()
            .map(|row| row.into_iter().map(Option::unwrap_or_default).collect())
            .collect();
        prop_assert_eq!(cells, read_by_csv_crate(&file, &outcome));
        prop_assert_eq!(outcome.profile.rows + outcome.profile.rejects, rows.len() as u64);
    }

    #[test]
    fn rows_in_are_rows_out_and_rejects(widths in prop::collection::vec(1_usize..5, 1..40)) {
        let row = |width: &usize| vec!["\"x\ny\""; *width].join(",");
        let rows: Vec<String> = widths.iter().map(row).collect();
        let file = format!("a,b\n{}", rows.join("\n"));
        let lines = |width: &&usize| **width as u64 + 1;
        let rejected: u64 = widths.iter().filter(|width| **width != 2).map(|width| lines(&width)).sum();
        let told = Options { hints: comma_and_header(), ..Options::default() };
        match convert_with(&file, told) {
            // Where most rows are one wider than the header, their first cells are names of theirs.
            // Rows as wild as these may read better without quotes.
            Ok(outcome) if outcome.names().len() != 2 || outcome.profile.dialect.quote.is_none() => {}
            Ok(outcome) => {
                prop_assert_eq!(outcome.profile.rejects, rejected);
                prop_assert_eq!(outcome.rejects.total, rejected);
                prop_assert_eq!(outcome.profile.rows, widths.iter().filter(|width| **width == 2).count() as u64);
                prop_assert_eq!(outcome.text_rows().len() as u64, outcome.profile.rows);
            }
            Err(refusal) => {
                prop_assert_eq!(refusal.code(), "too_many_rejects");
                prop_assert!(rejected * 10 > widths.len() as u64);
            }
        }
    }

    #[test]
    fn typed_columns_say_what_the_text_said(column in prop::collection::vec(prop_oneof![
        any::<i64>().prop_map(|value| value.to_string()),
        any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(|value| format!("{value:e}")),
        "-?[0-9]{1,4}(\\.[0-9]{0,20})?",
        "-?[0-9]{1,20}\\.[0-9]{1,4}e[+-][0-9]{1,3}",
        Just("NA".to_owned()),
        Just(String::new()),
    ], 1..4)) {
        use arrow_array::cast::AsArray as _;
        use arrow_array::types::{Decimal128Type, Float64Type, Int64Type};
        let file = format!("id,x\n1,{}\n", column.join("\n1,"));
        let told = Options { hints: comma_and_header(), ..Options::default() };
        let outcome = convert_with(&file, told).unwrap();
        let batch = &outcome.batches()[0];
        let absent = |cell: &str| cell.is_empty() || cell == "NA";
        match outcome.types()[1].as_str() {
            "int64" => for (cell, value) in column.iter().zip(batch.column(1).as_primitive::<Int64Type>()) {
                prop_assert_eq!(value.map(|value| value.to_string()), Some(cell.clone()).filter(|cell| !absent(cell)));
            },
            "decimal" => for (cell, value) in column.iter().zip(batch.column(1).as_primitive::<Decimal128Type>()) {
                prop_assert_eq!(value.is_none(), absent(cell));
                if let Some(value) = value {
                    let scale = outcome.profile.columns[1].scale.unwrap();
                    prop_assert_eq!(decimal(&format!("{value}e-{scale}")), decimal(cell));
                }
            },
            "float64" => for (cell, value) in column.iter().zip(batch.column(1).as_primitive::<Float64Type>()) {
                prop_assert_eq!(value.is_none(), absent(cell));
                if let Some(value) = value {
                    prop_assert_eq!(decimal(&format!("{:.*e}", digits(cell).saturating_sub(1), value)), decimal(cell));
                }
            },
            _ => for (cell, value) in column.iter().zip(batch.column(1).as_string::<i32>()) {
                prop_assert_eq!(value.unwrap_or_default(), cell);
            },
        }
    }

    #[test]
    fn any_bytes_end_in_a_result_or_a_refusal(bytes in prop::collection::vec(any::<u8>(), 0..300), places in prop::collection::vec(0_usize..1000, 0..5)) {
        let converted = convert_chunks(&cut(&bytes, &places), Options::default(), limits());
        prop_assert_eq!(converted.is_ok(), convert_with(&bytes, Options::default()).is_ok());
    }

    #[test]
    fn any_text_keeps_its_rows(text in "[a1,;\"\n\r\t|]{0,60}", places in prop::collection::vec(0_usize..1000, 0..5)) {
        let whole = convert_with(&text, Options::default());
        if let Ok(outcome) = &whole {
            prop_assert_eq!(outcome.batches().iter().map(|batch| batch.num_rows() as u64).sum::<u64>(), outcome.profile.rows);
        }
        prop_assert_eq!(convert_chunks(&cut(text.as_bytes(), &places), Options::default(), limits()), whole);
    }
}

/// Significant digits of a decimal, at least one.
fn digits(cell: &str) -> usize {
    decimal(cell).0.trim_start_matches('-').len().max(1)
}

/// A decimal as its significant digits and the exponent of the first: equal exactly where the numbers are.
fn decimal(cell: &str) -> (String, i64) {
    let (mantissa, exponent) = cell.split_once('e').unwrap_or((cell, "0"));
    let negative = mantissa.starts_with('-');
    let (whole, fraction) = mantissa
        .trim_start_matches('-')
        .split_once('.')
        .unwrap_or((mantissa.trim_start_matches('-'), ""));
    let all = format!("{whole}{fraction}");
    let significant = all.trim_matches('0');
    if significant.is_empty() {
        return (String::new(), 0);
    }
    let first = all.len() - all.trim_start_matches('0').len();
    let sign = if negative { "-" } else { "" };
    let exponent = exponent.parse::<i64>().unwrap() + whole.len() as i64 - 1 - first as i64;
    (format!("{sign}{significant}"), exponent)
}

/// Several samples, batches and row groups: what a small file does not reach.
#[test]
fn a_large_file_does_not_depend_on_its_chunks() {
    let rows: String = (0..150_000_u64)
        .map(|row| {
            format!(
                "{row},{:x}-{row},{}.5,\"n, {}\"\n",
                row.wrapping_mul(0x9E37_79B9_7F4A_7C15),
                row % 1000,
                row % 7
            )
        })
        .collect();
    let file = format!("id,key,value,name\n{rows}");
    let limits = Limits::for_memory(MEMORY_BYTES_MIN);
    let convert = |size: usize| {
        let chunks: Vec<&[u8]> = file.as_bytes().chunks(size).collect();
        convert_chunks(&chunks, Options::default(), limits).unwrap()
    };
    let whole = convert(usize::MAX);
    assert_eq!(whole.profile.rows, 150_000);
    assert_eq!(convert(4_099), whole);
    assert_eq!(convert(65_536), whole);
}

#[test]
fn output_flows_while_the_source_is_read() {
    let row = |row: u64| {
        format!(
            "{:x},{:x}\n",
            row.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            row.wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
        )
    };
    let rows: String = (0..400_000).map(row).collect();
    let file = format!("a,b\n{rows}");
    let mut survey =
        consign_tabular::Survey::new(Options::default(), Limits::for_memory(MEMORY_BYTES_MIN));
    survey.push(file.as_bytes()).unwrap();
    let mut converter = Converter::new(survey.finish().unwrap()).unwrap();
    let mut largest = 0;
    for chunk in file.as_bytes().chunks(100_000) {
        converter.push(chunk).unwrap();
        largest = largest.max(converter.take_output().len());
    }
    let tail = converter.finish().unwrap().tail.len();
    assert!(largest > 1 << 20 && tail < 12 << 20, "{largest} {tail}");
}
