//! The signer: checked configuration, and the signing key of the day.

use super::endpoint::{Addressing, Endpoint};
use super::error::SetupError;
use super::escape::{Keep, escaped, has_control};
use super::hash::{HmacKey, Prepared};
use super::stamp::Stamp;
use consign_time::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// The longest validity of a signature, in seconds: seven days.
pub const EXPIRES_S_MAX: u32 = 604_800;
/// The longest region name.
const REGION_BYTES_MAX: usize = 64;
/// The only supported algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Text that `Debug` does not show, and that is wiped from memory when it is dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// Returns the text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether this equals the given text. The time that it takes reveals neither.
    #[must_use]
    pub fn is(&self, given: &str) -> bool {
        // Digests have equal lengths, and no sender can control where they differ.
        let key = HmacKey::new(self.expose().as_bytes());
        let ours = key.sign(self.expose().as_bytes());
        let theirs = key.sign(given.as_bytes());
        ours.ct_eq(&theirs).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.expose())
    }
}

impl Eq for Secret {}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// Credentials to sign with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The access key id. Every URL contains it.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: Secret,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
    /// When temporary credentials expire, and every URL signed with them.
    pub expires_at: Option<Timestamp>,
}

/// The configuration of a [`Signer`].
#[derive(Clone, Debug)]
pub struct SignerConfig<'a> {
    /// `http(s)://host[:port][/path]`, or `None` for the regional endpoint of AWS.
    pub endpoint: Option<&'a str>,
    /// The region of the scope, such as `eu-west-1`; `auto` for R2.
    pub region: &'a str,
    /// How URLs name buckets.
    pub addressing: Addressing,
    /// The credentials.
    pub credentials: Credentials,
}

/// Signs URLs and forms. Build it once; it is cheap to share between threads.
pub struct Signer {
    pub(super) endpoint: Endpoint,
    pub(super) session_token: Option<Secret>,
    /// `&X-Amz-Security-Token=…`, encoded; empty without a token.
    pub(super) token_parameter: String,
    region: String,
    access_key: String,
    secret_key: Secret,
    expires_at: Option<Timestamp>,
    latest: RwLock<Option<Arc<Second>>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("endpoint", &self.endpoint.authority)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Checks the configuration.
    ///
    /// # Errors
    /// The part that is wrong.
    pub fn new(config: SignerConfig<'_>) -> Result<Self, SetupError> {
        let SignerConfig {
            endpoint,
            region,
            addressing,
            credentials,
        } = config;
        let Credentials {
            access_key,
            secret_key,
            session_token,
            expires_at,
        } = credentials;
        let region_is_good = (1..=REGION_BYTES_MAX).contains(&region.len())
            && region
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !region_is_good {
            return Err(SetupError::Region);
        }
        if access_key.is_empty()
            || !access_key
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'/')
        {
            return Err(SetupError::AccessKey);
        }
        if secret_key.expose().is_empty() {
            return Err(SetupError::SecretKey);
        }
        let mut token_parameter = String::new();
        if let Some(token) = &session_token {
            if token.expose().is_empty() || has_control(token.expose()) {
                return Err(SetupError::SessionToken);
            }
            token_parameter = format!(
                "&X-Amz-Security-Token={}",
                escaped(token.expose(), Keep::Unreserved)
            );
        }
        let endpoint = match endpoint {
            Some(url) => Endpoint::parse(url, addressing)?,
            None => Endpoint::aws(region, addressing),
        };
        Ok(Self {
            endpoint,
            session_token,
            token_parameter,
            region: region.to_owned(),
            access_key,
            secret_key,
            expires_at,
            latest: RwLock::new(None),
        })
    }

    /// Returns the expiry to use for `wanted_s` seconds: at most what the service allows and at most until the
    /// credentials expire. Returns 0, which every request refuses, if they have expired.
    #[must_use]
    pub fn clamp_expiry_s(&self, wanted_s: u32, now: Timestamp) -> u32 {
        let left_s = self.expires_at.map_or(i64::from(EXPIRES_S_MAX), |end| {
            end.timestamp().saturating_sub(now.timestamp())
        });
        let left_s = u32::try_from(left_s.max(0)).unwrap_or(EXPIRES_S_MAX);
        wanted_s.min(left_s).min(EXPIRES_S_MAX)
    }

    /// Runs `work` with the data that all signatures of one second share. It is cached until another second is needed.
    #[inline]
    pub(super) fn with_second<T>(&self, stamp: Stamp, work: impl FnOnce(&Arc<Second>) -> T) -> T {
        // A stored second is complete even if another thread panicked.
        let latest = self.latest.read().unwrap_or_else(PoisonError::into_inner);
        match &*latest {
            Some(second) if second.stamp == stamp => work(second),
            other => {
                let day = other.as_ref().map(|second| Arc::clone(&second.day));
                drop(latest);
                work(&self.make_second(stamp, day))
            }
        }
    }

    /// Builds and caches a second. Reuses the current day if the second is in it.
    #[cold]
    #[inline(never)]
    fn make_second(&self, stamp: Stamp, day: Option<Arc<Day>>) -> Arc<Second> {
        let day = day
            .filter(|day| day.number == stamp.day())
            .unwrap_or_else(|| Arc::new(self.make_day(stamp)));
        let second = Arc::new(Second::new(stamp, day));
        *self.latest.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&second));
        second
    }

    fn make_day(&self, stamp: Stamp) -> Day {
        let date = stamp.date();
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let credential = format!("{}/{scope}", self.access_key);
        Day {
            number: stamp.day(),
            query_start: format!(
                "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={date}T",
                escaped(&credential, Keep::Unreserved)
            ),
            credential,
            key: signing_key(self.secret_key.expose(), &date, &self.region),
            scope,
            date,
        }
    }
}

