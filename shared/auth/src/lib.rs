//! Authentication: bearer tokens (RFC 6750) that are signed JWTs (RFC 7519).
//!
//! Invariant 21: every key has one fixed algorithm. `aud`, `iss` and `exp` are required and checked, and `nbf` if
//! present. A token's header selects among keys and has no other effect.
//!
//! ```
//! use consign_auth::{AuthConfig, AuthKey, Authenticator, NewToken, mint_hs256};
//! use http::{HeaderMap, header::AUTHORIZATION};
//!
//! let secret = b"at least 32 bytes, from a generator";
//! let authenticator = Authenticator::new(&AuthConfig {
//!     issuer: "https://issuer.example".to_owned(),
//!     audience: "consign".to_owned(),
//!     leeway_s: 60,
//!     keys: vec![AuthKey::hs256(None, secret)?],
//! })?;
//! let now = consign_time::from_secs(1_800_000_000).expect("within range");
//! let token = mint_hs256(
//!     secret,
//!     &NewToken {
//!         issuer: "https://issuer.example",
//!         audience: "consign",
//!         owner: "alice",
//!         tier: None,
//!         kid: None,
//!         issued_at: now,
//!         life_s: 600,
//!     },
//! )?;
//!
//! let mut headers = HeaderMap::new();
//! headers.insert(AUTHORIZATION, format!("Bearer {token}").parse()?);
//! let identity = authenticator.authenticate(&headers, now)?;
//! assert_eq!(identity.owner.as_str(), "alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cache;
mod keys;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use consign_ids::OwnerId;
use consign_time::Timestamp;
use hmac::Mac;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

pub use keys::{Algorithm, AuthKey, HS256_SECRET_BYTES_MIN, Jwk, KeyRefused};

use cache::{TokenCache, Validity};

/// The maximum length of a token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Which tokens are accepted: `[auth]`.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// The required `iss` of tokens.
    pub issuer: String,
    /// The required element of their `aud`.
    pub audience: String,
    /// The tolerated difference of the issuer's clock, in seconds.
    pub leeway_s: u32,
    /// The keys: at least one, without duplicate `kid`.
    pub keys: Vec<AuthKey>,
}

/// The authenticated caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`: 1 to 128 printable ASCII characters.
    pub owner: OwnerId,
    /// The token's `tier`, if it names one.
    pub tier: Option<String>,
    /// The token's `scope`, split (RFC 8693, section 4.2).
    pub scopes: Vec<String>,
}

/// Why a caller is refused. The text is for the author of the client and contains nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each variant is its message")]
pub enum AuthError {
    #[error("send `authorization: Bearer <token>`")]
    Missing,
    #[error("more than one authorization header")]
    SeveralHeaders,
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    #[error("the token is not a signed JWT")]
    Malformed,
    #[error(
        "the token's `typ` must be `JWT` or `at+jwt`: a token for another purpose is not accepted"
    )]
    Type,
    #[error("the token's header has extensions (`crit`) that are not supported")]
    Critical,
    #[error(
        "no key verifies the token: unknown `kid`, another `alg` than the key's, or a wrong signature"
    )]
    Signature,
    #[error("the token has no `exp`, or a claim of the wrong type")]
    Claims,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token has another issuer")]
    Issuer,
    #[error("the token has another audience")]
    Audience,
    #[error("the token's `sub` must be 1 to 128 printable ASCII characters, or an integer")]
    Subject,
}

impl AuthError {
    /// Returns the `error` of the challenge (RFC 6750, section 3.1), or `None` if no token was sent.
    #[must_use]
    pub fn bearer_error(self) -> Option<&'static str> {
        match self {
            Self::Missing => None,
            Self::SeveralHeaders => Some("invalid_request"),
            Self::TooLong
            | Self::Malformed
            | Self::Type
            | Self::Critical
            | Self::Signature
            | Self::Claims
            | Self::Expired
            | Self::NotYetValid
            | Self::Issuer
            | Self::Audience
            | Self::Subject => Some("invalid_token"),
        }
    }
}

/// Why the configured keys are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each variant is its message")]
pub enum AuthConfigError {
    #[error("requires at least one key")]
    NoKeys,
    #[error("has a duplicate `kid`")]
    SameKid,
}

/// Verifies bearer tokens. The signature of a token is verified once, and its time at every call.
#[derive(Clone, Debug)]
pub struct Authenticator {
    config: AuthConfig,
    cache: TokenCache,
}

