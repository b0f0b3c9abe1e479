//! What the profile says of the values of a column.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fmt::Write as _;

use consign_tabular::{
    ColumnProfile, FieldCount, Limits, MEMORY_BYTES_MIN, Options, PROFILE_SCHEMA_VERSION, Scalar,
    Warning,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Outcome, convert, convert_chunks, convert_once, convert_with, limits, text};

fn json(column: &ColumnProfile) -> Value {
    serde_json::to_value(column).unwrap()
}

fn tops(column: &ColumnProfile) -> Vec<(Value, u64)> {
    let tops = column.top_values.iter();
    tops.map(|top| (serde_json::to_value(&top.value).unwrap(), top.count))
        .collect()
}

/// A table of one column, with another that fills its rows.
fn table(name: &str, cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let mut table = format!("{name},filler\n");
    for cell in cells {
        writeln!(table, "{},x", cell.as_ref()).unwrap();
    }
    table
}

#[test]
fn a_small_table_is_described_exactly() {
    let outcome = convert(
        "id,amount,city,day,note\n\
         1,12.50,Bern,2024-01-01,\"=SUM(A1:A2)\"\n\
         2,3.25,Basel,2024-01-02,\"\"\n\
         3,12.50,Bern,2024-01-03,ok\n\
         4,,Bern,2024-01-11,a longer note\n",
    );
    assert_eq!(outcome.profile.schema_version, PROFILE_SCHEMA_VERSION);
    let amount = json(outcome.column("amount"));
    assert_eq!(amount["distinct"], json!({"count": 2, "exact": true}));
    assert_eq!(amount["quantiles"]["p25"], "3.25");
    assert_eq!(amount["quantiles"]["p50"], "12.50");
    let deviation = amount["standard_deviation"].as_f64().unwrap();
    assert!((deviation - 5.340_490_0).abs() < 1e-6, "{deviation}");
    assert_eq!(amount["histogram"]["from"], "3.25");
    assert_eq!(amount["histogram"]["to"], "12.50");
    let mut bins = vec![0; 20];
    (bins[0], bins[19]) = (1, 2);
    assert_eq!(amount["histogram"]["counts"], json!(bins));
    assert_eq!(
        tops(outcome.column("amount")),
        [(json!("12.50"), 2), (json!("3.25"), 1)]
    );
    assert_eq!(amount.get("sampled_rows"), None);
    let day = json(outcome.column("day"));
    assert_eq!(day["quantiles"]["p50"], "2024-01-02");
    assert_eq!(day["quantiles"]["p99"], "2024-01-11");
    assert_eq!(day["histogram"]["counts"][19], 1);
    assert_eq!(day.get("standard_deviation"), None);
    let note = outcome.column("note");
    assert_eq!((note.empty_texts, note.formula_cells), (1, 1));
    assert_eq!(note.warnings, [Warning::FormulaCells]);
    assert_eq!(note.longest.as_ref().unwrap().bytes, 13);
    assert_eq!(note.longest.as_ref().unwrap().text, "a longer note");
    assert_eq!(
        tops(outcome.column("city")),
        [(json!("Bern"), 3), (json!("Basel"), 1)]
    );
    let first = &outcome.profile.first_rows;
    let row = ["2", "3.25", "Basel", "2024-01-02", ""].map(|cell| Some(cell.to_owned()));
    assert_eq!((first.len(), &first[1][..]), (4, &row[..]));
    assert_eq!(first[3][1], None);
}

#[test]
fn integers_have_quantiles_by_rank_and_bins_of_one_width() {
    let outcome = convert(table("n", (0..=100).rev().map(|n: i32| n.to_string())));
    let column = outcome.column("n");
    let quantiles = column.quantiles.as_ref().unwrap();
    let p = [
        &quantiles.p01,
        &quantiles.p05,
        &quantiles.p25,
        &quantiles.p50,
    ];
    assert_eq!(p, [1, 5, 25, 50].map(Scalar::Int).each_ref());
    let p = [&quantiles.p75, &quantiles.p95, &quantiles.p99];
    assert_eq!(p, [75, 95, 99].map(Scalar::Int).each_ref());
    let histogram = column.histogram.as_ref().unwrap();
    assert_eq!(histogram.counts[..19], [5; 19]);
    assert_eq!(histogram.counts[19], 6);
    let deviation = column.standard_deviation.unwrap();
    assert!((deviation - 29.300_170_647_967_224).abs() < 1e-12);
}

