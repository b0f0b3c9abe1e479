//! The signer: configuration that was checked once, and the key of the day.

use super::endpoint::{Addressing, Endpoint};
use super::error::SetupError;
use super::escape::{Keep, escape, has_control};
use super::hash::{HmacKey, Sha256, Sink, hex};
use super::stamp::Stamp;
use jiff::Timestamp;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The longest life of a signature, in seconds: seven days.
pub const EXPIRES_S_MAX: u32 = 604_800;
/// Characters that a region's name may have.
const REGION_BYTES_MAX: usize = 64;
/// The only algorithm.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Text that `Debug` does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// What a signature is made with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The access key id; it stands in every URL.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: Secret,
    /// The token of temporary credentials.
    pub session_token: Option<Secret>,
    /// When temporary credentials end, and every URL signed with them.
    pub expires_at: Option<Timestamp>,
}

/// What a [`Signer`] is built from.
#[derive(Clone, Debug)]
pub struct SignerConfig<'a> {
    /// `http(s)://host[:port][/path]`, or `None` for AWS's own endpoint of the region.
    pub endpoint: Option<&'a str>,
    /// The region of the scope: `eu-west-1`; `auto` for R2.
    pub region: &'a str,
    /// How buckets are named in URLs.
    pub addressing: Addressing,
    /// What signatures are made with.
    pub credentials: Credentials,
}

/// Signs URLs and forms. Built once; cheap to share between threads.
pub struct Signer {
    pub(super) endpoint: Endpoint,
    pub(super) session_token: Option<Secret>,
    /// `&X-Amz-Security-Token=…`, encoded; empty without a token.
    pub(super) token_parameter: String,
    region: String,
    access_key: String,
    secret_key: Secret,
    expires_at: Option<Timestamp>,
    today: RwLock<Option<Arc<Day>>>,
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
    /// Names the part that is wrong.
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
            token_parameter = format!("&X-Amz-Security-Token={}", escaped(token.expose()));
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
            today: RwLock::new(None),
        })
    }

    /// The life to ask for when `wanted_s` seconds are wished: no longer than the service allows nor than the
    /// credentials live. 0, which every request refuses, once they are dead.
    #[must_use]
    pub fn clamp_expiry_s(&self, wanted_s: u32, now: Timestamp) -> u32 {
        let left_s = self.expires_at.map_or(i64::from(EXPIRES_S_MAX), |end| {
            end.as_second().saturating_sub(now.as_second())
        });
        let left_s = u32::try_from(left_s.max(0)).unwrap_or(EXPIRES_S_MAX);
        wanted_s.min(left_s).min(EXPIRES_S_MAX)
    }

    /// Works with what all signatures of a day share, which is kept until another day is asked for.
    #[inline]
    pub(super) fn with_day<T>(&self, stamp: Stamp, work: impl FnOnce(&Arc<Day>) -> T) -> T {
        // Whatever panicked elsewhere, a day that is in place is whole.
        let today = self.today.read().unwrap_or_else(PoisonError::into_inner);
        match &*today {
            Some(day) if day.number == stamp.day => work(day),
            _ => {
                drop(today);
                let day = Arc::new(self.make_day(stamp));
                *self.today.write().unwrap_or_else(PoisonError::into_inner) =
                    Some(Arc::clone(&day));
                work(&day)
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn make_day(&self, stamp: Stamp) -> Day {
        let Self {
            access_key, region, ..
        } = self;
        let date = stamp.date();
        let credential = format!("{access_key}/{date}/{region}/s3/aws4_request");
        Day {
            number: stamp.day,
            query_start: format!(
                "X-Amz-Algorithm={ALGORITHM}&X-Amz-Credential={}&X-Amz-Date={date}T",
                escaped(&credential)
            ),
            credential,
            message_start: format!("{ALGORITHM}\n{date}T"),
            message_scope: format!("\n{date}/{region}/s3/aws4_request\n"),
            key: signing_key(self.secret_key.expose(), &date, region),
            date,
        }
    }
}

fn escaped(text: &str) -> String {
    let mut bytes = Vec::new();
    escape(text, Keep::Unreserved, &mut bytes);
    String::from_utf8(bytes).expect("percent-encoding yields ASCII")
}

/// The key of a day, region and the service `s3`.
pub(super) fn signing_key(secret_key: &str, date: &str, region: &str) -> HmacKey {
    [date, region, "s3", "aws4_request"].iter().fold(
        HmacKey::new(format!("AWS4{secret_key}").as_bytes()),
        |key, part| HmacKey::new(&key.sign(part.as_bytes())),
    )
}

/// What all signatures of a day share.
pub(super) struct Day {
    number: i64,
    /// `YYYYMMDD`.
    pub(super) date: String,
    /// `key/date/region/s3/aws4_request`.
    pub(super) credential: String,
    /// The signature's parameters up to the `T` of the date.
    pub(super) query_start: String,
    message_start: String,
    message_scope: String,
    /// The signing key.
    pub(super) key: HmacKey,
}

impl Day {
    /// The signature over a canonical request.
    pub(super) fn sign(&self, clock: &[u8; 7], hash: &mut Sha256) -> [u8; 64] {
        let request_digest = hash.finish();
        self.key.restart(hash);
        hash.put(self.message_start.as_bytes());
        hash.put(clock);
        hash.put(self.message_scope.as_bytes());
        hash.put(&hex(&request_digest));
        hex(&self.key.finish(hash))
    }
}
