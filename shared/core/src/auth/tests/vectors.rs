//! Keys and tokens made once by another implementation (Python's `cryptography`); the private halves were thrown away.
//!
//! Every token says: `iss` https://login.example.com, `aud` other and consign, `sub` auth0|42, `nbf` 1700000000, `exp`
//! 1900000000, `tier` pro, `scope` files:read files:write; its `kid` is rsa, ec or ed.

/// Signed with [`RS256_PEM`]'s private half.
pub(super) const RS256_TOKEN: &str = "eyJhbGciOiAiUlMyNTYiLCAia2lkIjogInJzYSIsICJ0eXAiOiAiSldUIn0.eyJpc3MiOiAiaHR0cHM6Ly9sb2dpbi5leGFtcGxl\
    LmNvbSIsICJhdWQiOiBbIm90aGVyIiwgImNvbnNpZ24iXSwgInN1YiI6ICJhdXRoMHw0MiIsICJleHAiOiAxOTAwMDAwMDAwLCAi\
    bmJmIjogMTcwMDAwMDAwMCwgInRpZXIiOiAicHJvIiwgInNjb3BlIjogImZpbGVzOnJlYWQgZmlsZXM6d3JpdGUifQ.D0jHbGNOV\
    PZcmgLWcRKv7KQEMLZhDeejGIbT9lg2ywIHlSv9AFqMcUidTx5wsW80zY4sqmuCFC1RB8edOqQJDQkxMTusUfeE5wTtLt2gllsAm\
    Xjw83YJALgK7sY-GtKo3j7uZERnT469rxufANJXDXnj5dKRa6uS7Q4g0IUtkicvzbScRn4k4LzPLhvpYq1oLkTF9BjZVmOE45CUf\
    WlY4HqA9j6dSewYsC445SCZXohqq7GYXxPDR8Di7kkELGTMBhaqRmll0rc5HxC4wvJWavlvgp-n1T07H-\
    0sGQzY5LOokXBqVDSuOXK97MGWRuG0a05oyi8GvyXs_7jWLUVIQQ";

/// 2048 bits.
pub(super) const RS256_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAkTM5OwotI5dEl8sDr9hQ\n\
/yVyPhcTlytg9VLmDN70ea3t6HWPeKBt0x1Xn9vftVpSx9SnMLaUacvygOr7ziNM\n\
Ho8lIu30iFwahI6Snr+yBzp+kKfMUuzdgL7qsBuhVBAaywReBUVZyJc6L7wT6nBa\n\
GTHt2EX5mq5W5BUSAFPqG50xvUS+kryRDfLPdMM7XF+s8BO2TNV4056zO55XiCo8\n\
xn8Ga/8eWoR3l9HEvVAU9xHZrgnWFC0cDWrergM14ARVkPCANJ7+BKoYhVUlnpIe\n\
+zZ9XODAtnB0mTU2ujuv/Zgw5QRA5Lwdp1Ll2TfLv/7rU/XagIew4xmRqW2hgHZf\n\
zwIDAQAB\n\
-----END PUBLIC KEY-----\n";

/// The modulus of [`RS256_PEM`], as a JWK has it.
pub(super) const RS256_N: &str = "kTM5OwotI5dEl8sDr9hQ_yVyPhcTlytg9VLmDN70ea3t6HWPeKBt0x1Xn9vftVpSx9SnMLaUacvygOr7ziNMHo8lIu30iFwahI6S\
    nr-yBzp-kKfMUuzdgL7qsBuhVBAaywReBUVZyJc6L7wT6nBaGTHt2EX5mq5W5BUSAFPqG50xvUS-kryRDfLPdMM7XF-\
    s8BO2TNV4056zO55XiCo8xn8Ga_8eWoR3l9HEvVAU9xHZrgnWFC0cDWrergM14ARVkPCANJ7-BKoYhVUlnpIe-\
    zZ9XODAtnB0mTU2ujuv_Zgw5QRA5Lwdp1Ll2TfLv_7rU_XagIew4xmRqW2hgHZfzw";

