//! What a host can hand to its functions: one trait per capability, so that a host implements each once, and a
//! function names only what it uses (`trait Deps: Service + HasRepo + …` beside its `handle`).

use crate::auth::Authenticator;
use crate::health::Health;
use crate::policy::{Policy, Provider};
use crate::ports::{
    BeginMultipart, Clock, IngestQueue, Multipart, ObjectStore, Random, UploadRepo,
};
use crate::sigv4::Signer;

/// Tells the time.
pub trait HasClock: Send + Sync {
    /// The clock.
    fn clock(&self) -> &impl Clock;
}

/// Gives ids and tokens.
pub trait HasRandom: Send + Sync {
    /// The randomness.
    fn random(&self) -> &impl Random;
}

/// Knows the tokens' keys.
pub trait HasAuthenticator: Send + Sync {
    /// Says whose a token is.
    fn authenticator(&self) -> &Authenticator;
}

/// Keeps the upload records.
pub trait HasRepo: Send + Sync {
    /// The upload records.
    fn repo(&self) -> &impl UploadRepo;
}

/// Sends to the ingest queue, as every transition of an upload may.
pub trait HasQueue: Send + Sync {
    /// The ingest queue.
    fn queue(&self) -> &impl IngestQueue;
}

/// Reads and writes objects.
pub trait HasStore: Send + Sync {
    /// The objects.
    fn store(&self) -> &impl ObjectStore;
}

/// Begins multipart uploads.
pub trait HasBeginMultipart: Send + Sync {
    /// Begins multipart uploads that clients fill.
    fn begin_multipart(&self) -> &impl BeginMultipart;
}

/// Ends multipart uploads.
pub trait HasMultipart: Send + Sync {
    /// The multipart uploads that clients fill.
    fn multipart(&self) -> &impl Multipart;
}

/// Knows the policy.
pub trait HasPolicy: Send + Sync {
    /// The policy.
    fn policy(&self) -> &Policy;
}

/// Knows what stands behind the buckets.
pub trait HasProvider: Send + Sync {
    /// The kind of store.
    fn provider(&self) -> Provider;
}

/// Presigns.
pub trait HasSigner: Send + Sync {
    /// Signs for the endpoint that clients see.
    fn signer(&self) -> &Signer;
}

/// Knows how the store is.
pub trait HasHealth: Send + Sync {
    /// What was found of the store's health.
    fn health(&self) -> &Health;
}

/// Knows where the store is.
pub trait HasEndpoint: Send + Sync {
    /// The endpoint that the functions talk to.
    fn storage_endpoint(&self) -> &str;
    /// The endpoint that clients talk to, where that is another.
    fn storage_public_endpoint(&self) -> &str {
        self.storage_endpoint()
    }
}

/// Knows how much memory and time there is.
pub trait HasMemory: Send + Sync {
    /// Memory that one conversion may use, in bytes.
    fn memory_bytes(&self) -> u64;

    /// The largest file that is read whole here, in bytes, where time is short; `None`: any that the policy lets in.
    fn file_bytes_max(&self) -> Option<u64> {
        None
    }
}
