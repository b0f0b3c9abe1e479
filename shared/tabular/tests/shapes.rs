//! Delimiters, quotes, line ends, encodings, headers, rejected rows.

mod support;

use consign_tabular::{Compression, Encoding, Hints, Options, RejectReason};
use support::{convert, convert_chunks, convert_with, gzip, limits, text};

fn some(cells: &[&str]) -> Vec<Option<String>> {
    cells.iter().map(|cell| Some((*cell).to_owned())).collect()
}

#[test]
fn the_delimiter_is_told_by_content() {
    for (delimiter, file) in [
        (',', "a,b,c\n1,2,3\n"),
        ('\t', "a\tb, c\n1\tx, y\n"),
        (';', "a;b;c\n1,5;2,5;\"x,y\"\n2,5;3,5;z\n"),
        ('|', "a|b\n1,2|3\n"),
        (',', "alone\n1\n"),
        (',', "a,\"x;y;z\"\n1,\"2;3;4\"\n"),
    ] {
        assert_eq!(convert(file).profile.delimiter, delimiter, "{file}");
    }
}

#[test]
fn line_ends_of_every_kind_end_rows() {
    let expected = convert("a,b\n1,x\n2,y\n");
    for file in [
        "a,b\r\n1,x\r\n2,y\r\n",
        "a,b\r1,x\r2,y\r",
        "a,b\n1,x\n2,y",
        "\u{feff}a,b\n1,x\r\n2,y\r",
    ] {
        let outcome = convert(file);
        assert_eq!(outcome.batches(), expected.batches(), "{file:?}");
        assert_eq!(
            (outcome.profile.rows, outcome.profile.blank_lines),
            (2, 0),
            "{file:?}"
        );
    }
}

#[test]
fn quoted_cells_hold_delimiters_line_ends_and_quotes() {
    let outcome = convert_with(
        "a,b\n\"x,y\",\"say \"\"hi\"\"\"\n\"two\r\nlines\",5\" pipe\n",
        text(),
    )
    .unwrap();
    assert_eq!(
        outcome.text_rows(),
        [
            some(&["x,y", "say \"hi\""]),
            some(&["two\r\nlines", "5\" pipe"])
        ]
    );
}

#[test]
fn blank_lines_are_counted_and_are_no_rows() {
    let outcome = convert("\n\r\na,b\n1,x\n\n2,y\r\n\r\n");
    assert_eq!((outcome.profile.rows, outcome.profile.blank_lines), (2, 4));
}

#[test]
fn rows_of_the_wrong_width_are_rejected_with_line_and_reason() {
    let outcome = convert("a,b\n1,\"x\ny\"\n2\n3,x,y\n4,z\n\"5\"!,v\n6,w\n7,u\n");
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (4, 3));
    let rejects = &outcome.rejects;
    let first: Vec<_> = rejects
        .first
        .iter()
        .map(|reject| (reject.line, reject.reason, reject.sample.as_str()))
        .collect();
    assert_eq!(
        first,
        [
            (4, RejectReason::TooFewFields, "2"),
            (5, RejectReason::TooManyFields, "3,x,y"),
            (7, RejectReason::TextAfterQuote, "\"5\"!,v"),
        ]
    );
    assert_eq!(
        rejects.first[0].detail,
        "The row in line 4 has 1 field, the table has 2."
    );
    assert_eq!(
        (
            rejects.total,
            rejects.too_few_fields,
            rejects.too_many_fields,
            rejects.text_after_quote
        ),
        (3, 1, 1, 1)
    );
}

#[test]
fn a_rejected_row_has_no_say_in_the_types() {
    assert_eq!(convert("a,b\n1,2\nx\n3,4\n").types(), ["int64", "int64"]);
}

#[test]
fn the_first_hundred_rejects_are_kept_and_all_are_counted() {
    let rows: String = (0..300)
        .map(|row| {
            format!(
                "{}{}\n",
                format!("{row},{row}\n").repeat(9),
                "ö".repeat(300)
            )
        })
        .collect();
    let outcome = convert(format!("a,b\n{rows}1,2\n"));
    assert_eq!(
        (outcome.rejects.total, outcome.rejects.first.len()),
        (300, 100)
    );
    assert_eq!(outcome.rejects.first[0].sample, "ö".repeat(100));
}

#[test]
fn a_header_alone_is_a_table_without_rows() {
    for file in ["a,b", "a,b\n"] {
        let outcome = convert(file);
        assert_eq!(
            (outcome.profile.rows, outcome.types()),
            (0, vec!["text".to_owned(), "text".to_owned()])
        );
        assert!(outcome.batches().is_empty());
    }
}

