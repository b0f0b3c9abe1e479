//! Memory does not follow the length of rows: files of long ones are read within the budget, or refused.

mod support;

use consign_tabular::{Limits, Options};
use peak_alloc::PeakAlloc;
use support::made::Made;
use support::made::Part::{self, Made as Own, Noise, Same, Text};
use support::memory::{MIB, Went, alone, once, peak, twice};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const UNEVEN: &[usize] = &[1, 65_536, 100, 7, 4096, 30_000];
const HEAD: &str = "id,text\n1,a\n2,b\n";
const OBJECT: &str = "{\"a\":1,\"b\":\"x\"}\n";

fn rejects() -> Options {
    Options {
        rejects: true,
        rejects_max: Some(consign_hints::AtMost::Count(1_000_000)),
        ..Options::default()
    }
}

/// Holds a conversion of each kind within the budget.
fn hold(name: &str, memory: u64, source: &Made, options: &Options) {
    let limits = Limits::for_memory(memory);
    let (first, in_one) = peak(&MEMORY, || once(source.clone(), options, limits));
    let (second, in_two) = peak(&MEMORY, || twice(source.clone(), options, limits));
    let taken = in_one.max(in_two);
    assert!(
        taken <= memory,
        "{name} in {} MiB: {in_one} and {in_two} bytes were taken",
        memory / MIB
    );
    assert!(first == second || first == Went::Again, "{name}: {first:?}");
    assert!(
        matches!(second, Went::Converted { .. }),
        "{name}: {second:?}"
    );
}

/// The same at the least budget, pushed in uneven pieces, and at the usual one.
fn hold_all(name: &str, source: impl Fn(usize) -> Made, options: &Options) {
    for memory in [16 * MIB, 64 * MIB] {
        let source = source(Limits::for_memory(memory).row_bytes_max);
        let source = if memory == 16 * MIB {
            source.in_pieces(UNEVEN)
        } else {
            source
        };
        hold(name, memory, &source, options);
    }
}

fn rows(again: Vec<Part>) -> Made {
    Made::new(vec![Text(HEAD)], again, 3)
}

#[test]
fn long_cells() {
    let _alone = alone();
    let usual = Options::default();
    let long = |max: usize| rows(vec![Text("1,"), Noise(max / 4 * 3), Text("\n")]);
    hold_all("long", long, &usual);
    let quoted = |max| {
        let half = max / 8 * 3;
        rows(vec![
            Text("1,\""),
            Noise(half),
            Text("\"\"\n\"\""),
            Noise(half),
            Text("\"\n"),
        ])
    };
    hold_all("quoted", quoted, &usual);
    let quotes = |max: usize| {
        rows(vec![
            Text("1,\""),
            Same('"', max / 2 * 2 - 20),
            Text("\"\n"),
        ])
    };
    hold_all("quotes alone", quotes, &usual);
    let longest = |max| rows(vec![Text("1,"), Noise(max - 10), Text("\n")]);
    hold_all("the longest", longest, &usual);
    let text = Options {
        text: true,
        ..Options::default()
    };
    hold_all("the longest as text", longest, &text);
    hold_all("UTF-16", |max| longest(max).in_utf16(), &usual);
}

#[test]
fn cells_of_a_megabyte_are_read() {
    let _alone = alone();
    let row = vec![Text("17,2.5,"), Noise(1 << 20), Text(",3\n")];
    let first = vec![Text("a,b,text,c\n1,2.5,x,3\n")];
    let source = Made::new(first, row, 30);
    hold_all("1 MiB", |_| source.clone(), &Options::default());
}

