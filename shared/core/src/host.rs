//! The capabilities that a host gives to its functions, one trait each. A host implements each trait once, and a
//! function names only those that it uses (`trait Deps: Service + HasRepo + …` beside its `handle`).

use crate::auth::Authenticator;
use crate::health::Health;
use crate::policy::{Policy, StoreProvider};
use crate::ports::{
    BeginMultipart, Clock, IngestQueue, Multipart, ObjectStore, Random, UploadRepo,
};
use crate::sigv4::Signer;

/// Provides the clock.
pub trait HasClock: Send + Sync {
    /// Returns the clock.
    fn clock(&self) -> &impl Clock;
}

/// Provides randomness for ids and tokens.
pub trait HasRandom: Send + Sync {
    /// Returns the source of randomness.
    fn random(&self) -> &impl Random;
}

/// Provides the authentication of bearer tokens.
pub trait HasAuthenticator: Send + Sync {
    /// Returns the authenticator.
    fn authenticator(&self) -> &Authenticator;
}

/// Provides the upload records.
pub trait HasRepo: Send + Sync {
    /// Returns the repository of upload records.
    fn repo(&self) -> &impl UploadRepo;
}

/// Provides the ingest queue. Every transition of an upload may send to it.
pub trait HasQueue: Send + Sync {
    /// Returns the ingest queue.
    fn queue(&self) -> &impl IngestQueue;
}

/// A repository and a queue alone are enough for a transition.
impl<R: UploadRepo, Q: IngestQueue> HasRepo for (&R, &Q) {
    fn repo(&self) -> &impl UploadRepo {
        self.0
    }
}

impl<R: UploadRepo, Q: IngestQueue> HasQueue for (&R, &Q) {
    fn queue(&self) -> &impl IngestQueue {
        self.1
    }
}

/// Provides the objects.
pub trait HasStore: Send + Sync {
    /// Returns the object store.
    fn store(&self) -> &impl ObjectStore;
}

/// Provides the start of multipart uploads.
pub trait HasBeginMultipart: Send + Sync {
    /// Returns the port that begins multipart uploads.
    fn begin_multipart(&self) -> &impl BeginMultipart;
}

/// Provides the end of multipart uploads.
pub trait HasMultipart: Send + Sync {
    /// Returns the port of multipart uploads.
    fn multipart(&self) -> &impl Multipart;
}

/// Provides the policy.
pub trait HasPolicy: Send + Sync {
    /// Returns the policy.
    fn policy(&self) -> &Policy;
}

/// Provides the kind of store.
pub trait HasProvider: Send + Sync {
    /// Returns the kind of store.
    fn provider(&self) -> StoreProvider;
}

/// Provides the signer.
pub trait HasSigner: Send + Sync {
    /// Returns the signer for the endpoint that clients use.
    fn signer(&self) -> &Signer;
}

/// Provides the health of the store.
pub trait HasHealth: Send + Sync {
    /// Returns the health of the store.
    fn health(&self) -> &Health;
}

/// Provides the endpoints of the store.
pub trait HasEndpoint: Send + Sync {
    /// Returns the endpoint that the functions use.
    fn storage_endpoint(&self) -> &str;
    /// Returns the endpoint that clients use, if it is different.
    fn storage_public_endpoint(&self) -> &str {
        self.storage_endpoint()
    }
}

/// Provides the limits of memory and time.
pub trait HasMemory: Send + Sync {
    /// Returns the memory that one conversion may use, in bytes.
    fn memory_bytes(&self) -> u64;

    /// Returns the size of the largest file that can be read whole here in the time available, in bytes. `None` means
    /// any file that the policy accepts.
    fn file_bytes_max(&self) -> Option<u64> {
        None
    }
}
