//! One pass gives what two passes give, or says that it cannot.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use consign_tabular::{Limits, MEMORY_BYTES_MIN, Options, SAMPLE_BYTES, Warning};
use proptest::prelude::*;
use support::{Outcome, convert_chunks, convert_once};

/// Limits whose guess is as small as it may be.
fn limits() -> Limits {
    let mut limits = Limits::for_memory(MEMORY_BYTES_MIN);
    limits.guess_bytes = SAMPLE_BYTES;
    limits
}

/// Cells of a column, of one kind or of several.
fn cell(kind: usize) -> BoxedStrategy<String> {
    let words =
        |words: &'static [&'static str]| prop::sample::select(words).prop_map(str::to_owned);
    match kind {
        0 => any::<i16>().prop_map(|value| value.to_string()).boxed(),
        1 => (-999_999_i64..999_999, 0..100)
            .prop_map(|(whole, cents)| format!("{whole}.{cents:02}"))
            .boxed(),
        2 => any::<f64>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| value.to_string())
            .boxed(),
        3 => (1..13, 1..29)
            .prop_map(|(month, day)| format!("2024-{month:02}-{day:02}"))
            .boxed(),
        4 => (1..29, 1..13)
            .prop_map(|(day, month)| format!("{day:02}/{month:02}/2024"))
            .boxed(),
        5 => (0..24, 0..60)
            .prop_map(|(hour, second)| format!("2024-05-01T{hour:02}:30:{second:02}"))
            .boxed(),
        6 => words(&["true", "false", "TRUE"]).boxed(),
        7 => words(&["1,5", "22,25", "1,250", "7"]).boxed(),
        8 => words(&["5 %", "7.25 %", "-1 %"]).boxed(),
        9 => words(&["", "", "NA"]).boxed(),
        10 => words(&["12e3", "1e5"]).boxed(),
        11 => words(&["0.12345678901234567", "1.5", "0.001"]).boxed(),
        12 => words(&["NaN", "3", "4.5", "9007199254740993"]).boxed(),
        13 => any::<i64>().prop_map(|value| value.to_string()).boxed(),
        14 => words(&["17:08", "5:08 PM", "00:00:01.5"]).boxed(),
        15 => words(&["2024-05-01T10:00:00Z", "2024-05-01 10:00:00+02:00"]).boxed(),
        16 => (0_u64..1000)
            .prop_map(|value| format!("{value}{value:018}.5"))
            .boxed(),
        _ => "[a-z äö,;\"\n]{0,12}".boxed(),
    }
}

/// A kind that most cells are of, and now and then another.
fn column() -> impl Strategy<Value = (usize, usize)> {
    (
        0_usize..18,
        prop_oneof![3 => Just(None), 2 => (0_usize..18).prop_map(Some)],
    )
        .prop_map(|(kind, other)| (kind, other.unwrap_or(kind)))
}

/// A beginning that is as long as the guess, and an end.
fn table() -> impl Strategy<Value = (Vec<Vec<String>>, Vec<Vec<String>>)> {
    prop::collection::vec(column(), 2..5).prop_flat_map(|columns| {
        let row = |of: fn(&(usize, usize)) -> usize| {
            columns
                .iter()
                .map(|column| cell(of(column)))
                .collect::<Vec<_>>()
        };
        let beginning = prop::collection::vec(row(|column| column.0), 4..20);
        let end = prop_oneof![row(|column| column.0), row(|column| column.1)];
        (beginning, prop::collection::vec(end, 0..20))
    })
}

fn csv_of((beginning, end): &(Vec<Vec<String>>, Vec<Vec<String>>)) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
    let header: Vec<String> = (0..beginning[0].len())
        .map(|column| format!("name{column}"))
        .collect();
    writer.write_record(&header).unwrap();
    let mut bytes = 0;
    for row in beginning.iter().cycle() {
        writer.write_record(row).unwrap();
        bytes += row.iter().map(|cell| cell.len() + 1).sum::<usize>();
        if bytes > SAMPLE_BYTES {
            break;
        }
    }
    end.iter().for_each(|row| writer.write_record(row).unwrap());
    writer.into_inner().unwrap()
}

