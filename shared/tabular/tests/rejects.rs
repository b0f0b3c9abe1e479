//! Every line of a file is a line of a row, of the header, a rejected or a blank one, and every reject is kept.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use arrow_array::{Array as _, Int64Array, StringArray};
use consign_tabular::{AtMost, Options, Refusal};
use proptest::prelude::*;
use support::{Outcome, convert, convert_chunks, convert_once, convert_with, limits, read};

fn kept() -> Options {
    Options {
        rejects: true,
        ..Options::default()
    }
}

/// Line, lines, offset, reason and text of every reject.
fn rejects(outcome: &Outcome) -> Vec<(i64, i64, i64, String, String)> {
    let mut rows = Vec::new();
    if outcome.rejected.is_empty() {
        return rows;
    }
    for batch in read(outcome.rejected.clone()) {
        let number = |name: &str, at: usize| {
            let column = batch.column_by_name(name).unwrap();
            column
                .as_any()
                .downcast_ref::<Int64Array>()
                .unwrap()
                .value(at)
        };
        let text = |name: &str, at: usize| {
            let column = batch.column_by_name(name).unwrap();
            let column = column.as_any().downcast_ref::<StringArray>().unwrap();
            column.value(at).to_owned()
        };
        rows.extend((0..batch.num_rows()).map(|at| {
            let place = ["line", "lines", "offset"].map(|name| number(name, at));
            (
                place[0],
                place[1],
                place[2],
                text("reason", at),
                text("text", at),
            )
        }));
    }
    rows
}

#[test]
fn every_reject_is_in_a_file_of_its_own() {
    let mut file = "id,note\n".to_owned();
    for id in 0..9000 {
        file += &format!("{id},ok\n");
        if id % 20 == 0 {
            file += &format!("bad {id}\n");
        }
    }
    let outcome = convert_with(&file, kept()).unwrap();
    assert_eq!(outcome.rejects.first.len(), 100);
    let rows = rejects(&outcome);
    assert_eq!((rows.len(), outcome.rejects.total), (450, 450));
    for (line, lines, offset, reason, text) in &rows {
        assert_eq!((*lines, reason.as_str()), (1, "too_few_fields"));
        let at = usize::try_from(*offset).unwrap();
        assert!(file[at..].starts_with(&format!("{text}\n")));
        assert_eq!(file[..at].lines().count() as i64 + 1, *line);
    }
    let once = convert_once(&[file.as_bytes()], kept(), limits()).unwrap();
    assert_eq!(once.unwrap().rejected, outcome.rejected);
    let chunks: Vec<&[u8]> = file.as_bytes().chunks(7).collect();
    let again = convert_chunks(&chunks, kept(), limits()).unwrap();
    assert_eq!(again, outcome);
}

#[test]
fn without_a_reject_there_is_no_such_file() {
    assert!(
        convert_with("a,b\n1,2\n", kept())
            .unwrap()
            .rejected
            .is_empty()
    );
    // Nor where none is wanted.
    assert!(convert("a,b\n1,2\n3\n").rejected.is_empty());
}

#[test]
fn a_row_of_several_lines_is_kept_as_it_stands() {
    let mut file = "id,note\n".to_owned();
    for id in 0..40 {
        file += &format!("{id},\"a, b\"\n");
    }
    file += "x,\"two\nlines\",more\n";
    let outcome = convert_with(&file, kept()).unwrap();
    let rows = rejects(&outcome);
    assert_eq!(rows.len(), 1);
    let (line, lines, _, reason, text) = &rows[0];
    assert_eq!((*line, *lines, reason.as_str()), (42, 2, "too_many_fields"));
    assert_eq!(text, "x,\"two\nlines\",more");
    assert_eq!(outcome.profile.rejects, 2);
}

#[test]
fn what_is_no_json_is_kept_with_its_place() {
    let good = "{\"a\": 1}\n".repeat(9);
    let file = format!("{good}{{\"a\": nope}}\n{good}");
    let outcome = convert_with(&file, kept()).unwrap();
    let offset = i64::try_from(good.len()).unwrap();
    assert_eq!(
        rejects(&outcome),
        [(
            10,
            1,
            offset,
            "bad_json".to_owned(),
            "{\"a\": nope}".to_owned()
        )]
    );
    assert_eq!(outcome.profile.lines, 19);
}

