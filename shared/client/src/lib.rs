//! A client of consign: typed calls, transfers between a file and the bucket, and uploads that resume.
//!
//! Every call returns a type of `consign-api`, or a [`ClientError`] with the server's [`Problem`]. An upload is signed,
//! sent, confirmed and polled by [`Client::upload`]. It sends parts in parallel, signs URLs again before they expire, retries
//! transient errors, and saves its progress in a folder, so that another run can continue it. It uses no server code.
//!
//! ```no_run
//! use std::path::Path;
//!
//! use consign_client::{Client, Meter, Observer, SignUpload, Status, Upload};
//!
//! /// Prints each state, and counts the bytes.
//! struct Print(Meter);
//!
//! impl Observer for Print {
//!     fn meter(&self) -> &Meter {
//!         &self.0
//!     }
//!     fn signed(&self, file_id: &str, _resumed_parts: usize) {
//!         println!("signed {file_id}");
//!     }
//!     fn state(&self, state: Status) {
//!         println!("{state}");
//!     }
//! }
//!
//! # async fn upload() -> Result<(), Box<dyn std::error::Error>> {
//! let path = Path::new("/data/flights.csv");
//! let client = Client::new("https://files.example.org", Some("token".to_owned()))?;
//! let file = client
//!     .upload(
//!         &Upload {
//!             path,
//!             request: SignUpload {
//!                 filename: "flights.csv".to_owned(),
//!                 file_size_bytes: Some(path.metadata()?.len()),
//!                 ..SignUpload::default()
//!             },
//!             idempotency_key: None,
//!             resume_folder: Path::new("/var/cache/uploads"),
//!             is_awaited: true,
//!         },
//!         &Print(Meter::new(|_bytes| {})),
//!     )
//!     .await?;
//! println!("{} rows", file.row_count.unwrap_or(0));
//! # Ok(())
//! # }
//! ```

mod body;
mod error;
mod filter;
mod names;
mod parts;
mod resume;
mod retry;
#[cfg(test)]
mod tests;
mod transfer;
mod upload;
mod urls;

use std::time::Duration;

use backon::Retryable as _;
use consign_time as time;
use http::StatusCode;
use reqwest::{RequestBuilder, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use body::Meter;
pub use consign_api::{
    CompletedPart, Confirm, Confirmed, Download, File, Listing, Multipart, Pairs, SignUpload,
    SignedPart, SignedUpload, Status, Strategy, Variant,
};
pub use error::{ClientError, Problem, StoreRefusal};
pub use filter::ListFiles;
pub use names::safe_file_name;
pub use resume::{Resume, ResumeStore};
pub use retry::Backoff;
pub use upload::{Observer, Upload, sha256_base64};
pub use urls::Signed;

/// The timeout of an API call. Transfers have none, but must make progress.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest error body that is read.
const ERROR_BYTES_MAX: usize = 64 * 1024;

/// A monotonic clock of this client.
#[derive(Clone)]
enum Stopwatch {
    /// The clock of the machine.
    Since(std::time::Instant),
    /// The clock of a test, in seconds.
    #[cfg(test)]
    Hand(std::sync::Arc<std::sync::atomic::AtomicU64>),
}

impl Stopwatch {
    fn start() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "a client measures how long the URLs that it holds are still good"
        )]
        Self::Since(std::time::Instant::now())
    }

    fn elapsed(&self) -> Duration {
        match self {
            Self::Since(start) => start.elapsed(),
            #[cfg(test)]
            Self::Hand(seconds) => {
                Duration::from_secs(seconds.load(std::sync::atomic::Ordering::Relaxed))
            }
        }
    }
}

/// A client of one consign.
#[derive(Clone)]
pub struct Client {
    clock: Stopwatch,
    http: reqwest::Client,
    base: Url,
    token: Option<String>,
    backoff: Backoff,
}

