//! Verification of presigned URLs by the rules of S3: an implementation of its own beside the signing, for stores, tests and
//! fuzzing. The embedded store verifies URLs with the crate `s3s`, and forms with [`verify_post_fields`](super::verify_post_fields).

use super::error::VerifyError;
use super::escape::{Keep, escaped, unescape};
use super::hash::Sink;
use super::headers::{UNSIGNED_PAYLOAD, put_value};
use super::names::has_dot_segment;
use super::signer::{ALGORITHM, EXPIRES_S_MAX, Secret};
use super::stamp;
use consign_time::{Timestamp, checked_add_secs};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// How far the clock of a signer may be ahead of ours, in seconds.
pub const SKEW_S_MAX: u32 = 900;

/// A received request.
#[derive(Clone, Copy, Debug)]
pub struct SentRequest<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The URL as received: encoded, with or without scheme and host.
    pub url: &'a str,
    /// The headers. `host` may be missing if the URL contains it.
    pub headers: &'a [(&'a str, &'a str)],
}

/// A valid signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The access key that signed.
    pub access_key: String,
    /// The region of the scope. The caller decides whether it is the right one.
    pub region: String,
    /// The token of temporary credentials. The caller decides whether it is valid.
    pub session_token: Option<Secret>,
    /// The time of the signature.
    pub signed_at: Timestamp,
    /// The time at which the signature expires.
    pub expires_at: Timestamp,
    /// The signed headers, in lower case. Empty for a form.
    pub signed_headers: Vec<String>,
}

/// Verifies a presigned URL: its form, time, headers and signature.
///
/// `secret_of` returns the secret key of an access key. Every `x-amz-*` header that was sent must be signed, since
/// each may change the meaning of the request.
///
/// # Errors
/// The first check that fails.
pub fn verify_url(
    sent: &SentRequest<'_>,
    secret_of: impl FnOnce(&str) -> Option<Secret>,
    now: Timestamp,
) -> Result<Verified, VerifyError> {
    // 1. Parse the URL.
    let url = Url::parse(sent.url)?;
    let need = |name: &'static str| url.parameter(name).ok_or(VerifyError::Missing(name));
    if need("X-Amz-Algorithm")? != ALGORITHM {
        return Err(VerifyError::Algorithm);
    }
    let date = need("X-Amz-Date")?;
    let scope = Scope::parse(need("X-Amz-Credential")?, date)?;
    let signature = need("X-Amz-Signature")?;
    let signed_names: Vec<&str> = need("X-Amz-SignedHeaders")?.split(';').collect();

    // 2. Check the time.
    let expires_s: u32 = need("X-Amz-Expires")?
        .parse()
        .map_err(|_| VerifyError::ExpiryOutOfRange)?;
    if !(1..=EXPIRES_S_MAX).contains(&expires_s) {
        return Err(VerifyError::ExpiryOutOfRange);
    }
    let signed_at = stamp::parse(date).ok_or(VerifyError::Date)?;
    let expires_at = after(signed_at, expires_s)?;
    check_not_early(signed_at, now)?;
    if now > expires_at {
        return Err(VerifyError::Expired);
    }

    // 3. Check the headers.
    let headers = Headers {
        sent: sent.headers,
        host: url.host.as_deref(),
    };
    headers.check(&signed_names)?;

    // 4. Check the signature.
    let mut canonical = Vec::with_capacity(sent.url.len() + 512);
    canonical.put(sent.method.as_bytes());
    canonical.put(b"\n");
    canonical.put(escaped(&url.path, Keep::Path).as_bytes());
    canonical.put(b"\n");
    url.put_query(&mut canonical);
    canonical.put(b"\n");
    headers.put(&signed_names, &mut canonical)?;
    let mut message = format!(
        "{ALGORITHM}\n{date}\n{}/{}/s3/aws4_request\n",
        scope.date, scope.region
    )
    .into_bytes();
    for byte in Sha256::digest(&canonical) {
        message.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    let secret = secret_of(scope.access_key).ok_or(VerifyError::UnknownAccessKey)?;
    scope.verify(&secret, &message, signature)?;
    Ok(Verified {
        access_key: scope.access_key.to_owned(),
        region: scope.region.to_owned(),
        session_token: url.parameter("X-Amz-Security-Token").map(Secret::from),
        signed_at,
        expires_at,
        signed_headers: signed_names.iter().map(|&name| name.to_owned()).collect(),
    })
}

/// Adds seconds to `time`.
pub(super) fn after(time: Timestamp, seconds: u32) -> Result<Timestamp, VerifyError> {
    checked_add_secs(time, seconds.into()).ok_or(VerifyError::Date)
}

/// Refuses a signature from more than [`SKEW_S_MAX`] in the future.
pub(super) fn check_not_early(signed_at: Timestamp, now: Timestamp) -> Result<(), VerifyError> {
    if signed_at > after(now, SKEW_S_MAX)? {
        Err(VerifyError::NotYetValid)
    } else {
        Ok(())
    }
}

/// A credential scope: `key/date/region/s3/aws4_request`.
pub(super) struct Scope<'a> {
    pub(super) access_key: &'a str,
    pub(super) region: &'a str,
    date: &'a str,
}

