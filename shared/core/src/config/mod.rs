//! `consign.toml`, read once at start into checked types. All errors are reported together.

use std::fmt;

use thiserror::Error;

use crate::auth::{Algorithm, AuthConfig, AuthConfigError, AuthKey, Authenticator, Jwk};
use crate::events::EventSources;
use crate::policy::fields::{Errors, Fields};
use crate::policy::units::duration_s;
use crate::policy::{Policy, StoreProvider};
use crate::problem::FieldError;
use crate::sigv4::{Addressing, Secret};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which tokens are accepted.
    pub auth: AuthConfig,
    /// The object store. A host may use its own instead, as the local one does.
    pub store: StoreConfig,
    /// What may be uploaded.
    pub policy: Policy,
}

/// `[store]`.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The kind of store.
    pub provider: StoreProvider,
    /// The region in signatures.
    pub region: String,
    /// The endpoint for the functions: scheme, host and port, no path. `None` means AWS's own, or the embedded store.
    pub endpoint: Option<String>,
    /// The endpoint for clients, which signed URLs name. `None` means `endpoint`.
    pub public_endpoint: Option<String>,
    /// Where URLs have the bucket's name.
    pub addressing: Addressing,
    /// `None` if the host provides credentials, as a Lambda's role does.
    pub credentials: Option<StoreCredentials>,
    /// Web origins that may access the buckets and the functions.
    pub origins: Vec<String>,
    /// The secret that a webhook must send (invariant 22).
    pub event_token: Option<Secret>,
}

/// An access key for the store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the protocol's")]
pub struct StoreCredentials {
    pub access_key: String,
    pub secret_key: Secret,
    pub session_token: Option<Secret>,
}

/// All errors of a configuration, one per line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct ConfigError {
    /// The invalid fields, with their paths.
    pub errors: Vec<FieldError>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (
            index,
            FieldError {
                field,
                code: _,
                detail,
            },
        ) in self.errors.iter().enumerate()
        {
            let line = if index == 0 { "" } else { "\n" };
            write!(formatter, "{line}{field} {detail}")?;
        }
        Ok(())
    }
}

/// Returns the value of a secret by its name, such as that of an environment variable.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads a configuration. `secret` returns the values for the names in `…_env`.
    pub fn parse(toml_text: &str, secret: Lookup<'_>) -> Result<Self, ConfigError> {
        Self::parse_with(toml_text, secret, secret)
    }

    /// Like `parse`, with separate lookups for the secrets of tokens and of the store. A host that accepts no tokens
    /// need not know their secrets.
    pub fn parse_with(
        toml_text: &str,
        token_secret: Lookup<'_>,
        store_secret: Lookup<'_>,
    ) -> Result<Self, ConfigError> {
        let values = toml::from_str(toml_text).map_err(|error: toml::de::Error| {
            let detail = format!("is not TOML: {}", error.to_string().trim_end());
            ConfigError {
                errors: vec![FieldError {
                    field: "consign.toml".to_owned(),
                    code: "invalid".into(),
                    detail,
                }],
            }
        })?;
        let errors = Errors::default();
        let mut root = Fields::new(values, &errors);
        let auth = root
            .required("auth", Fields::object)
            .and_then(|fields| read_auth(fields, token_secret));
        let store = root
            .required("store", Fields::object)
            .and_then(|fields| read_store(fields, store_secret));
        let (store, sources) = store.unzip();
        let provider = store
            .as_ref()
            .map_or(StoreProvider::S3, |store| store.provider);
        let policy = Policy::read(&mut root, provider, sources.unwrap_or_default());
        root.finish();
        match (auth, store, errors.into_vec()) {
            (Some(auth), Some(store), errors) if errors.is_empty() => Ok(Self {
                auth,
                store,
                policy,
            }),
            (_, _, errors) => Err(ConfigError { errors }),
        }
    }
}

