//! The SQS adapter keeps the contract, on ElasticMQ, also where answers are lost and requests are refused.

#![expect(clippy::unwrap_used, reason = "what tests share may fail them")]

mod support;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use consign_aws::SqsQueue;
use consign_core::ports::{Fault, FaultKind, IngestJob, IngestQueue, SweepJob};
use consign_core::time::{Timestamp, saturating_add_secs};
use consign_testkit::contract::{Consume, Delivery};
use consign_testkit::sample::{id, start};
use serde_json::{Value, json};
use support::proxy::{Harm, Proxy};
use support::{Server, options};
use tokio::sync::OnceCell;

static SERVER: OnceCell<Server> = OnceCell::const_new();
static QUEUES: AtomicU32 = AtomicU32::new(0);

/// The server of this binary.
async fn server() -> SocketAddr {
    let config = concat!(
        "-Dconfig.file=",
        env!("CARGO_MANIFEST_DIR"),
        "/../../infra/elasticmq.conf"
    );
    let args = [
        config,
        "-Dnode-address.port={port}",
        "-Drest-sqs.bind-port={port}",
        "-Drest-sqs.bind-hostname=127.0.0.1",
        "-cp",
        "lib/*",
        "org.elasticmq.server.Main",
    ];
    let run = || Server::java("CONSIGN_ELASTICMQ_DIR", &args);
    SERVER.get_or_init(run).await.address
}

/// The adapter's queue, and a consumer as the contract asks.
///
/// The contract has a clock of its own, and the server has the machine's. So the consumer hides what it takes for
/// longer than a test lasts, and shows it again when the contract's clock says so. And it keeps to the newest receipt
/// of a message: SQS may honour an older one.
struct Queue {
    queue: SqsQueue,
    server: SocketAddr,
    url: String,
    dead_url: String,
    held: Mutex<HashMap<String, Held>>,
}

struct Held {
    receipt: String,
    until: Timestamp,
}

#[derive(Clone)]
struct Message {
    id: String,
    receipt: String,
    body: String,
    attempts: u32,
}

async fn create(server: SocketAddr, name: &str) -> String {
    let body = json!({ "QueueName": name });
    let made = support::call(server, "AmazonSQS.CreateQueue", &body).await;
    made.unwrap()["QueueUrl"].as_str().unwrap().to_owned()
}

/// A queue that nobody else has.
async fn fresh() -> ((), Queue) {
    let server = server().await;
    ((), queue(server, server).await)
}

/// A queue that nobody else has, and a proxy between it and the adapter.
async fn behind_proxy() -> (Proxy, Queue) {
    let server = server().await;
    let proxy = Proxy::start(server).await;
    let queue = queue(server, proxy.address).await;
    (proxy, queue)
}

async fn queue(server: SocketAddr, adapter: SocketAddr) -> Queue {
    let number = QUEUES.fetch_add(1, Ordering::Relaxed);
    let url = create(server, &format!("contract-{number}")).await;
    let dead_url = create(server, &format!("contract-{number}-dead")).await;
    Queue {
        queue: SqsQueue::new(&options(adapter), &url),
        server,
        url,
        dead_url,
        held: Mutex::default(),
    }
}

/// Longer than any test, and the most that SQS takes.
const HIDDEN_S: u32 = 43_200;

impl Queue {
    async fn call(&self, action: &str, body: Value) -> Result<Value, Fault> {
        let target = format!("AmazonSQS.{action}");
        let said = support::call(self.server, &target, &body).await;
        said.map_err(|said| Fault::new(FaultKind::Other, "contract", said.to_string()))
    }

    /// The receipt, where this is the newest delivery of the message; it is held no more.
    fn release(&self, message: &Message) -> Option<String> {
        let mut held = self.held.lock().unwrap();
        let newest = held.get(&message.id)?.receipt == message.receipt;
        newest
            .then(|| held.remove(&message.id))?
            .map(|held| held.receipt)
    }

    async fn delete(&self, receipt: &str) -> Result<(), Fault> {
        let body = json!({ "QueueUrl": self.url, "ReceiptHandle": receipt });
        self.call("DeleteMessage", body).await.map(drop)
    }

    /// Bodies of all that is there.
    async fn bodies(&self) -> Vec<String> {
        let mut bodies = Vec::new();
        loop {
            let received = self.receive(start(), 3600, 10).await.unwrap();
            if received.is_empty() {
                return bodies;
            }
            bodies.extend(received.into_iter().map(|message| message.body));
        }
    }
}

impl Delivery for Message {
    fn body(&self) -> &str {
        &self.body
    }

    fn attempts(&self) -> u32 {
        self.attempts
    }
}

impl IngestQueue for Queue {
    async fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> Result<(), Fault> {
        self.queue.send_sweep_jobs(jobs).await
    }

    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        self.queue.send(job).await
    }
}

impl Consume for Queue {
    type Message = Message;