/// Derives the key of a day and region for the service `s3`.
pub(super) fn signing_key(secret_key: &str, date: &str, region: &str) -> HmacKey {
    let start = Zeroizing::new(format!("AWS4{secret_key}"));
    [date, region, "s3", "aws4_request"]
        .iter()
        .fold(HmacKey::new(start.as_bytes()), |key, part| {
            HmacKey::new(&*Zeroizing::new(key.sign(part.as_bytes())))
        })
}

/// What all signatures of one day share.
pub(super) struct Day {
    number: i64,
    /// `YYYYMMDD`.
    date: String,
    /// `date/region/s3/aws4_request`.
    scope: String,
    /// `key/date/region/s3/aws4_request`.
    pub(super) credential: String,
    /// The parameters of the signature up to the `T` of the date.
    query_start: String,
    /// The signing key.
    pub(super) key: HmacKey,
}

/// What all signatures of one second share.
pub(super) struct Second {
    stamp: Stamp,
    pub(super) day: Arc<Day>,
    /// `YYYYMMDDThhmmssZ`.
    pub(super) date_time: String,
    /// The parameters of the signature up to the expiry.
    pub(super) query_start: String,
    /// The string to sign, without the digest of the canonical request.
    pub(super) message: Prepared,
}

impl Second {
    fn new(stamp: Stamp, day: Arc<Day>) -> Self {
        let Day {
            date,
            scope,
            query_start,
            key,
            ..
        } = &*day;
        let clock = stamp.clock();
        let date_time = [date, "T", &clock].concat();
        Self {
            query_start: [query_start, &clock, "&X-Amz-Expires="].concat(),
            message: key.prepare(&[ALGORITHM, "\n", &date_time, "\n", scope, "\n"].concat()),
            stamp,
            date_time,
            day,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{REQUEST, signer, time};
    use consign_time::saturating_add_secs;

    #[test]
    fn a_used_signer_signs_as_a_new_one_whichever_way_time_moves() {
        let used = signer();
        let fresh = |now| signer().presign(&REQUEST, now).unwrap();
        for text in [
            "2013-05-24T00:00:00Z",
            "2013-05-24T00:00:00.9Z",
            "2013-05-24T00:00:01Z",
            "2013-05-23T23:59:59.999Z",
            "2013-05-24T23:59:59Z",
            "2013-05-25T00:00:00Z",
            "2014-05-25T00:00:00Z",
            "2013-05-24T00:00:00Z",
        ] {
            let now = time(text);
            for _ in 0..2 {
                assert_eq!(used.presign(&REQUEST, now).unwrap(), fresh(now), "{text}");
            }
        }
    }

    #[test]
    fn threads_that_are_in_different_seconds_and_days_share_a_signer() {
        let start = time("2013-05-24T23:59:50Z");
        let moments: Vec<_> = (0..20)
            .map(|second| saturating_add_secs(start, second))
            .map(|now| (now, signer().presign(&REQUEST, now).unwrap()))
            .collect();
        let shared = signer();
        std::thread::scope(|scope| {
            for first in 0..4 {
                let (moments, shared) = (&moments, &shared);
                scope.spawn(move || {
                    for step in 0..2_000 {
                        let (now, wanted) = &moments[(first * 5 + step) % moments.len()];
                        assert_eq!(&shared.presign(&REQUEST, *now).unwrap(), wanted);
                    }
                });
            }
        });
    }
}