/// 1024 bits: too short.
pub(super) const SHORT_RSA_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDJJF4fPA7BpgtwODP3/O/5xkCi\n\
NoBmjNQodzTocJjJinjCxRpVfA1F5z4B/E3VidIzb2a4Q65Fxpnsc8UYzBkjGVJt\n\
SUD9NCnX5b9B6fpCrxSVPwIK1/a5COvPVCZllEkq8k8F84uHrtJd1ncJSdw4RYpH\n\
TrgtLlZ0+ReIoGuylwIDAQAB\n\
-----END PUBLIC KEY-----\n";

/// Signed with [`ES256_PEM`]'s private half.
pub(super) const ES256_TOKEN: &str = "eyJhbGciOiAiRVMyNTYiLCAia2lkIjogImVjIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiAiaHR0cHM6Ly9sb2dpbi5leGFtcGxlL\
    mNvbSIsICJhdWQiOiBbIm90aGVyIiwgImNvbnNpZ24iXSwgInN1YiI6ICJhdXRoMHw0MiIsICJleHAiOiAxOTAwMDAwMDAwLCAib\
    mJmIjogMTcwMDAwMDAwMCwgInRpZXIiOiAicHJvIiwgInNjb3BlIjogImZpbGVzOnJlYWQgZmlsZXM6d3JpdGUifQ.gWfk2ICzW3\
    Dpv_Rx7PxKf0YGhon1jjnmaw438sDWpiznAkUScXsiEX1Y-uGJ7d1n5BEbuElJyXrS8oBD8ZQmvQ";

/// On P-256.
pub(super) const ES256_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEiWnzhUJB7Ce5VcSfkHZxvyKRLdth\n\
E7ytHng8kKiJnuSOziGx0H3nnFQ04UFFr9NqRXaL8ufeUXBUnvMwTFvfLA==\n\
-----END PUBLIC KEY-----\n";

/// A coordinate of [`ES256_PEM`].
pub(super) const ES256_X: &str = "iWnzhUJB7Ce5VcSfkHZxvyKRLdthE7ytHng8kKiJnuQ";

/// The other one.
pub(super) const ES256_Y: &str = "js4hsdB955xUNOFBRa_TakV2i_Ln3lFwVJ7zMExb3yw";

/// Signed with [`EDDSA_PEM`]'s private half.
pub(super) const EDDSA_TOKEN: &str = "eyJhbGciOiAiRWREU0EiLCAia2lkIjogImVkIiwgInR5cCI6ICJKV1QifQ.eyJpc3MiOiAiaHR0cHM6Ly9sb2dpbi5leGFtcGxlL\
    mNvbSIsICJhdWQiOiBbIm90aGVyIiwgImNvbnNpZ24iXSwgInN1YiI6ICJhdXRoMHw0MiIsICJleHAiOiAxOTAwMDAwMDAwLCAib\
    mJmIjogMTcwMDAwMDAwMCwgInRpZXIiOiAicHJvIiwgInNjb3BlIjogImZpbGVzOnJlYWQgZmlsZXM6d3JpdGUifQ.IkIGbrLDO_\
    kTuj6DN5sJ5aIrmwvfLYdp5kIV6d4lTYdQvhFlYqFSkV0N1oLADQ3P2ch8IR24caz5Gl3Se4eDBg";

/// On Ed25519.
pub(super) const EDDSA_PEM: &str = "-----BEGIN PUBLIC KEY-----\n\
MCowBQYDK2VwAyEAB7AzEMCkxQeZej9HvUwtE81CYQUtBEjEfsmMBwrQbJ4=\n\
-----END PUBLIC KEY-----\n";

/// The point of [`EDDSA_PEM`].
pub(super) const EDDSA_X: &str = "B7AzEMCkxQeZej9HvUwtE81CYQUtBEjEfsmMBwrQbJ4";
