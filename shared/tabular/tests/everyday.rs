//! Tables as people have them: titles above them, no header, other quotes, other encodings, dates and numbers of their
//! country, and formats beside delimited text.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use consign_tabular::{Charset, Hints, Options, Warning};
use support::{Outcome, columns, convert, convert_with, named, refusal, text};

/// Every cell as text: `None` is null.
fn cells(source: impl AsRef<[u8]>) -> Vec<Vec<Option<String>>> {
    convert_with(source, text()).unwrap().text_rows()
}

fn row(cells: &[&str]) -> Vec<Option<String>> {
    cells.iter().map(|cell| Some((*cell).to_owned())).collect()
}

/// Minimum and maximum of a column as JSON.
fn extremes(outcome: &Outcome, name: &str) -> (String, String) {
    let column = outcome.column(name);
    let json = |value| serde_json::to_string(value).unwrap();
    (json(&column.min), json(&column.max))
}

#[test]
fn a_blank_line_of_one_column_is_a_null_unless_nothing_follows() {
    let outcome = convert("v\n1\n\n2\n\n\n");
    assert_eq!((outcome.profile.rows, outcome.column("v").nulls), (3, 1));
    assert_eq!(outcome.profile.blank_lines, 2);
}

#[test]
fn a_blank_line_of_one_column_is_a_null_also_where_a_delimiter_is_told() {
    let hints = Hints {
        delimiter: Some(','),
        ..Hints::default()
    };
    let told = |text: &str| {
        let options = Options {
            hints: hints.clone(),
            ..Options::default()
        };
        convert_with(text.as_bytes(), options).unwrap()
    };
    let outcome = told("v\n\n1\n\n\"2\"\n\n");
    assert_eq!((outcome.profile.rows, outcome.column("v").nulls), (4, 2));
    // Where a delimiter ends the rows, a line without one is no row.
    let outcome = told("v,\n1,\n\n2,\n");
    assert_eq!((outcome.profile.rows, outcome.profile.blank_lines), (2, 1));
}

#[test]
fn quoted_empty_cells_at_the_end_of_all_rows_are_a_column() {
    for (text, rows) in [("106,\"\"\n", 1), ("106,\"\"\n107,\"\"\n108,\"\"\n", 3)] {
        let hints = Hints {
            header: Some(false),
            ..Hints::default()
        };
        let options = Options {
            hints,
            ..Options::default()
        };
        let outcome = convert_with(text.as_bytes(), options).unwrap();
        assert_eq!(outcome.names(), ["column_1", "column_2"]);
        assert_eq!((outcome.profile.rows, outcome.profile.rejects), (rows, 0));
        assert_eq!(outcome.column("column_2").nulls, 0);
    }
}

#[test]
fn a_line_end_in_a_name_beside_a_hash_is_in_quotes() {
    let hints = Hints {
        header: Some(true),
        skip_rows: Some(0),
        ..Hints::default()
    };
    let options = Options {
        hints,
        ..Options::default()
    };
    let source = "#,\"x\ny\",_\n1,off,12:29\n2,on,04:30\n3,off,18:01\n";
    let outcome = convert_with(source, options).unwrap();
    assert_eq!(outcome.names(), ["#", "x\ny", "_"]);
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (3, 0));
}

#[test]
fn text_that_is_written_without_quoting_keeps_its_rows() {
    let rows = cells(
        "id\ttitle\tyear\n1\t\"Weird\" x\t1999\n2\t\"Heroes\t1977\n3\tLow\"\t1978\n4\tok\t1980\n",
    );
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[1], row(&["2", "\"Heroes", "1977"]));
    let outcome = convert("id,name\n1,\"5 inch\n2,ok\n3,6\" pipe\n4,x\n5,y\n");
    assert_eq!(outcome.profile.rows + outcome.profile.rejects, 5);
    // Quotes that are closed stay quotes, also where a letter is in inches.
    let outcome = convert("id,name\n1,\"a, b\"\n2,6\" pipe\n3,7\" pipe\n4,\"c\"\n");
    assert_eq!(
        (outcome.profile.rows, outcome.profile.dialect.quote),
        (4, Some('"'))
    );
}

