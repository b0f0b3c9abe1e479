//! The event source mapping: batches of the queue to the function, what succeeded off the queue.
//!
//! As AWS does it with `ReportBatchItemFailures`: what failed is left alone, becomes visible again by itself, and goes to
//! the dead letter queue by the queue's own redrive policy.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_sqs::types::Message;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use crate::Options;
use crate::queue::{About, Queue};
use crate::runtime::Runtime;

/// The pause after queue or functions were not there.
const ABSENCE_PAUSE: Duration = Duration::from_secs(1);
/// How often a deletion is tried: what it leaves behind comes twice.
const DELETIONS_MAX: u32 = 3;

/// What hands batches on.
#[derive(Debug)]
pub(crate) struct Mapping {
    queue: Arc<Queue>,
    runtime: Arc<Runtime>,
    function: String,
    batch: u8,
    invoke_timeout: Option<Duration>,
}

/// A batch as the function gets it.
#[derive(Debug, Serialize)]
struct SqsEvent<'a> {
    #[serde(rename = "Records")]
    records: Vec<Record<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Record<'a> {
    message_id: &'a str,
    receipt_handle: &'a str,
    body: &'a str,
    attributes: BTreeMap<&'a str, &'a str>,
    message_attributes: BTreeMap<&'a str, &'a str>,
    md5_of_body: &'a str,
    event_source: &'static str,
    #[serde(rename = "eventSourceARN")]
    event_source_arn: &'a str,
    aws_region: &'a str,
}

/// What the function answers.
#[derive(Debug, Default, Deserialize)]
struct BatchAnswer {
    #[serde(rename = "batchItemFailures")]
    failures: Option<Vec<Failure>>,
}

#[derive(Debug, Deserialize)]
struct Failure {
    #[serde(rename = "itemIdentifier")]
    id: String,
}

impl Mapping {
    pub(crate) fn new(queue: Arc<Queue>, runtime: Arc<Runtime>, options: &Options) -> Self {
        Self {
            queue,
            runtime,
            function: options.function.clone(),
            batch: options.batch,
            invoke_timeout: options
                .invoke_timeout
                .map(|limit_s| Duration::from_secs(limit_s.into())),
        }
    }

    /// Hands on batch after batch until stopped; the one under way is finished.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut is_absent = false;
        while !stop.is_cancelled() {
            // What cannot be invoked would use up the deliveries of every message: then nothing is taken.
            let messages = if self.runtime.is_there().await {
                // Messages of a request that is dropped here become visible again.
                tokio::select! {
                    () = stop.cancelled() => return,
                    messages = self.queue.receive(self.batch) => messages,
                }
            } else {
                Err(anyhow::anyhow!(
                    "nothing listens where the functions should be"
                ))
            };
            match messages {
                Ok(messages) => {
                    is_absent = false;
                    if !messages.is_empty() {
                        self.hand_on(&messages).await;
                    }
                }
                Err(error) => {
                    if !is_absent {
                        tracing::warn!(
                            error = format!("{error:#}"),
                            "waiting; messages stay on the queue"
                        );
                    }
                    is_absent = true;
                    tokio::select! {
                        () = stop.cancelled() => return,
                        () = tokio::time::sleep(ABSENCE_PAUSE) => {}
                    }
                }
            }
        }
    }

    async fn hand_on(&self, messages: &[Message]) {
        let done = match self.invoke(messages).await {
            Ok(done) => done,
            Err(error) => {
                let error = format!("{error:#}");
                tracing::warn!(error, count = messages.len(), "a batch stays on the queue");
                return;
            }
        };
        let failed = messages.len() - done.len();
        tracing::info!(done = done.len(), failed, "a batch was taken");
        for attempt in 1..=DELETIONS_MAX {
            if done.is_empty() {
                return;
            }
            match self.queue.delete(&done).await {
                Ok(kept) => {
                    if kept > 0 {
                        tracing::warn!(kept, "the queue kept messages; they come again");
                    }
                    return;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(error, attempt, "messages could not be deleted");
                    tokio::time::sleep(ABSENCE_PAUSE).await;
                }
            }
        }
    }

    /// Invokes the function with a batch; the messages that it did not fail.
    async fn invoke<'a>(&self, messages: &'a [Message]) -> anyhow::Result<Vec<&'a Message>> {
        let about = self.queue.about().await?;
        let event = serde_json::to_vec(&event(messages, about))?;
        let limit = self.invoke_timeout.unwrap_or(about.visibility);
        let answer = self.runtime.invoke(&self.function, event, limit).await?;
        let ids: HashSet<&str> = messages.iter().map(id).collect();
        let failed = read_failures(&answer, &ids)?;
        let succeeded = messages
            .iter()
            .filter(|message| !failed.contains(id(message)));
        Ok(succeeded.collect())
    }
}

