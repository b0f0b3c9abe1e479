//! Tokens, and URLs signed with the store's own secret as AWS's Signature Version 4 has it, without the limits of an honest signer.

use base16ct::lower;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

/// The keys of a store.
#[derive(Debug, Clone)]
pub struct StoreKeys {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The access key.
    pub access_key: String,
    /// The secret key.
    pub secret_key: String,
}

/// Seconds since 1970.
#[must_use]
pub fn now_s() -> i64 {
    now().timestamp()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the host's clock is this system's"
)]
fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A token of the suite's issuer for an hour; `typ` stands in its head.
#[must_use]
pub fn token(secret: &str, (owner, tier): (&str, Option<&str>), typ: &str) -> String {
    let now_s = now_s();
    // Long ago, so that it is good by a clock that is set back as well.
    let issued_at = now_s - 2 * 24 * 3600;
    let head = serde_json::json!({"alg": "HS256", "typ": typ});
    let mut body = serde_json::json!({
        "iss": "consign-hostile", "aud": "consign", "sub": owner,
        "iat": issued_at, "nbf": issued_at, "exp": now_s + 3600,
    });
    if let Some(tier) = tier {
        body["tier"] = tier.into();
    }
    let encode = |text: String| BASE64_URL_SAFE_NO_PAD.encode(text);
    let message = format!("{}.{}", encode(head.to_string()), encode(body.to_string()));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(mac(secret.as_bytes(), message.as_bytes()));
    format!("{message}.{signature}")
}

impl StoreKeys {
    /// A URL for the method that lives for as long as said, however long that is. `key` needs no escapes.
    #[must_use]
    pub fn presign(&self, method: &str, (bucket, key): (&str, &str), expires_s: u64) -> String {
        let at = now().format("%Y%m%dT%H%M%SZ").to_string();
        let day = &at[..8];
        let scope = format!("{day}/us-east-1/s3/aws4_request");
        let host = self.endpoint.trim_start_matches("http://");
        let path = format!("/{bucket}/{key}");
        let credential = format!("{}/{scope}", self.access_key).replace('/', "%2F");
        let query = format!(
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={credential}&X-Amz-Date={at}\
             &X-Amz-Expires={expires_s}&X-Amz-SignedHeaders=host"
        );
        let canonical = format!("{method}\n{path}\n{query}\nhost:{host}\n\nhost\nUNSIGNED-PAYLOAD");
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{at}\n{scope}\n{}",
            hex_sha256(canonical.as_bytes())
        );
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for step in [day, "us-east-1", "s3", "aws4_request"] {
            key = mac(&key, step.as_bytes());
        }
        let signature = lower::encode_string(&mac(&key, to_sign.as_bytes()));
        format!(
            "{}{path}?{query}&X-Amz-Signature={signature}",
            self.endpoint
        )
    }
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length will do");
    let made = mac.chain_update(message).finalize().into_bytes();
    made.to_vec()
}

/// The SHA-256 in lower-case hexadecimal.
#[must_use]
pub fn hex_sha256(bytes: &[u8]) -> String {
    lower::encode_string(&Sha256::digest(bytes))
}
