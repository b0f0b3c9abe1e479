//! A failing disk below the adapter: the process limits the size of its files, and writes beyond the limit fail as on a
//! failing disk. With a write-ahead log they fail in the commit. This is a test program of its own, since the limit
//! applies to the whole process.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

use consign_core::ports::FaultKind;
use consign_sql::SqlRepo;
use consign_testkit::contract::below::Medium;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, MutexGuard};

/// The size limit of a file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The signal for a write beyond the limit. It ends the process unless it is ignored.
const SIGXFSZ: i32 = 25;

/// Serialises the tests.
static LIMIT: Mutex<()> = Mutex::const_new(());

struct Disk {
    _folder: TempDir,
    _alone: MutexGuard<'static, ()>,
    _caught: Signal,
}

fn limit(bytes: Option<u64>) {
    let maximum = getrlimit(Resource::Fsize).maximum;
    let current = bytes.or(maximum);
    setrlimit(Resource::Fsize, Rlimit { current, maximum }).unwrap();
}

impl Medium for Disk {
    async fn fail(&self) -> FaultKind {
        limit(Some(FILE_BYTES_MAX));
        FaultKind::Unreachable
    }

    async fn mend(&self) {
        limit(None);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        limit(None);
    }
}

async fn make() -> (Disk, SqlRepo) {
    let _alone = LIMIT.lock().await;
    let _caught = signal(SignalKind::from_raw(SIGXFSZ)).unwrap();
    let _folder = TempDir::new().unwrap();
    let repo = SqlRepo::open(&_folder.path().join("consign.db")).await;
    let disk = Disk {
        _folder,
        _alone,
        _caught,
    };
    (disk, repo.unwrap())
}

consign_testkit::below_contract!(make);

#[tokio::test]
async fn the_queue_goes_on_after_a_fault_below() {
    let (disk, repo) = make().await;
    let queue = repo.queue();
    disk.fail().await;
    let body = "an event of some length".repeat(40);
    let mut pushed = 0;
    while queue.push(&body).await.is_ok() {
        pushed += 1;
        assert!(pushed < 3000, "pushes succeed on a failing disk");
    }
    assert!(repo.ping().await.is_err(), "the health check reports it");
    disk.mend().await;
    repo.ping().await.unwrap();
    queue.push(&body).await.unwrap();
    assert_eq!(queue.depth().await.unwrap(), pushed + 1);
}
