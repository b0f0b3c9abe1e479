//! A separate server for every test, and requests signed by another implementation.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use consign_embedded::{EmbeddedS3, Options, Running};
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub(crate) const ACCESS_KEY: &str = "consign";
pub(crate) const SECRET_KEY: &str = "a secret of some length";
pub(crate) const BUCKET: &str = "uploads";
pub(crate) const ORIGIN: &str = "http://page.example:8080";
pub(crate) const ABORT_PARTS_AFTER: Duration = Duration::from_secs(8 * 86_400);
const REGION: &str = "us-east-1";

#[expect(
    clippy::disallowed_methods,
    reason = "the server under test checks signatures against the system's clock"
)]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

pub(crate) fn options(root: &Path) -> Options {
    Options {
        root: root.to_owned(),
        access_key: ACCESS_KEY.to_owned(),
        secret_key: SECRET_KEY.to_owned(),
        buckets: vec![BUCKET.to_owned()],
        cors_origins: vec![ORIGIN.to_owned()],
        abort_parts_after: ABORT_PARTS_AFTER,
    }
}

/// A running server and its events.
pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) root: PathBuf,
    pub(crate) client: Client,
    events: Arc<Mutex<Vec<Value>>>,
    _folder: Option<tempfile::TempDir>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        Self {
            _folder: Some(folder),
            ..Self::start_in(&root).await
        }
    }

    pub(crate) async fn start_in(root: &Path) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let events = Arc::<Mutex<Vec<Value>>>::default();
        let recorded = Arc::clone(&events);
        let take = move |notification: String| {
            let mut notification: Value = serde_json::from_str(&notification).unwrap();
            recorded
                .lock()
                .unwrap()
                .push(notification["Records"][0].take());
            async { Ok(()) }
        };
        let running = EmbeddedS3::start(options(root), listener, take, now).unwrap();
        let client = Client::new(running.local_addr().port());
        Self {
            running,
            root: root.to_owned(),
            client,
            events,
            _folder: None,
        }
    }

    /// Returns the new events since the last call.
    pub(crate) fn events(&self) -> Vec<Value> {
        std::mem::take(&mut self.events.lock().unwrap())
    }

    /// Returns the number of staging files.
    pub(crate) fn staged(&self) -> usize {
        std::fs::read_dir(self.root.join("staging"))
            .unwrap()
            .count()
    }

    /// Waits until there are this many staging files, ten seconds at most.
    pub(crate) async fn wait_until_staged(&self, files: usize) {
        for _ in 0..1000 {
            if self.staged() == files {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(self.staged(), files);
    }
}

/// A request to sign.
#[derive(Clone)]
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(&'a str, &'a str)>,
    /// Headers to sign and send.
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) at: DateTime<Utc>,
    pub(crate) expires_s: u64,
}

impl<'a> Ask<'a> {
    pub(crate) fn new(method: Method, key: &str) -> Self {
        let path = key.split('/').map(urlencode).collect::<Vec<_>>().join("/");
        let at = DateTime::from(now());
        Self {
            method,
            path: format!("/{BUCKET}/{path}"),
            query: vec![],
            headers: vec![],
            at,
            expires_s: 300,
        }
    }

    pub(crate) fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn query(mut self, name: &'a str, value: &'a str) -> Self {
        self.query.push((name, value));
        self
    }

    pub(crate) fn issued_s_ago(mut self, ago_s: i64) -> Self {
        self.at -= TimeDelta::seconds(ago_s);
        self
    }
}

