//! A table to Parquet in memory that is given, chunk by chunk. Compiled for wasm32, it is what the Worker runs.

use consign_tabular::{Ended, Limits, OnePass, Options, Refusal, Step};
use wasm_bindgen::prelude::wasm_bindgen;

/// The budget of a conversion in the Worker.
const MEMORY_BYTES: u64 = 24 << 20;

/// A conversion in one pass.
#[wasm_bindgen]
#[expect(
    missing_debug_implementations,
    reason = "a conversion has nothing to show"
)]
pub struct Conversion(OnePass);

#[wasm_bindgen]
impl Conversion {
    /// Begins a conversion.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Self {
        Self(OnePass::new(
            Options::default(),
            Limits::for_memory(MEMORY_BYTES),
        ))
    }

    /// Takes a chunk, and returns the Parquet that is complete.
    ///
    /// # Errors
    /// The code of the refusal.
    pub fn push(&mut self, chunk: &[u8]) -> Result<Vec<u8>, String> {
        match self.0.push(chunk).map_err(told)? {
            Step::Taken => Ok(self.0.take_output().to_vec()),
            Step::Again => Err("the table needs a second pass".to_owned()),
        }
    }

    /// Ends the table, and returns the rest of the Parquet.
    ///
    /// # Errors
    /// The code of the refusal.
    pub fn finish(self) -> Result<Vec<u8>, String> {
        match self.0.finish().map_err(told)? {
            Ended::Converted(converted) => Ok(converted.tail.to_vec()),
            Ended::Again => Err("the table needs a second pass".to_owned()),
        }
    }
}

impl Default for Conversion {
    fn default() -> Self {
        Self::new()
    }
}

fn told(refusal: Refusal) -> String {
    format!("{}: {}", refusal.code(), refusal.detail())
}
