//! The ports: traits for everything outside. Adapters implement them, and handlers use nothing else.
//!
//! Every adapter passes the contract of `consign-testkit`. Futures are `Send`. An adapter whose runtime has futures
//! that are not `Send` wraps them.

use crate::time::Timestamp;

use crate::ids::UploadId;

mod fault;
mod objects;
mod queue;
mod records;

pub use fault::{Cause, Fault, FaultKind};
pub use objects::{
    BeginMultipart, Multipart, ObjectHead, ObjectStore, ObjectWriter, Part, Read, ReadError,
};
pub use queue::{
    HIDDEN_MAX_S, IngestJob, IngestQueue, SWEEP_JOB_UPLOADS_MAX, SweepJob, is_own_message,
};
pub use records::{
    Allowance, Due, DueLine, DueRange, DueRun, IdempotencyKey, Inserted, ListFilter, NewUpload,
    Page, RATE_WINDOW_S, Saved, UploadRepo,
};

/// A clock.
pub trait Clock: Send + Sync {
    /// Returns the present instant in UTC.
    fn now(&self) -> Timestamp;
}

/// A source of random bytes that are fit for tokens.
pub trait Random: Send + Sync {
    /// Fills the buffer from a cryptographically secure source.
    fn fill(&self, buffer: &mut [u8]);

    /// Returns sixteen random bytes in hexadecimal, for a lease token or a request id.
    fn token(&self) -> String {
        let mut bytes = [0; 16];
        self.fill(&mut bytes);
        bytes
            .iter()
            .fold(String::with_capacity(32), |mut text, byte| {
                for nibble in [byte >> 4, byte & 15] {
                    text.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                }
                text
            })
    }

    /// Returns a new upload id.
    fn upload_id(&self, now: Timestamp) -> UploadId {
        let mut bytes = [0; 10];
        self.fill(&mut bytes);
        UploadId::new(now, bytes)
    }
}
