//! Adapters for Cloudflare behind the ports of `consign-core`: records in D1, objects in R2, jobs on Queues.
//!
//! A Worker runs on one thread. JavaScript values and futures are not `Send`, but the futures of the ports are. This
//! crate wraps them (`worker::send`), and no other crate uses a JavaScript future.

mod ambient;
mod d1;
mod fault;
mod log;
mod queue;
mod r2;

pub use ambient::{WorkerClock, WorkerRandom, memory_bytes};
pub use d1::D1Repo;
pub use log::install as install_log;
pub use queue::{Batch, Delivered, WorkerQueue};
pub use r2::{Body, R2Multipart, R2Store, R2Writer, binding_of};