#[test]
fn rows_that_a_stray_quote_swallows_are_counted_by_their_lines() {
    let mut source = "id,note\n".to_owned();
    for id in 0..200 {
        source += &format!("{id},\"a, b\"\n");
    }
    source += "200,\"stray\n201,x\n202,y\" z\n203,\"c, d\"\n";
    let outcome = convert(&source);
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (201, 3));
    assert_eq!(
        (
            outcome.rejects.first[0].line,
            outcome.rejects.first[0].lines
        ),
        (202, 3)
    );
}

#[test]
fn quotes_that_are_not_escaped_end_a_cell_before_a_delimiter_alone() {
    let source = "id,note,v\n1,\"say \"hi\" to me, ok\",5\n2,\"x\",6\n3,\"a \"b\" c\",7\n";
    let rows = cells(source);
    assert_eq!(rows[0], row(&["1", "say \"hi\" to me, ok", "5"]));
    assert_eq!(rows[2], row(&["3", "a \"b\" c", "7"]));
    assert!(convert(source).profile.dialect.bare_quotes);
    // One at the end of a cell is a letter, and the next one closes it.
    let rows = cells("id,note,v\n1,\"she said:\"no.\"\",5\n2,\"a \"b\" c\",\"6\"\"\n");
    assert_eq!(rows[0], row(&["1", "she said:\"no.\"", "5"]));
    assert_eq!(rows[1], row(&["2", "a \"b\" c", "6\""]));
    let apostrophes =
        cells("id,note\n1,'it's, well, so'\n2,'don't, ever'\n3,'Ann's \"cup\"'\n4,plain\n");
    assert_eq!(apostrophes[0], row(&["1", "it's, well, so"]));
    assert_eq!(apostrophes[2], row(&["3", "Ann's \"cup\""]));
    // One such cell among many does not change how the others are read: its row is rejected.
    let mut source = "id,note\n1,\"say \"hi\", ok\"\n".to_owned();
    for id in 2..40 {
        source += &format!("{id},\"a, b\"\n");
    }
    let outcome = convert(&source);
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (38, 1));
    assert!(!outcome.profile.dialect.bare_quotes);
}

#[test]
fn a_blank_behind_each_delimiter_belongs_to_it() {
    let source = "id, name, note\n1, Ann, \"a, b\"\n2, Bob B, \n3,   Cem,\n";
    let rows = cells(source);
    assert_eq!(rows[0], row(&["1", "Ann", "a, b"]));
    assert_eq!(rows[1][..2], row(&["2", "Bob B"])[..]);
    assert_eq!(rows[2][..2], row(&["3", "Cem"])[..]);
    assert!(convert(source).profile.dialect.spaced_delimiters);
    // Some cells with a blank before them keep it.
    let rows = cells("id,name\n1, Ann\n2,Bob\n");
    assert_eq!(rows[0], row(&["1", " Ann"]));
}

#[test]
fn quotes_of_other_kinds_are_understood() {
    let spaced = cells("id, \"name\"\n1, \"a, b\"\n2, \"c\"\n");
    assert_eq!(spaced, [row(&["1", "a, b"]), row(&["2", "c"])]);
    let escaped = cells("id,note\n1,\"say \\\"hi\\\", ok\"\n2,\"x \\\" y\"\n3,plain\n");
    assert_eq!(escaped[0], row(&["1", "say \"hi\", ok"]));
    assert_eq!(escaped[1], row(&["2", "x \" y"]));
    let apostrophes = cells("a,b\n1,'x, y'\n2,'z'\n3,'w'\n");
    assert_eq!(
        apostrophes,
        [row(&["1", "x, y"]), row(&["2", "z"]), row(&["3", "w"])]
    );
    // A word that begins with an apostrophe is no quote.
    assert_eq!(cells("a,b\n1,'tis\n2,ok\n")[0], row(&["1", "'tis"]));
}

