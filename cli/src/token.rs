//! `consign token`: creates a bearer token for development, signed with the secret of `consign serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use consign_core::auth::{NewToken, mint_hs256_scoped};
use consign_core::time::Timestamp;

use crate::environment::{CliEnvironment, now};
use crate::out;
use consign_local::DEV_SECRET_FILE;

/// Arguments of `consign token`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  consign token
  export CONSIGN_TOKEN=$(consign token --owner alice --tier pro --life 8h)
  CONSIGN_DEV_SECRET=… consign token --owner bob")]
pub(super) struct TokenArgs {
    /// Owner of the files (`sub`)
    #[arg(long, default_value = "dev")]
    owner: String,
    /// Tier of the owner in the policy
    #[arg(long)]
    tier: Option<String>,
    /// Scopes, separated by spaces, such as `metrics`
    #[arg(long)]
    scope: Option<String>,
    /// How long the token is valid: seconds, or a number with a unit, such as 15m, 8h, 7d
    #[arg(long, default_value = "24h", value_parser = seconds)]
    life: u32,
    /// Issuer of the token (`iss`)
    #[arg(long, default_value = "consign-dev", env = "CONSIGN_TOKEN_ISSUER")]
    issuer: String,
    /// Audience of the token (`aud`)
    #[arg(long, default_value = "consign", env = "CONSIGN_TOKEN_AUDIENCE")]
    audience: String,
    /// Key id (`kid`), if the server has several keys
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// The secret [default: .consign/dev-secret, which `consign serve` writes in development]
    #[arg(long, env = "CONSIGN_DEV_SECRET", hide_env_values = true, hide = true)]
    secret: Option<String>,
    /// Data folder of `consign serve`
    #[arg(
        long,
        value_name = "DIR",
        default_value = ".consign",
        env = "CONSIGN_DATA"
    )]
    data: PathBuf,
}

pub(super) fn run(args: &TokenArgs, environment: &CliEnvironment) -> anyhow::Result<ExitCode> {
    let secret = match &args.secret {
        Some(secret) => secret.clone(),
        None => {
            let path = environment.cwd.join(&args.data).join(DEV_SECRET_FILE);
            std::fs::read_to_string(&path).with_context(|| {
                format!(
                    "{}: start `consign serve` in development, which writes this file, or set CONSIGN_DEV_SECRET",
                    path.display()
                )
            })?
        }
    };
    out::line(mint(secret.trim().as_bytes(), args, now())?)?;
    Ok(ExitCode::SUCCESS)
}

/// Signs a token for the arguments.
fn mint(secret: &[u8], args: &TokenArgs, now: Timestamp) -> anyhow::Result<String> {
    let token = NewToken {
        issuer: &args.issuer,
        audience: &args.audience,
        owner: &args.owner,
        tier: args.tier.as_deref(),
        kid: args.key_id.as_deref(),
        issued_at: now,
        life_s: args.life,
    };
    Ok(mint_hs256_scoped(secret, &token, args.scope.as_deref())?)
}

/// Parses a duration: seconds, or a number with s, m, h or d.
pub(super) fn seconds(text: &str) -> Result<u32, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_s = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("must be a number of seconds, or a number with s, m, h or d".to_owned()),
    };
    let number: u32 = digits
        .parse()
        .map_err(|_| "must be a number, optionally with s, m, h or d".to_owned())?;
    let seconds = number.checked_mul(unit_s).filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| "must be between one second and 136 years".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_a_unit_or_is_in_seconds() {
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("15m"), Ok(900));
        assert_eq!(seconds("7d"), Ok(604_800));
        for bad in ["", "h", "-1", "0", "1w", "99999999d", "1.5h"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}
