//! A proxy in front of a store, which answers in its place where it is told to.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// Nothing: it passes.
    None,
    /// It is answered with this status and this S3 code, and the store never sees it.
    Answer(u16, &'static str),
    /// It passes, and every etag of the answer becomes a weak one.
    WeakETag,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// `PUT`.
    pub method: String,
    /// Path and query.
    pub target: String,
}

type Judge = dyn Fn(&Seen) -> Harm + Send + Sync;

/// A proxy that lives as long as its test's runtime.
#[derive(Debug)]
pub struct Proxy {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Proxy {
    /// A proxy in front of the store at `http://127.0.0.1:PORT`; `judge` says what becomes of each request.
    pub async fn start(
        store_url: &str,
        judge: impl Fn(&Seen) -> Harm + Send + Sync + 'static,
    ) -> Self {
        let address = store_url.trim_start_matches("http://");
        let store: SocketAddr = address.parse().expect("an address");
        let listener = TcpListener::bind(("127.0.0.1", ports::free_port()));
        let listener = listener.await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("it listens"));
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (told, judge): (_, Arc<Judge>) = (Arc::clone(&seen), Arc::new(judge));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (told, judge) = (Arc::clone(&told), Arc::clone(&judge));
                tokio::spawn(async move {
                    // A connection that breaks is what attacks are made of.
                    drop(pass(client, store, (&told, &*judge)).await);
                });
            }
        });
        Self { url, seen }
    }

    /// How many requests so far were like that.
    pub fn count(&self, is_it: impl Fn(&Seen) -> bool) -> usize {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter(|seen| is_it(seen)).count()
    }
}

/// One request, one answer, one connection: so an answer ends where its connection does.
async fn pass(
    mut client: TcpStream,
    store: SocketAddr,
    (told, judge): (&Mutex<Vec<Seen>>, &Judge),
) -> std::io::Result<()> {
    let Some((head, mut body)) = head(&mut client).await? else {
        return Ok(());
    };
    let mut words = head.split(' ').map(str::to_owned);
    let seen = Seen {
        method: words.next().unwrap_or_default(),
        target: words.next().unwrap_or_default(),
    };
    let is_head = seen.method == "HEAD";
    let harm = judge(&seen);
    told.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(seen);
    let value = |wanted: &str| {
        let lines = head.lines().filter_map(|line| line.split_once(':'));
        let mut found = lines.filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.next().map(|(_, value)| value.trim().to_owned())
    };
    if value("expect").is_some() {
        client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let length = value("content-length").and_then(|text| text.parse().ok());
    let length: usize = length.unwrap_or(0);
    let mut chunk = vec![0; 64 << 10];
    while body.len() < length {
        let count = client.read(&mut chunk).await?;
        if count == 0 {
            return Ok(());
        }
        body.extend_from_slice(&chunk[..count]);
    }
    if let Harm::Answer(status, code) = harm {
        return client.write_all(&refusal(status, code, is_head)).await;
    }
    let mut upstream = TcpStream::connect(store).await?;
    upstream.set_nodelay(true)?;
    let kept = head.lines().filter(|line| {
        let name = line.split(':').next().unwrap_or_default();
        !name.eq_ignore_ascii_case("connection") && !name.eq_ignore_ascii_case("expect")
    });
    let kept: String = kept
        .filter(|line| !line.is_empty())
        .map(|line| format!("{line}\r\n"))
        .collect();
    upstream
        .write_all(format!("{kept}connection: close\r\n\r\n").as_bytes())
        .await?;
    upstream.write_all(&body).await?;
    let Some((head, rest)) = self::head(&mut upstream).await? else {
        return Ok(());
    };
    let head = match harm {
        Harm::WeakETag => weaken(&head),
        Harm::None | Harm::Answer(..) => head,
    };
    client.write_all(head.as_bytes()).await?;
    client.write_all(&rest).await?;
    tokio::io::copy(&mut upstream, &mut client).await?;
    Ok(())
}

/// A head with its empty line, and what came after it.
async fn head(from: &mut TcpStream) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            let head = String::from_utf8_lossy(&bytes).into_owned();
            return Ok(Some((head, rest)));
        }
        let count = from.read(&mut chunk).await?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk[..count]);
    }
}

fn refusal(status: u16, code: &str, is_head: bool) -> Vec<u8> {
    let body = match is_head {
        true => String::new(),
        false => format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>planned</Message></Error>"
        ),
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Planned\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

fn weaken(head: &str) -> String {
    let weak = |line: &str| match line.split_once(':') {
        Some((name, value)) if name.eq_ignore_ascii_case("etag") => {
            format!("{name}: W/{}\r\n", value.trim())
        }
        _ => format!("{line}\r\n"),
    };
    head.lines().map(weak).collect()
}
