//! Attacks on a `consign serve` of its own process, over loopback, each bounded in count and time. A file for each kind.
//!
//! They look from outside: at answers, at the process's memory, at its folder. `CONSIGN_HOSTILE_BIN` aims them at another build.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what a test's helper cannot do fails the test"
)]

mod absence;
mod breaker;
mod clock;
mod connections;
mod disk;
mod download;
mod etags;
mod forms;
mod health;
mod policy;
mod quota;
mod records;
mod restart;
mod reuse;
mod session;
mod smuggling;
mod store;
mod support;
mod sweep;
