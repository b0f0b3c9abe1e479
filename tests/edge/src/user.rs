//! A user of the Worker.

use consign_core::auth::{NewToken, mint_hs256};
use consign_core::time::Timestamp;
use e2e::documented::{Answered, check};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::Workerd;

/// Signs the tokens.
pub const SECRET: &str = "the-suite-signs-its-tokens-with-this-secret";

/// A client for plain HTTP.
#[must_use]
pub fn http() -> reqwest::Client {
    // An error says that it is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::new()
}

/// A user with a token.
#[derive(Debug)]
pub struct User {
    url: String,
    token: String,
    http: reqwest::Client,
}

impl User {
    /// Of a Worker that runs.
    ///
    /// # Panics
    /// When the token cannot be made.
    #[must_use]
    pub fn of(workerd: &Workerd, owner: &str) -> Self {
        Self {
            url: workerd.url.clone(),
            token: token(owner),
            http: http(),
        }
    }

    /// Calls a function with a JSON body, or with none; the answer's JSON.
    ///
    /// # Panics
    /// When the answer is no success.
    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let answer = self.ask(method, path, body).await;
        let (status, text) = answer.expect("the Worker answers");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// The same of a Worker that may be killed meanwhile: the answer's JSON where it lived long enough to answer well.
    ///
    /// # Panics
    /// When the answer blames the caller.
    pub async fn try_call(&self, method: &str, path: &str, body: Option<Value>) -> Option<Value> {
        let (status, text) = self.ask(method, path, body).await?;
        assert!(
            status.is_success() || status == 409 || status.is_server_error(),
            "{path}: {status} {text}"
        );
        let answer = serde_json::from_str(&text).ok();
        answer.filter(|_| status.is_success())
    }

    async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> Option<(StatusCode, String)> {
        let method: Method = method.parse().unwrap();
        let mut request = self
            .http
            .request(method.clone(), format!("{}{path}", self.url));
        request = request.bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.body(body.to_string());
        }
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.ok()?;
        let media_type = headers.get("content-type").map(|value| value.to_str());
        check(Answered {
            method: &method,
            path: path.split('?').next().unwrap_or_default(),
            status: status.as_u16(),
            media_type: media_type.transpose().unwrap().unwrap_or_default(),
            body: &serde_json::from_str(&text).unwrap_or(Value::Null),
        });
        Some((status, text))
    }

    /// Signs an upload by one PUT.
    pub async fn sign(&self, filename: &str, size_bytes: usize) -> Value {
        self.sign_as(filename, size_bytes, "put").await
    }

    /// Signs an upload in the way given.
    pub async fn sign_as(&self, filename: &str, size_bytes: usize, strategy: &str) -> Value {
        let wanted = json!({
            "filename": filename,
            "content_type": "text/csv",
            "file_size_bytes": size_bytes,
            "strategy": strategy,
        });
        self.call("POST", "/files/sign_upload", Some(wanted)).await
    }

    /// Puts a file to where it was signed for.
    ///
    /// # Panics
    /// When the store does not take it.
    pub async fn put(&self, signed: &Value, content: Vec<u8>) {
        assert_eq!(self.try_put(signed, content).await, Some(200));
    }

    /// The same of a store that may be killed meanwhile: its answer's status, where there is one.
    ///
    /// # Panics
    /// When nothing was signed.
    pub async fn try_put(&self, signed: &Value, content: Vec<u8>) -> Option<u16> {
        let mut request = self.http.put(signed["upload_url"].as_str().unwrap());
        for (name, value) in signed["headers"].as_object().unwrap() {
            if name != "content-length" {
                request = request.header(name, value.as_str().unwrap());
            }
        }
        let answer = request.body(content).send().await.ok()?;
        Some(answer.status().as_u16())
    }

    /// Waits until the upload is at rest; its status.
    pub async fn settle(&self, signed: &Value) -> Value {
        let path = format!("/files/{}/status", signed["file_id"].as_str().unwrap());
        loop {
            let status = self.call("GET", &path, None).await;
            if matches!(status["status"].as_str(), Some("ready" | "failed")) {
                return status;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

/// A token for an hour.
///
/// # Panics
/// When it cannot be made.
#[must_use]
pub fn token(owner: &str) -> String {
    let token = NewToken {
        issuer: "consign-dev",
        audience: "consign",
        owner,
        tier: None,
        kid: None,
        issued_at: now(),
        life_s: 3600,
    };
    mint_hs256(SECRET.as_bytes(), &token).unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the Worker's clock is this system's"
)]
fn now() -> Timestamp {
    chrono::Utc::now()
}