fn read_auth(mut f: Fields<'_>, secret: Lookup<'_>) -> Option<AuthConfig> {
    let filled = |text: &str| {
        if text.is_empty() {
            Err("must not be empty".to_owned())
        } else {
            Ok(text.to_owned())
        }
    };
    let issuer = f.required("issuer", |f, name| f.parsed(name, filled));
    let audience = f.required("audience", |f, name| f.parsed(name, filled));
    let leeway = f.measure("leeway", duration_s);
    let leeway = f.within("leeway", leeway, 0..=600).unwrap_or(30);
    let listed = f.list("keys");
    let given = listed.len();
    let keys: Vec<_> = listed
        .into_iter()
        .filter_map(|fields| read_key(fields, secret))
        .collect();
    let complete = keys.len() == given;
    let config = AuthConfig {
        issuer: issuer.unwrap_or_default(),
        audience: audience.unwrap_or_default(),
        leeway_s: u32::try_from(leeway).unwrap_or(30),
        keys,
    };
    if complete && let Err(error) = Authenticator::new(&config) {
        let code = match error {
            AuthConfigError::NoKeys => "required",
            AuthConfigError::SameKid => "conflict",
        };
        f.wrong("keys", code, error.to_string());
    }
    f.finish();
    Some(config)
}

fn read_key(mut f: Fields<'_>, secret: Lookup<'_>) -> Option<AuthKey> {
    let kid = f.text("kid");
    let algorithm = f.required("alg", |f, name| f.parsed(name, str::parse::<Algorithm>));
    let shared = secret_value(&mut f, "secret_env", secret);
    let has_shared = shared.is_some() || f.errors.has(&f.path("secret_env"));
    let pem = f.text("public_key_pem");
    let jwk = Jwk {
        x: f.text("x"),
        y: f.text("y"),
        n: f.text("n"),
        e: f.text("e"),
    };
    let has_jwk = [&jwk.x, &jwk.y, &jwk.n, &jwk.e]
        .into_iter()
        .any(Option::is_some);
    let given = algorithm.and_then(|algorithm| match (algorithm, has_shared, &pem, has_jwk) {
        (Algorithm::Hs256, true, None, false) => {
            let key = AuthKey::hs256(kid, shared?.expose().as_bytes());
            Some(("secret_env", key))
        }
        (Algorithm::Hs256, ..) => {
            f.wrong(
                "secret_env",
                "required",
                "is required with HS256 and must be the only key material",
            );
            None
        }
        (public, false, Some(pem), false) => {
            Some(("public_key_pem", AuthKey::from_pem(kid, public, pem)))
        }
        (public, false, None, true) => {
            // The member that the key is read from.
            let field = match public {
                Algorithm::Rs256 => "n",
                Algorithm::Es256 | Algorithm::EdDsa | Algorithm::Hs256 => "x",
            };
            Some((field, AuthKey::from_jwk(kid, public, &jwk)))
        }
        (public, ..) => {
            let detail = format!(
                "is required with {}: either this or the members of a JWK",
                public.as_str()
            );
            f.wrong("public_key_pem", "required", detail);
            None
        }
    });
    let key = given.and_then(|(field, key)| {
        key.map_err(|error| f.wrong(field, "invalid", error.to_string()))
            .ok()
    });
    f.finish();
    key
}

/// Returns the secret whose name a field contains.
fn secret_value(f: &mut Fields<'_>, field: &'static str, secret: Lookup<'_>) -> Option<Secret> {
    f.parsed(field, |name| match secret(name) {
        Some(value) if !value.is_empty() => Ok(Secret::from(value)),
        Some(_) | None => Err(format!("names `{name}`, which is not set")),
    })
}