#[test]
fn many_cells_in_long_rows() {
    let _alone = alone();
    let wide = |columns: usize, max: usize| {
        let ends = |at| Text(if at + 1 < columns { "," } else { "\n" });
        let cells = (0..columns).flat_map(|at| [Noise(max / columns - 1), ends(at)]);
        let names = Own("a,".repeat(columns - 1) + "z\n" + &"x,".repeat(columns - 1) + "y\n");
        Made::new(vec![names], cells.collect(), 3)
    };
    hold_all("two", |max| wide(2, max - 10), &Options::default());
    hold_all(
        "a thousand",
        |max| wide(1000, max / 4 * 3),
        &Options::default(),
    );
    let (most, memory) = (10_000, 64 * MIB);
    hold(
        "ten thousand",
        memory,
        &wide(most, 3 << 20),
        &Options::default(),
    );
    let limits = Limits::for_memory(memory);
    let longer = wide(most, 6 << 20);
    let (went, taken) = peak(&MEMORY, || twice(longer, &Options::default(), limits));
    assert_eq!(went, Went::Refused("row_too_long"));
    assert!(taken <= memory, "{taken}");
}

#[test]
fn long_rows_among_short_ones() {
    let _alone = alone();
    let usual = Options::default();
    let short = || Own("5,short\n".repeat(1000));
    let mixed = |max| {
        rows(vec![
            Text("1,"),
            Noise(max - 10),
            Text("\n"),
            short(),
            Text("2,"),
            Noise(max / 2),
            Text("\n"),
            short(),
        ])
    };
    hold_all("mixed", mixed, &usual);
    // Pages of noise wait when the long row comes.
    let behind = |max: usize| {
        let mut parts: Vec<Part> = (0..max / 600)
            .flat_map(|_| [Text("1,"), Noise(1000), Text("\n")])
            .collect();
        parts.extend([Text("1,"), Noise(max - 10), Text("\n")]);
        Made::new(vec![Text(HEAD)], parts, 2)
    };
    hold_all("behind others", behind, &usual);
    let header = |max: usize| {
        let names = vec![Noise(max / 4 * 3), Text(",text\n1,a\n2,b\n")];
        Made::new(names, vec![Text("1,"), Noise(max - 10), Text("\n")], 3)
    };
    let named = Options {
        hints: consign_hints::Hints {
            header: Some(true),
            ..Default::default()
        },
        ..Options::default()
    };
    hold_all("header", header, &named);
}

#[test]
fn long_rows_that_are_rejected() {
    let _alone = alone();
    let wide = |max| rows(vec![Text("1,"), Noise(max - 20), Text(",x\n")]);
    hold_all("rejected", wide, &rejects());
    let some = |max| {
        let half = max / 4 * 3;
        rows(vec![
            Text("1,"),
            Noise(half),
            Text(",x\n1,"),
            Noise(half),
            Text("\n"),
        ])
    };
    hold_all("some rejected", some, &rejects());
    let twice = |max| {
        let parts = vec![Text("{\"a\":1,\"a\":\""), Noise(max - 30), Text("\"}\n")];
        Made::new(vec![Text(OBJECT)], parts, 4)
    };
    hold_all("keys that come again", twice, &rejects());
    let many = |max: usize| {
        let members = Own(",\"a\":1".repeat(max / 6 - 10));
        Made::new(
            vec![Text(OBJECT)],
            vec![Text("{\"a\":1"), members, Text("}\n")],
            2,
        )
    };
    hold_all("a million keys", many, &rejects());
}

#[test]
fn long_objects() {
    let _alone = alone();
    let objects = |begin, max, end| {
        let parts = vec![Text("{\"a\":1,\"b\":"), Text(begin), Noise(max), Text(end)];
        Made::new(vec![Text(OBJECT)], parts, 3)
    };
    let usual = Options::default();
    hold_all("string", |max| objects("\"", max - 40, "\"}\n"), &usual);
    hold_all(
        "escaped",
        |max| objects("\"\\n", max - 40, "\\u00e9\"}\n"),
        &usual,
    );
    hold_all("nested", |max| objects("[\"", max - 40, "\"]}\n"), &usual);
}

