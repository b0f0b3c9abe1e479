//! A host to run against, whatever stands behind its base URL, and one that is a process of the test's own.

use std::ops::Deref;

use consign_core::time::Timestamp;

use crate::kind::needed;
use crate::lambda::Stack;
use crate::minio::{EVENT_TOKEN, Lease, Minio};
use crate::policy::rename_buckets;
use crate::process::{Process, Settings};
use crate::settings::{DEV_SECRET, TOKEN_SECRET, environment, now, secret_name};
use crate::store::Account;
use crate::{Access, Kind, Policy, SilentStore, User};
use ports::free_port;

/// The access key of the embedded store.
const EMBEDDED_ACCESS_KEY: &str = "consign";
/// How a signature or a token in the log would look (invariant 24).
const SECRETS: [&str; 5] = [
    "X-Amz-Signature",
    "x-amz-signature",
    "Signature=",
    "eyJ",
    EVENT_TOKEN,
];

/// A host to run against.
#[derive(Debug)]
pub struct Host {
    /// Base URL of the functions, without a slash at the end.
    pub base_url: String,
    policy: toml::Table,
    secret: String,
    account: Account,
    process: Option<Process>,
    stack: Option<&'static Stack>,
    _lease: Option<Lease>,
}

/// A host that is a process of the test's own, to look at, to kill and to start again.
#[derive(Debug)]
pub struct OwnHost(Host);

impl Host {
    /// A host with the policy given, of the kind that the run asks for.
    pub async fn start(policy: Policy) -> Self {
        match Kind::asked() {
            Kind::Embedded => Self::embedded(policy).await,
            Kind::Minio => Self::over_minio(policy).await,
            Kind::Lambda => Self::on_lambda(policy).await,
            Kind::Url => Self::elsewhere(policy),
        }
    }

    async fn embedded(policy: Policy) -> Self {
        let mut policy = policy.table();
        let store = toml::Table::from_iter([("provider".to_owned(), "embedded".into())]);
        policy.insert("store".to_owned(), store.into());
        let address = format!("127.0.0.1:{}", free_port());
        let mut account = Account {
            endpoint: format!("http://{address}"),
            access_key: EMBEDDED_ACCESS_KEY.to_owned(),
            secret_key: String::new(),
        };
        let mut process = Process::new(Settings {
            base_url: format!("http://127.0.0.1:{}", free_port()),
            policy: policy.to_string(),
            args: vec!["--store-listen".to_owned(), address],
            environment: environment(&policy, &[]),
        });
        process.restart().await;
        account.secret_key = process.kept("store-secret");
        Self::of_process(process, policy, account)
    }

    async fn over_minio(policy: Policy) -> Self {
        let minio = Minio::shared().await;
        let lease = minio.lease().await;
        let mut policy = policy.table();
        rename_buckets(&mut policy, |name| lease.bucket(name));
        let account = minio.account();
        let (url, public_url) = (minio.url(), minio.public_url());
        let process = Process::new(Settings {
            base_url: lease.base_url(),
            policy: policy.to_string(),
            args: Vec::new(),
            environment: environment(
                &policy,
                &[
                    ("S3_ENDPOINT", &url),
                    ("S3_PUBLIC_ENDPOINT", &public_url),
                    ("S3_ACCESS_KEY", &account.access_key),
                    ("S3_SECRET_KEY", &account.secret_key),
                    ("S3_EVENT_TOKEN", EVENT_TOKEN),
                    ("S3_QUEUE_ARN", &lease.queue_arn()),
                    // The example's policy names these.
                    ("MINIO_ACCESS_KEY", &account.access_key),
                    ("MINIO_SECRET_KEY", &account.secret_key),
                    ("MINIO_EVENT_TOKEN", EVENT_TOKEN),
                ],
            ),
        });
        let init = process.command(&["bucket", "init"]).output();
        let init = init.expect("the program starts");
        assert!(
            init.status.success(),
            "{}{}",
            String::from_utf8_lossy(&init.stdout),
            String::from_utf8_lossy(&init.stderr)
        );
        let mut host = Self::of_process(process, policy, account);
        host._lease = Some(lease);
        host.start_again().await;
        host
    }

