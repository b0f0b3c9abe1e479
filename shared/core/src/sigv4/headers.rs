//! Which headers are signed, and how they read in a canonical request.

use super::error::PresignError;
use super::escape::{Keep, escape_lower, escaped_len, is_token};
use super::hash::Sink;

/// Headers that one request may sign, besides `host`.
pub const HEADERS_MAX: usize = 64;
/// Bytes of user metadata that the service takes, names without their prefix and values together.
const METADATA_BYTES_MAX: usize = 2048;
/// Stands for the URL's own host in an order of headers.
const HOST: u8 = u8::MAX;

const _: () = assert!(HEADERS_MAX < HOST as usize);

/// Headers that clients and proxies set or change on the way. botocore never signs them, and neither do we.
const NEVER_SIGNED: [&str; 14] = [
    "baggage",
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// Headers that would carry or contradict the signature of the query.
const RESERVED: [&str; 3] = ["authorization", "x-amz-date", "x-amz-security-token"];

/// The payload's hash where none is given: nobody knows the body yet.
pub(super) const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";

/// The host that a request goes to: a bucket, or nothing, before the endpoint's.
#[derive(Clone, Copy)]
pub(super) struct Host<'a> {
    /// The bucket's name where it is part of the host.
    pub(super) bucket: Option<&'a str>,
    /// The endpoint's host and port, as they are signed.
    pub(super) endpoint: &'a str,
}

impl Host<'_> {
    fn put(self, sink: &mut impl Sink) {
        if let Some(bucket) = self.bucket {
            sink.put(bucket.as_bytes());
            sink.put(b".");
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

/// The headers of a request in canonical order, `host` among them.
pub(super) struct SignedHeaders<'a> {
    host: Host<'a>,
    headers: &'a [(&'a str, &'a str)],
    order: [u8; HEADERS_MAX + 1],
    count: usize,
    payload: &'a str,
}

impl<'a> SignedHeaders<'a> {
    /// Checks and orders the headers.
    pub(super) fn new(
        headers: &'a [(&'a str, &'a str)],
        host: Host<'a>,
    ) -> Result<Self, PresignError> {
        if headers.len() > HEADERS_MAX {
            return Err(PresignError::HeadersTooMany);
        }
        let mut signed = Self {
            host,
            headers,
            order: [HOST; HEADERS_MAX + 1],
            count: 1,
            payload: UNSIGNED_PAYLOAD,
        };
        let (mut metadata_bytes, mut host_given) = (0, false);
        for (index, &(name, value)) in (0u8..).zip(headers) {
            check(name, value)?;
            if name.eq_ignore_ascii_case("host") {
                if !host.is(value) {
                    return Err(PresignError::HeaderHost);
                }
                // The URL's own host stands in the order already.
                if std::mem::replace(&mut host_given, true) {
                    return Err(PresignError::HeaderDuplicate);
                }
                continue;
            }
            if is_never_signed(name) {
                continue;
            }
            if name.len() >= 6 && name.as_bytes()[..6].eq_ignore_ascii_case(b"x-amz-") {
                metadata_bytes += metadata_len(name, value);
                if name.eq_ignore_ascii_case("x-amz-content-sha256") {
                    signed.payload = value;
                }
            }
            signed.order[signed.count] = index;
            signed.count += 1;
        }
        if metadata_bytes > METADATA_BYTES_MAX {
            return Err(PresignError::MetadataTooLarge);
        }
        signed.sort()?;
        Ok(signed)
    }

    fn sort(&mut self) -> Result<(), PresignError> {
        let headers = self.headers;
        let name = |index: u8| {
            headers
                .get(usize::from(index))
                .map_or("host", |&(name, _)| name)
        };
        let mut duplicate = false;
        self.order[..self.count].sort_unstable_by(|&a, &b| {
            let order = compare_names(name(a), name(b));
            duplicate |= order.is_eq() && a != b;
            order
        });
        // A sort compares equal neighbours at least once.
        if duplicate {
            Err(PresignError::HeaderDuplicate)
        } else {
            Ok(())
        }
    }

    fn name(&self, index: u8) -> &'a str {
        self.headers
            .get(usize::from(index))
            .map_or("host", |&(name, _)| name)
    }

    fn names(&self) -> impl Iterator<Item = &'a str> {
        self.order[..self.count]
            .iter()
            .map(|&index| self.name(index))
    }

    /// Bytes of [`SignedHeaders::escape_names`].
    pub(super) fn escaped_names_len(&self) -> usize {
        self.names()
            .map(|name| escaped_len(name, Keep::Unreserved) + "%3B".len())
            .sum()
    }

    /// Writes the names for `X-Amz-SignedHeaders`, encoded.
    pub(super) fn escape_names(&self, into: &mut Vec<u8>) {
        for (at, name) in self.names().enumerate() {
            if at > 0 {
                into.extend_from_slice(b"%3B");
            }
            escape_lower(name, into);
        }
    }

    /// Writes what follows the query in a canonical request: headers, their names, the payload's hash.
    pub(super) fn put(&self, sink: &mut impl Sink) {
        for &index in &self.order[..self.count] {
            match self.headers.get(usize::from(index)) {
                Some(&(name, value)) => {
                    put_lower(name, sink);
                    sink.put(b":");
                    put_value(value, sink);
                }
                None => {
                    sink.put(b"host:");
                    self.host.put(sink);
                }
            }
            sink.put(b"\n");
        }
        for (at, name) in self.names().enumerate() {
            sink.put(if at == 0 { b"\n" } else { b";" });
            put_lower(name, sink);
        }
        sink.put(b"\n");
        sink.put(self.payload.as_bytes());
    }
}

fn check(name: &str, value: &str) -> Result<(), PresignError> {
    if !is_token(name) {
        return Err(PresignError::HeaderName);
    }
    if value
        .bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\t')
    {
        return Err(PresignError::HeaderValue);
    }
    if RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(name))
    {
        return Err(PresignError::HeaderReserved);
    }
    if name.eq_ignore_ascii_case("content-length") && value.trim().parse::<u64>().is_err() {
        return Err(PresignError::ContentLength);
    }
    Ok(())
}

fn is_never_signed(name: &str) -> bool {
    NEVER_SIGNED
        .iter()
        .any(|never| never.eq_ignore_ascii_case(name))
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

fn compare_names(a: &str, b: &str) -> std::cmp::Ordering {
    a.bytes()
        .map(|byte| byte.to_ascii_lowercase())
        .cmp(b.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// Writes a header's name in lower case.
pub(super) fn put_lower(name: &str, sink: &mut impl Sink) {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        name.bytes()
            .for_each(|byte| sink.put(&[byte.to_ascii_lowercase()]));
    } else {
        sink.put(name.as_bytes());
    }
}

/// Writes a header's value trimmed, and with one space for each run of white space.
pub(super) fn put_value(value: &str, sink: &mut impl Sink) {
    if value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return sink.put(value.as_bytes());
    }
    for (at, word) in value.split_whitespace().enumerate() {
        if at > 0 {
            sink.put(b" ");
        }
        sink.put(word.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: Host<'static> = Host {
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
            (&[("x-amz-meta-a", &long)], PresignError::MetadataTooLarge),
            (&[("a", "b"); HEADERS_MAX + 1], PresignError::HeadersTooMany),
        ] {
            assert_eq!(canonical(headers), Err(why));
        }
    }

    #[test]
    fn a_host_with_a_bucket_is_recognised() {
        let host = Host {
            bucket: Some("b"),
            endpoint: "h:1",
        };
        assert!(host.is("b.h:1") && !host.is("h:1") && !host.is("bh:1"));
    }
}
