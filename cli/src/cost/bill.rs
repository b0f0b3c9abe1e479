//! Turns port calls into what AWS and Cloudflare bill.

use std::collections::BTreeMap;

use super::calls::{Build, Facts, count, fact};
use super::prices::Durations;

/// The memory of the functions in `template.yaml`, in GB: those of the API, and the ingest.
const API_GB: f64 = 0.25;
const INGEST_GB: f64 = 2.0;
/// A message is sent, received and deleted. Both queues bill each.
const REQUESTS_PER_MESSAGE: f64 = 3.0;
/// The minutes of a month of 30 days. The sweep runs once a minute.
pub(super) const MINUTES: f64 = 30.0 * 24.0 * 60.0;
/// Receives of an empty queue in a minute: Lambda polls with five connections, each for up to 20 s.
const EMPTY_RECEIVES: f64 = 15.0;
/// A D1 insert reads the idempotency key and the account, each by its key.
const INSERT_ROWS_READ: f64 = 3.0;
/// The rows of an idempotency key: itself and its two indexes, written, and removed at its end.
const IDEMPOTENCY_ROWS: f64 = 6.0;

/// Where consign runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Host {
    Aws,
    Cloudflare,
}

impl Host {
    pub(super) const ALL: [Self; 2] = [Self::Aws, Self::Cloudflare];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Cloudflare => "Cloudflare",
        }
    }
}

/// Amounts of what a host bills, by the names of the price list.
pub(super) type Amounts = BTreeMap<&'static str, f64>;

/// What is billed as time is no operation.
pub(super) const TIMES: [&str; 2] = ["Lambda GB-seconds", "Workers CPU milliseconds"];

/// Returns the number of billed operations.
pub(super) fn operations(amounts: &Amounts) -> f64 {
    let counted = amounts.iter().filter(|(name, _)| !TIMES.contains(name));
    counted.map(|(_, amount)| amount).sum()
}

/// Adds amounts, each multiplied.
pub(super) fn add(sum: &mut Amounts, amounts: &Amounts, times: f64) {
    for (name, amount) in amounts {
        *sum.entry(name).or_default() += amount * times;
    }
}

/// Returns what a step bills. `bytes` are those that its messages read.
pub(super) fn step(
    host: Host,
    build: &Build,
    facts: &Facts,
    durations: &Durations,
    bytes: f64,
) -> Amounts {
    let mut amounts = match host {
        Host::Aws => aws(build, facts, durations, bytes),
        Host::Cloudflare => cloudflare(build, facts, durations, bytes),
    };
    amounts.retain(|_, amount| *amount > 0.0);
    amounts
}

fn sum(facts: &Facts, names: &[&str]) -> f64 {
    names.iter().map(|name| fact(facts, name)).sum()
}

/// The requests that both stores bill as writes. Those of clients are billed like those of functions. DELETE and abort are
/// free.
const WRITES: [&str; 7] = [
    "client_puts",
    "put",
    "finish",
    "copy",
    "begin",
    "parts",
    "complete",
];

fn aws(build: &Build, facts: &Facts, durations: &Durations, bytes: f64) -> Amounts {
    let of = |name| fact(facts, name);
    let dynamodb = &build.dynamodb;
    // A transaction costs twice its writes. Indexes are written after it, at the usual price. Every item beside the
    // record has less than 1 KB. Records have less than 4 KB, so that a consistent read is one unit.
    let inserts = of("insert_pending");
    let transacted = of("item_kb_inserted")
        + inserts * count(dynamodb.insert_items)
        + of("item_kb_transacted")
        + of("account_moves")
        + of("purges");
    let indexes = inserts + of("due_index_entries") + of(&dynamodb.owner_index);
    let writes = 2.0 * transacted + of("item_kb_saved") + indexes;
    let reads = sum(facts, &["find", "find_all", "bucket_identity"])
        + of("find_by_object") * count(dynamodb.find_by_object_reads);
    let api_s = durations.api_ms / 1000.0;
    let ingest_s = of("messages") * durations.message_ms / 1000.0 + bytes / durations.bytes_per_s;
    Amounts::from([
        ("DynamoDB write request units", writes),
        ("DynamoDB read request units", reads),
        ("S3 PUT, COPY and LIST requests", sum(facts, &WRITES)),
        (
            "S3 GET and HEAD requests",
            sum(facts, &["head", "get", "client_gets"]),
        ),
        ("SQS requests", of("messages") * REQUESTS_PER_MESSAGE),
        ("Lambda requests", of("requests") + of("messages")),
        ("API Gateway requests", of("requests")),
        (
            "Lambda GB-seconds",
            of("requests") * api_s * API_GB + ingest_s * INGEST_GB,
        ),
    ])
}

fn cloudflare(build: &Build, facts: &Facts, durations: &Durations, bytes: f64) -> Amounts {
    let of = |name| fact(facts, name);
    let d1 = &build.d1;
    let inserts = of("insert_pending");
    // The account is one row.
    let written = inserts * (count(d1.insert_rows) + 1.0 + IDEMPOTENCY_ROWS)
        + of("save") * count(d1.save_rows)
        + of("account_moves");
    let read = inserts * INSERT_ROWS_READ
        + sum(
            facts,
            &[
                "find",
                "find_all",
                "find_by_object",
                "save",
                "bucket_identity",
            ],
        );
    // `shared/cloudflare/src/r2/multipart.rs`: a completion sends a HEAD request first.
    let class_b = ["head", "get", "client_gets", "complete"];
    let cpu_ms = of("requests") * durations.worker_api_cpu_ms
        + of("messages") * durations.worker_message_cpu_ms
        + 1000.0 * bytes / durations.bytes_per_s;
    Amounts::from([
        ("Workers requests", of("requests") + of("messages")),
        ("Workers CPU milliseconds", cpu_ms),
        ("D1 rows written", written),
        ("D1 rows read", read),
        ("R2 class A operations", sum(facts, &WRITES)),
        ("R2 class B operations", sum(facts, &class_b)),
        ("Queues operations", of("messages") * REQUESTS_PER_MESSAGE),
    ])
}

/// Returns what a month without uploads bills: the sweep, and on AWS the polling of the queue.
pub(super) fn idle(host: Host, build: &Build, durations: &Durations) -> Amounts {
    let mut amounts = Amounts::new();
    add(
        &mut amounts,
        &step(host, build, &build.idle, durations, 0.0),
        MINUTES,
    );
    let more = match host {
        Host::Aws => Amounts::from([
            (
                "DynamoDB read request units",
                count(build.dynamodb.due_reads),
            ),
            ("Lambda requests", 1.0),
            (
                "Lambda GB-seconds",
                durations.message_ms / 1000.0 * INGEST_GB,
            ),
            ("SQS requests", EMPTY_RECEIVES),
            ("EventBridge Scheduler invocations", 1.0),
        ]),
        Host::Cloudflare => Amounts::from([
            ("D1 rows read", count(build.d1.due_lines)),
            ("Workers requests", 1.0),
            ("Workers CPU milliseconds", durations.worker_message_cpu_ms),
        ]),
    };
    add(&mut amounts, &more, MINUTES);
    amounts
}
