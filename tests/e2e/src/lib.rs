//! The black-box suite over a base URL: a host to run against, and a user of it.
//!
//! By default every test starts the real program, `consign serve`, in a folder of its own and kills it at the end. With
//! `CONSIGN_E2E_URL` and `CONSIGN_E2E_SECRET` (the HS256 secret of its tokens) set, the tests that need neither a restart
//! nor the store's credentials run against that host instead; it must have the policy of [`POLICY`].

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "this is a test's support: what it cannot do fails the test"
)]

mod cli;
mod host;
mod store;
mod user;

pub use cli::{Cli, program};
pub use host::Host;
pub use store::{Access, SilentStore};
pub use user::{Answer, Signed, User};

/// The policy that the suite expects.
pub const POLICY: &str = include_str!("../policy.toml");
/// The bucket of that policy.
pub const BUCKET: &str = "e2e-files";

/// The policy of `examples/reconciliation`, over the embedded store.
#[must_use]
pub fn reconciliation_policy() -> String {
    let text = include_str!("../../../examples/reconciliation/consign.toml");
    let mut policy: toml::Table = text.parse().expect("the example is TOML");
    let store = toml::Table::from_iter([("provider".to_owned(), "embedded".into())]);
    policy.insert("store".to_owned(), store.into());
    policy.to_string()
}

/// A CSV with a whole number, a decimal and a text with a comma in every row; the numbers sum up to known values.
#[must_use]
pub fn csv(rows: usize) -> Vec<u8> {
    let mut text = String::from("id,amount,name\n");
    for row in 0..rows {
        text.push_str(&format!("{row},{row}.5,\"name, {row}\"\n"));
    }
    text.into_bytes()
}
