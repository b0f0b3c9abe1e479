//! Presigned URLs.

use super::endpoint::{Addressing, Endpoint};
use super::error::PresignError;
use super::escape::{Keep, escape, escaped_len, has_control};
use super::hash::{DIGEST_BYTES, HEX_BYTES, Sha256, Sink, hex};
use super::headers::{HostHeader, SignedHeaders};
use super::names::{check_bucket, encode_key};
use super::signer::{EXPIRES_S_MAX, Second, Signer};
use super::stamp::Stamp;
use consign_time::Timestamp;

/// The most query parameters of one request, besides those of the signature.
pub const QUERY_MAX: usize = 64;
/// The highest part number.
pub const PART_NUMBER_MAX: u32 = 10_000;
/// The number of digits of [`EXPIRES_S_MAX`].
const EXPIRES_DIGITS: usize = 6;

const _: () = assert!(EXPIRES_S_MAX < 10u32.pow(EXPIRES_DIGITS as u32));

const SIGNED_HEADERS: &str = "&X-Amz-SignedHeaders=";
const SIGNATURE: &str = "&X-Amz-Signature=";
/// The position of the signature's parameters in the sorted query.
const OWN_NAMES: &[u8] = b"X-Amz-";

/// The operation that a URL allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `PUT` of a whole object.
    PutObject,
    /// `GET` of an object.
    GetObject,
    /// `HEAD` of an object.
    HeadObject,
    /// `DELETE` of an object.
    DeleteObject,
    /// `POST ?uploads`. The parameter is added if it is not given.
    CreateMultipartUpload,
    /// `PUT` of a part. Needs `partNumber` and `uploadId` in the query.
    UploadPart,
    /// `POST` of the list of parts. Needs `uploadId` in the query.
    CompleteMultipartUpload,
    /// `DELETE` of the parts. Needs `uploadId` in the query.
    AbortMultipartUpload,
    /// `GET` of the list of parts. Needs `uploadId` in the query.
    ListParts,
}

impl Operation {
    /// The HTTP method.
    #[must_use]
    pub const fn method(self) -> &'static str {
        match self {
            Self::PutObject | Self::UploadPart => "PUT",
            Self::GetObject | Self::ListParts => "GET",
            Self::HeadObject => "HEAD",
            Self::DeleteObject | Self::AbortMultipartUpload => "DELETE",
            Self::CreateMultipartUpload | Self::CompleteMultipartUpload => "POST",
        }
    }

    const fn takes_upload_id(self) -> bool {
        match self {
            Self::UploadPart
            | Self::CompleteMultipartUpload
            | Self::AbortMultipartUpload
            | Self::ListParts => true,
            Self::PutObject
            | Self::GetObject
            | Self::HeadObject
            | Self::DeleteObject
            | Self::CreateMultipartUpload => false,
        }
    }
}

/// A request to presign. Its payload is not signed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The operation of the URL.
    pub operation: Operation,
    /// The name of the bucket.
    pub bucket: &'a str,
    /// The object key, not encoded.
    pub key: &'a str,
    /// Headers to sign, in any order and case. `host` is always signed. The user of the URL must send them as given.
    pub headers: &'a [(&'a str, &'a str)],
    /// Query parameters, not encoded. The URL contains them in this order.
    pub query: &'a [(&'a str, &'a str)],
    /// How long the URL is valid, in seconds: 1..=604800.
    pub expires_s: u32,
}

