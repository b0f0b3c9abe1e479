//! Strings of JSON -> text, without a copy between.

use memchr::memchr;

/// Appends what a string says that stands in quotes and is valid but for what it escapes; `false` where half of a pair of
/// UTF-16 is escaped alone, which is no letter.
pub(crate) fn append(text: &mut String, string: &str) -> bool {
    let inner = string.strip_prefix('"').unwrap_or(string);
    let mut rest = inner.strip_suffix('"').unwrap_or(inner);
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        let (plain, escape) = rest.split_at(at);
        text.push_str(plain);
        let Some((letter, behind)) = letter(escape) else {
            return false;
        };
        text.push(letter);
        rest = behind;
    }
    text.push_str(rest);
    true
}

/// The letter that a text begins with, escaped, and what is behind it.
fn letter(escape: &str) -> Option<(char, &str)> {
    let letter = match escape.as_bytes().get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        b'u' => return by_number(escape),
        letter @ (b'"' | b'\\' | b'/') => char::from(*letter),
        _ => return None,
    };
    Some((letter, &escape[2..]))
}

/// `\u00e9`, or two of these.
fn by_number(escape: &str) -> Option<(char, &str)> {
    let (high, behind) = unit(escape)?;
    if !(0xD800..0xDC00).contains(&high) {
        return Some((char::from_u32(high.into())?, behind));
    }
    let (low, behind) = unit(behind)?;
    Some((char::decode_utf16([high, low]).next()?.ok()?, behind))
}

/// A number of UTF-16, escaped.
fn unit(escape: &str) -> Option<(u16, &str)> {
    let digits = escape.strip_prefix("\\u")?;
    let (digits, behind) = digits.split_at_checked(4)?;
    let are_digits = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    let number = u16::from_str_radix(digits, 16).ok();
    number.filter(|_| are_digits).map(|number| (number, behind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    use super::append;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn strings_are_what_the_library_reads(
            parts in prop::collection::vec(prop_oneof![
                "[a\u{e9}\u{1f600}/ ]{0,3}",
                r#"\\["\\/bfnrtx]"#,
                r"\\u(00e9|d83d|D83D|de00|DE00|dfff|0000|ffff|12)",
                r"\\ud83d\\ude00",
            ], 0..8),
        ) {
            let string = format!("\"{}\"", parts.concat());
            // The caller has what the library passes over.
            if serde_json::from_str::<&RawValue>(&string).is_ok() {
                let mut text = "before".to_owned();
                let read = append(&mut text, &string).then(|| text["before".len()..].to_owned());
                prop_assert_eq!(read, serde_json::from_str::<String>(&string).ok());
            }
        }
    }
}
