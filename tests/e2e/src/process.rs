//! `consign serve` as a child process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::cli::program;

const START: Duration = Duration::from_secs(30);
/// What a developer may have set for hosts of their own.
const FOREIGN: [&str; 6] = [
    "CONSIGN_CONFIG",
    "CONSIGN_DEV_SECRET",
    "S3_ENDPOINT",
    "S3_EVENT_TOKEN",
    "S3_PUBLIC_ENDPOINT",
    "S3_QUEUE_ARN",
];

/// What it is started with.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) base_url: String,
    pub(crate) policy: String,
    /// More arguments.
    pub(crate) args: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
}

/// The process, its folder and its log.
#[derive(Debug)]
pub(crate) struct Process {
    settings: Settings,
    folder: tempfile::TempDir,
    log: Arc<Mutex<String>>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    log: JoinHandle<()>,
}

impl Process {
    /// A folder with the policy; nothing runs yet.
    pub(crate) fn new(settings: Settings) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("consign.toml"), &settings.policy)
            .expect("the policy is written");
        Self {
            settings,
            folder,
            log: Arc::default(),
            running: None,
        }
    }

    /// The program with these arguments, in the folder and with the environment of the host.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
            .args(args)
            .current_dir(self.folder())
            .envs(self.settings.environment.iter().cloned())
            .stdin(Stdio::null());
        command
    }

    /// Starts it; kills it first where it runs.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        let listen = self.settings.base_url.trim_start_matches("http://");
        let mut command = self.command(&["serve", "--dev", "--log", "json", "--data", "data"]);
        command
            .args(["--config", "consign.toml", "--listen", listen])
            .args(&self.settings.args)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
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
        self.running = Some(Running { process, log });
        self.wait_until_up().await;
    }

    async fn wait_until_up(&mut self) {
        let http = crate::user::http();
        let live = format!("{}/health/live", self.settings.base_url);
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
            let ended = self.running.as_mut().map(|child| child.process.try_wait());
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
    pub(crate) fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
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

    /// Asks it to end, as a service manager does: SIGTERM. Whether it has within `limit`.
    pub(crate) async fn terminate(&mut self, limit: Duration) -> bool {
        let Some(running) = &mut self.running else {
            return true;
        };
        let id = rustix::process::Pid::from_child(&running.process);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)
            .expect("a child of ours can be told");
        let pause = Duration::from_millis(50);
        for _ in 0..limit.as_millis() / pause.as_millis() {
            if matches!(running.process.try_wait(), Ok(Some(_))) {
                return true;
            }
            tokio::time::sleep(pause).await;
        }
        false
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.settings.base_url
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().expect("nobody panics with the log").clone()
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.running.as_ref().map(|running| running.process.id())
    }

    /// The folder that holds the policy, and `data` under it.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A secret that the host made and keeps.
    pub(crate) fn kept(&self, name: &str) -> String {
        let path = self.folder().join("data").join(name);
        let secret = std::fs::read_to_string(path).expect("the host keeps it");
        secret.trim().to_owned()
    }
}
