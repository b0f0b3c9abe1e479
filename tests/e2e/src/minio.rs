//! One real MinIO for a test program. Each host over it has a webhook, and so a port, of its own: MinIO reads its webhooks when
//! it starts, so there is a number of them up front, each with its queue directory.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use crate::guard::{self, Guarded};
use crate::kind::needed;
use crate::store::Account;
use ports::free_port;

/// Hosts at once.
const SLOTS: usize = 32;
const ACCESS_KEY: &str = "consign";
const SECRET_KEY: &str = "the shared store's own secret key";
/// What MinIO shows to every host.
pub(crate) const EVENT_TOKEN: &str = "the-webhook-shows-this-secret-to-every-host";
static MINIO: OnceCell<Minio> = OnceCell::const_new();

/// A MinIO whose webhooks lead to hosts that may be there or not.
#[derive(Debug)]
pub struct Minio {
    port: u16,
    free: Mutex<Vec<Slot>>,
    _server: Guarded,
}

/// A webhook that no other host has at present.
#[derive(Debug, Clone, Copy)]
struct Slot {
    number: usize,
    port: u16,
}

/// What a host over MinIO has to itself, until it is dropped.
#[derive(Debug)]
pub struct Lease {
    slot: Slot,
    run: u32,
}

impl Minio {
    /// The MinIO of this program; started where it is not.
    pub async fn shared() -> &'static Self {
        MINIO.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let folder = guard::folder();
        let port = free_port();
        let slots: Vec<Slot> = (0..SLOTS)
            .map(|number| Slot {
                number,
                port: free_port(),
            })
            .collect();
        let mut command = Command::new(needed("CONSIGN_MINIO_BIN"));
        command
            .args(["server", "--address", &format!("127.0.0.1:{port}")])
            .arg(folder.join("data"))
            .env("MINIO_ROOT_USER", ACCESS_KEY)
            .env("MINIO_ROOT_PASSWORD", SECRET_KEY)
            .env("MINIO_BROWSER", "off")
            .env("MINIO_UPDATE", "off")
            // An object is neither taken before its bucket's rules are known, nor told of before its event is kept.
            .env("MINIO_SYNC_BOOT", "on")
            .env("MINIO_API_SYNC_EVENTS", "on")
            .envs(slots.iter().flat_map(|slot| webhook(*slot, &folder)));
        let server = Guarded::start(folder, &command);
        let ready = format!("http://127.0.0.1:{port}/minio/health/ready");
        Self {
            port,
            free: Mutex::new(slots),
            _server: server.answers(&ready).await,
        }
    }

    /// Where functions reach it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Where clients do: under another name, so that every signature of the suite is for the one and not the other.
    pub(crate) fn public_url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Its access key and secret key.
    #[must_use]
    pub fn keys(&self) -> (String, String) {
        (ACCESS_KEY.to_owned(), SECRET_KEY.to_owned())
    }

    pub(crate) fn account(&self) -> Account {
        Account {
            endpoint: self.url(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: SECRET_KEY.to_owned(),
        }
    }

    /// A webhook and names of buckets for one host; waits while there are none.
    pub async fn lease(&self) -> Lease {
        static RUN: AtomicU32 = AtomicU32::new(0);
        loop {
            let free = self
                .free
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .pop();
            if let Some(slot) = free {
                return Lease {
                    slot,
                    run: RUN.fetch_add(1, Ordering::Relaxed),
                };
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Lease {
    /// Where MinIO expects the host.
    pub(crate) fn base_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.slot.port)
    }

    /// The queue that stands for its webhook.
    #[must_use]
    pub fn queue_arn(&self) -> String {
        format!("arn:minio:sqs::host{}:webhook", self.slot.number)
    }

    /// A bucket that no other host of this program had or will have.
    #[must_use]
    pub fn bucket(&self, name: &str) -> String {
        format!("{name}-{}", self.run)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(minio) = MINIO.get() {
            let mut free = minio.free.lock().unwrap_or_else(PoisonError::into_inner);
            free.push(self.slot);
        }
    }
}

fn webhook(slot: Slot, folder: &Path) -> [(String, String); 4] {
    let Slot { number, port } = slot;
    let undelivered: PathBuf = folder.join(format!("undelivered-{number}"));
    [
        ("ENABLE", "on".to_owned()),
        ("ENDPOINT", format!("http://127.0.0.1:{port}/events/minio")),
        ("AUTH_TOKEN", EVENT_TOKEN.to_owned()),
        ("QUEUE_DIR", undelivered.display().to_string()),
    ]
    .map(|(name, value)| (format!("MINIO_NOTIFY_WEBHOOK_{name}_host{number}"), value))
}
