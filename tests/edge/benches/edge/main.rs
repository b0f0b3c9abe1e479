//! How fast the Worker answers and starts, beside Workers that do next to nothing, in the same runtime and the same run.
//!
//! All run at once, each under a `wrangler dev --local` of its own, and take turns under the same load, so that whatever else
//! the machine does meets all alike. `cargo xtask bench edge [ROUNDS [SECONDS]]` builds the Workers and starts this.

mod figures;
mod load;
mod startup;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use edge_tests::{POLICY, SECRET, User, Workerd, token};
use serde_json::{Value, json};

use figures::{machine, median_of, print_rates};
use load::{CONNECTIONS, Contender, Load, Make};

/// How often each contender has its turn, where the command line says nothing.
const ROUNDS: usize = 5;
/// How long a turn is, in seconds.
const TURN_S: u64 = 4;
/// How long each is warmed up.
const WARM_UP: Duration = Duration::from_secs(2);
/// The part of the constant's rate that `status` and `sign-upload` are to reach.
const WANTED: f64 = 0.8;
/// Whose uploads they are.
const OWNER: &str = "bench";

const CONSTANT: &str = "a constant";
/// What no Worker that keeps records in D1 goes beyond.
const WRITE: &str = "one bare INSERT into D1";
const READ: &str = "one bare SELECT from D1";
const LINE: &str = "a constant, a line of log";

fn main() {
    // Cargo's own argument comes among them.
    let numbers: Vec<u64> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    let rounds = numbers.first().map_or(ROUNDS, |rounds| {
        usize::try_from(*rounds).expect("a number of rounds")
    });
    let turn = Duration::from_secs(numbers.get(1).copied().unwrap_or(TURN_S));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    println!("{}", machine());
    startup::measure(&policy(), rounds);
    runtime.block_on(throughput(rounds, turn));
    println!("\n{}", machine());
}

/// The policy of the black-box suite, with limits that are looked at and never reached.
fn policy() -> String {
    let limits = "[tier.default]\nquota = \"9000 TB\"\nsign_uploads_per_min = 1_000_000\n";
    POLICY.replace("[tier.default]\n", limits)
}

/// The Workers, all at once.
struct Workers {
    peers: Workerd,
    script: Workerd,
    consign: Workerd,
    /// As it is where nothing is said: with a line of log for each call.
    telling: Workerd,
}

impl Workers {
    fn start() -> Self {
        let peers = concat!(env!("CARGO_MANIFEST_DIR"), "/../edge-peers/migrations");
        let peers = json!({ "migrations": peers });
        let quiet = json!({ "vars": { "CONSIGN_DEV_SECRET": SECRET, "CONSIGN_LOG": "warn" } });
        Self {
            peers: start("CONSIGN_EDGE_PEERS", &peers),
            script: start("CONSIGN_EDGE_CONSTANT", &peers),
            consign: start("CONSIGN_EDGE", &quiet),
            telling: start("CONSIGN_EDGE", &json!({})),
        }
    }
}

fn start(variable: &str, more: &Value) -> Workerd {
    let mut options = json!({ "bare": true, "sweepSeconds": 0 });
    for (name, value) in more.as_object().expect("an object") {
        options[name] = value.clone();
    }
    Workerd::start(variable, &policy(), options)
}

/// A GET without a token.
fn get(path: &'static str) -> Make<'static> {
    Box::new(move || Load::of(Load::begin("GET", path), String::new()))
}

/// Asks for the status of an upload that is still pending.
async fn status(workerd: &Workerd) -> Make<'static> {
    let known = User::of(workerd, OWNER).sign("known.csv", 1000).await;
    let id = known["file_id"].as_str().expect("an id");
    let (path, bearer) = (format!("/files/{id}/status"), bearer());
    Box::new(move || {
        let request = Load::begin("GET", &path).header("authorization", &bearer);
        Load::of(request, String::new())
    })
}

/// Signs one upload after the other, each with an `Idempotency-Key` of its own where that is wanted.
fn sign<'a>(count: &'a AtomicU64, with_key: bool) -> Make<'a> {
    let bearer = bearer();
    Box::new(move || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let body = json!({
            "filename": format!("table-{number}.csv"),
            "content_type": "text/csv",
            "file_size_bytes": 1000 + number % 1000,
        });
        let mut request = Load::begin("POST", "/files/sign_upload")
            .header("authorization", &bearer)
            .header("content-type", "application/json");
        if with_key {
            request = request.header("idempotency-key", format!("key-{number}"));
        }
        Load::of(request, body.to_string())
    })
}

fn bearer() -> String {
    format!("Bearer {}", token(OWNER))
}

async fn throughput(rounds: usize, turn: Duration) {
    let workers = Workers::start();
    let Workers {
        peers,
        script,
        consign,
        telling,
    } = &workers;
    let count = AtomicU64::new(0);
    let insert: Make<'_> = Box::new(|| Load::of(Load::begin("POST", "/"), String::new()));
    let mut contenders = [
        Contender::new(CONSTANT, peers, get("/")),
        Contender::new("a constant, in JavaScript", script, get("/")),
        Contender::new(WRITE, peers, insert),
        Contender::new(READ, peers, get("/row")),
        Contender::new("status", consign, status(consign).await).over(READ),
        Contender::new("sign-upload", consign, sign(&count, false)).over(WRITE),
        Contender::new("sign-upload, Idempotency-Key", consign, sign(&count, true)).over(WRITE),
        Contender::new(LINE, peers, get("/line")),
        Contender::new("status, a line of log", telling, status(telling).await),
        Contender::new("sign-upload, a line of log", telling, sign(&count, false)),
    ];
    for contender in &contenders {
        contender.rate(WARM_UP).await;
    }
    for round in 0..rounds {
        // Nobody is always the first.
        contenders.rotate_left(usize::from(round > 0));
        for contender in &mut contenders {
            let rate = contender.rate(turn).await;
            contender.rates.push(rate);
        }
    }
    let turned = rounds.saturating_sub(1) % contenders.len();
    contenders.rotate_right(turned);
    println!(
        "\nRequests per second over {CONNECTIONS} connections, {rounds} rounds of {} s each:",
        turn.as_secs()
    );
    let (quiet, telling) = contenders.split_at(7);
    print_rates(quiet, CONSTANT);
    println!("\nWhere each request is a line of log, which `wrangler dev` takes long over:");
    print_rates(telling, LINE);
    for name in ["status", "sign-upload"] {
        judge(&contenders, name, CONSTANT);
    }
}

/// Says whether one reaches what is wanted.
fn judge(contenders: &[Contender<'_>], name: &str, constant: &str) {
    let ratio = median_of(contenders, name) / median_of(contenders, constant);
    let word = if ratio >= WANTED { "reached" } else { "missed" };
    println!("\n{name}: {ratio:.2} of {constant}; {WANTED} {word}");
}
