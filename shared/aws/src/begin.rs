//! Begins multipart uploads with a presigned URL and a plain HTTP client, for functions that only sign and would need
//! the S3 SDK for nothing else.

use std::sync::OnceLock;
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpConnector as _, HttpConnectorSettings};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use backon::{ExponentialBuilder, Retryable as _};
use consign_core::ids::ObjectRef;
use consign_core::policy::Encryption;
use consign_core::ports::{BeginMultipart, Clock, Fault, FaultKind};
use consign_core::sigv4::{Operation, Request, Signer};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::client::{ATTEMPTS_MAX, CONNECT_TIMEOUT, SMALL};
use crate::fault::{begin_kind, kind};

/// The operation name in faults.
const BEGIN: &str = "begin";
/// The number of attempts after the first.
const RETRIES_MAX: usize = ATTEMPTS_MAX as usize - 1;
/// How long the URL is valid, in seconds. It is used at once, but clocks differ.
const URL_S: u32 = 300;
/// The longest answer that is read, in bytes. Real answers have some hundreds.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// Begins multipart uploads at an S3 server.
#[derive(Debug)]
pub struct PresignedBegin<C> {
    signer: Signer,
    clock: C,
    connector: OnceLock<Connector>,
}

/// S3 API, "CreateMultipartUpload", response syntax.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Begun {
    upload_id: String,
}

/// S3 API, "Error responses", REST error responses.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Refused {
    code: String,
    #[serde(default)]
    message: String,
}

impl<C: Clock> PresignedBegin<C> {
    /// Creates the adapter for the endpoint that `signer` signs for. Connects on first use.
    #[must_use]
    pub const fn new(signer: Signer, clock: C) -> Self {
        Self {
            signer,
            clock,
            connector: OnceLock::new(),
        }
    }

    fn connector(&self) -> &Connector {
        self.connector.get_or_init(|| {
            let settings = HttpConnectorSettings::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .read_timeout(SMALL.first_byte);
            Connector::builder()
                .tls_provider(Provider::Rustls(CryptoMode::Ring))
                .connector_settings(settings.build())
                .build()
        })
    }

    fn request(&self, object: &ObjectRef, headers: &[(&str, &str)]) -> Result<HttpRequest, Fault> {
        let now = self.clock.now();
        let signed = Request {
            operation: Operation::CreateMultipartUpload,
            bucket: &object.bucket,
            key: &object.key,
            headers,
            query: &[],
            expires_s: self.signer.clamp_expiry_s(URL_S, now),
        };
        let url = self
            .signer
            .presign(&signed, now)
            .map_err(|error| Fault::new(FaultKind::Other, BEGIN, error))?;
        let mut request = HttpRequest::new(SdkBody::empty());
        let unusable = |_| Fault::new(FaultKind::Other, BEGIN, "no request can be made of the URL");
        request.set_method("POST").map_err(unusable)?;
        request.set_uri(url).map_err(unusable)?;
        for (name, value) in headers {
            request
                .headers_mut()
                .insert((*name).to_owned(), (*value).to_owned());
        }
        Ok(request)
    }

    async fn attempt(&self, object: &ObjectRef, headers: &[(&str, &str)]) -> Result<String, Fault> {
        let request = self.request(object, headers)?;
        let sent = self.connector().call(request).await;
        let answer = sent.map_err(|error| {
            let kind = if error.is_timeout() {
                FaultKind::TimedOut
            } else {
                FaultKind::Unreachable
            };
            Fault::new(kind, BEGIN, error)
        })?;
        let status = answer.status().as_u16();
        let body = read(answer).await?;
        if status == 200 {
            let begun: Begun = parse(&body)?;
            return Ok(begun.upload_id);
        }
        let (code, message) = parse::<Refused>(&body)
            .map(|refused| (refused.code, refused.message))
            .unwrap_or_default();
        let cause = format!("{code} ({status}): {message}");
        let kind = begin_kind(kind(Some(&code), status), status);
        Err(Fault::new(kind, BEGIN, cause))
    }
}

impl<C: Clock> BeginMultipart for PresignedBegin<C> {
    /// An attempt whose answer was lost leaves an unknown upload, which the lifecycle rules of the bucket remove.
    async fn begin(
        &self,
        object: &ObjectRef,
        content_type: &str,
        encryption: &Encryption,
    ) -> Result<String, Fault> {
        let mut headers = vec![("content-type", content_type)];
        headers.extend(encryption.headers());
        let waits = ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(SMALL.backoff)
            .with_max_delay(SMALL.backoff_max)
            .with_max_times(RETRIES_MAX);
        (|| timed(self.attempt(object, &headers)))
            .retry(waits)
            .when(|fault| fault.kind.is_transient())
            // Full jitter, like the SDK.
            .adjust(|_, wait| Some(wait?.mul_f64(fastrand::f64())))
            .await
    }
}

/// Ends an attempt after its timeout.
async fn timed(attempt: impl Future<Output = Result<String, Fault>>) -> Result<String, Fault> {
    let limit = SMALL.attempt.unwrap_or(Duration::MAX);
    tokio::time::timeout(limit, attempt)
        .await
        .unwrap_or_else(|elapsed| Err(Fault::new(FaultKind::TimedOut, BEGIN, elapsed)))
}

async fn read(answer: HttpResponse) -> Result<Vec<u8>, Fault> {
    let mut stream = ByteStream::new(answer.into_body());
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Fault::new(FaultKind::Unreachable, BEGIN, error))?;
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Fault::new(
                FaultKind::Other,
                BEGIN,
                "the answer is too long",
            ));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    let other = |error| Fault::new(FaultKind::Other, BEGIN, error);
    let text = std::str::from_utf8(body).map_err(|_| other("the answer is no text".into()))?;
    quick_xml::de::from_str(text).map_err(|error| other(consign_core::ports::Cause::from(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S3 API, "CreateMultipartUpload", sample response.
    const SAMPLE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<InitiateMultipartUploadResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <Bucket>example-bucket</Bucket>
  <Key>example-object</Key>
  <UploadId>VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA</UploadId>
</InitiateMultipartUploadResult>"#;

    #[test]
    fn the_upload_id_is_read_from_the_answer() {
        let begun: Begun = parse(SAMPLE.as_bytes()).unwrap();
        assert_eq!(
            begun.upload_id,
            "VXBsb2FkIElEIGZvciA2aWWpbmcncyBteS1tb3ZpZS5tMnRzIHVwbG9hZA"
        );
        let escaped = SAMPLE.replace("VXBs", "a&amp;b&#x2b;");
        let begun: Begun = parse(escaped.as_bytes()).unwrap();
        assert!(
            begun.upload_id.starts_with("a&b+b2Fk"),
            "{}",
            begun.upload_id
        );
    }

    #[test]
    fn an_answer_without_an_id_is_a_fault() {
        for body in ["", "<", "{}", "<InitiateMultipartUploadResult/>", "\u{0}"] {
            assert!(parse::<Begun>(body.as_bytes()).is_err(), "{body}");
        }
        assert!(parse::<Begun>(&[0xff, 0xfe]).is_err());
    }

    #[test]
    fn a_refusal_names_its_code() {
        let body = "<Error><Code>NoSuchBucket</Code><Message>none</Message><BucketName>b</BucketName></Error>";
        let refused: Refused = parse(body.as_bytes()).unwrap();
        assert_eq!(refused.code, "NoSuchBucket");
    }
}
