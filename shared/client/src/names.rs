//! Makes file names from a server safe for the local file system.

/// The longest file name, in bytes: what common file systems allow, with room for `.part`.
const NAME_BYTES_MAX: usize = 240;

/// Names that Windows reserves, with any extension.
const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// Returns a plain file name from one that a server sent: no folder, not hidden, no character that a terminal or file
/// system would misinterpret. `fallback` (an id) is used if nothing is left.
pub fn safe_file_name(given: &str, fallback: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let replaced: String = last
        .chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .map(|c| {
            if matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*') {
                '_'
            } else {
                c
            }
        })
        .collect();
    let trimmed = replaced.trim_matches(|c: char| c == '.' || c.is_whitespace());
    if trimmed.is_empty() {
        return if fallback.is_empty() {
            "file".to_owned()
        } else {
            safe_file_name(fallback, "")
        };
    }
    let stem = trimmed
        .split('.')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let is_reserved = RESERVED.contains(&stem.trim_end_matches(|c: char| c.is_ascii_digit()));
    let name = if is_reserved {
        format!("_{trimmed}")
    } else {
        trimmed.to_owned()
    };
    shorten(&name)
}

/// Whether the character reorders or hides text, so that a name could disguise its extension.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Shortens the stem and keeps the extension.
fn shorten(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => (stem, format!(".{extension}")),
        Some(_) | None => (name, String::new()),
    };
    let mut end = stem.len().min(NAME_BYTES_MAX - extension.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &stem[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_name_is_kept() {
        assert_eq!(safe_file_name("Umsätze 2025.csv", "id"), "Umsätze 2025.csv");
    }

    #[test]
    fn folders_and_dots_cannot_escape() {
        assert_eq!(safe_file_name("../../etc/passwd", "id"), "passwd");
        assert_eq!(safe_file_name("C:\\Windows\\evil.exe", "id"), "evil.exe");
        assert_eq!(safe_file_name("..", "id"), "id");
        assert_eq!(safe_file_name(".bashrc", "id"), "bashrc");
        assert_eq!(safe_file_name("", ""), "file");
    }

    #[test]
    fn control_bytes_and_reordering_marks_are_dropped() {
        assert_eq!(
            safe_file_name("a\u{1b}[31m\n\u{202e}b.csv", "id"),
            "a[31mb.csv"
        );
        assert_eq!(safe_file_name("a:b?.csv", "id"), "a_b_.csv");
    }

    #[test]
    fn reserved_names_are_prefixed() {
        assert_eq!(safe_file_name("NUL.txt", "id"), "_NUL.txt");
        assert_eq!(safe_file_name("com1", "id"), "_com1");
        assert_eq!(safe_file_name("common.csv", "id"), "common.csv");
    }

    #[test]
    fn a_long_name_keeps_its_extension() {
        let name = safe_file_name(&format!("{}.parquet", "ü".repeat(300)), "id");
        assert!(name.len() <= NAME_BYTES_MAX && name.ends_with("ü.parquet"));
    }
}
