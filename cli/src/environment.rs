//! What the commands need of the process that they run in.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use consign_core::time::Timestamp;

/// What the commands need of the environment, read once.
#[derive(Debug, Clone)]
pub struct CliEnvironment {
    /// For what may be lost without harm but had better be kept.
    pub cache: PathBuf,
    /// Where relative paths start.
    pub cwd: PathBuf,
}

impl CliEnvironment {
    /// Reads it.
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

    /// Where unfinished uploads are remembered.
    pub(crate) fn uploads(&self) -> PathBuf {
        self.cache.join("uploads")
    }
}

/// The time of this machine: the one place of the command line that asks for it.
#[expect(
    clippy::disallowed_methods,
    reason = "the host reads the clock and hands it on"
)]
pub(crate) fn now() -> Timestamp {
    chrono::Utc::now()
}

/// An absolute path, as it is remembered between runs.
pub(crate) fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| path.display().to_string())
}
