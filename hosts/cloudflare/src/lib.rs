//! consign as a Cloudflare Worker: the entry points for requests, messages and cron triggers. They convert types and
//! build what the handlers require. The rules are elsewhere.
//!
//! Features choose which functions are mounted. Bindings: `DB` (D1), `INGEST` and `DEAD` (Queues), for each bucket of
//! the policy `BUCKET_` with its name in capitals (R2), and `LARGE` (Queues) if there is another consumer for large
//! files.

mod dev;
mod host;
#[cfg(feature = "ingest")]
mod ingest;
#[cfg(feature = "ingest")]
mod large;
mod serve;

use bytes::Bytes;
use http::Request;
use worker::{Context, Env, HttpRequest, event};

use host::Host;

/// Handles a request.
#[event(fetch)]
async fn fetch(request: HttpRequest, env: Env, _: Context) -> worker::Result<worker::Response> {
    let host = Host::open(&env)?;
    let (parts, body) = request.into_parts();
    let response = match serve::read(body).await {
        Some(body) => serve::handle(&host, Request::from_parts(parts, body)).await,
        None => serve::too_large(&host, Request::from_parts(parts, Bytes::new())).await,
    };
    serve::to_worker(response)
}

/// Handles messages of the ingest queue: notifications of R2, and consign's own jobs.
#[cfg(feature = "ingest")]
#[event(queue)]
async fn queue(batch: worker::MessageBatch<()>, env: Env, _: Context) -> worker::Result<()> {
    ingest::consume(&Host::open(&env)?, &env, &batch).await
}

/// Handles a cron trigger: runs the sweep.
#[cfg(feature = "ingest")]
#[event(scheduled)]
async fn scheduled(_: worker::ScheduledEvent, env: Env, _: worker::ScheduleContext) {
    match Host::open(&env) {
        Ok(host) => ingest::sweep(&host).await,
        Err(error) => tracing::error!(%error, "the Worker is not configured"),
    }
}