    async fn on_lambda(policy: Policy) -> Self {
        let stack = Stack::shared(policy).await;
        Self {
            base_url: stack.base_url.clone(),
            policy: stack.policy.clone(),
            secret: TOKEN_SECRET.to_owned(),
            account: stack.account.clone(),
            process: None,
            stack: Some(stack),
            _lease: None,
        }
    }

    fn elsewhere(policy: Policy) -> Self {
        let needed = |name: &str| match policy {
            Policy::Suite => needed(name),
            Policy::Reconciliation => needed(&format!("{name}_RECONCILIATION")),
        };
        Self {
            base_url: needed("CONSIGN_E2E_URL").trim_end_matches('/').to_owned(),
            policy: policy.table(),
            secret: needed("CONSIGN_E2E_SECRET"),
            account: Account {
                endpoint: needed("CONSIGN_E2E_S3_ENDPOINT"),
                access_key: needed("CONSIGN_E2E_S3_ACCESS_KEY"),
                secret_key: needed("CONSIGN_E2E_S3_SECRET_KEY"),
            },
            process: None,
            stack: None,
            _lease: None,
        }
    }

    fn of_process(process: Process, policy: toml::Table, account: Account) -> Self {
        let secret = match secret_name(&policy) {
            DEV_SECRET => String::new(),
            _ => TOKEN_SECRET.to_owned(),
        };
        let mut host = Self {
            base_url: process.base_url().to_owned(),
            policy,
            secret,
            account,
            process: Some(process),
            stack: None,
            _lease: None,
        };
        host.learn_secret();
        host
    }

    /// A host in development makes the tokens' secret when it starts for the first time.
    fn learn_secret(&mut self) {
        if let Some(process) = self
            .process
            .as_ref()
            .filter(|process| process.id().is_some())
            && self.secret.is_empty()
        {
            self.secret = process.kept("dev-secret");
        }
    }

    async fn start_again(&mut self) {
        let process = self.process.as_mut().expect("it is a process of ours");
        process.restart().await;
        self.learn_secret();
    }

    /// Kills what is at work, and starts it again: the process, or on Lambda an ingest function.
    ///
    /// # Panics
    /// Where nothing is ours to kill.
    pub async fn strike(&mut self) {
        match self.stack {
            Some(stack) => stack.strike(),
            None => self.start_again().await,
        }
    }

    /// The bucket of its policy's first category.
    #[must_use]
    pub fn bucket(&self) -> &str {
        let categories = self.policy["category"].as_table();
        let first = categories.and_then(|categories| categories.values().next());
        first.expect("there is one")["bucket"]
            .as_str()
            .expect("it is a text")
    }

    /// Its store, as one who knows the secret reaches it.
    #[must_use]
    pub fn store(&self) -> Access {
        Access::new(&self.account)
    }

    /// A user of this host.
    #[must_use]
    pub fn user(&self, owner: &str) -> User {
        self.user_of_tier(owner, None)
    }

    /// A user of this host whose token names a tier.
    #[must_use]
    pub fn user_of_tier(&self, owner: &str, tier: Option<&str>) -> User {
        User::new(&self.base_url, &self.token(owner, tier))
    }

    /// A token that this host takes, good for an hour.
    #[must_use]
    pub fn token(&self, owner: &str, tier: Option<&str>) -> String {
        self.token_from(owner, tier, now())
    }

    /// A token for an operator: with the scope `metrics`.
    #[must_use]
    pub fn operator_token(&self) -> String {
        let token = self.new_token("operator", None, now());
        consign_core::auth::mint_hs256_scoped(self.secret.as_bytes(), &token, Some("metrics"))
            .expect("the secret is long")
    }

    /// The same, issued at another time.
    #[must_use]
    pub fn token_from(&self, owner: &str, tier: Option<&str>, issued_at: Timestamp) -> String {
        let token = self.new_token(owner, tier, issued_at);
        consign_core::auth::mint_hs256(self.secret.as_bytes(), &token).expect("the secret is long")
    }

