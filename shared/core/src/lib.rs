//! The pure rules of consign: the upload's states, the policy, the configuration, answers, and the ports. Names,
//! events, tokens, signing, time and the wire are crates of their own, and are re-exported here.
//!
//! No I/O, no ambient time, randomness or environment: all of them are arguments. Builds for native targets and for
//! `wasm32-unknown-unknown` without a `cfg(target…)`.

pub use consign_api as api;
pub use consign_auth as auth;
pub use consign_events as events;
pub use consign_ids as ids;
pub use consign_sigv4 as sigv4;
pub use consign_time as time;

pub mod config;
pub mod health;
pub mod host;
pub mod log;
pub mod operations;
pub mod parts;
pub mod policy;
pub mod ports;
pub mod problem;
pub mod routes;
pub mod service;
pub mod transition;
pub mod upload;
