//! What requests of the one process are served from.

use std::sync::Arc;

use consign_core::sigv4::Secret;
use consign_host::dev::Session;

use crate::bodies::Bodies;
use crate::host::Host;
use crate::metrics::Metrics;

/// What requests are served from.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) host: Arc<Host>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) bodies: Bodies,
    /// In development, what mints tokens for the page.
    pub(crate) session: Option<Session>,
    /// The store as browsers see it; the page may talk to it.
    pub(crate) store_url: String,
    /// What a store's webhook must show; without one, no path takes events.
    pub(crate) event_token: Option<Secret>,
}
