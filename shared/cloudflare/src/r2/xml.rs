//! The XML of S3 that multipart uploads use.

use consign_core::ids::ETag;
use consign_core::parts::ListedPart;
use consign_core::ports::Part;
use consign_core::time;

/// Returns the content of the first element of this name. Elements with attributes do not occur here.
pub(super) fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

/// Parses a page of `ListPartsResult`: its parts, and the part number after which the next page begins.
pub(super) fn parts(xml: &str) -> Option<(Vec<ListedPart>, Option<u16>)> {
    let mut parts = Vec::new();
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once("<Part>") {
        let (part, behind) = after.split_once("</Part>")?;
        let taken_at = element(part, "LastModified").and_then(|text| time::parse(text).ok());
        parts.push(ListedPart {
            part: Part {
                number: element(part, "PartNumber")?.parse().ok()?,
                etag: ETag::new(&unescape(element(part, "ETag")?)),
                size_bytes: element(part, "Size")?.parse().ok()?,
            },
            taken_at_ns: taken_at
                .and_then(|at| at.timestamp_nanos_opt())
                .map(i128::from),
        });
        rest = behind;
    }
    let next = match element(xml, "IsTruncated") {
        Some("true") => Some(element(xml, "NextPartNumberMarker")?.parse().ok()?),
        Some(_) | None => None,
    };
    Some((parts, next))
}

/// Returns the body of `CompleteMultipartUpload`.
pub(super) fn completion(parts: &[Part]) -> String {
    let mut xml = String::from("<CompleteMultipartUpload>");
    for part in parts {
        xml.push_str(&format!(
            "<Part><PartNumber>{}</PartNumber><ETag>&quot;{}&quot;</ETag></Part>",
            part.number,
            escape(part.etag.as_str())
        ));
    }
    xml.push_str("</CompleteMultipartUpload>");
    xml
}

fn unescape(text: &str) -> String {
    text.replace("&quot;", "\"")
        .replace("&#34;", "\"")
        .replace("&amp;", "&")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<?xml version=\"1.0\"?><ListPartsResult><UploadId>u</UploadId><IsTruncated>true</IsTruncated>\
        <NextPartNumberMarker>2</NextPartNumberMarker><Part><ETag>&quot;aa&quot;</ETag><PartNumber>1</PartNumber>\
        <Size>5242880</Size></Part><Part><PartNumber>2</PartNumber><ETag>\"bb\"</ETag><Size>7</Size>\
        <LastModified>1970-01-01T00:00:01.000Z</LastModified></Part></ListPartsResult>";

    #[test]
    fn a_page_of_parts_is_read() {
        let (found, next) = parts(PAGE).unwrap();
        let part = |number, etag, size_bytes, taken_at_ns| ListedPart {
            part: Part {
                number,
                etag: ETag::new(etag),
                size_bytes,
            },
            taken_at_ns,
        };
        let second = part(2, "bb", 7, Some(1_000_000_000));
        assert_eq!(found, [part(1, "aa", 5 << 20, None), second]);
        assert_eq!(next, Some(2));
        let last = PAGE.replace("true", "false");
        assert_eq!(parts(&last).unwrap().1, None);
    }

    #[test]
    fn a_part_without_its_size_is_no_page() {
        assert_eq!(parts("<Part><PartNumber>1</PartNumber></Part>"), None);
        assert_eq!(parts("<Part>"), None);
        assert_eq!(parts("<ListPartsResult/>"), Some((vec![], None)));
    }

    #[test]
    fn a_completion_names_each_part_once() {
        let mut list = consign_core::parts::PartList::new();
        list.take(parts(PAGE).unwrap().0, None);
        assert_eq!(
            completion(&list.finish()[1..]),
            "<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>&quot;bb&quot;</ETag></Part>\
             </CompleteMultipartUpload>"
        );
    }
}
