//! Slow clients against the listener, over real sockets.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper that fails must fail the test"
)]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use consign_listener::{BodyTooSlow, InReserve, Limits, Linger, Pace, RequestBody, serve};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The limits of these tests; long if a test does not depend on them.
fn limits() -> Limits {
    Limits {
        connections_max: 4,
        reserve: 1,
        head_bytes_max: 16 << 10,
        head: LONG,
        idle: LONG,
        body: Pace {
            pause: LONG,
            grace: LONG,
            bytes_per_s_min: 1,
        },
        write_stall: LONG,
        linger: Linger {
            bytes_max: 64 << 20,
            time: LONG,
        },
        shutdown: SHORT,
    }
}

const SHORT: Duration = Duration::from_millis(300);
/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

/// Reads the body at `/read`, never answers at `/hang`, and otherwise answers without reading the body.
async fn answer(request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    let text = |status, text: &'static str| {
        let mut response = Response::new(Full::from(text));
        *response.status_mut() = status;
        response
    };
    if request.extensions().get::<InReserve>().is_some() {
        return Ok(text(StatusCode::SERVICE_UNAVAILABLE, "reserve"));
    }
    Ok(match request.uri().path() {
        "/read" => match request.into_body().collect().await {
            Ok(_) => text(StatusCode::OK, "read"),
            Err(error) if error.is::<BodyTooSlow>() => text(StatusCode::REQUEST_TIMEOUT, "slow"),
            Err(_) => text(StatusCode::BAD_REQUEST, "broken"),
        },
        "/hang" => std::future::pending().await,
        "/large" => Response::new(Full::from(vec![0; 64 << 20])),
        _ => text(StatusCode::UNAUTHORIZED, "refused"),
    })
}

struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

async fn start(limits: Limits) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(
        listener,
        tower::service_fn(answer),
        limits,
        stop.clone(),
    ));
    Server {
        address,
        stop,
        served,
    }
}

impl Server {
    async fn send(&self, text: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream
    }
}

/// Returns what arrives until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut text));
    // A reset ends it as well.
    let _ = read.await.expect("the connection is closed");
    String::from_utf8_lossy(&text).into_owned()
}

/// Returns the next bytes.
async fn next(stream: &mut TcpStream) -> String {
    let mut text = vec![0; 4096];
    let length = stream.read(&mut text).await.unwrap();
    String::from_utf8_lossy(&text[..length]).into_owned()
}

#[tokio::test]
async fn half_a_head_is_cut_off() {
    let server = start(Limits {
        head: SHORT,
        ..limits()
    })
    .await;
    let mut silent = server.send("").await;
    let mut half = server.send("GET / HTTP/1.1\r\nhost: a\r\n").await;
    assert_eq!(rest(&mut half).await, "");
    // A connection that sent nothing has the longer idle timeout, as between two requests.
    silent
        .write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    assert!(next(&mut silent).await.starts_with("HTTP/1.1 401"));
    tokio::time::sleep(SHORT * 2).await;
    silent.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn a_pause_between_requests_ends() {
    let server = start(Limits {
        idle: SHORT,
        ..limits()
    })
    .await;
    let mut silent = server.send("").await;
    let mut once = server.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(next(&mut once).await.starts_with("HTTP/1.1 401"));
    assert_eq!(rest(&mut once).await, "");
    assert_eq!(rest(&mut silent).await, "");
}

#[tokio::test]
async fn half_a_body_is_answered_and_cut_off() {
    let pace = Pace {
        pause: SHORT,
        ..limits().body
    };
    let server = start(Limits {
        body: pace,
        linger: Linger {
            time: SHORT,
            ..limits().linger
        },
        ..limits()
    })
    .await;
    let head = "POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n";
    let mut half = server.send(&format!("{head}half")).await;
    let answered = rest(&mut half).await;
    assert!(answered.starts_with("HTTP/1.1 408"), "{answered}");
    assert!(answered.contains("connection: close"), "{answered}");
}

#[tokio::test]
async fn a_body_that_trickles_is_cut_off() {
    let pace = Pace {
        grace: SHORT,
        bytes_per_s_min: 1 << 20,
        ..limits().body
    };
    let server = start(Limits {
        body: pace,
        ..limits()
    })
    .await;
    let head = "POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n";
    let (mut read, mut write) = server.send(head).await.into_split();
    let trickle = tokio::spawn(async move {
        while write.write_all(b"a").await.is_ok() {
            tokio::time::sleep(SHORT / 10).await;
        }
    });
    let mut answer = [0; 12];
    read.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    trickle.abort();
}

#[tokio::test]
async fn a_client_that_reads_no_answer_is_cut_off() {
    let server = start(Limits {
        connections_max: 1,
        reserve: 0,
        write_stall: SHORT,
        ..limits()
    })
    .await;
    let _reads_nothing = server.send("GET /large HTTP/1.1\r\nhost: a\r\n\r\n").await;
    // The slot is free again after the disconnect.
    loop {
        let mut other = server.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let mut first = [0; 12];
        if other.read_exact(&mut first).await.is_ok() {
            return assert_eq!(&first, b"HTTP/1.1 401");
        }
    }
}

#[tokio::test]
async fn silent_connections_make_room_the_oldest_first() {
    let server = start(limits()).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(server.send("").await);
    }
    let mut asking = server.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(next(&mut asking).await.starts_with("HTTP/1.1 401"));
    assert_eq!(rest(&mut silent[0]).await, "");
    // The most recent one is still open.
    let last = silent.last_mut().unwrap();
    last.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        .await
        .unwrap();
    assert!(next(last).await.starts_with("HTTP/1.1 401"));
}

