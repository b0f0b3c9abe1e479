//! The black-box suite over a base URL: a host to run against, and a user of it.
//!
//! `CONSIGN_E2E_HOST` says what stands behind the base URL; see [`Kind`]. The tests are sorted by what they need:
//!
//! | test program | needs | runs on |
//! | --- | --- | --- |
//! | `any`, `flights` | a base URL, tokens, and the store's credentials | every kind of host |
//! | `killed` | something at work that can be killed: the process, or an ingest function | all but `url` |
//! | `own` | a process to look at, to kill and to start again | `embedded`, `minio` |
//! | `silent`, `memory`, `bucket` | a store or a process of its own making | itself, whatever is asked for |

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "this is a test's support: what it cannot do fails the test"
)]

mod cli;
pub mod documented;
mod guard;
mod host;
mod kind;
mod lambda;
mod minio;
mod policy;
mod process;
mod settings;
mod store;
mod user;

pub use cli::{Cli, program};
pub use host::{Host, OwnHost};
pub use kind::{Kind, StoreKind};
pub use minio::{Lease, Minio};
pub use policy::{POLICY, Policy, RECONCILIATION};
pub use store::{Access, SilentStore};
pub use user::{Answer, Signed, User};

/// A CSV with a whole number, a decimal and a text with a comma in every row; the numbers sum up to known values.
#[must_use]
pub fn csv(rows: usize) -> Vec<u8> {
    let mut text = String::from("id,amount,name\n");
    for row in 0..rows {
        text.push_str(&format!("{row},{row}.5,\"name, {row}\"\n"));
    }
    text.into_bytes()
}
