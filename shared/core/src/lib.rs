//! The pure rules of consign: signing, the upload's states, the policy, events, and the ports.
//!
//! No I/O, no ambient time, randomness or environment: all of them are arguments.
//! Builds for native targets and for `wasm32-unknown-unknown` without a `cfg(target…)`.

pub use consign_api as api;
pub use consign_sigv4 as sigv4;
pub use consign_time as time;

pub mod auth;
pub mod config;
pub mod events;
pub mod health;
pub mod host;
pub mod ids;
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
