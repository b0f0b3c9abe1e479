//! Starting, killing and restarting a host.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::Timestamp;

use crate::cli::program;
use crate::{Access, User};

/// Where the ports of hosts begin: below those that systems give to clients, so that a restart finds its own free.
const PORT_FIRST: u16 = 20_000;
const PORTS: u16 = 10_000;
const START: Duration = Duration::from_secs(30);
/// The secret that a host in development makes by itself.
const DEV_SECRET: &str = "CONSIGN_DEV_SECRET";
/// Signs the tokens of hosts that do not make their own secret.
const TOKEN_SECRET: &str = "the-suite-signs-its-tokens-with-this-secret";
/// How a signature or a token in the log would look (invariant 24).
const SECRETS: [&str; 4] = ["X-Amz-Signature", "x-amz-signature", "Signature=", "eyJ"];

/// A host to run against: a child process of its own, or one that runs already.
#[derive(Debug)]
pub struct Host {
    /// Base URL of the functions, without a slash at the end.
    pub base_url: String,
    /// The store's endpoint, where the host is a child.
    pub store_url: String,
    policy: toml::Table,
    secret: String,
    log: Arc<Mutex<String>>,
    child: Option<Running>,
    data: Option<tempfile::TempDir>,
    external: Vec<(String, String)>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    log: JoinHandle<()>,
}

impl Host {
    /// A host with the policy given: the one of the environment if there is one, else a child.
    pub async fn start(policy: &str) -> Self {
        match (variable("CONSIGN_E2E_URL"), variable("CONSIGN_E2E_SECRET")) {
            (Some(url), Some(secret)) => Self {
                base_url: url.trim_end_matches('/').to_owned(),
                store_url: String::new(),
                policy: policy.parse().expect("the policy is TOML"),
                secret,
                log: Arc::default(),
                child: None,
                data: None,
                external: Vec::new(),
            },
            (None, None) => Self::spawn(policy).await,
            _ => unreachable!("CONSIGN_E2E_URL and CONSIGN_E2E_SECRET go together"),
        }
    }

    /// A child with the policy given, over its embedded store.
    pub async fn spawn(policy: &str) -> Self {
        Self::spawn_with(policy, None).await
    }

    /// A child with the policy given, over the store at the endpoint given where there is one.
    pub async fn spawn_with(policy: &str, store: Option<&crate::SilentStore>) -> Self {
        let data = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(data.path().join("consign.toml"), policy).expect("the policy is written");
        let external = store
            .map(crate::SilentStore::environment)
            .unwrap_or_default();
        let mut host = Self {
            base_url: format!("http://127.0.0.1:{}", free_port()),
            store_url: store.map_or_else(
                || format!("http://127.0.0.1:{}", free_port()),
                |store| store.url.clone(),
            ),
            policy: policy.parse().expect("the policy is TOML"),
            secret: TOKEN_SECRET.to_owned(),
            log: Arc::default(),
            child: None,
            data: Some(data),
            external,
        };
        host.restart().await;
        if host.secret_name() == DEV_SECRET {
            host.secret = host.kept("dev-secret");
        }
        host
    }

    /// Starts the process again at the same addresses, over the same folder; kills it first where it runs.
    pub async fn restart(&mut self) {
        self.kill();
        let address = |url: &str| url.trim_start_matches("http://").to_owned();
        let mut command = Command::new(program());
        command
            .args(["serve", "--dev", "--listen", &address(&self.base_url)])
            .args([
                "--log",
                "json",
                "--config",
                "consign.toml",
                "--data",
                "data",
            ])
            .current_dir(self.folder())
            .env(self.secret_name(), TOKEN_SECRET)
            .env_remove(DEV_SECRET)
            .envs(self.external.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        if self.external.is_empty() {
            command.args(["--store-listen", &address(&self.store_url)]);
        }
        let mut process = command.spawn().expect("the program starts");
        let stderr = BufReader::new(process.stderr.take().expect("it is piped"));
        let told = Arc::clone(&self.log);
        let log = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let mut told = told.lock().expect("nobody panics with the log");
                told.push_str(&line);
                told.push('\n');
            }
        });
        self.child = Some(Running { process, log });
        self.wait_until_up().await;
    }

    async fn wait_until_up(&mut self) {
        let http = crate::user::http();
        let live = format!("{}/health/live", self.base_url);
        let pause = Duration::from_millis(20);
        for _ in 0..START.as_millis() / pause.as_millis() {
            if http
                .get(&live)
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 200)
            {
                return;
            }
            let ended = self.child.as_mut().map(|child| child.process.try_wait());
            assert!(
                !matches!(ended, Some(Ok(Some(_)))),
                "the host ended:\n{}",
                self.log()
            );
            tokio::time::sleep(pause).await;
        }
        unreachable!("the host is not up after {START:?}:\n{}", self.log());
    }

    /// Ends the process as a power failure would: SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.child.take() {
            running
                .process
                .kill()
                .expect("a child of ours can be killed");
            running
                .process
                .wait()
                .expect("a child of ours can be waited for");
            running.log.join().expect("the log is read to its end");
        }
    }

    /// What the process wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("nobody panics with the log").clone()
    }

    /// The process of the host, where it is a child.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(|running| running.process.id())
    }

    /// The folder that holds the policy, and `data` under it.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.data.as_ref().expect("the host is a child").path()
    }

    /// The embedded store, as one who knows its secret reaches it.
    #[must_use]
    pub fn store(&self) -> Access {
        Access::new(&self.store_url, &self.kept("store-secret"))
    }

    /// The variable that the policy takes the tokens' secret from.
    fn secret_name(&self) -> &str {
        let name = self.policy["auth"]["keys"][0]["secret_env"].as_str();
        name.expect("the tokens have a secret")
    }

    /// A secret that the host made and keeps.
    fn kept(&self, name: &str) -> String {
        let path = self.folder().join("data").join(name);
        let secret = std::fs::read_to_string(path).expect("the host keeps it");
        secret.trim().to_owned()
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

    /// The same, issued at another time.
    #[must_use]
    pub fn token_from(&self, owner: &str, tier: Option<&str>, issued_at: Timestamp) -> String {
        let auth = |name: &str| self.policy["auth"][name].as_str().expect("it is a text");
        let token = consign_core::auth::NewToken {
            issuer: auth("issuer"),
            audience: auth("audience"),
            owner,
            tier,
            kid: None,
            issued_at,
            life_s: 3600,
        };
        consign_core::auth::mint_hs256(self.secret.as_bytes(), &token).expect("the secret is long")
    }
}

impl Drop for Host {
    /// Every host of every test kept its secrets out of its log (invariant 24).
    fn drop(&mut self) {
        self.kill();
        let log = self.log();
        if std::thread::panicking() {
            eprintln!("{log}");
            return;
        }
        // The welcome, which shows a token in development, comes before the log's first line.
        for line in log.lines().filter(|line| line.starts_with('{')) {
            let told = SECRETS.iter().find(|secret| line.contains(**secret));
            assert!(
                told.is_none() && !line.contains(&self.secret),
                "a secret in the log: {line}"
            );
        }
    }
}

/// The time, for tokens and signatures made here.
#[expect(
    clippy::disallowed_methods,
    reason = "the host's clock is this system's"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test reads what it is run against"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another test program may be at work: each begins elsewhere.
    let from = u16::try_from(std::process::id() % u32::from(PORTS)).expect("it is below the limit");
    loop {
        let offset = from
            .wrapping_mul(37)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = PORT_FIRST + offset % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