/// The members of a token's header that are read. A duplicate member is an error, as in every struct here.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    // A string (RFC 7519, section 4.1.2). Some issuers write the number of a database row.
    sub: Option<Value>,
    iss: Option<String>,
    aud: Option<Audience>,
    // Seconds since 1970, possibly with a fraction (RFC 7519, section 2, NumericDate).
    exp: Option<f64>,
    nbf: Option<f64>,
    tier: Option<String>,
    scope: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn contains(&self, expected: &str) -> bool {
        match self {
            Self::One(one) => one == expected,
            Self::Many(many) => many.iter().any(|one| one == expected),
        }
    }
}

impl Authenticator {
    /// Creates an authenticator. Refuses a configuration without keys or with a duplicate `kid`.
    pub fn new(config: &AuthConfig) -> Result<Self, AuthConfigError> {
        if config.keys.is_empty() {
            return Err(AuthConfigError::NoKeys);
        }
        let mut kids: Vec<_> = config
            .keys
            .iter()
            .filter_map(|key| key.kid.as_ref())
            .collect();
        kids.sort_unstable();
        if kids.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(AuthConfigError::SameKid);
        }
        Ok(Self {
            config: config.clone(),
            cache: TokenCache::default(),
        })
    }

    /// Authenticates the sender of these headers at `now`.
    pub fn authenticate(&self, headers: &HeaderMap, now: Timestamp) -> Result<Identity, AuthError> {
        let token = bearer(headers)?;
        if let Some((identity, validity)) = self.cache.get(token) {
            self.check_time(validity, now)?;
            return Ok(identity);
        }
        let (identity, validity) = self.verify(token, now)?;
        self.cache.put(token, &identity, validity);
        Ok(identity)
    }

    /// Verifies a token and its claims.
    fn verify(&self, token: &str, now: Timestamp) -> Result<(Identity, Validity), AuthError> {
        let mut pieces = token.split('.');
        let (Some(header), Some(payload), Some(signature), None) =
            (pieces.next(), pieces.next(), pieces.next(), pieces.next())
        else {
            return Err(AuthError::Malformed);
        };
        let decoded: Header = decode(header).ok_or(AuthError::Malformed)?;
        if decoded.crit.is_some() {
            return Err(AuthError::Critical);
        }
        if decoded.typ.is_some_and(|typ| !is_accepted_type(&typ)) {
            return Err(AuthError::Type);
        }
        let signature = BASE64_URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| AuthError::Malformed)?;
        let message = &token.as_bytes()[..header.len() + 1 + payload.len()];
        // A `kid` selects one key. Without it, every key with the algorithm is tried. The key's own algorithm
        // verifies.
        let fits = |key: &&AuthKey| {
            key.algorithm().as_str() == decoded.alg
                && (decoded.kid.is_none() || decoded.kid == key.kid)
        };
        if !self
            .config
            .keys
            .iter()
            .filter(fits)
            .any(|key| key.verifies(message, &signature))
        {
            return Err(AuthError::Signature);
        }
        self.identity(decode(payload).ok_or(AuthError::Claims)?, now)
    }

    /// Checks the claims of a token with a valid signature.
    fn identity(&self, claims: Claims, now: Timestamp) -> Result<(Identity, Validity), AuthError> {
        if claims.iss.as_ref() != Some(&self.config.issuer) {
            return Err(AuthError::Issuer);
        }
        let audience = &self.config.audience;
        if !claims.aud.is_some_and(|aud| aud.contains(audience)) {
            return Err(AuthError::Audience);
        }
        let validity = Validity {
            from: claims.nbf,
            until: claims.exp.ok_or(AuthError::Claims)?,
        };
        self.check_time(validity, now)?;
        let owner = claims
            .sub
            .and_then(subject)
            .and_then(|sub| OwnerId::parse(&sub).ok())
            .ok_or(AuthError::Subject)?;
        let scopes = claims
            .scope
            .iter()
            .flat_map(|scope| scope.split_ascii_whitespace())
            .map(str::to_owned)
            .collect();
        let identity = Identity {
            owner,
            tier: claims.tier,
            scopes,
        };
        Ok((identity, validity))
    }

    fn check_time(&self, validity: Validity, now: Timestamp) -> Result<(), AuthError> {
        let leeway = f64::from(self.config.leeway_s);
        let now = now
            .signed_duration_since(Timestamp::UNIX_EPOCH)
            .as_seconds_f64();
        if now >= validity.until + leeway {
            return Err(AuthError::Expired);
        }
        if validity.from.is_some_and(|from| now + leeway < from) {
            return Err(AuthError::NotYetValid);
        }
        Ok(())
    }
}

