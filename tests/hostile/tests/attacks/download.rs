//! The command line, in a folder where somebody else has been before.

use std::process::Command;
use std::time::Duration;

use hostile::{Host, csv, program};

async fn download(prepare: impl Fn(&std::path::Path)) -> (std::process::Output, tempfile::TempDir) {
    let host = Host::start().await;
    let mut user = host.user("ann");
    let content = csv(10);
    let file_id = user.put_csv(&content).await;
    let status = user.wait(&file_id, Duration::from_secs(30)).await;
    assert_eq!(status["status"], "ready", "{status}");
    let folder = tempfile::tempdir().unwrap();
    prepare(folder.path());
    let output = Command::new(program())
        .args(["download", &file_id, "--output", "table.csv"])
        .current_dir(folder.path())
        .env("CONSIGN_URL", &host.base_url)
        .env("CONSIGN_TOKEN", host.token("ann"))
        .output()
        .unwrap();
    (output, folder)
}

#[tokio::test]
async fn a_download_does_not_follow_a_symbolic_link() {
    let (output, folder) = download(|folder| {
        std::fs::write(folder.join("precious"), "mine").unwrap();
        std::os::unix::fs::symlink("precious", folder.join("table.csv.part")).unwrap();
    })
    .await;
    let precious = std::fs::read_to_string(folder.path().join("precious")).unwrap();
    assert_eq!(precious, "mine", "{output:?}");
}

#[tokio::test]
async fn a_download_writes_through_no_link_that_leads_nowhere_yet() {
    let (output, folder) = download(|folder| {
        std::os::unix::fs::symlink("made", folder.join("table.csv.part")).unwrap();
    })
    .await;
    assert!(!folder.path().join("made").exists(), "{output:?}");
}

#[tokio::test]
async fn a_download_without_a_link_has_the_bytes() {
    let (output, folder) = download(|_| ()).await;
    assert!(output.status.success(), "{output:?}");
    let got = std::fs::read(folder.path().join("table.csv")).unwrap();
    assert_eq!(got, csv(10));
}
