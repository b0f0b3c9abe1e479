//! Which headers are signed, and their form in a canonical request.

use super::error::PresignError;
use super::escape::{Keep, any_byte, escape_lower, escaped_len, is_token};
use super::hash::Sink;
use std::cmp::Ordering;

/// The most headers that one request may sign, besides `host`.
pub const HEADERS_MAX: usize = 64;
/// The most bytes of user metadata that the service accepts: names without their prefix, and values.
const METADATA_BYTES_MAX: usize = 2048;

const _: () = assert!(HEADERS_MAX < u8::MAX as usize);

/// An upper bound of the length of the names that [`Kind`] knows.
const KIND_BYTES_MAX: usize = 32;

/// What the name of a header determines.
#[derive(Clone, Copy)]
enum Kind {
    /// Signed as given.
    Signed,
    /// Changed by clients and proxies on the way. botocore never signs it, and neither does this crate.
    NeverSigned,
    /// Would carry or contradict the signature in the query.
    Reserved,
    /// The host of the URL.
    Host,
    /// A decimal number.
    ContentLength,
    /// Replaces the hash of the payload.
    PayloadHash,
}

impl Kind {
    /// Returns the kind of a name in lower case.
    fn of(name: &str) -> Self {
        match name {
            "content-length" => Self::ContentLength,
            "host" => Self::Host,
            "x-amz-content-sha256" => Self::PayloadHash,
            "authorization" | "x-amz-date" | "x-amz-security-token" => Self::Reserved,
            "baggage"
            | "connection"
            | "expect"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "traceparent"
            | "tracestate"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "user-agent"
            | "x-amzn-trace-id" => Self::NeverSigned,
            _ => Self::Signed,
        }
    }

    /// Returns the kind of a name in any case.
    #[cold]
    fn of_odd(name: &str) -> Self {
        let mut lower = [0; KIND_BYTES_MAX];
        match lower.get_mut(..name.len()) {
            Some(lower) => {
                lower.copy_from_slice(name.as_bytes());
                lower.make_ascii_lowercase();
                std::str::from_utf8(lower).map_or(Self::Signed, Self::of)
            }
            None => Self::Signed,
        }
    }
}

/// The payload hash if none is given: the body is not known yet.
pub(super) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The host of a request: a bucket or nothing, then the endpoint.
#[derive(Clone, Copy)]
pub(super) struct HostHeader<'a> {
    /// The bucket name if it is part of the host.
    pub(super) bucket: Option<&'a str>,
    /// Host and port of the endpoint, as signed.
    pub(super) endpoint: &'a str,
}

impl HostHeader<'_> {
    fn put(self, sink: &mut impl Sink) {
        if let Some(bucket) = self.bucket {
            sink.put(bucket.as_bytes());
            sink.put_byte(b'.');
        }
        sink.put(self.endpoint.as_bytes());
    }

    fn is(self, value: &str) -> bool {
        let endpoint = match self.bucket {
            Some(bucket) => value
                .strip_prefix(bucket)
                .and_then(|rest| rest.strip_prefix('.')),
            None => Some(value),
        };
        endpoint == Some(self.endpoint)
    }
}

/// A header's position in the order, and the result of its check. The default is all zero, which fills an array
/// fastest.
#[derive(Clone, Copy)]
struct Entry {
    /// The index plus one; 0 is the host of the URL.
    place: u8,
    /// The name contains other characters than lower-case letters, digits and `-`.
    name_is_odd: bool,
    /// The value contains other characters than visible ASCII.
    value_is_odd: bool,
}

/// The host of the URL.
const HOST: Entry = Entry {
    place: 0,
    name_is_odd: false,
    value_is_odd: false,
};

impl Entry {
    fn header<'a>(self, headers: &'a [(&'a str, &'a str)]) -> Option<(&'a str, &'a str)> {
        headers
            .get(usize::from(self.place).checked_sub(1)?)
            .copied()
    }

    fn name<'a>(self, headers: &'a [(&'a str, &'a str)]) -> &'a str {
        self.header(headers).map_or("host", |(name, _)| name)
    }
}

/// The headers of a request in canonical order, including `host`.
pub(super) struct SignedHeaders<'a> {
    host: HostHeader<'a>,
    headers: &'a [(&'a str, &'a str)],
    entries: [Entry; HEADERS_MAX + 1],
    count: usize,
    payload: &'a str,
}