impl Request<'_> {
    /// Returns `uploads` if the operation needs it and the query does not contain it.
    fn implied_query(&self) -> &'static [(&'static str, &'static str)] {
        let is_missing = self.operation == Operation::CreateMultipartUpload
            && self.query.iter().all(|&(name, _)| name != "uploads");
        if is_missing { &[("uploads", "")] } else { &[] }
    }

    fn check(&self) -> Result<(), PresignError> {
        check_expiry(self.expires_s)?;
        check_bucket(self.bucket)?;
        if self.query.len() > QUERY_MAX {
            return Err(PresignError::QueryTooMany);
        }
        let (mut has_upload_id, mut has_part_number) = (false, false);
        for (at, &(name, value)) in self.query.iter().enumerate() {
            if name.is_empty() {
                return Err(PresignError::QueryName);
            }
            if has_control(name) || has_control(value) {
                return Err(PresignError::QueryControlByte);
            }
            if name
                .as_bytes()
                .get(..OWN_NAMES.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(OWN_NAMES))
            {
                return Err(PresignError::QueryReserved);
            }
            if self.query[..at].iter().any(|&(other, _)| other == name) {
                return Err(PresignError::QueryDuplicate);
            }
            match name {
                "uploadId" => has_upload_id = !value.is_empty(),
                "partNumber" => has_part_number = check_part_number(value)?,
                "uploads" if self.operation != Operation::CreateMultipartUpload => {
                    return Err(PresignError::UploadIdUnexpected);
                }
                _ => {}
            }
            if name == "uploadId" && !self.operation.takes_upload_id() {
                return Err(PresignError::UploadIdUnexpected);
            }
        }
        if self.operation == Operation::UploadPart && !has_part_number {
            return Err(PresignError::PartNumberMissing);
        }
        if self.operation.takes_upload_id() && !has_upload_id {
            return Err(PresignError::UploadIdMissing);
        }
        Ok(())
    }
}

/// Checks an expiry in seconds.
pub(super) fn check_expiry(expires_s: u32) -> Result<(), PresignError> {
    if (1..=EXPIRES_S_MAX).contains(&expires_s) {
        Ok(())
    } else {
        Err(PresignError::ExpiryOutOfRange)
    }
}

/// `Ok(true)` for 1..=10000, written without signs and leading zeros.
fn check_part_number(text: &str) -> Result<bool, PresignError> {
    let is_plain = !text.starts_with(['0', '+']);
    match text.parse::<u32>() {
        Ok(1..=PART_NUMBER_MAX) if is_plain => Ok(true),
        _ => Err(PresignError::PartNumberOutOfRange),
    }
}

impl Signer {
    /// Writes and signs a URL that allows this one request until `now` + `expires_s`.
    ///
    /// # Errors
    /// The [`PresignError`] of the rule that the request breaks. Nothing is normalised.
    pub fn presign(&self, request: &Request<'_>, now: Timestamp) -> Result<String, PresignError> {
        request.check()?;
        let key = encode_key(request.key)?;
        let stamp = Stamp::new(now)?;
        let addressing = self.endpoint.addressing(request.bucket);
        let host = HostHeader {
            bucket: match addressing {
                Addressing::Virtual => Some(request.bucket),
                Addressing::Path => None,
            },
            endpoint: &self.endpoint.host,
        };
        let headers = SignedHeaders::new(request.headers, host)?;
        Ok(self.with_second(stamp, |second| {
            let mut url =
                String::with_capacity(key.len() + self.url_len(request, &headers, second));
            let path_at = self.write_origin(request, addressing, &mut url);
            key.write(&mut url);
            let path_end = url.len();
            let query_at = write_query(request, &mut url);
            url.push_str(&second.query_start);
            write_number(request.expires_s, &mut url);
            let signed_headers_at = url.len();
            url.push_str(SIGNED_HEADERS);
            headers.escape_names(&mut url);
            let token_at = url.len();
            url.push_str(&self.token_parameter);

            let mut hash = Sha256::new();
            let bytes = url.as_bytes();
            hash.put(request.operation.method().as_bytes());
            hash.put_byte(b'\n');
            hash.put(&bytes[path_at..path_end]);
            hash.put_byte(b'\n');
            if query_at == path_end + 1 && token_at == bytes.len() {
                hash.put(&bytes[query_at..]);
            } else {
                let own = OwnQuery {
                    start: &bytes[query_at..signed_headers_at],
                    headers: &bytes[signed_headers_at..token_at],
                    token: &bytes[token_at..],
                };
                // One byte precedes the parameters of the signature.
                let query = &bytes[path_end + 1..query_at];
                match query.split_last() {
                    Some((_, query)) => put_sorted(query, &own, &mut hash),
                    None => own.put(&mut hash),
                }
            }
            hash.put_byte(b'\n');
            headers.put(&mut hash);
            url.push_str(SIGNATURE);
            write_hex(&second.message.sign(&hash.finish()), &mut url);
            url
        }))
    }

