//! The host of the one process.

use std::sync::Arc;

use consign_aws::S3Store;
use consign_core::auth::Authenticator;
use consign_core::config::Config;
use consign_core::health::Health;
use consign_core::policy::StoreProvider;
use consign_core::sigv4::Signer;
use consign_host::{Rules, System};
use consign_sql::{SqlQueue, SqlRepo};

/// The memory that one conversion may use, in bytes. Two conversions of large files run at the same time, and the
/// whole process stays under 256 MiB.
pub(crate) const CONVERSION_MEMORY_BYTES: u64 = 64 << 20;

/// All ports and rules.
pub(crate) type Host = consign_host::Host<System, SqlRepo, SqlQueue, S3Store, S3Store>;

/// The parts that were opened before.
#[derive(Debug)]
pub(crate) struct HostParts {
    /// The records.
    pub(crate) repo: SqlRepo,
    /// The objects.
    pub(crate) store: S3Store,
    /// The signer for the endpoint that browsers use.
    pub(crate) signer: Signer,
    /// The kind of store.
    pub(crate) provider: StoreProvider,
    /// The endpoint that the functions use.
    pub(crate) endpoint: String,
    /// The endpoint that clients use.
    pub(crate) public_endpoint: String,
}

/// Builds the host from its parts.
pub(crate) fn host(config: Config, authenticator: Authenticator, parts: HostParts) -> Host {
    let rules = Rules {
        authenticator,
        policy: config.policy,
        provider: parts.provider,
        signer: Arc::new(parts.signer),
        endpoint: parts.endpoint,
        public_endpoint: parts.public_endpoint,
        memory_bytes: CONVERSION_MEMORY_BYTES,
        file_bytes_max: None,
        health: Health::default(),
    };
    consign_host::Host::new(Arc::new(rules), System)
        .with_queue(parts.repo.queue())
        .with_repo(parts.repo)
        .with_multipart(parts.store.clone())
        .with_store(parts.store)
}
