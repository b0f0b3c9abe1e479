//! Files that are made to exhaust whoever reads them: each ends early, in bounded memory, with a refusal by its name.
//!
//! Sources are made while they are read, and are far larger than the budget; nothing here depends on a clock.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use consign_tabular::{
    Ended, Limits, MEMORY_BYTES_DEFAULT, OnePass, Options, Refusal, Step, Survey,
};
use peak_alloc::PeakAlloc;
use support::memory::{self, MIB, PIECE_BYTES, alone, peak};
use support::{gzip, limits};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Pushes a source until it is refused: the refusal's code, its text, and how many bytes were read.
fn burst(source: impl Iterator<Item = Vec<u8>> + Clone) -> (&'static str, String, u64) {
    let _alone = alone();
    let limits = Limits::for_memory(MEMORY_BYTES_DEFAULT);
    let mut read = 0;
    let (refused, taken) = peak(&MEMORY, || {
        once(source.clone(), limits, &mut read).unwrap_or_else(|| {
            read = 0;
            survey(source, limits, &mut read)
        })
    });
    assert!(
        taken <= MEMORY_BYTES_DEFAULT,
        "{} MiB were taken",
        taken / MIB
    );
    (refused.code(), refused.detail(), read)
}

/// `None` where one pass cannot tell.
fn once(source: impl Iterator<Item = Vec<u8>>, limits: Limits, read: &mut u64) -> Option<Refusal> {
    let mut pass = OnePass::new(Options::default(), limits);
    for piece in source {
        *read += piece.len() as u64;
        match pass.push(&piece) {
            Ok(Step::Taken) => drop(pass.take_output()),
            Ok(Step::Again) => return None,
            Err(refusal) => return Some(refusal),
        }
    }
    match pass.finish() {
        Ok(Ended::Converted(_)) => unreachable!("it is refused"),
        Ok(Ended::Again) => None,
        Err(refusal) => Some(refusal),
    }
}

fn survey(source: impl Iterator<Item = Vec<u8>>, limits: Limits, read: &mut u64) -> Refusal {
    let mut survey = Survey::new(Options::default(), limits);
    for piece in source {
        *read += piece.len() as u64;
        if let Err(refusal) = survey.push(&piece) {
            return refusal;
        }
    }
    survey.finish().expect_err("it is refused")
}

/// A piece again and again, until there are so many bytes.
fn endless(piece: impl Into<Vec<u8>>, bytes: u64) -> impl Iterator<Item = Vec<u8>> + Clone {
    let piece = piece.into();
    let times = bytes / piece.len() as u64;
    (0..times).map(move |_| piece.clone())
}

/// What comes first, then a piece again and again.
fn begun(
    first: &str,
    piece: impl Into<Vec<u8>>,
    bytes: u64,
) -> impl Iterator<Item = Vec<u8>> + Clone {
    std::iter::once(first.as_bytes().to_vec()).chain(endless(piece, bytes))
}

fn zstd(text: &[u8]) -> Vec<u8> {
    zstd::stream::encode_all(text, 1).unwrap()
}

#[test]
fn gigabytes_of_zeros_in_gzip_or_zstd_end_at_the_first_bytes() {
    let zeros = vec![0; 16 << 20];
    for bomb in [gzip(&zeros), zstd(&zeros)] {
        let (code, _, read) = burst(endless(bomb.clone(), 1 << 30));
        assert_eq!(code, "not_text");
        assert!(read <= bomb.len() as u64);
    }
}

#[test]
fn gigabytes_of_rows_in_gzip_or_zstd_end_at_the_bound_of_expansion() {
    let rows = format!("{}\n", "0".repeat(1023)).repeat(16 << 10);
    for bomb in [gzip(&rows), zstd(rows.as_bytes())] {
        let (code, detail, read) = burst(endless(bomb, 1 << 30));
        assert_eq!(code, "decompressed_too_large", "{detail}");
        assert!(read <= MIB, "{read}");
    }
}

#[test]
fn an_archive_in_an_archive_is_not_opened() {
    let inner = stored("a.csv", b"a,b\n1,2\n");
    let packed = [
        stored("inner.zip", &inner),
        gzip(&inner),
        zstd(&inner),
        gzip(gzip("a,b\n1,2\n")),
        gzip(zstd(b"a,b\n1,2\n")),
    ];
    for file in packed {
        let (code, detail, _) = burst(std::iter::once(file));
        assert_eq!(code, "not_text");
        assert!(detail.contains("packed twice"), "{detail}");
    }
}

/// An archive with one file, stored as it is.
fn stored(name: &str, content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let options = options.compression_method(zip::CompressionMethod::Stored);
    writer.start_file(name, options).unwrap();
    writer.write_all(content).unwrap();
    writer.finish().unwrap().into_inner()
}

