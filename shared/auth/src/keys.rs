//! Keys that verify tokens, prepared once at start. Each key has one algorithm, and a token cannot select another.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ed25519_dalek::pkcs8::DecodePublicKey;
use hmac::{Hmac, KeyInit, Mac};
use p256::ecdsa::signature::Verifier as _;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, PublicKey as RsaPublicKey};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The minimum length of a secret for HS256, in bytes (RFC 7518, section 3.2).
pub const HS256_SECRET_BYTES_MIN: usize = 32;
/// The minimum length of an RSA modulus, in bits (RFC 7518, section 3.3).
const RSA_BITS_MIN: u32 = 2048;

/// A signature algorithm of RFC 7518 or RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub enum Algorithm {
    Hs256,
    EdDsa,
    Es256,
    Rs256,
}

impl Algorithm {
    /// Returns the name in a token's header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

impl FromStr for Algorithm {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];
        let found = all.into_iter().find(|algorithm| algorithm.as_str() == text);
        found.ok_or_else(|| "must be `HS256`, `EdDSA`, `ES256` or `RS256`".to_owned())
    }
}

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "each variant is its message")]
pub enum KeyRefused {
    #[error("must be a secret of at least {HS256_SECRET_BYTES_MIN} bytes")]
    ShortSecret,
    #[error("must be a public key of this algorithm, in PEM (`-----BEGIN PUBLIC KEY-----`)")]
    Pem,
    #[error("must be the coordinates of a public key of this algorithm, in base64url as in a JWK")]
    Jwk,
    #[error("must be an RSA key of at least {RSA_BITS_MIN} bits")]
    ShortRsa,
}

/// The public part of a key as in a JWK (RFC 7518, section 6). All members are in base64url.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct Jwk {
    pub x: Option<String>,
    pub y: Option<String>,
    pub n: Option<String>,
    pub e: Option<String>,
}

/// A key with its name and its one algorithm.
#[derive(Clone)]
pub struct AuthKey {
    pub(super) kid: Option<String>,
    verifier: Verifier,
}

#[derive(Clone)]
enum Verifier {
    Hs256(Hmac<Sha256>),
    EdDsa(ed25519_dalek::VerifyingKey),
    Es256(p256::ecdsa::VerifyingKey),
    Rs256(RsaPublicKey),
}

impl AuthKey {
    /// Creates a key from a shared secret.
    pub fn hs256(kid: Option<String>, secret: &[u8]) -> Result<Self, KeyRefused> {
        Ok(Self {
            kid,
            verifier: Verifier::Hs256(hs256(secret)?),
        })
    }

    /// Creates a key from a public key in PEM. `HS256` has no public key and is refused, so a public key can never
    /// become a secret.
    pub fn from_pem(
        kid: Option<String>,
        algorithm: Algorithm,
        pem: &str,
    ) -> Result<Self, KeyRefused> {
        let refused = |_| KeyRefused::Pem;
        let verifier = match algorithm {
            Algorithm::Hs256 => return Err(KeyRefused::Pem),
            Algorithm::EdDsa => Verifier::EdDsa(
                ed25519_dalek::VerifyingKey::from_public_key_pem(pem).map_err(refused)?,
            ),
            Algorithm::Es256 => Verifier::Es256(
                p256::ecdsa::VerifyingKey::from_public_key_pem(pem).map_err(refused)?,
            ),
            Algorithm::Rs256 => rs256(RsaPublicKey::from_public_key_pem(pem).map_err(refused)?)?,
        };
        Ok(Self { kid, verifier })
    }

    /// Creates a key from the members of a JWK.
    pub fn from_jwk(
        kid: Option<String>,
        algorithm: Algorithm,
        jwk: &Jwk,
    ) -> Result<Self, KeyRefused> {
        let member = |text: &Option<String>| {
            text.as_deref()
                .and_then(|text| BASE64_URL_SAFE_NO_PAD.decode(text).ok())
                .ok_or(KeyRefused::Jwk)
        };
        let verifier = match algorithm {
            Algorithm::Hs256 => return Err(KeyRefused::Jwk),
            Algorithm::EdDsa => {
                let point = member(&jwk.x)?.try_into().map_err(|_| KeyRefused::Jwk)?;
                Verifier::EdDsa(
                    ed25519_dalek::VerifyingKey::from_bytes(&point).map_err(|_| KeyRefused::Jwk)?,
                )
            }
            Algorithm::Es256 => {
                // An uncompressed point (SEC 1, section 2.3.3). Both coordinates must have their full length.
                let (x, y) = (member(&jwk.x)?, member(&jwk.y)?);
                if x.len() != 32 || y.len() != 32 {
                    return Err(KeyRefused::Jwk);
                }
                let point = [[4].as_slice(), &x, &y].concat();
                Verifier::Es256(
                    p256::ecdsa::VerifyingKey::from_sec1_bytes(&point)
                        .map_err(|_| KeyRefused::Jwk)?,
                )
            }
            Algorithm::Rs256 => {
                let n = BoxedUint::from_be_slice_vartime(&member(&jwk.n)?);
                let e = BoxedUint::from_be_slice_vartime(&member(&jwk.e)?);
                rs256(RsaPublicKey::new(n, e).map_err(|_| KeyRefused::Jwk)?)?
            }
        };
        Ok(Self { kid, verifier })
    }

    /// Returns the one algorithm of this key.
    pub fn algorithm(&self) -> Algorithm {
        match &self.verifier {
            Verifier::Hs256(_) => Algorithm::Hs256,
            Verifier::EdDsa(_) => Algorithm::EdDsa,
            Verifier::Es256(_) => Algorithm::Es256,
            Verifier::Rs256(_) => Algorithm::Rs256,
        }
    }

    /// Returns whether `signature` is a valid signature of `message` by this key.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.verifier {
            Verifier::Hs256(mac) => mac
                .clone()
                .chain_update(message)
                .verify_slice(signature)
                .is_ok(),
            Verifier::EdDsa(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Verifier::Es256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Verifier::Rs256(key) => key
                .verify(
                    Pkcs1v15Sign::new::<Sha256>(),
                    &Sha256::digest(message),
                    signature,
                )
                .is_ok(),
        }
    }
}

/// Shows which key it is, and nothing of a secret.
impl fmt::Debug for AuthKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let algorithm = self.algorithm();
        formatter
            .debug_struct("AuthKey")
            .field("kid", &self.kid)
            .field("alg", &algorithm)
            .finish_non_exhaustive()
    }
}

pub(super) fn hs256(secret: &[u8]) -> Result<Hmac<Sha256>, KeyRefused> {
    if secret.len() < HS256_SECRET_BYTES_MIN {
        return Err(KeyRefused::ShortSecret);
    }
    Hmac::new_from_slice(secret).map_err(|_| KeyRefused::ShortSecret)
}

fn rs256(key: RsaPublicKey) -> Result<Verifier, KeyRefused> {
    if key.n().bit_width() < RSA_BITS_MIN {
        Err(KeyRefused::ShortRsa)
    } else {
        Ok(Verifier::Rs256(key))
    }
}