#[test]
fn an_object_that_has_a_key_twice_is_rejected() {
    let good = "{\"a\": 1}\n".repeat(9);
    let twice =
        "{\"a\": 1, \"b\": 2, \"a\": 3}\n{\"c\": 1, \"c\": 1}\n{\"a\": null, \"\\u0061\": 1}\n";
    let file = format!("{good}{twice}{good}");
    for options in [Options::default(), kept()] {
        let outcome = convert_with(&file, options).unwrap();
        assert_eq!((outcome.profile.rows, outcome.names()), (18, vec!["a"]));
        let found = &outcome.rejects;
        assert_eq!((found.total, found.duplicate_key), (3, 3));
        assert!(found.first[0].detail.contains("key twice"));
        assert_eq!(found.first[0].sample, "{\"a\": 1, \"b\": 2, \"a\": 3}");
    }
    let once = convert_once(&[file.as_bytes()], Options::default(), limits()).unwrap();
    assert_eq!(once.unwrap().rejects.duplicate_key, 3);
}

fn rejected(rows: usize, rejects: usize, rejects_max: Option<AtMost>) -> bool {
    let file = format!("a,b\n{}{}", "1,2\n".repeat(rows), "3\n".repeat(rejects));
    let options = || Options {
        rejects_max,
        ..Options::default()
    };
    let once = convert_once(&[file.as_bytes()], options(), limits());
    match convert_with(&file, options()) {
        Ok(_) => {
            assert!(matches!(once, Ok(Some(_))));
            false
        }
        Err(Refusal::TooManyRejects { .. }) => {
            assert!(matches!(once, Err(Refusal::TooManyRejects { .. })));
            true
        }
        Err(other) => unreachable!("{other}"),
    }
}

#[test]
fn a_file_is_refused_for_its_share_of_rejects() {
    let usual = None;
    assert!(!rejected(900, 100, usual) && rejected(899, 101, usual));
    // Of a small file more.
    assert!(!rejected(11, 9, usual) && rejected(8, 9, usual));
    let share = Some(AtMost::Millionths(250_000));
    assert!(!rejected(6, 2, share) && rejected(5, 2, share));
    assert!(!rejected(750, 250, share));
    let none = Some(AtMost::Count(0));
    assert!(!rejected(10, 0, none) && rejected(10_000, 1, none));
    assert!(!rejected(3, 2, Some(AtMost::Count(2))));
}

#[test]
fn the_share_is_one_of_lines() {
    // Rows of three lines each: as many lines as rejects are a tenth of.
    let row = "1,\"x\ny\nz\"\n";
    let file = format!("a,b\n{}{}", row.repeat(100), "3\n".repeat(33));
    let outcome = convert(&file);
    assert_eq!(
        (outcome.profile.rows, outcome.profile.row_lines),
        (100, 300)
    );
    assert_eq!(outcome.profile.lines, 334);
}

#[test]
fn titles_and_notes_are_no_rejects() {
    let outcome = convert("# Report\n\n# 2024\nid,n\n1,2\n\n3,4\n5,6\n7,8\n9,9\nid,n\n");
    let profile = outcome.profile;
    assert_eq!((profile.skipped_lines, profile.header_lines), (3, 1));
    assert_eq!((profile.row_lines, profile.blank_lines), (5, 1));
    assert_eq!((profile.rejects, profile.lines), (1, 11));
}

/// Lines of a text as editors count them.
fn lines(text: &str) -> u64 {
    let ended = text.replace("\r\n", "\n").replace('\r', "\n");
    let open = !ended.is_empty() && !ended.ends_with('\n');
    ended.matches('\n').count() as u64 + u64::from(open)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn every_line_is_accounted_for(
        text in prop_oneof![
            "([a-c0-9]{0,3}[,;\n]|\"[a-z,\n]{0,4}\"[,\n]|#[a-z]{0,3}\n|\r\n|\r){0,60}",
            "(([0-9]{1,2},[a-z]{1,2},[0-9.]{1,3}(\n|\r\n))|,,\n|\n|x\n|T u\n|\"a\nb\",1,2\n){0,40}",
        ],
        places in prop::collection::vec(0_usize..200, 0..6),
    ) {
        if let Ok(outcome) = convert_with(&text, kept()) {
            let profile = &outcome.profile;
            prop_assert_eq!(profile.lines, lines(&text));
            let parts = profile.skipped_lines + profile.header_lines + profile.row_lines
                + profile.rejects + profile.blank_lines;
            prop_assert_eq!(parts, profile.lines, "{:?}", profile);
            let kept: i64 = rejects(&outcome).iter().map(|reject| reject.1).sum();
            prop_assert_eq!(kept as u64, profile.rejects);
            let mut cuts: Vec<usize> = places.iter().map(|at| text.floor_char_boundary(at % text.len().max(1))).collect();
            cuts.sort_unstable();
            let mut chunks = Vec::new();
            let mut start = 0;
            for cut in cuts {
                chunks.push(&text.as_bytes()[start..cut]);
                start = cut;
            }
            chunks.push(&text.as_bytes()[start..]);
            prop_assert_eq!(convert_chunks(&chunks, self::kept(), limits()).unwrap(), outcome);
        }
    }
}
