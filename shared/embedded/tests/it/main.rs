//! Tests over sockets of what DESIGN sections 3, 5 and 8 require of a store.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod connections;
mod forms;
mod multipart;
mod objects;
mod presigned;
mod refusals;
#[path = "../support/mod.rs"]
mod support;
