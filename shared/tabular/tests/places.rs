//! Where the table is in a file: titles above it, its header or none, and how wide it is.

mod support;

use support::{columns, convert, named, refusal};

/// All of its rows are read, below so many lines, and its first columns are named so.
fn assert_place(source: &str, names: &[&str], skipped: u64, rows: u64) {
    let outcome = convert(source);
    assert_eq!(&outcome.names()[..names.len()], names, "{source}");
    let profile = &outcome.profile;
    let seen = (profile.skipped_lines, profile.rows, profile.rejects);
    assert_eq!(seen, (skipped, rows, 0), "{source}");
}

#[test]
fn a_directive_of_a_spreadsheet_is_obeyed_and_is_no_data() {
    for source in ["sep=;\nid;name\n1;A\n", "\"sep=;\"\r\nid;name\r\n1;A\r\n"] {
        let outcome = convert(source);
        assert_eq!(
            columns(&outcome),
            named(&[("id", "int64"), ("name", "text")])
        );
        assert_eq!(
            (outcome.profile.rows, outcome.profile.skipped_lines),
            (1, 1)
        );
    }
    assert_eq!(convert("sep=|\na|b,c\n1|2,5\n").names(), ["a", "b,c"]);
}

#[test]
fn lines_above_the_header_are_skipped_and_counted() {
    let cases = [
        ("Auszug\nid;v\n1;2\n3;4\n", vec!["id", "v"], 1),
        ("# made by x\n# 2024\na,b\n1,2\n3,4\n", vec!["a", "b"], 2),
        (
            "Report 2024\nsource: x\n\na,b,c\n1,2,3\n4,5,6\n7,8,9\n",
            vec!["a", "b", "c"],
            3,
        ),
        (
            "Report 2024,,\n,,\nname,qty,price\nx,1,2.5\ny,2,3.5\n",
            vec!["name", "qty", "price"],
            2,
        ),
    ];
    for (source, names, skipped) in cases {
        let outcome = convert(source);
        assert_eq!(outcome.names(), names, "{source}");
        assert_eq!(outcome.profile.skipped_lines, skipped, "{source}");
        assert_eq!(outcome.profile.rejects, 0, "{source}");
    }
}

#[test]
fn comments_of_other_programs_are_comments() {
    for sign in ["%", "//", "-- ", "!"] {
        let source = format!("{sign}made by x\n{sign}2024\na,b\n1,2\n3,4\n");
        assert_place(&source, &["a", "b"], 2, 2);
        // Names and rows may begin so.
        let source = format!("{sign},b\n1,2\n3,4\n");
        assert_place(&source, &[sign.trim(), "b"], 0, 2);
        assert_eq!(convert(format!("{sign}a\nx\ny\n")).profile.rows, 2);
    }
}

#[test]
fn titles_of_any_width_are_told_from_names_by_what_stands_below() {
    for (source, names, skipped) in [
        // Commas of a sentence, more than the table has.
        (
            "Exported,Sample 22 on Saturday, May 11 2024\nnm,T\n1.5,2.5\n1.6,2.6\n",
            vec!["nm", "T"],
            1,
        ),
        // A spreadsheet ends each row where its longest ends.
        (
            "Meetings,,,,,\nwho,when,what,,,\nA,2024-01-02,x,,,\nB,2024-01-03,y,,,\n",
            vec!["who", "when", "what"],
            1,
        ),
        // A title over two columns, apart from the table.
        (
            "Costs,\n,\nitem,price\ntea,1.5\nrice,2.5\n",
            vec!["item", "price"],
            2,
        ),
    ] {
        assert_place(source, &names, skipped, 2);
    }
}