/// Returns the one bearer token of a request (RFC 6750, section 2.1). The scheme is not case-sensitive (RFC 9110,
/// section 11.1).
fn bearer(headers: &HeaderMap) -> Result<&str, AuthError> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(AuthError::Missing)?;
    if values.next().is_some() {
        return Err(AuthError::SeveralHeaders);
    }
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .ok_or(AuthError::Missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(AuthError::Missing);
    }
    let token = token.trim_matches(' ');
    if token.len() > TOKEN_BYTES_MAX {
        Err(AuthError::TooLong)
    } else {
        Ok(token)
    }
}

/// Returns whether a token of this `typ` is accepted: a JWT (RFC 7519, section 5.1), or an access token with its own
/// type (RFC 9068, section 2.1). An issuer signs other things with the same key: identity tokens, events, proofs (RFC
/// 8725, section 3.11).
fn is_accepted_type(typ: &str) -> bool {
    let name = match typ.get(..APPLICATION.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(APPLICATION) => &typ[APPLICATION.len()..],
        Some(_) | None => typ,
    };
    name.eq_ignore_ascii_case("JWT") || name.eq_ignore_ascii_case("at+jwt")
}

/// The prefix of media types, which a `typ` may omit (RFC 7515, section 4.1.9).
const APPLICATION: &str = "application/";

/// Returns the subject as a string. A number must be an integer, so that every program writes it in the same way.
fn subject(sub: Value) -> Option<String> {
    match sub {
        Value::String(text) => Some(text),
        Value::Number(number) if number.is_u64() || number.is_i64() => Some(number.to_string()),
        Value::Number(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

fn decode<T: for<'de> Deserialize<'de>>(piece: &str) -> Option<T> {
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(piece).ok()?).ok()
}

/// The content of a development token.
#[derive(Clone, Copy, Debug)]
#[expect(
    missing_docs,
    reason = "the names are those of the configuration and of the claims"
)]
pub struct NewToken<'a> {
    pub issuer: &'a str,
    pub audience: &'a str,
    pub owner: &'a str,
    pub tier: Option<&'a str>,
    pub kid: Option<&'a str>,
    pub issued_at: Timestamp,
    /// How long the token is valid, in seconds.
    pub life_s: u32,
}

/// Signs a token with HS256, for development: `consign token`.
pub fn mint_hs256(secret: &[u8], token: &NewToken<'_>) -> Result<String, KeyRefused> {
    mint_hs256_scoped(secret, token, None)
}

/// Like `mint_hs256`, with a `scope`: names separated by spaces (RFC 8693, section 4.2).
pub fn mint_hs256_scoped(
    secret: &[u8],
    token: &NewToken<'_>,
    scope: Option<&str>,
) -> Result<String, KeyRefused> {
    #[derive(Serialize)]
    struct Head<'a> {
        alg: &'static str,
        typ: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        kid: Option<&'a str>,
    }
    #[derive(Serialize)]
    struct Body<'a> {
        iss: &'a str,
        aud: &'a str,
        sub: &'a str,
        iat: i64,
        nbf: i64,
        exp: i64,
        #[serde(skip_serializing_if = "Option::is_none")]
        tier: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        scope: Option<&'a str>,
    }
    let mac = keys::hs256(secret)?;
    let iat = token.issued_at.timestamp();
    let NewToken {
        issuer: iss,
        audience: aud,
        owner: sub,
        tier,
        kid,
        issued_at: _,
        life_s,
    } = *token;
    let head = encode(&Head {
        alg: Algorithm::Hs256.as_str(),
        typ: "JWT",
        kid,
    });
    let body = encode(&Body {
        iss,
        aud,
        sub,
        iat,
        nbf: iat,
        exp: iat.saturating_add(life_s.into()),
        tier,
        scope,
    });
    let message = format!("{head}.{body}");
    let signature = mac.chain_update(message.as_bytes()).finalize().into_bytes();
    Ok(format!(
        "{message}.{}",
        BASE64_URL_SAFE_NO_PAD.encode(signature)
    ))
}

/// Encodes strings and numbers, which cannot fail.
fn encode(value: &impl Serialize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests;