impl<'a> SignedHeaders<'a> {
    /// Checks and sorts the headers.
    pub(super) fn new(
        headers: &'a [(&'a str, &'a str)],
        host: HostHeader<'a>,
    ) -> Result<Self, PresignError> {
        if headers.len() > HEADERS_MAX {
            return Err(PresignError::HeadersTooMany);
        }
        let mut signed = Self {
            host,
            headers,
            entries: [HOST; HEADERS_MAX + 1],
            count: 1,
            payload: UNSIGNED_PAYLOAD,
        };
        let (mut metadata_bytes, mut host_given, mut any_is_odd) = (0, false, false);
        for (place, &(name, value)) in (1u8..).zip(headers) {
            let name_is_odd = !is_plain_name(name);
            if name_is_odd && !is_token(name) {
                return Err(PresignError::HeaderName);
            }
            let value_is_odd = !is_plain_value(value);
            if value_is_odd
                && value
                    .bytes()
                    .any(|byte| byte.is_ascii_control() && byte != b'\t')
            {
                return Err(PresignError::HeaderValue);
            }
            let kind = if name_is_odd {
                Kind::of_odd(name)
            } else {
                Kind::of(name)
            };
            match kind {
                Kind::Signed => metadata_bytes += metadata_len(name, value),
                Kind::NeverSigned => continue,
                Kind::Reserved => return Err(PresignError::HeaderReserved),
                Kind::Host if !host.is(value) => return Err(PresignError::HeaderHost),
                Kind::Host if host_given => return Err(PresignError::HeaderDuplicate),
                // The host of the URL is in the list already.
                Kind::Host => {
                    host_given = true;
                    continue;
                }
                Kind::ContentLength
                    if !is_decimal(if value_is_odd { value.trim() } else { value }) =>
                {
                    return Err(PresignError::ContentLength);
                }
                Kind::ContentLength => {}
                Kind::PayloadHash => signed.payload = value,
            }
            any_is_odd |= name_is_odd;
            signed.entries[signed.count] = Entry {
                place,
                name_is_odd,
                value_is_odd,
            };
            signed.count += 1;
        }
        if metadata_bytes > METADATA_BYTES_MAX {
            return Err(PresignError::MetadataTooLarge);
        }
        signed.sort(any_is_odd)?;
        Ok(signed)
    }

    /// An insertion sort: the list is short, and the first byte decides most comparisons.
    fn sort(&mut self, any_is_odd: bool) -> Result<(), PresignError> {
        let headers = self.headers;
        let lower = |name: &'a str| name.bytes().map(|byte| byte.to_ascii_lowercase());
        let compare = |a: Entry, b: Entry| {
            let (first, second) = (a.name(headers), b.name(headers));
            if any_is_odd {
                lower(first).cmp(lower(second))
            } else {
                let starts = first.as_bytes().first().cmp(&second.as_bytes().first());
                starts.then_with(|| first.cmp(second))
            }
        };
        for end in 1..self.count {
            let entry = self.entries[end];
            let mut at = end;
            while at > 0 {
                match compare(self.entries[at - 1], entry) {
                    Ordering::Less => break,
                    Ordering::Equal => return Err(PresignError::HeaderDuplicate),
                    Ordering::Greater => self.entries[at] = self.entries[at - 1],
                }
                at -= 1;
            }
            self.entries[at] = entry;
        }
        Ok(())
    }

    fn names(&self) -> impl Iterator<Item = (&'a str, bool)> {
        self.entries[..self.count]
            .iter()
            .map(|entry| (entry.name(self.headers), entry.name_is_odd))
    }

    /// The length of [`SignedHeaders::escape_names`], in bytes.
    pub(super) fn escaped_names_len(&self) -> usize {
        let len = |(name, is_odd): (&str, bool)| {
            if is_odd {
                escaped_len(name, Keep::Unreserved)
            } else {
                name.len()
            }
        };
        self.names().map(|name| len(name) + "%3B".len()).sum()
    }

    /// Writes the encoded names for `X-Amz-SignedHeaders`.
    pub(super) fn escape_names(&self, into: &mut String) {
        for (at, (name, is_odd)) in self.names().enumerate() {
            if at > 0 {
                into.push_str("%3B");
            }
            if is_odd {
                escape_lower(name, into);
            } else {
                into.push_str(name);
            }
        }
    }

    /// Writes the part of a canonical request after the query: headers, their names, the hash of the payload.
    #[inline]
    pub(super) fn put(&self, sink: &mut impl Sink) {
        for entry in &self.entries[..self.count] {
            match entry.header(self.headers) {
                Some((name, value)) => {
                    put_lower(name, entry.name_is_odd, sink);
                    sink.put_byte(b':');
                    if entry.value_is_odd {
                        put_value(value, sink);
                    } else {
                        sink.put(value.as_bytes());
                    }
                }
                None => {
                    sink.put(b"host:");
                    self.host.put(sink);
                }
            }
            sink.put_byte(b'\n');
        }
        for (at, (name, is_odd)) in self.names().enumerate() {
            sink.put_byte(if at == 0 { b'\n' } else { b';' });
            put_lower(name, is_odd, sink);
        }
        sink.put_byte(b'\n');
        sink.put(self.payload.as_bytes());
    }
}

