//! The ingest queue on Cloudflare Queues.

use consign_core::operations::RETRY_PAUSE_S;
use consign_core::ports::{Fault, IngestJob, IngestQueue, SweepJob};
use serde::Serialize;
use worker::js_sys::JSON;
use worker::send::IntoSendFuture as _;
use worker::wasm_bindgen::JsValue;
use worker::{
    BatchMessageBuilder, Env, MessageBatch, MessageExt as _, Queue, QueueRetryOptionsBuilder,
    RawMessage,
};

use crate::fault::fault;

/// The most messages per call.
const BATCH_MAX: usize = 100;

/// Sends messages to a queue.
#[derive(Debug, Clone)]
pub struct WorkerQueue(Queue);

impl WorkerQueue {
    /// Opens the queue of this binding.
    ///
    /// # Errors
    /// The Worker has no such binding.
    pub fn open(env: &Env, binding: &str) -> worker::Result<Self> {
        env.queue(binding).map(Self)
    }

    /// Sends a JSON text as a message with that value.
    ///
    /// # Errors
    /// The text is not JSON, or the fault of the queue.
    pub async fn send_json(&self, json: &str) -> Result<(), Fault> {
        let sending = async { self.0.send_raw(json_message(json)?).await };
        let sent = sending.into_send().await;
        sent.map_err(|error| fault("send", error))
    }
}

/// Returns a JSON text as a message with that value.
fn json_message(json: &str) -> worker::Result<worker::SendMessage<JsValue>> {
    let message = JSON::parse(json).map_err(worker::Error::from)?;
    Ok(worker::RawMessageBuilder::new(message)
        .build_with_content_type(worker::QueueContentType::Json))
}

impl IngestQueue for WorkerQueue {
    async fn send(&self, job: IngestJob) -> Result<(), Fault> {
        self.send_json(&job.to_body()).await
    }

    async fn send_sweep_jobs(&self, jobs: &[SweepJob]) -> Result<(), Fault> {
        for jobs in jobs.chunks(BATCH_MAX) {
            let sending = async {
                let messages = jobs.iter().map(|job| json_message(&job.to_body()));
                let messages = messages.collect::<worker::Result<Vec<_>>>()?;
                let batch = BatchMessageBuilder::new().messages(messages).build();
                self.0.send_raw_batch(batch).await
            };
            let sent = sending.into_send().await;
            sent.map_err(|error| fault("send_sweep_jobs", error))?;
        }
        Ok(())
    }
}

/// A message in the dead letter queue.
#[derive(Serialize)]
struct DeadLetter<'a> {
    reason: &'a str,
    body: &'a str,
}

/// A batch of messages. Each is acknowledged or retried by itself.
#[derive(Debug)]
pub struct Batch {
    /// The name of the queue.
    pub queue: String,
    /// The messages.
    pub messages: Vec<Delivered>,
}

impl Batch {
    /// Unpacks a batch of the runtime.
    #[must_use]
    pub fn new(batch: &MessageBatch<()>) -> Self {
        Self {
            queue: batch.queue(),
            messages: batch.raw_iter().map(Delivered::new).collect(),
        }
    }
}

/// A received message.
#[derive(Debug)]
pub struct Delivered {
    message: RawMessage,
    /// The body as text. Notifications of R2 and our own jobs arrive as objects.
    pub body: String,
}

impl Delivered {
    fn new(message: RawMessage) -> Self {
        let value = message.body();
        let text = value.as_string().or_else(|| {
            JSON::stringify(&value)
                .ok()
                .map(|json| json.as_string().unwrap_or_default())
        });
        Self {
            body: text.unwrap_or_default(),
            message,
        }
    }

    /// Acknowledges the message.
    pub fn ack(&self) {
        self.message.ack();
    }

    /// Retries later. The delay grows with the age of the message. The queue counts the deliveries and gives up in the
    /// end.
    pub fn retry(&self) {
        let age_ms = worker::Date::now()
            .as_millis()
            .saturating_sub(self.message.timestamp().as_millis());
        let pause_s = (age_ms / 1000).clamp(RETRY_PAUSE_S.0, RETRY_PAUSE_S.1);
        let pause_s = u32::try_from(pause_s).unwrap_or(u32::MAX);
        let options = QueueRetryOptionsBuilder::new().with_delay_seconds(pause_s);
        self.message.retry_with_options(&options.build());
    }

    /// Sends the message and the reason to the dead letter queue, then acknowledges it. If that fails, it is delivered
    /// again.
    pub async fn dead_letter(&self, dead_letters: &WorkerQueue, reason: &str) {
        let body = &self.body;
        let letter = serde_json::to_string(&DeadLetter { reason, body });
        match dead_letters.send_json(&letter.unwrap_or_default()).await {
            Ok(()) => self.ack(),
            Err(fault) => {
                tracing::warn!(%fault, "the dead letter queue did not accept a message");
                self.retry();
            }
        }
    }
}
