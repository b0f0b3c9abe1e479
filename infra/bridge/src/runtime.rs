//! The functions: whatever takes `POST /2015-03-31/functions/NAME/invocations`.

use std::time::Duration;

use anyhow::Context as _;
use bytes::Bytes;
use tokio::net::TcpStream;

/// How much of an error is shown, in characters.
const SHOWN_CHARS: usize = 300;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How AWS marks the answer of a function that failed.
const FUNCTION_ERROR: &str = "x-amz-function-error";

/// Where the functions are invoked.
#[derive(Debug)]
pub(crate) struct Runtime {
    http: reqwest::Client,
    base_url: String,
    address: (String, u16),
}

/// Why there is no answer of the function's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InvokeError {
    #[error("the function did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the function could not be invoked: {0}")]
    Unreachable(String),
    #[error("the function failed: {0}")]
    Function(String),
}

impl Runtime {
    pub(crate) fn new(base_url: &str) -> anyhow::Result<Self> {
        // Where the whole workspace is built at once, the client comes without one; a second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .build()?;
        let url: http::Uri = base_url
            .parse()
            .with_context(|| format!("--runtime: {base_url} is no URL"))?;
        let host = url
            .host()
            .with_context(|| format!("--runtime: {base_url} names no host"))?;
        let usual = if url.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        Ok(Self {
            http,
            base_url: base_url.trim_end_matches('/').to_owned(),
            address: (
                host.trim_matches(['[', ']']).to_owned(),
                url.port_u16().unwrap_or(usual),
            ),
        })
    }

    /// Whether anything listens where the functions should be.
    pub(crate) async fn is_there(&self) -> bool {
        let (host, port) = &self.address;
        let connected = TcpStream::connect((host.as_str(), *port));
        matches!(
            tokio::time::timeout(CONNECT_TIMEOUT, connected).await,
            Ok(Ok(_))
        )
    }

    /// Invokes a function and waits for its answer.
    pub(crate) async fn invoke(
        &self,
        function: &str,
        event: Vec<u8>,
        limit: Duration,
    ) -> Result<Bytes, InvokeError> {
        let unreachable = |error: reqwest::Error| {
            if error.is_timeout() {
                InvokeError::TimedOut(limit)
            } else {
                InvokeError::Unreachable(chain(&error))
            }
        };
        let url = format!(
            "{}/2015-03-31/functions/{function}/invocations",
            self.base_url
        );
        let request = self.http.post(url).body(event).timeout(limit);
        let answer = request
            .header("content-type", "application/json")
            .send()
            .await
            .map_err(unreachable)?;
        let is_failed =
            !answer.status().is_success() || answer.headers().contains_key(FUNCTION_ERROR);
        let status = answer.status();
        let body = answer.bytes().await.map_err(unreachable)?;
        if is_failed {
            let text: String = String::from_utf8_lossy(&body)
                .chars()
                .take(SHOWN_CHARS)
                .collect();
            return Err(InvokeError::Function(format!("{status} {text}")));
        }
        Ok(body)
    }
}

/// An error with its causes; they say more than it does.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
