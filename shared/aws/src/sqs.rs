//! The ingest queue on SQS, or a compatible server.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::{BehaviorVersion, Builder};
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};
use consign_core::ports::{Fault, FaultKind, IngestJob, IngestQueue, SweepJob};

use crate::breaker::Breaker;
use crate::client::{AwsOptions, Lazy, SMALL};
use crate::fault::fault;

/// The ingest queue: at-least-once delivery in any order. The trigger of the ingest function receives the messages.
#[derive(Debug, Clone)]
pub struct SqsQueue {
    client: Lazy<Client>,
    url: String,
}

impl SqsQueue {
    /// Creates the adapter for the queue with this URL. Connects on first use.
    #[must_use]
    pub fn new(options: &AwsOptions, url: impl Into<String>) -> Self {
        let client = options.client(&SMALL, |config| {
            let config = Builder::from(config)
                .behavior_version(BehaviorVersion::latest())
                .interceptor(Breaker::new());
            Client::from_conf(config.build())
        });
        let url = url.into();
        Self { client, url }
    }
}

impl IngestQueue for SqsQueue {
    /// After [`TimedOut`](consign_core::ports::FaultKind::TimedOut) or
    /// [`Unreachable`](consign_core::ports::FaultKind::Unreachable) the message may have been sent, and a retry may
    /// have sent it twice: the lease makes copies harmless.
    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        self.client
            .send_message()
            .queue_url(&self.url)
            .message_body(job.to_body())
            .send()
            .await
            .map(drop)
            .map_err(|error| fault("send", &error))
    }

    async fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> Result<(), Fault> {
        const OPERATION: &str = "send_sweep_jobs";
        for jobs in jobs.chunks(ENTRIES_MAX) {
            let mut call = self.client.send_message_batch().queue_url(&self.url);
            for (number, job) in jobs.iter().enumerate() {
                let entry = SendMessageBatchRequestEntry::builder()
                    .id(number.to_string())
                    .message_body(job.to_body())
                    .build()
                    .map_err(|error| Fault::new(FaultKind::Other, OPERATION, error))?;
                call = call.entries(entry);
            }
            let sent = call
                .send()
                .await
                .map_err(|error| fault(OPERATION, &error))?;
            if let Some(failed) = sent.failed().first() {
                let kind = if failed.sender_fault() {
                    FaultKind::Other
                } else {
                    FaultKind::Throttled
                };
                return Err(Fault::new(kind, OPERATION, failed.code().to_owned()));
            }
        }
        Ok(())
    }
}

/// The most messages per request ("SendMessageBatch"). Even the longest sweep jobs stay far below its size limit.
const ENTRIES_MAX: usize = 10;

/// The attribute of a dead letter that contains the reason.
const REASON: &str = "reason";

/// The queue for dead letters, each with its reason.
#[derive(Debug, Clone)]
pub struct DeadLetters(SqsQueue);

impl DeadLetters {
    /// Creates the adapter for the queue with this URL, over the connections of another.
    #[must_use]
    pub fn beside(queue: &SqsQueue, url: impl Into<String>) -> Self {
        Self(SqsQueue {
            client: queue.client.clone(),
            url: url.into(),
        })
    }

    /// Sends a message. If the result is unknown after a fault, a retry may send it twice.
    ///
    /// # Errors
    /// The fault of the queue.
    pub async fn send(&self, body: &str, reason: &str) -> Result<(), Fault> {
        const OPERATION: &str = "send_dead_letter";
        let reason = MessageAttributeValue::builder()
            .data_type("String")
            .string_value(reason)
            .build()
            .map_err(|error| Fault::new(FaultKind::Other, OPERATION, error))?;
        let Self(SqsQueue { client, url }) = self;
        client
            .send_message()
            .queue_url(url)
            .message_body(body)
            .message_attributes(REASON, reason)
            .send()
            .await
            .map(drop)
            .map_err(|error| fault(OPERATION, &error))
    }
}
