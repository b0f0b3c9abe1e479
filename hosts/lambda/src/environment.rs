//! The environment: read once, at the start, here alone.

use std::collections::HashMap;
use std::fmt;

use consign_core::config::ConfigError;
use consign_core::sigv4::SetupError;

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable is missing.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable holds something else than it should.
    #[error("{name} must be {wanted}")]
    Wrong {
        /// The variable.
        name: &'static str,
        /// What it should hold.
        wanted: &'static str,
    },
    /// The policy cannot be read.
    #[error("the policy {path} cannot be read: {source}")]
    Unreadable {
        /// Where it was looked for.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The policy is wrong.
    #[error("the policy is wrong: {0}")]
    Config(#[from] ConfigError),
    /// The keys of tokens are wrong.
    #[error("the policy is wrong: {0}")]
    Auth(#[from] consign_core::auth::AuthConfigError),
    /// Nothing can be signed with what is configured.
    #[error("the store is configured wrong: {0}")]
    Signer(#[from] SetupError),
}

/// The variables of the process.
pub struct Environment(HashMap<String, String>);

impl fmt::Debug for Environment {
    /// Half of it are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").finish_non_exhaustive()
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        Self(
            variables
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        )
    }
}

impl Environment {
    /// Reads the process's own. What is no text is left out: nothing here has such a name or value.
    #[must_use]
    pub fn of_process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// A variable that is set to something.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// A variable that must be set.
    ///
    /// # Errors
    /// When it is not.
    pub fn needed(&self, name: &'static str) -> Result<&str, StartError> {
        self.get(name).ok_or(StartError::Missing(name))
    }

    /// A variable that holds a number, where it is set.
    pub(crate) fn number(&self, name: &'static str) -> Result<Option<u64>, StartError> {
        let wrong = |_| StartError::Wrong {
            name,
            wanted: "a whole number",
        };
        self.get(name)
            .map(|text| text.parse().map_err(wrong))
            .transpose()
    }
}