#[tokio::test]
async fn a_request_while_all_are_busy_is_answered_from_the_reserve() {
    let server = start(limits()).await;
    let mut busy = Vec::new();
    for _ in 0..limits().connections_max {
        busy.push(server.send("GET /hang HTTP/1.1\r\nhost: a\r\n\r\n").await);
    }
    // The slot of the reserve goes to the last request.
    for _ in 0..3 {
        let _silent = server.send("").await;
        let mut asking = server.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        let answered = rest(&mut asking).await;
        assert!(answered.starts_with("HTTP/1.1 503") && answered.ends_with("reserve"));
    }
}

#[tokio::test]
async fn a_stop_ends_with_half_a_head_and_a_request_that_never_ends() {
    let server = start(limits()).await;
    let mut idle = server.send("").await;
    let mut half = server.send("GET / HTTP/1.1\r\n").await;
    let mut endless = server.send("GET /hang HTTP/1.1\r\nhost: a\r\n\r\n").await;
    tokio::time::sleep(SHORT).await;
    server.stop.cancel();
    server.served.await.unwrap();
    for stream in [&mut idle, &mut half, &mut endless] {
        assert_eq!(rest(stream).await, "");
    }
}

#[tokio::test]
async fn a_request_under_way_is_answered_after_the_stop() {
    let server = start(Limits {
        shutdown: LONG,
        ..limits()
    })
    .await;
    let head = "POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\n";
    let mut under_way = server.send(&format!("{head}ha")).await;
    tokio::time::sleep(SHORT).await;
    server.stop.cancel();
    under_way.write_all(b"lf").await.unwrap();
    let answered = rest(&mut under_way).await;
    assert!(answered.starts_with("HTTP/1.1 200"), "{answered}");
    server.served.await.unwrap();
}

#[tokio::test]
async fn what_follows_a_refused_body_is_not_taken_for_it() {
    let server = start(limits()).await;
    // After a refusal, a client that waits for `100 Continue` sends its next request instead of the body.
    let head = "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 40\r\nexpect: 100-continue\r\n\r\n";
    let mut refused = server.send(head).await;
    let answered = next(&mut refused).await;
    assert!(answered.starts_with("HTTP/1.1 401"), "{answered}");
    assert!(answered.contains("connection: close"), "{answered}");
    let _ = refused
        .write_all(b"GET /read HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    let _ = refused.shutdown().await;
    assert_eq!(rest(&mut refused).await, "", "nothing more is answered");
}

#[tokio::test]
async fn a_client_that_still_sends_a_refused_body_gets_the_answer() {
    let server = start(limits()).await;
    let head = "PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 33554432\r\n\r\n";
    let mut sending = server.send(head).await;
    sending.write_all(&vec![0; 32 << 20]).await.unwrap();
    let mut answered = String::new();
    sending.read_to_string(&mut answered).await.unwrap();
    assert!(answered.starts_with("HTTP/1.1 401"), "{answered}");
}

#[tokio::test]
async fn a_connection_goes_on_after_a_body_that_was_read() {
    let server = start(limits()).await;
    let head = "POST /read HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n";
    let mut stream = server.send(&format!("{head}ok")).await;
    for _ in 0..3 {
        let answered = next(&mut stream).await;
        assert!(answered.starts_with("HTTP/1.1 200") && !answered.contains("connection"));
        stream
            .write_all(format!("{head}ok").as_bytes())
            .await
            .unwrap();
    }
}
