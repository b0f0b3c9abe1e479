//! The Worker where it runs: in workerd, with the local D1, R2 and Queues.

#![expect(
    clippy::unwrap_used,
    reason = "this is a test's support: what it cannot do fails the test"
)]

mod contract;
mod ingest;
mod killed;
mod messages;
