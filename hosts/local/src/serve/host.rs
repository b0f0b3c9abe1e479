//! The ports of the one process: what every handler gets here.

use std::sync::atomic::{AtomicI64, Ordering};

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
        let now = Timestamp::now();
        if let Some(back_s) = set_back_s(&LATEST_US, now.as_microsecond()) {
            tracing::warn!(
                operation = "clock",
                back_s,
                "the clock was set back; leases and hidden messages of before are not waited for"
            );
        }
        now
    }
}

/// The latest instant that the clock has shown, in microseconds since 1970.
static LATEST_US: AtomicI64 = AtomicI64::new(i64::MIN);
/// What a clock may be slewed back by without a word, in microseconds.
const SLEWED_US: i64 = 2_000_000;

/// By how many seconds the clock was set back since it was last looked at, if it was.
fn set_back_s(latest_us: &AtomicI64, now_us: i64) -> Option<i64> {
    let latest = latest_us.fetch_max(now_us, Ordering::Relaxed);
    let back_us = latest.saturating_sub(now_us);
    if latest == i64::MIN || back_us <= SLEWED_US {
        return None;
    }
    // From here on it counts anew: each step is told once.
    latest_us.store(now_us, Ordering::Relaxed);
    Some(back_us / 1_000_000)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_is_told_once() {
        let latest = AtomicI64::new(i64::MIN);
        let hour_us = 3_600_000_000;
        assert_eq!(set_back_s(&latest, 2 * hour_us), None);
        assert_eq!(set_back_s(&latest, 2 * hour_us - 1000), None);
        assert_eq!(set_back_s(&latest, hour_us), Some(3600));
        assert_eq!(set_back_s(&latest, hour_us + 5), None);
        assert_eq!(set_back_s(&latest, 3 * hour_us), None);
    }
}