    fn new_token<'a>(
        &'a self,
        owner: &'a str,
        tier: Option<&'a str>,
        issued_at: Timestamp,
    ) -> consign_core::auth::NewToken<'a> {
        let auth = |name: &str| self.policy["auth"][name].as_str().expect("it is a text");
        consign_core::auth::NewToken {
            issuer: auth("issuer"),
            audience: auth("audience"),
            owner,
            tier,
            kid: None,
            issued_at,
            life_s: 3600,
        }
    }
}

impl OwnHost {
    /// A process with the policy given, of the kind that the run asks for.
    ///
    /// # Panics
    /// Where that is no process of ours.
    pub async fn spawn(policy: Policy) -> Self {
        let host = Host::start(policy).await;
        assert!(
            host.process.is_some(),
            "these tests need a process of their own: CONSIGN_E2E_HOST=embedded or minio"
        );
        Self(host)
    }

    /// A process with its embedded store, whatever kind the run asks for.
    pub async fn embedded(policy: Policy) -> Self {
        Self(Host::embedded(policy).await)
    }

    /// A process with the suite's policy over a store that tells it nothing. With `event_token`, the host takes events from
    /// whoever shows it.
    pub async fn over(store: &SilentStore, event_token: Option<&str>) -> Self {
        let policy = Policy::Suite.table();
        let account = store.account();
        let process = Process::new(Settings {
            base_url: format!("http://127.0.0.1:{}", free_port()),
            policy: policy.to_string(),
            args: vec!["--s3-endpoint".to_owned(), account.endpoint.clone()],
            environment: environment(
                &policy,
                &[
                    ("AWS_ACCESS_KEY_ID", &account.access_key),
                    ("AWS_SECRET_ACCESS_KEY", &account.secret_key),
                    ("S3_EVENT_TOKEN", event_token.unwrap_or_default()),
                ],
            ),
        });
        let mut host = Host::of_process(process, policy, account);
        host.start_again().await;
        Self(host)
    }

    /// Kills the process and starts it again at the same addresses, over the same folder.
    pub async fn restart(&mut self) {
        self.0.start_again().await;
    }

    /// Ends the process as a power failure would: SIGKILL.
    pub fn kill(&mut self) {
        if let Some(process) = &mut self.0.process {
            process.kill();
        }
    }

    /// Asks the process to end, as a service manager does: SIGTERM. Whether it has within `limit`.
    pub async fn terminate(&mut self, limit: std::time::Duration) -> bool {
        match &mut self.0.process {
            Some(process) => process.terminate(limit).await,
            None => true,
        }
    }

    /// The folder in which the process keeps its data.
    ///
    /// # Panics
    /// Where there is no process.
    #[must_use]
    pub fn data(&self) -> std::path::PathBuf {
        let process = self.0.process.as_ref().expect("it is a process of ours");
        process.folder().join("data")
    }

    /// What the process wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    /// Its number, while it runs.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }
}

impl Deref for OwnHost {
    type Target = Host;

    fn deref(&self) -> &Host {
        &self.0
    }
}

impl Drop for Host {
    /// Every program of every test kept its secrets out of its log (invariant 24).
    fn drop(&mut self) {
        let log = match (&mut self.process, self.stack) {
            (Some(process), _) => {
                process.kill();
                process.log()
            }
            (None, Some(stack)) => stack.log(),
            (None, None) => return,
        };
        if std::thread::panicking() {
            eprintln!("{log}");
            return;
        }
        // The welcome, which shows a token in development, comes before the log's first line.
        for line in log.lines().filter(|line| line.starts_with('{')) {
            let told = SECRETS.iter().find(|secret| line.contains(**secret));
            assert!(
                told.is_none()
                    && !line.contains(&self.secret)
                    && !line.contains(&self.account.secret_key),
                "a secret in the log: {line}"
            );
        }
    }
}
