//! Any bytes end in a table or a named refusal, whatever chunks they come in: rows in are rows out and rejects, the chunks
//! make no difference, and one pass gives what two give. The first byte is the length of a chunk.
#![no_main]

use consign_tabular::{
    Converter, Ended, Limits, MEMORY_BYTES_MIN, OnePass, Options, Refusal, Step, Survey,
};
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

/// The same in one pass; `None` where that is not enough.
fn convert_once(bytes: &[u8]) -> Result<Option<(Vec<u8>, u64, u64)>, Refusal> {
    let mut pass = OnePass::new(Options::default(), Limits::for_memory(MEMORY_BYTES_MIN));
    if pass.push(bytes)? == Step::Again {
        return Ok(None);
    }
    let mut parquet = pass.take_output();
    let Ended::Converted(converted) = pass.finish()? else { return Ok(None) };
    parquet.extend(converted.tail);
    Ok(Some((parquet, converted.profile.rows, converted.profile.rejects)))
}

fuzz_target!(|input: &[u8]| {
    let Some((chunk, bytes)) = input.split_first() else { return };
    let converted = convert(bytes, bytes.len().max(1));
    assert_eq!(convert(bytes, usize::from(*chunk).max(1)), converted);
    match convert_once(bytes) {
        Ok(None) => {}
        once => assert_eq!(once, converted.map(Some)),
    }
});
