//! A connection that is written to byte by byte.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The longest head that is waited for.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// A connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    /// What was read and not asked for yet.
    ahead: Vec<u8>,
}

impl Raw {
    /// Connects to `127.0.0.1:PORT`, as `http://127.0.0.1:PORT` names it.
    ///
    /// # Errors
    /// When nobody listens there, or nobody may connect any more.
    pub async fn connect(base_url: &str) -> std::io::Result<Self> {
        let address = base_url.trim_start_matches("http://");
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            ahead: Vec::new(),
        })
    }

    /// Writes all of it; a connection that the other side closed takes it or not.
    pub async fn write(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).await.is_ok()
    }

    /// The head of the next answer and as much of its body as its length says; `None` where the connection ends or nothing comes
    /// within `limit`.
    pub async fn answer(&mut self, limit: Duration) -> Option<String> {
        tokio::time::timeout(limit, self.read()).await.ok()?
    }

    async fn read(&mut self) -> Option<String> {
        let head_bytes = loop {
            let end = self.ahead.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                break end + 4;
            }
            if self.ahead.len() > HEAD_BYTES_MAX || self.more().await == 0 {
                return None;
            }
        };
        let head = String::from_utf8_lossy(&self.ahead[..head_bytes]).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            let is_length = name.eq_ignore_ascii_case("content-length");
            is_length.then(|| value.trim().parse::<usize>().ok())?
        });
        let all = head_bytes + length.unwrap_or(0);
        while self.ahead.len() < all && self.more().await > 0 {}
        let rest = self.ahead.split_off(all.min(self.ahead.len()));
        let answer = std::mem::replace(&mut self.ahead, rest);
        Some(String::from_utf8_lossy(&answer).into_owned())
    }

    /// Reads whatever comes until the other side ends the connection; whether it did within `limit`.
    pub async fn ends_within(&mut self, limit: Duration) -> bool {
        let until_end = async { while self.more().await > 0 {} };
        tokio::time::timeout(limit, until_end).await.is_ok()
    }

    async fn more(&mut self) -> usize {
        let mut chunk = [0; 16 << 10];
        let count = self.stream.read(&mut chunk).await.unwrap_or(0);
        self.ahead.extend_from_slice(&chunk[..count]);
        count
    }
}
