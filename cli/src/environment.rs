//! The environment of the commands.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use consign_core::time::Timestamp;

/// The environment, read once.
#[derive(Debug, Clone)]
pub struct CliEnvironment {
    /// The folder for data that may be lost.
    pub cache: PathBuf,
    /// The folder that relative paths start from.
    pub cwd: PathBuf,
}

impl CliEnvironment {
    /// Reads the environment of the process.
    pub fn read() -> Self {
        let folder = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let cache = folder("XDG_CACHE_HOME")
            .or_else(|| folder("HOME").map(|home| home.join(".cache")))
            .or_else(|| folder("LOCALAPPDATA"))
            .unwrap_or_else(std::env::temp_dir);
        Self {
            cache: cache.join("consign"),
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from(".")),
        }
    }

    /// Returns the folder for the state of unfinished uploads.
    pub(crate) fn uploads(&self) -> PathBuf {
        self.cache.join("uploads")
    }
}

/// Returns the current time. It is the only place of the command line that reads the clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the host reads the clock and hands it on"
)]
pub(crate) fn now() -> Timestamp {
    chrono::Utc::now()
}

/// Returns an absolute path, as it is saved between runs.
pub(crate) fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}
