//! The state that requests of the one process share.

use std::sync::Arc;

use consign_core::sigv4::Secret;
use consign_host::dev::Session;

use crate::bodies::Bodies;
use crate::host::Host;
use crate::metrics::Metrics;

/// The state that requests share.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) host: Arc<Host>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) bodies: Bodies,
    /// The session that creates tokens for the page, in development.
    pub(crate) session: Option<Session>,
    /// The URL of the store for browsers. The page may connect to it.
    pub(crate) store_url: String,
    /// The secret of the store's webhook. Without one, no path accepts events.
    pub(crate) event_token: Option<Secret>,
}
