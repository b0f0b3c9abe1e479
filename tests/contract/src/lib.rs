//! The port contract, run against every adapter.
