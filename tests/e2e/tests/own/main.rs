//! What takes a process of one's own: to kill it, to start it again, to read its log and its page.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what a test's helper cannot do fails the test"
)]

mod cli;
mod connections;
mod development;
mod looks;
mod restart;
