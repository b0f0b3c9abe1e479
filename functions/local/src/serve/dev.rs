//! What is at hand in development only: secrets that this process makes itself, and tokens from them.

use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;
use consign_core::auth::{NewToken, mint_hs256};
use consign_core::ports::{Clock, Random};

/// Life of a development token, in seconds.
const TOKEN_LIFE_S: u32 = 24 * 3600;
/// Whose files a development token is for.
pub(crate) const OWNER: &str = "dev";

/// Mints tokens that this process itself takes.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) secret: String,
    pub(crate) issuer: String,
    pub(crate) audience: String,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").finish_non_exhaustive()
    }
}

impl Session {
    /// A token for [`OWNER`], good for a day.
    pub(crate) fn token(&self, clock: &impl Clock) -> anyhow::Result<String> {
        let token = NewToken {
            issuer: &self.issuer,
            audience: &self.audience,
            owner: OWNER,
            tier: None,
            kid: None,
            issued_at: clock.now(),
            life_s: TOKEN_LIFE_S,
        };
        mint_hs256(self.secret.as_bytes(), &token).context("the development secret is of no use")
    }
}

/// A secret that is kept in a file that only its owner can read; made where missing.
pub(crate) fn kept_secret(path: &Path, random: &impl Random) -> anyhow::Result<String> {
    match std::fs::read_to_string(path) {
        Ok(secret) if !secret.trim().is_empty() => Ok(secret.trim().to_owned()),
        _ => {
            let secret = format!("{}{}", random.token(), random.token());
            write_private(path, &secret)?;
            Ok(secret)
        }
    }
}

/// Writes a file that only its owner can read, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let aside = path.with_extension("new");
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(&aside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&aside, path))
        .with_context(|| format!("{} cannot be written", path.display()))
}
