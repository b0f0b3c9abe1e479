//! The load: connections that are kept, each of which asks again as soon as it was answered.

use std::time::{Duration, Instant};

use bytes::Bytes;
use edge_tests::Workerd;
use http::{Request, StatusCode, request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How many ask at once.
pub(crate) const CONNECTIONS: usize = 16;

/// A request to be sent.
pub(crate) struct Load(Request<Full<Bytes>>);

impl Load {
    /// The beginning of one.
    pub(crate) fn begin(method: &str, path: &str) -> request::Builder {
        Request::builder().method(method).uri(path)
    }

    /// All of it.
    pub(crate) fn of(request: request::Builder, body: String) -> Self {
        Self(request.body(Full::from(body)).expect("a request"))
    }
}

/// Makes the next request.
pub(crate) type Make<'a> = Box<dyn Fn() -> Load + 'a>;

/// A Worker that is asked for one thing again and again.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    /// Requests per second, round by round.
    pub(crate) rates: Vec<f64>,
    /// The name of what does the same with D1 and nothing else.
    pub(crate) floor: Option<&'static str>,
    address: String,
    make: Make<'a>,
}

impl<'a> Contender<'a> {
    pub(crate) fn new(name: &'static str, workerd: &Workerd, make: Make<'a>) -> Self {
        Self {
            name,
            rates: Vec::new(),
            floor: None,
            address: workerd.url.trim_start_matches("http://").to_owned(),
            make,
        }
    }

    /// The same, with a floor.
    pub(crate) fn over(mut self, floor: &'static str) -> Self {
        self.floor = Some(floor);
        self
    }

    /// Asks for as long as that; the answers per second.
    pub(crate) async fn rate(&self, turn: Duration) -> f64 {
        let start = now();
        let asking = (0..CONNECTIONS).map(|_| self.ask(start, turn));
        let answers: Vec<u32> = futures_util::future::join_all(asking).await;
        f64::from(answers.iter().sum::<u32>()) / start.elapsed().as_secs_f64()
    }

    /// One connection; how many answers it had.
    async fn ask(&self, start: Instant, turn: Duration) -> u32 {
        let stream = TcpStream::connect(&self.address).await.expect("a Worker");
        stream.set_nodelay(true).expect("a socket");
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.expect("HTTP");
        let driver = tokio::spawn(connection);
        let mut answers = 0;
        while start.elapsed() < turn {
            self.once(&mut sender).await;
            answers += 1;
        }
        drop(sender);
        driver.await.expect("no panic").expect("a connection");
        answers
    }

    async fn once(&self, sender: &mut SendRequest<Full<Bytes>>) {
        let Load(mut request) = (self.make)();
        let host = self.address.parse().expect("a header's value");
        request.headers_mut().insert("host", host);
        let answer = sender.send_request(request).await.expect("an answer");
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("a whole answer");
        let wanted = status == StatusCode::OK || status == StatusCode::CREATED;
        assert!(wanted, "{status}: {:?}", body.to_bytes());
    }
}

#[expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
fn now() -> Instant {
    Instant::now()
}
