//! Percent-encoding as SigV4 defines it (RFC 3986 unreserved characters are kept, hexadecimal is upper case), and the
//! table of byte classes that encoding and checks share.

use percent_encoding::percent_decode_str;

/// Kept in paths and queries.
const UNRESERVED: u8 = 1;
/// `/`: kept in paths.
const SLASH: u8 = 2;
/// Allowed in a header name (RFC 9110, section 5.6.2).
const TOKEN: u8 = 4;

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
const ESCAPES: &str = match std::str::from_utf8(&ESCAPES_BYTES) {
    Ok(text) => text,
    Err(_) => "",
};

const ESCAPES_BYTES: [u8; 768] = {
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

/// Which characters are kept when a text is encoded.
#[derive(Clone, Copy)]
pub(super) enum Keep {
    /// Unreserved characters: for the names and values of a query.
    Unreserved,
    /// Unreserved characters and `/`: for paths.
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

/// Whether any pair of bytes at the same position of two texts of equal length is `odd`.
#[inline(always)]
pub(super) fn any_pair(
    first: &[u8],
    second: &[u8],
    is_odd: impl Fn(u8, u8) -> bool + Copy,
) -> bool {
    any_by_chunk::<16>(first, second, is_odd)
        .or_else(|| any_by_chunk::<8>(first, second, is_odd))
        .unwrap_or_else(|| {
            let pairs = first.iter().zip(second);
            pairs.fold(false, |odd, (&a, &b)| odd | is_odd(a, b))
        })
}

/// Returns chunks of `LANES` bytes, which the compiler vectorises; `None` for shorter texts. The last chunk overlaps
/// the one before it if the length is not a multiple: half as many instructions as one byte at a time.
#[inline(always)]
fn any_by_chunk<const LANES: usize>(
    first: &[u8],
    second: &[u8],
    is_odd: impl Fn(u8, u8) -> bool,
) -> Option<bool> {
    let (first_end, second_end) = (first.last_chunk()?, second.last_chunk()?);
    let (firsts, seconds) = (first.as_chunks().0, second.as_chunks().0);
    let mut odd = [0u8; LANES];
    for chunk in 0..=firsts.len() {
        let first: &[u8; LANES] = firsts.get(chunk).unwrap_or(first_end);
        let second: &[u8; LANES] = seconds.get(chunk).unwrap_or(second_end);
        for ((odd, &a), &b) in odd.iter_mut().zip(first).zip(second) {
            *odd |= u8::from(is_odd(a, b));
        }
    }
    Some(odd != [0; LANES])
}

/// Whether any byte is `odd`.
#[inline(always)]
pub(super) fn any_byte(text: &str, is_odd: impl Fn(u8) -> bool + Copy) -> bool {
    any_pair(text.as_bytes(), text.as_bytes(), |byte, _| is_odd(byte))
}

/// Returns how many bytes of `text` are encoded. Most texts have none, which arithmetic finds faster than the table.
#[inline(never)]
fn escapes(text: &str, keep: Keep) -> usize {
    let slash = match keep {
        Keep::Unreserved => b'.',
        Keep::Path => b'/',
    };
    let is_escaped = |byte: u8| {
        let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
        // `-`, `.`, `/` and the digits are consecutive.
        let is_digit_or_mark = (byte.wrapping_sub(b'-') < 13) & ((byte != b'/') | (byte == slash));
        !(is_letter | is_digit_or_mark | (byte == b'_') | (byte == b'~'))
    };
    if any_byte(text, is_escaped) {
        text.bytes().filter(|&byte| is_escaped(byte)).count()
    } else {
        0
    }
}

/// A text to encode, with its encoded length.
#[derive(Clone, Copy)]
pub(super) struct Escaped<'a> {
    text: &'a str,
    keep: Keep,
    escapes: usize,
}

impl<'a> Escaped<'a> {
    /// Computes the encoded length.
    pub(super) fn new(text: &'a str, keep: Keep) -> Self {
        Self {
            text,
            keep,
            escapes: escapes(text, keep),
        }
    }

    /// Whether the text is its own encoding.
    pub(super) fn is_plain(self) -> bool {
        self.escapes == 0
    }

    /// The length once encoded, in bytes.
    pub(super) fn len(self) -> usize {
        self.text.len() + 2 * self.escapes
    }

    /// Appends the encoded text.
    #[inline]
    pub(super) fn write(self, into: &mut String) {
        if self.is_plain() {
            into.push_str(self.text);
        } else {
            self.write_escapes(into);
        }
    }

    #[cold]
    fn write_escapes(self, into: &mut String) {
        for byte in self.text.bytes() {
            escape_byte(byte, self.keep, into);
        }
    }
}

/// Returns the length of `text` once encoded, in bytes.
pub(super) fn escaped_len(text: &str, keep: Keep) -> usize {
    Escaped::new(text, keep).len()
}

/// Appends `text`, encoded.
pub(super) fn escape(text: &str, keep: Keep, into: &mut String) {
    Escaped::new(text, keep).write(into);
}

/// Returns `text`, encoded.
pub(super) fn escaped(text: &str, keep: Keep) -> String {
    let mut encoded = String::new();
    escape(text, keep, &mut encoded);
    encoded
}

fn escape_byte(byte: u8, keep: Keep, into: &mut String) {
    if CLASS[usize::from(byte)] & keep.mask() != 0 {
        into.push(char::from(byte));
    } else {
        let at = 3 * usize::from(byte);
        into.push_str(&ESCAPES[at..at + 3]);
    }
}

/// Appends `name` in lower case, encoded.
#[cold]
pub(super) fn escape_lower(name: &str, into: &mut String) {
    for byte in name.bytes() {
        escape_byte(byte.to_ascii_lowercase(), Keep::Unreserved, into);
    }
}

/// Decodes percent-encoding; `None` if it is malformed or the result is not UTF-8. `+` is kept.
pub(super) fn unescape(text: &str) -> Option<String> {
    // The crate leaves a `%` without two digits as it stands.
    let is_escape = |after: &str| {
        let digits = after.as_bytes().get(..2);
        digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// Whether `text` contains a control byte (0–31 or 127).
#[inline(never)]
pub(super) fn has_control(text: &str) -> bool {
    any_byte(text, |byte| (byte < b' ') | (byte == 0x7f))
}

/// Whether `name` is a token of RFC 9110, section 5.6.2.
#[cold]
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| CLASS[usize::from(byte)] & TOKEN != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_and_encoding_agree_on_every_byte() {
        for keep in [Keep::Unreserved, Keep::Path] {
            for byte in 0..=127u8 {
                let table = usize::from(CLASS[usize::from(byte)] & keep.mask() == 0);
                assert_eq!(
                    escapes(&char::from(byte).to_string(), keep),
                    table,
                    "{byte}"
                );
            }
            assert_eq!(escapes(&"é".repeat(200), keep), 400);
        }
    }

    #[test]
    fn only_unreserved_characters_stay() {
        assert_eq!(escaped_len("a b/é", Keep::Path), "a%20b/%C3%A9".len());
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
        let mut encoded = String::new();
        escape_lower("X-Amz+a", &mut encoded);
        escape_lower("B-c", &mut encoded);
        assert_eq!(encoded, "x-amz%2Bab-c");
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
