//! The program itself.

use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::{Functions, Queue, Reply, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_consign-bridge");

struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_help_has_examples() {
    let output = Command::new(PROGRAM).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    for part in [
        "Examples:",
        "--gateway",
        "--sweep-every",
        "http://127.0.0.1:9300",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[tokio::test]
async fn a_signal_ends_it_well() {
    let queue = Queue::new(30, 5).await;
    queue.send("a").await;
    let functions = Functions::start(|_, _| Reply::Json(Value::Null)).await;
    let child = Command::new(PROGRAM)
        .args(["--listen", "127.0.0.1:0", "--table", ""])
        .args(["--runtime", &functions.url])
        .args([
            "--sqs-endpoint",
            &queue.server.endpoint,
            "--queue",
            &queue.name,
        ])
        .stderr(Stdio::null())
        .spawn();
    let mut child = Guard(child.unwrap());
    queue.until_empty().await;
    let pid = child.0.id().to_string();
    let sent = Command::new("kill").args(["-s", "TERM", &pid]).status();
    assert!(sent.unwrap().success());
    let mut ended = None;
    until("it ended", async || {
        ended = child.0.try_wait().unwrap();
        ended.is_some()
    })
    .await;
    assert!(ended.unwrap().success(), "{ended:?}");
    assert_eq!(queue.count().await, 0);
}