    async fn receive(
        &self,
        now: Timestamp,
        visibility_s: u64,
        limit: usize,
    ) -> Result<Vec<Message>, Fault> {
        let shown: Vec<Held> = {
            let mut held = self.held.lock().unwrap();
            held.extract_if(|_, held| held.until <= now)
                .map(|(_, held)| held)
                .collect()
        };
        for Held { receipt, .. } in shown {
            let body =
                json!({ "QueueUrl": self.url, "ReceiptHandle": receipt, "VisibilityTimeout": 0 });
            self.call("ChangeMessageVisibility", body).await?;
        }
        let body = json!({
            "QueueUrl": self.url,
            "MaxNumberOfMessages": limit.min(10),
            "VisibilityTimeout": HIDDEN_S,
            "AttributeNames": ["ApproximateReceiveCount"],
        });
        let said = self.call("ReceiveMessage", body).await?;
        let messages = said["Messages"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let messages: Vec<Message> = messages
            .iter()
            .map(|message| Message {
                id: text(&message["MessageId"]),
                receipt: text(&message["ReceiptHandle"]),
                body: text(&message["Body"]),
                attempts: text(&message["Attributes"]["ApproximateReceiveCount"])
                    .parse()
                    .unwrap(),
            })
            .collect();
        let mut held = self.held.lock().unwrap();
        for Message { id, receipt, .. } in &messages {
            let until = saturating_add_secs(now, visibility_s);
            let receipt = receipt.clone();
            held.insert(id.clone(), Held { receipt, until });
        }
        Ok(messages)
    }

    async fn ack(&self, message: &Message) -> Result<(), Fault> {
        match self.release(message) {
            Some(receipt) => self.delete(&receipt).await,
            None => Ok(()),
        }
    }

    async fn retry(&self, message: &Message, now: Timestamp, delay_s: u64) -> Result<(), Fault> {
        let mut held = self.held.lock().unwrap();
        if let Some(held) = held.get_mut(&message.id)
            && held.receipt == message.receipt
        {
            held.until = saturating_add_secs(now, delay_s);
        }
        Ok(())
    }

    async fn dead(&self, message: &Message, reason: &str, _: Timestamp) -> Result<(), Fault> {
        let Some(receipt) = self.release(message) else {
            return Ok(());
        };
        let reason = json!({ "DataType": "String", "StringValue": reason });
        let body = json!({
            "QueueUrl": self.dead_url,
            "MessageBody": message.body,
            "MessageAttributes": { "reason": reason },
        });
        self.call("SendMessage", body).await?;
        self.delete(&receipt).await
    }

    async fn depth(&self) -> Result<u64, Fault> {
        let names = [
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
        ];
        let body = json!({ "QueueUrl": self.url, "AttributeNames": names });
        let said = self.call("GetQueueAttributes", body).await?;
        let count = |name| -> u64 { said["Attributes"][name].as_str().unwrap().parse().unwrap() };
        Ok(names.into_iter().map(count).sum())
    }

    async fn dead_letters(&self) -> Result<Vec<(String, String)>, Fault> {
        let body = json!({
            "QueueUrl": self.dead_url,
            "MaxNumberOfMessages": 10,
            "MessageAttributeNames": ["All"],
        });
        let said = self.call("ReceiveMessage", body).await?;
        let messages = said["Messages"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let pair = |message: &Value| {
            let reason = &message["MessageAttributes"]["reason"]["StringValue"];
            (text(&message["Body"]), text(reason))
        };
        Ok(messages.iter().map(pair).collect())
    }
}

mod contract {
    consign_testkit::ingest_queue_contract!(super::fresh);
}

fn job() -> IngestJob {
    IngestJob { ingest: id(1) }
}

#[tokio::test]
async fn a_connection_cut_before_the_send_is_tried_again() {
    let (proxy, queue) = behind_proxy().await;
    proxy.plan("SendMessage", Harm::CutBefore, 2);
    queue.send(job()).await.unwrap();
    assert_eq!(queue.bodies().await, [job().to_body()]);
}

#[tokio::test]
async fn a_lost_answer_loses_no_job() {
    let (proxy, queue) = behind_proxy().await;
    proxy.plan("SendMessage", Harm::CutAfter, 1);
    queue.send(job()).await.unwrap();
    // At least once: the copy is the price.
    assert_eq!(queue.bodies().await, [job().to_body(), job().to_body()]);
}

#[tokio::test]
async fn throttling_is_waited_out_and_then_told() {
    let (proxy, queue) = behind_proxy().await;
    proxy.plan("SendMessage", Harm::Answer(400, "RequestThrottled"), 2);
    queue.send(job()).await.unwrap();
    proxy.plan(
        "SendMessage",
        Harm::Answer(400, "RequestThrottled"),
        usize::MAX,
    );
    let fault = queue.send(job()).await.unwrap_err();
    assert_eq!(
        (fault.kind, fault.operation),
        (FaultKind::Throttled, "send")
    );
    assert_eq!(queue.bodies().await, [job().to_body()]);
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let (proxy, queue) = behind_proxy().await;
    for (status, code, kind) in [
        (403, "AccessDeniedException", FaultKind::Denied),
        (403, "InvalidClientTokenId", FaultKind::BadCredentials),
        (500, "InternalFailure", FaultKind::Unreachable),
        (400, "InvalidMessageContents", FaultKind::Other),
    ] {
        proxy.plan("SendMessage", Harm::Answer(status, code), usize::MAX);
        assert_eq!(queue.send(job()).await.unwrap_err().kind, kind, "{code}");
        proxy.clear();
    }
    let missing = SqsQueue::new(&options(queue.server), format!("{}-missing", queue.url));
    let fault = missing.send(job()).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::MissingResource);
}

#[tokio::test]
async fn a_queue_that_is_down_is_left_alone_for_a_while() {
    let (proxy, queue) = behind_proxy().await;
    proxy.plan("SendMessage", Harm::CutBefore, usize::MAX);
    // Of so many calls the last are not made; how many, the clock decides.
    for _ in 0..100 {
        let before = proxy.seen("SendMessage");
        let fault = queue.send(job()).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unreachable);
        if proxy.seen("SendMessage") == before {
            return;
        }
    }
    assert!(proxy.is_spent(), "every call reached the server");
}
