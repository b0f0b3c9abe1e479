//! Servers that many tests share. They end when the test program does, however that ends.

use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use tokio::net::TcpStream;

/// Runs what it is given until its input ends, then removes the folder.
const GUARD: &str = "trap '' INT TERM HUP; folder=$1; shift; \"$@\" </dev/null >\"$folder/log\" 2>&1 & child=$!; \
                     cat >/dev/null; kill -9 \"$child\"; wait \"$child\"; rm -rf -- \"$folder\"";
const START: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

/// A server, and a folder that goes with it.
#[derive(Debug)]
pub(crate) struct Guarded {
    folder: PathBuf,
    shell: Child,
    until: Option<ChildStdin>,
}

/// A folder for a server.
pub(crate) fn folder() -> PathBuf {
    tempfile::tempdir().expect("a temporary folder").keep()
}

impl Guarded {
    /// Starts the command; `folder`, made by [`folder`], is now the server's.
    pub(crate) fn start(folder: PathBuf, command: &Command) -> Self {
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "sh"]).arg(&folder);
        guard.arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guard.env(name, value),
                None => guard.env_remove(name),
            };
        }
        if let Some(place) = command.get_current_dir() {
            guard.current_dir(place);
        }
        guard
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut shell = guard.spawn().expect("a shell starts");
        let until = shell.stdin.take();
        Self {
            folder,
            shell,
            until,
        }
    }

    /// What it wrote so far.
    pub(crate) fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Ends it as a power failure would: SIGKILL. Its folder goes too.
    pub(crate) fn kill(mut self) {
        self.until.take();
        self.shell
            .wait()
            .expect("a child of ours can be waited for");
    }

    /// Waits until something listens on the port of this machine.
    pub(crate) async fn listens(self, port: u16) -> Self {
        for _ in 0..START.as_millis() / PAUSE.as_millis() {
            if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                return self;
            }
            tokio::time::sleep(PAUSE).await;
        }
        unreachable!("nothing listens after {START:?}:\n{}", self.log());
    }

    /// Waits until a GET of the URL is answered with 200.
    pub(crate) async fn answers(self, url: &str) -> Self {
        let http = crate::user::http();
        for _ in 0..START.as_millis() / PAUSE.as_millis() {
            let answer = http.get(url).send().await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return self;
            }
            tokio::time::sleep(PAUSE).await;
        }
        unreachable!("{url} does not answer after {START:?}:\n{}", self.log());
    }
}