#[test]
fn a_delimiter_counts_only_where_rows_agree_with_it() {
    assert_eq!(convert("amount; EUR\n1\n2\n3\n").names(), ["amount; EUR"]);
    let outcome = convert("Preis, EUR;Menge, kg\n1,50;2,75\n3,25;4,10\n");
    assert_eq!(
        columns(&outcome),
        named(&[("Preis, EUR", "decimal"), ("Menge, kg", "decimal")])
    );
    assert_eq!(convert("c0\t,c1;x").names(), ["c0", "c1;x"]);
    assert_eq!(convert("a:b\n1:2\n3:4\n").names(), ["a", "b"]);
    assert_eq!(
        convert("time,n\n10:20,1\n11:30,2\n12:40,3\n").names(),
        ["time", "n"]
    );
}

#[test]
fn a_name_of_any_length_is_cut_and_data_of_any_length_is_data() {
    let long = "x".repeat(2000);
    let outcome = convert(format!("id,{long}\n1,2\n"));
    assert!(outcome.names()[1].len() <= 1024 && outcome.names()[1].starts_with("xxx"));
    assert_eq!(convert(format!("1,{long}\n2,{long}\n")).profile.rows, 2);
}

#[test]
fn names_are_trimmed_and_unlike_also_without_case() {
    let outcome = convert("id, v ,  \n1,2,3\n");
    assert_eq!(outcome.names(), ["id", "v", "column_3"]);
    assert_eq!(convert("ID,id\n1,2\n").names(), ["ID", "id_2"]);
}

#[test]
fn western_text_is_told_by_its_bytes() {
    let rows = cells(b"id,name\n1,M\xFCller\n2,Jos\xE9\n3,5 \x80\n");
    assert_eq!(
        rows,
        [
            row(&["1", "Müller"]),
            row(&["2", "José"]),
            row(&["3", "5 €"])
        ]
    );
    let latin = Options {
        charset: Charset::of_label("ISO-8859-1"),
        ..text()
    };
    assert_eq!(
        convert_with(b"a,b\n1,M\xFCller\n", latin)
            .unwrap()
            .text_rows()[0],
        row(&["1", "Müller"])
    );
    // Cyrillic and Japanese in encodings of their own are refused, not mistaken for accents.
    for foreign in [
        &b"id,name\n1,\xCF\xF0\xE8\xE2\xE5\xF2\n"[..],
        b"id,name\n1,\x93\xFA\x96\x7B\x8C\xEA\n",
    ] {
        assert_eq!(refusal(foreign).code(), "not_utf8");
    }
}

#[test]
fn utf16_without_a_mark_is_told_also_where_it_begins_with_other_letters() {
    for name in ["名", "Ж", "ä"] {
        let text = format!("{name},b\n1,2\n3,4\n");
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for source in [little, big] {
            let outcome = convert(source);
            assert_eq!(
                (outcome.names(), outcome.profile.rows),
                (vec![name, "b"], 2)
            );
        }
    }
    // Zeros on both sides are none of a text.
    assert_eq!(refusal(b"a\0b,\0c\n1,2\n\0".as_slice()).code(), "not_text");
}

#[test]
fn utf16_without_a_mark_is_told_by_its_zeros() {
    for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
        let source: Vec<u8> = "id\tname\n1\tJörg\n"
            .encode_utf16()
            .flat_map(bytes)
            .collect();
        assert_eq!(cells(source), [row(&["1", "Jörg"])]);
    }
}

#[test]
fn marks_between_joined_files_are_no_data() {
    let outcome = convert("\u{feff}\u{feff}id,v\n1,2\n\u{feff}3,4\n");
    assert_eq!(columns(&outcome), named(&[("id", "int64"), ("v", "int64")]));
}

