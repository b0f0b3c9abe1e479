//! The queue that feeds the ingest.

use std::time::Duration;

use anyhow::Context as _;
use aws_credential_types::Credentials;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Region};
use aws_sdk_sqs::types::{
    DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName,
};
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use tokio::sync::OnceCell;

use crate::Options;

/// How long the queue may hold a request for messages until some come: SQS allows no more.
const WAIT_S: u16 = 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Time for an answer: more than the queue may hold it.
const READ_TIMEOUT: Duration = Duration::from_secs(WAIT_S as u64 + 10);
/// Time for the answer to what is not held.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

/// A queue, by name. It is looked up when it is first used, so it need not be there yet.
#[derive(Debug)]
pub(crate) struct Queue {
    client: Client,
    name: String,
    about: OnceCell<About>,
}

/// What the server tells of the queue.
#[derive(Debug, Clone)]
pub(crate) struct About {
    url: String,
    /// Its name among all resources.
    pub(crate) arn: String,
    /// How long a message that was handed out stays hidden.
    pub(crate) visibility: Duration,
}

#[cfg(test)]
impl About {
    pub(crate) fn for_test(arn: &str) -> Self {
        Self {
            url: String::new(),
            arn: arn.to_owned(),
            visibility: Duration::ZERO,
        }
    }
}

impl Queue {
    pub(crate) fn new(options: &Options) -> Self {
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let credentials = Credentials::new(
            &options.access_key,
            options.secret_key.expose(),
            None,
            None,
            "consign-bridge",
        );
        let config = aws_sdk_sqs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http)
            .region(Region::new(options.region.clone()))
            .credentials_provider(credentials)
            .endpoint_url(&options.sqs_endpoint)
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_TIMEOUT)
                    .read_timeout(READ_TIMEOUT)
                    .build(),
            )
            // Whoever calls here tries again by itself, and knows better when.
            .retry_config(RetryConfig::disabled());
        Self {
            client: Client::from_conf(config.build()),
            name: options.queue.clone(),
            about: OnceCell::new(),
        }
    }

    /// What the server tells of the queue.
    ///
    /// # Errors
    /// When there is no server, or no such queue.
    pub(crate) async fn about(&self) -> anyhow::Result<&About> {
        self.about.get_or_try_init(|| self.look_up()).await
    }

    async fn look_up(&self) -> anyhow::Result<About> {
        let found = self.client.get_queue_url().queue_name(&self.name).send();
        let found = found
            .await
            .with_context(|| format!("the queue {} is not found", self.name))?;
        let url = found.queue_url.context("the queue has no URL")?;
        let told = self
            .client
            .get_queue_attributes()
            .queue_url(&url)
            .attribute_names(QueueAttributeName::QueueArn)
            .attribute_names(QueueAttributeName::VisibilityTimeout)
            .send()
            .await
            .context("the queue tells nothing of itself")?;
        let attribute = |name| {
            let value = told.attributes.as_ref().and_then(|all| all.get(&name));
            value.context("the queue does not tell all of itself")
        };
        let visibility_s = attribute(QueueAttributeName::VisibilityTimeout)?;
        Ok(About {
            arn: attribute(QueueAttributeName::QueueArn)?.clone(),
            visibility: Duration::from_secs(visibility_s.parse()?),
            url,
        })
    }

    /// Puts a message on the queue; it is durable there when this comes back.
    ///
    /// # Errors
    /// When the queue did not take it.
    pub(crate) async fn send(&self, body: String) -> anyhow::Result<()> {
        let sent = async {
            let url = &self.about().await?.url;
            let send = self.client.send_message().queue_url(url).message_body(body);
            send.send().await.context("the queue did not take it")
        };
        tokio::time::timeout(CALL_TIMEOUT, sent).await??;
        Ok(())
    }

    /// Waits for messages, at most `max`; none when none came for a while.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub(crate) async fn receive(&self, max: u8) -> anyhow::Result<Vec<Message>> {
        let received = self
            .client
            .receive_message()
            .queue_url(&self.about().await?.url)
            .max_number_of_messages(max.into())
            .wait_time_seconds(WAIT_S.into())
            .message_system_attribute_names(MessageSystemAttributeName::All)
            .message_attribute_names("All")
            .send()
            .await
            .context("the queue hands out no messages")?;
        Ok(received.messages.unwrap_or_default())
    }

    /// Deletes messages, and says how many of them the queue kept after all.
    ///
    /// # Errors
    /// When the queue does not answer.
    pub(crate) async fn delete(&self, messages: &[&Message]) -> anyhow::Result<usize> {
        let entries = messages.iter().enumerate().map(|(number, message)| {
            DeleteMessageBatchRequestEntry::builder()
                .id(number.to_string())
                .set_receipt_handle(message.receipt_handle.clone())
                .build()
        });
        let deletion = self
            .client
            .delete_message_batch()
            .queue_url(&self.about().await?.url)
            .set_entries(Some(entries.collect::<Result<_, _>>()?));
        let deleted = tokio::time::timeout(CALL_TIMEOUT, deletion.send()).await?;
        Ok(deleted.context("the queue deletes nothing")?.failed.len())
    }
}
