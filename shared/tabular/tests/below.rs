//! What is among the rows of a table and below it: other tables, notes, comments, and rows that end early.

mod support;

use support::{convert, refusal};

fn rows(count: usize, row: &str) -> String {
    (0..count).map(|n| format!("{n},{row}\n")).collect()
}

#[test]
fn a_table_below_another_one_is_rejected_as_such() {
    let first = format!("id,name,price\n{}", rows(20, "Ann,2.5"));
    for (second, lines) in [
        // The same without its last column, and with one more.
        (format!("id,name\n{}", rows(20, "Ann")), 21),
        (format!("id,name,price,note\n{}", rows(20, "Ann,2.5,x")), 21),
        // Another one, under its title.
        (format!("Totals\nyear,units\n{}", rows(8, "7")), 10),
    ] {
        let outcome = convert(format!("{first}{second}"));
        assert_eq!(outcome.names(), ["id", "name", "price"], "{second}");
        assert_eq!(outcome.types(), ["int64", "text", "decimal"]);
        let rejects = (outcome.rejects.below_table, outcome.rejects.total);
        assert_eq!((outcome.profile.rows, rejects), (20, (lines, lines)));
        assert_eq!(outcome.profile.dialect.end_line, Some(22));
    }
}

#[test]
fn a_table_goes_on_below_rows_of_another_width() {
    let first = format!("id,name,price\n{}", rows(20, "Ann,2.5"));
    let more = rows(15, "Bob,3.5");
    for between in [
        "x,n,m,none\n31,Smith,John,2.5\n32,Doe,Jane,3.5\n",
        "Total,none\n31,2.5\n32,3.5\n",
    ] {
        let outcome = convert(format!("{first}{between}{more}"));
        assert_eq!(outcome.rejects.below_table, 0, "{between}");
        assert_eq!((outcome.profile.rows, outcome.rejects.total), (35, 3));
    }
    // Rows under a header of their own are none of its.
    let tables = format!("Totals\nyear,units\n{}", rows(8, "7"));
    let outcome = convert(format!("{first}{tables}who,what,why\n{more}"));
    assert_eq!(
        (outcome.profile.rows, outcome.rejects.below_table),
        (20, 26)
    );
}

#[test]
fn what_stands_above_a_larger_table_is_no_table() {
    let source = format!(
        "station,Rome\nlat,1.5\nlon,2.5\nid,v,w,x,y\n{}",
        rows(30, "2,3,4,5")
    );
    let outcome = convert(&source);
    assert_eq!(outcome.names(), ["id", "v", "w", "x", "y"]);
    assert_eq!(
        (outcome.profile.rows, outcome.profile.skipped_lines),
        (30, 3)
    );
}

#[test]
fn rows_that_are_of_another_width_are_no_other_table() {
    let half = format!("{}{}", rows(20, "2,3"), rows(20, "2"));
    let refused = refusal(format!("a,b,c\n{half}"));
    assert_eq!(refused.code(), "too_many_rejects");
}

#[test]
fn notes_below_a_table_are_rejected_as_such() {
    let notes = "\nSource: the office\nAll figures are rounded\n";
    let outcome = convert(format!("id,v\n{}{notes}", rows(8, "2")));
    let rejects = (outcome.rejects.below_table, outcome.rejects.total);
    assert_eq!((outcome.profile.rows, rejects), (8, (2, 2)));
    // A row that ends early is no note.
    let outcome = convert(format!("id,v\n{}9\n", rows(8, "2")));
    assert_eq!(outcome.rejects.too_few_fields, 1);
}

#[test]
fn comments_among_the_rows_do_not_refuse_the_file() {
    let outcome = convert("# made by x\na;b\n# one\n1;3\n6;7\n# two\n# three\n8;9\n");
    assert_eq!(outcome.names(), ["a", "b"]);
    let rejects = (outcome.rejects.comment, outcome.rejects.total);
    assert_eq!((outcome.profile.rows, rejects), (3, (3, 3)));
    // A row that fits is one, whatever its first letter is.
    assert_eq!(convert("tag,v\n#a,1\n#b,2\n").profile.rejects, 0);
}

#[test]
fn rows_may_leave_out_their_last_cells_where_the_others_stand_below_their_names() {
    let mut source = "day,team,goals,odds,extra\n".to_owned();
    for n in 0..12 {
        source += &format!(
            "2024-01-0{},A,{n},1.5,2.5\n2024-02-01,B,{n},1.5\n2024-03-01,C,{n}\n",
            n % 9 + 1
        );
    }
    let outcome = convert(&source);
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (36, 0));
    assert_eq!(
        outcome.types(),
        ["date", "text", "int64", "decimal", "decimal"]
    );
    assert_eq!(
        (outcome.column("odds").nulls, outcome.column("extra").nulls),
        (12, 24)
    );
    // A cell that is missing on the left moves the others under the wrong names.
    let shifted = source.replace("2024-02-01,B,", "2024-02-01,");
    assert_eq!(refusal(&shifted).code(), "too_many_rejects");
    // Each name has its cell, and no more.
    let outcome = convert("a,b,,\n1,x,,\n2,y,z,\n3,w\n");
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (3, 0));
}

#[test]
fn delimiters_alone_are_no_row_where_they_are_too_few() {
    let outcome = convert(format!("id,a,b,c\n{},,\n,,\n,,\n", rows(3, "1,2,3")));
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (3, 0));
    assert_eq!(outcome.profile.blank_lines, 3);
    // As many as others have: a row of nulls.
    assert_eq!(convert("a,b\n1,2\n,\n3,4\n").profile.rows, 3);
}

#[test]
fn a_blank_behind_the_last_delimiter_is_no_value() {
    let outcome = convert("y,a,b,\n0,1,2, \n1,3,4, \n");
    assert_eq!(outcome.names(), ["y", "a", "b"]);
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (2, 0));
}