impl<'a> Scope<'a> {
    /// Parses a scope. Its day must be that of `date`.
    pub(super) fn parse(credential: &'a str, date: &str) -> Result<Self, VerifyError> {
        let parts: Vec<&str> = credential.split('/').collect();
        match parts[..] {
            [access_key, day, region, "s3", "aws4_request"]
                if date.get(..8) == Some(day) && !access_key.is_empty() =>
            {
                Ok(Self {
                    access_key,
                    region,
                    date: day,
                })
            }
            _ => Err(VerifyError::Scope),
        }
    }

    /// Compares in constant time, and with other code than the signer.
    pub(super) fn verify(
        &self,
        secret: &Secret,
        message: &[u8],
        signature: &str,
    ) -> Result<(), VerifyError> {
        // Lower case alone, as S3 writes it.
        let theirs = base16ct::lower::decode_vec(signature).map_err(|_| VerifyError::Signature)?;
        let start = Zeroizing::new(format!("AWS4{}", secret.expose()).into_bytes());
        let key = [self.date, self.region, "s3", "aws4_request"]
            .iter()
            .try_fold(start, |key, part| {
                let key = mac(&key, part.as_bytes())?.finalize().into_bytes();
                Ok(Zeroizing::new(key.to_vec()))
            })?;
        mac(&key, message)?
            .verify_slice(&theirs)
            .map_err(|_| VerifyError::Signature)
    }
}

fn mac(key: &[u8], message: &[u8]) -> Result<Hmac<Sha256>, VerifyError> {
    let mut mac = <Hmac<Sha256>>::new_from_slice(key).map_err(|_| VerifyError::Signature)?;
    mac.update(message);
    Ok(mac)
}

/// A decoded URL.
struct Url {
    host: Option<String>,
    path: String,
    query: Vec<(String, String)>,
}

impl Url {
    fn parse(url: &str) -> Result<Self, VerifyError> {
        let (origin, rest) = match url.split_once("://") {
            Some((scheme, rest)) if !url.starts_with('/') => {
                let at = rest.find('/').ok_or(VerifyError::Url)?;
                (Some((scheme, &rest[..at])), &rest[at..])
            }
            _ => (None, url),
        };
        let (path, query) = rest.split_once('?').ok_or(VerifyError::Url)?;
        let path = unescape(path).ok_or(VerifyError::Url)?;
        if !path.starts_with('/') || has_dot_segment(&path) || query.contains('#') {
            return Err(VerifyError::Url);
        }
        let mut pairs = Vec::new();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            pairs.push((
                unescape(name).ok_or(VerifyError::Url)?,
                unescape(value).ok_or(VerifyError::Url)?,
            ));
        }
        pairs.sort_by_cached_key(|(name, value)| {
            (
                escaped(name, Keep::Unreserved),
                escaped(value, Keep::Unreserved),
            )
        });
        if pairs.windows(2).any(|two| two[0].0 == two[1].0) {
            return Err(VerifyError::Duplicate);
        }
        Ok(Self {
            host: origin.map(|(scheme, authority)| host_of(scheme, authority)),
            path,
            query: pairs,
        })
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    fn put_query(&self, into: &mut Vec<u8>) {
        let pairs = self
            .query
            .iter()
            .filter(|(name, _)| name != "X-Amz-Signature");
        for (at, (name, value)) in pairs.enumerate() {
            if at > 0 {
                into.put(b"&");
            }
            into.put(escaped(name, Keep::Unreserved).as_bytes());
            into.put(b"=");
            into.put(escaped(value, Keep::Unreserved).as_bytes());
        }
    }
}

/// Returns the `host` that a client sends for this URL.
fn host_of(scheme: &str, authority: &str) -> String {
    let default_port = if scheme.eq_ignore_ascii_case("http") {
        ":80"
    } else {
        ":443"
    };
    authority
        .strip_suffix(default_port)
        .unwrap_or(authority)
        .to_ascii_lowercase()
}

/// The headers of the request.
struct Headers<'a> {
    sent: &'a [(&'a str, &'a str)],
    host: Option<&'a str>,
}

impl Headers<'_> {
    fn check(&self, signed_names: &[&str]) -> Result<(), VerifyError> {
        if !signed_names.contains(&"host") || !signed_names.is_sorted_by(|a, b| a < b) {
            return Err(VerifyError::HeaderMissing);
        }
        let is_unsigned = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.starts_with("x-amz-") && !signed_names.contains(&name.as_str())
        };
        if self.sent.iter().any(|(name, _)| is_unsigned(name)) {
            Err(VerifyError::HeaderUnsigned)
        } else {
            Ok(())
        }
    }

    fn get(&self, name: &str) -> Result<&str, VerifyError> {
        let mut values = self
            .sent
            .iter()
            .filter(|(sent, _)| sent.eq_ignore_ascii_case(name))
            .map(|&(_, value)| value);
        let own_host = if name == "host" { self.host } else { None };
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value),
            (Some(_), Some(_)) => Err(VerifyError::Duplicate),
            (None, _) => own_host.ok_or(VerifyError::HeaderMissing),
        }
    }

    fn put(&self, signed_names: &[&str], into: &mut Vec<u8>) -> Result<(), VerifyError> {
        for &name in signed_names {
            into.put(name.as_bytes());
            into.put(b":");
            put_value(self.get(name)?, into);
            into.put(b"\n");
        }
        into.put(b"\n");
        into.put(signed_names.join(";").as_bytes());
        into.put(b"\n");
        let payload = if signed_names.contains(&"x-amz-content-sha256") {
            self.get("x-amz-content-sha256")?
        } else {
            UNSIGNED_PAYLOAD
        };
        into.put(payload.as_bytes());
        Ok(())
    }
}