#[test]
fn doubles_that_are_no_numbers_are_beside_the_bins() {
    let cells = ["0.5", "NaN", "inf", "-inf", "1e-3", "1e300", "-0.0"];
    let outcome = convert(table("x", cells));
    let column = json(outcome.column("x"));
    assert_eq!(column["type"], "float64");
    assert_eq!(column["histogram"]["not_finite"], 3);
    assert_eq!(column["histogram"]["counts"][0], 3);
    assert_eq!(column["histogram"]["counts"][19], 1);
    assert_eq!(column["quantiles"]["p01"], "-inf");
    assert_eq!(column["quantiles"]["p99"], "inf");
    assert_eq!(column["distinct"]["count"], 7);
    assert_eq!(column.get("standard_deviation"), None);
    let named = tops(outcome.column("x"));
    assert!(named.contains(&(json!("NaN"), 1)), "{named:?}");
}

#[test]
fn columns_without_values_and_tables_of_one_row_have_a_profile() {
    let outcome = convert("a,b\n1,\n2,\n");
    let empty = outcome.column("b");
    assert_eq!(
        (empty.nulls, &empty.quantiles, &empty.longest),
        (2, &None, &None)
    );
    assert_eq!(empty.distinct.unwrap().count, 0);
    let one = convert("a,b\n7,x\n");
    let column = one.column("a");
    assert_eq!(column.standard_deviation, None);
    assert_eq!(column.histogram.as_ref().unwrap().counts[0], 1);
    assert_eq!(column.quantiles.as_ref().unwrap().p99, Scalar::Int(7));
}

#[test]
fn booleans_and_wide_decimals_are_counted() {
    let wide = "123456789012345678901234567890.5";
    let outcome = convert(format!("a,b\ntrue,{wide}\nfalse,-{wide}\ntrue,{wide}\n"));
    assert_eq!(
        tops(outcome.column("a")),
        [(json!(true), 2), (json!(false), 1)]
    );
    let column = outcome.column("b");
    assert_eq!(tops(column)[0], (json!(wide), 2));
    assert_eq!(column.histogram.as_ref().unwrap().counts[19], 2);
    assert_eq!(column.distinct.unwrap().count, 2);
}

/// More rows than a sample has, with values that are counted and values that are not.
fn large() -> String {
    let mut table = String::from("id,few,many,name,random\n");
    let mut seed = 1_u64;
    for row in 0..100_000_u64 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let random = seed >> 33;
        let (few, many, name) = (random % 7, random % 50_000, random % 20_000);
        writeln!(table, "{row},{few},{many},some name {name},{random}").unwrap();
    }
    table
}

#[test]
fn a_large_table_is_sampled_where_its_values_are_many() {
    let outcome = convert(large());
    let few = outcome.column("few");
    assert_eq!((few.sampled_rows, few.distinct.unwrap().count), (None, 7));
    let counted: u64 = few.top_values.iter().map(|top| top.count).sum();
    assert_eq!(counted, 100_000);
    let id = outcome.column("id");
    assert_eq!(
        (id.distinct.unwrap().exact, id.distinct.unwrap().count),
        (true, 100_000)
    );
    assert_eq!(id.warnings, [Warning::LikelyIdentifier]);
    let sampled = id.sampled_rows.unwrap();
    assert!((2048..=8192).contains(&sampled), "{sampled}");
    let bins = id.histogram.as_ref().unwrap().counts.iter().sum::<u64>();
    assert_eq!(bins, sampled);
    let Scalar::Int(median) = id.quantiles.as_ref().unwrap().p50 else {
        unreachable!("integers")
    };
    assert!((48_000..52_000).contains(&median), "{median}");
    for (name, count) in [
        ("many", 43_233.0),
        ("name", 19_865.0),
        ("random", 100_000.0),
    ] {
        let distinct = outcome.column(name).distinct.unwrap();
        let ratio = distinct.count as f64 / count;
        assert!(
            !distinct.exact && (0.85..1.15).contains(&ratio),
            "{name} {ratio}"
        );
        assert!(outcome.column(name).warnings.is_empty());
    }
}

