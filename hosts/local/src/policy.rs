//! The policy and, in development, the secret of its tokens.

use std::path::Path;

use anyhow::Context as _;
use consign_core::config::Config;
use consign_host::System;
use consign_host::dev::Session;

use crate::DEV_SECRET_FILE;
use crate::args::ServeArgs;
use crate::environment::ServeEnvironment;
use crate::private;

/// The policy that is used if none is given.
const BUILT_IN_CONFIG: &str = include_str!("../../../consign.toml");
/// The name of the secret in the environment, and of the key in the built-in policy.
const DEV_SECRET: &str = "CONSIGN_DEV_SECRET";

/// Reads the policy. In development, creates and stores the token secret, so that no set-up is required.
pub(crate) fn configure(
    args: &ServeArgs,
    environment: &ServeEnvironment,
) -> anyhow::Result<(Config, Option<Session>)> {
    let text = policy_text(args.config.as_deref(), &environment.cwd)?;
    let dev_secret = match (environment.get(DEV_SECRET), args.is_dev()) {
        (None, true) => Some(private::stored_secret(
            &args.data.join(DEV_SECRET_FILE),
            &System,
        )?),
        (Some(_), _) | (None, false) => None,
    };
    let secret = |name: &str| {
        environment
            .get(name)
            .or_else(|| dev_secret.clone().filter(|_| name == DEV_SECRET))
    };
    let config = Config::parse(&text, &secret).with_context(|| {
        if !args.is_dev() && text.contains(DEV_SECRET) && secret(DEV_SECRET).is_none() {
            "the secret of the policy's tokens is not set: `consign serve --dev` creates one, only for this machine"
        } else {
            "invalid policy"
        }
    })?;
    let session = dev_secret.map(|secret| Session {
        secret,
        issuer: config.auth.issuer.clone(),
        audience: config.auth.audience.clone(),
    });
    Ok((config, session))
}

/// Returns the text of the policy: the given file, or else `consign.toml` under `cwd` if it exists, or else the
/// built-in one.
///
/// # Errors
/// If the file cannot be read.
pub fn policy_text(given: Option<&Path>, cwd: &Path) -> anyhow::Result<String> {
    let default = || Some(cwd.join("consign.toml")).filter(|path| path.is_file());
    match given.map(Path::to_owned).or_else(default) {
        Some(path) => std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read", path.display())),
        None => Ok(BUILT_IN_CONFIG.to_owned()),
    }
}
