//! Files of other kinds that people send by the name of a table.

use crate::refusal::Refusal;

/// Texts of other kinds that people send by the name of a table.
pub(crate) fn check_text(sample: &str) -> Result<(), Refusal> {
    let text = sample.trim_start();
    let begins = |word: &str| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    };
    let is_tag = text.starts_with('<')
        && text[1..].starts_with(|letter: char| {
            letter.is_ascii_alphabetic() || letter == '!' || letter == '?'
        })
        && text
            .lines()
            .next()
            .is_some_and(|line| line.contains('>') && !line.contains([',', ';', '\t']));
    if begins("<!doctype html") || begins("<html") {
        return Err(Refusal::NotText {
            what: "it is a page of HTML; perhaps an error page was saved",
        });
    }
    if begins("<?xml") || is_tag {
        return Err(Refusal::NotText { what: "it is XML" });
    }
    if begins("%!PS") || begins("{\\rtf") {
        return Err(Refusal::NotText {
            what: "it is a formatted document",
        });
    }
    Ok(())
}
