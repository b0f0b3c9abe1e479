//! The server, tables on it, and a proxy between.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use consign_aws::DynamoRepo;
use consign_core::ports::{Fault, IdempotencyKey, Inserted, NewUpload, UploadRepo};
use consign_core::time::saturating_add_secs;
use consign_core::upload::{Change, Upload};
use consign_testkit::sample::{self, owner, start};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::support::proxy::{Harm, Proxy};
use crate::support::{self, Server, options};

static SERVER: OnceCell<Server> = OnceCell::const_new();
static TABLES: AtomicU32 = AtomicU32::new(0);

/// The server of this binary.
pub(crate) async fn server() -> SocketAddr {
    let args = [
        "-Djava.library.path=lib",
        "-cp",
        "lib/*",
        "com.amazonaws.services.dynamodbv2.local.main.ServerRunner",
        "-inMemory",
        "-disableTelemetry",
        "-port",
        "{port}",
    ];
    let run = || Server::java("CONSIGN_DYNAMODB_DIR", &args);
    SERVER.get_or_init(run).await.address
}

/// A table's name that nobody else has.
fn name() -> String {
    let number = TABLES.fetch_add(1, Ordering::Relaxed);
    format!("contract-{number}")
}

/// A table that nobody else has.
pub(crate) async fn fresh() -> ((), DynamoRepo) {
    let repo = DynamoRepo::new(&options(server().await), name());
    repo.ensure_table().await.unwrap();
    ((), repo)
}

/// A table, the adapter on it, and the adapter behind a proxy.
pub(crate) struct Given {
    pub(crate) table: String,
    pub(crate) repo: DynamoRepo,
    pub(crate) proxy: Proxy,
    pub(crate) proxied: DynamoRepo,
}

impl Given {
    pub(crate) async fn new() -> Self {
        let server = server().await;
        let table = name();
        let repo = DynamoRepo::new(&options(server), &table);
        repo.ensure_table().await.unwrap();
        let proxy = Proxy::start(server).await;
        let proxied = DynamoRepo::new(&options(proxy.address), &table);
        Self {
            table,
            repo,
            proxy,
            proxied,
        }
    }

    pub(crate) async fn with(upload: &Upload) -> Self {
        let given = Self::new().await;
        let inserted = insert(&given.repo, sample::new(upload.clone()));
        assert_eq!(inserted.await.unwrap(), Inserted::Created);
        given
    }

    /// The item of this key as it lies in the table.
    pub(crate) async fn item(&self, key: &str) -> Value {
        let body = json!({ "TableName": self.table, "Key": { "pk": { "S": key } }, "ConsistentRead": true });
        let said = support::call(server().await, "DynamoDB_20120810.GetItem", &body).await;
        said.unwrap()["Item"].clone()
    }

    pub(crate) async fn reserved_bytes(&self) -> u64 {
        self.repo.reserved_bytes(&owner("ada")).await.unwrap()
    }
}

pub(crate) async fn insert(repo: &DynamoRepo, new: NewUpload) -> Result<Inserted, Fault> {
    repo.insert_pending(&new, start()).await
}

/// The key of what Ada signed in the window of the samples.
pub(crate) fn window() -> String {
    format!("RATE#{}#ada", start().timestamp() / 60)
}

pub(crate) fn keyed(upload: Upload) -> NewUpload {
    let idempotency = Some(IdempotencyKey {
        key: "k".to_owned(),
        body_sha256: "b".to_owned(),
        expires_at: saturating_add_secs(start(), 3600),
    });
    NewUpload {
        idempotency,
        ..sample::new(upload)
    }
}

pub(crate) fn change(before: &Upload, edit: impl FnOnce(&mut Upload)) -> Change {
    let mut after = before.clone();
    after.revision += 1;
    edit(&mut after);
    Change {
        after,
        enqueue: false,
    }
}

/// What the SDK makes of one call.
pub(crate) const ATTEMPTS: usize = 3;

/// The table asks for fewer requests.
pub(crate) const THROTTLED: Harm = Harm::Answer(400, "ProvisionedThroughputExceededException");
