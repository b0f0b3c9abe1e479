//! A proxy between a client and a server that speaks AWS's JSON protocols: it spoils the requests it is told to.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Harm {
    /// The connection ends before the server saw it.
    CutBefore,
    /// The server does it, and the connection ends in place of the answer.
    CutAfter,
    /// The server does it, and no answer ever comes.
    Stall,
    /// It is answered with this status and error code, and the server never sees it.
    Answer(u16, &'static str),
    /// It is answered that another transaction is at its items, and the server never sees it.
    Conflict,
    /// It is answered as the last one of its operation was, and the server never sees it: an index that is late.
    Again,
}

#[derive(Debug)]
struct Planned {
    operation: &'static str,
    harm: Harm,
    times: usize,
}

#[derive(Debug, Default)]
struct Plan {
    planned: Vec<Planned>,
    seen: Vec<String>,
    last: HashMap<String, Vec<u8>>,
}

/// A proxy that lives as long as its test's runtime.
#[derive(Debug)]
pub struct Proxy {
    pub address: SocketAddr,
    plan: Arc<Mutex<Plan>>,
}

fn lock(plan: &Mutex<Plan>) -> MutexGuard<'_, Plan> {
    plan.lock().unwrap()
}

impl Proxy {
    /// A proxy in front of `server`.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let plan = Arc::<Mutex<Plan>>::default();
        let shared = Arc::clone(&plan);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let plan = Arc::clone(&shared);
                tokio::spawn(async move {
                    // A connection that breaks is what this is for.
                    let _ = serve(client, server, &plan).await;
                });
            }
        });
        Self { address, plan }
    }

    /// Spoils the next `times` requests of `operation`; several plans for one follow each other.
    pub fn plan(&self, operation: &'static str, harm: Harm, times: usize) {
        lock(&self.plan).planned.push(Planned {
            operation,
            harm,
            times,
        });
    }

    /// Lets everything pass from now on.
    pub fn clear(&self) {
        lock(&self.plan).planned.clear();
    }

    /// How many requests of `operation` came so far.
    pub fn seen(&self, operation: &str) -> usize {
        let plan = lock(&self.plan);
        plan.seen.iter().filter(|seen| *seen == operation).count()
    }

    /// Whether everything that was planned came about.
    pub fn is_spent(&self) -> bool {
        lock(&self.plan).planned.is_empty()
    }
}

impl Plan {
    fn strike(&mut self, operation: &str) -> Option<Harm> {
        self.seen.push(operation.to_owned());
        let planned = self.planned.iter_mut();
        let planned = planned.into_iter().find(|p| p.operation == operation)?;
        let harm = planned.harm;
        planned.times -= 1;
        self.planned.retain(|planned| planned.times > 0);
        Some(harm)
    }
}

/// One message of HTTP/1.1 with its length in the head, as clients and servers of these protocols write them.
struct Message {
    bytes: Vec<u8>,
    head: String,
}

async fn read(from: &mut TcpStream) -> std::io::Result<Option<Message>> {
    const END: &[u8] = b"\r\n\r\n";
    let mut bytes = Vec::new();
    let mut chunk = [0; 64 << 10];
    let mut wanted = None;
    loop {
        if let Some((head_len, body_len)) = wanted
            && bytes.len() >= head_len + body_len
        {
            let head = String::from_utf8_lossy(&bytes[..head_len]).into_owned();
            return Ok(Some(Message { bytes, head }));
        }
        let count = from.read(&mut chunk).await?;
        if count == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&chunk[..count]);
        if wanted.is_none()
            && let Some(end) = bytes.windows(END.len()).position(|window| window == END)
        {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = header(&head, "content-length").and_then(|text| text.parse().ok());
            let length: usize = length.unwrap_or_else(|| {
                assert_eq!(
                    header(&head, "transfer-encoding"),
                    None,
                    "chunks are not read here"
                );
                0
            });
            wanted = Some((end + END.len(), length));
        }
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

fn answer(status: u16, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Planned\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

const CONFLICT: &str = r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
    "Message":"planned","CancellationReasons":[{"Code":"None"},{"Code":"TransactionConflict","Message":"planned"}]}"#;

async fn serve(
    mut client: TcpStream,
    server: SocketAddr,
    plan: &Mutex<Plan>,
) -> std::io::Result<()> {
    while let Some(request) = read(&mut client).await? {
        let target = header(&request.head, "x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let harm = lock(plan).strike(operation);
        let planned = match harm {
            Some(Harm::CutBefore) => return Ok(()),
            Some(Harm::Answer(status, code)) => {
                let body =
                    format!("{{\"__type\":\"com.amazonaws#{code}\",\"message\":\"planned\"}}");
                Some(answer(status, &body))
            }
            Some(Harm::Conflict) => Some(answer(400, CONFLICT)),
            Some(Harm::Again) => lock(plan).last.get(operation).cloned(),
            Some(Harm::CutAfter | Harm::Stall) | None => None,
        };
        if let Some(planned) = planned {
            client.write_all(&planned).await?;
            continue;
        }
        let mut upstream = TcpStream::connect(server).await?;
        upstream.write_all(&request.bytes).await?;
        let Some(answer) = read(&mut upstream).await? else {
            return Ok(());
        };
        match harm {
            Some(Harm::CutAfter) => return Ok(()),
            Some(Harm::Stall) => std::future::pending().await,
            Some(Harm::CutBefore | Harm::Answer(..) | Harm::Conflict | Harm::Again) | None => {}
        }
        client.write_all(&answer.bytes).await?;
        lock(plan).last.insert(operation.to_owned(), answer.bytes);
    }
    Ok(())
}
