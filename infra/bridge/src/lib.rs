//! What AWS does between S3, SQS, EventBridge, API Gateway and Lambda, on a developer's machine.
//!
//! - A bucket's notifications go on the queue: `webhook` takes them from MinIO.
//! - The queue's batches go to the ingest function, as an event source mapping with `ReportBatchItemFailures` hands them.
//! - The schedule invokes the sweep.
//! - The table of the records is made where it is missing, as a deployment makes it.
//! - On demand the functions are served at the paths of the wire, as an HTTP API serves them: `gateway`.
//!
//! Nothing here is a rule of consign: what a message means, the function knows.

mod gateway;
mod mapping;
mod options;
mod queue;
mod runtime;
mod schedule;
mod table;
mod webhook;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use options::Options;

use crate::mapping::Mapping;
use crate::queue::Queue;
use crate::runtime::Runtime;

/// A bridge at work.
#[derive(Debug)]
pub struct Running {
    /// Where the notifications are taken.
    pub webhook: SocketAddr,
    /// Where the functions are served, if they are.
    pub gateway: Option<SocketAddr>,
    tasks: JoinSet<()>,
}

impl Running {
    /// Starts everything, and comes back once the addresses are listened on. Neither queue nor functions need to be there yet.
    ///
    /// # Errors
    /// When an address cannot be listened on, or an option is wrong.
    pub async fn start(options: Options, stop: CancellationToken) -> anyhow::Result<Self> {
        let runtime = Arc::new(Runtime::new(&options.runtime)?);
        let queue = Arc::new(Queue::new(&options));
        let mut tasks = JoinSet::new();

        // 1. The table of the records, which a deployment makes.
        if !options.table.is_empty() {
            tasks.spawn(table::ensure(options.clone(), stop.clone()));
        }

        // 2. The bucket's notifications.
        let listener = listen(options.listen).await?;
        let webhook = listener.local_addr()?;
        let routes = webhook::routes(Arc::clone(&queue), options.webhook_token.clone());
        tasks.spawn(serve(listener, routes, stop.clone()));

        // 3. The HTTP API.
        let gateway = match options.gateway {
            Some(address) => {
                let listener = listen(address).await?;
                let address = listener.local_addr()?;
                let routes = gateway::serving(Arc::clone(&runtime), &options);
                tasks.spawn(serve(listener, routes, stop.clone()));
                Some(address)
            }
            None => None,
        };

        // 4. The event source mapping and the schedule.
        let mapping = Arc::new(Mapping::new(queue, Arc::clone(&runtime), &options));
        for _ in 0..options.concurrency {
            tasks.spawn(Arc::clone(&mapping).run(stop.clone()));
        }
        if options.sweep_every > 0 {
            tasks.spawn(schedule::run(runtime, options.clone(), stop.clone()));
        }
        tracing::info!(%webhook, runtime = options.runtime, queue = options.queue, "bridging");
        if let Some(address) = gateway {
            tracing::info!("the functions are at http://{address}");
        }
        Ok(Self {
            webhook,
            gateway,
            tasks,
        })
    }

    /// Waits until all has ended after the stop: batches under way are finished first.
    pub async fn wait(mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a part of the bridge broke");
            }
        }
    }
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{address} cannot be listened on; is another bridge running?"))
}

async fn serve(listener: TcpListener, routes: axum::Router, stop: CancellationToken) {
    let routes = routes.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "a listener failed");
    }
}
