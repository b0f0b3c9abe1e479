//! Kills the server at random moments and checks what is left.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use consign_embedded::EmbeddedS3;
use reqwest::Method;
use support::{Ask, Client, code, header};

#[expect(dead_code, reason = "shared with the other tests, which use all of it")]
mod support;

const KILLS: u64 = 24;

fn main() {
    // The child process is this program with arguments.
    let arguments: Vec<_> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    match arguments.get(1).map(String::as_str) {
        Some("serve") => runtime.block_on(serve(Path::new(&arguments[2]))),
        Some("--list") => {}
        _ => runtime.block_on(objects_are_whole_or_absent_after_kill_9()),
    }
}

/// The child process: serves until it is killed, and prints its port.
async fn serve(root: &Path) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let take = |_| std::future::ready(Ok(()));
    let running = EmbeddedS3::start(support::options(root), listener, take, support::now).unwrap();
    println!("{}", running.local_addr().port());
    std::future::pending::<()>().await;
}

/// A child process that is killed on drop.
struct Killed(Child);

impl Drop for Killed {
    /// SIGKILL on Unix.
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn spawn(root: &Path) -> (Killed, Client) {
    let program = std::env::current_exe().unwrap();
    let mut child = Command::new(program)
        .arg("serve")
        .arg(root)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut port = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    (Killed(child), Client::new(port.trim().parse().unwrap()))
}

/// The bytes of write `number`, long enough that a kill can hit every stage.
fn body(number: u64) -> Vec<u8> {
    let length = 1000 + usize::try_from(number * 7919 % 3_000_000).unwrap();
    (0..length)
        .map(|at| u8::try_from((at as u64 * 31 + number) % 251).unwrap())
        .collect()
}

async fn objects_are_whole_or_absent_after_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = HashMap::<String, (u64, String)>::new();
    let mut attempted = Vec::new();
    let mut number = 0;
    for round in 0..KILLS {
        let (child, client) = spawn(folder.path());
        let delay = tokio::time::sleep(Duration::from_millis(20 + round * 7919 % 180));
        let write = async {
            loop {
                number += 1;
                // Every third write replaces an object. A reader must see the old or the new object, never a mix.
                let key = if number % 3 == 0 {
                    "replaced".to_owned()
                } else {
                    format!("k/{number}")
                };
                attempted.push((key.clone(), number));
                let sent = client
                    .ask(&Ask::new(Method::PUT, &key))
                    .body(body(number))
                    .send()
                    .await;
                if let Ok(sent) = sent {
                    assert_eq!(sent.status(), 200);
                    acknowledged.insert(key, (number, header(&sent, "etag").to_owned()));
                }
            }
        };
        tokio::select! {
            () = delay => {}
            () = write => {}
        }
        drop(child);

        let (child, client) = spawn(folder.path());
        let staged = std::fs::read_dir(folder.path().join("staging")).unwrap();
        assert_eq!(staged.count(), 0);
        for (key, _) in attempted.iter().rev().take(12) {
            let get = client.get(key).await;
            if get.status() == 404 {
                assert!(!acknowledged.contains_key(key), "{key} was acknowledged");
                assert_eq!(code(get).await.1, "NoSuchKey");
                continue;
            }
            let (e_tag, bytes) = (header(&get, "etag").to_owned(), get.bytes().await.unwrap());
            assert_eq!(header(&client.head(key).await, "etag"), e_tag);
            let whole = attempted
                .iter()
                .rev()
                .filter(|(tried, _)| tried == key)
                .find(|(_, number)| body(*number) == bytes);
            let (_, found) = whole.unwrap_or_else(|| panic!("{key} is none of what was put"));
            if let Some((number, e_tag_acknowledged)) = acknowledged.get(key) {
                assert!(found >= number, "{key} went back");
                assert!(
                    found != number || *e_tag_acknowledged == e_tag,
                    "{key} has another etag"
                );
            }
        }
        drop(child);
    }
    assert!(acknowledged.len() > 20, "too few writes to have met a kill");
    println!(
        "{KILLS} kills, {number} writes, {} keys acknowledged: all whole",
        acknowledged.len()
    );
}
