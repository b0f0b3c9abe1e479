//! A Worker in workerd, as a child process: `infra/edge/dev.mjs` with `wrangler dev --local` behind it.
//!
//! `cargo xtask test workerd` builds the Workers and sets what is needed: `CONSIGN_NODE`, `CONSIGN_WRANGLER` (its
//! `wrangler.js`), `CONSIGN_EDGE` and `CONSIGN_EDGE_CONTRACT` (the Workers' `index.js`).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "this is a test's support: what it cannot do fails the test"
)]

mod user;

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

pub use user::{SECRET, User, http, token};

/// The policy of the black-box suite.
pub const POLICY: &str = include_str!("../../e2e/policy.toml");

/// How long wrangler may take to start.
const START: Duration = Duration::from_secs(180);
/// What dev.mjs says when it is up.
const UP: &str = "consign is up";

/// A Worker and everything behind it. It ends with this value.
#[derive(Debug)]
pub struct Workerd {
    /// Its base URL.
    pub url: String,
    options: Value,
    running: Option<Running>,
    log: Arc<Log>,
    folder: tempfile::TempDir,
}

#[derive(Debug)]
struct Running {
    process: Child,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    told: Condvar,
}

impl Log {
    fn tell(&self, line: String) {
        self.lines.lock().unwrap().push(line);
        self.told.notify_all();
    }
}

impl Workerd {
    /// consign itself with the policy of the black-box suite.
    #[must_use]
    pub fn consign() -> Self {
        Self::start("CONSIGN_EDGE", POLICY, json!({}))
    }

    /// The Worker whose `index.js` the variable names, with a policy, and with `more` options of dev.mjs.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(variable: &str, policy: &str, more: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policy_file = folder.path().join("policy.toml");
        std::fs::write(&policy_file, policy).unwrap();
        let port = ports::free_port();
        let mut options = json!({
            "wrangler": needed("CONSIGN_WRANGLER"),
            "worker": needed(variable),
            "migrations": root().join("infra/migrations/sqlite"),
            "policy": policy_file,
            "state": folder.path().join("state"),
            "port": port,
            "sweepSeconds": 1,
            "whileStdin": true,
            "vars": { "CONSIGN_DEV_SECRET": user::SECRET },
        });
        for (name, value) in more.as_object().unwrap() {
            options[name] = value.clone();
        }
        let mut workerd = Self {
            url: format!("http://127.0.0.1:{port}"),
            options,
            running: None,
            log: Arc::default(),
            folder,
        };
        workerd.start_again();
        workerd
    }

    /// Starts it at the same address over what it left behind; the log begins anew.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        self.kill();
        self.log.lines.lock().unwrap().clear();
        let mut command = Command::new(needed("CONSIGN_NODE"));
        command
            .arg(root().join("infra/edge/dev.mjs"))
            .arg(self.options.to_string())
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own, which ends as a whole: wrangler has children.
            .process_group(0);
        let mut process = command.spawn().expect("node starts");
        let stdout = process.stdout.take().unwrap();
        let stderr = process.stderr.take().unwrap();
        let readers = vec![read(stdout, &self.log), read(stderr, &self.log)];
        self.running = Some(Running { process, readers });
        self.wait_for(&[UP], START);
        self.options["migrated"] = true.into();
    }

    /// The same with the Worker's clock set ahead by some seconds: what would come to pass until then does now.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again_ahead(&mut self, seconds: u64) {
        self.options["vars"]["CONSIGN_DEV_AHEAD_S"] = seconds.to_string().into();
        self.start_again();
    }

    /// Ends all of it as a power failure would: SIGKILL.
    ///
    /// # Panics
    /// When that cannot be done.
    pub fn kill(&mut self) {
        let Some(mut running) = self.running.take() else {
            return;
        };
        let group = format!("-{}", running.process.id());
        let ended = Command::new("kill").args(["-KILL", "--", &group]).status();
        ended.expect("kill is there");
        running.process.wait().expect("a child can be waited for");
        for reader in running.readers {
            reader.join().expect("the log is read to its end");
        }
    }

    /// Waits until a line of the log has all these texts; the line.
    ///
    /// # Panics
    /// When none comes within the limit, or the process ended.
    pub fn wait_for(&self, texts: &[&str], limit: Duration) -> String {
        let lines = self.log.lines.lock().unwrap();
        let has_all = |line: &&String| texts.iter().all(|text| line.contains(text));
        let find = |lines: &[String]| lines.iter().find(has_all).cloned();
        let (lines, _) = self
            .log
            .told
            .wait_timeout_while(lines, limit, |lines| find(lines).is_none())
            .unwrap();
        let found = find(&lines);
        found.unwrap_or_else(|| unreachable!("no {texts:?} in the log:\n{}", lines.join("\n")))
    }

    /// The log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lines.lock().unwrap().join("\n")
    }

    /// The folder of its state.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a JSON text on the ingest queue, as R2 would.
    ///
    /// # Panics
    /// When the queue does not take it.
    pub async fn send(&self, message: &str) {
        let url = format!("{}/dev/message", self.url);
        let sent = http().post(url).body(message.to_owned()).send().await;
        assert_eq!(sent.unwrap().status(), 202);
    }
}

impl Drop for Workerd {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("{}", self.log());
        }
    }
}

/// The repository.
fn root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("this crate is two folders deep")
}

fn read(from: impl std::io::Read + Send + 'static, log: &Arc<Log>) -> JoinHandle<()> {
    let log = Arc::clone(log);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            log.tell(line);
        }
    })
}

/// A variable that the run cannot do without.
///
/// # Panics
/// When it is not set.
#[expect(
    clippy::disallowed_methods,
    reason = "a test reads what it is run against"
)]
#[must_use]
pub fn needed(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| unreachable!("{name} is not set: run `cargo xtask test workerd`"))
}
