//! Files that are too large for a Worker's time: left to another consumer, where one is configured.
//!
//! `CONSIGN_INGEST_BYTES_MAX` is the limit. With a queue bound as `LARGE`, what is about a larger file goes there as it is,
//! for a consumer that reads the same records and buckets; until it has worked, the upload is `uploaded` or `confirmed`. Without
//! one the upload ends `failed`, with the limit as its reason, and can be downloaded all the same.

use consign_cloudflare::WorkerQueue;
use consign_core::events::{Decoded, EventSources};
use consign_core::host::{HasMemory as _, HasPolicy as _, HasRepo as _};
use consign_core::ports::{Fault, IngestJob, UploadRepo as _};
use worker::Env;

use crate::host::Ports;

/// Passes a message on where it is about a file that is too large and another consumer is there; whether it did.
pub(crate) async fn pass_on(host: &Ports, env: &Env, body: &str) -> Result<bool, Fault> {
    let (Ok(other), Some(bytes_max)) = (WorkerQueue::open(env, "LARGE"), host.file_bytes_max())
    else {
        return Ok(false);
    };
    let size_bytes = match IngestJob::from_body(body.as_bytes()) {
        Some(job) => {
            let upload = host.repo().find(job.ingest).await?;
            upload.and_then(|upload| {
                let seen = upload.observed.as_ref().map(|object| object.size_bytes);
                seen.or(upload.size_bytes_declared)
            })
        }
        None => told(host.policy().event_sources(), body),
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

/// The size that a notification tells; R2's tell of one object each.
fn told(sources: &EventSources, body: &str) -> Option<u64> {
    match sources.decode(body.as_bytes()) {
        Ok(Decoded::Ok(records) | Decoded::Partial { records, .. }) => {
            records.iter().filter_map(|record| record.size_bytes).max()
        }
        Ok(Decoded::Ignore) | Err(_) => None,
    }
}
