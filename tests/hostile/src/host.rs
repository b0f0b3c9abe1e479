//! `consign serve` as a child process, with the limits that it is to live under.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;

use crate::http::Client;
use crate::sign::{StoreKeys, token};
use crate::user::User;

/// Signs the tokens.
pub const SECRET: &str = "the-attacks-sign-their-tokens-with-this-secret";
/// What may be uploaded; a store of its own is inside.
pub const POLICY: &str = include_str!("../policy.toml");
/// The bucket of the policy.
const BUCKET: &str = "files";
/// The access key of the embedded store.
const ACCESS_KEY: &str = "consign";
const START: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(20);
/// What a developer may have set for hosts of their own.
const FOREIGN: [&str; 9] = [
    "CONSIGN_CONFIG",
    "CONSIGN_DATA",
    "CONSIGN_DEV_SECRET",
    "CONSIGN_LISTEN",
    "CONSIGN_STORE_LISTEN",
    "S3_ENDPOINT",
    "S3_EVENT_TOKEN",
    "S3_PROVIDER",
    "S3_PUBLIC_ENDPOINT",
];

/// What a host is started with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The program; [`program`] where it is left out.
    pub program: Option<PathBuf>,
    /// Where it keeps its data; a folder of its own where it is left out.
    pub data: Option<PathBuf>,
    /// A shell's words that set limits for it.
    pub limits: Option<String>,
    /// More arguments.
    pub args: Vec<String>,
    /// More variables.
    pub environment: Vec<(String, String)>,
    /// The store that it uses in place of the embedded one, and its keys.
    pub store: Option<StoreKeys>,
}

/// The process, which ends with this value.
#[derive(Debug)]
pub struct Host {
    /// Base URL of the functions.
    pub base_url: String,
    /// Base URL of the store.
    pub store_url: String,
    options: Options,
    folder: tempfile::TempDir,
    running: Option<Child>,
}

/// What a process holds of the machine's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// At most, so far.
    pub peak_bytes: u64,
    /// Now.
    pub now_bytes: u64,
}

/// The program under attack: what `CONSIGN_HOSTILE_BIN` names, else the `consign` that cargo built last beside these tests.
#[must_use]
pub fn program() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "whoever runs the attacks may choose their aim"
    )]
    let told = std::env::var("CONSIGN_HOSTILE_BIN");
    told.map_or_else(|_| program_beside("consign"), PathBuf::from)
}

/// A program that cargo built together with this one.
#[must_use]
pub fn program_beside(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    // A test lies one folder below the programs.
    let folders = own.ancestors().skip(1).take(2);
    let mut found = folders.map(|folder| folder.join(name));
    found
        .find(|path| path.is_file())
        .expect("`cargo xtask test hostile` builds it, or `cargo build --workspace --bins`")
}

impl Host {
    /// A host with its embedded store.
    pub async fn start() -> Self {
        Self::with(Options::default()).await
    }

    /// A host as told.
    pub async fn with(options: Options) -> Self {
        let mut host = Self::new(options);
        host.restart().await;
        host
    }