#[test]
fn a_header_is_no_title_though_words_stand_below_it() {
    for (source, names, rows) in [
        // A blank corner, above values that are not there.
        (",price\nAnn,-\nBob,3.75\n", vec!["column_1", "price"], 2),
        (
            "\"\",\"mpg\"\n\"M\",NA\n\"D\",22.8\n\"H\",21.4\n",
            vec!["column_1", "mpg"],
            3,
        ),
        (
            ",2019,2020\nQ1,..,..\nQ2,1.5,2.5\nQ3,3,4\n",
            vec!["column_1", "2019", "2020"],
            3,
        ),
        // A delimiter at the end of each row.
        (
            "name,score,\nAnn,absent,\nBob,5,\nCem,7,\n",
            vec!["name", "score"],
            3,
        ),
        (
            "name,score,\nA,NA,\nB,NA,\nC,5,\nD,6,\n",
            vec!["name", "score"],
            4,
        ),
        // What may be units, though a column of words has one as well.
        (
            ",price,weight\nunit,EUR,kg\na,1.5,2\nb,2.5,3\n",
            vec!["column_1", "price", "weight"],
            3,
        ),
        // What its rows are about begins with the letter of comments.
        (
            "#1,Ann,5\n#2,Bob,6\n#3,Cem,7\n",
            vec!["column_1", "column_2", "column_3"],
            3,
        ),
    ] {
        assert_place(source, &names, 0, rows);
    }
    let outcome = convert("id,name,approve,reject\nx,absent\ny,5\nz,6\n");
    assert_eq!((outcome.names()[0], outcome.profile.rows), ("id", 3));
    // One row that is longer than its header proves nothing.
    assert_eq!(
        refusal("name,city,notes\nAnn,Rome,likes tea, coffee\n").code(),
        "too_many_rejects"
    );
}

#[test]
fn rows_that_agree_with_each_other_are_taken_though_the_header_has_another_width() {
    // A form that was answered without its last questions.
    let outcome = convert("id,name,approve,reject\n1,A\n2,B\n");
    assert_eq!(
        columns(&outcome),
        named(&[
            ("id", "int64"),
            ("name", "text"),
            ("approve", "text"),
            ("reject", "text")
        ])
    );
    assert_eq!(
        (outcome.profile.rows, outcome.column("reject").nulls),
        (2, 2)
    );
    // A program that names fewer columns than it writes.
    let outcome = convert("id,name\n1,A,2.5,x\n2,B,3.5,y\n");
    assert_eq!(outcome.names(), ["id", "name", "column_3", "column_4"]);
    assert_eq!(outcome.types()[2], "decimal");
    // One that ends its only row with a line end in quotes.
    let outcome = convert("a;b\n\"x\";\"1\";\"\n\"\n");
    assert_eq!(outcome.names(), ["a", "b", "column_3"]);
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (1, 0));
    // Rows that do not agree are rejected as they were.
    assert_eq!(convert("a,b,c\n1,2,3\n1,2\n1,2,3\n").profile.rejects, 1);
}

#[test]
fn columns_that_are_aligned_with_blanks_are_columns() {
    let outcome =
        convert("  YR   MON  NINO\n1950     1  23.11\n1950     2 -24.2 \n1951    12   3.00\n\n");
    assert_eq!(
        columns(&outcome),
        named(&[("YR", "int64"), ("MON", "int64"), ("NINO", "decimal")])
    );
    assert_eq!((outcome.profile.rows, outcome.profile.rejects), (3, 0));
    assert!(outcome.profile.dialect.merged_delimiters);
    // Two blanks that part nothing are an empty cell where each row has them at one place, below a name.
    let outcome = convert("a b c\n1  3\n4  6\n7  9\n");
    assert_eq!(outcome.names(), ["a", "b", "c"]);
    assert_eq!(outcome.column("b").nulls, 3);
    // Words are no columns, and two words are no two columns.
    for source in [
        "NAME   AGE  CITY\nAnn    23   Rome\nCem    24   Oslo\nBob         New York\n",
        "Name          Age\nJohn Smith     23\nJane Doe       25\nBob Ray        27\n",
        "The quote\nTo be.  Or\nTo go.  Stay\nTo do.  Die\n",
    ] {
        assert_eq!(convert(source).names().len(), 1, "{source}");
    }
    let outcome = convert("remark\nall  is well\nno\nas it was  before\n");
    assert_eq!(outcome.names(), ["remark"]);
}

