//! Time and randomness of the runtime.

use consign_core::ports::{Clock, Random};
use consign_core::time::{self, Timestamp};
use worker::js_sys::{ArrayBuffer, Reflect};

/// The runtime's clock. It stands still between two awaits, by Cloudflare's design.
#[derive(Debug, Clone, Copy)]
pub struct WorkerClock;

impl Clock for WorkerClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX);
        time::from_millis(ms).unwrap_or(time::MAX)
    }
}

/// The runtime's randomness.
#[derive(Debug, Clone, Copy)]
pub struct WorkerRandom;

impl Random for WorkerRandom {
    #[expect(
        clippy::expect_used,
        reason = "a runtime without randomness must not go on"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the runtime gives random bytes");
    }
}

/// How much memory this instance has taken, in bytes. WebAssembly's memory never shrinks: it is the most there ever was.
#[must_use]
pub fn memory_bytes() -> u64 {
    let memory = worker::wasm_bindgen::memory();
    let buffer = Reflect::get(&memory, &"buffer".into());
    let bytes = buffer
        .ok()
        .map(|buffer| ArrayBuffer::from(buffer).byte_length());
    bytes.map_or(0, u64::from)
}
