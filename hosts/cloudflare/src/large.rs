//! Passes files that are too large for a Worker's time limit to another consumer, if one is configured.
//!
//! `CONSIGN_INGEST_BYTES_MAX` is the limit. If a queue is bound as `LARGE`, messages about larger files are forwarded
//! to it unchanged, for a consumer with the same records and buckets. Until it has processed a file, the upload is
//! `uploaded` or `confirmed`. Without such a queue the upload ends `failed`, with the limit as its reason, and can
//! still be downloaded.

use consign_cloudflare::WorkerQueue;
use consign_core::events::{Decoded, EventSources};
use consign_core::host::{HasMemory as _, HasPolicy as _, HasRepo as _};
use consign_core::ports::{Fault, IngestJob, UploadRepo as _};
use worker::Env;

use crate::host::Ports;

/// Forwards a message about a file that is too large if there is another consumer. Returns whether it did.
pub(crate) async fn pass_on(host: &Ports, env: &Env, body: &str) -> Result<bool, Fault> {
    let (Ok(other), Some(bytes_max)) = (WorkerQueue::open(env, "LARGE"), host.file_bytes_max())
    else {
        return Ok(false);
    };
    let size_bytes = match IngestJob::from_body(body.as_bytes()) {
        Some(job) => {
            let upload = host.repo().find(job.ingest).await?;
            upload.and_then(|upload| {
                let observed = upload.observed.as_ref().map(|object| object.size_bytes);
                observed.or(upload.size_bytes_declared)
            })
        }
        None => reported_size(host.policy().event_sources(), body),
    };
    if size_bytes.is_none_or(|size_bytes| size_bytes <= bytes_max) {
        return Ok(false);
    }
    other.send_json(body).await?;
    tracing::info!(
        operation = "ingest",
        code = "passed_on",
        file_size = size_bytes,
    );
    Ok(true)
}

/// Returns the size that a notification reports. R2's notifications are about one object each.
fn reported_size(sources: &EventSources, body: &str) -> Option<u64> {
    match sources.decode(body.as_bytes()) {
        Ok(Decoded::Ok(records) | Decoded::Partial { records, .. }) => {
            records.iter().filter_map(|record| record.size_bytes).max()
        }
        Ok(Decoded::Ignore) | Err(_) => None,
    }
}
