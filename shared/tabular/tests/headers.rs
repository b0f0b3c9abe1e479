//! Headers of several rows, and headers that come again.

mod support;

use support::{Outcome, columns, convert, named};

/// Its columns are named so by so many rows, and all rows below them are read.
fn assert_names(source: &str, names: &[&str], header_rows: usize, rows: u64) -> Outcome {
    let outcome = convert(source);
    assert_eq!(outcome.names(), names, "{source}");
    let profile = &outcome.profile;
    let seen = (profile.dialect.header_rows, profile.rows, profile.rejects);
    assert_eq!(seen, (header_rows, rows, 0), "{source}");
    outcome
}

#[test]
fn names_of_groups_are_joined_with_the_names_below_them() {
    assert_names(
        "north,,south,\nx,y,x,y\n1.5,2.5,3.5,4.5\n1.6,2.6,3.6,4.6\n",
        &["north x", "north y", "south x", "south y"],
        2,
        2,
    );
    // A title is none of them, and a row below the names says more of one.
    let outcome = assert_names(
        "Staff,,,\n,,,\n,,2024,2023\nunit,sort,Total,Average\n,,,Restated\nA,x,1,2\nB,y,-,4\n",
        &["unit", "sort", "2024 Total", "2023 Average Restated"],
        3,
        2,
    );
    assert_eq!(outcome.profile.skipped_lines, 2);
    // Three rows, of which the first stands for the most columns.
    let outcome = assert_names(
        "body,kind,staff,,,,cost\n,,AO,,EO,,\n,,heads,share,heads,share,\nA,x,1,0.5,2,1.5,10\nB,x,3,2.5,4,3.5,20\n",
        &[
            "body",
            "kind",
            "staff AO heads",
            "staff AO share",
            "staff EO heads",
            "staff EO share",
            "cost",
        ],
        3,
        2,
    );
    assert_eq!(outcome.types()[2..4], ["int64", "decimal"]);
}

#[test]
fn parts_of_a_name_are_below_it_also_behind_an_empty_row() {
    for between in ["", ",,,,,\n"] {
        let source = format!(
            "dates,place,travel,,,cost\n{between},,air,rail,car,\n04/04/2014,Cardiff,,65.60,,65.60\n09/04/2014,Bristol,,,16.00,16.00\n"
        );
        let names = [
            "dates",
            "place",
            "travel air",
            "travel rail",
            "travel car",
            "cost",
        ];
        let outcome = convert(&source);
        assert_eq!(outcome.names(), names, "{source}");
        assert_eq!(outcome.profile.rows, 2);
    }
}

#[test]
fn names_that_differ_by_their_question_alone_keep_it() {
    assert_names(
        "Who are you?,,Is it so?,,Will it be?,\nName,Firm,Answer,Why,Answer,Why\nAnn,A & B,Yes,As ever,No,Never\nBob,C,No,It was,Yes,Soon\nCem,D,,,No,\n",
        &[
            "Who are you? Name",
            "Who are you? Firm",
            "Is it so? Answer",
            "Is it so? Why",
            "Will it be? Answer",
            "Will it be? Why",
        ],
        2,
        3,
    );
}

#[test]
fn units_below_names_are_a_part_of_them() {
    let outcome = assert_names(
        "Time,Temp,Depth\ns,°C,m\n1.5,20.1,3\n2.5,20.2,4\n",
        &["Time s", "Temp °C", "Depth m"],
        2,
        2,
    );
    assert_eq!(outcome.types(), ["decimal", "decimal", "int64"]);
    assert_names(
        "Time,Temp,\ns,C,\n1.5,20.1,\n2.5,20.2,\n",
        &["Time s", "Temp C"],
        2,
        2,
    );
    // A value that is missing is no unit, and words of a column of words are none.
    assert_names("a,b\nNA,NA\n1,2\n3,4\n", &["a", "b"], 1, 3);
    assert_names("name,a\nAnn,sick\nBob,2\nCem,4\n", &["name", "a"], 1, 3);
}

