//! The ports of the one process: what every handler gets here.

use consign_aws::S3Store;
use consign_core::auth::Authenticator;
use consign_core::config::Config;
use consign_core::health::Health;
use consign_core::host::{
    HasAuthenticator, HasBeginMultipart, HasClock, HasEndpoint, HasHealth, HasMemory, HasMultipart,
    HasPolicy, HasProvider, HasQueue, HasRandom, HasRepo, HasSigner, HasStore,
};
use consign_core::policy::{Policy, Provider};
use consign_core::ports::{
    BeginMultipart, Clock, IngestQueue, Multipart, ObjectStore, Random, UploadRepo,
};
use consign_core::sigv4::Signer;
use consign_sql::{SqlQueue, SqlRepo};
use jiff::Timestamp;

/// Memory that one conversion may use, in bytes. Two of large files run at once, and the whole process stays under
/// 256 MiB.
pub(super) const CONVERSION_MEMORY_BYTES: u64 = 64 << 20;

/// The system's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that others take as an argument"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// The system's randomness.
#[derive(Debug, Clone, Copy)]
pub(super) struct SystemRandom;

impl Random for SystemRandom {
    #[expect(
        clippy::expect_used,
        reason = "a system without randomness must not go on"
    )]
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the system gives random bytes");
    }
}

/// All ports and rules together.
#[derive(Debug)]
pub(super) struct Host {
    pub(crate) repo: SqlRepo,
    pub(crate) queue: SqlQueue,
    pub(crate) store: S3Store,
    pub(crate) signer: Signer,
    pub(crate) policy: Policy,
    pub(crate) provider: Provider,
    pub(crate) endpoint: String,
    pub(crate) public_endpoint: String,
    pub(crate) authenticator: Authenticator,
    health: Health,
    pub(crate) clock: SystemClock,
    pub(crate) random: SystemRandom,
}

impl Host {
    /// Puts the parts together.
    #[must_use]
    pub(super) fn new(config: Config, authenticator: Authenticator, parts: Parts) -> Self {
        Self {
            queue: parts.repo.queue(),
            repo: parts.repo,
            store: parts.store,
            signer: parts.signer,
            provider: parts.provider,
            endpoint: parts.endpoint,
            public_endpoint: parts.public_endpoint,
            policy: config.policy,
            authenticator,
            health: Health::default(),
            clock: SystemClock,
            random: SystemRandom,
        }
    }
}

/// What was opened before.
#[derive(Debug)]
pub(super) struct Parts {
    /// The records.
    pub(super) repo: SqlRepo,
    /// The objects.
    pub(super) store: S3Store,
    /// Signs for the endpoint that browsers see.
    pub(super) signer: Signer,
    /// What kind of store it is.
    pub(super) provider: Provider,
    /// The endpoint that the functions talk to.
    pub(super) endpoint: String,
    /// The endpoint that clients talk to.
    pub(super) public_endpoint: String,
}

impl HasClock for Host {
    fn clock(&self) -> &impl Clock {
        &self.clock
    }
}

impl HasRandom for Host {
    fn random(&self) -> &impl Random {
        &self.random
    }
}

impl HasAuthenticator for Host {
    fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }
}

impl HasRepo for Host {
    fn repo(&self) -> &impl UploadRepo {
        &self.repo
    }
}

impl HasQueue for Host {
    fn queue(&self) -> &impl IngestQueue {
        &self.queue
    }
}

impl HasStore for Host {
    fn store(&self) -> &impl ObjectStore {
        &self.store
    }
}

impl HasBeginMultipart for Host {
    fn begin_multipart(&self) -> &impl BeginMultipart {
        &self.store
    }
}

impl HasMultipart for Host {
    fn multipart(&self) -> &impl Multipart {
        &self.store
    }
}

impl HasPolicy for Host {
    fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl HasProvider for Host {
    fn provider(&self) -> Provider {
        self.provider
    }
}

impl HasSigner for Host {
    fn signer(&self) -> &Signer {
        &self.signer
    }
}

impl HasHealth for Host {
    fn health(&self) -> &Health {
        &self.health
    }
}

impl HasEndpoint for Host {
    fn storage_endpoint(&self) -> &str {
        &self.endpoint
    }
    fn storage_public_endpoint(&self) -> &str {
        &self.public_endpoint
    }
}

impl HasMemory for Host {
    fn memory_bytes(&self) -> u64 {
        CONVERSION_MEMORY_BYTES
    }
}