/// Texts of a dictionary may be there many times: they are not written out all at once.
#[test]
fn texts_of_a_dictionary_that_fills() {
    let _alone = alone();
    let cell = |letter, bytes| [Text("7,"), Same(letter, bytes), Text("\n")];
    let again = (0..1000).flat_map(|_| cell('y', 60_000));
    let others = "abcdefghijklm"
        .chars()
        .flat_map(|letter| cell(letter, 60_000));
    let full = Made::new(vec![Text(HEAD)], again.chain(others).collect(), 1);
    hold_all("full", |_| full.clone(), &Options::default());
    let word = |at| Own(format!("7,w{at}\n"));
    let tried = (0..2100).flat_map(|at| cell('y', 40_000).into_iter().chain([word(at)]));
    let tried = Made::new(vec![Text(HEAD)], tried.collect(), 1);
    hold_all("tried", |_| tried.clone(), &Options::default());
}

#[test]
fn long_rows_in_gzip() {
    let _alone = alone();
    let memory = 64 * MIB;
    let max = Limits::for_memory(memory).row_bytes_max;
    let plain: Vec<u8> = rows(vec![Text("1,"), Noise(max - 10), Text("\n")])
        .flatten()
        .collect();
    let packed = support::gzip(plain);
    let pieces = packed
        .chunks(support::memory::PIECE_BYTES)
        .map(<[u8]>::to_vec);
    let limits = Limits::for_memory(memory);
    let (went, taken) = peak(&MEMORY, || once(pieces, &Options::default(), limits));
    assert_eq!(
        went,
        Went::Converted {
            rows: 5,
            rejects: 0
        }
    );
    assert!(taken <= memory, "{taken}");
}

/// In a time that grows with the row: read again for each byte, it would take hours.
#[test]
fn rows_that_never_end_are_refused_byte_by_byte() {
    let _alone = alone();
    let limits = Limits::for_memory(16 * MIB);
    let usual = "1,\"a, b\"\n".repeat(40_000);
    let spaced = "1, \"a, b\"\n".repeat(40_000);
    for (rows, first, letter) in [
        (&usual, "1,\"", 'x'),
        (&usual, "1,\"", '"'),
        (&spaced, "1,", ' '),
    ] {
        let parts = vec![Own(rows.clone()), Text(first), Same(letter, 3 << 20)];
        let source = Made::new(vec![Text(HEAD)], parts, 1).in_pieces(&[1]);
        let went = once(source.clone(), &Options::default(), limits);
        assert_eq!(went, Went::Refused("row_too_long"), "{first}{letter}");
        let went = twice(source, &Options::default(), limits);
        assert_eq!(went, Went::Refused("row_too_long"), "{first}{letter}");
    }
}

#[test]
fn what_is_long_is_read_back_as_it_was() {
    let _alone = alone();
    let letters = "abcdefghij".chars();
    let long = (0..3).map(|at| format!("\"{at}\", {}\n", "é z".repeat(400_000)));
    let cells: Vec<String> = std::iter::repeat_n("y".repeat(60_000), 60)
        .chain(letters.map(|letter| letter.to_string().repeat(60_000)))
        .chain(["short".to_owned(), "y".repeat(60_000)])
        .chain(long)
        .chain(["y".repeat(60_000), "last".to_owned()])
        .collect();
    let quoted = |cell: &String| format!("x,\"{}\"\n", cell.replace('"', "\"\""));
    let delimited = format!("k,v\n{}", cells.iter().map(quoted).collect::<String>());
    let object = |cell: &String| serde_json::json!({"k": "x", "v": cell}).to_string() + "\n";
    let objects: String = cells.iter().map(object).collect();
    let expected: Vec<Vec<Option<String>>> = cells
        .into_iter()
        .map(|cell| vec![Some("x".to_owned()), Some(cell)])
        .collect();
    for source in [delimited, objects] {
        let limits = Limits::for_memory(16 * MIB);
        let chunks: Vec<&[u8]> = source.as_bytes().chunks(100_000).collect();
        let outcome = support::convert_chunks(&chunks, support::text(), limits);
        assert!(outcome.is_ok_and(|outcome| outcome.text_rows() == expected));
    }
}