#[test]
fn identifiers_are_told_from_other_values_that_differ() {
    let warnings = |name: &str, cell: fn(u64) -> String| {
        let outcome = convert(table(name, (0..500).map(cell)));
        outcome.profile.columns[0].warnings.clone()
    };
    let scattered = |n: u64| (n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40).to_string();
    assert_eq!(
        warnings("n", |n| (n + 17).to_string()),
        [Warning::LikelyIdentifier]
    );
    assert_eq!(warnings("order_id", scattered), [Warning::LikelyIdentifier]);
    assert_eq!(warnings("population", scattered), []);
    assert_eq!(warnings("at", |n| (1_700_000_000 + n * 60).to_string()), []);
    assert_eq!(
        warnings("code", |n| format!("A-{n:05}")),
        [Warning::LikelyIdentifier]
    );
    assert_eq!(warnings("note", |n| format!("note {n}")), []);
    assert_eq!(warnings("id", |n| (n / 2).to_string()), []);
}

#[test]
fn fields_and_rejects_are_counted_by_their_numbers() {
    let table = "a,b,c\n".to_owned() + &"1,2,3\n".repeat(30) + "1,2\n1,2,3,4\n";
    let profile = convert(table).profile;
    let counts = profile.rows_by_fields.iter();
    let counts: Vec<_> = counts
        .map(|FieldCount { fields, rows }| (*fields, *rows))
        .collect();
    assert_eq!(counts, [(3, 30), (2, 1), (4, 1)]);
    let expected = json!({"too_few_fields": 1, "too_many_fields": 1});
    assert_eq!(json!(profile.rejects_by_reason), expected);
}

#[test]
fn the_first_rows_are_bounded() {
    let long = "y".repeat(10_000);
    let rows: Vec<String> = (0..100).map(|n| format!("{n},{long}")).collect();
    let profile = convert(format!("a,b\n{}\n", rows.join("\n"))).profile;
    assert_eq!(profile.first_rows.len(), 20);
    assert_eq!(profile.first_rows[19][1].as_ref().unwrap().len(), 256);
    let wide = vec!["0123456789"; 1000].join(",");
    let profile = convert_with(format!("{wide}\n").repeat(50), text())
        .unwrap()
        .profile;
    assert_eq!(profile.first_rows.len(), 5);
}

#[test]
fn the_profile_does_not_depend_on_the_chunks_nor_on_the_passes() {
    let table = large();
    let whole = convert(&table);
    for chunk in [1009, 70_000] {
        let chunks: Vec<&[u8]> = table.as_bytes().chunks(chunk).collect();
        let same = |outcome: Outcome| outcome.profile == whole.profile;
        assert!(same(
            convert_chunks(&chunks, Options::default(), limits()).unwrap()
        ));
        let mut once = convert_once(&chunks, Options::default(), limits())
            .unwrap()
            .unwrap();
        once.profile.passes = 2;
        assert!(same(once));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bins_quantiles_and_counts_hold_for_any_integers(
        cells in prop::collection::vec(prop_oneof![4 => any::<i64>().prop_map(Some), 4 => (-50_i64..50).prop_map(Some), 1 => Just(None)], 1..400),
        chunk in 1_usize..5000,
    ) {
        let rows = cells.iter().map(|cell| cell.map_or(String::new(), |value| value.to_string()));
        let table = table("n", rows);
        let chunks: Vec<&[u8]> = table.as_bytes().chunks(chunk).collect();
        let limits = Limits::for_memory(MEMORY_BYTES_MIN);
        let outcome = convert_chunks(&chunks, Options::default(), limits).unwrap();
        let column = outcome.column("n");
        let mut values: Vec<i64> = cells.iter().flatten().copied().collect();
        values.sort_unstable();
        if values.is_empty() {
            return Ok(());
        }
        let bins: u64 = column.histogram.as_ref().unwrap().counts.iter().sum();
        prop_assert_eq!(bins, values.len() as u64);
        let median = values[values.len().div_ceil(2) - 1];
        prop_assert_eq!(&column.quantiles.as_ref().unwrap().p50, &Scalar::Int(median));
        let count = |value: i64| values.iter().filter(|other| **other == value).count() as u64;
        for (value, times) in tops(column) {
            prop_assert_eq!(count(value.as_i64().unwrap()), times);
        }
        values.dedup();
        prop_assert_eq!(column.distinct.unwrap().count, values.len() as u64);
    }
}
