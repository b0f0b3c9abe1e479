//! A host that was started.

use tokio::task::JoinHandle;

/// A running host.
#[derive(Debug)]
pub struct Running {
    /// The base URL of the functions.
    pub base_url: String,
    /// The URL of the store for clients.
    pub store_url: String,
    /// A token, in development.
    pub token: Option<String>,
    /// Whether the store accepts unsigned copy sources, so that signed uploads have a header against copies.
    pub(crate) copies_unsigned: bool,
    pub(crate) http: JoinHandle<()>,
    pub(crate) consumer: JoinHandle<()>,
    pub(crate) store: Option<consign_embedded::Running>,
}

impl Running {
    /// Waits until all parts have ended after the stop.
    pub async fn wait(self) {
        if let Err(error) = self.http.await {
            tracing::error!(%error, "the listener task failed");
        }
        if let Err(error) = self.consumer.await {
            tracing::error!(%error, "the consumer task failed");
        }
        if let Some(store) = self.store {
            store.shutdown().await;
        }
    }
}
