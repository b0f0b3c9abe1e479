//! What a system in memory is configured with: its keys, its signer, and requests with a token that it accepts.

use bytes::Bytes;
use consign_core::auth::{NewToken, mint_hs256};
use consign_core::config::Config;
use consign_core::sigv4::{Addressing, Credentials, Secret, Signer, SignerConfig};
use consign_core::time::Timestamp;
use http::Request;

/// The bucket of every category.
pub const BUCKET: &str = "files";
/// A bucket that the store has and no category names.
pub const OTHER_BUCKET: &str = "elsewhere";
const ACCESS_KEY: &str = "key";
const SECRET: &str = "a secret of a test, known to all the world";

/// Returns the configuration with these tiers and categories.
///
/// # Errors
/// What is wrong with them.
pub fn config(categories: &str) -> Result<Config, String> {
    let text = format!(
        "[auth]\nissuer = \"t\"\naudience = \"t\"\n[[auth.keys]]\nalg = \"HS256\"\nsecret_env = \"S\"\n\
         [store]\nprovider = \"embedded\"\n{categories}"
    );
    let config = Config::parse(&text, &|_| Some(SECRET.to_owned()));
    config.map_err(|error| error.to_string())
}

/// Returns the signer of URLs.
///
/// # Errors
/// What is wrong with its configuration.
pub fn signer() -> Result<Signer, String> {
    let signer = Signer::new(SignerConfig {
        endpoint: Some("http://localhost:9000"),
        region: "us-east-1",
        addressing: Addressing::Path,
        credentials: Credentials {
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET.to_owned().into(),
            session_token: None,
            expires_at: None,
        },
    });
    signer.map_err(|error| error.to_string())
}

/// Returns the secret key of an access key, for a store that verifies what was signed.
#[must_use]
pub fn secret_of(access_key: &str) -> Option<Secret> {
    (access_key == ACCESS_KEY).then(|| SECRET.to_owned().into())
}

/// Returns a request of an owner, with a token that is valid from `issued_at` on for `life_s` seconds.
#[must_use]
pub fn request(
    owner: &str,
    body: Bytes,
    headers: &[(&str, &str)],
    (issued_at, life_s): (Timestamp, u32),
) -> Option<Request<Bytes>> {
    let token = NewToken {
        issuer: "t",
        audience: "t",
        owner,
        tier: None,
        kid: None,
        issued_at,
        life_s,
    };
    let token = mint_hs256(SECRET.as_bytes(), &token).ok()?;
    let mut request = Request::builder().header("authorization", format!("Bearer {token}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(body).ok()
}
