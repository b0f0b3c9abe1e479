//! A user of a host, over plain HTTP.

use std::time::Duration;

use crate::documented::{Answered, check};
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// How long an upload may take until it is at rest: where a lease has to end first, that is two minutes.
const REST: Duration = Duration::from_secs(300);
const POLL: Duration = Duration::from_millis(50);

/// One with a token.
#[derive(Debug, Clone)]
pub struct User {
    /// Talks to functions and store.
    pub http: reqwest::Client,
    base_url: String,
    token: String,
}

/// What a function answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null where it is none.
    pub body: Value,
}

/// A signed upload.
#[derive(Debug, Clone)]
pub struct Signed(pub Value);

/// A client for functions and store; nothing is sent through a proxy.
pub(crate) fn http() -> reqwest::Client {
    // Where the whole workspace is built at once, the client comes without one; a second installation changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(60))
        .build()
        .expect("a client")
}

impl User {
    pub(crate) fn new(base_url: &str, token: &str) -> Self {
        Self {
            http: http(),
            base_url: base_url.to_owned(),
            token: token.to_owned(),
        }
    }

    /// A request to a function, with the token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    /// A request to a function, without a token.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base_url))
    }

    /// `GET`.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// `POST` of JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// `DELETE`.
    pub async fn delete(&self, file_id: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, &format!("/files/{file_id}"))).await
    }

    /// Signs an upload; fails unless it is granted.
    pub async fn sign(&self, body: &Value) -> Signed {
        let answer = self.post("/files/sign_upload", body).await;
        assert_eq!(answer.status, 201, "{}", answer.text);
        Signed(answer.body)
    }

    /// Signs the PUT of a CSV.
    pub async fn sign_csv(&self, content: &[u8]) -> Signed {
        self.sign(&json!({"filename": "table.csv", "content_type": "text/csv", "file_size_bytes": content.len()}))
            .await
    }

    /// Signs a PUT of a CSV and sends it, without confirming. Returns the file's id.
    pub async fn put_csv(&self, content: &[u8]) -> String {
        let signed = self.sign_csv(content).await;
        assert_eq!(self.put(&signed, content).await, 200);
        signed.file_id()
    }

    /// Sends the content to the signed URL with the headers it asks for; the store's status.
    pub async fn put(&self, signed: &Signed, content: &[u8]) -> u16 {
        let sent = self.put_request(signed, content).send().await;
        sent.expect("the store answers").status().as_u16()
    }

    /// The same, before it is sent.
    pub fn put_request(&self, signed: &Signed, content: &[u8]) -> RequestBuilder {
        let request = self.http.put(signed.url()).body(content.to_vec());
        signed
            .headers()
            .into_iter()
            .fold(request, |request, (name, value)| {
                request.header(name, value)
            })
    }

    /// Sends the parts of a multipart upload and returns the store's etags.
    pub async fn put_parts(&self, signed: &Signed, content: &[u8]) -> Vec<String> {
        let size = signed.0["multipart"]["part_size_bytes"]
            .as_u64()
            .expect("parts have a size");
        let parts = signed.0["multipart"]["parts"].as_array();
        let parts = parts.expect("there are parts");
        let chunks: Vec<&[u8]> = content
            .chunks(usize::try_from(size).expect("it fits"))
            .collect();
        assert_eq!(chunks.len(), parts.len());
        let mut etags = Vec::new();
        for (index, chunk) in chunks.into_iter().enumerate() {
            let sent = self.part_request(signed, index, chunk).send().await;
            let sent = sent.expect("the store answers");
            assert_eq!(sent.status(), 200);
            let etag = sent.headers()["etag"].to_str();
            etags.push(etag.expect("an etag is ASCII").to_owned());
        }
        etags
    }

    /// The PUT of one part, counted from 0, with the headers it asks for.
    pub fn part_request(&self, signed: &Signed, index: usize, content: &[u8]) -> RequestBuilder {
        let part = &signed.0["multipart"]["parts"][index];
        let url = part["url"].as_str().expect("a part has a URL");
        let request = self.http.put(url).body(content.to_vec());
        pairs(&part["headers"])
            .into_iter()
            .fold(request, |request, (name, value)| {
                request.header(name, value)
            })
    }

    /// Sends a POST form with some of its fields changed, or more of them; the store's status.
    pub async fn post_form(
        &self,
        signed: &Signed,
        changed: &[(&str, &str)],
        content: &[u8],
    ) -> u16 {
        let fields = signed.0["form_fields"]
            .as_object()
            .expect("there are fields");
        let mut form = reqwest::multipart::Form::new();
        for (name, value) in fields {
            let own = value.as_str().expect("a field is a text");
            let other = changed.iter().find(|(changed, _)| changed == name);
            form = form.text(
                name.clone(),
                other.map_or(own, |(_, value)| value).to_owned(),
            );
        }
        for (name, value) in changed
            .iter()
            .filter(|(name, _)| !fields.contains_key(*name))
        {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let file = reqwest::multipart::Part::bytes(content.to_vec()).file_name("any name");
        let request = self
            .http
            .post(signed.url())
            .multipart(form.part("file", file));
        request
            .send()
            .await
            .expect("the store answers")
            .status()
            .as_u16()
    }

    /// Confirms an upload.
    pub async fn confirm(&self, file_id: &str) -> Answer {
        self.post("/files/confirm", &json!({"file_id": file_id}))
            .await
    }

    /// Where an upload stands.
    pub async fn status(&self, file_id: &str) -> Value {
        let answer = self.get(&format!("/files/{file_id}/status")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    }

    /// Waits until an upload is ready or failed.
    pub async fn wait(&self, file_id: &str) -> Value {
        for _ in 0..REST.as_millis() / POLL.as_millis() {
            let status = self.status(file_id).await;
            if status["status"] == "ready" || status["status"] == "failed" {
                return status;
            }
            tokio::time::sleep(POLL).await;
        }
        unreachable!(
            "{file_id} is not at rest after {REST:?}: {}",
            self.status(file_id).await
        );
    }

    /// Waits until an upload is ready.
    pub async fn wait_ready(&self, file_id: &str) -> Value {
        let status = self.wait(file_id).await;
        assert_eq!(status["status"], "ready", "{status}");
        status
    }

    /// Downloads a variant.
    pub async fn download(&self, file_id: &str, variant: &str) -> Vec<u8> {
        let answer = self
            .get(&format!("/files/{file_id}/download-url?variant={variant}"))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let url = answer.body["url"].as_str().expect("there is a URL");
        let sent = self.http.get(url).send().await.expect("the store answers");
        assert_eq!(sent.status(), 200);
        sent.bytes().await.expect("the object comes whole").to_vec()
    }
}

impl Answer {
    /// Sends a request and reads its answer, which must be one that the OpenAPI document has.
    pub async fn of(request: RequestBuilder) -> Self {
        let (http, request) = request.build_split();
        let request = request.expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = http.execute(request).await.expect("the host answers");
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let text = response.text().await.expect("the body is text");
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        let media_type = headers.get("content-type").map(|value| value.to_str());
        check(Answered {
            method: &method,
            path: &path,
            status,
            media_type: media_type
                .transpose()
                .expect("it is text")
                .unwrap_or_default(),
            body: &body,
        });
        Self {
            status,
            headers,
            text,
            body,
        }
    }

    /// The problem's code.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A header's value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }
}

impl Signed {
    /// The file's id.
    #[must_use]
    pub fn file_id(&self) -> String {
        self.0["file_id"]
            .as_str()
            .expect("there is an id")
            .to_owned()
    }

    /// Where to send it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.0["upload_url"].as_str().expect("there is a URL")
    }

    /// The object's key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0["object_name"].as_str().expect("there is a key")
    }

    /// The headers to send.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        pairs(&self.0["headers"])
    }
}

fn pairs(headers: &Value) -> Vec<(String, String)> {
    let headers = headers.as_object().expect("there are headers");
    let text = |value: &Value| value.as_str().expect("a header is a text").to_owned();
    headers
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect()
}