#[test]
fn a_first_row_without_values_is_no_part_of_the_names() {
    for (names, first) in [
        (["temp", "hum"], "error,error"),
        (["temp", "hum"], "off,off"),
        (["from", "to"], "unknown,missing"),
        (["a", "b"], "lost,found"),
    ] {
        let source = format!("{}\n{first}\n20,30\n21,31\n22,32\n", names.join(","));
        assert_names(&source, &names, 1, 4);
    }
    let source = "day,a,b\n,off,off\n2024-01-02,1,2\n2024-01-03,3,4\n";
    assert_names(source, &["day", "a", "b"], 1, 3);
    // Nor is the header a title above it, where a column has no name.
    for (source, names) in [
        (
            "name,,score\nAnn,x,absent\nBob,y,3\nCem,z,4\n",
            ["name", "column_2", "score"],
        ),
        (
            "id,,amount\nx,Ann,lost\n1,Bob,2.5\n2,Cem,3.5\n",
            ["id", "column_2", "amount"],
        ),
        (
            "id,,amount\n,Ann,absent\n1,Bob,2.5\n2,Cem,3.5\n",
            ["id", "column_2", "amount"],
        ),
    ] {
        assert_names(source, &names, 1, 3);
    }
}

#[test]
fn names_of_groups_that_leave_columns_of_numbers_out_are_a_title() {
    let source = "Person,,Result,\nfirst,last,score,rank\nAnn,B,1,2\nBob,C,3,4\n";
    let outcome = assert_names(source, &["first", "last", "score", "rank"], 1, 2);
    assert_eq!(outcome.profile.skipped_lines, 1);
}

#[test]
fn a_hash_before_names_of_words_is_a_letter() {
    let body = "rust,language\nbread,food\ntea,drink\n";
    assert_names(&format!("#tag,kind\n{body}"), &["#tag", "kind"], 1, 3);
    // Above a header that types prove it is a comment, and so is a sentence.
    let outcome = assert_names("#made,here\nid,v\n1,2\n2,3\n", &["id", "v"], 1, 2);
    assert_eq!(outcome.profile.skipped_lines, 1);
    // Nor is a comment a part of the names below it.
    assert_names("# by Ann, in May\nV,A\n1,2\n2,3\n", &["V", "A"], 1, 2);
    for comment in ["# by Ann, in May", "#written in one go, by Ann"] {
        let source = format!("{comment}\ntag,kind\n{body}");
        assert_names(&source, &["tag", "kind"], 1, 3);
    }
}

#[test]
fn a_header_that_is_there_twice_names_its_columns_once() {
    let rows = "1,Ann,2.5\n2,Bob,3.5\n3,Cem,4.5\n4,Dan,5.5\n5,Eve,6.5\n";
    assert_names(
        &format!("id,name,v\nid,name,v\n{rows}"),
        &["id", "name", "v"],
        2,
        5,
    );
    // Between rows, where files were joined: it is rejected, and the columns have their types.
    for again in [150, 5_000] {
        let part = format!("id,name,v\n{}", rows.repeat(again));
        let outcome = convert(part.repeat(3));
        assert_eq!(
            columns(&outcome),
            named(&[("id", "int64"), ("name", "text"), ("v", "decimal")])
        );
        let rejects = (outcome.rejects.repeated_header, outcome.rejects.total);
        assert_eq!(rejects, (2, 2));
        assert_eq!(outcome.profile.rows, 15 * again as u64);
    }
    // Words alone do not tell it from a row.
    assert_eq!(convert("GET,/a\nPOST,/b\nGET,/a\n").profile.rows, 3);
}

#[test]
fn a_word_that_is_a_value_as_well_may_be_a_name() {
    let mut source = "country,region,code\n".to_owned();
    for n in 0..30 {
        source += &format!(
            "C{}land,{},{}\n",
            "abc".repeat(n),
            ["East", "West"][n % 2],
            "x".repeat(n)
        );
    }
    source += "Indonesia,East,code\n";
    assert_names(&source, &["country", "region", "code"], 1, 31);
}

#[test]
fn names_below_a_title_may_come_again_above_other_parts() {
    let outcome = convert(
        "Meetings,,,\nwho,when,what,why\nAnn,May,talk,so\n,,tea,\n,,walk,\n,,,\nGifts,,,\nwho,when,what,value\nBob,June,pen,low\n,,cup,\n",
    );
    assert_eq!(outcome.names(), ["who", "when", "what", "why"]);
    assert_eq!(
        (outcome.profile.skipped_lines, outcome.profile.rows),
        (1, 8)
    );
}