#[test]
fn dates_and_times_of_a_country_are_read_where_the_column_decides() {
    let outcome = convert("d,t\n31.12.2024,17:08\n05.02.2024,08:35\n");
    assert_eq!(outcome.types(), ["date", "time"]);
    assert_eq!(
        extremes(&outcome, "d"),
        ("\"2024-02-05\"".into(), "\"2024-12-31\"".into())
    );
    let outcome = convert("d,w\n2/8/2024,5/7/2024 4:54 PM\n9/17/2024,7/17/2024 10:20 AM\n");
    assert_eq!(outcome.types(), ["date", "timestamp"]);
    assert_eq!(extremes(&outcome, "w").0, "\"2024-05-07T16:54:00\"");
    assert_eq!(convert("d\n17/9/2024\n2/8/2024\n").types(), ["date"]);
    // Neither order is shown wrong: text, and said.
    let outcome = convert("d\n1/2/2024\n3/4/2024\n");
    assert_eq!(outcome.types(), ["text"]);
    assert_eq!(outcome.column("d").warnings, [Warning::AmbiguousDates]);
    // Both are.
    assert_eq!(convert("d\n31/1/2024\n1/31/2024\n").types(), ["text"]);
}

#[test]
fn moments_in_every_usual_notation_are_moments() {
    let outcome = convert("t,u\n2024-03-01 10:11:12.1230000,2024-03-01T10:00:00.123456000Z\n");
    assert_eq!(outcome.types(), ["timestamp", "timestamp_utc"]);
    let outcome = convert(
        "t,u,w\n2015-05-20 21:34:02.1 UTC,2024-01-01 10:00:00 +0100,2024-01-01 10:00:00 +00:00\n",
    );
    assert_eq!(outcome.types(), ["timestamp_utc"; 3]);
    assert_eq!(extremes(&outcome, "u").0, "\"2024-01-01T09:00:00Z\"");
    // A seventh digit would be lost.
    assert_eq!(
        convert("t\n2024-03-01 10:11:12.1234567\n").types(),
        ["text"]
    );
}

#[test]
fn decimals_are_exact_in_the_notation_of_their_column() {
    let outcome = convert("a;b\n1.234,50;0.10\n99,90;2.5\n12.000,00;7\n");
    assert_eq!(outcome.types(), ["decimal", "decimal"]);
    assert_eq!(
        extremes(&outcome, "a"),
        ("\"99.90\"".into(), "\"12000.00\"".into())
    );
    assert_eq!(outcome.column("b").scale, Some(2));
    let outcome = convert("a\n\"1,234.50\"\n\"12,000\"\n");
    assert_eq!(
        extremes(&outcome, "a"),
        ("\"1234.50\"".into(), "\"12000.00\"".into())
    );
    // `1,234` is either, so it is neither.
    let outcome = convert("a;b\n1,234;x\n2,345;y\n");
    assert_eq!(outcome.column("a").warnings, [Warning::AmbiguousNumbers]);
}

#[test]
fn signs_beside_numbers_are_kept_with_the_column() {
    let outcome = convert("id;preis;anteil\n0;1,00 €;5 %\n1;2,01 €;7,5 %\n");
    assert_eq!(outcome.types(), ["int64", "decimal", "decimal"]);
    assert_eq!(
        (outcome.column("preis").unit, outcome.column("anteil").unit),
        (Some("€"), Some("%"))
    );
    assert_eq!(
        extremes(&outcome, "anteil"),
        ("\"5.0\"".into(), "\"7.5\"".into())
    );
    // Two currencies in a column are text.
    assert_eq!(convert("p\n1 €\n2 $\n").types(), ["text"]);
}

