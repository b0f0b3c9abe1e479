//! The port contract of `consign-testkit`, run against every adapter, and the handlers, run in a [`World`] of ports in
//! memory; see `tests/`.

mod calls;
mod ledger;
pub mod notify;
mod world;

pub use calls::calls;
pub use ledger::Ledger;
pub use world::{BUCKET, Get, Horizon, OTHER_BUCKET, World};
