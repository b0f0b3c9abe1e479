//! The system's clock is set back while the host runs.

use std::path::PathBuf;
use std::time::Duration;

use hostile::{Host, Options, csv};

/// The library that stands between the host and the clock.
fn library() -> PathBuf {
    #[expect(
        clippy::disallowed_methods,
        reason = "the test command says where the library is"
    )]
    let told = std::env::var("CONSIGN_FAKETIME_LIB");
    let path = told.map_or_else(
        |_| PathBuf::from("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"),
        PathBuf::from,
    );
    assert!(
        path.is_file(),
        "CONSIGN_FAKETIME_LIB names libfaketimeMT.so.1: `cargo xtask test hostile` brings it"
    );
    path
}

/// A host whose clock goes as the file says: an offset in seconds.
async fn host_by(clock: &std::path::Path) -> Host {
    let variable = |name: &str, value: String| (name.to_owned(), value);
    Host::with(Options {
        environment: vec![
            variable("LD_PRELOAD", library().display().to_string()),
            variable("FAKETIME_TIMESTAMP_FILE", clock.display().to_string()),
            variable("FAKETIME_NO_CACHE", "1".to_owned()),
            variable("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ],
        ..Options::default()
    })
    .await
}

async fn works_after_a_step(offset_s: i64) {
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    let set = |offset_s: i64| std::fs::write(&clock, format!("{offset_s:+}\n")).unwrap();
    set(0);
    let host = host_by(&clock).await;
    let mut user = host.user("ann");
    let content = csv(20);
    let before = user.put_csv(&content).await;
    let status = user.wait(&before, Duration::from_secs(30)).await;
    assert_eq!(status["status"], "ready", "{status}");
    // This one is signed before the step and sent after it.
    let signed = user.sign_csv(content.len()).await;
    set(offset_s);
    let sent = user.put(&signed, &content, &[]).await;
    let mut files = Vec::new();
    if sent.status == 200 {
        files.push(signed.file_id());
    }
    for _ in 0..5 {
        files.push(user.put_csv(&content).await);
    }
    for file_id in &files {
        let answer = user.confirm(file_id).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let status = user.wait(file_id, Duration::from_secs(30)).await;
        assert_eq!(status["status"], "ready", "{status}");
    }
    let health = user.get("/health/storage").await;
    assert_eq!(health.status, 200, "{}", health.text());
    assert_eq!(user.download(&before).await.bytes, content);
}

#[tokio::test]
async fn a_clock_that_goes_back_an_hour_stops_nothing() {
    works_after_a_step(-3600).await;
}

#[tokio::test]
async fn a_clock_that_goes_back_a_day_stops_nothing() {
    works_after_a_step(-24 * 3600).await;
}
