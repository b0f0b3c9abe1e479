//! Requests per second of `sign-upload` over records in memory, and of a bare function, behind cargo-lambda's runtime
//! interface. Run by `cargo xtask bench lambda`, which builds both programs as they are deployed.
//!
//! All get the same requests by as many connections, in turns. A ratio is the median of those of the single rounds: what else
//! the machine does in a round, it does to all.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a benchmark reads what it is run against, measures time, and ends where it cannot go on"
)]

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::Utc;
use consign_core::auth::{NewToken, mint_hs256};
use futures_util::future::join_all;
use reqwest::{Client, StatusCode};
use serde_json::json;
use tokio::net::TcpStream;

const SECRET: &str = "the-benchmark-signs-its-tokens-with-this";
const POLICY: &str = r#"
[auth]
issuer = "consign"
audience = "consign"

[[auth.keys]]
alg = "HS256"
secret_env = "CONSIGN_TOKEN_SECRET"

[store]
provider = "s3"
region = "eu-west-1"

[category.dataset]
default = true
bucket = "uploads"
key = "uploads/{owner}/{file_id}.{ext}"
output = "datasets/{owner}/{file_id}/v{version}.{ext}"
extensions = ["csv"]
ingest = "tabular"
size_max = "1 GB"

[tier.default]
file_size_max = "1 GB"
quota = "1000000 GB"
sign_uploads_per_min = 1000000
"#;

const CONNECTIONS: usize = 4;
const ROUNDS: usize = 61;
/// Time for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
const TURN: Duration = Duration::from_millis(500);
/// The target that this project set itself.
const RATIO_MIN: f64 = 0.85;

/// A program that ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

struct Contender {
    name: &'static str,
    url: String,
    expected: StatusCode,
    rates: Vec<f64>,
    _program: Running,
}

#[tokio::main]
async fn main() {
    rustls::crypto::ring::default_provider()
        .install_default()
        .expect("nobody was before us");
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("consign.toml");
    std::fs::write(&policy, POLICY).unwrap();

    // 1. The runtime interface, and the functions behind it.
    let port = ports::free_port();
    let interface = format!("http://127.0.0.1:{port}");
    let _runtime = runtime(port);
    // A function that is not there is waited for.
    let http = Client::builder().no_proxy().timeout(PATIENCE);
    let http = http.build().unwrap();
    // A request would wait for a function.
    while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut contenders = [
        ("bare-lambda", StatusCode::OK),
        ("bare-long", StatusCode::OK),
        ("sign-upload-memory", StatusCode::CREATED),
    ]
    .map(|(name, expected)| Contender {
        name,
        url: format!("{interface}/lambda-url/{name}/files/sign_upload"),
        expected,
        rates: Vec::new(),
        _program: launch(name, &interface, &policy),
    });

    // 2. Turns. The first is for warming up.
    let load = Load::new(http);
    for contender in &contenders {
        load.rate(contender).await;
    }
    for _ in 0..ROUNDS {
        for contender in &mut contenders {
            let rate = load.rate(contender).await;
            contender.rates.push(rate);
        }
    }

    // 3. The report.
    let [bare, long, ours] = contenders.map(|contender| {
        println!(
            "{:20} {:8.0} requests/s",
            contender.name,
            median(contender.rates.clone())
        );
        contender.rates
    });
    let to_bare = ratio(&ours, &bare);
    let verdict = if to_bare >= RATIO_MIN {
        "met"
    } else {
        "missed"
    };
    println!("sign-upload to bare: {to_bare:.2} (target: at least {RATIO_MIN}, {verdict})");
    let to_long = ratio(&ours, &long);
    println!("sign-upload to a bare function with an answer as long: {to_long:.2}");
}

/// The median of the rounds' ratios.
fn ratio(ours: &[f64], theirs: &[f64]) -> f64 {
    let ratios = ours.iter().zip(theirs);
    median(ratios.map(|(ours, theirs)| ours / theirs).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn needed(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| unreachable!("{name} is not set: run `cargo xtask bench lambda`"))
}

fn runtime(port: u16) -> Running {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut command = Command::new(needed("CONSIGN_CARGO_LAMBDA"));
    command
        .current_dir(root)
        .args(["lambda", "watch", "--only-lambda-apis", "--ignore-changes"])
        .args(["-A", "127.0.0.1", "-P", &port.to_string()]);
    start(command)
}

fn launch(name: &str, interface: &str, policy: &Path) -> Running {
    let mut command = Command::new(Path::new(&needed("CONSIGN_LAMBDA_DIR")).join(name));
    command
        .env("AWS_LAMBDA_RUNTIME_API", format!("{interface}/.rt/{name}"))
        .env("AWS_LAMBDA_FUNCTION_NAME", name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "not-a-secret")
        .env("CONSIGN_CONFIG", policy)
        .env("CONSIGN_QUEUE_URL", "http://127.0.0.1:9/queue")
        .env("CONSIGN_TOKEN_SECRET", SECRET);
    start(command)
}

fn start(mut command: Command) -> Running {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    Running(command.spawn().expect("the program starts"))
}

/// The same requests for everyone.
struct Load {
    http: Client,
    token: String,
    body: String,
}

impl Load {
    fn new(http: Client) -> Self {
        let token = NewToken {
            issuer: "consign",
            audience: "consign",
            owner: "org_7Q4",
            tier: None,
            kid: None,
            issued_at: Utc::now(),
            life_s: 3600,
        };
        let token = mint_hs256(SECRET.as_bytes(), &token).expect("the secret is long");
        let body = json!({
            "filename": "flights.csv", "content_type": "text/csv", "file_size_bytes": 73_400_320, "strategy": "put",
        });
        Self {
            http,
            token,
            body: body.to_string(),
        }
    }

    /// Requests per second in one turn.
    async fn rate(&self, contender: &Contender) -> f64 {
        let start = Instant::now();
        let until = start + TURN;
        let connections = (0..CONNECTIONS).map(|_| async {
            let mut answered = 0_u32;
            while Instant::now() < until {
                self.request(contender).await;
                answered += 1;
            }
            answered
        });
        let answered: u32 = join_all(connections).await.into_iter().sum();
        f64::from(answered) / start.elapsed().as_secs_f64()
    }

    async fn request(&self, contender: &Contender) {
        let request = self.http.post(&contender.url).bearer_auth(&self.token);
        let request = request.header("content-type", "application/json");
        let answer = request.body(self.body.clone()).send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert_eq!(status, contender.expected, "{}: {text}", contender.name);
    }
}
