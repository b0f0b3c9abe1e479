//! Any bytes end in a table or a named refusal, whatever chunks they come in: rows in are rows out and rejects, and the
//! chunks make no difference. The first byte is the length of a chunk.
#![no_main]

use consign_tabular::{Converter, Limits, MEMORY_BYTES_MIN, Options, Refusal, Survey};
use libfuzzer_sys::fuzz_target;

/// Parquet, rows, rejects.
fn convert(bytes: &[u8], chunk: usize) -> Result<(Vec<u8>, u64, u64), Refusal> {
    let mut survey = Survey::new(Options::default(), Limits::for_memory(MEMORY_BYTES_MIN));
    bytes.chunks(chunk).try_for_each(|chunk| survey.push(chunk))?;
    let plan = survey.finish()?;
    let counted = (plan.rows(), plan.rejects());
    let mut converter = Converter::new(plan)?;
    let mut parquet = Vec::new();
    for chunk in bytes.chunks(chunk) {
        converter.push(chunk)?;
        parquet.extend(converter.take_output());
    }
    let converted = converter.finish()?;
    parquet.extend(converted.tail);
    let profile = converted.profile;
    assert_eq!(counted, (profile.rows, profile.rejects), "the passes differ");
    assert_eq!(profile.parquet_bytes, parquet.len() as u64);
    Ok((parquet, profile.rows, profile.rejects))
}

fuzz_target!(|input: &[u8]| {
    let Some((chunk, bytes)) = input.split_first() else { return };
    assert_eq!(convert(bytes, usize::from(*chunk).max(1)), convert(bytes, bytes.len().max(1)));
});
