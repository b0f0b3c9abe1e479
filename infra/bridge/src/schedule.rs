//! The schedule that invokes the sweep.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::Options;
use crate::runtime::Runtime;

/// The event of the schedule in `template.yaml`.
const EVENT: &[u8] = br#"{"sweep":"due"}"#;
/// How long a sweep may take, where nothing else is said. A function that died never answers, and the next sweep waits for it.
const SWEEP_TIMEOUT: Duration = Duration::from_secs(60);

/// Invokes the sweep again and again until stopped; one that is under way is finished.
pub(crate) async fn run(runtime: Arc<Runtime>, options: Options, stop: CancellationToken) {
    let pause = Duration::from_secs(options.sweep_every.into());
    let limit = options
        .invoke_timeout
        .map_or(SWEEP_TIMEOUT, |limit_s| Duration::from_secs(limit_s.into()));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        if !runtime.is_there().await {
            continue;
        }
        match runtime
            .invoke(&options.function, EVENT.to_vec(), limit)
            .await
        {
            Ok(_) => tracing::debug!("swept"),
            Err(error) => tracing::warn!(%error, "the sweep failed; the next one comes by itself"),
        }
    }
}
