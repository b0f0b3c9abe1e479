//! What hosts under test are told, and by what clock.

use consign_core::time::Timestamp;

/// The secret that a host in development makes by itself.
pub(crate) const DEV_SECRET: &str = "CONSIGN_DEV_SECRET";
/// Signs the tokens of hosts that do not make their own secret.
pub(crate) const TOKEN_SECRET: &str = "the-suite-signs-its-tokens-with-this-secret";
/// What a process finds in its environment: the tokens' secret, unless it makes that itself, and this.
pub(crate) fn environment(policy: &toml::Table, more: &[(&str, &str)]) -> Vec<(String, String)> {
    let secret = Some((secret_name(policy), TOKEN_SECRET)).filter(|(name, _)| *name != DEV_SECRET);
    let all = secret.into_iter().chain(more.iter().copied());
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The variable that the policy takes the tokens' secret from.
pub(crate) fn secret_name(policy: &toml::Table) -> &str {
    let name = policy["auth"]["keys"][0]["secret_env"].as_str();
    name.expect("the tokens have a secret")
}

/// The time, for tokens and signatures made here.
#[expect(
    clippy::disallowed_methods,
    reason = "the host's clock is this system's"
)]
pub(crate) fn now() -> Timestamp {
    chrono::Utc::now()
}