    /// A folder and two addresses; nothing runs yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("consign.toml"), POLICY).expect("it is written");
        let url = || format!("http://127.0.0.1:{}", ports::free_port());
        let own_store = url();
        let store = options.store.as_ref();
        Self {
            base_url: url(),
            store_url: store.map_or(own_store, |store| store.endpoint.clone()),
            options,
            folder,
            running: None,
        }
    }

    /// Starts it and waits until it answers; kills it first where it runs.
    pub async fn restart(&mut self) {
        self.spawn();
        self.wait_until_up().await;
    }

    /// Starts it and waits for nothing; kills it first where it runs.
    pub fn spawn(&mut self) {
        self.kill();
        let listen = self.base_url.trim_start_matches("http://");
        let mut args: Vec<String> = ["serve", "--log", "json", "--config", "consign.toml"]
            .map(str::to_owned)
            .into();
        let data = self.data().to_string_lossy().into_owned();
        args.extend(["--data".to_owned(), data]);
        args.extend(["--listen".to_owned(), listen.to_owned()]);
        match &self.options.store {
            Some(store) => args.extend(["--s3-endpoint".to_owned(), store.endpoint.clone()]),
            None => {
                let listen = self.store_url.trim_start_matches("http://").to_owned();
                args.extend(["--store-listen".to_owned(), listen]);
            }
        }
        args.extend(self.options.args.iter().cloned());
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("the log is written");
        let mut command = self.command();
        command.args(args).stdout(Stdio::null()).stderr(log);
        self.running = Some(command.spawn().expect("the program starts"));
    }

    /// The program with this host's limits, environment and folder; its arguments are still to come.
    fn command(&self) -> Command {
        let program = self.options.program.clone().unwrap_or_else(program);
        let mut command = match &self.options.limits {
            None => Command::new(program),
            Some(limits) => {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", &format!("{limits}; exec \"$0\" \"$@\"")])
                    .arg(program);
                shell
            }
        };
        for name in FOREIGN {
            command.env_remove(name);
        }
        if let Some(store) = &self.options.store {
            command
                .env("AWS_ACCESS_KEY_ID", &store.access_key)
                .env("AWS_SECRET_ACCESS_KEY", &store.secret_key);
        }
        command
            .current_dir(self.folder.path())
            .env("CONSIGN_HOSTILE_SECRET", SECRET)
            .envs(self.options.environment.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    async fn wait_until_up(&mut self) {
        let live = format!("{}/health/live", self.base_url);
        let mut client = Client::default();
        for _ in 0..START.as_millis() / PAUSE.as_millis() {
            let answer = client.send(("GET", &live), &[], Bytes::new()).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            assert!(self.is_running(), "the host ended:\n{}", self.log());
            tokio::time::sleep(PAUSE).await;
        }
        unreachable!("the host is not up after {START:?}:\n{}", self.log());
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        let child = self.running.as_mut();
        child.is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.as_ref().expect("it runs").id()
    }

    /// Asks it to end, as a supervisor does.
    pub fn terminate(&self) {
        let id = self.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }

    /// Whether it ends within `limit`.
    pub async fn ends_within(&mut self, limit: Duration) -> bool {
        for _ in 0..limit.as_millis() / PAUSE.as_millis() {
            if !self.is_running() {
                return true;
            }
            tokio::time::sleep(PAUSE).await;
        }
        false
    }

    /// Ends it as a power failure would: SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.running.take() {
            // It may have ended by itself.
            drop(child.kill());
            child.wait().expect("a child of ours can be waited for");
        }
    }

    /// What it holds of the memory.
    #[must_use]
    pub fn memory(&self) -> Memory {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.expect("Linux tells");
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
            kilobytes
                .and_then(|number| number.parse::<u64>().ok())
                .expect("a number")
                * 1024
        };
        Memory {
            peak_bytes: bytes("VmHWM:"),
            now_bytes: bytes("VmRSS:"),
        }
    }

    /// Where it keeps its data.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        let own = self.folder.path().join("data");
        self.options.data.clone().unwrap_or(own)
    }

    /// The database of its records.
    #[must_use]
    pub fn database(&self) -> PathBuf {
        self.data().join("consign.db")
    }

    /// The folder of the embedded store's objects.
    #[must_use]
    pub fn objects(&self) -> PathBuf {
        self.data().join("objects/buckets").join(BUCKET)
    }

    /// A folder for what a test needs beside the host.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it wrote so far.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The keys of its embedded store.
    #[must_use]
    pub fn store_keys(&self) -> StoreKeys {
        let kept = std::fs::read_to_string(self.data().join("store-secret"));
        StoreKeys {
            endpoint: self.store_url.clone(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: kept.expect("the host keeps it").trim().to_owned(),
        }
    }

    /// The policy's bucket.
    #[must_use]
    pub fn bucket(&self) -> &'static str {
        BUCKET
    }

    /// A token of this host.
    #[must_use]
    pub fn token(&self, owner: &str) -> String {
        token(SECRET, (owner, None), "JWT")
    }

    /// A user of this host.
    #[must_use]
    pub fn user(&self, owner: &str) -> User {
        User::new(&self.base_url, &self.token(owner))
    }

    /// A user whose token names a tier.
    #[must_use]
    pub fn user_of_tier(&self, owner: &str, tier: &str) -> User {
        User::new(&self.base_url, &token(SECRET, (owner, Some(tier)), "JWT"))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(20)..].join("\n");
            eprintln!("the end of the host's log:\n{last}");
        }
    }
}
