//! Free ports for servers that are told theirs, and cannot be asked which one they took.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that the system hands out by itself: a connection or a server that took any port would else stand on one
/// between the time it was found free and the time its server listens. From 30,000 on they are `infra/edge/dev.mjs`'s.
const FIRST: u16 = 20_000;
const PORTS: u16 = 10_000;

/// A port of 127.0.0.1 that nobody listens on, and that this process was not given before.
#[must_use]
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another test program may be at work: each begins elsewhere.
    let from = u16::try_from(std::process::id() % u32::from(PORTS)).unwrap_or(0);
    loop {
        let offset = from
            .wrapping_mul(37)
            .wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + offset % PORTS;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
