//! The command line against a host that dies and comes back.

use std::process::Stdio;
use std::time::Duration;

use e2e::{Cli, Host, OwnHost, POLICY, User, csv};
use serde_json::json;

/// Ten parts and more.
const ROWS: usize = 2_000_000;

/// A user with a large file in the folder of their command line.
fn with_large_file(host: &Host) -> (Cli, User) {
    let cli = Cli::new(host, "ann");
    std::fs::write(cli.folder().join("large.csv"), csv(ROWS)).expect("the folder takes a file");
    (cli, host.user("ann"))
}

/// Waits until the parts of the only upload are being sent.
async fn until_under_way(user: &User) {
    for _ in 0..500 {
        if user.get("/files").await.body["files"][0]["status"] == "uploading" {
            return tokio::time::sleep(Duration::from_millis(fastrand::u64(0..300))).await;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    unreachable!("the upload does not begin");
}

async fn check_one_upload_with_all_rows(user: &User) {
    let files = user.get("/files").await.body["files"].clone();
    assert_eq!(files.as_array().map(Vec::len), Some(1), "{files}");
    assert_eq!(
        (&files[0]["status"], &files[0]["row_count"]),
        (&json!("ready"), &json!(ROWS))
    );
}

#[tokio::test]
async fn an_upload_that_was_killed_goes_on_when_it_is_run_again() {
    let mut host = OwnHost::spawn(POLICY).await;
    let (cli, user) = with_large_file(&host);
    let args = ["upload", "large.csv", "--strategy", "multipart"];
    let mut first = cli
        .command(&args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until_under_way(&user).await;
    first.kill().unwrap();
    first.wait().unwrap();
    host.restart().await;
    let printed = cli.succeed(&args);
    assert!(
        printed.contains(&format!("ready\t{ROWS} rows")),
        "{printed}"
    );
    check_one_upload_with_all_rows(&user).await;
}

#[tokio::test]
async fn a_host_that_dies_and_comes_back_is_a_pause_to_an_upload() {
    let mut host = OwnHost::spawn(POLICY).await;
    let (cli, user) = with_large_file(&host);
    let mut upload = cli.command(&["upload", "large.csv", "--strategy", "multipart"]);
    let upload = upload
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until_under_way(&user).await;
    host.restart().await;
    let output = tokio::task::spawn_blocking(|| upload.wait_with_output())
        .await
        .unwrap()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    check_one_upload_with_all_rows(&user).await;
}
