//! The ingest consumer and the sweep of the one process.
//!
//! They have their own threads, since a conversion occupies a core for its whole duration while requests must be
//! answered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use consign_core::operations::{DELIVERIES_MAX, HIDDEN_MAX_S, RETRY_PAUSE_S};
use consign_core::ports::{Clock as _, Fault};
use consign_core::time::saturating_add_secs;
use consign_sql::{QueueMessage, Room};
use ingest_on_object_created::sweep::{self, Effort};
use ingest_on_object_created::{Disposition, handle, lease_holder_lost};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::host::{CONVERSION_MEMORY_BYTES, Host};
use crate::metrics::Metrics;

/// The number of small files per core that are processed at the same time. Most of the time they wait for the disk,
/// and with many clients for their turn.
const SMALL_PER_CORE: usize = 16;
/// The maximum number of small files at the same time, whatever the number of cores.
const SMALL_MAX: usize = 64;
/// The total size of all small files that are processed at the same time, in bytes. A conversion takes a multiple of
/// its file.
const SMALL_BYTES_AT_ONCE_MAX: u64 = 8 << 20;
/// The number of large files at the same time. They never take a small file's place.
const LARGE_MAX: usize = 2;
/// The memory that all conversions of large files may use together, in bytes.
const LARGE_MEMORY_BYTES_MAX: u64 = 128 << 20;

const _: () = assert!(LARGE_MAX as u64 * CONVERSION_MEMORY_BYTES <= LARGE_MEMORY_BYTES_MAX);

/// How long to wait for a push before polling for messages that are due.
const POLL_PAUSE: Duration = Duration::from_millis(500);
/// The pause after a fault of the queue.
const FAULT_PAUSE: Duration = Duration::from_secs(2);
/// The interval of the sweep.
const SWEEP_PAUSE: Duration = Duration::from_secs(10);

/// The time limit of a run of the sweep, in seconds. The rest follows in the next run.
const SWEEP_S: u64 = 60;
/// The number of uploads that the sweep examines at the same time.
const PROBES_AT_ONCE: usize = 16;

/// Starts the consumer and the sweep. After the stop, they finish the work in progress and end.
///
/// # Errors
/// If the threads cannot be created.
pub(crate) fn start(
    host: Arc<Host>,
    metrics: Arc<Metrics>,
    stop: CancellationToken,
) -> anyhow::Result<JoinHandle<()>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // One more thread than conversions can occupy, for the connections.
        .worker_threads(cores.saturating_add(1))
        .thread_name("ingest")
        .enable_all()
        .build()
        .context("the threads of the ingest cannot be created")?;
    let (ending, ended) = oneshot::channel::<()>();
    let work = move || {
        let desk = Desk::for_cores(cores);
        runtime.block_on(run(host, metrics, (stop, desk)));
        drop(ending);
    };
    let thread = std::thread::Builder::new().name("ingest".to_owned());
    thread
        .spawn(work)
        .context("the thread of the ingest cannot be created")?;
    Ok(tokio::spawn(async move {
        // The sender is dropped at the end in any case.
        let _ = ended.await;
    }))
}

