//! Transfers straight to the bucket: a PUT with the signed headers, or a POST form with the file last.

use std::time::Duration;

use consign_ids::bare_etag;
use http::header::{CONTENT_LENGTH, ETAG, HOST};
use http::{HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::{Form, Part};
use reqwest::{RequestBuilder, Response};

use super::body::{FileBody, Meter, Stretch};
use super::urls::Urls;
use super::{
    Client, ClientError, Pairs, SignedUpload, StoreRefusal, error_body, no_answer, retrying,
};

/// A transfer without progress for this time fails. It is long, since a store may process a body before it answers.
const STALL: Duration = Duration::from_secs(120);

/// The result of a PUT or POST.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Stored, with the etag if the store sent one.
    Taken(Option<String>),
    /// The key is taken. If confirm succeeds, it was an earlier attempt of this upload whose answer was lost (section
    /// 8).
    AlreadyThere,
}

fn upload_url(signed: &SignedUpload) -> Result<&str, ClientError> {
    let url = signed.upload_url.as_deref();
    url.ok_or_else(|| ClientError::Answer("upload_url is missing".into()))
}

impl Client {
    /// Sends a whole file by PUT.
    pub(crate) async fn put(
        &self,
        signed: &SignedUpload,
        file: Stretch<'_>,
    ) -> Result<Stored, ClientError> {
        let url = upload_url(signed)?;
        retrying(self.backoff, || self.put_once(url, &signed.headers, file)).await
    }

    /// Sends one part by PUT and returns its etag. Each attempt gets a URL that has not expired.
    pub(crate) async fn put_part(
        &self,
        urls: &Urls<'_>,
        part_number: u32,
        file: Stretch<'_>,
    ) -> Result<String, ClientError> {
        match retrying(self.backoff, || async {
            let part = urls.part(part_number).await?.part;
            self.put_once(&part.url, &part.headers, file).await
        })
        .await?
        {
            Stored::Taken(Some(etag)) => Ok(etag),
            Stored::Taken(None) | Stored::AlreadyThere => Err(ClientError::Answer(
                "the store sent no ETag for a part".into(),
            )),
        }
    }

    async fn put_once(
        &self,
        url: &str,
        headers: &Pairs,
        file: Stretch<'_>,
    ) -> Result<Stored, ClientError> {
        let meter = &file.meter.share();
        let body = FileBody::open(Stretch { meter, ..file }).await?;
        let request = self
            .http
            .put(url)
            .headers(signed_headers(headers)?)
            .header(CONTENT_LENGTH, file.length_bytes);
        transfer(request.body(reqwest::Body::wrap(body)), meter).await
    }

    /// Sends a POST form: the fields in the given order, the file last.
    pub(crate) async fn post_form(
        &self,
        signed: &SignedUpload,
        file: Stretch<'_>,
    ) -> Result<Stored, ClientError> {
        let url = upload_url(signed)?;
        let fields = signed
            .form_fields
            .as_ref()
            .ok_or_else(|| ClientError::Answer("form_fields is missing".into()))?;
        retrying(self.backoff, || async {
            let meter = &file.meter.share();
            let body = FileBody::open(Stretch { meter, ..file }).await?;
            let name = file
                .path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let mut part = Part::stream_with_length(reqwest::Body::wrap(body), file.length_bytes)
                .file_name(name);
            if let Some(content_type) = fields.get("content-type") {
                part = part
                    .mime_str(content_type)
                    .map_err(|_| ClientError::Answer("the content type is invalid".into()))?;
            }
            let form = fields.0.iter().fold(Form::new(), |form, (name, value)| {
                form.text(name.clone(), value.clone())
            });
            transfer(
                self.http.post(url).multipart(form.part("file", part)),
                meter,
            )
            .await
        })
        .await
    }

    /// Sends a GET request to `url`. The body of the answer is not read yet.
    ///
    /// # Errors
    /// [`ClientError::Store`] if the store refused, [`ClientError::NoAnswer`] if it did not answer.
    pub async fn fetch(&self, url: &str) -> Result<Response, ClientError> {
        retrying(self.backoff, || async {
            let answer = tokio::time::timeout(STALL, self.http.get(url).send())
                .await
                .map_err(|_| ClientError::Stalled(STALL.as_secs()))?
                .map_err(no_answer)?;
            if answer.status().is_success() {
                Ok(answer)
            } else {
                Err(refusal(answer).await)
            }
        })
        .await
    }
}

/// Sends a request that counts its bytes on `meter`, checks for progress, and subtracts the bytes if it fails.
async fn transfer(request: RequestBuilder, meter: &Meter) -> Result<Stored, ClientError> {
    let sent = tokio::select! {
        answer = request.send() => answer.map_err(no_answer),
        () = stalled(meter) => Err(ClientError::Stalled(STALL.as_secs())),
    };
    let stored = match sent {
        Ok(answer) if answer.status().is_success() => {
            let etag = answer
                .headers()
                .get(ETAG)
                .and_then(|etag| etag.to_str().ok());
            return Ok(Stored::Taken(etag.map(|etag| bare_etag(etag).to_owned())));
        }
        Ok(answer) if answer.status() == http::StatusCode::PRECONDITION_FAILED => {
            return Ok(Stored::AlreadyThere);
        }
        Ok(answer) => Err(refusal(answer).await),
        Err(error) => Err(error),
    };
    meter.take_back(meter.sent_bytes());
    stored
}

async fn stalled(meter: &Meter) {
    let mut seen_bytes = None;
    while seen_bytes != Some(meter.sent_bytes()) {
        seen_bytes = Some(meter.sent_bytes());
        tokio::time::sleep(STALL).await;
    }
}

async fn refusal(answer: Response) -> ClientError {
    let status = answer.status();
    let body = error_body(answer).await;
    ClientError::Store(StoreRefusal::read(status, &String::from_utf8_lossy(&body)))
}

/// Returns the signed headers. `host` follows from the URL, and the length from the body.
fn signed_headers(pairs: &Pairs) -> Result<HeaderMap, ClientError> {
    let mut headers = HeaderMap::new();
    for (name, value) in &pairs.0 {
        let bad = |_| ClientError::Answer("a signed header is invalid".to_owned());
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(()))?;
        if name != HOST && name != CONTENT_LENGTH {
            headers.append(name, HeaderValue::from_str(value).map_err(|_| bad(()))?);
        }
    }
    Ok(headers)
}