impl std::fmt::Debug for Client {
    /// Omits the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("base", &self.base.as_str())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Creates a client of the consign at `base_url`. `token` is a bearer token.
    ///
    /// # Errors
    /// [`ClientError::Address`] if `base_url` is not an http or https address.
    pub fn new(base_url: &str, token: Option<String>) -> Result<Self, ClientError> {
        let address = || ClientError::Address(base_url.to_owned());
        let mut base = Url::parse(base_url).map_err(|_| address())?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(address());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self {
            clock: Stopwatch::start(),
            http: http_client()?,
            base,
            token,
            backoff: Backoff::USUAL,
        })
    }

    /// Returns the same client with other retries.
    #[must_use]
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Returns the base URL.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Calls `POST /files/sign_upload`. With an idempotency key the call can be repeated: the same key and body return
    /// the same upload, with new signatures.
    ///
    /// # Errors
    /// [`ClientError`] if the server refused or did not answer.
    pub async fn sign_upload(
        &self,
        request: &SignUpload,
        idempotency_key: &str,
    ) -> Result<Signed, ClientError> {
        let call = self
            .http
            .post(self.url(&["files", "sign_upload"]))
            .json(request);
        let asked_at = self.clock.elapsed();
        let answer = self
            .call(call.header("idempotency-key", idempotency_key))
            .await?;
        let date = answer.headers().get(http::header::DATE).cloned();
        let upload: SignedUpload = self.read(answer).await?;
        // By the clock of the server, whatever the local one shows.
        let date = date.as_ref().and_then(|date| date.to_str().ok());
        let life = date
            .and_then(|date| time::parse_http_date(date).ok())
            .zip(time::parse(&upload.expires_at).ok())
            .and_then(|(date, end)| end.signed_duration_since(date).to_std().ok());
        Ok(Signed {
            upload,
            life,
            asked_at,
        })
    }

    /// Calls `POST /files/confirm`.
    ///
    /// # Errors
    /// As [`Client::sign_upload`].
    pub async fn confirm(&self, request: &Confirm) -> Result<Confirmed, ClientError> {
        self.json(
            self.http
                .post(self.url(&["files", "confirm"]))
                .json(request),
        )
        .await
    }

    /// Calls `GET /files/{id}/status`. Returns the status, and the seconds to wait before the next call.
    ///
    /// # Errors
    /// As [`Client::sign_upload`].
    pub async fn status(&self, file_id: &str) -> Result<(File, Option<u64>), ClientError> {
        let answer = self
            .call(self.http.get(self.url(&["files", file_id, "status"])))
            .await?;
        let retry_after_s = retry_after_s(&answer);
        Ok((self.read(answer).await?, retry_after_s))
    }

    /// Calls `GET /files`.
    ///
    /// # Errors
    /// As [`Client::sign_upload`].
    pub async fn list(&self, filter: &ListFiles) -> Result<Listing, ClientError> {
        self.json(self.http.get(self.url(&["files"])).query(filter))
            .await
    }

    /// Calls `GET /files/{id}/download-url`.
    ///
    /// # Errors
    /// As [`Client::sign_upload`].
    pub async fn download_url(
        &self,
        file_id: &str,
        variant: Variant,
    ) -> Result<Download, ClientError> {
        let call = self.http.get(self.url(&["files", file_id, "download-url"]));
        self.json(call.query(&[("variant", variant)])).await
    }

    /// Calls `DELETE /files/{id}`.
    ///
    /// # Errors
    /// As [`Client::sign_upload`].
    pub async fn delete(&self, file_id: &str) -> Result<(), ClientError> {
        self.call(self.http.delete(self.url(&["files", file_id])))
            .await
            .map(drop)
    }

    /// Calls `GET /health/storage` once. Returns the status, the `Date` and the answer. With the scope `metrics`, a
    /// token gets more details.
    ///
    /// # Errors
    /// [`ClientError::NoAnswer`], or [`ClientError::Answer`] if the answer is not JSON.
    pub async fn health(&self) -> Result<(StatusCode, Option<String>, Value), ClientError> {
        let call = self.http.get(self.url(&["health", "storage"]));
        let call = match &self.token {
            Some(token) => call.bearer_auth(token),
            None => call,
        };
        let answer = self.send(call.timeout(CALL_TIMEOUT)).await?;
        let date = answer
            .headers()
            .get(http::header::DATE)
            .and_then(|date| date.to_str().ok())
            .map(str::to_owned);
        let status = answer.status();
        Ok((status, date, self.read(answer).await?))
    }

    /// Whether the server accepts notifications of its store.
    ///
    /// # Errors
    /// [`ClientError::NoAnswer`].
    pub async fn takes_events(&self) -> Result<bool, ClientError> {
        let request = self.http.head(self.url(&["events", "minio"]));
        let answer = self.send(request.timeout(CALL_TIMEOUT)).await?;
        Ok(answer.status().is_success())
    }

    /// Sends a CORS preflight for PUT from this consign's origin to the bucket at `url`, and returns the answer.
    ///
    /// # Errors
    /// [`ClientError::NoAnswer`].
    pub async fn preflight(&self, url: Url) -> Result<Response, ClientError> {
        let request = self
            .http
            .request(http::Method::OPTIONS, url)
            .header("origin", self.base.origin().ascii_serialization())
            .header("access-control-request-method", "PUT")
            .header(
                "access-control-request-headers",
                "content-type,if-none-match",
            )
            .timeout(CALL_TIMEOUT);
        self.send(request).await
    }

    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    async fn json<T: DeserializeOwned>(&self, call: RequestBuilder) -> Result<T, ClientError> {
        let answer = self.call(call).await?;
        self.read(answer).await
    }

    /// Sends a call with retries. Every call may be repeated: reads, deletions and confirms by nature, signing by its
    /// key.
    async fn call(&self, call: RequestBuilder) -> Result<Response, ClientError> {
        let call = match &self.token {
            Some(token) => call.bearer_auth(token),
            None => call,
        };
        let call = call.timeout(CALL_TIMEOUT);
        retrying(self.backoff, || async {
            let once = call
                .try_clone()
                .ok_or_else(|| ClientError::Answer("a body that cannot be sent twice".into()))?;
            let answer = self.send(once).await?;
            if answer.status().is_success() {
                Ok(answer)
            } else {
                Err(problem(answer).await)
            }
        })
        .await
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        request.send().await.map_err(no_answer)
    }

    async fn read<T: DeserializeOwned>(&self, answer: Response) -> Result<T, ClientError> {
        let body = answer.bytes().await.map_err(no_answer)?;
        serde_json::from_slice(&body).map_err(|error| ClientError::Answer(error.to_string()))
    }
}