fn id(message: &Message) -> &str {
    message.message_id.as_deref().unwrap_or_default()
}

fn event<'a>(messages: &'a [Message], about: &'a About) -> SqsEvent<'a> {
    let aws_region = about.arn.split(':').nth(3).unwrap_or_default();
    let record = |message: &'a Message| {
        let attributes = message.attributes.iter().flatten();
        Record {
            message_id: id(message),
            receipt_handle: message.receipt_handle.as_deref().unwrap_or_default(),
            body: message.body.as_deref().unwrap_or_default(),
            attributes: attributes
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect(),
            // Neither a store nor consign itself sends any.
            message_attributes: BTreeMap::new(),
            md5_of_body: message.md5_of_body.as_deref().unwrap_or_default(),
            event_source: "aws:sqs",
            event_source_arn: &about.arn,
            aws_region,
        }
    };
    SqsEvent {
        records: messages.iter().map(record).collect(),
    }
}

/// The messages that the function failed. Lambda, "Implementing partial batch responses": nothing, `null` and an empty list are
/// a success; what cannot be read, or names a message that was not in the batch, fails the whole batch.
fn read_failures(answer: &[u8], sent: &HashSet<&str>) -> anyhow::Result<HashSet<String>> {
    let answer: Option<BatchAnswer> = serde_json::from_slice(answer)
        .map_err(|error| anyhow::anyhow!("the function's answer names no failures: {error}"))?;
    let failures = answer.unwrap_or_default().failures.unwrap_or_default();
    let failed: HashSet<String> = failures.into_iter().map(|failure| failure.id).collect();
    anyhow::ensure!(
        failed.iter().all(|id| sent.contains(id.as_str())),
        "the function failed messages that it was not given"
    );
    Ok(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_as_lambda_reads_it() {
        let sent = HashSet::from(["a", "b"]);
        let count = |answer: &str| {
            read_failures(answer.as_bytes(), &sent)
                .ok()
                .map(|failed| failed.len())
        };
        for success in [
            "null",
            "{}",
            r#"{"batchItemFailures":null}"#,
            r#"{"batchItemFailures":[]}"#,
        ] {
            assert_eq!(count(success), Some(0), "{success}");
        }
        assert_eq!(
            count(r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#),
            Some(1)
        );
        for failure in [
            "",
            "ok",
            "\"ok\"",
            "[]",
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"a"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#,
        ] {
            assert_eq!(count(failure), None, "{failure}");
        }
    }

    #[test]
    fn a_batch_looks_as_lambda_gets_it() {
        let message = Message::builder()
            .message_id("1")
            .receipt_handle("r")
            .body("text")
            .md5_of_body("5")
            .attributes("ApproximateReceiveCount".into(), "1")
            .build();
        let about = About::for_test("arn:aws:sqs:eu-central-1:000000000000:consign-ingest");
        let event = serde_json::to_value(event(&[message], &about)).unwrap();
        assert_eq!(
            event,
            serde_json::json!({"Records": [{
                "messageId": "1", "receiptHandle": "r", "body": "text",
                "attributes": {"ApproximateReceiveCount": "1"}, "messageAttributes": {}, "md5OfBody": "5",
                "eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:consign-ingest",
                "awsRegion": "eu-central-1"
            }]})
        );
    }
}
