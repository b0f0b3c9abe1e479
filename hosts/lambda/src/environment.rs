//! The environment. It is read once at the start, and only here.

use std::collections::HashMap;
use std::fmt;

use consign_core::config::ConfigError;
use consign_core::sigv4::SetupError;

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A variable is missing.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable has an invalid value.
    #[error("{name} must be {expected}")]
    Wrong {
        /// The variable.
        name: &'static str,
        /// The expected value.
        expected: &'static str,
    },
    /// The policy cannot be read.
    #[error("the policy {path} cannot be read: {source}")]
    Unreadable {
        /// The path of the policy.
        path: String,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The policy is invalid.
    #[error("invalid policy: {0}")]
    Config(#[from] ConfigError),
    /// The keys of tokens are invalid.
    #[error("invalid policy: {0}")]
    Auth(#[from] consign_core::auth::AuthConfigError),
    /// The configured store cannot sign.
    #[error("invalid store configuration: {0}")]
    Signer(#[from] SetupError),
}

/// The environment variables of the process.
pub struct Environment(HashMap<String, String>);

impl fmt::Debug for Environment {
    /// Many of the values are secrets.
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
    /// Reads the variables of the process. Those that are not UTF-8 are skipped, since no expected name or value is
    /// like that.
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

    /// Returns a variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns a required variable.
    ///
    /// # Errors
    /// If it is not set.
    pub fn needed(&self, name: &'static str) -> Result<&str, StartError> {
        self.get(name).ok_or(StartError::Missing(name))
    }

    /// Returns a variable with a number, if it is set.
    pub(crate) fn number(&self, name: &'static str) -> Result<Option<u64>, StartError> {
        let wrong = |_| StartError::Wrong {
            name,
            expected: "an integer",
        };
        self.get(name)
            .map(|text| text.parse().map_err(wrong))
            .transpose()
    }
}
