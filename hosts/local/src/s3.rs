//! The S3 of this process and its credentials: from the arguments, else from the policy, else from the environment.

use std::collections::HashMap;

use anyhow::Context as _;
use clap::Args;
use consign_aws::{S3Options, S3Store};
use consign_core::config::StoreConfig;
use consign_core::policy::StoreProvider;
use consign_core::sigv4::{Addressing, Credentials, Secret, Signer, SignerConfig};

/// Arguments of a command that uses an S3.
#[derive(Debug, Clone, Default, Args)]
pub struct S3Args {
    /// The S3, such as MinIO [default: the policy's]
    #[arg(long, value_name = "URL", env = "S3_ENDPOINT")]
    pub s3_endpoint: Option<String>,
    /// The S3 as browsers reach it, for signed URLs [default: the policy's, else the S3 itself]
    #[arg(long, value_name = "URL", env = "S3_PUBLIC_ENDPOINT")]
    pub s3_public_endpoint: Option<String>,
    /// The kind of S3: s3, minio (any other S3 server too) or r2 [default: the policy's, else detected from the
    /// endpoint]
    #[arg(long, value_name = "KIND", env = "S3_PROVIDER", value_parser = provider)]
    pub s3_provider: Option<StoreProvider>,
    /// The region [default: the policy's, else us-east-1, or auto for R2]
    #[arg(long, value_name = "REGION", env = "S3_REGION")]
    pub s3_region: Option<String>,
}

impl S3Args {
    /// Returns the endpoint for browsers, if given.
    pub fn public_endpoint(&self) -> Option<String> {
        filled(self.s3_public_endpoint.as_ref())
    }
}

/// The variables of the credentials if the policy names none, in this order.
const CREDENTIALS: [[&str; 3]; 2] = [
    ["S3_ACCESS_KEY", "S3_SECRET_KEY", "S3_SESSION_TOKEN"],
    [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ],
];
/// The variable of the webhook's secret if the policy names none.
const EVENT_TOKEN: &str = "S3_EVENT_TOKEN";

fn provider(text: &str) -> Result<StoreProvider, String> {
    match text.parse()? {
        StoreProvider::Embedded => Err("must be `s3`, `minio` or `r2`".to_owned()),
        other @ (StoreProvider::S3 | StoreProvider::Minio | StoreProvider::R2) => Ok(other),
    }
}

/// An S3, and how to reach it.
#[derive(Debug)]
pub struct S3 {
    /// The kind of store.
    pub provider: StoreProvider,
    /// The endpoint for this process. `None` means AWS's own of the region.
    pub endpoint: Option<String>,
    /// The endpoint for clients.
    pub public_endpoint: Option<String>,
    /// The secret of its webhook. Without one, no event is accepted from outside.
    pub event_token: Option<Secret>,
    /// Region, addressing and credentials.
    pub access: Access,
}

impl S3 {
    /// Returns the S3 of the arguments, or else of the policy. `None` if neither names one, and the embedded store is
    /// used.
    ///
    /// # Errors
    /// If the credentials are missing.
    pub fn find(
        args: &S3Args,
        store: &StoreConfig,
        environment: &HashMap<String, String>,
    ) -> anyhow::Result<Option<Self>> {
        let endpoint = filled(args.s3_endpoint.as_ref());
        let is_embedded = store.provider == StoreProvider::Embedded;
        if is_embedded && endpoint.is_none() && args.s3_provider.is_none() {
            return Ok(None);
        }
        let endpoint = endpoint.or_else(|| store.endpoint.clone());
        let provider = match (args.s3_provider, store.provider) {
            (Some(given), _) => given,
            (None, StoreProvider::Embedded) => {
                endpoint.as_deref().map_or(StoreProvider::S3, detect)
            }
            (None, configured @ (StoreProvider::S3 | StoreProvider::Minio | StoreProvider::R2)) => {
                configured
            }
        };
        let (own_region, own_addressing) = match provider {
            StoreProvider::S3 => ("us-east-1", Addressing::Virtual),
            StoreProvider::R2 => ("auto", Addressing::Path),
            StoreProvider::Minio | StoreProvider::Embedded => ("us-east-1", Addressing::Path),
        };
        let get = |name: &str| environment.get(name).filter(|value| !value.is_empty());
        let region = filled(args.s3_region.as_ref())
            .or_else(|| (!is_embedded).then(|| store.region.clone()))
            .or_else(|| get("AWS_REGION").cloned())
            .unwrap_or_else(|| own_region.to_owned());
        let addressing = if is_embedded {
            own_addressing
        } else {
            store.addressing
        };
        Ok(Some(Self {
            provider,
            public_endpoint: args
                .public_endpoint()
                .or_else(|| store.public_endpoint.clone())
                .or_else(|| endpoint.clone()),
            endpoint,
            event_token: store
                .event_token
                .clone()
                .or_else(|| get(EVENT_TOKEN).map(|token| token.as_str().into())),
            access: Access {
                region,
                addressing,
                credentials: credentials(store, environment)?,
            },
        }))
    }