/// Consumes and sweeps until stopped, and finishes the work in progress.
async fn run(host: Arc<Host>, metrics: Arc<Metrics>, (stop, mut desk): (CancellationToken, Desk)) {
    release_previous_leases(&host).await;
    let sweeper = tokio::spawn(sweep_regularly(
        Arc::clone(&host),
        Arc::clone(&metrics),
        stop.clone(),
    ));
    let mut running = JoinSet::new();
    while !stop.is_cancelled() {
        while let Some(message) = desk.next() {
            running.spawn(deliver(Arc::clone(&host), Arc::clone(&metrics), message));
        }
        let room = desk.room();
        if room.small + room.large > 0 {
            match host.queue.take(host.system.now(), HIDDEN_MAX_S, room).await {
                Ok(taken) if taken.is_empty() => {}
                Ok(taken) => {
                    desk.put(taken);
                    continue;
                }
                Err(fault) => {
                    tracing::warn!(operation = "receive", %fault, "the queue failed");
                    tokio::time::sleep(FAULT_PAUSE).await;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = host.queue.pushed() => {}
            () = tokio::time::sleep(POLL_PAUSE) => {}
            Some(ended) = running.join_next() => desk.end(ended.unwrap_or_default()),
        }
    }
    while running.join_next().await.is_some() {}
    if let Err(error) = sweeper.await {
        tracing::error!(%error, "the sweep task failed");
    }
}

/// The messages that this consumer has received: those in progress, and some of small files that are next.
struct Desk {
    small: Places,
    large: Places,
}

struct Places {
    at_once: usize,
    /// Received in advance, so that several are received in one transaction.
    ahead: usize,
    running: usize,
    bytes_max: u64,
    bytes: u64,
    next: VecDeque<QueueMessage>,
}

impl Places {
    fn new(at_once: usize, ahead: usize, bytes_max: u64) -> Self {
        Self {
            at_once,
            ahead,
            running: 0,
            bytes_max,
            bytes: 0,
            next: VecDeque::new(),
        }
    }

    fn next(&mut self) -> Option<QueueMessage> {
        let first = self.next.front()?;
        let bytes = self.bytes.saturating_add(first.size_bytes);
        let has_room = self.running < self.at_once && bytes <= self.bytes_max;
        if !has_room && self.running > 0 {
            return None;
        }
        let message = self.next.pop_front()?;
        self.running += 1;
        self.bytes = bytes;
        Some(message)
    }

    fn room(&self) -> usize {
        // Messages are ordered as late as possible, so none is requested while one is waiting.
        if self.next.is_empty() {
            (self.at_once + self.ahead).saturating_sub(self.running)
        } else {
            0
        }
    }
}

impl Desk {
    fn for_cores(cores: usize) -> Self {
        let small = cores.saturating_mul(SMALL_PER_CORE).clamp(1, SMALL_MAX);
        Self {
            small: Places::new(small, small / 2, SMALL_BYTES_AT_ONCE_MAX),
            large: Places::new(LARGE_MAX, 0, u64::MAX),
        }
    }

    fn next(&mut self) -> Option<QueueMessage> {
        self.small.next().or_else(|| self.large.next())
    }

    fn room(&self) -> Room {
        Room {
            small: self.small.room(),
            large: self.large.room(),
        }
    }

    fn put(&mut self, taken: Vec<QueueMessage>) {
        for message in taken {
            let places = if message.is_large {
                &mut self.large
            } else {
                &mut self.small
            };
            places.next.push_back(message);
        }
    }

    fn end(&mut self, FreedPlace { is_large, bytes }: FreedPlace) {
        let places = if is_large {
            &mut self.large
        } else {
            &mut self.small
        };
        places.running = places.running.saturating_sub(1);
        places.bytes = places.bytes.saturating_sub(bytes);
    }
}

/// Releases the leases of the previous process, which has ended, since this is the only process. There are at most as
/// many as it processed at the same time. Other unfinished work needs nothing: it is on the queue, or due at its
/// time.
async fn release_previous_leases(host: &Host) {
    let freeing = async {
        let leases = host.repo.leases().await?;
        let freed = leases.len();
        for (id, token) in leases {
            lease_holder_lost(host, id, token).await?;
        }
        // Releases their messages afterwards, so that a delivery does not find the lease held.
        host.queue.release_all().await?;
        Ok::<_, Fault>(freed)
    };
    match freeing.await {
        Ok(0) => {}
        Ok(freed) => tracing::info!(operation = "take_over", freed),
        Err(fault) => {
            tracing::warn!(operation = "take_over", %fault, "not released; leases and hidden messages will expire");
        }
    }
}

async fn sweep_regularly(host: Arc<Host>, metrics: Arc<Metrics>, stop: CancellationToken) {
    ingest_on_object_created::mark_all(&*host).await;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP_PAUSE) => {}
        }
        let effort = Effort {
            until: saturating_add_secs(host.system.now(), SWEEP_S),
            concurrency: PROBES_AT_ONCE,
        };
        match sweep::run(&*host, effort).await {
            Ok(swept) => metrics.swept(&swept),
            Err(fault) => {
                metrics.sweep_failed();
                tracing::warn!(operation = "sweep", %fault, "the sweep failed; the next run is scheduled");
            }
        }
    }
}

/// The place of a message that was processed.
#[derive(Default)]
struct FreedPlace {
    is_large: bool,
    bytes: u64,
}

