//! How long the sweep takes for a backlog: `cargo run --release -p consign-contract --example sweep -- COUNT [DYNAMODB_ENDPOINT]`.
//!
//! Late looks at expired uploads of many owners, one of whom has half of them: each is a read, a HEAD at the embedded store
//! and a write. In SQLite one run does it; in DynamoDB a scheduled run passes it on, and eight consumers take the jobs.

#![expect(
    clippy::unwrap_used,
    reason = "a measurement ends where something fails"
)]

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use consign_aws::{AwsOptions, DynamoRepo, S3Options, S3Store};
use consign_core::config::Config;
use consign_core::host::{
    HasClock, HasMemory, HasMultipart, HasPolicy, HasQueue, HasRandom, HasRepo, HasStore,
};
use consign_core::policy::Policy;
use consign_core::ports::{Clock, IngestQueue, Multipart, ObjectStore, Random, UploadRepo};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_core::upload::{Upload, UploadState};
use consign_embedded::{EmbeddedS3, Options, Running};
use consign_sql::SqlRepo;
use consign_testkit::contract::BUCKET;
use consign_testkit::{MemoryQueue, SeededRandom, all_due, sample};
use futures_util::stream::{self, StreamExt as _};
use ingest_on_object_created::handle;
use ingest_on_object_created::sweep::{self, Effort};
use tempfile::TempDir;
use tokio::task::AbortHandle;

const POLICY: &str = r#"
[auth]
issuer = "t"
audience = "t"
[[auth.keys]]
alg = "HS256"
secret_env = "S"
[store]
provider = "embedded"
[category.table]
bucket = "contract"
key = "in/{owner}/{file_id}.{ext}"
ingest = "verify"
extensions = ["txt"]
size_max = "1 MB"
"#;
const CONSUMERS: usize = 8;

struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "what is measured is real time")]
    fn now(&self) -> Timestamp {
        chrono::Utc::now()
    }
}

struct Host<R> {
    repo: R,
    queue: MemoryQueue,
    store: S3Store,
    random: SeededRandom,
    policy: Policy,
    clock: SystemClock,
}

impl<R: UploadRepo> HasClock for Host<R> {
    fn clock(&self) -> &impl Clock {
        &self.clock
    }
}
impl<R: UploadRepo> HasRandom for Host<R> {
    fn random(&self) -> &impl Random {
        &self.random
    }
}
impl<R: UploadRepo> HasRepo for Host<R> {
    fn repo(&self) -> &impl UploadRepo {
        &self.repo
    }
}
impl<R: UploadRepo> HasQueue for Host<R> {
    fn queue(&self) -> &impl IngestQueue {
        &self.queue
    }
}
impl<R: UploadRepo> HasStore for Host<R> {
    fn store(&self) -> &impl ObjectStore {
        &self.store
    }
}
impl<R: UploadRepo> HasMultipart for Host<R> {
    fn multipart(&self) -> &impl Multipart {
        &self.store
    }
}
impl<R: UploadRepo> HasPolicy for Host<R> {
    fn policy(&self) -> &Policy {
        &self.policy
    }
}
impl<R: UploadRepo> HasMemory for Host<R> {
    fn memory_bytes(&self) -> u64 {
        16 << 20
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the embedded store checks signatures by real time"
)]
async fn store() -> (TempDir, Running, S3Store) {
    let folder = TempDir::new().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options {
        root: folder.path().to_owned(),
        access_key: "contract".to_owned(),
        secret_key: "contract-secret".to_owned(),
        buckets: vec![BUCKET.to_owned()],
        cors_origins: Vec::new(),
        abort_parts_after: std::time::Duration::from_secs(10 * 86_400),
    };
    let silent = |_: String| async { Ok(()) };
    let running = EmbeddedS3::start(options, listener, silent, SystemTime::now).unwrap();
    let store = S3Store::new(&S3Options {
        endpoint: Some(format!("http://{}", running.local_addr())),
        region: "us-east-1".to_owned(),
        path_style: true,
        access_key: "contract".to_owned(),
        secret_key: "contract-secret".to_owned(),
        session_token: None,
    });
    (folder, running, store)
}

