//! Cells that a spreadsheet runs when it opens the table as text.

use crate::types::cell;
use crate::types::number;

/// Whether a text may be one: it begins with what a formula begins with.
#[inline]
pub(crate) fn may_be_formula(text: &[u8]) -> bool {
    matches!(
        text.first(),
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r')
    )
}

/// Whether a spreadsheet would run it. Numbers, telephone numbers, bullets (`- item`), rules (`---`) and handles (`@name`) are
/// none: `=` counts before what a formula can begin with, `+` and `-` before a name, and each sign, `@` too, where a function or a
/// program is called.
pub(crate) fn is_formula(text: &[u8]) -> bool {
    // Spreadsheets drop these.
    let Ok(text) = std::str::from_utf8(text) else {
        return false;
    };
    let text = text.trim_start_matches(['\t', '\r', '\n']);
    let Some(sign) = text.chars().next() else {
        return false;
    };
    let rest = &text[sign.len_utf8()..];
    match sign {
        '=' => {
            let rest = rest.trim_start_matches(' ');
            rest.starts_with(|first: char| first.is_alphanumeric() || "+-@(\"'{$.".contains(first))
        }
        '+' | '-' => {
            let rest = rest.trim_start_matches(['+', '-', '=', '@']);
            let is_name = rest.starts_with(|first: char| first.is_ascii_alphabetic());
            (is_name && !is_number(text)) || calls(rest)
        }
        '@' => calls(rest),
        _ => false,
    }
}

fn is_number(text: &str) -> bool {
    let is_digits = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-., ".contains(&byte))
    };
    number::float64(text).is_some()
        || cell::split_unit(text.trim_start_matches(['+', '-']))
            .is_some_and(|(number, _)| is_digits(number))
}

/// Whether a function (`SUM(`) or a program (`cmd|…!A1`) is called.
fn calls(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_function = |pair: &[u8]| pair[0].is_ascii_alphabetic() && pair[1] == b'(';
    bytes.windows(2).any(is_function) || (text.contains('|') && text.contains('!'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_told_from_everyday_texts() {
        for text in [
            "=1+1",
            "= SUM(A1:A9)",
            "=HYPERLINK(\"http://example.com\",\"x\")",
            "\t=1+1",
            "\r\n=A1",
            "+A1",
            "-foo",
            "+SUM(1,2)",
            "-2+3+cmd|' /C calc'!A0",
            "@SUM(1+1)*cmd|' /C calc'!A0",
            "=-1",
            "+=cmd|'x'!A1",
        ] {
            assert!(may_be_formula(text.as_bytes()), "{text}");
            assert!(is_formula(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "-",
            "--",
            "---",
            "- item",
            "-- none --",
            "-5",
            "+1.5",
            "-1,234.50",
            "-5 %",
            "-5 EUR",
            "-CHF 5",
            "-inf",
            "+Infinity",
            "-1e5",
            "+49 (0)30 1234-56",
            "+49-30-1234",
            "@ada",
            "@",
            "=",
            "== title ==",
            "=> next",
            "====",
            "\ttext",
            "-€5",
            "+1 more",
            "-_-",
        ] {
            assert!(!is_formula(text.as_bytes()), "{text}");
        }
    }
}