fn urlencode(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

pub(crate) struct Client {
    pub(crate) port: u16,
    pub(crate) http: reqwest::Client,
}

impl Client {
    pub(crate) fn new(port: u16) -> Self {
        // The HTTP client has no TLS provider. A second installation has no effect.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            port,
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(60))
                .build()
                .unwrap(),
        }
    }

    pub(crate) fn url(&self, ask: &Ask<'_>) -> Url {
        let method = match ask.method {
            Method::PUT => rusty_s3::Method::Put,
            Method::POST => rusty_s3::Method::Post,
            Method::HEAD => rusty_s3::Method::Head,
            Method::DELETE => rusty_s3::Method::Delete,
            _ => rusty_s3::Method::Get,
        };
        let host = format!("127.0.0.1:{}", self.port);
        let mut headers: BTreeMap<_, _> = ask.headers.iter().copied().collect();
        headers.insert("host", &host);
        let query: BTreeMap<_, _> = ask.query.iter().copied().collect();
        rusty_s3::signing::sign(
            // The signer has its own instant type, which is built from text.
            &ask.at.to_rfc3339().parse().unwrap(),
            method,
            format!("http://{host}{}", ask.path).parse().unwrap(),
            ACCESS_KEY,
            SECRET_KEY,
            None,
            REGION,
            ask.expires_s,
            query.iter().map(|(name, value)| (*name, *value)),
            headers.iter().map(|(name, value)| (*name, *value)),
        )
    }

    /// Returns the signed request with its signed headers, to extend or send.
    pub(crate) fn ask(&self, ask: &Ask<'_>) -> RequestBuilder {
        let request = self.http.request(ask.method.clone(), self.url(ask));
        ask.headers.iter().fold(request, |request, (name, value)| {
            request.header(*name, *value)
        })
    }

    pub(crate) async fn send(&self, ask: &Ask<'_>, body: impl Into<reqwest::Body>) -> Response {
        self.ask(ask).body(body).send().await.unwrap()
    }

    pub(crate) async fn put(&self, key: &str, body: &[u8]) -> Response {
        self.send(&Ask::new(Method::PUT, key), body.to_vec()).await
    }

    pub(crate) async fn get(&self, key: &str) -> Response {
        self.send(&Ask::new(Method::GET, key), "").await
    }

    pub(crate) async fn head(&self, key: &str) -> Response {
        self.send(&Ask::new(Method::HEAD, key), "").await
    }
}

/// Returns the text of a header.
pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map(|value| value.to_str().unwrap())
        .unwrap_or_default()
}

/// Returns the status and the code of an S3 error.
pub(crate) async fn code(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, between(&text, "<Code>", "</Code>").to_owned())
}

pub(crate) fn between<'a>(text: &'a str, before: &str, after: &str) -> &'a str {
    text.split_once(before)
        .and_then(|(_, rest)| rest.split_once(after))
        .map(|(found, _)| found)
        .unwrap_or_default()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    STANDARD.encode(Sha256::digest(bytes))
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Returns the fields of a signed POST form that is valid for a minute, in order, without its file.
pub(crate) fn form(
    key: &str,
    issued_s_ago: i64,
    conditions: &str,
    fields: &[(&str, &str)],
) -> Vec<(String, String)> {
    let conditions = format!(r#",{{"key":"{key}"}}{conditions}"#);
    open_form(key, issued_s_ago, &conditions, fields)
}

/// The same, with `conditions` on the key.
pub(crate) fn open_form(
    key: &str,
    issued_s_ago: i64,
    conditions: &str,
    fields: &[(&str, &str)],
) -> Vec<(String, String)> {
    let at = DateTime::<Utc>::from(now()) - TimeDelta::seconds(issued_s_ago);
    let day = at.format("%Y%m%d").to_string();
    let date = at.format("%Y%m%dT%H%M%SZ").to_string();
    let expiration = (at + TimeDelta::seconds(60))
        .format("%Y-%m-%dT%H:%M:%SZ")
        .to_string();
    let credential = format!("{ACCESS_KEY}/{day}/{REGION}/s3/aws4_request");
    let policy = format!(
        r#"{{"expiration":"{expiration}","conditions":[{{"bucket":"{BUCKET}"}},{{"x-amz-algorithm":"AWS4-HMAC-SHA256"}},{{"x-amz-credential":"{credential}"}},{{"x-amz-date":"{date}"}}{conditions}]}}"#
    );
    let policy = STANDARD.encode(policy);
    let signing_key = [day.as_str(), REGION, "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{SECRET_KEY}").into_bytes(), |key, step| {
            hmac(&key, step)
        });
    let signature = hmac(&signing_key, &policy)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    let fixed = [
        ("key", key),
        ("policy", &policy),
        ("x-amz-algorithm", "AWS4-HMAC-SHA256"),
        ("x-amz-credential", &credential),
        ("x-amz-date", &date),
        ("x-amz-signature", &signature),
    ];
    fixed
        .iter()
        .chain(fields)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
