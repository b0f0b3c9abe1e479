//! Every refusal, by the file that earns it.

mod support;

use consign_tabular::{Converter, Limits, MEMORY_BYTES_MIN, Options, Refusal, Survey};
use support::{convert, convert_chunks, convert_with, gzip, limits, refusal};

fn refused(source: impl AsRef<[u8]>, code: &str) -> String {
    let refusal = refusal(source);
    assert_eq!(refusal.code(), code);
    refusal.detail()
}

#[test]
fn a_file_without_rows_is_empty() {
    for file in ["", "\n\r\n\r", "\u{feff}"] {
        refused(file, "empty_file");
    }
    refused(gzip(""), "empty_file");
}

#[test]
fn binary_files_are_not_text() {
    refused(b"a,b\n1,\0\n", "not_text");
    let workbook = [
        b"PK\x03\x04\x14\0\0\0\x08\0".as_slice(),
        &[0; 16],
        b"\x13\0\0\0[Content_Types].xml",
    ]
    .concat();
    // Where workbooks are read, this one is damaged.
    if cfg!(feature = "xlsx") {
        refused(workbook, "bad_zip");
    } else {
        assert!(refused(workbook, "not_text").contains("workbook"));
    }
    refused(b"PAR1\x15\x04", "not_text");
}

#[test]
fn other_compression_and_encoding_is_named() {
    assert!(refused(b"BZh91AY", "unsupported_compression").contains("bzip2"));
    assert!(refused(b"\xFF\xFE\0\0a\0\0\0", "unsupported_encoding").contains("UTF-32"));
}

#[test]
fn bytes_that_are_no_utf8_are_named_by_line() {
    assert!(refused(b"a,b\n1,x\n2,\xCF\xF0\xE8\n", "not_utf8").contains("Line 3"));
    assert!(refused(b"a,b\r1,x\r2,\xE2\x82", "not_utf8").contains("Line 3"));
    refused(b"\xFF\xFEa\0\n", "not_utf16");
    refused(b"\xFF\xFEa\0\n\0\x00\xDC1\0", "not_utf16");
    refused(b"\xFF\xFEa\0\n\0\x00\xD8", "not_utf16");
}

#[test]
fn damaged_gzip_is_refused() {
    let whole = gzip("a,b\n1,2\n".repeat(1000));
    refused(&whole[..whole.len() / 2], "bad_gzip");
    refused(&whole[..whole.len() - 1], "bad_gzip");
    refused([&whole[..], b"garbage behind it"].concat(), "bad_gzip");
    let mut flipped = whole.clone();
    let at = flipped.len() - 6;
    flipped[at] ^= 1;
    refused(&flipped, "bad_gzip");
    refused(b"\x1F\x8B", "bad_gzip");
    // What it unpacks to before the damage is found out is no text, which is not its sender's fault.
    let mut rows = String::from("id,amount,city\n");
    for row in 0..20_000 {
        rows += &format!("{row},{}.5,Vienna {}\n", row * 7919 % 10_007, row % 31);
    }
    let whole = gzip(rows);
    for (at, byte) in (1..40).zip([0xFF, 0x00, 0xA5].into_iter().cycle()) {
        let mut damaged = whole.clone();
        let from = whole.len() / 41 * at;
        damaged[from..from + 8].fill(byte);
        refused(damaged, "bad_gzip");
    }
}

#[test]
fn damaged_zstd_and_zip_are_refused() {
    refused(b"\x28\xB5\x2F\xFD\x00\x00", "bad_zstd");
    refused(b"PK\x03\x04\x14\x00", "bad_zip");
}

#[test]
fn text_that_outgrows_its_bound_is_refused() {
    let mut limits = limits();
    limits.text_bytes_max = 1000;
    let file = gzip("a,b\n".repeat(1000));
    let refusal = convert_chunks(&[&file], Options::default(), limits).unwrap_err();
    assert_eq!(refusal, Refusal::TextTooLarge { limit_bytes: 1000 });
}

#[test]
fn a_gzip_bomb_is_refused() {
    let line = format!("{}\n", "0".repeat(1023));
    let bomb = gzip(line.repeat(80 * 1024));
    assert!(bomb.len() < 1 << 20);
    refused(bomb, "decompressed_too_large");
}

#[test]
fn a_row_that_is_too_long_is_refused_before_it_is_held() {
    let mut limits = limits();
    limits.row_bytes_max = 1000;
    for row in [
        format!("1,{}", "x".repeat(2000)),
        format!("1,\"{}", "x\n".repeat(2000)),
    ] {
        let file = format!("a,b\n1,2\n{row}\n");
        for size in [1, 7, 100_000] {
            let chunks: Vec<&[u8]> = file.as_bytes().chunks(size).collect();
            let refusal = convert_chunks(&chunks, Options::default(), limits).unwrap_err();
            assert_eq!(
                refusal,
                Refusal::RowTooLong {
                    line: 3,
                    limit_bytes: 1000
                }
            );
        }
    }
}