/// Whether a name consists of lower-case letters, digits and `-`, as nearly all do. Checks many bytes at a time.
#[inline(never)]
fn is_plain_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() | byte.is_ascii_digit() | (byte == b'-');
    !name.is_empty() && !any_byte(name, |byte| !is_plain(byte))
}

#[inline(never)]
fn is_plain_value(value: &str) -> bool {
    !any_byte(value, |byte| !byte.is_ascii_graphic())
}

fn is_decimal(text: &str) -> bool {
    !text.is_empty() && text.len() < 20 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn metadata_len(name: &str, value: &str) -> usize {
    const PREFIX: &str = "x-amz-meta-";
    let is_metadata = name
        .as_bytes()
        .get(..PREFIX.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX.as_bytes()));
    if is_metadata {
        name.len() - PREFIX.len() + value.len()
    } else {
        0
    }
}

fn put_lower(name: &str, is_odd: bool, sink: &mut impl Sink) {
    if is_odd {
        name.bytes()
            .for_each(|byte| sink.put_byte(byte.to_ascii_lowercase()));
    } else {
        sink.put(name.as_bytes());
    }
}

/// Writes the value of a header, trimmed, with each run of white space replaced by one space.
#[cold]
#[inline(never)]
pub(super) fn put_value(value: &str, sink: &mut impl Sink) {
    for (at, word) in value.split_whitespace().enumerate() {
        if at > 0 {
            sink.put_byte(b' ');
        }
        sink.put(word.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: HostHeader<'static> = HostHeader {
        bucket: None,
        endpoint: "h",
    };

    fn canonical(headers: &[(&str, &str)]) -> Result<String, PresignError> {
        let mut text = Vec::new();
        SignedHeaders::new(headers, HOST)?.put(&mut text);
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn headers_in_any_order_come_out_sorted_lower_case_and_trimmed() {
        let text = canonical(&[
            ("X-Amz-Meta-B", "  two   words\t x "),
            ("a", ""),
            ("Content-Type", "text/csv"),
            ("HOST", "h"),
        ]);
        let wanted = "a:\ncontent-type:text/csv\nhost:h\nx-amz-meta-b:two words x\n\na;content-type;host;x-amz-meta-b\nUNSIGNED-PAYLOAD";
        assert_eq!(text.as_deref(), Ok(wanted));
    }

    #[test]
    fn hop_by_hop_headers_are_left_out_and_a_payload_hash_is_taken_over() {
        let text = canonical(&[("User-Agent", "x"), ("x-amz-content-sha256", "abc")]);
        assert_eq!(
            text.as_deref(),
            Ok("host:h\nx-amz-content-sha256:abc\n\nhost;x-amz-content-sha256\nabc")
        );
    }

    #[test]
    fn headers_that_break_the_rules_are_refused() {
        let long = "x".repeat(2048);
        for (headers, why) in [
            (&[("", "x")][..], PresignError::HeaderName),
            (&[("a b", "x")], PresignError::HeaderName),
            (&[("a:", "x")], PresignError::HeaderName),
            (&[("é", "x")], PresignError::HeaderName),
            (&[("a", "x\r\ny")], PresignError::HeaderValue),
            (&[("a", "\0")], PresignError::HeaderValue),
            (
                &[("a", "x"), ("b", "x"), ("A", "y")],
                PresignError::HeaderDuplicate,
            ),
            (&[("host", "g")], PresignError::HeaderHost),
            (&[("X-Amz-Date", "x")], PresignError::HeaderReserved),
            (&[("Authorization", "x")], PresignError::HeaderReserved),
            (&[("Content-Length", "1x")], PresignError::ContentLength),
            (&[("Content-Length", "-1")], PresignError::ContentLength),
            (&[("Content-Length", "+1")], PresignError::ContentLength),
            (&[("x-amz-meta-a", &long)], PresignError::MetadataTooLarge),
            (&[("a", "b"); HEADERS_MAX + 1], PresignError::HeadersTooMany),
        ] {
            assert_eq!(canonical(headers), Err(why));
        }
    }

    #[test]
    fn a_host_with_a_bucket_is_recognised() {
        let host = HostHeader {
            bucket: Some("b"),
            endpoint: "h:1",
        };
        assert!(host.is("b.h:1") && !host.is("h:1") && !host.is("bh:1"));
    }
}