/// Passes one message to the function and settles it. After a panic, the message is delivered again.
async fn deliver(host: Arc<Host>, metrics: Arc<Metrics>, message: QueueMessage) -> FreedPlace {
    let work = {
        let host = Arc::clone(&host);
        let body = message.body.clone();
        let work = async move { handle(&*host, body.as_bytes()).await };
        if message.is_large {
            // Allocators keep freed memory per thread. A large conversion that moved between threads would leave its
            // row groups with each of them, so it runs on one thread.
            let runtime = Handle::current();
            tokio::task::spawn_blocking(move || runtime.block_on(work))
        } else {
            tokio::spawn(work)
        }
    };
    let disposition = work.await.unwrap_or_else(|error| {
        tracing::error!(operation = "ingest", %error, "the ingest task failed");
        Disposition::Retry
    });
    metrics.ingested(disposition);
    if let Err(fault) = settle(&host, &message, disposition).await {
        tracing::warn!(operation = "settle", %fault, "the message will be delivered again");
    }
    FreedPlace {
        is_large: message.is_large,
        bytes: message.size_bytes,
    }
}

async fn settle(
    host: &Host,
    message: &QueueMessage,
    disposition: Disposition,
) -> Result<(), Fault> {
    let now = host.system.now();
    match disposition {
        Disposition::Ack => host.queue.ack(message).await,
        Disposition::DeadLetter(reason) => host.queue.dead(message, reason, now).await,
        Disposition::Retry if message.attempts >= DELIVERIES_MAX => {
            host.queue.dead(message, "deliveries_exhausted", now).await
        }
        Disposition::Retry => {
            let pause_s =
                (1_u64 << message.attempts.min(6)).clamp(RETRY_PAUSE_S.0, RETRY_PAUSE_S.1);
            host.queue.retry(message, now, pause_s).await
        }
    }
}

#[cfg(test)]
mod tests {
    use consign_core::time::Timestamp;

    use super::*;

    /// Receives the messages that the desk has room for.
    async fn taken(desk: &Desk, queue: &consign_sql::SqlQueue) -> Vec<QueueMessage> {
        let now = Timestamp::UNIX_EPOCH;
        queue.take(now, 60, desk.room()).await.unwrap()
    }

    #[tokio::test]
    async fn large_files_and_small_files_have_separate_places() {
        let folder = tempfile::TempDir::new().unwrap();
        let repo = consign_sql::SqlRepo::open(&folder.path().join("consign.db")).await;
        let queue = repo.unwrap().queue();
        for number in 0..100 {
            queue.push(&number.to_string()).await.unwrap();
        }
        let mut desk = Desk::for_cores(2);
        let small = taken(&desk, &queue).await;
        assert_eq!(small.len(), 48, "32 in progress and 16 waiting");
        let mut large = small.clone();
        large.iter_mut().for_each(|message| message.is_large = true);
        desk.put(large);
        let begun = std::iter::from_fn(|| desk.next()).count();
        assert_eq!(begun, LARGE_MAX);
        assert_eq!(
            desk.room(),
            Room {
                small: 48,
                large: 0
            }
        );
        desk.put(small);
        assert_eq!(std::iter::from_fn(|| desk.next()).count(), 32);
        assert_eq!(desk.room(), Room { small: 0, large: 0 });
        // A message that ends makes room for the next of its kind.
        let ended = |is_large| FreedPlace { is_large, bytes: 0 };
        desk.end(ended(true));
        assert!(desk.next().is_some_and(|message| message.is_large));
        desk.end(ended(false));
        assert!(desk.next().is_some_and(|message| !message.is_large));
        assert!(desk.next().is_none());

        // The total size of small files is limited too, but one is always processed.
        let mut desk = Desk::for_cores(2);
        let mut fat = taken(&desk, &queue).await;
        fat.iter_mut()
            .for_each(|message| message.size_bytes = SMALL_BYTES_AT_ONCE_MAX / 2);
        fat[0].size_bytes = SMALL_BYTES_AT_ONCE_MAX * 2;
        desk.put(fat);
        assert_eq!(std::iter::from_fn(|| desk.next()).count(), 1);
        let ended = |bytes| FreedPlace {
            is_large: false,
            bytes,
        };
        desk.end(ended(SMALL_BYTES_AT_ONCE_MAX * 2));
        assert_eq!(std::iter::from_fn(|| desk.next()).count(), 2);
    }
}
