//! A real queue server, and functions that do as the test says.

use ports::free_port;
use std::io::Read as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use aws_sdk_sqs::types::QueueAttributeName;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::response::Response;
use axum::routing::post;
use bridge::{Options, Running};
use clap::Parser;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const POLL: Duration = Duration::from_millis(50);
/// How long to wait for what has to come; nothing is asserted of how soon it does.
const PATIENCE: u32 = 1200;

/// Waits until `is_so` is.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..PATIENCE {
        if is_so().await {
            return;
        }
        tokio::time::sleep(POLL).await;
    }
    panic!("it did not come to pass that {what}");
}

/// An ElasticMQ, shared by the tests that run at the same time; ended with the last of them.
pub(crate) struct ElasticMq {
    child: Child,
    pub(crate) endpoint: String,
}

impl Drop for ElasticMq {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl ElasticMq {
    fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the test command says where the server is")]
        let home = std::env::var("CONSIGN_ELASTICMQ_DIR").expect(
            "CONSIGN_ELASTICMQ_DIR names the queue server; run `cargo xtask test`, or `eval \"$(cargo xtask tools --env)\"` first",
        );
        let port = free_port();
        let config = concat!(env!("CARGO_MANIFEST_DIR"), "/../elasticmq.conf");
        let child = Command::new("java")
            .current_dir(&home)
            .arg(format!("-Dconfig.file={config}"))
            .arg(format!("-Dnode-address.port={port}"))
            .arg(format!("-Drest-sqs.bind-port={port}"))
            .args([
                "-Drest-sqs.bind-hostname=127.0.0.1",
                "-XX:TieredStopAtLevel=1",
            ])
            .args(["-cp", "lib/*", "org.elasticmq.server.Main"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            child,
            endpoint: format!("http://127.0.0.1:{port}"),
        }
    }

    /// The one that runs, else a new one.
    pub(crate) async fn shared() -> Arc<Self> {
        static RUNNING: tokio::sync::Mutex<Weak<ElasticMq>> =
            tokio::sync::Mutex::const_new(Weak::new());
        let mut running = RUNNING.lock().await;
        if let Some(server) = running.upgrade() {
            return server;
        }
        let mut server = Self::start();
        let client = client(&server.endpoint);
        until("the queue server answers", async || {
            if let Some(status) = server.child.try_wait().unwrap() {
                let mut said = String::new();
                let mut stderr = server.child.stderr.take().unwrap();
                stderr.read_to_string(&mut said).unwrap();
                panic!("the queue server ended with {status}: {said}");
            }
            client.list_queues().send().await.is_ok()
        })
        .await;
        let server = Arc::new(server);
        *running = Arc::downgrade(&server);
        server
    }
}

fn client(endpoint: &str) -> Client {
    let http = aws_smithy_http_client::Builder::new().build_http();
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("consign", "consign", None, None, "test"))
        .endpoint_url(endpoint);
    Client::from_conf(config.build())
}

/// A queue of the test's own with its dead letter queue.
pub(crate) struct Queue {
    pub(crate) server: Arc<ElasticMq>,
    client: Client,
    pub(crate) name: String,
    url: String,
    dead_url: String,
}

impl Queue {
    /// A message that was handed out comes again after `visibility_s`, `receives_max` times in all.
    pub(crate) async fn new(visibility_s: u32, receives_max: u32) -> Self {
        let server = ElasticMq::shared().await;
        let client = client(&server.endpoint);
        let name = format!("queue-{:016x}", fastrand::u64(..));
        let create = |name: String| client.create_queue().queue_name(name);
        let dead = create(format!("{name}-dead")).send().await.unwrap();
        let redrive = json!({"deadLetterTargetArn": format!("arn:aws:sqs:elasticmq:000000000000:{name}-dead"),
            "maxReceiveCount": receives_max.to_string()});
        let created = create(name.clone())
            .attributes(
                QueueAttributeName::VisibilityTimeout,
                visibility_s.to_string(),
            )
            .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string())
            .send()
            .await
            .unwrap();
        Self {
            url: created.queue_url.unwrap(),
            dead_url: dead.queue_url.unwrap(),
            server,
            client,
            name,
        }
    }

    pub(crate) async fn send(&self, body: &str) {
        let send = self.client.send_message().queue_url(&self.url);
        send.message_body(body).send().await.unwrap();
    }

    /// All that is on it, hidden or not.
    pub(crate) async fn count(&self) -> usize {
        let told = self
            .client
            .get_queue_attributes()
            .queue_url(&self.url)
            .attribute_names(QueueAttributeName::All)
            .send()
            .await
            .unwrap();
        let told = told.attributes.unwrap();
        let count = |name| told[&name].parse::<usize>().unwrap();
        count(QueueAttributeName::ApproximateNumberOfMessages)
            + count(QueueAttributeName::ApproximateNumberOfMessagesNotVisible)
    }

    pub(crate) async fn until_empty(&self) {
        until("the queue is empty", async || self.count().await == 0).await;
    }

    /// Takes one message off the dead letter queue.
    pub(crate) async fn take_dead(&self) -> Option<String> {
        let received = self.client.receive_message().queue_url(&self.dead_url);
        let message = received.send().await.unwrap().messages?.pop()?;
        let delete = self.client.delete_message().queue_url(&self.dead_url);
        let delete = delete.set_receipt_handle(message.receipt_handle);
        delete.send().await.unwrap();
        message.body
    }

    /// Takes one message off the queue itself.
    pub(crate) async fn take(&self) -> Option<String> {
        let received = self.client.receive_message().queue_url(&self.url);
        received.send().await.unwrap().messages?.pop()?.body
    }
}

