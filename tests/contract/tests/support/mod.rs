//! What the tests against real servers share: the servers, and a proxy that spoils what passes it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what tests share may fail them"
)]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses a part of it"
)]

pub mod proxy;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use consign_aws::AwsOptions;
use serde_json::Value;
use tempfile::NamedTempFile;

/// A server of this test binary. A shell stands between: it holds a pipe from us, and ends the server when the pipe
/// closes, so also where a test binary is killed or ends without dropping its statics.
#[derive(Debug)]
pub struct Server {
    pub address: SocketAddr,
    watch: Child,
    log: NamedTempFile,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        let _ = self.watch.wait();
    }
}

/// Runs the rest of its arguments until its input ends. Input of a background command is closed by the shell itself.
const WATCH: &str = "\"$@\" & server=$!; cat >/dev/null; kill -s KILL \"$server\"; wait";

/// How long a server may take to answer.
const START_TRIES: u32 = 600;

impl Server {
    /// Starts `java` with these arguments in the folder that `variable` names; `{port}` in them is a free port.
    pub async fn java(variable: &str, args: &[&str]) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the test command says where the server is"
        )]
        let folder = std::env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} names the server's folder; run `cargo xtask test`, or `eval \"$(cargo xtask tools --env)\"` first")
        });
        let address = SocketAddr::from(([127, 0, 0, 1], ports::free_port()));
        let port = address.port().to_string();
        let args = args.iter().map(|arg| arg.replace("{port}", &port));
        let log = NamedTempFile::new().unwrap();
        let watch = Command::new("sh")
            .args(["-c", WATCH, "sh", "java"])
            .args(args)
            .current_dir(PathBuf::from(folder))
            .stdin(Stdio::piped())
            .stdout(log.reopen().unwrap())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        let server = Self {
            address,
            watch,
            log,
        };
        for _ in 0..START_TRIES {
            if tokio::net::TcpStream::connect(address).await.is_ok() {
                return server;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let said = std::fs::read_to_string(server.log.path()).unwrap();
        panic!("the server of {variable} did not come up at {address}: {said}");
    }
}

/// How to reach a server that stands in for AWS. `DynamoDB` Local takes only letters and digits as an access key.
pub fn options(address: SocketAddr) -> AwsOptions {
    AwsOptions {
        endpoint: Some(format!("http://{address}")),
        region: "us-east-1".to_owned(),
        access_key: "contract".to_owned(),
        secret_key: "contract-secret".to_owned(),
        session_token: None,
    }
}

/// A request beside the adapter, in the service's own words: `target` is such as `AmazonSQS.ReceiveMessage`.
///
/// # Errors
/// What the service answered in place of success.
pub async fn call(address: SocketAddr, target: &str, body: &Value) -> Result<Value, Value> {
    // The workspace's client comes without one; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let answer = reqwest::Client::new()
        .post(format!("http://{address}/"))
        .header("x-amz-target", target)
        .header("content-type", "application/x-amz-json-1.0")
        // Read, and not verified.
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=contract/20270115/us-east-1/any/aws4_request, SignedHeaders=host, Signature=0",
        )
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    let is_success = answer.status().is_success();
    let bytes = answer.bytes().await.unwrap();
    let said = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    if is_success { Ok(said) } else { Err(said) }
}
