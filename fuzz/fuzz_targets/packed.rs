//! Any bytes behind the beginning of an archive or a workbook end in a table or a named refusal, whatever chunks they come in.
//! The first byte chooses the container, the second is the length of a chunk.
#![no_main]

use consign_tabular::{Converter, Limits, MEMORY_BYTES_MIN, Options, Refusal, Survey};
use libfuzzer_sys::fuzz_target;

/// How gzip, zstd, ZIP and a workbook begin; or nothing, where the input is to find it out.
const BEGINNINGS: [&[u8]; 5] = [
    b"",
    b"\x1F\x8B\x08\0\0\0\0\0\0\x03",
    b"\x28\xB5\x2F\xFD",
    b"PK\x03\x04",
    b"PK\x03\x04\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xml",
];

/// Rows and rejects.
fn convert(bytes: &[u8], chunk: usize) -> Result<(u64, u64), Refusal> {
    let mut limits = Limits::for_memory(MEMORY_BYTES_MIN);
    limits.text_bytes_max = 1 << 20;
    let mut survey = Survey::new(Options::default(), limits);
    bytes.chunks(chunk).try_for_each(|chunk| survey.push(chunk))?;
    let mut converter = Converter::new(survey.finish()?)?;
    for chunk in bytes.chunks(chunk) {
        converter.push(chunk)?;
        drop(converter.take_output());
    }
    let profile = converter.finish()?.profile;
    Ok((profile.rows, profile.rejects))
}

fuzz_target!(|input: &[u8]| {
    let [container, chunk, bytes @ ..] = input else { return };
    let beginning = BEGINNINGS[usize::from(*container) % BEGINNINGS.len()];
    let file = [beginning, bytes].concat();
    let whole = convert(&file, file.len().max(1));
    assert_eq!(convert(&file, usize::from(*chunk).max(1)).is_ok(), whole.is_ok());
});
