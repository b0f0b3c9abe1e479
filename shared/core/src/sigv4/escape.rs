//! Percent-encoding as SigV4 wants it (RFC 3986 unreserved characters stay, hexadecimal in capitals), and the
//! table of byte classes that encoding and checking share.

/// Stays as it is in a path and in a query.
const UNRESERVED: u8 = 1;
/// `/`: stays as it is in a path.
const SLASH: u8 = 2;
/// Control bytes, of which no name, value or key may hold any.
const CONTROL: u8 = 4;
/// May stand in a header's name (RFC 9110, section 5.6.2).
const TOKEN: u8 = 8;

static CLASS: [u8; 256] = {
    let mut class = [0u8; 256];
    let mut byte = 0usize;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~') {
            class[byte] |= UNRESERVED;
        }
        if b == b'/' {
            class[byte] |= SLASH;
        }
        if b.is_ascii_control() {
            class[byte] |= CONTROL;
        }
        if b.is_ascii_alphanumeric()
            || matches!(b, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
        {
            class[byte] |= TOKEN;
        }
        byte += 1;
    }
    class
};

/// `%00%01…%FF`.
static ESCAPES: [u8; 768] = {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = [b'%'; 768];
    let mut byte = 0;
    while byte < 256 {
        text[3 * byte + 1] = DIGITS[byte >> 4];
        text[3 * byte + 2] = DIGITS[byte & 15];
        byte += 1;
    }
    text
};

/// What of a text stays as it is when it is encoded.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    /// Unreserved characters: for names and values of a query.
    Unreserved,
    /// Those and `/`: for paths.
    Path,
}

impl Keep {
    const fn mask(self) -> u8 {
        match self {
            Self::Unreserved => UNRESERVED,
            Self::Path => UNRESERVED | SLASH,
        }
    }
}

/// Bytes of `text` once encoded.
pub(super) fn escaped_len(text: &str, keep: Keep) -> usize {
    let mask = keep.mask();
    text.len()
        + 2 * text
            .bytes()
            .filter(|&byte| CLASS[usize::from(byte)] & mask == 0)
            .count()
}

/// Appends `text`, encoded.
pub(super) fn escape(text: &str, keep: Keep, into: &mut Vec<u8>) {
    let mask = keep.mask();
    let mut rest = text.as_bytes();
    // Runs that stay are copied whole: keys and values are mostly that.
    while let Some(stop) = rest
        .iter()
        .position(|&byte| CLASS[usize::from(byte)] & mask == 0)
    {
        into.extend_from_slice(&rest[..stop]);
        let at = 3 * usize::from(rest[stop]);
        into.extend_from_slice(&ESCAPES[at..at + 3]);
        rest = &rest[stop + 1..];
    }
    into.extend_from_slice(rest);
}

/// Appends `name` in lower case, encoded.
pub(super) fn escape_lower(name: &str, into: &mut Vec<u8>) {
    let stays = |byte: u8| CLASS[usize::from(byte)] & UNRESERVED != 0;
    if name
        .bytes()
        .all(|byte| stays(byte) && !byte.is_ascii_uppercase())
    {
        return into.extend_from_slice(name.as_bytes());
    }
    for byte in name.bytes().map(|byte| byte.to_ascii_lowercase()) {
        if stays(byte) {
            into.push(byte);
        } else {
            let at = 3 * usize::from(byte);
            into.extend_from_slice(&ESCAPES[at..at + 3]);
        }
    }
}

/// Decodes percent-encoding; `None` where it is malformed or the result is not UTF-8. `+` stays a plus.
pub(super) fn unescape(text: &str) -> Option<String> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        if first == b'%' {
            let (high, low) = (
                after.first().and_then(digit)?,
                after.get(1).and_then(digit)?,
            );
            bytes.push(u8::try_from(high * 16 + low).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

/// Whether a control byte (0–31 or 127) is in `text`.
pub(super) fn has_control(text: &str) -> bool {
    text.bytes()
        .fold(0, |seen, byte| seen | CLASS[usize::from(byte)])
        & CONTROL
        != 0
}

/// Whether `name` is a token of RFC 9110, section 5.6.2.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| CLASS[usize::from(byte)] & TOKEN != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, keep: Keep) -> String {
        let mut bytes = Vec::new();
        escape(text, keep, &mut bytes);
        assert_eq!(bytes.len(), escaped_len(text, keep));
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(escaped("aZ09-._~", Keep::Unreserved), "aZ09-._~");
        assert_eq!(
            escaped("a b+c/d%é", Keep::Unreserved),
            "a%20b%2Bc%2Fd%25%C3%A9"
        );
        assert_eq!(escaped("a/b c//", Keep::Path), "a/b%20c//");
        assert_eq!(escaped("", Keep::Path), "");
    }

    #[test]
    fn names_are_lowered_before_they_are_encoded() {
        let mut bytes = Vec::new();
        escape_lower("X-Amz+a", &mut bytes);
        escape_lower("b-c", &mut bytes);
        assert_eq!(bytes, b"x-amz%2Bab-c");
    }

    #[test]
    fn unescape_undoes_escape_and_refuses_what_is_malformed() {
        let text = "a b+c/d%é\u{1F600}";
        assert_eq!(
            unescape(&escaped(text, Keep::Unreserved)).as_deref(),
            Some(text)
        );
        for bad in ["%", "%2", "%zz", "%ff", "a%c3"] {
            assert_eq!(unescape(bad), None, "{bad}");
        }
    }

    #[test]
    fn tokens_are_those_of_rfc_9110() {
        let tokens: String = (0..=127u8)
            .map(char::from)
            .filter(|c| is_token(&c.to_string()))
            .collect();
        let wanted =
            "!#$%&'*+-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ^_`abcdefghijklmnopqrstuvwxyz|~";
        assert_eq!(tokens, wanted);
        assert!(!is_token("") && !is_token("é"));
    }

    #[test]
    fn control_bytes_are_seen() {
        assert!(has_control("a\u{0}") && has_control("\u{7f}") && has_control("a\tb"));
        assert!(!has_control("a b é"));
    }
}
