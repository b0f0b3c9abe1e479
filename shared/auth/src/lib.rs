//! Who is calling: bearer tokens (RFC 6750) that are signed JWTs (RFC 7519).
//!
//! Invariant 21: every key has one fixed algorithm; `aud`, `iss` and `exp` are required and checked, `nbf` where it
//! stands; what the token's header says chooses between keys and nothing else.

mod keys;
mod known;

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

use known::{Known, Validity};

/// The longest token, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Whose tokens are taken: `[auth]`.
#[derive(Clone, Debug)]
pub struct AuthConfig {
    /// The `iss` that tokens must carry.
    pub issuer: String,
    /// What must be among their `aud`.
    pub audience: String,
    /// How far the issuer's clock may be off, in seconds.
    pub leeway_s: u32,
    /// The keys; at least one, no `kid` twice.
    pub keys: Vec<AuthKey>,
}

/// Who is calling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's `sub`: 1 to 128 printable ASCII characters.
    pub owner: OwnerId,
    /// The token's `tier`, if it names one.
    pub tier: Option<String>,
    /// The token's `scope`, split (RFC 8693, section 4.2).
    pub scopes: Vec<String>,
}

/// Why a caller is not let in. The text tells what a client's author needs, and nothing of the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each variant is its message")]
pub enum AuthError {
    #[error("send `authorization: Bearer <token>`")]
    Missing,
    #[error("there is more than one authorization header")]
    SeveralHeaders,
    #[error("the token is longer than {TOKEN_BYTES_MAX} bytes")]
    TooLong,
    #[error("the token is not a signed JWT")]
    Malformed,
    #[error(
        "the token's `typ` must be `JWT` or `at+jwt`: a token made for something else lets nobody in"
    )]
    Type,
    #[error("the token's header has extensions (`crit`) that are not understood")]
    Critical,
    #[error(
        "no key here verifies the token: unknown `kid`, another `alg` than the key's, or a wrong signature"
    )]
    Signature,
    #[error("the token has no `exp`, or claims of the wrong type")]
    Claims,
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token is of another issuer")]
    Issuer,
    #[error("the token is for another audience")]
    Audience,
    #[error("the token's `sub` must be 1 to 128 printable ASCII characters, or a whole number")]
    Subject,
}

impl AuthError {
    /// The `error` of the challenge (RFC 6750, section 3.1); none where no token was given.
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

/// Why a configuration of keys is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each variant is its message")]
pub enum AuthConfigError {
    #[error("needs at least one key")]
    NoKeys,
    #[error("has the same `kid` twice")]
    SameKid,
}

/// Verifies bearer tokens: the signature of each once, and its time whenever it comes.
#[derive(Clone, Debug)]
pub struct Authenticator {
    config: AuthConfig,
    known: Known,
}

/// The members of a token's header that matter. One that stands twice is an error, as in every struct here.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    // A text (RFC 7519, section 4.1.2); some issuers write the number of a row of theirs.
    sub: Option<Value>,
    iss: Option<String>,
    aud: Option<Audience>,
    // Seconds since 1970, perhaps with a fraction (RFC 7519, section 2, NumericDate).
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
    fn contains(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Many(many) => many.iter().any(|one| one == wanted),
        }
    }
}

impl Authenticator {
    /// Takes keys that have been prepared; refuses none at all, and two of one name.
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
            known: Known::default(),
        })
    }

    /// Who sent these headers, as of `now`.
    pub fn authenticate(&self, headers: &HeaderMap, now: Timestamp) -> Result<Identity, AuthError> {
        let token = bearer(headers)?;
        if let Some((identity, validity)) = self.known.get(token) {
            self.check_time(validity, now)?;
            return Ok(identity);
        }
        let (identity, validity) = self.verify(token, now)?;
        self.known.put(token, &identity, validity);
        Ok(identity)
    }

    /// Checks everything that a token is and says.
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
        if decoded.typ.is_some_and(|typ| !is_type_of_ours(&typ)) {
            return Err(AuthError::Type);
        }
        let signature = BASE64_URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| AuthError::Malformed)?;
        let message = &token.as_bytes()[..header.len() + 1 + payload.len()];
        // A `kid` names one key; without it, any key of the algorithm may fit. The key's own algorithm verifies.
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

    /// Checks the claims of a token whose signature holds.
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

/// The one bearer token of a request (RFC 6750, section 2.1); the scheme's name has no case (RFC 9110, section 11.1).
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

/// Whether a token of this `typ` lets its holder in: a JWT (RFC 7519, section 5.1), or an access token by its own name
/// (RFC 9068, section 2.1). An issuer signs other things with the same key: identity tokens, events, proofs (RFC 8725,
/// section 3.11).
fn is_type_of_ours(typ: &str) -> bool {
    let name = match typ.get(..APPLICATION.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(APPLICATION) => &typ[APPLICATION.len()..],
        Some(_) | None => typ,
    };
    name.eq_ignore_ascii_case("JWT") || name.eq_ignore_ascii_case("at+jwt")
}

/// What a media type begins with, and a `typ` may leave out (RFC 7515, section 4.1.9).
const APPLICATION: &str = "application/";

/// The subject as a text; a number only where it is whole, and so the same in every program.
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

/// What a development token says.
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
    /// How long it is valid, in seconds.
    pub life_s: u32,
}

/// Signs a token with HS256, for development: `consign token`.
pub fn mint_hs256(secret: &[u8], token: &NewToken<'_>) -> Result<String, KeyRefused> {
    mint_hs256_scoped(secret, token, None)
}

/// The same with a `scope`: names with blanks between them (RFC 8693, section 4.2).
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

/// Texts and numbers only, which always can be written.
fn encode(value: &impl Serialize) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default())
}

#[cfg(test)]
mod tests;
