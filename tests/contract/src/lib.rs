//! The port contract of `consign-testkit`, run against every adapter, and the handlers, run in a [`World`] of ports in
//! memory; see `tests/`.

mod calls;
pub mod configured;
mod ledger;
pub mod notify;
mod world;

pub use calls::calls;
pub use configured::{BUCKET, OTHER_BUCKET};
pub use ledger::Ledger;
pub use world::{Get, Horizon, World};
