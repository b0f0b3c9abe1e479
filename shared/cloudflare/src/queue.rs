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

/// The most messages that one call sends.
const BATCH_MAX: usize = 100;

/// Sends to a queue.
#[derive(Debug, Clone)]
pub struct WorkerQueue(Queue);

impl WorkerQueue {
    /// The queue of this binding.
    ///
    /// # Errors
    /// Where the Worker has no such binding.
    pub fn open(env: &Env, binding: &str) -> worker::Result<Self> {
        env.queue(binding).map(Self)
    }

    /// Sends a JSON text as the message that it is.
    ///
    /// # Errors
    /// Where it is not JSON, or the queue's fault.
    pub async fn send_json(&self, json: &str) -> Result<(), Fault> {
        let sending = async { self.0.send_raw(json_message(json)?).await };
        let sent = sending.into_send().await;
        sent.map_err(|error| fault("send", error))
    }
}

/// A JSON text as the message that it is.
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

/// A message that was given up, as it goes to the dead letter queue.
#[derive(Serialize)]
struct DeadLetter<'a> {
    reason: &'a str,
    body: &'a str,
}

/// Messages that came together. Each is settled by itself.
#[derive(Debug)]
pub struct Batch {
    /// The queue that they are from.
    pub queue: String,
    /// The messages.
    pub messages: Vec<Delivered>,
}

impl Batch {
    /// Unpacks what the runtime delivered.
    #[must_use]
    pub fn new(batch: &MessageBatch<()>) -> Self {
        Self {
            queue: batch.queue(),
            messages: batch.raw_iter().map(Delivered::new).collect(),
        }
    }
}

/// A message in our hands.
#[derive(Debug)]
pub struct Delivered {
    message: RawMessage,
    /// Its body as text: a notification of R2 is an object, and so are our own jobs.
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

    /// It is done.
    pub fn ack(&self) {
        self.message.ack();
    }

    /// Again later. The older it is, the longer the pause; the queue itself counts, and gives up in the end.
    pub fn retry(&self) {
        let age_ms = worker::Date::now()
            .as_millis()
            .saturating_sub(self.message.timestamp().as_millis());
        let pause_s = (age_ms / 1000).clamp(RETRY_PAUSE_S.0, RETRY_PAUSE_S.1);
        let pause_s = u32::try_from(pause_s).unwrap_or(u32::MAX);
        let options = QueueRetryOptionsBuilder::new().with_delay_seconds(pause_s);
        self.message.retry_with_options(&options.build());
    }

    /// Gives it up: with its reason to the dead letter queue, then it is done. Where that fails, it comes again.
    pub async fn bury(&self, dead_letters: &WorkerQueue, reason: &str) {
        let body = &self.body;
        let letter = serde_json::to_string(&DeadLetter { reason, body });
        match dead_letters.send_json(&letter.unwrap_or_default()).await {
            Ok(()) => self.ack(),
            Err(fault) => {
                tracing::warn!(%fault, "the dead letter queue takes nothing");
                self.retry();
            }
        }
    }
}
