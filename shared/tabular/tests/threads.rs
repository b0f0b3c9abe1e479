//! A second thread changes nothing of what is written.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::fmt::Write as _;

use consign_tabular::{Hints, Limits, MEMORY_BYTES_DEFAULT, MEMORY_BYTES_MIN, Options};
use support::{Outcome, convert_chunks, convert_once};

/// Rows of every kind of column: many pages of them, with rows that are rejected, and a few that are long.
fn table(rows: u64) -> String {
    let mut text = "id,day,moment,amount,ratio,flag,word,note\n".to_owned();
    let mut seed = 7_u64;
    for row in 0..rows {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (high, day) = (seed >> 40, 1 + seed % 28);
        let null = if high % 11 == 0 { "" } else { "true" };
        write!(
            text,
            "{row},2024-05-{day:02},2024-05-{day:02}T10:00:{day:02},"
        )
        .unwrap();
        write!(text, "{high}.{day:02},0.{seed}1,{null},w{},", high % 400).unwrap();
        match row % 5000 {
            99 => text.push_str("too,many,fields\n"),
            4999 => writeln!(text, "{}", "long ".repeat(40_000)).unwrap(),
            _ => writeln!(text, "\"say \"\"{seed:x}\"\", {high:x}\"").unwrap(),
        }
    }
    text
}

fn converted(text: &str, (options, limits): (&Options, Limits), chunk: usize) -> [Outcome; 2] {
    let chunks: Vec<&[u8]> = text.as_bytes().chunks(chunk).collect();
    let once = convert_once(&chunks, options.clone(), limits).unwrap();
    let twice = convert_chunks(&chunks, options.clone(), limits).unwrap();
    [once.unwrap(), twice]
}

#[test]
fn two_threads_write_what_one_writes() {
    let text = table(60_000);
    let nulls = Hints::from_json(&serde_json::json!({
        "null_values": ["w7"],
        "columns": { "id": "int64" },
    }));
    for (hints, memory_bytes, chunk) in [
        (Hints::default(), MEMORY_BYTES_DEFAULT, 256 * 1024),
        (Hints::default(), MEMORY_BYTES_MIN, 10_000),
        (nulls.unwrap(), MEMORY_BYTES_MIN, 1 << 20),
    ] {
        let limits = Limits::for_memory(memory_bytes);
        let one = Options {
            hints,
            rejects: true,
            ..Options::default()
        };
        let two = Options {
            two_threads: true,
            ..one.clone()
        };
        let expected = converted(&text, (&one, limits), 100_000);
        let found = converted(&text, (&two, limits), chunk);
        assert!(expected == found);
        assert!(found[0].profile.rejects > 0 && found[0].parquet == found[1].parquet);
    }
}
