//! The ingest function: batches of the queue with partial failures, the schedule's sweep, and events that come by no queue.

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

/// Time that is kept of an invocation for the answer and for dead letters.
const RESERVE: Duration = Duration::from_secs(3);

/// Time that is kept for looks that have begun, in seconds.
const PROBE_S: u64 = 5;
/// Looks of the sweep that are under way at once.
const LOOKS_AT_ONCE: usize = 16;

/// The longest time that an invocation may have, in milliseconds: less is no date, but such a time.
const LIFE_MS_MAX: i64 = 24 * 60 * 60 * 1000;

/// Where messages go that nobody can use.
pub trait DeadLetterBox: Send + Sync {
    /// Puts one there with its reason.
    fn send(&self, body: &str, reason: &str) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// Without a queue for them they are left to the redrive policy of the queue that they came from.
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

/// A batch of SQS. Events that come by no queue have records too, but no message id.
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

/// The schedule's event, exactly `{"sweep":"due"}`.
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

/// What an invocation answers.
#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(untagged)]
pub enum BatchResponse {
    /// Which messages of the batch stay on the queue (`ReportBatchItemFailures`).
    Batch {
        /// By their ids.
        #[serde(rename = "batchItemFailures")]
        failures: Vec<Failure>,
    },
    /// What the sweep did.
    Swept {
        /// Uploads looked at.
        looked_at: usize,
        /// Uploads that stay due.
        failed: usize,
        /// Uploads that were passed on to the queue.
        passed_on: usize,
    },
    /// The event is done with.
    Taken {},
}

/// A message that stays on the queue.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Failure {
    /// The message's id.
    #[serde(rename = "itemIdentifier")]
    pub id: String,
}

/// Runs the ingest program: `build` gives the host and the queue for dead letters.
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

/// When an invocation has to end, from what the runtime interface tells of it in milliseconds. That of `cargo lambda watch`
/// tells how long the time is, where AWS tells when it ends.
fn deadline(told_ms: u64, now: Timestamp) -> Timestamp {
    let told = i64::try_from(told_ms).unwrap_or(i64::MAX);
    let deadline = if told < LIFE_MS_MAX {
        now.timestamp_millis().saturating_add(told)
    } else {
        told
    };
    time::from_millis(deadline).unwrap_or(time::MAX)
}

/// Takes one event, within its time.
///
/// # Errors
/// Where an event that came by no queue must come again.
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
        Err("the event must come again".into())
    }
}

/// Takes one message after the other: a conversion has the memory to itself. What the time does not suffice for stays.
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

/// Hands one body to the function. `false` where it must come again.
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
            tracing::warn!(operation = "ingest", reason, "nobody can use this message");
            let sent = letters.send(body, reason).await;
            if let Err(fault) = &sent {
                tracing::warn!(operation = "dead_letter", %fault, "left to the queue's redrive policy");
            }
            sent.is_ok()
        }
        // Its lease ends by itself.
        Err(_) => {
            tracing::warn!(
                operation = "ingest",
                "given up: the time of this invocation is over"
            );
            false
        }
    }
}

/// Sweeps for as long as there is time. What is left stays due.
async fn sweep<D: Deps>(deps: &D, deadline: Timestamp) -> Result<BatchResponse, Error> {
    let left = left(deps, deadline);
    let now = deps.clock().now();
    let effort = Effort {
        until: saturating_add_secs(now, left.as_secs().saturating_sub(PROBE_S)),
        concurrency: LOOKS_AT_ONCE,
    };
    match tokio::time::timeout(left, boxed(sweep::fan_out(deps, effort))).await {
        Ok(swept) => {
            let swept = swept?;
            Ok(BatchResponse::Swept {
                looked_at: swept.looked_at,
                failed: swept.failed,
                passed_on: swept.passed_on,
            })
        }
        Err(_) => Err("the sweep was given up: the time of this invocation is over".into()),
    }
}

/// Hides what a future is made of: all of it in one type is more than the compiler takes.
fn boxed<'a, T>(work: impl Future<Output = T> + 'a) -> Pin<Box<dyn Future<Output = T> + 'a>> {
    Box::pin(work)
}

/// The time that may be worked on.
fn left<D: Deps>(deps: &D, deadline: Timestamp) -> Duration {
    let left = deadline.signed_duration_since(deps.clock().now());
    left.to_std().unwrap_or_default().saturating_sub(RESERVE)
}

#[cfg(test)]
mod tests;
