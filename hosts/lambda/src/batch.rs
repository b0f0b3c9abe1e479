//! The ingest function: batches of the queue with partial failures, the scheduled sweep, and events without a queue.

use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

use consign_core::ports::{Clock as _, Fault};
use consign_core::time::{self, Timestamp, saturating_add_secs};
use ingest_on_object_created::sweep::{self, Effort};
use ingest_on_object_created::{Deps, Disposition, handle};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::environment::{Environment, StartError};

/// The time that is reserved at the end of an invocation for the answer and for dead letters.
const RESERVE: Duration = Duration::from_secs(3);

/// The time that is reserved for examinations that have begun, in seconds.
const PROBE_S: u64 = 5;
/// The number of uploads that the sweep examines at the same time.
const PROBES_AT_ONCE: usize = 16;

/// The longest time of an invocation, in milliseconds. A smaller deadline is a duration and not a date.
const LIFE_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// The queue of dead letters.
pub trait DeadLetterBox: Send + Sync {
    /// Sends a message with its reason.
    fn send(&self, body: &str, reason: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Without a dead letter queue, messages are left to the redrive policy of their queue.
impl DeadLetterBox for Option<consign_aws::DeadLetters> {
    async fn send(&self, body: &str, reason: &str) -> Result<(), Fault> {
        match self {
            Some(letters) => letters.send(body, reason).await,
            None => Err(Fault::new(
                consign_core::ports::FaultKind::MissingResource,
                "send_dead_letter",
                "CONSIGN_DEAD_LETTERS_URL is not set",
            )),
        }
    }
}

/// A batch of SQS. Events without a queue have records too, but no message id.
#[derive(Debug, Deserialize)]
struct Batch {
    #[serde(rename = "Records")]
    records: Vec<SqsMessage>,
}

/// A message of the queue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsMessage {
    message_id: String,
    body: String,
}

/// The event of the schedule, exactly `{"sweep":"due"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sweep {
    #[serde(rename = "sweep")]
    _scope: Due,
}

#[derive(Debug, Deserialize)]
enum Due {
    #[serde(rename = "due")]
    Due,
}

/// The answer of an invocation.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum BatchResponse {
    /// The messages of the batch that stay on the queue (`ReportBatchItemFailures`).
    Batch {
        /// The ids of the messages.
        #[serde(rename = "batchItemFailures")]
        failures: Vec<Failure>,
    },
    /// The result of the sweep.
    Swept {
        /// The number of examined uploads.
        looked_at: usize,
        /// The number of uploads that stay due.
        failed: usize,
        /// The number of uploads that were passed on to the queue.
        passed_on: usize,
    },
    /// The event was processed.
    Taken {},
}

/// A message that stays on the queue.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Failure {
    /// The message's id.
    #[serde(rename = "itemIdentifier")]
    pub id: String,
}

/// Runs the ingest program. `build` creates the host and the queue of dead letters.
pub fn serve<D, L>(build: impl FnOnce(&Environment) -> Result<(D, L), StartError>) -> ExitCode
where
    D: Deps + 'static,
    L: DeadLetterBox + 'static,
{
    crate::start(build, async |(deps, letters)| {
        let service = service_fn(|event: LambdaEvent<Box<RawValue>>| {
            let (payload, context) = event.into_parts();
            let deadline = deadline(context.deadline, deps.clock().now());
            take(&deps, &letters, payload, deadline)
        });
        lambda_runtime::run(service).await
    })
}

/// Returns the deadline of an invocation from the value of the runtime interface, in milliseconds. AWS sends the end
/// as a date, `cargo lambda watch` sends a duration.
fn deadline(deadline_ms: u64, now: Timestamp) -> Timestamp {
    let millis = i64::try_from(deadline_ms).unwrap_or(i64::MAX);
    let deadline = if millis < LIFE_MS_MAX {
        now.timestamp_millis().saturating_add(millis)
    } else {
        millis
    };
    time::from_millis(deadline).unwrap_or(time::MAX)
}

/// Handles one event within its time.
///
/// # Errors
/// If an event without a queue must be sent again.
async fn take<D: Deps, L: DeadLetterBox>(
    deps: &D,
    letters: &L,
    event: Box<RawValue>,
    deadline: Timestamp,
) -> Result<BatchResponse, Error> {
    let event = event.get();
    if let Ok(batch) = serde_json::from_str::<Batch>(event) {
        let failures = take_batch(deps, letters, &batch.records, deadline).await;
        return Ok(BatchResponse::Batch { failures });
    }
    if serde_json::from_str::<Sweep>(event).is_ok() {
        return sweep(deps, deadline).await;
    }
    if is_done(deps, letters, event, deadline).await {
        Ok(BatchResponse::Taken {})
    } else {
        Err("the event must be sent again".into())
    }
}

/// Handles one message after the other, since a conversion needs all of the memory. Messages for which no time is
/// left stay on the queue.
async fn take_batch<D: Deps, L: DeadLetterBox>(
    deps: &D,
    letters: &L,
    messages: &[SqsMessage],
    deadline: Timestamp,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    for message in messages {
        if !is_done(deps, letters, &message.body, deadline).await {
            failures.push(Failure {
                id: message.message_id.clone(),
            });
        }
    }
    failures
}

/// Passes one body to the function. Returns `false` if it must be delivered again.
async fn is_done<D: Deps, L: DeadLetterBox>(
    deps: &D,
    letters: &L,
    body: &str,
    deadline: Timestamp,
) -> bool {
    let left = left(deps, deadline);
    if left.is_zero() {
        return false;
    }
    match tokio::time::timeout(left, boxed(handle(deps, body.as_bytes()))).await {
        Ok(Disposition::Ack) => true,
        Ok(Disposition::Retry) => false,
        Ok(Disposition::DeadLetter(reason)) => {
            tracing::warn!(
                operation = "ingest",
                reason,
                "the message cannot be processed"
            );
            let sent = letters.send(body, reason).await;
            if let Err(fault) = &sent {
                tracing::warn!(operation = "dead_letter", %fault, "not sent to the dead letters; left to the redrive policy of the queue");
            }
            sent.is_ok()
        }
        // Its lease expires.
        Err(_) => {
            tracing::warn!(
                operation = "ingest",
                "cancelled: the time of this invocation has ended"
            );
            false
        }
    }
}

/// Runs the sweep while there is time. Other uploads stay due.
async fn sweep<D: Deps>(deps: &D, deadline: Timestamp) -> Result<BatchResponse, Error> {
    let left = left(deps, deadline);
    let now = deps.clock().now();
    let effort = Effort {
        until: saturating_add_secs(now, left.as_secs().saturating_sub(PROBE_S)),
        concurrency: PROBES_AT_ONCE,
    };
    match tokio::time::timeout(left, boxed(sweep::fan_out(deps, effort))).await {
        Ok(swept) => {
            let swept = swept?;
            Ok(BatchResponse::Swept {
                looked_at: swept.examined,
                failed: swept.failed,
                passed_on: swept.passed_on,
            })
        }
        Err(_) => Err("the sweep was cancelled: the time of this invocation has ended".into()),
    }
}

/// Erases the type of a future. The complete type exceeds a limit of the compiler.
fn boxed<'a, T>(work: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(work)
}

/// Returns the time that is left for work.
fn left<D: Deps>(deps: &D, deadline: Timestamp) -> Duration {
    let left = deadline.signed_duration_since(deps.clock().now());
    left.to_std().unwrap_or_default().saturating_sub(RESERVE)
}

#[cfg(test)]
mod tests;
