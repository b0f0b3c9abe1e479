//! One with a token, over one connection to the functions and one to the store.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::http::{Answer, Client};

const POLL: Duration = Duration::from_millis(50);

/// A user.
#[derive(Debug)]
pub struct User {
    /// The connections.
    pub client: Client,
    base_url: String,
    headers: Vec<(String, String)>,
}

/// A signed upload.
#[derive(Debug, Clone)]
pub struct Signed(pub Value);

impl User {
    /// One who shows this token.
    #[must_use]
    pub fn new(base_url: &str, token: &str) -> Self {
        let header = |name: &str, value: String| (name.to_owned(), value);
        Self {
            client: Client::default(),
            base_url: base_url.to_owned(),
            headers: vec![
                header("authorization", format!("Bearer {token}")),
                header("content-type", "application/json".to_owned()),
            ],
        }
    }

    /// The same with one more header on every call.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A call that may fail.
    ///
    /// # Errors
    /// When there was no answer.
    pub async fn try_call(
        &mut self,
        (method, path): (&str, &str),
        body: Option<&Value>,
    ) -> Result<Answer, String> {
        let url = format!("{}{path}", self.base_url);
        let body = body.map_or_else(Bytes::new, |body| Bytes::from(body.to_string()));
        self.client.send((method, &url), &self.headers, body).await
    }

    /// A call that is answered.
    pub async fn call(&mut self, wanted: (&str, &str), body: Option<&Value>) -> Answer {
        let answer = self.try_call(wanted, body).await;
        answer.expect("the host answers")
    }

    /// `GET`.
    pub async fn get(&mut self, path: &str) -> Answer {
        self.call(("GET", path), None).await
    }

    /// `POST` of JSON.
    pub async fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.call(("POST", path), Some(body)).await
    }

    /// Asks for the PUT of a CSV of so many bytes.
    pub async fn ask_csv(&mut self, size_bytes: usize) -> Answer {
        let body = json!({"filename": "table.csv", "content_type": "text/csv", "file_size_bytes": size_bytes});
        self.post("/files/sign_upload", &body).await
    }

    /// The same; fails unless it is granted.
    pub async fn sign_csv(&mut self, size_bytes: usize) -> Signed {
        let answer = self.ask_csv(size_bytes).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        Signed(answer.json())
    }

    /// Sends the content to the signed URL, with more headers; what the store answered.
    pub async fn put(&mut self, signed: &Signed, content: &Bytes, more: &[(&str, &str)]) -> Answer {
        let mut headers = signed.headers();
        let more = more.iter();
        headers.extend(more.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let sent = self
            .client
            .send(("PUT", signed.url()), &headers, content.clone());
        sent.await.expect("the store answers")
    }

    /// Signs and sends a CSV, without confirming; the file's id.
    pub async fn put_csv(&mut self, content: &Bytes) -> String {
        let signed = self.sign_csv(content.len()).await;
        let answer = self.put(&signed, content, &[]).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        signed.file_id()
    }

    /// Confirms an upload.
    pub async fn confirm(&mut self, file_id: &str) -> Answer {
        self.post("/files/confirm", &json!({"file_id": file_id}))
            .await
    }

    /// Where an upload stands.
    pub async fn status(&mut self, file_id: &str) -> Value {
        let answer = self.get(&format!("/files/{file_id}/status")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Waits until an upload is at rest; its last status, whatever that is.
    pub async fn wait(&mut self, file_id: &str, limit: Duration) -> Value {
        let mut status = Value::Null;
        for _ in 0..limit.as_millis() / POLL.as_millis() {
            status = self.status(file_id).await;
            let state = status["status"].as_str().unwrap_or_default();
            if ["ready", "failed", "deleted", "expired"].contains(&state) {
                return status;
            }
            tokio::time::sleep(POLL).await;
        }
        status
    }

    /// A download of the original: what the store answered.
    pub async fn download(&mut self, file_id: &str) -> Answer {
        let answer = self.get(&format!("/files/{file_id}/download-url")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let body = answer.json();
        let url = body["url"].as_str().expect("there is a URL");
        let sent = self.client.send(("GET", url), &[], Bytes::new()).await;
        sent.expect("the store answers")
    }
}

impl Signed {
    fn text(&self, name: &str) -> &str {
        self.0[name].as_str().expect("it is a text")
    }

    /// The file's id.
    #[must_use]
    pub fn file_id(&self) -> String {
        self.text("file_id").to_owned()
    }

    /// Where to send it.
    #[must_use]
    pub fn url(&self) -> &str {
        self.text("upload_url")
    }

    /// The object's key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.text("object_name")
    }

    /// The headers to send.
    #[must_use]
    pub fn headers(&self) -> Vec<(String, String)> {
        let headers = self.0["headers"].as_object().expect("there are headers");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        headers
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }
}

/// A CSV with a whole number, a decimal and a text with a comma in every row.
#[must_use]
pub fn csv(rows: usize) -> Bytes {
    let mut text = String::from("id,amount,name\n");
    for row in 0..rows {
        text.push_str(&format!("{row},{row}.5,\"name, {row}\"\n"));
    }
    Bytes::from(text)
}
