//! The bridge between a real queue server and functions that do as the test says.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "what tests share may fail them"
)]

mod gateway;
mod mapping;
mod program;
mod router;
mod support;
mod table;
mod webhook;
