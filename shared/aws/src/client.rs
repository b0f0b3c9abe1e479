//! What the clients of all services share.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;

/// How to reach an AWS service, or a compatible one.
#[derive(Clone)]
pub struct AwsOptions {
    /// The base URL of the service; `None` is the regional endpoint of AWS.
    pub endpoint: Option<String>,
    /// The region, such as `us-east-1`.
    pub region: String,
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret_key: String,
    /// The token of temporary credentials.
    pub session_token: Option<String>,
}

impl fmt::Debug for AwsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsOptions")
            .field("endpoint", &self.endpoint)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// A client that is built on first use, so that a function builds no client of a service that it does not call.
pub(crate) struct Lazy<C>(Arc<LazyLock<C, Make<C>>>);

type Make<C> = Box<dyn FnOnce() -> C + Send>;

impl<C> Deref for Lazy<C> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C> Clone for Lazy<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C> fmt::Debug for Lazy<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").finish_non_exhaustive()
    }
}

/// The timeouts and retries of a client.
pub(crate) struct Patience {
    /// The timeout of one attempt; `None` if an answer may take long.
    pub(crate) attempt: Option<Duration>,
    /// The timeout of a call with all its attempts.
    pub(crate) call: Option<Duration>,
    /// The timeout of the first byte of an answer.
    pub(crate) first_byte: Duration,
    /// The pause before the second attempt. It doubles with each attempt, with full jitter.
    pub(crate) backoff: Duration,
    /// The longest pause between two attempts.
    pub(crate) backoff_max: Duration,
}

/// The timeout of a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// The most attempts of one call.
pub(crate) const ATTEMPTS_MAX: u32 = 3;

/// For small requests and answers, such as records and messages.
#[cfg(any(feature = "begin", feature = "dynamodb", feature = "sqs"))]
pub(crate) const SMALL: Patience = Patience {
    attempt: Some(Duration::from_secs(3)),
    call: Some(Duration::from_secs(8)),
    first_byte: Duration::from_secs(3),
    backoff: Duration::from_millis(50),
    backoff_max: Duration::from_secs(1),
};

impl AwsOptions {
    /// Whether the endpoint uses no TLS. Then the root certificates need not be loaded, which takes some milliseconds.
    fn is_plain(&self) -> bool {
        let endpoint = self.endpoint.as_deref().unwrap_or_default();
        endpoint.starts_with("http://")
    }

    /// Returns the client of a service, built from its configuration on first use.
    pub(crate) fn client<C>(
        &self,
        patience: &'static Patience,
        make: impl FnOnce(&SdkConfig) -> C + Send + 'static,
    ) -> Lazy<C> {
        let options = self.clone();
        Lazy(Arc::new(LazyLock::new(Box::new(move || {
            make(&options.config(patience))
        }))))
    }

    /// Returns the configuration of a client.
    fn config(&self, patience: &Patience) -> SdkConfig {
        let http = aws_smithy_http_client::Builder::new();
        let http = if self.is_plain() {
            http.build_http()
        } else {
            http.tls_provider(Provider::Rustls(CryptoMode::Ring))
                .build_https()
        };
        let credentials = Credentials::new(
            &self.access_key,
            &self.secret_key,
            self.session_token.clone(),
            None,
            "consign",
        );
        let mut timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(patience.first_byte);
        timeouts.set_operation_attempt_timeout(patience.attempt);
        timeouts.set_operation_timeout(patience.call);
        let retry = RetryConfig::standard()
            .with_max_attempts(ATTEMPTS_MAX)
            .with_initial_backoff(patience.backoff)
            .with_max_backoff(patience.backoff_max);
        let mut config = SdkConfig::builder()
            .http_client(http)
            .region(Region::new(self.region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .timeout_config(timeouts.build())
            .retry_config(retry)
            // Requests and presigned URLs must use the same clock. The SDK's correction takes the `Date` of an answer
            // as the time of the store. If a clock is set back, many servers send the earlier date for a while (hyper
            // caches it), and every call would be signed an hour ahead.
            .disable_clock_skew_correction(true);
        config.set_endpoint_url(self.endpoint.clone());
        config.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let options = AwsOptions {
            endpoint: None,
            region: "eu-central-1".to_owned(),
            access_key: "AKIA-shown-nowhere".to_owned(),
            secret_key: "shown-nowhere".to_owned(),
            session_token: Some("shown-nowhere".to_owned()),
        };
        let shown = format!("{options:?}");
        assert!(shown.contains("eu-central-1") && !shown.contains("shown-nowhere"));
    }
}
