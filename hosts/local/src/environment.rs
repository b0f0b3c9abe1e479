//! The environment of the process.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context as _;

/// The environment, read once.
pub struct ServeEnvironment {
    /// Where `consign.toml` is looked for.
    pub cwd: PathBuf,
    /// The variables.
    pub variables: HashMap<String, String>,
}

impl ServeEnvironment {
    /// Reads it.
    ///
    /// # Errors
    /// When the process has no working directory.
    #[expect(
        clippy::disallowed_methods,
        reason = "here the environment becomes an argument"
    )]
    pub fn of_process() -> anyhow::Result<Self> {
        Ok(Self {
            cwd: std::env::current_dir().context("there is no working directory")?,
            variables: std::env::vars().collect(),
        })
    }

    /// A variable that is set, and not to nothing.
    pub fn get(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }
}
