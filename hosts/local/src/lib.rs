//! consign in one process, its client, and its command line.

pub mod client;
pub mod commands;
pub mod s3;
pub mod serve;