    /// Creates a client.
    pub fn store(&self) -> S3Store {
        self.access.store(self.endpoint.as_deref())
    }

    /// Returns the URL of the endpoint for this process.
    pub fn endpoint_url(&self) -> String {
        let own = || format!("https://s3.{}.amazonaws.com", self.access.region);
        self.endpoint.clone().unwrap_or_else(own)
    }

    /// Returns the URL of the endpoint for clients.
    pub fn public_url(&self) -> String {
        let public = self.public_endpoint.clone();
        public.unwrap_or_else(|| self.endpoint_url())
    }
}

/// Returns a variable that is not empty.
fn filled(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// Detects the kind of store from the host name of an endpoint.
fn detect(endpoint: &str) -> StoreProvider {
    let rest = endpoint
        .split_once("://")
        .map_or(endpoint, |(_, rest)| rest);
    let host = rest.split([':', '/']).next().unwrap_or_default();
    let host = host.to_ascii_lowercase();
    if host.ends_with(".amazonaws.com") || host.ends_with(".amazonaws.com.cn") {
        StoreProvider::S3
    } else if host.ends_with(".r2.cloudflarestorage.com") {
        StoreProvider::R2
    } else {
        StoreProvider::Minio
    }
}

fn credentials(
    store: &StoreConfig,
    environment: &HashMap<String, String>,
) -> anyhow::Result<Credentials> {
    if let Some(configured) = &store.credentials {
        return Ok(Credentials {
            access_key: configured.access_key.clone(),
            secret_key: configured.secret_key.clone(),
            session_token: configured.session_token.clone(),
            expires_at: None,
        });
    }
    let get = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let [access, secret, session] = CREDENTIALS
        .into_iter()
        .find(|[access, ..]| get(access).is_some())
        .context(
            "S3_ACCESS_KEY and S3_SECRET_KEY (or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY) are not set; another store \
             than the embedded one needs them",
        )?;
    Ok(Credentials {
        access_key: get(access).cloned().unwrap_or_default(),
        secret_key: get(secret)
            .map(|secret| secret.as_str().into())
            .with_context(|| format!("{secret} is not set, but {access} is"))?,
        session_token: get(session).map(|token| token.as_str().into()),
        expires_at: None,
    })
}

/// What a signature needs, whatever the endpoint.
#[derive(Debug)]
pub struct Access {
    /// The region in signatures.
    pub region: String,
    /// Where a URL has the bucket's name.
    pub addressing: Addressing,
    /// The credentials.
    pub credentials: Credentials,
}

impl Access {
    /// Creates the signer for clients of the endpoint.
    pub fn signer(&self, endpoint: Option<&str>) -> anyhow::Result<Signer> {
        let config = SignerConfig {
            endpoint,
            region: &self.region,
            addressing: self.addressing,
            credentials: self.credentials.clone(),
        };
        Signer::new(config).context("the store's endpoint or credentials cannot sign")
    }

    /// Creates a client of the endpoint.
    pub fn store(&self, endpoint: Option<&str>) -> S3Store {
        let token = self.credentials.session_token.as_ref();
        S3Store::new(&S3Options {
            endpoint: endpoint.map(str::to_owned),
            region: self.region.clone(),
            path_style: self.addressing == Addressing::Path,
            access_key: self.credentials.access_key.clone(),
            secret_key: self.credentials.secret_key.expose().to_owned(),
            session_token: token.map(|token| token.expose().to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use consign_core::config::Config;

    use super::*;

    fn config(store: &str) -> StoreConfig {
        let text = format!(
            "[auth]\nissuer = \"i\"\naudience = \"a\"\n[[auth.keys]]\nalg = \"HS256\"\nsecret_env = \"S\"\n\
             [store]\n{store}\n[category.c]\nbucket = \"bucket\"\nkey = \"in/{{owner}}/{{file_id}}.{{ext}}\"\n\
             ingest = \"verify\"\nextensions = [\"csv\"]\nsize_max = 7\n"
        );
        let secret =
            |name: &str| Some(format!("{name} and enough bytes to be a secret of its own"));
        Config::parse(&text, &secret).unwrap().store
    }

    fn variables(pairs: &[(&str, &str)]) -> HashMap<String, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(owned).collect()
    }

    fn at(endpoint: &str) -> S3Args {
        S3Args {
            s3_endpoint: Some(endpoint.to_owned()),
            ..S3Args::default()
        }
    }

    const KEYS: [(&str, &str); 2] = [("S3_ACCESS_KEY", "k"), ("S3_SECRET_KEY", "s")];

    #[test]
    fn without_an_endpoint_the_embedded_store_is_used() {
        let store = config("provider = \"embedded\"");
        let found = |args: &S3Args| S3::find(args, &store, &variables(&[])).unwrap();
        assert!(found(&S3Args::default()).is_none());
        assert!(found(&at("")).is_none());
    }

    #[test]
    fn the_kind_is_detected_from_the_endpoint_unless_given() {
        let store = config("provider = \"embedded\"");
        for (endpoint, provider, region, addressing) in [
            (
                "http://127.0.0.1:9000",
                StoreProvider::Minio,
                "us-east-1",
                Addressing::Path,
            ),
            (
                "https://s3.eu-central-1.amazonaws.com",
                StoreProvider::S3,
                "us-east-1",
                Addressing::Virtual,
            ),
            (
                "https://id.r2.cloudflarestorage.com",
                StoreProvider::R2,
                "auto",
                Addressing::Path,
            ),
            (
                "https://amazonaws.com.example.org",
                StoreProvider::Minio,
                "us-east-1",
                Addressing::Path,
            ),
        ] {
            let found = S3::find(&at(endpoint), &store, &variables(&KEYS))
                .unwrap()
                .unwrap();
            assert_eq!(
                (
                    found.provider,
                    found.access.region.as_str(),
                    found.access.addressing
                ),
                (provider, region, addressing),
                "{endpoint}"
            );
            assert_eq!(found.public_url(), endpoint);
        }
        let given = S3Args {
            s3_provider: Some(StoreProvider::R2),
            ..at("http://127.0.0.1:9000")
        };
        let found = S3::find(&given, &store, &variables(&KEYS))
            .unwrap()
            .unwrap();
        assert_eq!(found.provider, StoreProvider::R2);
    }

    #[test]
    fn arguments_override_the_policy_and_the_policy_the_environment() {
        let store = config(
            "provider = \"minio\"\nendpoint = \"http://inside:9000\"\npublic_endpoint = \"https://outside\"\n\
             access_key_env = \"OWN_KEY\"\nsecret_key_env = \"OWN_SECRET\"\nevent_token_env = \"OWN_TOKEN\"",
        );
        let environment = variables(&[
            KEYS[0],
            KEYS[1],
            ("S3_EVENT_TOKEN", "t"),
            ("AWS_REGION", "r"),
        ]);
        let found = S3::find(&S3Args::default(), &store, &environment)
            .unwrap()
            .unwrap();
        assert_eq!(found.endpoint_url(), "http://inside:9000");
        assert_eq!(found.public_url(), "https://outside");
        assert!(found.access.credentials.access_key.starts_with("OWN_KEY"));
        assert!(found.event_token.unwrap().expose().starts_with("OWN_TOKEN"));
        assert_eq!(found.access.region, "us-east-1");
        let found = S3::find(&at("http://other:9000"), &store, &environment)
            .unwrap()
            .unwrap();
        assert_eq!(found.endpoint_url(), "http://other:9000");
        assert_eq!(found.public_url(), "https://outside");
    }

    #[test]
    fn credentials_are_complete_or_reported_as_missing() {
        let store = config("provider = \"embedded\"");
        let find = |pairs: &[(&str, &str)]| S3::find(&at("http://m"), &store, &variables(pairs));
        let aws = [
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_SESSION_TOKEN", "c"),
        ];
        let found = find(&aws).unwrap().unwrap();
        assert_eq!(found.access.credentials.access_key, "a");
        assert!(found.access.credentials.session_token.is_some());
        assert!(found.event_token.is_none());
        assert!(find(&[]).unwrap_err().to_string().contains("S3_ACCESS_KEY"));
        assert!(
            find(&KEYS[..1])
                .unwrap_err()
                .to_string()
                .contains("S3_SECRET_KEY is not set")
        );
    }
}
