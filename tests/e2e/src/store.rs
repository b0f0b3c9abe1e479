//! The store as one who knows its secret reaches it, and a store that tells nobody of what it gets.

use std::net::SocketAddr;
use std::time::SystemTime;

use consign_core::sigv4::{Addressing, Credentials, Operation, Request, Signer, SignerConfig};
use consign_embedded::{EmbeddedS3, Options, Running};
use jiff::Timestamp;

use crate::host::{free_port, now};

const ACCESS_KEY: &str = "consign";
const SECRET_KEY: &str = "the silent store's own secret key";

/// Signs for a store with its own secret.
#[derive(Debug)]
pub struct Access {
    signer: Signer,
    http: reqwest::Client,
}

impl Access {
    /// For the store at the endpoint given.
    #[must_use]
    pub fn new(endpoint: &str, secret: &str) -> Self {
        let config = SignerConfig {
            endpoint: Some(endpoint),
            region: "us-east-1",
            addressing: Addressing::Path,
            credentials: Credentials {
                access_key: ACCESS_KEY.to_owned(),
                secret_key: secret.into(),
                session_token: None,
                expires_at: None,
            },
        };
        Self {
            signer: Signer::new(config).unwrap(),
            http: crate::user::http(),
        }
    }

    /// A PUT of so many bytes of CSV, once, as the functions sign it, but signed as long ago as said.
    #[must_use]
    pub fn put_signed_ago(&self, (bucket, key): (&str, &str), length: usize, ago_s: i64) -> String {
        let length = length.to_string();
        let request = Request {
            operation: Operation::PutObject,
            bucket,
            key,
            headers: &[
                ("content-type", "text/csv"),
                ("content-length", &length),
                ("if-none-match", "*"),
            ],
            query: &[],
            expires_s: 120,
        };
        let at = Timestamp::from_second(now().as_second() - ago_s).unwrap();
        self.signer.presign(&request, at).unwrap()
    }

    /// The bytes of an object; `None` where there is none.
    pub async fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let request = Request {
            operation: Operation::GetObject,
            bucket,
            key,
            headers: &[],
            query: &[],
            expires_s: 60,
        };
        let url = self.signer.presign(&request, now()).unwrap();
        let answer = self.http.get(url).send().await.unwrap();
        match answer.status().as_u16() {
            200 => Some(answer.bytes().await.unwrap().to_vec()),
            404 => None,
            other => unreachable!("the store answered {other}"),
        }
    }
}

/// A store in this process whose events go nowhere.
#[derive(Debug)]
pub struct SilentStore {
    /// Its endpoint.
    pub url: String,
    _running: Running,
    _folder: tempfile::TempDir,
}

impl SilentStore {
    /// Starts it with the bucket of the suite's policy.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            root: folder.path().to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
            buckets: vec![crate::BUCKET.to_owned()],
            cors_origins: Vec::new(),
        };
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let lost = |_: String| async { Ok(()) };
        #[expect(
            clippy::disallowed_methods,
            reason = "the store takes its clock as an argument"
        )]
        let running = EmbeddedS3::start(options, listener, lost, SystemTime::now).unwrap();
        Self {
            url: format!("http://{address}"),
            _running: running,
            _folder: folder,
        }
    }

    /// What a host that uses it finds in its environment.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        [
            ("CONSIGN_S3_ENDPOINT", self.url.as_str()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}
