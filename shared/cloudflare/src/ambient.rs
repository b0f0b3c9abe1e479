//! Time and randomness of the Workers runtime.

use consign_core::ports::{Clock, Random};
use consign_core::time::{self, Timestamp};
use worker::js_sys::{ArrayBuffer, Reflect};

/// The clock of the runtime. By Cloudflare's design, it advances only across awaits.
#[derive(Debug, Clone, Copy)]
pub struct WorkerClock;

impl Clock for WorkerClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(worker::Date::now().as_millis()).unwrap_or(i64::MAX);
        time::from_millis(ms).unwrap_or(time::MAX)
    }
}

/// The randomness of the runtime.
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

/// Returns the memory of this instance in bytes. WebAssembly memory never shrinks, so this is the peak.
#[must_use]
pub fn memory_bytes() -> u64 {
    let memory = worker::wasm_bindgen::memory();
    let buffer = Reflect::get(&memory, &"buffer".into());
    let bytes = buffer
        .ok()
        .map(|buffer| ArrayBuffer::from(buffer).byte_length());
    bytes.map_or(0, u64::from)
}
