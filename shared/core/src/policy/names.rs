//! File names and media types of downloads, in headers that are safe in a browser.

use std::fmt::Write;

use crate::policy::types::essence;

/// What a browser does with a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentDisposition {
    /// Save it. The default (invariant 15).
    Attachment,
    /// Show it.
    Inline,
}

/// Builds a `Content-Disposition` value (RFC 6266) with an ASCII fallback and, if the name requires it, `filename*`
/// in UTF-8 (RFC 8187). Any file name is safe: quotes, control characters and separators are replaced or encoded.
pub fn content_disposition(filename: &str, disposition: ContentDisposition) -> String {
    let kind = match disposition {
        ContentDisposition::Attachment => "attachment",
        ContentDisposition::Inline => "inline",
    };
    // `%` is replaced too, since some browsers decode it in the plain form (RFC 6266, appendix D).
    let plain =
        |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '/' | '%' | ';');
    let fallback: String = filename
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    let mut value = format!("{kind}; filename=\"{fallback}\"");
    if fallback != filename {
        value.push_str("; filename*=UTF-8''");
        let clean: String = filename.chars().filter(|c| !c.is_control()).collect();
        for byte in clean.bytes() {
            // attr-char of RFC 8187, section 3.2.1.
            if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
                value.push(char::from(byte));
            } else {
                // Writing to a `String` cannot fail.
                let _ = write!(value, "%{byte:02X}");
            }
        }
    }
    value
}

/// Returns the media type of a download. Types that a browser would execute become `application/octet-stream`
/// (invariant 15).
pub fn safe_response_content_type(content_type: &str) -> &str {
    const SAFE_MEDIA_TYPES: [&str; 14] = [
        "application/json",
        "application/pdf",
        "application/gzip",
        "application/zip",
        "application/vnd.apache.parquet",
        "audio/mpeg",
        "audio/mp4",
        "audio/ogg",
        "audio/wav",
        "image/gif",
        "image/jpeg",
        "image/png",
        "image/webp",
        "text/csv",
    ];
    const TEXTS: [&str; 6] = [
        "text/plain",
        "text/markdown",
        "text/tab-separated-values",
        "text/yaml",
        "application/yaml",
        "text/x-protobuf",
    ];
    let essence = essence(content_type);
    if let Some(known) = SAFE_MEDIA_TYPES
        .iter()
        .find(|known| known.eq_ignore_ascii_case(essence))
    {
        return known;
    }
    if TEXTS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(essence))
    {
        return "text/plain";
    }
    // Office types cannot be executed in a page either. `+xml` would be displayed as XML.
    if essence.starts_with("application/vnd.openxmlformats-officedocument.")
        && !essence.ends_with("+xml")
    {
        return essence;
    }
    "application/octet-stream"
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_name_is_quoted() {
        let value = content_disposition("flights 2013.csv", ContentDisposition::Attachment);
        assert_eq!(value, "attachment; filename=\"flights 2013.csv\"");
    }

    #[test]
    fn other_letters_get_an_extended_parameter() {
        assert_eq!(
            content_disposition("naïve €.csv", ContentDisposition::Inline),
            "inline; filename=\"na_ve _.csv\"; filename*=UTF-8''na%C3%AFve%20%E2%82%AC.csv"
        );
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let value = content_disposition(
            "a\"; filename=evil.html\r\nX: y",
            ContentDisposition::Attachment,
        );
        assert!(!value.contains('\r') && !value.contains('\n'));
        assert_eq!(value.matches('"').count(), 2);
    }

    #[test]
    fn inv15_active_content_is_served_as_bytes() {
        let active = [
            "text/html",
            "Text/HTML; charset=x",
            "image/svg+xml",
            "application/xml",
            "text/xml",
            "application/xhtml+xml",
            "text/javascript",
            "application/javascript",
            "",
            "text/css",
        ];
        for content_type in active {
            assert_eq!(
                safe_response_content_type(content_type),
                "application/octet-stream",
                "{content_type}"
            );
        }
        assert_eq!(
            safe_response_content_type("TEXT/CSV; charset=utf-8"),
            "text/csv"
        );
        assert_eq!(safe_response_content_type("text/markdown"), "text/plain");
        let sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
        assert_eq!(safe_response_content_type(sheet), sheet);
    }

    proptest! {
        #[test]
        fn any_name_makes_one_printable_header_value(name: String) {
            let value = content_disposition(&name, ContentDisposition::Attachment);
            prop_assert!(value.bytes().all(|b| b == b' ' || b.is_ascii_graphic()));
            prop_assert_eq!(value.matches('"').count(), 2);
            prop_assert!(http::HeaderValue::from_str(&value).is_ok());
        }

        #[test]
        fn any_type_ends_as_a_printable_one(content_type: String) {
            safe_response_content_type(&content_type);
        }
    }
}