/// An upload that is due now; every second one is of the same owner.
fn late(number: u32, now: Timestamp) -> Upload {
    let owner = if number.is_multiple_of(2) {
        0
    } else {
        number % 1000
    };
    Upload {
        state: UploadState::Expired,
        reserved_bytes: 0,
        next_check_at: Some(now),
        ..sample::upload(&format!("owner-{owner}"), number)
    }
}

async fn fill<R: UploadRepo>(repo: &R, count: u32, now: Timestamp) {
    let inserts = stream::iter(0..count).map(|number| async move {
        let new = sample::new(late(number, now));
        // A store that stumbles under so many is asked again; a second insert of one upload has one effect.
        while let Err(fault) = repo.insert_pending(&new, now).await {
            eprintln!("{fault}");
        }
    });
    inserts.buffer_unordered(16).collect::<()>().await;
}

/// The host of a repository with as many late uploads as asked for.
async fn filled<R: UploadRepo>(repo: R, store: S3Store, count: u32, now: Timestamp) -> Host<R> {
    fill(&repo, count, now).await;
    println!("filled with {count}");
    let config = Config::parse(POLICY, &|_| {
        Some("a secret of a measurement alone, known to all".to_owned())
    });
    Host {
        repo,
        queue: MemoryQueue::new(),
        store,
        random: SeededRandom::new(1),
        policy: config.unwrap().policy,
        clock: SystemClock,
    }
}

async fn report_due<R: UploadRepo>(repo: &R, now: Timestamp) {
    println!("still due: {}", all_due(repo, now).await.unwrap().len());
}

/// A run passes the uploads on, and consumers take them.
#[expect(clippy::disallowed_methods, reason = "it is a measurement")]
async fn pass_on(host: &Arc<Host<DynamoRepo>>, effort: Effort) {
    let begun = Instant::now();
    let passing = {
        let host = Arc::clone(host);
        tokio::spawn(async move { sweep::fan_out(&*host, effort).await.unwrap() })
    };
    let consumers = (0..CONSUMERS).map(|_| {
        let host = Arc::clone(host);
        let is_passed_on = passing.abort_handle();
        tokio::spawn(async move { consume(&host, &is_passed_on).await })
    });
    let consumers: Vec<_> = consumers.collect();
    let swept = passing.await.unwrap();
    println!("passed on {} in {:?}", swept.passed_on, begun.elapsed());
    for consumer in consumers {
        consumer.await.unwrap();
    }
    println!("all done after {:?}", begun.elapsed());
}

/// Takes jobs until all are passed on and none is left.
async fn consume(host: &Host<DynamoRepo>, is_passed_on: &AbortHandle) {
    loop {
        let is_last = is_passed_on.is_finished();
        let taken = host.queue.receive(SystemClock.now(), 900, 1);
        let Some(message) = taken.first() else {
            if is_last {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        handle(host, message.body.as_bytes()).await;
        host.queue.ack(message);
    }
}

/// One run does it all.
#[expect(clippy::disallowed_methods, reason = "it is a measurement")]
async fn run(host: &Host<SqlRepo>, effort: Effort) {
    let begun = Instant::now();
    let swept = sweep::run(host, effort).await.unwrap();
    println!(
        "looked at {}, {} failed, in {:?}",
        swept.examined,
        swept.failed,
        begun.elapsed()
    );
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let count: u32 = args
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or(100_000);
    let dynamodb = args.next();
    let (_folder, _running, store) = store().await;
    let now = SystemClock.now();
    let effort = Effort {
        until: saturating_add_secs(now, 3600),
        concurrency: 16,
    };
    if let Some(endpoint) = dynamodb {
        let options = AwsOptions {
            endpoint: Some(endpoint),
            region: "us-east-1".to_owned(),
            access_key: "contract".to_owned(),
            secret_key: "contract".to_owned(),
            session_token: None,
        };
        let repo = DynamoRepo::new(&options, format!("sweep-{}", now.timestamp()));
        repo.ensure_table().await.unwrap();
        let host = Arc::new(filled(repo, store, count, now).await);
        pass_on(&host, effort).await;
        report_due(&host.repo, now).await;
    } else {
        let folder = TempDir::new().unwrap();
        let repo = SqlRepo::open(&folder.path().join("consign.db"))
            .await
            .unwrap();
        let host = filled(repo, store, count, now).await;
        run(&host, effort).await;
        report_due(&host.repo, now).await;
    }
}
