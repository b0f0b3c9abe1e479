//! The environment of the process, its folders and the clock. Read once, in this module alone.

use anyhow::{Context as _, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime};

/// Tells a `cargo xtask edge build` that wrangler starts that the Worker is built already.
pub(crate) const HAS_WORKER: &str = "CONSIGN_EDGE_BUILT";

/// The surroundings of a run.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    /// The root of the checkout.
    pub(crate) root: PathBuf,
    /// Where tools are kept between runs and checkouts.
    pub(crate) cache: PathBuf,
    /// The folders programs are looked up in.
    path: Vec<PathBuf>,
    /// A continuous-integration run: every checkout is a fresh clone, so builds are kept in the cache.
    pub(crate) ci: bool,
    /// The Worker has just been built: wrangler's build command has nothing to do.
    pub(crate) has_worker: bool,
    /// What the commands find in their environment besides the process's own.
    env: Vec<(&'static str, String)>,
}

impl Workspace {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// When no home folder is known, or the task runner was not started by cargo.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub(crate) fn from_process() -> Result<Self> {
        let manifest =
            std::env::var("CARGO_MANIFEST_DIR").context("start this through `cargo xtask`")?;
        let root = Path::new(&manifest)
            .ancestors()
            .nth(2)
            .context("infra/xtask is two folders below the root")?;
        let cache = match std::env::var("XDG_CACHE_HOME") {
            Ok(cache) if !cache.is_empty() => PathBuf::from(cache),
            _ => PathBuf::from(
                std::env::var("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?,
            )
            .join(".cache"),
        };
        Ok(Self {
            root: root.to_owned(),
            cache: cache.join("consign"),
            path: std::env::var("PATH")
                .map(|path| std::env::split_paths(&path).collect())
                .unwrap_or_default(),
            ci: std::env::var("CI").is_ok_and(|ci| !ci.is_empty() && ci != "false"),
            has_worker: std::env::var(HAS_WORKER).is_ok_and(|value| value == "1"),
            env: Vec::new(),
        })
    }

    /// The same, with `env` set for every command.
    pub(crate) fn with_env(&self, env: Vec<(&'static str, String)>) -> Self {
        Self {
            env,
            ..self.clone()
        }
    }

    /// A command run in the root of the checkout.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(&self.root)
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// `cargo ARGS…` in the root of the checkout.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut command = self.command("cargo");
        command.args(args);
        command
    }

    /// The search path.
    pub(crate) fn path(&self) -> OsString {
        std::env::join_paths(&self.path).unwrap_or_default()
    }

    /// Where `program` is on the search path.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        self.path
            .iter()
            .map(|folder| folder.join(program))
            .find(|file| file.is_file())
    }
}

/// Measures how long a step takes, for the person who waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(
        clippy::disallowed_methods,
        reason = "the task runner reports how long its steps take"
    )]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// The time to stamp files with.
#[expect(
    clippy::disallowed_methods,
    reason = "cargo compares file times with the clock"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// `75.3 s` or `4 min 12 s`.
pub(crate) fn seconds(duration: Duration) -> String {
    match duration.as_secs() {
        0..=119 => format!("{:.1} s", duration.as_secs_f64()),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}