fn read_store(mut f: Fields<'_>, secret: Lookup<'_>) -> Option<(StoreConfig, EventSources)> {
    let provider = f.required("provider", |f, name| {
        f.parsed(name, str::parse::<StoreProvider>)
    });
    let region = f.parsed("region", |text| {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        (plain && (1..=64).contains(&text.len()))
            .then(|| text.to_owned())
            .ok_or_else(|| "must be a region such as `eu-central-1`".to_owned())
    });
    let endpoint = f.parsed("endpoint", origin);
    let public_endpoint = f.parsed("public_endpoint", origin);
    let addressing = f.parsed("addressing", |text| match text {
        "path" => Ok(Addressing::Path),
        "virtual" => Ok(Addressing::Virtual),
        _ => Err("must be `path` or `virtual`".to_owned()),
    });
    let credentials = read_credentials(&mut f, secret);
    let origins = read_origins(&mut f);
    let event_token = secret_value(&mut f, "event_token_env", secret);
    let sources = EventSources::with(f.texts("event_sources").unwrap_or_default());
    if sources.is_none() {
        let detail = "must list names such as `ceph:s3`, without those that are always accepted: `aws:s3`, `minio:s3`, `rustfs:s3`";
        f.wrong("event_sources", "invalid", detail);
    }
    let own = provider.map(|provider| match provider {
        StoreProvider::S3 => ("us-east-1", Addressing::Virtual, true),
        StoreProvider::Minio => ("us-east-1", Addressing::Path, false),
        StoreProvider::R2 => ("auto", Addressing::Path, false),
        StoreProvider::Embedded => ("us-east-1", Addressing::Path, true),
    });
    if endpoint.is_none() && matches!(own, Some((_, _, false))) {
        let _: Option<()> = required_if_unreported(&f, "endpoint");
    }
    f.finish();
    let (provider, (own_region, own_addressing, _)) = provider.zip(own)?;
    let config = StoreConfig {
        provider,
        region: region.unwrap_or_else(|| own_region.to_owned()),
        endpoint,
        public_endpoint,
        addressing: addressing.unwrap_or(own_addressing),
        credentials,
        origins,
        event_token,
    };
    Some((config, sources.unwrap_or_default()))
}

fn read_credentials(f: &mut Fields<'_>, secret: Lookup<'_>) -> Option<StoreCredentials> {
    let access_key = secret_value(f, "access_key_env", secret);
    let secret_key = secret_value(f, "secret_key_env", secret);
    let session_token = secret_value(f, "session_token_env", secret);
    match (access_key, secret_key) {
        (Some(access_key), Some(secret_key)) => Some(StoreCredentials {
            access_key: access_key.expose().to_owned(),
            secret_key,
            session_token,
        }),
        (None, None) => None,
        (Some(_), None) => required_if_unreported(f, "secret_key_env"),
        (None, Some(_)) => required_if_unreported(f, "access_key_env"),
    }
}

fn read_origins(f: &mut Fields<'_>) -> Vec<String> {
    let origins = f.texts("origins").unwrap_or_default();
    for bad in origins
        .iter()
        .filter(|text| *text != "*" && origin(text).as_ref() != Ok(*text))
    {
        let bad: String = bad.chars().filter(|c| !c.is_control()).take(100).collect();
        f.wrong(
            "origins",
            "invalid",
            format!("must list `*` or origins such as `https://app.example.com`, not `{bad}`"),
        );
    }
    origins
}

fn required_if_unreported<T>(f: &Fields<'_>, name: &str) -> Option<T> {
    if !f.errors.has(&f.path(name)) {
        f.wrong(name, "required", "is required here");
    }
    None
}

/// Parses a scheme, a host and an optional port: an endpoint or a web origin (invariant 23).
fn origin(text: &str) -> Result<String, String> {
    let uri = text.parse::<http::Uri>().ok().filter(|uri| {
        let web = matches!(uri.scheme_str(), Some("http" | "https"));
        let bare = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/")
            && !text.ends_with(['/', '?', '#']);
        let host = uri
            .authority()
            .is_some_and(|host| !host.as_str().contains('@') && !host.host().is_empty());
        let port = uri.authority().is_some_and(|authority| {
            let rest = authority.as_str().strip_prefix(authority.host());
            rest == Some("") || authority.port_u16().is_some()
        });
        web && bare && host && port && !text.contains('#')
    });
    let found = uri.map(|_| text.to_ascii_lowercase());
    found.ok_or_else(|| {
        "must be `http://` or `https://`, a host and an optional port, without a path".to_owned()
    })
}

#[cfg(test)]
mod tests;