    /// Returns the length of the URL in bytes, so that it is allocated once.
    fn url_len(
        &self,
        request: &Request<'_>,
        headers: &SignedHeaders<'_>,
        second: &Second,
    ) -> usize {
        let query = request.implied_query().iter().chain(request.query);
        let query_len: usize = query
            .map(|(name, value)| {
                escaped_len(name, Keep::Unreserved)
                    + escaped_len(value, Keep::Unreserved)
                    + "=&".len()
            })
            .sum();
        let Self {
            endpoint,
            token_parameter,
            ..
        } = self;
        [
            endpoint.scheme.len() + endpoint.base.len() + request.bucket.len() + "./?".len(),
            query_len,
            second.query_start.len() + EXPIRES_DIGITS,
            SIGNED_HEADERS.len() + headers.escaped_names_len(),
            token_parameter.len() + SIGNATURE.len() + HEX_BYTES,
        ]
        .iter()
        .sum()
    }

    /// Writes everything before the key. Returns where the path begins.
    fn write_origin(
        &self,
        request: &Request<'_>,
        addressing: Addressing,
        url: &mut String,
    ) -> usize {
        let Endpoint {
            scheme,
            authority,
            base,
            ..
        } = &self.endpoint;
        url.push_str(scheme);
        if addressing == Addressing::Virtual {
            url.push_str(request.bucket);
            url.push('.');
        }
        let path_at = url.len() + authority.len();
        url.push_str(base);
        if addressing == Addressing::Path {
            url.push_str(request.bucket);
            url.push('/');
        }
        path_at
    }
}

/// Writes `?` and the parameters of the request. Returns where those of the signature begin.
fn write_query(request: &Request<'_>, url: &mut String) -> usize {
    url.push('?');
    for (name, value) in request.implied_query().iter().chain(request.query) {
        escape(name, Keep::Unreserved, url);
        url.push('=');
        escape(value, Keep::Unreserved, url);
        url.push('&');
    }
    url.len()
}

/// Writes at most six digits.
fn write_number(number: u32, url: &mut String) {
    let mut digits = [0; EXPIRES_DIGITS];
    let (mut rest, mut at) = (number, EXPIRES_DIGITS);
    while rest > 0 && at > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    url.push_str(std::str::from_utf8(&digits[at..]).unwrap_or_default());
}

fn write_hex(digest: &[u8; DIGEST_BYTES], url: &mut String) {
    url.push_str(std::str::from_utf8(&hex(digest)).expect("digits are ASCII"));
}

/// The parameters of the signature as in the URL. They are sorted except for the token.
struct OwnQuery<'a> {
    start: &'a [u8],
    headers: &'a [u8],
    token: &'a [u8],
}

impl OwnQuery<'_> {
    fn put(&self, hash: &mut impl Sink) {
        hash.put(self.start);
        hash.put(self.token);
        hash.put(self.headers);
    }
}

/// Writes all parameters, sorted by their encoded names.
#[inline(never)]
fn put_sorted(query: &[u8], own: &OwnQuery<'_>, hash: &mut impl Sink) {
    fn name<'a>(pair: &&'a [u8]) -> &'a [u8] {
        pair.split(|&byte| byte == b'=').next().unwrap_or_default()
    }
    let mut pairs = [&[][..]; QUERY_MAX + 1];
    let mut count = 0;
    for (place, pair) in pairs.iter_mut().zip(query.split(|&byte| byte == b'&')) {
        *place = pair;
        count += 1;
    }
    let pairs = &mut pairs[..count];
    pairs.sort_unstable_by(|a, b| name(a).cmp(name(b)));
    let (before, after) = pairs.split_at(pairs.partition_point(|pair| name(pair) < OWN_NAMES));
    for pair in before {
        hash.put(pair);
        hash.put_byte(b'&');
    }
    own.put(hash);
    for pair in after {
        hash.put_byte(b'&');
        hash.put(pair);
    }
}
