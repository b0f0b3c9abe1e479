//! `consign token`: a bearer token for development, signed with the secret that `consign serve` keeps.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Args;
use consign_core::auth::{NewToken, mint_hs256_scoped};
use consign_core::time::Timestamp;

use crate::environment::{CliEnvironment, now};
use consign_local::DEV_SECRET_FILE;

/// Arguments of `consign token`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  consign token
  export CONSIGN_TOKEN=$(consign token --owner alice --tier pro --life 8h)
  CONSIGN_DEV_SECRET=… consign token --owner bob")]
pub(super) struct TokenArgs {
    /// Whose files
    #[arg(long, default_value = "dev")]
    owner: String,
    /// The owner's tier, as the policy names it
    #[arg(long)]
    tier: Option<String>,
    /// What else it is good for, such as `metrics`: names with blanks between them
    #[arg(long)]
    scope: Option<String>,
    /// How long it is valid: seconds, or 15m, 8h, 7d
    #[arg(long, default_value = "24h", value_parser = seconds)]
    life: u32,
    /// Who says so
    #[arg(long, default_value = "consign-dev", env = "CONSIGN_TOKEN_ISSUER")]
    issuer: String,
    /// Whom it is for
    #[arg(long, default_value = "consign", env = "CONSIGN_TOKEN_AUDIENCE")]
    audience: String,
    /// Name of the key, where the server has several
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// The secret [default: what `consign serve` left in .consign/dev-secret]
    #[arg(long, env = "CONSIGN_DEV_SECRET", hide_env_values = true, hide = true)]
    secret: Option<String>,
    /// Where `consign serve` keeps its data
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
                    "{}: `consign serve` writes it in development; or set CONSIGN_DEV_SECRET",
                    path.display()
                )
            })?
        }
    };
    println!("{}", mint(secret.trim().as_bytes(), args, now())?);
    Ok(ExitCode::SUCCESS)
}

/// Signs what the arguments say.
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

/// A length of time: seconds, or a number with s, m, h or d.
pub(super) fn seconds(text: &str) -> Result<u32, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit_s = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err("must be seconds, or a number with s, m, h or d".to_owned()),
    };
    let number: u32 = digits
        .parse()
        .map_err(|_| "must be a number, with s, m, h or d where wanted".to_owned())?;
    let seconds = number.checked_mul(unit_s).filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| "must be at least a second and at most 136 years".to_owned())
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
