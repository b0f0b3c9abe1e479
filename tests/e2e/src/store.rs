//! The store as one who knows its secret reaches it, and a store that tells nobody of what it gets.

use std::net::SocketAddr;
use std::time::SystemTime;

use consign_core::sigv4::{Addressing, Credentials, Operation, Request, Signer, SignerConfig};
use consign_core::time;
use consign_embedded::{EmbeddedS3, Options, Running};

use crate::policy::SUITE_BUCKET;
use crate::settings::now;
use ports::free_port;

/// Where a store is, and how one gets in.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) endpoint: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

/// Signs for a store with its own secret.
#[derive(Debug)]
pub struct Access {
    endpoint: String,
    signer: Signer,
    http: reqwest::Client,
}

impl Access {
    pub(crate) fn new(account: &Account) -> Self {
        let config = SignerConfig {
            endpoint: Some(&account.endpoint),
            region: "us-east-1",
            addressing: Addressing::Path,
            credentials: Credentials {
                access_key: account.access_key.clone(),
                secret_key: account.secret_key.as_str().into(),
                session_token: None,
                expires_at: None,
            },
        };
        Self {
            endpoint: account.endpoint.clone(),
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
        let at = time::from_secs(now().timestamp() - ago_s).unwrap();
        self.signer.presign(&request, at).unwrap()
    }

    /// Where an object is, for nobody who has to sign.
    #[must_use]
    pub fn url(&self, bucket: &str, key: &str) -> String {
        format!("{}/{bucket}/{key}", self.endpoint)
    }

    /// An object's headers.
    pub async fn head(&self, bucket: &str, key: &str) -> reqwest::header::HeaderMap {
        let url = self.presign(Operation::HeadObject, (bucket, key));
        let answer = self.http.head(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.headers().clone()
    }

    /// The bytes of an object; `None` where there is none.
    pub async fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let url = self.presign(Operation::GetObject, (bucket, key));
        let answer = self.http.get(url).send().await.unwrap();
        match answer.status().as_u16() {
            200 => Some(answer.bytes().await.unwrap().to_vec()),
            404 => None,
            other => unreachable!("the store answered {other}"),
        }
    }

    fn presign(&self, operation: Operation, (bucket, key): (&str, &str)) -> String {
        let request = Request {
            operation,
            bucket,
            key,
            headers: &[],
            query: &[],
            expires_s: 60,
        };
        self.signer.presign(&request, now()).unwrap()
    }
}

/// A store in this process whose events go nowhere.
#[derive(Debug)]
pub struct SilentStore {
    account: Account,
    _running: Running,
    _folder: tempfile::TempDir,
}

impl SilentStore {
    /// Starts it with the bucket of the suite's policy.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let account = Account {
            endpoint: format!("http://{address}"),
            access_key: "consign".to_owned(),
            secret_key: "the silent store's own secret key".to_owned(),
        };
        let options = Options {
            root: folder.path().to_owned(),
            access_key: account.access_key.clone(),
            secret_key: account.secret_key.clone(),
            buckets: vec![SUITE_BUCKET.to_owned()],
            cors_origins: Vec::new(),
            abort_parts_after: std::time::Duration::from_secs(10 * 86_400),
        };
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let lost = |_: String| async { Ok(()) };
        #[expect(
            clippy::disallowed_methods,
            reason = "the store takes its clock as an argument"
        )]
        let running = EmbeddedS3::start(options, listener, lost, SystemTime::now).unwrap();
        Self {
            account,
            _running: running,
            _folder: folder,
        }
    }

    /// Its endpoint.
    #[must_use]
    pub fn url(&self) -> String {
        self.account.endpoint.clone()
    }

    /// Its access key and secret key.
    #[must_use]
    pub fn keys(&self) -> (String, String) {
        let Account {
            access_key,
            secret_key,
            ..
        } = self.account.clone();
        (access_key, secret_key)
    }

    pub(crate) fn account(&self) -> Account {
        self.account.clone()
    }
}