#[test]
fn doubles_hold_what_no_decimal_does() {
    assert_eq!(convert("v\n0.5\ninf\n-Infinity\n").types(), ["float64"]);
    assert_eq!(convert("v\n1e16\n0.5\n").types(), ["float64"]);
    let outcome = convert("id,x\n1,NaN\n2,1.5\n");
    assert_eq!(
        (outcome.types()[1].as_str(), outcome.column("x").nulls),
        ("float64", 0)
    );
}

#[test]
fn booleans_are_a_matter_of_the_whole_column() {
    assert_eq!(
        convert("a,b\nyes,t\nno,f\nYES,T\n").types(),
        ["boolean", "boolean"]
    );
    assert_eq!(convert("a\nyes\nmaybe\n").types(), ["text"]);
    assert_eq!(convert("a\nyes\ntrue\n").types(), ["text"]);
}

#[test]
fn words_for_nothing_are_null_in_a_typed_column() {
    for word in ["\\N", "<NA>", "#NA", "NULL"] {
        let outcome = convert(format!("id\tyear\n1\t1999\n2\t{word}\n"));
        assert_eq!(
            (outcome.types()[1].as_str(), outcome.column("year").nulls),
            ("int64", 1),
            "{word}"
        );
    }
}

#[test]
fn gzip_may_be_filled_up_with_zeros() {
    let mut packed = support::gzip("a,b\n1,2\n");
    packed.extend([0; 100]);
    assert_eq!(convert(&packed).profile.rows, 1);
    packed.push(1);
    assert_eq!(refusal(&packed).code(), "bad_gzip");
}

#[test]
fn objects_of_json_are_rows() {
    let lines = "{\"id\": 1, \"user\": {\"name\": \"a\"}, \"ts\": \"2024-01-01T00:00:00Z\"}\n{\"id\": 2, \"zip\": \"12\"}\n";
    let outcome = convert(lines);
    assert_eq!(
        columns(&outcome),
        named(&[
            ("id", "int64"),
            ("user", "text"),
            ("ts", "timestamp_utc"),
            ("zip", "text")
        ])
    );
    assert_eq!(outcome.column("user").nulls, 1);
    let array = "[{\"a\": 1.5, \"b\": null},\n {\"a\": 2, \"b\": [1, \"}\"]}]";
    let rows = cells(array);
    assert_eq!(rows[0], [Some("1.5".to_owned()), None]);
    assert_eq!(rows[1], row(&["2", "[1, \"}\"]"]));
    assert_eq!(refusal("{\"a\": 1}\n{\"a\": ").code(), "bad_json");
    assert_eq!(
        convert("{\"a\": 1}\n{\"a\": x}\n{\"a\": 2}\n")
            .profile
            .rejects,
        1
    );
}

#[test]
fn pages_and_documents_are_refused_by_name() {
    for (source, what) in [
        ("<html>\n<body>\n", "HTML"),
        ("<?xml version=\"1.0\"?>\n<a/>\n", "XML"),
        ("<!DOCTYPE html>", "HTML"),
    ] {
        let refusal = refusal(source);
        assert_eq!(refusal.code(), "not_text");
        assert!(refusal.detail().contains(what), "{}", refusal.detail());
    }
}

#[test]
fn rows_that_disagree_on_their_delimiters_are_no_table_of_one_column() {
    let ragged = "a;b\n1;2;3\n4\n5;6;7;8\n1;2;3;4;5\n;;;;;;\n9;9\n1;2;3;4;5;6;7;8\n".repeat(3);
    match convert_with(&ragged, Options::default()) {
        Ok(outcome) => assert!(outcome.names().len() > 1),
        Err(refusal) => assert_eq!(refusal.code(), "too_many_rejects"),
    }
}

#[test]
fn letters_between_objects_are_refused_and_marks_passed_over() {
    assert_eq!(refusal("{\"a\": 1}\n！{\"a\": 2}").code(), "bad_json");
    assert_eq!(convert("{\"a\": 1}\n\u{feff}{\"a\": 2}\n").profile.rows, 2);
}