#[test]
fn empty_and_repeated_names_are_changed_and_reported() {
    let outcome = convert("a,,a\n1,2,3\n");
    assert_eq!(outcome.names(), ["a", "column_2", "a_2"]);
    let originals: Vec<_> = outcome
        .profile
        .columns
        .iter()
        .map(|column| column.original_name.as_deref())
        .collect();
    assert_eq!(originals, [None, Some(""), Some("a")]);
}

#[test]
fn without_a_header_the_first_row_is_data() {
    let outcome = convert_with(
        "1,x\n2,y\n",
        Options {
            hints: Hints {
                header: Some(false),
                ..Hints::default()
            },
            ..Options::default()
        },
    )
    .unwrap();
    assert_eq!(
        (outcome.names(), outcome.profile.rows),
        (vec!["column_1", "column_2"], 2)
    );
    assert_eq!(outcome.types(), ["int64", "text"]);
}

#[test]
fn gzip_of_several_members_reads_as_one_text() {
    let file = [gzip("a,b\n1,"), gzip(""), gzip("x\n2,y\n")].concat();
    let outcome = convert(&file);
    assert_eq!(outcome.profile.compression, Compression::Gzip);
    assert_eq!(
        (outcome.profile.rows, outcome.profile.bytes),
        (2, file.len() as u64)
    );
    assert_eq!(outcome.batches(), convert("a,b\n1,x\n2,y\n").batches());
    let bytewise: Vec<&[u8]> = file.chunks(1).collect();
    assert_eq!(
        convert_chunks(&bytewise, Options::default(), limits()).unwrap(),
        outcome
    );
}

#[test]
fn utf16_with_a_mark_is_read() {
    let text = "näme;x\n\"𝄞;\";1\n";
    for (mark, encoding, bytes) in [
        (
            [0xFF, 0xFE],
            Encoding::Utf16Le,
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<u8>>(),
        ),
        (
            [0xFE, 0xFF],
            Encoding::Utf16Be,
            text.encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect::<Vec<u8>>(),
        ),
    ] {
        let file = [&mark[..], &bytes].concat();
        let outcome = convert(&file);
        assert_eq!(outcome.profile.encoding, encoding);
        assert_eq!(outcome.batches(), convert(text).batches());
        let bytewise: Vec<&[u8]> = file.chunks(1).collect();
        assert_eq!(
            convert_chunks(&bytewise, Options::default(), limits()).unwrap(),
            outcome
        );
    }
}

#[test]
fn a_large_cell_arrives_whole() {
    let cell = "x\"y\"\"z\n".repeat(400_000);
    let file = format!("a,b\n1,\"{}\"\n2,small\n", cell.replace('"', "\"\""));
    let chunks: Vec<&[u8]> = file.as_bytes().chunks(10_007).collect();
    let outcome = convert_chunks(&chunks, text(), limits()).unwrap();
    assert_eq!(
        outcome.text_rows(),
        [some(&["1", &cell]), some(&["2", "small"])]
    );
}

#[test]
fn metadata_is_in_the_footer() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    let metadata = vec![("consign.source_etag".to_owned(), "abc".to_owned())];
    let outcome = convert_with(
        "a\n1\n",
        Options {
            metadata,
            ..Options::default()
        },
    )
    .unwrap();
    let reader = SerializedFileReader::new(bytes::Bytes::from(outcome.parquet)).unwrap();
    let file = reader.metadata().file_metadata();
    let pairs = file.key_value_metadata().unwrap();
    assert!(
        pairs
            .iter()
            .any(|pair| pair.key == "consign.source_etag" && pair.value.as_deref() == Some("abc"))
    );
    assert!(file.created_by().unwrap().starts_with("consign-tabular "));
}

#[test]
fn wide_tables_are_written() {
    let header: Vec<String> = (0..5000).map(|column| format!("c{column}")).collect();
    let row: Vec<String> = (0..5000).map(|column| format!("{column}.5")).collect();
    let file = format!(
        "{}\n{}",
        header.join(","),
        format!("{}\n", row.join(",")).repeat(20)
    );
    let outcome = convert(file);
    assert_eq!(
        (outcome.profile.rows, outcome.profile.columns.len()),
        (20, 5000)
    );
    assert_eq!(
        outcome.column("c4999").max,
        Some(consign_tabular::Scalar::Text("4999.5".into()))
    );
}