#[test]
fn a_cell_of_gigabytes_ends_at_the_bound_of_a_row() {
    let row_bytes_max = limits().row_bytes_max as u64;
    for first in [
        "a,b\n1,2\n3,",
        "",
        "a,b\n1,\"",
        "{\"a\": \"",
        "{\"a\": 1}\n{\"b\": \"",
    ] {
        let (code, detail, read) = burst(begun(first, vec![b'x'; PIECE_BYTES], 2 << 30));
        assert_eq!(code, "row_too_long", "{first}: {detail}");
        assert!(read <= row_bytes_max + MIB, "{first}: {read}");
    }
}

#[test]
fn a_quote_that_never_closes_ends_at_the_bound_of_a_row() {
    let lines = "1,2,3\n".repeat(PIECE_BYTES / 6);
    let good = "1,\"a, b\",3\n".repeat(1000);
    let first = format!("a,b,c\n{good}4,\"open");
    let (code, detail, read) = burst(begun(&first, lines, 2 << 30));
    assert_eq!(code, "row_too_long");
    assert!(
        detail.contains("line 1002") && detail.contains("quote"),
        "{detail}"
    );
    assert!(read <= limits().row_bytes_max as u64 + MIB);
}

#[test]
fn a_million_columns_are_refused_at_the_first_row() {
    for cell in [",", "a,", "\"a\",", "name;"] {
        let (code, _, read) = burst(endless(cell.repeat(100_000), 1 << 30));
        assert!(
            matches!(code, "too_many_columns" | "row_too_long"),
            "{code}"
        );
        assert!(read <= limits().row_bytes_max as u64 + MIB);
        let row = cell.repeat(1_000_000) + "\n";
        let (code, ..) = burst(endless(row, 16 * MIB));
        assert_eq!(code, "too_many_columns");
    }
    let keys: String = (0..20_000).map(|key| format!("\"k{key}\": 1,")).collect();
    let object = format!("{{{keys}\"last\": 1}}\n");
    let (code, ..) = burst(endless(object, 64 * MIB));
    assert_eq!(code, "too_many_columns");
}

#[test]
fn deep_json_is_read_without_a_stack() {
    let deep = 2_000_000;
    let open = "[".repeat(deep);
    let file = format!("{{\"a\": {open}{}}}\n", "]".repeat(deep));
    let outcome = support::convert(&file);
    assert_eq!(
        (outcome.profile.rows, outcome.types()),
        (1, vec!["text".to_owned()])
    );
    // Never closed, it ends at the bound of a row, or is no table at all.
    for (first, piece, code) in [
        ("{\"a\": ", "[", "row_too_long"),
        ("", "{\"a\":", "row_too_long"),
        ("", "[", "bad_json"),
    ] {
        let (refused, detail, read) = burst(begun(first, piece.repeat(50_000), 1 << 30));
        assert!(
            refused == code || piece == "[" && first.is_empty(),
            "{refused}: {detail}"
        );
        assert!(read <= limits().row_bytes_max as u64 + MIB);
    }
}

#[test]
fn ten_thousand_columns_are_read_within_the_budget_or_refused() {
    let columns = 10_000;
    let mut seed = 1_u64;
    let mut row = move |_| {
        let mut row = String::new();
        for column in 0..columns {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let value = seed >> 40;
            row += &match column % 3 {
                0 => value.to_string(),
                1 => format!("{}.{:02}", value % 1000, value % 100),
                _ => format!("word {}", value % 50),
            };
            row.push(if column + 1 < columns { ',' } else { '\n' });
        }
        row.into_bytes()
    };
    let names: Vec<String> = (0..columns)
        .map(|column| format!("column {column}"))
        .collect();
    let first = names.join(",") + "\n";
    let rows: Vec<Vec<u8>> = (0..50).map(&mut row).collect();
    let rows = rows.iter().cycle().take(100_000).cloned();
    let (code, detail, read) = burst(std::iter::once(first.into_bytes()).chain(rows));
    assert_eq!(code, "too_large_for_memory", "{detail}");
    assert!(read > 64 * MIB, "{read}");
}

#[test]
fn memory_does_not_grow_with_the_number_of_long_cells() {
    let _alone = alone();
    let limits = Limits::for_memory(MEMORY_BYTES_DEFAULT);
    let row = [b"1,".to_vec(), vec![b'z'; 1 << 20], b"\n".to_vec()].concat();
    let source = begun("id,text\n", row, 200 * (MIB + 3));
    let (went, taken) = peak(&MEMORY, || {
        memory::once(source, &Options::default(), limits)
    });
    let rejects = 0;
    assert_eq!(went, memory::Went::Converted { rows: 200, rejects });
    assert!(
        taken <= MEMORY_BYTES_DEFAULT,
        "{} MiB were taken",
        taken / MIB
    );
}