#[test]
fn a_total_below_the_table_is_reported_and_kept() {
    let outcome = convert("region,units\nN,1\nS,2\nTotal,3\n");
    assert_eq!(
        (outcome.profile.rows, outcome.profile.total_line),
        (3, Some(4))
    );
    assert_eq!(
        convert("region,units\nTotal,1\nS,2\n").profile.total_line,
        None
    );
}

#[test]
fn a_file_without_a_header_loses_no_row() {
    let outcome = convert("1,alpha,2024-01-01\n2,beta,2024-01-02\n3,gamma,2024-01-03\n");
    assert_eq!(
        columns(&outcome),
        named(&[
            ("column_1", "int64"),
            ("column_2", "text"),
            ("column_3", "date")
        ])
    );
    assert_eq!((outcome.profile.rows, outcome.profile.header), (3, false));
    assert_eq!(convert("1,2\n3,4\n").profile.rows, 2);
    // Words that come again below are data as well.
    assert_eq!(convert("red,blue\nblue,red\nred,green\n").profile.rows, 3);
}

#[test]
fn names_above_text_and_years_above_numbers_are_a_header() {
    assert_eq!(
        convert("name,city\nAda,London\nAlan,Wilmslow\n").names(),
        ["name", "city"]
    );
    assert_eq!(
        convert("region,2020,2021,2022\nA,1,2,3\nB,4,5,6\n").names(),
        ["region", "2020", "2021", "2022"]
    );
    let shares: String = (0..10).map(|n| format!("S{n},-{n}.5\n")).collect();
    assert_eq!(
        convert(format!("state,2021\n{shares}")).names(),
        ["state", "2021"]
    );
    assert_eq!(
        convert(",2019,2020\nA,1,2\nB,3,4\n").names(),
        ["column_1", "2019", "2020"]
    );
    assert_eq!(
        convert("team,0,1,2,3,4,5\nA,0.5,0.4,0.3,0.2,0.1,0\nB,0.5,0.6,0.7,0.8,0.9,1\n").names(),
        ["team", "0", "1", "2", "3", "4", "5"]
    );
    assert_eq!(
        convert("kind,1940,1945,1950,1960\nA,22.2,44.5,59.6,86.8\nB,1,2,3,\n").names()[1],
        "1940"
    );
    // Numbers that are as good as those below them name nothing.
    for source in [
        "Ada,1815,1843,1852\nAlan,1912,1936,1954\n",
        "A,1,2,3\nB,4,5,6\n",
        "Vienna,1900\nGraz,300\n",
        "Laptop,2000\nMouse,9.99\n",
        "Ann,2001,2005,2010\nBob,1999,2003,\n",
        "A,2019,2020\nB,2020,2021\n",
        "judge1,1,2,3,4,5,6\njudge2,2,1,3,4,5,6\n",
        "A,2021\nB,2022\n",
    ] {
        assert_eq!(convert(source).profile.rows, 2, "{source}");
    }
    assert_eq!(convert("a,b\n").profile.rows, 0);
}

#[test]
fn delimiters_that_end_rows_make_no_column() {
    for source in [
        "a,b\n1,2,\n3,4,\n",
        "a,b,\n1,2\n3,4\n",
        "a,b,\n1,2,\n3,4,\n",
        "a,b\n1,2,\n3,4\n",
    ] {
        let outcome = convert(source);
        assert_eq!(
            columns(&outcome),
            named(&[("a", "int64"), ("b", "int64")]),
            "{source}"
        );
        assert_eq!(
            (outcome.profile.rows, outcome.profile.rejects),
            (2, 0),
            "{source}"
        );
    }
    // With a value behind it, a third column is one.
    assert_eq!(
        convert("a,b,\n1,2,x\n3,4,\n").names(),
        ["a", "b", "column_3"]
    );
}

#[test]
fn names_of_rows_that_have_no_name_are_a_column() {
    let outcome = convert("\"a\",\"b\"\n\"r1\",10,20\n\"r2\",11,21\n");
    assert_eq!(
        columns(&outcome),
        named(&[("column_1", "text"), ("a", "int64"), ("b", "int64")])
    );
}
