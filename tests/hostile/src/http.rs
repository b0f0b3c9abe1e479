//! A client over one connection per address: what it costs is the caller's, and no pool hides what a server does.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// The longest that an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Talks to any number of addresses, one request at a time.
#[derive(Debug, Default)]
pub struct Client {
    connections: HashMap<String, SendRequest<Full<Bytes>>>,
}

/// What was answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: http::HeaderMap,
    /// The body as it came.
    pub bytes: Bytes,
}

/// A request.
#[derive(Debug, Clone)]
struct Wanted<'a> {
    method: &'a str,
    authority: &'a str,
    target: &'a str,
    headers: &'a [(String, String)],
    body: Bytes,
}

impl Client {
    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// When there is no connection, or it breaks before the answer was whole; said in a sentence without the URL.
    pub async fn send(
        &mut self,
        (method, url): (&str, &str),
        headers: &[(String, String)],
        body: Bytes,
    ) -> Result<Answer, String> {
        let rest = url.strip_prefix("http://").ok_or("a URL with http://")?;
        let at = rest.find('/').unwrap_or(rest.len());
        let wanted = Wanted {
            method,
            authority: &rest[..at],
            target: if at == rest.len() { "/" } else { &rest[at..] },
            headers,
            body,
        };
        let sent = tokio::time::timeout(PATIENCE, async {
            // A connection that was kept may have been closed meanwhile: one more try on a new one.
            if let Some(kept) = self.connections.remove(wanted.authority)
                && let Ok(answer) = self.exchange(kept, &wanted).await
            {
                return Ok(answer);
            }
            let fresh = connect(wanted.authority).await?;
            self.exchange(fresh, &wanted).await
        });
        sent.await
            .map_err(|_| format!("no answer within {PATIENCE:?}"))?
    }

    async fn exchange(
        &mut self,
        mut connection: SendRequest<Full<Bytes>>,
        wanted: &Wanted<'_>,
    ) -> Result<Answer, String> {
        let mut request = http::Request::builder()
            .method(wanted.method)
            .uri(wanted.target)
            .header("host", wanted.authority);
        for (name, value) in wanted.headers {
            // Of the length hyper says it itself.
            if !name.eq_ignore_ascii_case("content-length") && !name.eq_ignore_ascii_case("host") {
                request = request.header(name, value);
            }
        }
        let request = request
            .body(Full::new(wanted.body.clone()))
            .map_err(|error| error.to_string())?;
        connection.ready().await.map_err(text)?;
        let (parts, body) = connection
            .send_request(request)
            .await
            .map_err(text)?
            .into_parts();
        let bytes = body.collect().await.map_err(text)?.to_bytes();
        if !connection.is_closed() {
            self.connections
                .insert(wanted.authority.to_owned(), connection);
        }
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            bytes,
        })
    }
}

async fn connect(authority: &str) -> Result<SendRequest<Full<Bytes>>, String> {
    let stream = TcpStream::connect(authority)
        .await
        .map_err(|error| error.to_string())?;
    stream
        .set_nodelay(true)
        .map_err(|error| error.to_string())?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(text)?;
    // It ends with its sender; how is told to whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(sender)
}

fn text(error: hyper::Error) -> String {
    error.to_string()
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The body as JSON; null where it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// The problem's code.
    #[must_use]
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// A header's value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}
