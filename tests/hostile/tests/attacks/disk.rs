//! A full disk: what cannot be kept is refused, and once there is room again everything goes on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use hostile::{Host, Options, User, csv};

use crate::support::assert_memory;

const DISK_BYTES: u64 = 24 << 20;
const SIGNS_MAX: usize = 3_000;

/// A file system of a few megabytes; where none may be mounted, the host's own files may grow no longer than that.
struct Disk {
    folder: tempfile::TempDir,
    is_mounted: bool,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        let size = format!("size={DISK_BYTES}");
        mount
            .args(["-t", "tmpfs", "-o", &size, "hostile"])
            .arg(folder.path());
        let is_mounted = mount.status().is_ok_and(|status| status.success());
        Self { folder, is_mounted }
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    /// Takes all room that is left.
    fn fill(&self) {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        let chunk = vec![0; 4096];
        while std::io::Write::write_all(&mut filler, &chunk).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.is_mounted {
            drop(
                Command::new("umount")
                    .arg("-l")
                    .arg(self.folder.path())
                    .status(),
            );
        }
    }
}

/// Signs until one is refused: the log of the database may have room of its own.
async fn sign_until_refused(user: &mut User) -> hostile::Answer {
    for _ in 0..SIGNS_MAX {
        let answer = user.ask_csv(100).await;
        if answer.status != 201 {
            return answer;
        }
    }
    unreachable!("the disk is full, and {SIGNS_MAX} uploads were signed");
}

async fn goes_on(host: &Host, user: &mut User) {
    for _ in 0..10 {
        let answer = user.ask_csv(100).await;
        assert_eq!(answer.status, 201, "there is room again: {}", answer.text());
    }
    let file_id = user.put_csv(&csv(20)).await;
    let status = user.wait(&file_id, Duration::from_secs(60)).await;
    assert_eq!(status["status"], "ready", "{status}");
    let health = user.get("/health/storage").await;
    assert_eq!(health.status, 200, "{}", health.text());
    assert_memory(host);
}

/// The data of a host that may write no file longer than so many blocks of 512 bytes, and is not ended for trying.
async fn over_a_limit() {
    let limits = |blocks: &str| Options {
        limits: Some(format!("trap '' XFSZ; ulimit -f {blocks}")),
        ..Options::default()
    };
    let mut host = Host::with(limits("4096")).await;
    let mut user = host.user("ann");
    let refused = sign_until_refused(&mut user).await;
    assert!(refused.status >= 500, "{}", refused.text());
    // The limit of a process is not lifted from outside without its help: `prlimit` is that help.
    let id = host.id().to_string();
    let lifted = Command::new("prlimit")
        .args(["--pid", &id, "--fsize=unlimited"])
        .status();
    assert!(
        lifted.is_ok_and(|status| status.success()),
        "`prlimit` is needed"
    );
    goes_on(&host, &mut user).await;
    host.kill();
}

#[tokio::test]
async fn a_full_disk_ends_nothing_once_there_is_room_again() {
    let disk = Disk::new();
    if !disk.is_mounted {
        println!("no file system can be mounted here: a limit of the process stands for it");
        return over_a_limit().await;
    }
    let host = Host::with(Options {
        data: Some(data_on(disk.folder.path())),
        ..Options::default()
    })
    .await;
    let mut user = host.user("ann");
    disk.fill();
    let refused = sign_until_refused(&mut user).await;
    println!("{} {}", refused.status, refused.text());
    assert!(refused.status >= 500, "{}", refused.text());
    // Others meet the full disk as well.
    for _ in 0..20 {
        let answer = user.ask_csv(100).await;
        assert!(
            answer.status >= 500 || answer.status == 201,
            "{}",
            answer.text()
        );
    }
    disk.free();
    goes_on(&host, &mut user).await;
}

/// One who meets the full disk hears what it is.
#[tokio::test]
async fn a_full_disk_is_said_by_name() {
    let disk = Disk::new();
    if !disk.is_mounted {
        return over_a_limit().await;
    }
    let host = Host::with(Options {
        data: Some(data_on(disk.folder.path())),
        ..Options::default()
    })
    .await;
    let mut user = host.user("ann");
    disk.fill();
    let refused = sign_until_refused(&mut user).await;
    assert_eq!(refused.code(), "storage_full", "{}", refused.text());
}

fn data_on(folder: &Path) -> PathBuf {
    folder.join("data")
}