#[test]
fn an_open_quote_is_refused() {
    let rows = "1,\"x, y\"\n".repeat(20);
    assert!(refused(format!("a,b\n{rows}3,\"x\n4,5\n"), "unterminated_quote").contains("line 22"));
}

#[test]
fn too_many_columns_are_refused() {
    assert!(refused(",".repeat(10_000), "too_many_columns").contains("10001"));
    assert_eq!(convert(",".repeat(9_999)).profile.columns.len(), 10_000);
}

#[test]
fn a_header_that_cannot_be_read_is_refused() {
    let rows = "\"1, 2\",x\n".repeat(20);
    refused(format!("\"a\"b,c\n{rows}"), "bad_header");
}

#[test]
fn a_file_of_mostly_rejected_rows_is_refused() {
    let detail = refused("a,b\n1\n2\n3,4\n", "too_many_rejects");
    assert_eq!(
        detail,
        "2 of 3 lines do not fit; the first: The row in line 2 has 1 field, the table has 2."
    );
    assert_eq!(convert("a,b\n1\n3,4\n").profile.rejects, 1);
    // A few of a small file are reported; of a larger one a tenth is the most.
    let rows =
        |good: usize, bad: usize| format!("a,b\n{}{}", "1,2\n".repeat(good), "1\n".repeat(bad));
    assert_eq!(convert(rows(20, 9)).profile.rejects, 9);
    assert_eq!(convert(rows(900, 100)).profile.rejects, 100);
    refused(rows(899, 101), "too_many_rejects");
}

#[test]
fn tables_whose_footer_outgrows_the_budget_are_refused() {
    let columns = 10_000;
    let row = |seed: u64| {
        let cell = |column: u64| {
            format!(
                "{:x}g",
                (seed * columns + column).wrapping_mul(0x9E37_79B9_7F4A_7C15)
            )
        };
        (0..columns).map(cell).collect::<Vec<_>>().join(",") + "\n"
    };
    let mut survey = Survey::new(Options::default(), Limits::for_memory(MEMORY_BYTES_MIN));
    let rows: Vec<String> = (0..200).map(row).collect();
    rows.iter()
        .try_for_each(|row| survey.push(row.as_bytes()))
        .unwrap();
    let mut converter = Converter::new(survey.finish().unwrap()).unwrap();
    let refusal = rows
        .iter()
        .try_for_each(|row| converter.push(row.as_bytes()))
        .unwrap_err();
    assert_eq!(refusal.code(), "too_large_for_memory");
}

#[test]
fn a_source_that_changes_between_the_passes_is_refused() {
    let plan = |source: &str| {
        let mut survey = Survey::new(Options::default(), limits());
        survey.push(source.as_bytes()).unwrap();
        survey.finish().unwrap()
    };
    let second = |source: &str| {
        let mut converter = Converter::new(plan("a,b\n1,x\n2,y\n")).unwrap();
        converter.push(source.as_bytes())?;
        converter.finish()
    };
    assert!(second("a,b\n1,x\n2,y\n").is_ok());
    for changed in [
        "a,b\n1,x\n2,z\n",
        "a,b\n1,x\n",
        "a,b\n1,x\nq,y\n",
        "a,b,c\n1,x,1\n",
        "",
        "b,a\n1,x\n2,y\n",
    ] {
        let refusal = second(changed).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.is_transient()),
            ("source_changed", true),
            "{changed:?}"
        );
    }
}

#[test]
fn a_refusal_holds_nothing_of_the_file() {
    let detail = refused("secret_name,b\n1\nsecret_cell\n1,2\n", "too_many_rejects");
    assert!(!detail.contains("secret"));
    assert!(convert_with("a\n1\n", Options::default()).is_ok());
}

#[test]
fn a_checksum_that_is_wrong_behind_what_is_no_text_tells_of_damage() {
    let mut text = String::from("id,amount,name\n");
    for row in 0..20_000 {
        text += &format!("{row},{row}.5,\"name, {row}\"\n");
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, text.as_bytes()).unwrap();
    let mut damaged = encoder.finish().unwrap();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8].fill(0xFF);
    refused(&damaged, "bad_gzip");
    let once = support::convert_once(&[&damaged], Options::default(), limits());
    assert_eq!(once.unwrap_err().code(), "bad_gzip");
    // A text that is whole is what it is.
    refused(gzip(b"a,b\n1,x\n2,\xCF\xF0\xE8\n"), "not_utf8");
}