/// Repeats `attempt` while its error is transient and retries are left.
pub(crate) async fn retrying<T, F>(
    backoff: Backoff,
    attempt: impl Fn() -> F,
) -> Result<T, ClientError>
where
    F: Future<Output = Result<T, ClientError>>,
{
    attempt
        .retry(backoff.waits())
        .when(ClientError::is_transient)
        .adjust(|error, wait| Some(backoff.not_before(wait?, error.retry_after_s())))
        .await
}

/// Creates an HTTP client. The TLS provider is `ring`, which builds in seconds. Plain HTTP works without root
/// certificates.
pub fn http_client() -> Result<reqwest::Client, ClientError> {
    // A second installation fails, which does not matter: the provider is the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = || {
        reqwest::Client::builder()
            .user_agent(concat!("consign/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .redirect(reqwest::redirect::Policy::none())
    };
    let built = builder()
        .build()
        .or_else(|_| builder().tls_certs_only([]).build());
    built.map_err(no_answer)
}

async fn problem(answer: Response) -> ClientError {
    let (status, retry_after_s) = (answer.status(), retry_after_s(&answer));
    let request_id = answer
        .headers()
        .get("x-request-id")
        .and_then(|id| id.to_str().ok())
        .map(str::to_owned);
    let body = error_body(answer).await;
    let document = Problem::read(status, &body, request_id);
    ClientError::Problem(Box::new(Problem {
        document,
        retry_after_s,
    }))
}

/// Returns the start of an error body. If it breaks off, the status is enough.
pub(crate) async fn error_body(mut answer: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = answer.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ERROR_BYTES_MAX {
            break;
        }
    }
    body
}

/// Returns `Retry-After` in seconds. The date form would need the clock of the server.
fn retry_after_s(answer: &Response) -> Option<u64> {
    answer
        .headers()
        .get(http::header::RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// Keeps the host and drops the rest of the URL, since the query may contain a signature.
pub(crate) fn no_answer(error: reqwest::Error) -> ClientError {
    let host = error
        .url()
        .map_or_else(|| "the server".to_owned(), |url| url.authority().to_owned());
    ClientError::NoAnswer {
        host,
        source: error.without_url(),
    }
}
