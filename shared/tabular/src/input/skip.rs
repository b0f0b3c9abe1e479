//! Lines at the beginning of a text that are not looked at.

/// Passes over so many lines.
pub(crate) struct Skip {
    left: u64,
    /// A carriage return ended a line: a line feed behind it belongs to it.
    after_return: bool,
}

impl Skip {
    pub(crate) fn new(lines: u64) -> Self {
        Self {
            left: lines,
            after_return: false,
        }
    }

    /// Lines that have not come yet.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// What of the text is behind the lines.
    pub(crate) fn pass<'a>(&mut self, text: &'a str) -> &'a str {
        if self.left == 0 && !self.after_return {
            return text;
        }
        let mut at = 0;
        let bytes = text.as_bytes();
        while let Some(byte) = bytes.get(at) {
            if std::mem::take(&mut self.after_return) && *byte == b'\n' {
                at += 1;
                continue;
            }
            if self.left == 0 {
                break;
            }
            let Some(end) = memchr::memchr2(b'\n', b'\r', &bytes[at..]) else {
                at = bytes.len();
                break;
            };
            self.after_return = bytes[at + end] == b'\r';
            self.left -= 1;
            at += end + 1;
        }
        &text[at..]
    }
}

#[cfg(test)]
mod tests {
    use super::Skip;

    #[test]
    fn lines_end_alike_however_the_text_is_cut() {
        let text = "a\r\nb\rc\n\nd\r\ne";
        let behind = [
            "b\rc\n\nd\r\ne",
            "c\n\nd\r\ne",
            "\nd\r\ne",
            "d\r\ne",
            "e",
            "",
        ];
        for (lines, behind) in (1..).zip(behind) {
            for piece in 1..text.len() {
                let mut skip = Skip::new(lines);
                let mut left = String::new();
                let mut rest = text;
                while !rest.is_empty() {
                    let (first, others) = rest.split_at(piece.min(rest.len()));
                    left += skip.pass(first);
                    rest = others;
                }
                assert_eq!(left, behind, "{lines} {piece}");
                assert_eq!(skip.left(), lines.saturating_sub(5));
            }
        }
    }
}