/// As it would be of two passes.
fn twice(outcome: Outcome) -> Outcome {
    let mut outcome = outcome;
    assert_eq!(outcome.profile.passes, 1);
    outcome.profile.passes = 2;
    outcome
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn one_pass_gives_what_two_passes_give(table in table(), chunk in 1_usize..400_000) {
        let file = csv_of(&table);
        let chunks: Vec<&[u8]> = file.chunks(chunk.max(300)).collect();
        let once = convert_once(&chunks, Options::default(), limits());
        let both = convert_chunks(&[&file], Options::default(), limits());
        match (once, both) {
            (Ok(Some(once)), Ok(both)) => prop_assert_eq!(twice(once), both),
            (Ok(None), _) => {
                // Broken, whatever the chunks.
                prop_assert_eq!(convert_once(&[&file], Options::default(), limits()), Ok(None));
            }
            (Err(once), Err(both)) => prop_assert_eq!(once.code(), both.code()),
            (once, both) => prop_assert!(false, "{once:?} {both:?}"),
        }
    }

    #[test]
    fn small_files_never_need_a_second_pass(table in table()) {
        let (beginning, end) = table;
        let mut writer = csv::Writer::from_writer(Vec::new());
        for row in beginning.iter().chain(&end) {
            writer.write_record(row).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let once = convert_once(&[&file], Options::default(), limits());
        let both = convert_chunks(&[&file], Options::default(), limits());
        match (once, both) {
            (Ok(Some(once)), Ok(both)) => prop_assert_eq!(twice(once), both),
            (Err(once), Err(both)) => prop_assert_eq!(once.code(), both.code()),
            (once, both) => prop_assert!(false, "{once:?} {both:?}"),
        }
    }
}

fn file_of(beginning: &str, end: &str) -> Vec<u8> {
    let rows = SAMPLE_BYTES / beginning.len() + 1;
    format!("id,value\n{}{end}", beginning.repeat(rows)).into_bytes()
}

#[test]
fn a_warning_that_a_late_cell_ends_is_not_given() {
    let mut text = b"name,at\n".to_vec();
    while text.len() < 2 * SAMPLE_BYTES {
        text.extend(b"\"1,250\",0\n");
    }
    let warnings = |text: &[u8]| {
        let outcome = convert_once(&[text], Options::default(), limits())
            .unwrap()
            .unwrap();
        outcome.column("name").warnings.clone()
    };
    assert_eq!(warnings(&text), [Warning::AmbiguousNumbers]);
    text.extend(b"17:08,0\n");
    assert_eq!(warnings(&text), []);
}

#[test]
fn digits_that_come_late_need_no_second_pass() {
    let file = file_of("1,0.25\n2,9.50\n", "3,123456789.75\n4,\n5,1\n");
    let once = convert_once(&[&file], Options::default(), limits())
        .unwrap()
        .unwrap();
    let value = once.column("value");
    assert_eq!((value.precision, value.scale), (Some(11), Some(2)));
    assert_eq!(
        twice(once),
        convert_chunks(&[&file], Options::default(), limits()).unwrap()
    );
}

#[test]
fn a_cell_that_breaks_the_guess_asks_for_another_reading() {
    for end in [
        "x,1\n",
        "1.5,1\n",
        "007,1\n",
        "+1,1\n",
        "-0,1\n",
        "99999999999999999999,1\n",
    ] {
        let file = file_of("1,2024-01-31\n", end);
        assert_eq!(
            convert_once(&[&file], Options::default(), limits()).unwrap(),
            None,
            "{end}"
        );
    }
    let json = format!(
        "{}{{\"b\":1}}\n",
        "{\"a\":1}\n".repeat(SAMPLE_BYTES / 8 + 1)
    );
    let once = convert_once(&[json.as_bytes()], Options::default(), limits());
    assert_eq!(once.unwrap(), None);
}

#[test]
fn rows_that_fit_no_column_are_counted_in_one_pass_too() {
    let file = file_of("1,2\n", &"1\n".repeat(SAMPLE_BYTES));
    let once = convert_once(&[&file], Options::default(), limits());
    assert_eq!(once.unwrap_err().code(), "too_many_rejects");
}
