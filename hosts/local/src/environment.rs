//! The environment of the process.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::Context as _;

/// The environment. It is read once.
pub struct ServeEnvironment {
    /// The folder in which `consign.toml` is searched.
    pub cwd: PathBuf,
    /// The variables.
    pub variables: HashMap<String, String>,
}

impl ServeEnvironment {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// If the process has no working directory.
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

    /// Returns a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<String> {
        self.variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }
}
