//! The handlers over ports in memory: the invariants of the design, crashes at every call, and races at every turn.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends where its world is not as it should be"
)]

mod absence;
mod bounds;
mod cost;
mod crash;
mod ends;
mod kept;
mod life;
mod names;
mod once;
mod parts;
mod quota;
mod race;
mod rules;
mod servers;
mod simulated;
mod support;
mod sweep;
mod tables;
