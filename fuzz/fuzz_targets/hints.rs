//! Any hints are taken or refused with what would be right; and under those that are taken, any text ends in a table, whose lines
//! add up, or in a named refusal. A NUL parts the hints from the text.
#![no_main]

use consign_tabular::{
    Converter, Ended, Format, Hints, Limits, MEMORY_BYTES_MIN, OnePass, Options, Profile, Refusal,
    Step, Survey,
};
use libfuzzer_sys::fuzz_target;

fn limits() -> Limits {
    Limits::for_memory(MEMORY_BYTES_MIN)
}

fn twice(text: &[u8], options: &Options) -> Result<Profile, Refusal> {
    let mut survey = Survey::new(options.clone(), limits());
    survey.push(text)?;
    let mut converter = Converter::new(survey.finish()?)?;
    converter.push(text)?;
    Ok(converter.finish()?.profile)
}

fn once(text: &[u8], options: &Options) -> Result<Option<Profile>, Refusal> {
    let mut pass = OnePass::new(options.clone(), limits());
    if pass.push(text)? == Step::Again {
        return Ok(None);
    }
    match pass.finish()? {
        Ended::Again => Ok(None),
        Ended::Converted(converted) => Ok(Some(converted.profile)),
    }
}

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == 0) else { return };
    let Ok(json) = serde_json::from_slice(&input[..end]) else { return };
    let Ok(hints) = Hints::from_json(&json) else { return };
    assert_eq!(Hints::from_json(&serde_json::to_value(&hints).unwrap()), Ok(hints.clone()));
    let options = Options { hints, rejects: true, ..Options::default() };
    let text = &input[end + 1..];
    let twice = twice(text, &options);
    if let Ok(profile) = &twice
        && profile.format == Format::Delimited
    {
        let parts = profile.skipped_lines + profile.header_lines + profile.row_lines;
        assert_eq!(parts + profile.rejects + profile.blank_lines, profile.lines);
    }
    assert_ne!(twice, Err(Refusal::SourceChanged), "the passes differ");
    match once(text, &options) {
        Ok(None) => {}
        Ok(Some(mut profile)) => {
            profile.passes = 2;
            assert_eq!(Ok(profile), twice);
        }
        Err(refusal) => assert_eq!(Err(refusal), twice),
    }
});