/// What an invoked function does.
pub(crate) enum Reply {
    /// It answers.
    Json(Value),
    /// It fails.
    Error,
    /// It does not come back.
    Silence,
}

/// A runtime interface whose functions the test itself is.
pub(crate) struct Functions {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<(String, Value)>>>,
    server: JoinHandle<()>,
}

impl Drop for Functions {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Functions {
    pub(crate) async fn start(
        behave: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start_at(0, behave).await
    }

    pub(crate) async fn start_at(
        port: u16,
        behave: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let seen: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let behave = Arc::new(behave);
        let told = Arc::clone(&seen);
        let invoke = move |Path(name): Path<String>, event: Bytes| {
            let (told, behave) = (Arc::clone(&told), Arc::clone(&behave));
            async move {
                let event: Value = serde_json::from_slice(&event).unwrap();
                told.lock().unwrap().push((name.clone(), event.clone()));
                match behave(&name, &event) {
                    Reply::Json(answer) => Response::new(Body::from(answer.to_string())),
                    Reply::Error => {
                        let mut response = Response::new(Body::from(r#"{"errorMessage":"no"}"#));
                        *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
                        response
                    }
                    Reply::Silence => std::future::pending().await,
                }
            }
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let routes = Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { url, seen, server }
    }

    /// All invocations so far: function and event.
    pub(crate) fn seen(&self) -> Vec<(String, Value)> {
        self.seen.lock().unwrap().clone()
    }

    /// The bodies of the batches so far.
    pub(crate) fn batches(&self) -> Vec<Vec<String>> {
        self.seen().iter().map(|(_, event)| bodies(event)).collect()
    }
}

/// The bodies of a batch.
pub(crate) fn bodies(event: &Value) -> Vec<String> {
    let records = event["Records"].as_array().unwrap();
    let body = |record: &Value| record["body"].as_str().unwrap().to_owned();
    records.iter().map(body).collect()
}

/// The answer that fails the messages with these bodies.
pub(crate) fn failing(event: &Value, is_bad: impl Fn(&str) -> bool) -> Reply {
    let records = event["Records"].as_array().unwrap();
    let failures: Vec<Value> = records
        .iter()
        .filter(|record| is_bad(record["body"].as_str().unwrap()))
        .map(|record| json!({"itemIdentifier": record["messageId"]}))
        .collect();
    Reply::Json(json!({"batchItemFailures": failures}))
}

#[derive(Debug, Parser)]
#[command(args_override_self = true)]
struct Cli {
    #[command(flatten)]
    options: Options,
}

/// A bridge in this process; stopped with the test.
pub(crate) struct Bridge {
    pub(crate) webhook: SocketAddr,
    pub(crate) gateway: Option<SocketAddr>,
    pub(crate) stop: CancellationToken,
    running: Option<Running>,
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bridge {
    /// Between a queue server and functions, with more options as the command line takes them.
    pub(crate) async fn start(queue: (&str, &str), runtime: &str, more: &[&str]) -> Self {
        let args = [
            "consign-bridge",
            "--listen",
            "127.0.0.1:0",
            "--sweep-every",
            "0",
            "--table",
            "",
        ];
        let given = [
            "--sqs-endpoint",
            queue.0,
            "--queue",
            queue.1,
            "--runtime",
            runtime,
        ];
        let cli = Cli::try_parse_from(args.iter().chain(&given).chain(more)).unwrap();
        let stop = CancellationToken::new();
        let running = Running::start(cli.options, stop.clone()).await.unwrap();
        Self {
            webhook: running.webhook,
            gateway: running.gateway,
            stop,
            running: Some(running),
        }
    }

    pub(crate) async fn over(queue: &Queue, functions: &Functions) -> Self {
        Self::start((&queue.server.endpoint, &queue.name), &functions.url, &[]).await
    }

    /// Stops, and comes back when all has ended.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        self.running.take().unwrap().wait().await;
    }
}

/// A client that goes through no proxy.
pub(crate) fn http() -> reqwest::Client {
    // Where the whole workspace is built at once, the client comes without one; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}
